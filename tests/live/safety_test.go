package live

import (
	"bufio"
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"live/lab"
)

// text is a target's code as its file has it.
type text struct {
	va    uint64
	bytes []byte
}

func fileText(t *testing.T, bin string) text {
	t.Helper()
	f, err := elf.Open(bin)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := f.Section(".text")
	if s == nil || f.Type != elf.ET_EXEC {
		t.Fatalf("%s: no .text at a fixed address", bin)
	}
	b, err := s.Data()
	if err != nil {
		t.Fatal(err)
	}
	return text{s.Addr, b}
}

// differing counts the places where the process's code is not its file's.
func differing(t *testing.T, pid int, tx text) int {
	t.Helper()
	m, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	b := make([]byte, len(tx.bytes))
	if _, err := m.ReadAt(b, int64(tx.va)); err != nil {
		t.Fatal(err)
	}
	n := 0
	for i := range b {
		if b[i] != tx.bytes[i] {
			n++
		}
	}
	return n
}

// kill -9 of the tool: within a second the target's code is its file's again, and it goes on.
func TestToolKilled(t *testing.T) {
	for _, v := range []string{lab.Versions[0], lab.Newest} {
		t.Run(v, func(t *testing.T) {
			bin := lab.Build(t, "channel", v, "default")
			tg := lab.Start(t, bin)
			tx := fileText(t, bin)
			if n := differing(t, tg.Pid, tx); n != 0 {
				t.Fatalf("%d bytes of code differ before anything was done", n)
			}
			rec := lab.Record(t, tg.Pid)
			tg.Run(50) // probes are in place and hit
			if differing(t, tg.Pid, tx) == 0 {
				t.Fatal("no probe in the target's code: the test sees nothing")
			}
			tg.Send("run 300")
			rec.Kill()
			killed := time.Now()
			for differing(t, tg.Pid, tx) != 0 {
				if time.Since(killed) > time.Second {
					t.Fatalf("a second after kill -9, %d bytes of code still differ", differing(t, tg.Pid, tx))
				}
				time.Sleep(5 * time.Millisecond)
			}
			t.Logf("the code was the file's after %v", time.Since(killed).Round(time.Millisecond))
			tg.RunResult()
			if c := tg.Run(20); c.N != 20 {
				t.Errorf("the target does not go on: %+v", c)
			}
			if _, err := os.Stat(rec.File); err == nil {
				t.Error("a killed tool left a file under the final name")
			}
			// And it can be recorded again.
			again := lab.Record(t, tg.Pid)
			c := tg.Run(50)
			settle()
			mustBe(t, "recording after a kill", 0, again.Stop(), again.Stderr())
			s, err := lab.Read(again.File)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range lab.Differences(c, s, false) {
				t.Error(d)
			}
		})
	}
}

// Detached in peace, too.
func TestDetached(t *testing.T) {
	bin := lab.Build(t, "channel", lab.Newest, "default")
	tg := lab.Start(t, bin)
	tx := fileText(t, bin)
	maps := func() int {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/maps", tg.Pid))
		return bytes.Count(b, []byte("[uprobes]"))
	}
	rec := lab.Record(t, tg.Pid)
	tg.Run(20)
	mustBe(t, "recording", 0, rec.Stop(), rec.Stderr())
	if n := differing(t, tg.Pid, tx); n != 0 {
		t.Errorf("%d bytes of code differ after the recording", n)
	}
	if maps() != 0 {
		t.Error("the kernel mapped its [uprobes] page: some site was single-stepped")
	}
}

// The target is never stopped and never traced.
func TestNeverStopped(t *testing.T) {
	tg := lab.Start(t, lab.Build(t, "syscalls", lab.Newest, "default"))
	stop, done := make(chan bool), make(chan bool)
	looks := 0
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
			tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", tg.Pid))
			for _, f := range tasks {
				b, err := os.ReadFile(f)
				if err != nil {
					continue
				}
				looks++
				for _, l := range strings.Split(string(b), "\n") {
					if strings.HasPrefix(l, "State:\tT") || strings.HasPrefix(l, "State:\tt") {
						t.Errorf("%s: %s", f, l)
					}
					if strings.HasPrefix(l, "TracerPid:") && strings.Fields(l)[1] != "0" {
						t.Errorf("%s: %s", f, l)
					}
				}
			}
		}
	}()
	rec := lab.Record(t, tg.Pid)
	tg.Run(300)
	mustBe(t, "recording", 0, rec.Stop(), rec.Stderr())
	close(stop)
	<-done
	if looks < 100 {
		t.Errorf("only %d looks at the target's threads", looks)
	}
}

// Where others take the CPU it goes before them, so that nothing is lost, unless it was told its place.
func TestKeptFromCPU(t *testing.T) {
	if _, err := exec.LookPath("taskset"); err != nil {
		t.Skip("needs taskset")
	}
	hogs(t, 8, "0")
	tg := lab.Start(t, lab.Build(t, "timers", lab.Newest, "default"))
	for given, want := range map[string]string{"0": "-15", "5": "5"} {
		c := atNice(t, given, tg.Pid)
		if seen := c.nices(); !seen[want] || (want == given && len(seen) > 1) {
			t.Errorf("nice %s: had %v, want %s", given, seen, want)
		}
	}
}

// The priority that it was given is the one it ends with, though it is the one that it would have taken.
func TestPriorityGivenStays(t *testing.T) {
	hogs(t, 2, "-20")
	tg := lab.Start(t, lab.Build(t, "timers", lab.Newest, "default"))
	if seen := atNice(t, "-15", tg.Pid).nices(); len(seen) > 1 {
		t.Errorf("had %v", seen)
	}
}

// Who was stopped for a while was not kept from the CPU.
func TestStopIsNoWaiting(t *testing.T) {
	tg := lab.Start(t, lab.Build(t, "timers", lab.Newest, "default"))
	c := atNice(t, "0", tg.Pid)
	time.Sleep(600 * time.Millisecond)
	c.Process.Signal(syscall.SIGSTOP)
	time.Sleep(60 * time.Millisecond)
	c.Process.Signal(syscall.SIGCONT)
	if seen := c.nices(); len(seen) > 1 {
		t.Errorf("had %v", seen)
	}
}

// hogs keep CPU 0 busy until the test is over.
func hogs(t *testing.T, n int, nice string) {
	for range n {
		hog := exec.Command("nice", "-n", nice, "taskset", "-c", "0", "sh", "-c", "while :; do :; done")
		if err := hog.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { hog.Process.Kill(); hog.Wait() })
	}
}

type niced struct {
	*exec.Cmd
	t *testing.T
}

// atNice starts a recording of a second on CPU 0 with a priority.
func atNice(t *testing.T, nice string, pid int) niced {
	c := exec.Command("taskset", "-c", "0", "nice", "-n", nice, lab.Tool(t), "-q", "-p", fmt.Sprint(pid), "-d", "1s",
		"-o", filepath.Join(t.TempDir(), "trace"))
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return niced{c, t}
}

// nices waits for its end and gives the priorities that it had.
func (c niced) nices() map[string]bool {
	c.t.Helper()
	ended := make(chan error)
	go func() { ended <- c.Wait() }()
	seen := map[string]bool{}
	for {
		select {
		case err := <-ended:
			if err != nil {
				c.t.Error(err)
			}
			return seen
		case <-time.After(200 * time.Microsecond):
			b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.Process.Pid))
			if _, tail, ok := strings.Cut(string(b), "(gotrace-bpf) "); ok {
				seen[strings.Fields(tail)[16]] = true
			}
		}
	}
}

var (
	openCall  = regexp.MustCompile(`open(?:at)?\([^"]*"(/proc/[^"]*)", ([A-Z_|]+)`)
	killCall  = regexp.MustCompile(`\b(kill|tkill|tgkill|rt_sigqueueinfo|rt_tgsigqueueinfo)\((-?\d+)`)
	pidfdKill = regexp.MustCompile(`pidfd_send_signal\(\d+[^,]*, (\w+)`)
)

// What the tool asks of the kernel: nothing that stops, signals or writes to the target.
func TestToolSyscalls(t *testing.T) {
	tool := lab.Tool(t)
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("needs strace")
	}
	tg := lab.Start(t, lab.Build(t, "channel", lab.Newest, "default"))
	dir := t.TempDir()
	log := filepath.Join(dir, "strace")
	c := exec.Command("strace", "-f", "-o", log, "-s", "256", "-e",
		"trace=ptrace,process_vm_writev,process_madvise,kill,tkill,tgkill,rt_sigqueueinfo,rt_tgsigqueueinfo,pidfd_send_signal,open,openat,openat2,bpf,execve",
		tool, "-p", fmt.Sprint(tg.Pid), "-d", "1500ms", "-o", filepath.Join(dir, "trace"))
	tg.Send("run 500")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	tg.RunResult()
	f, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	lines, links := 0, 0
	for sc.Scan() {
		l := sc.Text()
		lines++
		if strings.Contains(l, "BPF_LINK_CREATE") {
			links++
		}
		for _, bad := range []string{"ptrace(", "process_vm_writev(", "process_madvise("} {
			if strings.Contains(l, bad) {
				t.Errorf("the tool calls %s", l)
			}
		}
		if m := killCall.FindStringSubmatch(l); m != nil && m[2] == fmt.Sprint(tg.Pid) && !strings.Contains(l, ", 0)") {
			t.Errorf("the tool signals the target: %s", l)
		}
		if m := pidfdKill.FindStringSubmatch(l); m != nil && m[1] != "0" {
			t.Errorf("the tool signals: %s", l)
		}
		if m := openCall.FindStringSubmatch(l); m != nil && strings.HasPrefix(m[1], fmt.Sprintf("/proc/%d/", tg.Pid)) &&
			(strings.Contains(m[2], "O_RDWR") || strings.Contains(m[2], "O_WRONLY")) {
			t.Errorf("the tool opens something of the target for writing: %s", l)
		}
		if strings.Contains(l, "BPF_OBJ_PIN") {
			t.Errorf("the tool pins something: %s", l)
		}
	}
	if lines < 10 || links == 0 {
		t.Errorf("strace saw %d calls and %d links: the test sees nothing", lines, links)
	}
}
