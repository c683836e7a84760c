package main

import (
	"fmt"
	"math"
	"regexp"
	"sort"

	"golang.org/x/exp/trace"
)

// row is one line of the table. Of what the reference has, Matched + Wrong + Missing; Extra is only
// in ours. Wrong is used by rows that judge an attribute of paired events.
type row struct {
	Name    string  `json:"name"`
	Matched int     `json:"matched"`
	Wrong   int     `json:"wrong"`
	Missing int     `json:"missing"`
	Extra   int     `json:"extra"`
	Percent float64 `json:"percent"`
	Total   bool    `json:"-"`
}

func (r *row) seal() {
	if all := r.Matched + r.Wrong + r.Missing + r.Extra; all > 0 {
		r.Percent = 100 * float64(r.Matched) / float64(all)
	} else {
		r.Percent = 100
	}
}

type skew struct {
	Median int64 `json:"median_ns"` // of the absolute differences
	P99    int64 `json:"p99_ns"`
	Max    int64 `json:"max_ns"`
	Bias   int64 `json:"bias_ns"` // median of ours minus the reference's
}

type result struct {
	Ours, Ref     string
	How           string              `json:"aligned_by"`
	DriftPPM      float64             `json:"drift_ppm"`
	SnapshotErrNs *int64              `json:"snapshot_error_ns,omitempty"`
	OverlapNs     int64               `json:"overlap_ns"`
	Goroutines    int                 `json:"goroutines"`
	Rows          []*row              `json:"rows"`
	Skew          skew                `json:"skew"`
	SkewByKind    map[string]skew     `json:"skew_by_kind"`
	Info          map[string]int      `json:"info"`
	Diffs         map[string][]string `json:"differences"`
	diffOrder     []string
	diffCount     map[string]int
}

type options struct {
	exclude   *regexp.Regexp // goroutines by start function
	margin    int64
	maxDiffs  int
	kinds     map[string]bool // transitions to compare; nil: all
	stateSlop int64
}

func defaultOptions() options {
	return options{exclude: regexp.MustCompile(defaultExclude), margin: 1_000_000, maxDiffs: 5,
		stateSlop: 100_000}
}

// The goroutines that runtime/trace itself runs.
const defaultExclude = `^runtime/trace\.|^runtime\.\(\*traceAdvancerState\)|^runtime\.traceStartReadCPU`

func kindOf(e gEvent) string {
	switch {
	case e.From == trace.GoUndetermined:
		return "status"
	case e.From == trace.GoNotExist && e.To == trace.GoSyscall:
		return "create in syscall"
	case e.From == trace.GoNotExist && e.To == trace.GoWaiting:
		return "create blocked"
	case e.From == trace.GoNotExist:
		return "create"
	case e.From == trace.GoRunning && e.To == trace.GoNotExist:
		return "destroy"
	case e.From == trace.GoSyscall && e.To == trace.GoNotExist:
		return "destroy in syscall"
	case e.From == trace.GoRunnable && e.To == trace.GoRunning:
		return "start"
	case e.From == trace.GoRunning && e.To == trace.GoWaiting:
		return "block"
	case e.From == trace.GoRunning && e.To == trace.GoRunnable:
		return "stop"
	case e.From == trace.GoWaiting && e.To == trace.GoRunnable:
		return "unblock"
	case e.From == trace.GoRunning && e.To == trace.GoSyscall:
		return "syscall begin"
	case e.From == trace.GoSyscall && e.To == trace.GoRunning:
		return "syscall end"
	case e.From == trace.GoSyscall && e.To == trace.GoRunnable:
		return "syscall end blocked"
	}
	return fmt.Sprintf("%v to %v", e.From, e.To)
}

var kindOrder = []string{"create", "create blocked", "create in syscall", "start", "block", "unblock",
	"stop", "destroy", "destroy in syscall", "syscall begin", "syscall end", "syscall end blocked"}

type comparer struct {
	in        *interner
	opt       options
	ours, ref *traceData
	lo, hi    int64
	res       *result
	rows      map[string]*row
	skews     map[string][]int64
}

func (c *comparer) row(name string) *row {
	r := c.rows[name]
	if r == nil {
		r = &row{Name: name}
		c.rows[name] = r
		c.res.Rows = append(c.res.Rows, r)
	}
	return r
}

// diff notes one difference; text is made only if it will be shown.
func (c *comparer) diff(kind string, text func() string) {
	if c.res.diffCount[kind] == 0 {
		c.res.diffOrder = append(c.res.diffOrder, kind)
	}
	c.res.diffCount[kind]++
	if len(c.res.Diffs[kind]) < c.opt.maxDiffs {
		c.res.Diffs[kind] = append(c.res.Diffs[kind], text())
	}
}

func (c *comparer) inside(t int64) bool { return t >= c.lo && t <= c.hi }

func (c *comparer) name(g int64) string {
	if n, ok := c.ref.Name[g]; ok {
		return c.in.strs[n]
	}
	return c.in.strs[c.ours.Name[g]]
}

func (c *comparer) excluded(g int64) bool {
	return c.opt.exclude != nil && (c.opt.exclude.MatchString(c.in.strs[c.ref.Name[g]]) ||
		c.opt.exclude.MatchString(c.in.strs[c.ours.Name[g]]))
}

// pairs of one goroutine: a is the reference, b ours; statuses are no transitions.
type gPairs struct {
	g    int64
	a, b []gEvent
	pair []int // index in b for each of a, or -1
}

func transitionsOf(evs []gEvent, kinds map[string]bool) []gEvent {
	var r []gEvent
	for _, e := range evs {
		if e.From != trace.GoUndetermined && (kinds == nil || kinds[kindOf(e)]) {
			r = append(r, e)
		}
	}
	return r
}

func goItems(evs []gEvent) []item {
	r := make([]item, len(evs))
	for i, e := range evs {
		r[i] = item{e.T, uint64(e.From)<<8 | uint64(e.To)}
	}
	return r
}

func (c *comparer) goroutineIDs() []int64 {
	seen := map[int64]bool{}
	var ids []int64
	for _, td := range []*traceData{c.ref, c.ours} {
		for g := range td.G {
			if !seen[g] && !c.excluded(g) {
				seen[g] = true
				ids = append(ids, g)
			}
		}
	}
	sort.Slice(ids, func(i, j int) bool { return ids[i] < ids[j] })
	return ids
}

func (c *comparer) pairAll() []gPairs {
	var all []gPairs
	for _, g := range c.goroutineIDs() {
		p := gPairs{g: g, a: transitionsOf(c.ref.G[g], c.opt.kinds),
			b: transitionsOf(c.ours.G[g], c.opt.kinds)}
		p.pair = alignSeq(goItems(p.a), goItems(p.b), maxSkew)
		all = append(all, p)
	}
	return all
}

// certainPairs: the pairs that tell of the clocks. Where events of one kind follow each other within
// microseconds, a wrong offset pairs each with its neighbour and looks right: those are left out if
// there are enough others.
func certainPairs(all []gPairs) []point {
	const alone = 20_000 // ns to the next of its kind
	var ps, dense []point
	for _, p := range all {
		last := map[string]int{} // index in a of the last of each kind
		near := make([]bool, len(p.a))
		for i, e := range p.a {
			k := kindOf(e)
			if l, ok := last[k]; ok && e.T-p.a[l].T < alone {
				near[i], near[l] = true, true
			}
			last[k] = i
		}
		for i, j := range p.pair {
			if j < 0 {
				continue
			}
			if pt := (point{p.b[j].T, p.a[i].T - p.b[j].T}); near[i] {
				dense = append(dense, pt)
			} else {
				ps = append(ps, pt)
			}
		}
	}
	if len(ps) < 10 {
		ps = append(ps, dense...)
	}
	return ps
}

// compare aligns ours to ref in time and judges the overlap. It changes ours' times.
func compare(in *interner, ours, ref *traceData, opt options) (*result, error) {
	c := &comparer{in: in, opt: opt, ours: ours, ref: ref, rows: map[string]*row{},
		skews: map[string][]int64{},
		res: &result{Ours: ours.Path, Ref: ref.Path, Diffs: map[string][]string{},
			Info: map[string]int{}, SkewByKind: map[string]skew{}, diffCount: map[string]int{}}}

	snap, haveSnap := snapshotOffset(ours, ref)
	fit, ok := firstFit(ours, ref)
	if !ok {
		return nil, fmt.Errorf("nothing common to align the two traces by: are they of one process at one time?")
	}
	startOurs := ours.First
	ours.shift(fit)
	all := c.pairAll()
	// The pairs found so far give a better line: again with it, until it stays.
	rate := fit.rate
	shifted := func(t int64) int64 { return fit.apply(t) }
	for pass := 0; pass < 4; pass++ {
		ps := certainPairs(all)
		if len(ps) < 10 {
			break
		}
		fine := fitLine(ps, "")
		span := float64(ps[len(ps)-1].t - ps[0].t)
		if math.Abs(fine.off) < 20 && math.Abs(fine.rate)*span < 20 {
			break
		}
		ours.shift(fine)
		rate += fine.rate
		before := shifted
		shifted = func(t int64) int64 { return fine.apply(before(t)) }
		all = c.pairAll()
	}
	c.res.How = fit.how
	c.res.DriftPPM = rate * 1e6
	if haveSnap {
		e := shifted(startOurs) - startOurs - snap
		c.res.SnapshotErrNs = &e
	}

	c.lo = max(ours.First, ref.First) + opt.margin
	c.hi = min(ours.Last, ref.Last) - opt.margin
	if c.hi <= c.lo {
		return nil, fmt.Errorf("the traces do not overlap: ours ends %d us before the reference begins, or the other way round",
			(c.lo-c.hi)/1000)
	}
	c.res.OverlapNs = c.hi - c.lo
	c.res.Goroutines = len(all)

	total := c.row("transitions")
	for _, k := range kindOrder {
		if opt.kinds == nil || opt.kinds[k] {
			c.row("  " + k)
		}
	}
	for _, n := range []string{"reason", "thread", "P", "waker", "creator", "start function", "stack",
		"stack lines"} {
		c.row(n)
	}
	for i := range all {
		c.goroutine(&all[i], total)
	}
	c.starts(all)
	if opt.kinds == nil {
		c.procs()
		c.ranges("GC cycles", c.ref.Cycles, c.ours.Cycles)
		c.ranges("stop-the-world", c.ref.STW, c.ours.STW)
		c.perG("mark assists", c.ref.Assist, c.ours.Assist)
		c.perG("worker labels", c.ref.Labels, c.ours.Labels)
		c.metrics("heap", "/memory/classes/heap/objects:bytes")
		c.metrics("heap goal", "/gc/heap/goal:bytes")
		c.metrics("GOMAXPROCS", "/sched/gomaxprocs:threads")
	}
	var ds []int64
	for k, s := range c.skews {
		ds = append(ds, s...)
		c.res.SkewByKind[k] = skewOf(s)
	}
	c.res.Skew = skewOf(ds)
	for _, r := range c.res.Rows {
		r.seal()
	}
	return c.res, nil
}

func skewOf(ds []int64) skew {
	if len(ds) == 0 {
		return skew{}
	}
	s := skew{Bias: median(ds)}
	for i, d := range ds {
		ds[i] = abs64(d)
	}
	sort.Slice(ds, func(i, j int) bool { return ds[i] < ds[j] })
	s.Median, s.P99, s.Max = ds[len(ds)/2], ds[min(len(ds)-1, len(ds)*99/100)], ds[len(ds)-1]
	return s
}

func (c *comparer) goroutine(p *gPairs, total *row) {
	used := make([]bool, len(p.b))
	for i, j := range p.pair {
		a := p.a[i]
		if j >= 0 {
			used[j] = true
		}
		if !c.inside(a.T) {
			continue
		}
		k := kindOf(a)
		if j < 0 {
			total.Missing++
			c.row("  "+k).Missing++
			c.diff("missing "+k, func() string { return c.context(p, i, -1) })
			continue
		}
		total.Matched++
		c.row("  "+k).Matched++
		c.skews[k] = append(c.skews[k], p.b[j].T-a.T)
		c.attributes(p, i, j, k)
	}
	for j, e := range p.b {
		if used[j] || !c.inside(e.T) {
			continue
		}
		k := kindOf(e)
		total.Extra++
		c.row("  "+k).Extra++
		c.diff("extra "+k, func() string { return c.context(p, -1, j) })
	}
}

func (c *comparer) attributes(p *gPairs, i, j int, k string) {
	a, b := p.a[i], p.b[j]
	judge := func(name string, ok bool, detail func() string) {
		r := c.row(name)
		if ok {
			r.Matched++
			return
		}
		r.Wrong++
		c.diff(name+" of "+k, func() string { return detail() + c.context(p, i, j) })
	}
	words := func(what string, ref, ours any) func() string {
		return func() string { return fmt.Sprintf("%s: reference %v, ours %v\n", what, ref, ours) }
	}
	if k == "block" || k == "stop" {
		judge("reason", a.Reason == b.Reason,
			words("reason", c.in.strs[a.Reason], c.in.strs[b.Reason]))
	}
	judge("thread", a.M == b.M, words("thread", a.M, b.M))
	judge("P", a.P == b.P, words("P", a.P, b.P))
	if k == "unblock" {
		judge("waker", a.By == b.By, words("waker", a.By, b.By))
	}
	if a.From == trace.GoNotExist {
		judge("creator", a.By == b.By, words("creator", a.By, b.By))
		judge("start function", a.New == b.New,
			words("start function", c.in.strs[a.New], c.in.strs[b.New]))
	}
	if a.Stack == 0 {
		if b.Stack != 0 {
			c.res.Info["stacks only in ours: "+k]++
		}
		return
	}
	both := func() string {
		return "stack, reference:\n" + c.in.stackString(a.Stack, "    ") +
			"stack, ours:\n" + c.in.stackString(b.Stack, "    ")
	}
	same := b.Stack != 0 && c.in.funcs[a.Stack] == c.in.funcs[b.Stack]
	judge("stack", same, both)
	if same {
		judge("stack lines", a.Stack == b.Stack, both)
	}
}
