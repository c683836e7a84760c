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

	"live/lab"
)

// oneLine: the only thing said is one line of the form "gotrace-bpf: ...".
func oneLine(t *testing.T, what, stderr string) {
	t.Helper()
	ls := strings.Split(strings.TrimSpace(stderr), "\n")
	if len(ls) != 1 || !strings.HasPrefix(ls[0], "gotrace-bpf: ") {
		t.Errorf("%s: want one line \"gotrace-bpf: ...\", got:\n%s", what, stderr)
	}
}

func noFile(t *testing.T, what, dir string) {
	t.Helper()
	es, err := os.ReadDir(dir)
	if err == nil && len(es) > 0 {
		t.Errorf("%s: left behind %v", what, es)
	}
}

// Bad arguments and targets: a clear line, the right status, no file, and nothing done.
func TestRefusals(t *testing.T) {
	lab.Tool(t)
	tg := lab.Start(t, lab.Build(t, "timers", lab.Newest, "default"))
	pid := fmt.Sprint(tg.Pid)
	c := exec.Command("/bin/sleep", "60")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { c.Process.Kill(); c.Wait() }()
	for _, x := range []struct {
		name   string
		status int
		says   string
		args   []string
	}{
		{"no arguments", 2, "", nil},
		{"unknown option", 2, "", []string{"--frobnicate"}},
		{"not a pid", 2, "abc", []string{"-p", "abc"}},
		{"pid 0", 2, "", []string{"-p", "0"}},
		{"negative pid", 2, "", []string{"-p", "-5"}},
		{"pid too large", 2, "", []string{"-p", "99999999999999999999"}},
		{"pid with a tail", 2, "", []string{"-p", pid + "x"}},
		{"no such process", 1, "", []string{"-p", "4194303"}},
		{"not Go", 1, "Go", []string{"-p", fmt.Sprint(c.Process.Pid)}},
		{"a kernel thread", 1, "", []string{"-p", "2"}},
		{"duration 0", 2, "", []string{"-p", pid, "-d", "0"}},
		{"negative duration", 2, "", []string{"-p", pid, "-d", "-1s"}},
		{"overflowing duration", 2, "", []string{"-p", pid, "-d", "99999999999999999999h"}},
		{"large duration", 2, "", []string{"-p", pid, "-d", "9223372036854775807s"}},
		{"nonsense duration", 2, "", []string{"-p", pid, "-d", "soon"}},
		{"unknown format", 2, "", []string{"-p", pid, "--format", "1.24"}},
		{"pid twice missing value", 2, "", []string{"-p"}},
		{"missing folder", 1, "", []string{"-p", pid, "-d", "100ms", "-o", "/nonexistent-folder/trace"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			dir := t.TempDir()
			args := x.args
			if !strings.Contains(strings.Join(args, " "), "-o") && len(args) > 0 {
				args = append(append([]string{}, args...), "-o", filepath.Join(dir, "trace"))
			}
			if x.name == "pid twice missing value" {
				args = x.args
			}
			status, out, stderr := lab.Run(t, 20*time.Second, args...)
			mustBe(t, x.name, x.status, status, stderr)
			if out != "" {
				t.Errorf("something on stdout: %q", out)
			}
			if x.name != "no arguments" && x.name != "unknown option" {
				oneLine(t, x.name, stderr)
			}
			if x.says != "" && !strings.Contains(stderr, x.says) {
				t.Errorf("stderr does not say %q:\n%s", x.says, stderr)
			}
			noFile(t, x.name, dir)
		})
	}
	if c := tg.Run(5); c.N != 5 {
		t.Error("the target does not go on")
	}
}

// Without the capabilities the line names what is missing.
func TestNoPermission(t *testing.T) {
	tool := lab.Tool(t)
	tg := lab.Start(t, lab.Build(t, "timers", lab.Newest, "default"))
	dir := t.TempDir()
	os.Chmod(dir, 0o777)
	// The program must be reachable for nobody: a copy in a folder of the system's.
	tmp, err := os.MkdirTemp("", "gotrace-noperm")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	os.Chmod(tmp, 0o755)
	b, err := os.ReadFile(tool)
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(tmp, "gotrace-bpf")
	if err := os.WriteFile(bin, b, 0o755); err != nil {
		t.Fatal(err)
	}
	var errb strings.Builder
	c := exec.Command(bin, "-p", fmt.Sprint(tg.Pid), "-d", "100ms", "-o", filepath.Join(tmp, "none"))
	c.Stderr = &errb
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	c.Run()
	mustBe(t, "as nobody", 1, c.ProcessState.ExitCode(), errb.String())
	oneLine(t, "as nobody", errb.String())
	if !strings.Contains(errb.String(), "CAP_") {
		t.Errorf("the line names no capability: %s", errb.String())
	}
}

// The target ends, is killed or replaces itself: the file is finished from what was seen.
func TestTargetEnds(t *testing.T) {
	lab.Tool(t)
	for _, how := range []string{"quit", "kill -9", "exec"} {
		t.Run(how, func(t *testing.T) {
			tg := lab.Start(t, lab.Build(t, "channel", lab.Newest, "default"))
			rec := lab.Record(t, tg.Pid)
			c := tg.Run(50)
			settle()
			begin := time.Now()
			switch how {
			case "quit":
				tg.Quit()
			case "kill -9":
				tg.Kill()
			case "exec":
				tg.Exec()
			}
			mustBe(t, how, 0, rec.Wait(10*time.Second), rec.Stderr())
			if d := time.Since(begin); d > 5*time.Second {
				t.Errorf("the tool noticed after %v", d)
			}
			s, err := lab.Read(rec.File)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range lab.Differences(c, s, true) {
				t.Error(d)
			}
			if how == "exec" {
				if c := tg.Run(20); c.N != 20 {
					t.Error("the new image does not go on")
				}
				if !strings.Contains(rec.Stderr(), "exec") {
					t.Errorf("nothing is said of the exec:\n%s", rec.Stderr())
				}
			}
			if err := lab.Parsed(rec.File, lab.Newest); err != nil {
				t.Error(err)
			}
		})
	}
}

// The target is killed while the tool begins: a line or a file, never a crash.
func TestTargetEndsAtStart(t *testing.T) {
	lab.Tool(t)
	for _, after := range []time.Duration{0, 20, 100, 300, 600, 1200} {
		after *= time.Millisecond
		tg := lab.Start(t, lab.Build(t, "channel", lab.Newest, "default"))
		time.AfterFunc(after, tg.Kill)
		file := filepath.Join(t.TempDir(), "trace")
		status, _, stderr := lab.Run(t, 20*time.Second, "-q", "-p", fmt.Sprint(tg.Pid), "-d", "10s", "-o", file)
		if status != 0 && status != 1 {
			t.Errorf("killed after %v: status %d\n%s", after, status, stderr)
			continue
		}
		if status == 1 {
			oneLine(t, fmt.Sprintf("killed after %v", after), stderr)
			noFile(t, fmt.Sprintf("killed after %v", after), filepath.Dir(file))
		} else if _, err := lab.Read(file); err != nil {
			t.Errorf("killed after %v: %v", after, err)
		}
	}
}

// The output folder is full: one line, status 1, no half file under the final name.
func TestFullDisk(t *testing.T) {
	lab.Tool(t)
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=32k"); err != nil {
		t.Skipf("cannot mount a small tmpfs: %v", err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	tg := lab.Start(t, lab.Build(t, "channel", lab.Newest, "default"))
	file := filepath.Join(dir, "trace")
	rec := lab.Record(t, tg.Pid, "-d", "4s", "-q", "-o", file)
	for i := 0; i < 3; i++ {
		tg.Run(1000)
	}
	mustBe(t, "full folder", 1, rec.Wait(20*time.Second), rec.Stderr())
	oneLine(t, "full folder", rec.Stderr())
	if !strings.Contains(rec.Stderr(), "No space") {
		t.Errorf("the line does not give the reason: %s", rec.Stderr())
	}
	noFile(t, "full folder", dir)
}

// A process that nobody waited for, and one whose thread group leader has ended.
func TestZombie(t *testing.T) {
	lab.Tool(t)
	c := exec.Command("/bin/true")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	status, _, stderr := lab.Run(t, 10*time.Second, "-p", fmt.Sprint(c.Process.Pid), "-d", "100ms", "-o",
		filepath.Join(t.TempDir(), "trace"))
	mustBe(t, "a zombie", 1, status, stderr)
	oneLine(t, "a zombie", stderr)
	c.Wait()
}

// The binary was deleted or replaced on disk: the process is still its own image.
func TestDeletedBinary(t *testing.T) {
	lab.Tool(t)
	b, err := os.ReadFile(lab.Build(t, "channel", lab.Newest, "stripped"))
	if err != nil {
		t.Fatal(err)
	}
	for _, how := range []string{"deleted", "replaced"} {
		t.Run(how, func(t *testing.T) {
			bin := filepath.Join(t.TempDir(), "prog")
			if err := os.WriteFile(bin, b, 0o755); err != nil {
				t.Fatal(err)
			}
			tg := lab.Start(t, bin)
			os.Remove(bin)
			if how == "replaced" {
				os.WriteFile(bin, []byte("something else"), 0o755)
			}
			rec := lab.Record(t, tg.Pid)
			c := tg.Run(50)
			settle()
			mustBe(t, how, 0, rec.Stop(), rec.Stderr())
			s, err := lab.Read(rec.File)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range lab.Differences(c, s, true) {
				t.Error(d)
			}
		})
	}
}

// Two recorders of one process do not disturb each other.
func TestTwoRecorders(t *testing.T) {
	tg := lab.Start(t, lab.Build(t, "channel", lab.Newest, "default"))
	a := lab.Record(t, tg.Pid)
	b := lab.Record(t, tg.Pid)
	c := tg.Run(50)
	settle()
	for _, r := range []*lab.Recorder{a, b} {
		mustBe(t, "one of two", 0, r.Stop(), r.Stderr())
		s, err := lab.Read(r.File)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range lab.Differences(c, s, true) {
			t.Error(d)
		}
	}
}
