package lab

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	cmpOnce sync.Once
	cmpBin  string
	cmpErr  error
)

// TraceCmp builds tools/tracecmp.
func TraceCmp(t testing.TB) string {
	t.Helper()
	cmpOnce.Do(func() {
		cmpBin = filepath.Join(Out(), "tracecmp")
		c := exec.Command("go", "build", "-o", cmpBin, ".")
		c.Dir = filepath.Join(Root(), "tools", "tracecmp")
		if out, err := c.CombinedOutput(); err != nil {
			cmpErr = fmt.Errorf("%v: %s", err, out)
		}
	})
	if cmpErr != nil {
		t.Fatal(cmpErr)
	}
	return cmpBin
}

// Row of tracecmp's table.
type Row struct {
	Name    string  `json:"name"`
	Matched int     `json:"matched"`
	Wrong   int     `json:"wrong"`
	Missing int     `json:"missing"`
	Extra   int     `json:"extra"`
	Percent float64 `json:"percent"`
}

// Compared is tracecmp's judgement.
type Compared struct {
	Rows   []Row    `json:"rows"`
	Failed []string `json:"failed"` // thresholds not held
	Skew   struct {
		Median int64 `json:"median_ns"`
		P99    int64 `json:"p99_ns"`
	} `json:"skew"`
	Text string `json:"-"` // the first difference of each kind
}

// Row by name; an empty one if there is none.
func (c *Compared) Row(name string) Row {
	for _, r := range c.Rows {
		if r.Name == name {
			return r
		}
	}
	return Row{Name: name, Percent: 100}
}

// Traces of the formats before Go 1.22 have no threads, reasons by another table, and syscalls
// without ends.
const oldKinds = "create,block,unblock,stop,destroy"

// Compare runs tracecmp on a recording and what the program wrote itself.
func Compare(t testing.TB, version, ours, own string) (*Compared, error) {
	t.Helper()
	// One difference in a few hundred events is under any percentage and may be one event at the
	// edge of what the reference saw.
	args := []string{"-json", "-n", "1", "-slack", "1"}
	if Minor(version) < 22 {
		args = append(args, "-kinds", oldKinds, "-min", "transitions=99.99,creator=99.99,stack=99.9")
	}
	out, err := exec.Command(TraceCmp(t), append(args, ours, own)...).Output()
	var c Compared
	if e := json.Unmarshal(out, &c); e != nil {
		var ee *exec.ExitError
		if errors.As(err, &ee) {
			return nil, fmt.Errorf("tracecmp: %s", bytes.TrimSpace(ee.Stderr))
		}
		return nil, fmt.Errorf("tracecmp: %v, %v", err, e)
	}
	if len(c.Failed) > 0 {
		args[0] = "-json=false"
		text, _ := exec.Command(TraceCmp(t), append(args, ours, own)...).CombinedOutput()
		c.Text = string(text)
	}
	return &c, nil
}

// Measured is one cell of the coverage table.
type Measured struct {
	Version, Kind, Fixture string
	Syscalls               string // how they were seen: "tracepoint" or "uprobe"
	Readers                string // "yes", or who refuses
	Compared               *Compared
	Lost                   string   // "none", or what the summary says
	Unexplained            []string // repairs without a known cause
	HooksMissing           []string
	NoReference            string // why the program's own trace cannot be compared with
	Err                    string
	Stderr                 string
	Times                  int // measured, until it was fine
}

var (
	lostLine    = regexp.MustCompile(`(?m)^  lost +(.*)$`)
	repairsLine = regexp.MustCompile(`(?m)^  repairs +(.*)$`)
	badRepair   = regexp.MustCompile(`(\S+)! ([\d,]+)`)
)

// HooksMissing of a binary, as check says it.
func HooksMissing(t testing.TB, bin string) []string {
	t.Helper()
	_, out, errs := Run(t, time.Minute, "check", bin)
	var miss []string
	if !strings.Contains(out, "a recording would work") {
		miss = append(miss, strings.TrimSpace(errs))
	}
	for _, l := range strings.Split(out, "\n") {
		f := strings.Fields(l)
		switch {
		case strings.Contains(l, " MISSING "):
			miss = append(miss, f[0])
		case strings.Contains(l, "inlined copy in"):
			miss = append(miss, "copy in "+f[4])
		}
	}
	return miss
}

// Readers says whether every reader takes a trace: golang.org/x/exp/trace, our own, and go tool
// trace of the newest Go and of the target's own from 1.24 on.
func Readers(t testing.TB, version, file string) string {
	t.Helper()
	var bad []string
	if _, err := Read(file); err != nil {
		bad = append(bad, "x/exp/trace: "+err.Error())
	}
	if status, _, errs := Run(t, time.Minute, "validate", file); status != 0 {
		bad = append(bad, "validate: "+strings.TrimSpace(errs))
	}
	tools := []string{Newest}
	if Minor(version) >= 24 && version != Newest {
		tools = append(tools, version)
	}
	for _, v := range tools {
		if err := Parsed(file, v); err != nil {
			bad = append(bad, err.Error())
		}
	}
	if len(bad) > 0 {
		return strings.Join(bad, "; ")
	}
	return "yes"
}

// UnexplainedRepairs of a summary: those that a run without losses has no reason for.
func UnexplainedRepairs(stderr string) (bad []string) {
	if r := repairsLine.FindStringSubmatch(stderr); r != nil {
		for _, b := range badRepair.FindAllStringSubmatch(r[1], -1) {
			bad = append(bad, b[1]+" "+b[2])
		}
	}
	return bad
}

// BestOf measures up to n times, until all thresholds hold: on a busy machine a thread can lose its CPU
// between a probe and the runtime's own clock.
func BestOf(t testing.TB, n int, bin, version, kind, fixture string, rounds int) *Measured {
	t.Helper()
	for i := 1; ; i++ {
		m := Measure(t, bin, version, kind, fixture, rounds)
		m.Times = i
		if m.Fine() || i == n {
			return m
		}
	}
}

// syscallsOf gives each cell one of the two ways to see system calls, half of all cells each.
func syscallsOf(version, kind, fixture string) string {
	h := fnv.New32a()
	h.Write([]byte(version + "/" + kind + "/" + fixture))
	if h.Sum32()>>8&1 == 0 {
		return "tracepoint"
	}
	return "uprobe"
}

// Measure records a fixture while it traces itself, and judges.
func Measure(t testing.TB, bin, version, kind, fixture string, rounds int) *Measured {
	t.Helper()
	m := &Measured{Version: version, Kind: kind, Fixture: fixture, HooksMissing: HooksMissing(t, bin),
		Syscalls: syscallsOf(version, kind, fixture)}
	dir := t.TempDir()
	tg := Start(t, bin)
	rec := Record(t, tg.Pid, "-v", "--syscalls", m.Syscalls, "-o", filepath.Join(dir, "ours"))
	own := filepath.Join(dir, "own")
	tg.Trace(own)
	for i := 0; i < 3; i++ {
		tg.Run(rounds)
		time.Sleep(100 * time.Millisecond)
	}
	tg.EndTrace()
	time.Sleep(100 * time.Millisecond)
	status := rec.Stop()
	m.Stderr = rec.Stderr()
	tg.Kill()
	if status != 0 {
		m.Err = fmt.Sprintf("exit status %d", status)
	}
	if l := lostLine.FindStringSubmatch(m.Stderr); l != nil {
		m.Lost = strings.TrimSpace(l[1])
	}
	m.Unexplained = UnexplainedRepairs(m.Stderr)
	m.Readers = Readers(t, version, rec.File)
	c, err := Compare(t, version, rec.File, own)
	if err != nil && Minor(version) < 22 && strings.Contains(err.Error(), own+": no consistent ordering") {
		m.NoReference = "no consistent ordering of events possible in the program's own trace"
	} else if err != nil {
		m.Err = strings.TrimSpace(m.Err + " " + err.Error())
	}
	m.Compared = c
	return m
}

// Fine says whether the cell is as it must be.
func (m *Measured) Fine() bool {
	return m.Err == "" && m.Readers == "yes" && m.Lost == "none" && len(m.Unexplained) == 0 &&
		(m.NoReference != "" || m.Compared != nil && len(m.Compared.Failed) == 0)
}

// Foreign is one recording of a program that nobody here wrote.
type Foreign struct {
	Name, From, Version string
	Requests, Events    int
	Readers, Lost       string
	Repairs             string
	Unexplained         []string
	HooksMissing        []string
	Err, Stderr         string
}

var recordedLine = regexp.MustCompile(`(?m)^recorded .*\(pid \d+, ([^)]*)\)`)

// Judge fills in what the file and the summary say.
func (m *Foreign) Judge(t testing.TB, bin, file string) {
	t.Helper()
	m.HooksMissing = HooksMissing(t, bin)
	if l := lostLine.FindStringSubmatch(m.Stderr); l != nil {
		m.Lost = strings.TrimSpace(l[1])
	}
	if r := repairsLine.FindStringSubmatch(m.Stderr); r != nil {
		m.Repairs = r[1]
	}
	m.Unexplained = UnexplainedRepairs(m.Stderr)
	version := Newest
	if v := recordedLine.FindStringSubmatch(m.Stderr); v != nil {
		m.Version = v[1]
	}
	if s, err := Read(file); err == nil {
		m.Events = s.Events
	}
	m.Readers = Readers(t, version, file)
}

// Late: nothing is wrong but that times lie further apart than they should.
func (m *Measured) Late() bool {
	if m.Compared == nil || len(m.Compared.Failed) == 0 {
		return false
	}
	for _, f := range m.Compared.Failed {
		if !strings.Contains(f, "skew") {
			return false
		}
	}
	c := *m.Compared
	c.Failed = nil
	n := *m
	n.Compared = &c
	return n.Fine()
}
