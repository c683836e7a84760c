package live

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"live/lab"
)

// TestCoverage measures the table of docs/coverage.md: tools/coverage runs it and says where it
// goes. Results are kept below OUT, so that a run that was stopped goes on.
func TestCoverage(t *testing.T) {
	page := os.Getenv("GOTRACE_COVERAGE")
	if page == "" {
		t.Skip("measured by tools/coverage (make compare)")
	}
	lab.Tool(t)
	store := filepath.Join(lab.Out(), "coverage.jsonl")
	cells := load(store)
	// All builds first: a compiler beside it is no good for a measurement.
	for _, c := range coverageCells() {
		if _, ok := cells[c.name()]; !ok {
			t.Run("build/"+c.name(), func(t *testing.T) { lab.Build(t, c.fixture, c.version, c.kind) })
		}
	}
	for _, c := range coverageCells() {
		if _, ok := cells[c.name()]; ok {
			continue
		}
		t.Run(c.name(), func(t *testing.T) {
			bin := lab.Build(t, c.fixture, c.version, c.kind)
			m := lab.BestOf(t, 3, bin, c.version, c.kind, c.fixture, rounds[c.fixture])
			if !m.Fine() {
				t.Errorf("%s %s %s %v\n%s", m.Err, m.Readers, m.Lost, m.Unexplained, m.Stderr)
				if m.Compared != nil {
					t.Errorf("%v\n%s", m.Compared.Failed, m.Compared.Text)
				}
			}
			cells[c.name()] = m
			f, err := os.OpenFile(store, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			json.NewEncoder(f).Encode(m)
		})
	}
	writePage(t, page)
}

// writePage renders what the stores below OUT hold.
func writePage(t *testing.T, page string) {
	t.Helper()
	text := render(load(filepath.Join(lab.Out(), "coverage.jsonl"))) + renderForeign(filepath.Join(lab.Out(), "foreign.jsonl"))
	if err := os.WriteFile(page, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// coverageCells: every fixture in the default kind; every kind with one fixture, another one each
// time (GOTRACE_FULL: with every fixture); of a minor's first release the kinds that differ most.
func coverageCells() []cell {
	var cs []cell
	small := []string{"channel", "syscalls", "mutex", "timers", "gc", "gomaxprocs", "signals"}
	for vi := len(lab.AllVersions) - 1; vi >= 0; vi-- {
		v := lab.AllVersions[vi]
		for ki, k := range lab.AllKinds {
			for _, f := range lab.Fixtures {
				one := small[(vi*3+ki)%len(small)]
				switch {
				case k.Name == "cgo":
					one = "cgo"
				case k.Name == "static" && lab.Minor(v) <= 20:
					one = "nethttp" // linked so without runtime/cgo, they die at their start by themselves
				}
				if lab.Minor(v) < k.Since || f == "coro" && lab.Minor(v) < 23 {
					continue
				}
				if ki == 0 || f == one || lab.Full() {
					cs = append(cs, cell{v, f, k.Name})
				}
			}
		}
	}
	for i, v := range lab.FirstVersions {
		cs = append(cs, cell{v, "channel", "default"}, cell{v, "nethttp", "default"}, cell{v, "syscalls", "stripped"},
			cell{v, small[i%len(small)], "pie-stripped"}, cell{v, "cgo", "cgo"})
	}
	// The cheap kinds of all versions before those that build the library anew.
	sort.SliceStable(cs, func(i, j int) bool { return weight(cs[i].kind) < weight(cs[j].kind) })
	return cs
}

func weight(kind string) int {
	switch kind {
	case "default":
		return 0
	case "stripped", "cgo", "external", "static", "no-buildinfo":
		return 1
	}
	return 2
}

func load(store string) map[string]*lab.Measured {
	cells := map[string]*lab.Measured{}
	f, err := os.Open(store)
	if err != nil {
		return cells
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 16<<20)
	for sc.Scan() {
		var m lab.Measured
		if json.Unmarshal(sc.Bytes(), &m) == nil {
			cells[cell{m.Version, m.Fixture, m.Kind}.name()] = &m
		}
	}
	return cells
}

const pageHead = `# What was recorded, and how it compares

Written by tools/coverage (make compare); no cell is made by hand. Each cell records a fixture
(tests/fixtures) while it traces itself with runtime/trace, and compares by tools/tracecmp.

- **syscalls**: how they were seen, by the kernel's tracepoints or by probes (--syscalls): half of the
  cells each.
- **readers**: golang.org/x/exp/trace, go tool trace of the newest Go and of the program's own from
  1.24 on, and gotrace-bpf validate take the file to its end.
- **match**: transitions of goroutines that both traces have, of those that either has. Up to Go 1.21
  (whose own traces are of the old format) only create, block, unblock, stop and destroy.
- **stack**: of the paired transitions with a stack in the program's own trace, those with the same
  functions.
- **all held**: every threshold of tools/tracecmp (reasons, threads, Ps, wakers, creators, stacks,
  lines, states at the start, GC cycles, stop-the-world, heap, skew of times); a single difference in
  a row is allowed. With "(2nd)", "(3rd)" it was measured again: on a busy machine a thread can lose
  its CPU between a probe and the runtime's own clock. What three times do not hold is told; a later
  run may measure those cells again.
- **not compared**: the program's own trace is refused by its own reader, also when nobody records it
  (Go 1.19 with C threads that call in).
- **hooks missing**: what gotrace-bpf check says of this binary.

`

func percent(p float64) string {
	return strings.TrimRight(strings.TrimRight(fmt.Sprintf("%.3f", p), "0"), ".") + " %"
}

func row(b *strings.Builder, m *lab.Measured) {
	match, stack, held := "-", "-", "yes"
	if c := m.Compared; c != nil {
		tr, st := c.Row("transitions"), c.Row("stack")
		match = fmt.Sprintf("%s of %d", percent(tr.Percent), tr.Matched+tr.Missing+tr.Extra)
		stack = fmt.Sprintf("%s of %d", percent(st.Percent), st.Matched+st.Wrong)
		if len(c.Failed) > 0 {
			held = strings.Join(c.Failed, ", ")
		}
	}
	if m.Err != "" {
		held = m.Err
	}
	if m.NoReference != "" {
		held = "not compared: " + m.NoReference
	}
	if len(m.Unexplained) > 0 {
		held += "; unexplained repairs: " + strings.Join(m.Unexplained, ", ")
	}
	if m.Lost != "none" {
		held += "; lost " + m.Lost
	}
	held += []string{"", "", " (2nd)", " (3rd)"}[m.Times]
	hooks := "none"
	if len(m.HooksMissing) > 0 {
		hooks = strings.Join(m.HooksMissing, ", ")
	}
	fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", m.Version, m.Kind, m.Fixture, m.Syscalls, m.Readers,
		match, stack, held, strings.ReplaceAll(hooks, "|", "/"))
}

func render(cells map[string]*lab.Measured) string {
	var b strings.Builder
	b.WriteString(pageHead)
	fine, all := 0, 0
	for _, m := range cells {
		all++
		if m.Fine() {
			fine++
		}
	}
	fmt.Fprintf(&b, "%d cells, %d of them hold all.\n", all, fine)
	for i := len(lab.AllVersions)*2 - 1; i >= 0; i-- {
		v := lab.AllVersions[i/2]
		if i%2 == 0 {
			v = lab.FirstVersions[i/2]
		}
		fmt.Fprintf(&b, "\n## Go %s\n\n| version | kind | fixture | syscalls | readers | match | stack | all held | hooks missing |\n|---|---|---|---|---|---|---|---|---|\n", v)
		for _, k := range lab.AllKinds {
			for _, f := range lab.Fixtures {
				if m := cells[cell{v, f, k.Name}.name()]; m != nil {
					row(&b, m)
				}
			}
		}
		for _, k := range lab.AllKinds {
			if i%2 == 1 && lab.Minor(v) < k.Since {
				fmt.Fprintf(&b, "| %s | %s | - | - | - | - | - | no such builds before Go 1.%d | - |\n", v, k.Name, k.Since)
			}
		}
	}
	return b.String()
}

// renderForeign is the table of the programs that nobody here wrote.
func renderForeign(store string) string {
	var b strings.Builder
	b.WriteString("\n## Programs that nobody here wrote\n\nServers under a load of eight clients, recorded for 3 s each.\n\n" +
		"| program | from | Go | requests | events | readers | lost | unexplained repairs | hooks missing |\n|---|---|---|---|---|---|---|---|---|\n")
	f, err := os.Open(store)
	if err != nil {
		return ""
	}
	defer f.Close()
	none := func(v []string) string {
		if len(v) == 0 {
			return "none"
		}
		return strings.ReplaceAll(strings.Join(v, ", "), "|", "/")
	}
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 16<<20)
	for sc.Scan() {
		var m lab.Foreign
		if json.Unmarshal(sc.Bytes(), &m) == nil {
			fmt.Fprintf(&b, "| %s | %s | %s | %d | %d | %s | %s | %s | %s |\n", m.Name, m.From, m.Version, m.Requests,
				m.Events, m.Readers, m.Lost, none(m.Unexplained), none(m.HooksMissing))
		}
	}
	return b.String()
}
