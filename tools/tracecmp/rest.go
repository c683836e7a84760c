package main

import (
	"fmt"
	"sort"
	"strings"

	"golang.org/x/exp/trace"
)

// What is compared beyond the transitions of goroutines: states at the start, Ps, ranges, metrics.

// statesAt: the states that a goroutine was in between t-slop and t+slop; at least one.
func statesAt(evs []gEvent, t, slop int64) map[trace.GoState]bool {
	r := map[trace.GoState]bool{}
	cur := trace.GoNotExist
	if len(evs) > 0 {
		if cur = evs[0].From; cur == trace.GoUndetermined {
			cur = evs[0].To
		}
	}
	for _, e := range evs {
		if e.T > t+slop {
			break
		}
		if e.T >= t-slop {
			r[cur] = true
		}
		cur = e.To
	}
	r[cur] = true
	return r
}

// starts compares which goroutines exist at the beginning of the overlap, in what state and by
// what name.
func (c *comparer) starts(all []gPairs) {
	state, name := c.row("state at the start"), c.row("goroutine names")
	for i := range all {
		g := all[i].g
		sa := statesAt(c.ref.G[g], c.lo, c.opt.stateSlop)
		sb := statesAt(c.ours.G[g], c.lo, c.opt.stateSlop)
		goneA, goneB := len(sa) == 1 && sa[trace.GoNotExist], len(sb) == 1 && sb[trace.GoNotExist]
		text := func() string {
			return fmt.Sprintf("goroutine %d (%s): reference %v, ours %v\n", g, c.name(g), keys(sa), keys(sb))
		}
		switch {
		case goneA && goneB:
		case intersects(sa, sb):
			state.Matched++ // a creation or an end just there may lie on either side
		case goneB && !goneA:
			state.Missing++
			c.diff("state at the start: missing", text)
		case goneA && !goneB:
			state.Extra++
			c.diff("state at the start: extra", text)
		default:
			state.Wrong++
			c.diff("state at the start", text)
		}
		na, okA := c.ref.Name[g]
		nb, okB := c.ours.Name[g]
		if !okA || c.in.strs[na] == "" {
			continue // the reference does not know it (formats before 1.23 for goroutines that never ran)
		}
		if okB && na == nb {
			name.Matched++
			continue
		}
		name.Wrong++
		c.diff("goroutine names", func() string {
			return fmt.Sprintf("goroutine %d: reference %q, ours %q\n", g, c.in.strs[na], c.in.strs[nb])
		})
	}
}

func keys(m map[trace.GoState]bool) string {
	var s []string
	for k := range m {
		s = append(s, k.String())
	}
	sort.Strings(s)
	return strings.Join(s, "/")
}

func intersects(a, b map[trace.GoState]bool) bool {
	for k := range a {
		if b[k] {
			return true
		}
	}
	return false
}

// sequence judges two aligned sequences and calls each for the pairs inside the overlap.
func (c *comparer) sequence(r *row, what string, limit int64, a, b []item, text func(ref bool, k int) string,
	each func(i, j int)) {
	pair := alignSeq(a, b, limit)
	used := make([]bool, len(b))
	for i, j := range pair {
		if j >= 0 {
			used[j] = true
		}
		if !c.inside(a[i].t) {
			continue
		}
		if j < 0 {
			r.Missing++
			c.diff(what+": missing", func() string { return text(true, i) })
			continue
		}
		r.Matched++
		if each != nil {
			each(i, j)
		}
	}
	for j := range b {
		if !used[j] && c.inside(b[j].t) {
			r.Extra++
			c.diff(what+": extra", func() string { return text(false, j) })
		}
	}
}

func (c *comparer) procs() {
	r, thr := c.row("P transitions"), c.row("P thread")
	seen := map[int64]bool{}
	var ids []int64
	for _, td := range []*traceData{c.ref, c.ours} {
		for p := range td.P {
			if !seen[p] {
				seen[p] = true
				ids = append(ids, p)
			}
		}
	}
	sort.Slice(ids, func(i, j int) bool { return ids[i] < ids[j] })
	items := func(evs []pEvent) []item {
		x := make([]item, len(evs))
		for i, e := range evs {
			x[i] = item{e.T, uint64(e.Kind)}
		}
		return x
	}
	for _, p := range ids {
		a, b := c.ref.P[p], c.ours.P[p]
		around := func(t int64) string {
			s := ""
			for _, side := range []struct {
				n   string
				evs []pEvent
			}{{"reference", a}, {"ours", b}} {
				k := sort.Search(len(side.evs), func(k int) bool { return side.evs[k].T >= t })
				for _, e := range side.evs[max(0, k-3):min(len(side.evs), k+4)] {
					s += fmt.Sprintf("    %-9s %s %s M%d\n", side.n, c.stamp(e.T), pKindNames[e.Kind], e.M)
				}
			}
			return s
		}
		text := func(ref bool, k int) string {
			e := b
			if ref {
				e = a
			}
			return fmt.Sprintf("P %d %s at %s on M%d\n%s", p, pKindNames[e[k].Kind], c.stamp(e[k].T), e[k].M,
				around(e[k].T))
		}
		c.sequence(r, "P", maxSkew, items(a), items(b), text, func(i, j int) {
			if a[i].M == b[j].M {
				thr.Matched++
				return
			}
			thr.Wrong++
			c.diff("P thread", func() string {
				return fmt.Sprintf("P %d %s at %s: reference M%d, ours M%d\n", p, pKindNames[a[i].Kind],
					c.stamp(a[i].T), a[i].M, b[j].M)
			})
		})
	}
}

func rangeItems(evs []rEvent) []item {
	x := make([]item, len(evs))
	for i, e := range evs {
		x[i] = item{e.T, uint64(e.Name)}
		if e.End {
			x[i].key |= 1 << 32
		}
	}
	return x
}

func (c *comparer) rangeText(a, b []rEvent) func(bool, int) string {
	return func(ref bool, k int) string {
		e := b
		if ref {
			e = a
		}
		side := "begin"
		if e[k].End {
			side = "end"
		}
		return fmt.Sprintf("%s of %q at %s on goroutine %d (%s)\n", side, c.in.strs[e[k].Name],
			c.stamp(e[k].T), e[k].G, c.name(e[k].G))
	}
}

func (c *comparer) ranges(what string, a, b []rEvent) {
	who := c.row(what)
	c.sequence(who, what, rareSkew, rangeItems(a), rangeItems(b), c.rangeText(a, b), func(i, j int) {
		kind := what
		if a[i].End {
			kind += " end"
		}
		c.skews[kind] = append(c.skews[kind], b[j].T-a[i].T)
		if a[i].G != b[j].G {
			c.diff(what+": goroutine", func() string {
				return fmt.Sprintf("reference %d, ours %d: %s", a[i].G, b[j].G, c.rangeText(a, b)(true, i))
			})
			who.Matched--
			who.Wrong++
		}
	})
}

func (c *comparer) perG(what string, a, b map[int64][]rEvent) {
	r := c.row(what)
	seen := map[int64]bool{}
	for _, m := range []map[int64][]rEvent{a, b} {
		for g := range m {
			if seen[g] {
				continue
			}
			seen[g] = true
			c.sequence(r, what, maxSkew, rangeItems(a[g]), rangeItems(b[g]), c.rangeText(a[g], b[g]), func(i, j int) {
				c.skews[what] = append(c.skews[what], b[g][j].T-a[g][i].T)
			})
		}
	}
}

// metrics: each value of the reference must lie within 5 % of ours at that time, or between ours
// before and after it.
func (c *comparer) metrics(what, name string) {
	r := c.row(what)
	a, b := c.ref.Metrics[name], c.ours.Metrics[name]
	close5 := func(x, y uint64) bool {
		d := float64(x) - float64(y)
		return d <= 0.05*float64(x) && -d <= 0.05*float64(x)
	}
	for _, m := range a {
		if !c.inside(m.T) {
			continue
		}
		k := sort.Search(len(b), func(k int) bool { return b[k].T > m.T })
		if len(b) == 0 {
			r.Missing++
			c.diff(what+": missing", func() string { return fmt.Sprintf("%d at %s\n", m.V, c.stamp(m.T)) })
			continue
		}
		lo, hi := b[max(0, k-1)].V, b[min(len(b)-1, k)].V
		if close5(m.V, lo) || close5(m.V, hi) || m.V >= min(lo, hi) && m.V <= max(lo, hi) {
			r.Matched++
			continue
		}
		r.Wrong++
		c.diff(what, func() string {
			return fmt.Sprintf("reference %d at %s; ours %d before, %d after\n", m.V, c.stamp(m.T), lo, hi)
		})
	}
}
