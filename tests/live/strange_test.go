package live

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"live/lab"
)

// library builds testdata/library and a C program around it in dir; mode is c-shared or c-archive.
func library(t *testing.T, dir, mode string) (lib, host string) {
	t.Helper()
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("cgo needs gcc")
	}
	lib, host = filepath.Join(dir, "libwork."+map[string]string{"c-shared": "so", "c-archive": "a"}[mode]), filepath.Join(dir, mode)
	src := filepath.Join(lab.Root(), "tests", "live", "testdata", "library")
	c := lab.GoCmd(lab.Newest, "build", "-buildmode="+mode, "-o", lib, ".")
	c.Dir = src
	c.Env = append(c.Env, "CGO_ENABLED=1")
	args := []string{"-o", host, filepath.Join(src, "host.c")}
	if mode == "c-archive" {
		args = append(args, "-DLINKED", lib, "-lpthread")
	}
	for _, c := range []*exec.Cmd{c, exec.Command("gcc", append(args, "-ldl")...)} {
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", c.Args, err, out)
		}
	}
	return lib, host
}

func start(t *testing.T, name string, args ...string) int {
	t.Helper()
	c := exec.Command(name, args...)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	return c.Process.Pid
}

// recordsWell: a recording of pid is taken by all readers and needs no unexplained repair.
func recordsWell(t *testing.T, pid int) {
	t.Helper()
	rec := lab.Record(t, pid, "-o", filepath.Join(t.TempDir(), "trace"))
	time.Sleep(500 * time.Millisecond)
	if st := rec.Stop(); st != 0 {
		t.Fatalf("exit status %d:\n%s", st, rec.Stderr())
	}
	if r := lab.Readers(t, lab.Newest, rec.File); r != "yes" {
		t.Error(r)
	}
	if strings.Contains(rec.Stderr(), "! ") {
		t.Errorf("unexplained repairs:\n%s", rec.Stderr())
	}
	if s, err := lab.Read(rec.File); err != nil || s.Events < 20 {
		t.Errorf("%v, %v", s, err)
	}
}

// A Go runtime in a library that a C program has loaded is refused by its name.
func TestLibraryRefused(t *testing.T) {
	lab.Tool(t)
	lib, host := library(t, t.TempDir(), "c-shared")
	pid := start(t, host, lib)
	for begin := time.Now(); time.Since(begin) < 10*time.Second; time.Sleep(20 * time.Millisecond) {
		maps, _ := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
		if strings.Contains(string(maps), lib) {
			break
		}
	}
	dir := t.TempDir()
	st, _, errs := lab.Run(t, time.Minute, "-p", fmt.Sprint(pid), "-d", "1s", "-o", filepath.Join(dir, "trace"))
	if st != 1 || !strings.Contains(errs, lib) || !strings.Contains(errs, "go"+lab.Newest) {
		t.Errorf("exit status %d:\n%s", st, errs)
	}
	oneLine(t, "library", errs)
	noFile(t, "library", dir)
	if st, _, errs := lab.Run(t, time.Minute, "check", lib); st != 1 || !strings.Contains(errs, "library") {
		t.Errorf("check: exit status %d:\n%s", st, errs)
	}
}

// A C program that Go code was linked into is a Go program to the recorder.
func TestArchiveRecorded(t *testing.T) {
	lab.Tool(t)
	_, host := library(t, t.TempDir(), "c-archive")
	pid := start(t, host)
	time.Sleep(200 * time.Millisecond)
	recordsWell(t, pid)
}

// A program that lies in memory only.
func TestMemfd(t *testing.T) {
	lab.Tool(t)
	b, err := os.ReadFile(lab.Build(t, "timers", lab.Newest, "default"))
	if err != nil {
		t.Fatal(err)
	}
	name := []byte("prog\x00")
	fd, _, e := syscall.Syscall(319 /* memfd_create, x86-64 */, uintptr(unsafe.Pointer(&name[0])), 1, 0)
	if e != 0 {
		t.Skip(e)
	}
	f := os.NewFile(fd, "memfd")
	defer f.Close()
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
	// A file that is open for writing cannot be executed.
	r, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f.Close()
	tg := lab.Start(t, fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), r.Fd()))
	tg.Send("run 1500")
	recordsWell(t, tg.Pid)
	tg.RunResult()
}

// An experiment that moves what a recording reads is refused, one that does not is recorded.
func TestExperiments(t *testing.T) {
	lab.Tool(t)
	for name, moves := range map[string]bool{"staticlockranking": true, "jsonv2": false} {
		v := "1.26.11"
		lab.NeedGo(t, v)
		bin := filepath.Join(t.TempDir(), name)
		c := lab.GoCmd(v, "build", "-modfile="+filepath.Join(filepath.Dir(lab.Build(t, "timers", v, "default")), "go.mod"),
			"-o", bin, "./timers")
		c.Dir = filepath.Join(lab.Root(), "tests", "fixtures")
		c.Env = append(c.Env, "CGO_ENABLED=0", "GOEXPERIMENT="+name)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		tg := lab.Start(t, bin)
		if !moves {
			tg.Send("run 1500")
			recordsWell(t, tg.Pid)
			tg.RunResult()
			continue
		}
		dir := t.TempDir()
		st, _, errs := lab.Run(t, time.Minute, "-p", fmt.Sprint(tg.Pid), "-d", "1s", "-o", filepath.Join(dir, "trace"))
		if st != 1 || !strings.Contains(errs, name) {
			t.Errorf("exit status %d:\n%s", st, errs)
		}
		noFile(t, name, dir)
	}
}

// A container: the program has a pid namespace and a root folder of its own; its binary has another
// name inside, and no name at all from here once the mount is gone.
func TestContainer(t *testing.T) {
	lab.Tool(t)
	root := t.TempDir()
	b, err := os.ReadFile(lab.Build(t, "timers", lab.Newest, "default"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "service"), b, 0o755); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("/service")
	c.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS}
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Skipf("no namespaces here: %v", err)
	}
	defer func() { c.Process.Kill(); c.Wait() }()
	word := make([]byte, 64)
	n, _ := out.Read(word)
	if got := strings.TrimSpace(string(word[:n])); got != "ready 1" {
		t.Fatalf("it says %q, not that it is ready and process 1", got)
	}
	fmt.Fprintln(in, "run 1500")
	recordsWell(t, c.Process.Pid)
}
