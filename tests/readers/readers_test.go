package readers

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/exp/trace"
)

// The dumper, the validator and the text converter are built by `make readers`; their folder is
// GOTRACE_OUT.
func tool(t *testing.T, name string) string {
	t.Helper()
	out := os.Getenv("GOTRACE_OUT")
	if out == "" {
		out = "../../.output"
	}
	p := filepath.Join(out, "readers", name)
	if _, err := os.Stat(p); err != nil {
		t.Skipf("%v: run make readers", err)
	}
	return p
}

// errPassedOver: not to be compared from there on.
var errPassedOver = errors.New("x/exp/trace passed over an event that was due")

// sortedAnyhow: so many elements Go's sort leaves in order where they are equal (slices, pdqsort's insertion
// sort).
const sortedAnyhow = 12

// passedOver is true where the two readers part because x/exp/trace passed over an event that was due:
// where the first of its cursors cannot go on, it sorts them all and tries from the second one on. Of
// more than twelve it sorts those of the same time in any order, so the first may be another one then,
// which it has not tried (reader.go, ReadEvent). Seen in one of some 500 traces of Go 1.22 with cgo, where a P's
// theft and what waits for it have the same time. Then ours is the earlier event, and it comes later
// there, moved behind its predecessor in time.
func passedOver(r *trace.Reader, p printer, want, got string) bool {
	wantTime, _, _ := strings.Cut(want, " ")
	gotTime, event, _ := strings.Cut(got, " ")
	last, err1 := strconv.ParseInt(wantTime, 10, 64)
	due, err2 := strconv.ParseInt(gotTime, 10, 64)
	if err1 != nil || err2 != nil || due >= last {
		return false
	}
	for i := 0; i < 1000; i++ {
		e, err := r.ReadEvent()
		if err != nil {
			return false
		}
		at, rest, _ := strings.Cut(p.line(e), " ")
		now, _ := strconv.ParseInt(at, 10, 64)
		if rest == event {
			return now == last+1
		}
		last = now
	}
	return false
}

// compare runs both readers over the file. It returns Go's verdict and how many events were equal.
func compare(t *testing.T, file string, flags ...string) (goErr error, n int) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd := exec.Command(tool(t, "dump"), append(flags, file)...)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Kill() // it may be stuck in a pipe that nobody reads any more
		cmd.Wait()
	}()
	ours := bufio.NewScanner(pipe)
	ours.Buffer(nil, 1<<20)
	next := func() string {
		if !ours.Scan() {
			return "EOF"
		}
		return ours.Text()
	}
	r, err := trace.NewReader(bufio.NewReader(f))
	p := printer{stacks: map[trace.Stack]string{}}
	threads := map[trace.ThreadID]bool{}
	for err == nil {
		var e trace.Event
		if e, err = r.ReadEvent(); err != nil {
			break
		}
		threads[e.Thread()] = true
		want, got := p.line(e), next()
		if want != got && len(threads) > sortedAnyhow && passedOver(r, p, want, got) {
			return errPassedOver, n
		}
		if want != got {
			t.Fatalf("%s: event %d:\n Go: %s\n C:  %s", file, n, want, got)
		}
		n++
	}
	got := next()
	if err == io.EOF {
		if got != "EOF" {
			t.Fatalf("%s: after %d events Go ends and C says %s", file, n, got)
		}
		return nil, n
	}
	if !strings.HasPrefix(got, "error:") {
		t.Fatalf("%s: after %d events Go says %v and C says %s", file, n, err, got)
	}
	return err, n
}

var toolchains = []string{"1.22.12", "1.23.12", "1.24.13", "1.25.14", "1.26.11", "1.27.4"}

func goroot(t *testing.T, version string) string {
	t.Helper()
	cmd := exec.Command("go", "env", "GOROOT")
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN=go"+version)
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("no toolchain go%s", version)
	}
	return strings.TrimSpace(string(out))
}

// Traces that the runtimes write of the programs in prog.
func TestRuntimeTraces(t *testing.T) {
	tool(t, "dump")
	modes := []string{"http", "gc", "cpu", "sys", "chan", "task", "coro", "cgo", "flight", "allocfree"}
	for _, v := range toolchains {
		t.Run(v, func(t *testing.T) {
			goroot(t, v)
			dir := t.TempDir()
			prog := filepath.Join(dir, "prog")
			cmd := exec.Command("go", "build", "-o", prog, ".")
			cmd.Dir = "prog"
			cmd.Env = append(os.Environ(), "GOTOOLCHAIN=go"+v, "CGO_ENABLED=1")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, mode := range modes {
				file := filepath.Join(dir, mode)
				what, env := mode, os.Environ()
				if mode == "allocfree" {
					what, env = "gc", append(env, "GODEBUG=traceallocfree=1")
				}
				var err error
				var n int
				for i := 0; i < 3; i++ {
					cmd := exec.Command(prog, what, file)
					cmd.Env = env
					if out, err := cmd.CombinedOutput(); err != nil {
						t.Fatalf("%s: %v\n%s", mode, err, out)
					}
					if err, n = compare(t, file); err != errPassedOver {
						break
					}
				}
				if err != nil {
					t.Errorf("%s: %v", mode, err)
				}
				compare(t, file, "-a")
				t.Logf("%s: %d events", mode, n)
				os.Remove(file)
			}
		})
	}
}

// The traces of the toolchains' own tests, those that must fail included.
func TestTestdata(t *testing.T) {
	for _, v := range toolchains {
		t.Run(v, func(t *testing.T) {
			src := filepath.Join(goroot(t, v), "src/internal/trace")
			tests, _ := filepath.Glob(src + "/testdata/tests/*.test")
			if len(tests) == 0 {
				tests, _ = filepath.Glob(src + "/v2/testdata/tests/*.test")
			}
			if len(tests) < 15 {
				t.Fatalf("only %d tests below %s", len(tests), src)
			}
			for _, file := range tests {
				wire, fail := convert(t, file)
				err, n := compare(t, wire)
				if (err != nil) != fail {
					t.Errorf("%s: failure expected: %v; got %v", filepath.Base(file), fail, err)
				}
				verr := exec.Command(tool(t, "validate"), "-q", wire).Run()
				if (verr != nil) != fail {
					t.Errorf("%s: validate: failure expected: %v; got %v", filepath.Base(file), fail, verr)
				}
				t.Logf("%s: %d events, %v", filepath.Base(file), n, err != nil)
			}
		})
	}
}

// convert makes the wire form of a test's text by rawtext, and tells whether it is meant to fail.
func convert(t *testing.T, file string) (wire string, fail bool) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	expect, text, ok := bytes.Cut(b, []byte("-- trace --\n"))
	if !ok {
		t.Fatalf("%s: no trace in it", file)
	}
	fail = bytes.Contains(expect, []byte("FAILURE"))
	txt := filepath.Join(t.TempDir(), "text")
	wire = txt + ".trace"
	if err := os.WriteFile(txt, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(tool(t, "rawtext"), "-r", txt, wire).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", file, err, out)
	}
	return wire, fail
}

// More traces: every file of the folder GOTRACE_TRACES.
func TestFolder(t *testing.T) {
	dir := os.Getenv("GOTRACE_TRACES")
	if dir == "" {
		t.Skip("GOTRACE_TRACES is not set")
	}
	files, _ := filepath.Glob(dir + "/*")
	for _, f := range files {
		err, n := compare(t, f)
		t.Logf("%s: %d events, %v", filepath.Base(f), n, firstLine(err))
	}
}

func firstLine(err error) string {
	s, _, _ := strings.Cut(fmt.Sprint(err), "\n")
	return s
}

// A whole trace cut off anywhere: both readers give the same events, then both an error.
func TestTruncated(t *testing.T) {
	file := os.Getenv("GOTRACE_TRUNCATE")
	if file == "" {
		t.Skip("GOTRACE_TRUNCATE is not set")
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	part := filepath.Join(t.TempDir(), "part")
	for i := 1; i < 60; i++ {
		if err := os.WriteFile(part, b[:len(b)*i/60], 0o600); err != nil {
			t.Fatal(err)
		}
		compare(t, part)
	}
}

// Damaged traces: every file of GOTRACE_MUTATE with a few bytes changed, again and again. Verdicts and
// the events before them must agree, but for what reader.h lists.
func TestMutated(t *testing.T) {
	dir := os.Getenv("GOTRACE_MUTATE")
	if dir == "" {
		t.Skip("GOTRACE_MUTATE is not set")
	}
	files, _ := filepath.Glob(dir + "/*")
	rnd := rand.New(rand.NewPCG(1, 2))
	part := filepath.Join(t.TempDir(), "mutated")
	bad, good := 0, 0
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 40 {
			m := bytes.Clone(b)
			for range 1 + rnd.IntN(2) {
				m[16+rnd.IntN(len(m)-16)] = byte(rnd.IntN(256)) >> rnd.IntN(8)
			}
			os.WriteFile(part, m, 0o600)
			t.Run(fmt.Sprintf("%s-%d", filepath.Base(f), i), func(t *testing.T) {
				defer func() {
					if p := recover(); p != nil {
						t.Skipf("Go's reader panics: %v", p)
					}
				}()
				if err, _ := compare(t, part); err != nil {
					bad++
				} else {
					good++
				}
				if t.Failed() {
					os.WriteFile(filepath.Join(os.TempDir(), filepath.Base(f)+fmt.Sprint(i)), m, 0o600)
				}
			})
		}
	}
	t.Logf("%d lawful, %d not", good, bad)
}

// Both readers on one file, decoding only, on one core:
//
//	GOTRACE_BENCH=FILE GOMAXPROCS=1 go test -run NONE -bench . -benchtime 5x
func BenchmarkLibgotrace(b *testing.B) {
	file := os.Getenv("GOTRACE_BENCH")
	if file == "" {
		b.Skip("GOTRACE_BENCH is not set")
	}
	out := os.Getenv("GOTRACE_OUT")
	if out == "" {
		out = "../../.output"
	}
	n, cpu := 0, time.Duration(0)
	for b.Loop() {
		cmd := exec.Command(filepath.Join(out, "readers", "dump"), "-c", file)
		text, err := cmd.Output()
		if err != nil {
			b.Fatal(err)
		}
		fmt.Sscan(string(text), &n)
		cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	b.ReportMetric(float64(n)*float64(b.N)/cpu.Seconds()/1e6, "Mevents/cpu-s")
}

func BenchmarkExpTrace(b *testing.B) {
	file := os.Getenv("GOTRACE_BENCH")
	if file == "" {
		b.Skip("GOTRACE_BENCH is not set")
	}
	data, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	n, start := 0, cpuTime()
	for b.Loop() {
		n = 0
		r, err := trace.NewReader(bytes.NewReader(data))
		for err == nil {
			if _, err = r.ReadEvent(); err == nil {
				n++
			}
		}
		if err != io.EOF {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/(cpuTime()-start).Seconds()/1e6, "Mevents/cpu-s")
}

// cpuTime is what this process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// The one that made us look: there the readers part for x/exp/trace's reason, and ours reads to the end.
func TestPassedOver(t *testing.T) {
	file := filepath.Join("testdata", "passed-over-1.22.trace")
	if err, n := compare(t, file); err != errPassedOver || n != 19913 {
		t.Errorf("parted with %v at event %d", err, n)
	}
	if out, err := exec.Command(tool(t, "validate"), file).CombinedOutput(); err != nil {
		t.Errorf("validate: %v\n%s", err, out)
	}
}
