// What the tests of the flight recorder share: a target, dumps in a folder and what is in one, what
// the recorder says of itself.

package live

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/exp/trace"

	"live/lab"
)

// Targets of the flight recorder: flightprog, as the newest Go builds it.
func flightProg(t *testing.T) string {
	t.Helper()
	lab.NeedGo(t, lab.Newest)
	bin := filepath.Join(lab.Out(), "fixtures", "flightprog")
	c := lab.GoCmd(lab.Newest, "build", "-o", bin, "./flightprog")
	c.Dir = filepath.Join(lab.Root(), "tests", "live")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("building flightprog: %v\n%s", err, out)
	}
	return bin
}

type prog struct {
	*exec.Cmd
	ended chan struct{}
}

func startProg(t *testing.T, bin string, args ...string) *prog {
	t.Helper()
	p := &prog{Cmd: exec.Command(bin, args...), ended: make(chan struct{})}
	in, err := p.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); p.Process.Kill(); <-p.ended })
	ready := make([]byte, 64)
	if n, err := out.Read(ready); err != nil || !strings.HasPrefix(string(ready[:n]), "ready ") {
		t.Fatalf("flightprog: %q %v", ready, err)
	}
	go func() { p.Wait(); close(p.ended) }()
	return p
}

func (p *prog) pid() string { return strconv.Itoa(p.Process.Pid) }

// dumps in a folder, by number (%n of the default template).
var dumpName = regexp.MustCompile(`-(\d+)-([A-Za-z0-9-]+)\.trace$`)

type dumpFile struct {
	path, reason string
	n            int
}

func dumpsOf(t *testing.T, dir string) []dumpFile {
	t.Helper()
	es, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var ds []dumpFile
	for _, e := range es {
		// The time has a dash in front of the number: "...Z-7-signal.trace".
		i := strings.Index(e.Name(), "Z-")
		if i < 0 {
			continue
		}
		if m := dumpName.FindStringSubmatch(e.Name()[i:]); m != nil {
			n, _ := strconv.Atoi(m[1])
			ds = append(ds, dumpFile{filepath.Join(dir, e.Name()), m[2], n})
		}
	}
	sort.Slice(ds, func(i, j int) bool { return ds[i].n < ds[j].n })
	return ds
}

// waitDumps waits until there are at least n; they appear whole.
func waitDumps(t *testing.T, dir string, n int, limit time.Duration) []dumpFile {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < limit; time.Sleep(2 * time.Millisecond) {
		if ds := dumpsOf(t, dir); len(ds) >= n {
			return ds
		}
	}
	t.Fatalf("%d dumps within %v, want %d", len(dumpsOf(t, dir)), limit, n)
	return nil
}

type flightStatus struct {
	Window struct {
		Seconds     float64
		Bytes       uint64
		Generations int
	}
	Lost   uint64 `json:"lost_records"`
	Memory struct {
		Resident uint64 `json:"resident_bytes"`
		Stated   uint64 `json:"stated_bytes"`
	}
	Goroutines uint64
	Cost       struct {
		Hits float64 `json:"hits_per_second"`
		CPU  float64 `json:"cpu_percent"`
	}
	Dumps struct {
		Written, Failed, Joined, Removed uint64
		GivenUp                          uint64 `json:"given_up"`
	}
}

func ctlStatus(t *testing.T, pid string) flightStatus {
	t.Helper()
	out, err := exec.Command(lab.Tool(t), "ctl", pid, "status", "--json").Output()
	var s flightStatus
	if err == nil {
		err = json.Unmarshal(out, &s)
	}
	if err != nil {
		t.Fatalf("ctl status: %v\n%s", err, out)
	}
	return s
}

// ready waits until the recorder answers: it records then.
func ready(t *testing.T, pid string) {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < 20*time.Second; time.Sleep(20 * time.Millisecond) {
		out, err := exec.Command(lab.Tool(t), "ctl", pid, "status", "--json").Output()
		if err == nil && bytes.Contains(out, []byte("stated_bytes")) {
			return
		}
	}
	t.Fatal("the recorder does not answer")
}

// scale is n in full, few otherwise.
func scale(full, few int) int {
	if lab.Full() {
		return full
	}
	return few
}

// move is a transition as a reader shows it.
type move struct {
	at       trace.Time
	res      string
	from, to string
	reason   string
	stack    string
}

type dumpRead struct {
	first, last trace.Time // of all events
	firstGen    trace.Time // end of the first generation
	longest     trace.Time // generation
	moves       []move
	logs        []trace.Log
	clock       *trace.ClockSnapshot
}

func readDump(path string) (*dumpRead, error) {
	d := &dumpRead{}
	var syncs []trace.Time
	err := lab.Each(path, func(ev trace.Event) {
		if d.first == 0 {
			d.first = ev.Time()
		}
		d.last = max(d.last, ev.Time())
		switch ev.Kind() {
		case trace.EventSync:
			syncs = append(syncs, ev.Time())
			if c := ev.Sync().ClockSnapshot; c != nil && d.clock == nil {
				d.clock = c
			}
		case trace.EventLog:
			d.logs = append(d.logs, ev.Log())
		case trace.EventStateTransition:
			st := ev.StateTransition()
			m := move{at: ev.Time(), res: st.Resource.String(), reason: st.Reason, stack: st.Stack.String()}
			if st.Resource.Kind == trace.ResourceGoroutine {
				a, b := st.Goroutine()
				m.from, m.to = a.String(), b.String()
			} else {
				a, b := st.Proc()
				m.from, m.to = a.String(), b.String()
			}
			// What a generation announces is news in the first one only.
			if m.from != m.to && m.from != "Undetermined" {
				d.moves = append(d.moves, m)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	for i := 1; i < len(syncs); i++ {
		d.longest = max(d.longest, syncs[i]-syncs[i-1])
	}
	if len(syncs) > 1 {
		d.firstGen = syncs[1]
	}
	return d, nil
}

// overlap: what both hold must be the same. The count of moves compared.
func overlap(a, b *dumpRead) (int, error) {
	lo, hi := max(a.first, b.first), min(a.last, b.last)
	cut := func(ms []move) []move {
		i := sort.Search(len(ms), func(i int) bool { return ms[i].at > lo })
		j := sort.Search(len(ms), func(i int) bool { return ms[i].at > hi })
		return ms[i:max(i, j)]
	}
	x, y := cut(a.moves), cut(b.moves)
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return i, fmt.Errorf("event %d of the overlap differs:\n%+v\n%+v", i, x[i], y[i])
		}
	}
	if len(x) != len(y) {
		return 0, fmt.Errorf("%d and %d events in the overlap", len(x), len(y))
	}
	return len(x), nil
}

// allReaders: every toolchain's own reader that takes files of a version, which is from.
func allReaders(t *testing.T, path string, from int) {
	t.Helper()
	for _, v := range lab.Versions {
		mode := "-d=parsed"
		if lab.Minor(v) < 24 {
			mode = "-d=1"
		}
		if lab.Minor(v) < from {
			continue
		}
		lab.NeedGo(t, v)
		c := lab.GoCmd(v, "tool", "trace", mode, path)
		var errs bytes.Buffer
		c.Stdout, c.Stderr = io.Discard, &errs
		if err := c.Run(); err != nil {
			t.Errorf("Go %s refuses %s: %v\n%s", v, path, err, errs.String())
		}
	}
	if st, _, errs := lab.Run(t, time.Minute, "validate", path); st != 0 {
		t.Errorf("validate refuses %s:\n%s", path, errs)
	}
}
