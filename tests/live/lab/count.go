package lab

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
	"testing"

	"golang.org/x/exp/trace"
)

// Goroutine is what a trace says of one goroutine.
type Goroutine struct {
	ID        int64
	Name      string // start function: outermost frame of the first stack
	Created   bool   // in the trace
	Foreign   int    // times made for a thread of C: its id is used again
	Destroyed bool
	Blocks    map[string]int
	Syscalls  map[string]int // by leaf function
	Starts    int
	Last      trace.GoState
	Moved     bool // had a transition
}

// Summary of a whole trace.
type Summary struct {
	Events     int
	Syncs      int
	Goroutines map[int64]*Goroutine
	STW        map[string]int
	GCCycles   int // begun and ended
	Metrics    map[string]int
	Labels     map[string]int
	NoStack    int // blocks without a stack
}

// Each goes through a trace with golang.org/x/exp/trace, which also judges it.
func Each(file string, fn func(trace.Event)) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := trace.NewReader(f)
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		ev, err := r.ReadEvent()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("after %d events: %w", n, err)
		}
		fn(ev)
	}
}

// Read counts what is in a trace.
func Read(file string) (*Summary, error) {
	s := &Summary{Goroutines: map[int64]*Goroutine{}, STW: map[string]int{}, Metrics: map[string]int{},
		Labels: map[string]int{}}
	gcOpen := false
	err := Each(file, func(ev trace.Event) {
		s.Events++
		switch ev.Kind() {
		case trace.EventSync:
			s.Syncs++
		case trace.EventMetric:
			s.Metrics[ev.Metric().Name]++
		case trace.EventLabel:
			s.Labels[ev.Label().Label]++
		case trace.EventRangeBegin:
			n := ev.Range().Name
			if k, ok := strings.CutPrefix(n, "stop-the-world ("); ok {
				s.STW[strings.TrimSuffix(k, ")")]++
			}
			gcOpen = gcOpen || n == "GC concurrent mark phase"
		case trace.EventRangeEnd:
			if ev.Range().Name == "GC concurrent mark phase" && gcOpen {
				gcOpen = false
				s.GCCycles++
			}
		case trace.EventStateTransition:
			if st := ev.StateTransition(); st.Resource.Kind == trace.ResourceGoroutine {
				s.transition(ev, st)
			}
		}
	})
	return s, err
}

func edge(s trace.Stack) (leaf, root string) {
	for f := range s.Frames() {
		if leaf == "" {
			leaf = f.Func
		}
		root = f.Func
	}
	return
}

func (s *Summary) transition(ev trace.Event, st trace.StateTransition) {
	id := int64(st.Resource.Goroutine())
	from, to := st.Goroutine()
	g := s.Goroutines[id]
	if g == nil {
		g = &Goroutine{ID: id, Blocks: map[string]int{}, Syscalls: map[string]int{}}
		s.Goroutines[id] = g
	}
	g.Last = to
	if from == to {
		return
	}
	if from != trace.GoUndetermined {
		g.Moved = true
	}
	leaf, root := edge(st.Stack)
	if g.Name == "" && from != trace.GoWaiting {
		g.Name = root
	}
	switch {
	case from == trace.GoNotExist:
		g.Created = true
		if to == trace.GoSyscall {
			g.Foreign++
		}
	case to == trace.GoNotExist:
		g.Destroyed = true
	case from == trace.GoRunning && to == trace.GoWaiting:
		g.Blocks[st.Reason]++
		if leaf == "" {
			s.NoStack++
		}
	case from == trace.GoRunning && to == trace.GoSyscall:
		g.Syscalls[leaf]++
		g.Syscalls["*"]++
	case from == trace.GoRunnable && to == trace.GoRunning:
		g.Starts++
	}
}

func nameMatches(pattern, name string) bool {
	if p, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(name, p)
	}
	return pattern == name
}

// Differences between what a fixture counted in a run and what a trace that covers it says. names
// says whether goroutines that did nothing have names (headers from 1.23 on).
func Differences(c Counts, s *Summary, names bool) []string {
	var d []string
	expect := func(what string, want, got int) {
		if want != got {
			d = append(d, fmt.Sprintf("%s: the program counted %d, the trace says %d", what, want, got))
		}
	}
	for _, f := range c.Funcs {
		creates, destroys := 0, 0
		blocks, syscalls := map[string]int{}, map[string]int{}
		for _, g := range s.Goroutines {
			if !g.Created || !nameMatches(f.Name, g.Name) {
				continue
			}
			creates++
			if g.Destroyed {
				destroys++
			}
			for k, n := range g.Blocks {
				blocks[k] += n
			}
			for k, n := range g.Syscalls {
				syscalls[k] += n
			}
		}
		expect(f.Name+" created", f.Creates, creates)
		if f.Destroys > 0 {
			expect(f.Name+" destroyed", f.Destroys, destroys)
		}
		for _, k := range sorted(f.Blocks) {
			expect(fmt.Sprintf("%s blocks %q", f.Name, k), f.Blocks[k], blocks[k])
		}
		for _, k := range sorted(f.Syscalls) {
			expect(fmt.Sprintf("%s syscalls %s", f.Name, k), f.Syscalls[k], syscalls[k])
			if f.Syscalls[k] != syscalls[k] {
				d = append(d, fmt.Sprintf("  (all its syscalls: %v)", syscalls))
			}
		}
	}
	for _, k := range sorted(c.STW) {
		expect("stop-the-world "+k, c.STW[k], s.STW[k])
	}
	if c.GCCycles != nil {
		expect("GC cycles", *c.GCCycles, s.GCCycles)
	}
	if c.ForeignThreads > 0 {
		n := 0
		for _, g := range s.Goroutines {
			n += g.Foreign
		}
		expect("goroutines of foreign threads", c.ForeignThreads, n)
	}
	if names {
		for _, name := range sorted(c.Parked) {
			n := 0
			for _, g := range s.Goroutines {
				if nameMatches(name, g.Name) && !g.Moved && g.Last == trace.GoWaiting {
					n++
				}
			}
			expect(name+" parked all along", c.Parked[name], n)
		}
	}
	return d
}

func sorted(m map[string]int) []string {
	var r []string
	for k := range m {
		r = append(r, k)
	}
	sort.Strings(r)
	return r
}

// HeaderMinor is N of the file's "go 1.N trace".
func HeaderMinor(t testing.TB, file string) int {
	t.Helper()
	b := make([]byte, 16)
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.ReadFull(f, b); err != nil {
		t.Fatalf("%s: no header: %v", file, err)
	}
	var n int
	if _, err := fmt.Sscanf(string(b), "go 1.%d trace", &n); err != nil {
		t.Fatalf("%s: header %q", file, b)
	}
	return n
}

// Parsed reads a trace by go tool trace -d=parsed of a Go version, to its end.
func Parsed(file, version string) error {
	c := GoCmd(version, "tool", "trace", "-d=parsed", file)
	var errb bytes.Buffer
	c.Stderr = &errb
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	n, _ := io.Copy(io.Discard, out)
	if err := c.Wait(); err != nil {
		return fmt.Errorf("go tool trace of %s: %v: %s", version, err, bytes.TrimSpace(errb.Bytes()))
	}
	if n == 0 {
		return fmt.Errorf("go tool trace of %s printed nothing", version)
	}
	return nil
}
