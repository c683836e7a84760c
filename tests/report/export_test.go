package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/pprof/profile"
	"golang.org/x/exp/trace"
)

type total struct{ count, ns int64 }

// stacks sums up a profile by functions, files and lines. A frame of nothing (PC 0) counts as none:
// go tool trace takes a stack of it and no stack for the same.
func stacks(t *testing.T, raw []byte) map[string]total {
	t.Helper()
	p, err := profile.ParseData(raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.CheckValid(); err != nil {
		t.Fatal(err)
	}
	m := make(map[string]total)
	for _, s := range p.Sample {
		var b strings.Builder
		for _, l := range s.Location {
			for _, ln := range l.Line {
				if ln.Function.Name == "" && ln.Line == 0 {
					continue
				}
				fmt.Fprintf(&b, "%s %s:%d\n", ln.Function.Name, ln.Function.Filename, ln.Line)
			}
		}
		v := m[b.String()]
		m[b.String()] = total{v.count + s.Value[0], v.ns + s.Value[1]}
	}
	return m
}

// The same counts and nanoseconds by stack as `go tool trace -pprof`.
func TestPprof(t *testing.T) {
	for name, file := range traces(t) {
		for _, kind := range []string{"net", "sync", "syscall", "sched"} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				want := stacks(t, gocmd(t, newest, ".", "tool", "trace", "-pprof="+kind, file))
				got := stacks(t, ours(t, "export", "--pprof", kind, file))
				for s, w := range want {
					if got[s] != w {
						t.Errorf("got %v, want %v for\n%s", got[s], w, s)
					}
				}
				for s := range got {
					if _, ok := want[s]; !ok {
						t.Errorf("got %v, want nothing for\n%s", got[s], s)
					}
				}
				t.Logf("%d stacks", len(want))
			})
		}
	}
}

// Every byte that `go tool trace -d=parsed` prints.
func TestText(t *testing.T) {
	for name, file := range traces(t) {
		t.Run(name, func(t *testing.T) {
			want := gocmd(t, newest, ".", "tool", "trace", "-d=parsed", file)
			got := ours(t, "export", "--text", file)
			if bytes.Equal(got, want) {
				return
			}
			a, b := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
			for i := range min(len(a), len(b)) {
				if !bytes.Equal(a[i], b[i]) {
					t.Fatalf("line %d:\n got  %s\n want %s", i+1, a[i], b[i])
				}
			}
			t.Fatalf("%d lines, want %d", len(a), len(b))
		})
	}
}

// times are those of all events, but for Sync, which each generation adds.
func times(t *testing.T, file string) (list []trace.Time) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := trace.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for {
		ev, err := r.ReadEvent()
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatalf("after %d events: %v", len(list), err)
		}
		if ev.Kind() != trace.EventSync {
			list = append(list, ev.Time())
		}
	}
}

func within(list []trace.Time, from, to trace.Time) (n int) {
	for _, at := range list {
		if from <= at && at < to {
			n++
		}
	}
	return n
}

// Cuts are read to their end by Go's readers and hold every event of their time.
func TestCut(t *testing.T) {
	for name, file := range traces(t) {
		t.Run(name, func(t *testing.T) {
			all := times(t, file)
			var rep jsonReport
			if err := json.Unmarshal(ours(t, "report", "--json", file), &rep); err != nil {
				t.Fatal(err)
			}
			first, length := trace.Time(rep.Reports[0].FirstNs), rep.Reports[0].EndNs-rep.Reports[0].FirstNs
			out := filepath.Join(t.TempDir(), "cut")
			for i := range int64(5) {
				a, b := length*i/5+1, length*(i+1)/5+1
				ours(t, "export", "--cut", fmt.Sprintf("%dns,%dns", a, b), "-o", out, file)
				want := within(all, first+trace.Time(a), first+trace.Time(b))
				got := within(times(t, out), first+trace.Time(a), first+trace.Time(b))
				if got != want {
					t.Errorf("cut [%d, %d): %d events, want %d", a, b, got, want)
				}
				if i == 2 {
					gocmd(t, newest, ".", "tool", "trace", "-pprof=sched", out)
				}
			}
			ours(t, "export", "--cut", "0,1h", "-o", out, file)
			x, _ := os.ReadFile(file)
			y, _ := os.ReadFile(out)
			if !bytes.Equal(x, y) {
				t.Error("a cut of everything is not the trace")
			}
		})
	}
}

// Where there is no room for all of it, no file is left, and the time past the end holds nothing.
func TestCutFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "trace")
	if err := os.WriteFile(file, whole(t), 0o600); err != nil {
		t.Fatal(err)
	}
	for what, script := range map[string]string{
		"cannot write":                         `ulimit -f 4; trap "" XFSZ; exec "$@" --cut 0,1h`,
		"nothing of the trace is in this time": `exec "$@" --cut 1h,2h`,
	} {
		out := filepath.Join(t.TempDir(), "cut")
		c := exec.Command("sh", "-c", script, "sh", tool(t), "export", file, "-o", out)
		words, err := c.CombinedOutput()
		if err == nil || !strings.Contains(string(words), what) || strings.Contains(string(words), "kept") {
			t.Errorf("%s: %v: %s", script, err, words)
		}
		if left, _ := filepath.Glob(out + "*"); len(left) != 0 {
			t.Errorf("%s: left %v", script, left)
		}
	}
}
