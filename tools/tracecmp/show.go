package main

import (
	"fmt"
	"sort"
	"strings"

	"golang.org/x/exp/trace"
)

// How differences are shown.

// context shows a goroutine's neighbourhood in both traces: the reference left, ours right.
func (c *comparer) context(p *gPairs, i, j int) string {
	var t int64
	if i >= 0 {
		t = p.a[i].T
	} else {
		t = p.b[j].T
	}
	near := func(evs []gEvent) (int, int) {
		k := sort.Search(len(evs), func(k int) bool { return evs[k].T >= t })
		return max(0, k-4), min(len(evs), k+5)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "goroutine %d (%s) at %s\n", p.g, c.name(p.g), c.stamp(t))
	c.sideBySide(&b, p, i, j, near)
	return b.String()
}

func (c *comparer) stamp(t int64) string { return fmt.Sprintf("+%.6fs", float64(t-c.lo)/1e9) }

func (c *comparer) sideBySide(b *strings.Builder, p *gPairs, mi, mj int, near func([]gEvent) (int, int)) {
	ai, an := near(p.a)
	bj, bn := near(p.b)
	back := map[int]int{}
	for i, j := range p.pair {
		if j >= 0 {
			back[j] = i
		}
	}
	line := func(i, j int) {
		left, right, mark := "", "", "  "
		if i >= 0 {
			left = c.brief(p.a[i])
		}
		if j >= 0 {
			right = c.brief(p.b[j])
		}
		if i >= 0 && i == mi || j >= 0 && j == mj {
			mark = "> "
		}
		fmt.Fprintf(b, "  %s%-62s | %s\n", mark, left, right)
	}
	for ai < an || bj < bn {
		switch {
		case ai < an && p.pair[ai] < 0:
			line(ai, -1)
			ai++
		case bj < bn && !has(back, bj):
			line(-1, bj)
			bj++
		case ai < an && bj < bn && p.pair[ai] == bj:
			line(ai, bj)
			ai++
			bj++
		case ai < an && (bj >= bn || p.a[ai].T <= p.b[bj].T):
			line(ai, -1)
			ai++
		default:
			line(-1, bj)
			bj++
		}
	}
}

func has(m map[int]int, k int) bool { _, ok := m[k]; return ok }

func (c *comparer) brief(e gEvent) string {
	s := fmt.Sprintf("%s %s", c.stamp(e.T), kindOf(e))
	if e.Reason != 0 {
		s += " \"" + c.in.strs[e.Reason] + "\""
	}
	s += fmt.Sprintf(" P%d M%d", e.P, e.M)
	if e.By >= 0 && (e.To == trace.GoRunnable || e.From == trace.GoNotExist) {
		s += fmt.Sprintf(" by %d", e.By)
	}
	return s
}
