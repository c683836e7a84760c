package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// proc is a workload or a client that obeys lines.
type proc struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func spawn(path string, args ...string) (*proc, error) {
	p := &proc{cmd: exec.Command(path, args...)}
	p.cmd.Stderr = os.Stderr
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	o, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewScanner(o)
	return p, p.cmd.Start()
}

func (p *proc) line() (string, error) {
	if !p.out.Scan() {
		return "", fmt.Errorf("%s ended", filepath.Base(p.cmd.Path))
	}
	return p.out.Text(), nil
}

func (p *proc) ask(cmd string) (string, error) {
	if _, err := io.WriteString(p.in, cmd+"\n"); err != nil {
		return "", err
	}
	l, err := p.line()
	if err == nil && strings.HasPrefix(l, "error") {
		err = fmt.Errorf("%s: %s", cmd, l)
	}
	return l, err
}

func (p *proc) end() {
	p.in.Close()
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

type stat struct {
	Ops int64 `json:"ops"`
	CPU int64 `json:"cpu_ns"`
}

func (p *proc) stat() (s stat, err error) {
	l, err := p.ask("stat")
	if err == nil {
		err = json.Unmarshal([]byte(l), &s)
	}
	return
}

// attach starts the tool of a mode; the function ends it and gives status and words. Its pid is 0 where
// the mode needs none.
func (b *bench) attach(p *proc, mode string) (int, func() (int, string), error) {
	pid := p.cmd.Process.Pid
	var c *exec.Cmd
	out := filepath.Join(b.dir, "out")
	switch mode {
	case "bare":
		return 0, func() (int, string) { return 0, "" }, nil
	case "trace":
		if _, err := p.ask("trace"); err != nil {
			return 0, nil, err
		}
		return 0, func() (int, string) { p.ask("endtrace"); return 0, "" }, nil
	case "bpftrace":
		c = exec.Command("bpftrace", "-o", "/dev/null", "-p", fmt.Sprint(pid), "-e", fmt.Sprintf(
			`uprobe:/proc/%d/exe:"runtime.casgstatus" { printf("%%d %%d %%x %%d %%d %%s\n", nsecs, tid, reg("ax"), reg("bx"), reg("cx"), ustack) }`, pid))
	default:
		c = exec.Command(b.tool, append([]string{"-p", fmt.Sprint(pid), "-o", out}, b.flags[mode]...)...)
	}
	var words strings.Builder
	c.Stdout, c.Stderr = &words, &words
	if err := c.Start(); err != nil {
		return 0, nil, err
	}
	done := make(chan struct{})
	go func() { c.Wait(); close(done) }()
	for begin := time.Now(); !linked(c.Process.Pid, pid, mode == "bpftrace"); time.Sleep(10 * time.Millisecond) {
		select {
		case <-done:
			return 0, nil, fmt.Errorf("%s ended: %s", mode, words.String())
		default:
		}
		if time.Since(begin) > 30*time.Second {
			c.Process.Kill()
			<-done
			return 0, nil, fmt.Errorf("%s does not attach: %s", mode, words.String())
		}
	}
	time.Sleep(150 * time.Millisecond) // for arming and the snapshot
	return c.Process.Pid, func() (int, string) {
		c.Process.Signal(os.Interrupt)
		select {
		case <-done:
		case <-time.After(60 * time.Second):
			c.Process.Kill()
			<-done
		}
		os.Remove(out)
		return c.ProcessState.ExitCode(), words.String()
	}, nil
}

// linked: a process has attached a probe to the target, or any at all. Links to itself or to nobody
// come before: with them the recorder measures its prices.
func linked(pid, target int, any bool) bool {
	proc := fmt.Sprintf("/proc/%d/", pid)
	fds, _ := os.ReadDir(proc + "fd")
	for _, fd := range fds {
		l, _ := os.Readlink(proc + "fd/" + fd.Name())
		if !strings.Contains(l, "bpf_link") && !strings.Contains(l, "perf_event") {
			continue
		}
		info, _ := os.ReadFile(proc + "fdinfo/" + fd.Name())
		if any || strings.Contains(string(info), fmt.Sprintf("pid:\t%d\n", target)) {
			return true
		}
	}
	return false
}
