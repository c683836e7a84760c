package report

import (
	"bytes"
	"fmt"
	"io"
	"os"
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

func readAll(t *testing.T, file string) (n int, first, last trace.Time) {
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
	for ; ; n++ {
		ev, err := r.ReadEvent()
		if err == io.EOF {
			return n, first, last
		}
		if err != nil {
			t.Fatalf("after %d events: %v", n, err)
		}
		if n == 0 {
			first = ev.Time()
		}
		last = ev.Time()
	}
}

// Cuts are read to their end by Go's readers, begin where they should, and each generation of the
// trace is in exactly the cuts that touch it.
func TestCut(t *testing.T) {
	for name, file := range traces(t) {
		t.Run(name, func(t *testing.T) {
			all, first, last := readAll(t, file)
			out := filepath.Join(t.TempDir(), "cut")
			length := int64(last - first)
			for i := range int64(8) {
				a, b := length*i/8, length*(i+1)/8
				ours(t, "export", "--cut", fmt.Sprintf("%dns,%dns", a+1, b+1), "-o", out, file)
				n, f, l := readAll(t, out)
				if f > first+trace.Time(a)+1 && i > 0 && n == all {
					t.Errorf("cut %d begins late", i)
				}
				if int64(f-first) > a+1 || (int64(l-first) < b && l != last && i < 7) {
					t.Errorf("cut %d of [%d, %d] holds [%d, %d]", i, a, b, f-first, l-first)
				}
				gocmd(t, newest, ".", "tool", "trace", "-pprof=sched", out)
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
