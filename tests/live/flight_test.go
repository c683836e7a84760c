// The flight recorder: what triggers a dump and what is in it, ctl, following a program, refusals.

package live

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/exp/trace"

	"live/lab"
)

// Dumps in the other versions of the format, for the readers that take them.
func TestFlightFormats(t *testing.T) {
	lab.Tool(t)
	p := startProg(t, flightProg(t))
	for format, from := range map[string]int{"1.22": 22, "1.23": 23, "1.26": 26} {
		dir := t.TempDir()
		r := lab.Record(t, p.Process.Pid, "-F", "1s,16mb", "--max-overhead", "off", "-o", dir, "--format", format, "-q")
		ready(t, p.pid())
		time.Sleep(1500 * time.Millisecond)
		n := scale(10, 2)
		for i := 1; i <= n; i++ {
			r.Cmd.Process.Signal(syscall.SIGUSR1)
			waitDumps(t, dir, i, 10*time.Second)
		}
		r.Stop()
		for _, d := range dumpsOf(t, dir) {
			if _, err := readDump(d.path); err != nil {
				t.Errorf("format %s: %v", format, err)
			}
			allReaders(t, d.path, from)
		}
	}
}

// Other ends: an exit status, a panic; a trigger that waits for its --after is kept.
func TestFlightEnds(t *testing.T) {
	lab.Tool(t)
	tg := lab.Start(t, lab.Build(t, "timers", lab.Newest, "default"))
	dir := t.TempDir()
	r := lab.Record(t, tg.Pid, "-F", "5s", "--max-overhead", "off", "-o", dir)
	ready(t, fmt.Sprint(tg.Pid))
	time.Sleep(300 * time.Millisecond)
	tg.Quit()
	if st := r.Wait(20 * time.Second); st != 0 {
		t.Errorf("exit status %d:\n%s", st, r.Stderr())
	}
	if ds := dumpsOf(t, dir); len(ds) != 1 || ds[0].reason != "exit-0" {
		t.Errorf("dumps %v", ds)
	}
	tg = lab.Start(t, lab.Build(t, "timers", lab.Newest, "default"))
	dir = t.TempDir()
	r = lab.Record(t, tg.Pid, "-F", "5s", "--max-overhead", "off", "--after", "4s", "-o", dir)
	ready(t, fmt.Sprint(tg.Pid))
	r.Cmd.Process.Signal(syscall.SIGUSR1)
	time.Sleep(300 * time.Millisecond)
	if st := r.Stop(); st != 0 {
		t.Errorf("exit status %d:\n%s", st, r.Stderr())
	}
	if ds := dumpsOf(t, dir); len(ds) != 1 {
		t.Errorf("a waiting trigger was forgotten: %v", ds)
	}
}

// A handler that sleeps 300 ms among fast ones: the dump holds its whole wait with its stack, and
// says why it was made.
func TestFlightBlocked(t *testing.T) {
	lab.Tool(t)
	p := startProg(t, flightProg(t), "-slow", "300ms")
	dir := t.TempDir()
	r := lab.Record(t, p.Process.Pid, "-F", "3s", "--max-overhead", "off", "-o", dir, "--on", "blocked>250ms", "--min-interval", "500ms")
	ds := waitDumps(t, dir, 2, 20*time.Second)
	r.Stop()
	for _, f := range ds[:2] {
		d, err := readDump(f.path)
		if err != nil {
			t.Fatal(err)
		}
		if f.reason != "blocked" {
			t.Errorf("%s: not in the name", f.path)
		}
		said := false
		for _, l := range d.logs {
			said = said || (l.Category == "gotrace-bpf" && strings.Contains(l.Message, "blocked>250ms: goroutine"))
		}
		began := map[string]move{}
		whole := 0
		for _, m := range d.moves {
			if m.to == "Waiting" {
				began[m.res] = m
			} else if b, ok := began[m.res]; ok && m.from == "Waiting" {
				if time.Duration(m.at-b.at) > 290*time.Millisecond && strings.Contains(b.stack, "main.handleSlow") &&
					strings.Contains(b.stack, "time.Sleep") && b.reason == "sleep" {
					whole++
				}
				delete(began, m.res)
			}
		}
		if whole == 0 || !said {
			t.Errorf("%s: %d whole waits, told: %v", f.path, whole, said)
		}
	}
}

// Three goroutines take turns on one P, each for some 40 ms and never preempted: one that was woken
// waits that long to run. From its wake-up on, which names it by its address alone.
func TestFlightRunnable(t *testing.T) {
	lab.Tool(t)
	t.Setenv("GODEBUG", "asyncpreemptoff=1")
	p := startProg(t, flightProg(t), "-hogs", "3")
	dir := t.TempDir()
	r := lab.Record(t, p.Process.Pid, "-F", "3s", "--max-overhead", "off", "-o", dir, "--on", "runnable>15ms")
	ds := waitDumps(t, dir, 3, 20*time.Second)
	r.Stop()
	last := ds[2]
	if last.reason != "runnable" {
		t.Errorf("%s: not in the name", last.path)
	}
	d, err := readDump(last.path)
	if err != nil {
		t.Fatal(err)
	}
	woken := map[string]trace.Time{}
	long := map[string]int{}
	longs := 0
	for _, m := range d.moves {
		if m.from == "Waiting" && m.to == "Runnable" {
			woken[m.res] = m.at
		} else if at, ok := woken[m.res]; ok && m.to == "Running" {
			if time.Duration(m.at-at) > 15*time.Millisecond {
				long[m.res]++
				longs++
			}
			delete(woken, m.res)
		}
	}
	told := regexp.MustCompile(`runnable>15ms: goroutine (\d+) `)
	said := 0
	for _, l := range d.logs {
		if g := told.FindStringSubmatch(l.Message); g != nil {
			said++
			if long["Goroutine("+g[1]+")"] == 0 {
				t.Errorf("%q, but the trace has no such wait", l.Message)
			}
		}
	}
	t.Logf("%d waits told, %d in the trace", said, longs)
	// Those that were preempted, not woken, are told as well: so most of the woken ones must be, too.
	if longs == 0 || said < longs*3/4 {
		t.Errorf("%d waits told, %d in the trace: %v", said, longs, long)
	}
}

// A function is entered.
func TestFlightCall(t *testing.T) {
	lab.Tool(t)
	p := startProg(t, flightProg(t), "-slow", "1ms")
	dir := t.TempDir()
	r := lab.Record(t, p.Process.Pid, "-F", "3s", "--max-overhead", "off", "-o", dir, "--on", "call:main.handleSlow")
	ds := waitDumps(t, dir, 1, 20*time.Second)
	r.Stop()
	d, err := readDump(ds[0].path)
	if err != nil {
		t.Fatal(err)
	}
	if ds[0].reason != "call" || len(d.logs) == 0 || !strings.Contains(d.logs[len(d.logs)-1].Message, "call:main.handleSlow") {
		t.Errorf("%s: logs %v", ds[0].path, d.logs)
	}
}

func TestFlightCtl(t *testing.T) {
	tool := lab.Tool(t)
	p := startProg(t, flightProg(t))
	dir := t.TempDir()
	r := lab.Record(t, p.Process.Pid, "-F", "10s,16mb", "--max-overhead", "off", "-o", dir)
	ready(t, p.pid())
	time.Sleep(1500 * time.Millisecond)
	out, err := exec.Command(tool, "ctl", p.pid(), "status").CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("window")) {
		t.Errorf("status: %v\n%s", err, out)
	}
	// By name, from another folder, less than is kept; at the same time as others.
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 100 {
				c := exec.Command(tool, "ctl", p.pid(), "dump")
				if i == 0 {
					c = exec.Command(tool, "ctl", p.pid(), "dump", "--last", "500ms", "-o", "one.trace")
					c.Dir = dir
				}
				out, err := c.CombinedOutput()
				waiting := bytes.Contains(out, []byte("two dumps are waiting"))
				if err != nil && !waiting {
					t.Errorf("dump %d: %v: %s", i, err, out)
				}
				if !waiting || i != 0 {
					break // the one with a name of its own is asked for until it is taken
				}
				time.Sleep(50 * time.Millisecond)
			}
		}()
	}
	wg.Wait()
	if d, err := readDump(filepath.Join(dir, "one.trace")); err != nil {
		t.Error(err)
	} else if span := time.Duration(d.last - d.first); span > 500*time.Millisecond+time.Duration(d.longest)+100*time.Millisecond {
		t.Errorf("--last 500ms spans %v", span)
	}
	st, _, errs := lab.Run(t, 20*time.Second, "-p", p.pid(), "-F", "1s", "-o", dir)
	if st != 1 || !strings.Contains(errs, "already") {
		t.Errorf("a second recorder: status %d: %s", st, errs)
	}
	other := exec.Command(tool, "ctl", p.pid(), "stop")
	other.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if out, err := other.CombinedOutput(); err == nil {
		t.Errorf("another user was heard: %s", out)
	}
	if out, err := exec.Command(tool, "ctl", p.pid(), "stop").CombinedOutput(); err != nil {
		t.Errorf("stop: %v: %s", err, out)
	}
	if st := r.Wait(20 * time.Second); st != 0 {
		t.Errorf("exit status %d:\n%s", st, r.Stderr())
	}
	if ds := dumpsOf(t, dir); len(ds) == 0 || ds[len(ds)-1].reason != "ctl" {
		t.Errorf("a dump at the end that nobody asked for: %v", ds)
	}
}

// The process by its name, and its successor.
func TestFlightFollow(t *testing.T) {
	tool := lab.Tool(t)
	bin := filepath.Join(t.TempDir(), "followme-prog-of-a-long-name")
	b, err := os.ReadFile(flightProg(t))
	if err == nil {
		err = os.WriteFile(bin, b, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := exec.Command(tool, "--exe", bin, "-F", "5s,8mb", "--max-overhead", "off", "-o", dir)
	var errs bytes.Buffer
	c.Stderr = &errs
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Process.Kill()
	for i := range 2 {
		p := startProg(t, bin)
		ready(t, p.pid())
		time.Sleep(300 * time.Millisecond)
		p.Process.Kill()
		waitDumps(t, dir, i+1, 20*time.Second)
	}
	c.Process.Signal(syscall.SIGTERM)
	if err := c.Wait(); err != nil {
		t.Errorf("%v:\n%s", err, errs.String())
	}
}

func TestFlightRefusals(t *testing.T) {
	lab.Tool(t)
	p := startProg(t, flightProg(t), "-busy", "0")
	ro := t.TempDir()
	for _, x := range []struct {
		name   string
		status int
		says   string
		args   []string
	}{
		{"nonsense", 2, "not a duration", []string{"-F", "x"}},
		{"zero", 2, "zero", []string{"-F", "0"}},
		{"negative", 2, "-5s", []string{"-F", "-5s"}},
		{"too short", 2, "100ms", []string{"-F", "1ms"}},
		{"too small", 2, "1mb", []string{"-F", "5s,64k"}},
		{"too large", 2, "spare", []string{"-F", "5s,60000g"}},
		{"last over window", 2, "--last", []string{"-F", "5s", "--last", "6s"}},
		{"after over window", 2, "--after", []string{"-F", "5s", "--after", "6s"}},
		{"disk under a dump", 2, "--max-disk", []string{"-F", "5s,64mb", "--max-disk", "1mb"}},
		{"stdout", 2, "-o -", []string{"-F", "5s", "-o", "-"}},
		{"template", 2, "%z", []string{"-F", "5s", "-o", "a%z"}},
		{"no folder", 1, "/nonexistent", []string{"-F", "5s", "-o", "/nonexistent/x"}},
		{"on", 2, "character 11 ('x')", []string{"-F", "5s", "--on", "blocked>25x"}},
		{"on kind", 2, "character 1 ('b')", []string{"-F", "5s", "--on", "blokced>25ms"}},
		{"call", 1, "main.nothing", []string{"-F", "5s", "-o", ro, "--on", "call:main.nothing"}},
		{"capture", 2, "--capture", []string{"-F", "5s", "--capture", "x"}},
		{"without -F", 2, "-F", []string{"--after", "5s"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			st, _, errs := lab.Run(t, 20*time.Second, append([]string{"-p", p.pid()}, x.args...)...)
			if st != x.status || !strings.Contains(errs, x.says) {
				t.Errorf("status %d, want %d with %q: %s", st, x.status, x.says, errs)
			}
			oneLine(t, x.name, errs)
		})
	}
	// A folder that nobody may write to, not even root.
	if err := exec.Command("mount", "-t", "tmpfs", "-o", "ro,size=4k", "none", ro).Run(); err == nil {
		defer syscall.Unmount(ro, syscall.MNT_DETACH)
		st, _, errs := lab.Run(t, 20*time.Second, "-p", p.pid(), "-F", "5s", "-o", ro)
		if st != 1 || !strings.Contains(errs, "cannot be written here") {
			t.Errorf("read-only folder: status %d: %s", st, errs)
		}
	}
	runtime.KeepAlive(p)
}
