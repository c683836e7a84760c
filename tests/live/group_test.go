package live

import "syscall"

// ownGroup and killGroup: "go tool" runs the tool as its child, which must end with it.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func killGroup(pid int) { syscall.Kill(-pid, syscall.SIGKILL) }
