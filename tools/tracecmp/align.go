package main

import (
	"math"
	"sort"

	"golang.org/x/exp/trace"
)

// item is one event of a sequence to be aligned: what it is and when.
type item struct {
	t   int64
	key uint64
}

const (
	maxSkew   = 20_000_000  // ns: further apart than this is never the same event
	rareSkew  = 200_000_000 // ns: of collections and stops, whose end a descheduled thread tells late
	lateSkew  = 500_000_000 // ns: by order only, where both sides have the same events
	border    = 16          // pairs on both sides of what is aligned again
	maxCells  = 16 << 20    // of one alignment
	gapCost   = 1.0
	skewHalf  = 100_000.0 // ns at which a match costs half of its limit
	skewLimit = 1.8       // < 2 gaps: far apart is still better than missing and extra
)

func matchCost(d, limit int64) float32 {
	d = abs64(d)
	if d > limit {
		return float32(math.Inf(1))
	}
	return float32(skewLimit * float64(d) / (float64(d) + skewHalf))
}

func abs64(v int64) int64 {
	if v < 0 {
		return -v
	}
	return v
}

// alignSeq pairs the events of two sequences in time order; pair[i] is the index in b of a[i], or
// -1. Both orders are kept, keys of a pair are equal. An event that one side lacks costs that one
// event: what follows is paired again.
//
// First those that are each other's nearest of their kind in time. Then, wherever both sides have
// events left over, the cheapest alignment of that neighbourhood (gaps, and distance in time).
func alignSeq(a, b []item, limit int64) []int {
	pair := increasing(mutualNearest(a, b, limit))
	for _, r := range leftovers(a, b, pair) {
		if !byOrder(a, b, pair, r) {
			alignRegion(a, b, pair, r, limit)
		}
	}
	for joinShifts(a, b, pair) {
	}
	return pair
}

// joinShifts takes what one side lacks and then has too much for a shift: where events of one kind
// follow each other within microseconds, each is as near to its neighbour as to itself. What lies
// between must be the same in the same order, and all but a few pairs within skewHalf. True if it
// changed pair.
func joinShifts(a, b []item, pair []int) bool {
	used := make([]bool, len(b))
	for _, j := range pair {
		if j >= 0 {
			used[j] = true
		}
	}
	changed := false
	open, pi, pj := 0, 0, 0 // 1: a has one that b lacks since (pi, pj); 2: the other way round
	join := func(i, j int) bool {
		late := 0
		for k := 0; pi+k < i; k++ {
			d := abs64(a[pi+k].t - b[pj+k].t)
			if a[pi+k].key != b[pj+k].key || d > lateSkew {
				return false
			}
			if d > int64(skewHalf) {
				if late++; late > 1+(i-pi)/8 {
					return false
				}
			}
		}
		for k := 0; pi+k < i; k++ {
			pair[pi+k] = pj + k
		}
		for k := pj; k < j; k++ {
			used[k] = true
		}
		return true
	}
	for i, j := 0, 0; i < len(a) || j < len(b); {
		switch {
		case i < len(a) && pair[i] < 0:
			if open == 2 && join(i+1, j) {
				open, changed = 0, true
			} else {
				open, pi, pj = 1, i, j
			}
			i++
		case j < len(b) && !used[j]:
			if open == 1 && join(i, j+1) {
				open, changed = 0, true
			} else {
				open, pi, pj = 2, i, j
			}
			j++
		default:
			i++
			j++
		}
	}
	return changed
}

// byOrder pairs a region whose events are the same in the same order, and all but a few of them at
// the same time: a thread that loses its CPU between a probe and the runtime's own clock is late, and
// the event may then be nearer to the wrong neighbour. What is paired so still counts as skew.
func byOrder(a, b []item, pair []int, r region) bool {
	n, late := r.a1-r.a0, 0
	if n != r.b1-r.b0 {
		return false
	}
	for k := 0; k < n; k++ {
		x, y := a[r.a0+k], b[r.b0+k]
		d := abs64(x.t - y.t)
		if x.key != y.key || d > lateSkew {
			return false
		}
		if d > int64(skewHalf) {
			if late++; k == 0 || k == n-1 || late > 1+n/8 {
				return false
			}
		}
	}
	for k := 0; k < n; k++ {
		pair[r.a0+k] = r.b0 + k
	}
	return true
}

// mutualNearest pairs what is nearest to each other; pairs of different keys may cross.
func mutualNearest(a, b []item, limit int64) []int {
	type lists struct{ a, b []int }
	byKey := map[uint64]*lists{}
	list := func(k uint64) *lists {
		l := byKey[k]
		if l == nil {
			l = &lists{}
			byKey[k] = l
		}
		return l
	}
	for i := range a {
		l := list(a[i].key)
		l.a = append(l.a, i)
	}
	for j := range b {
		l := list(b[j].key)
		l.b = append(l.b, j)
	}
	pair := make([]int, len(a))
	for i := range pair {
		pair[i] = -1
	}
	nearest := func(x []item, xi []int, y []item, yi []int) []int {
		r := make([]int, len(xi))
		k := 0
		for n, i := range xi {
			for k+1 < len(yi) && abs64(y[yi[k+1]].t-x[i].t) < abs64(y[yi[k]].t-x[i].t) {
				k++
			}
			r[n] = k
		}
		return r
	}
	for _, l := range byKey {
		if len(l.a) == 0 || len(l.b) == 0 {
			continue
		}
		na, nb := nearest(a, l.a, b, l.b), nearest(b, l.b, a, l.a)
		for n, k := range na {
			if nb[k] == n && abs64(a[l.a[n]].t-b[l.b[k]].t) <= limit {
				pair[l.a[n]] = l.b[k]
			}
		}
	}
	return pair
}

// increasing keeps the longest part of pair whose order is that of b.
func increasing(pair []int) []int {
	var tails []int // index in pair of the last of the best chain of each length
	prev := make([]int, len(pair))
	for i, j := range pair {
		if j < 0 {
			continue
		}
		k := sort.Search(len(tails), func(k int) bool { return pair[tails[k]] >= j })
		prev[i] = -1
		if k > 0 {
			prev[i] = tails[k-1]
		}
		if k == len(tails) {
			tails = append(tails, i)
		} else {
			tails[k] = i
		}
	}
	keep := make([]bool, len(pair))
	if len(tails) > 0 {
		for i := tails[len(tails)-1]; i >= 0; i = prev[i] {
			keep[i] = true
		}
	}
	for i := range pair {
		if !keep[i] {
			pair[i] = -1
		}
	}
	return pair
}

type region struct{ a0, a1, b0, b1 int }

// leftovers: stretches with unpaired events on both sides, with a border of pairs around them.
func leftovers(a, b []item, pair []int) []region {
	// Cells of unpaired events between successive pairs.
	type cell struct{ a0, a1, b0, b1, at int } // at: how many pairs stand before it
	var cells []cell
	var at [][2]int
	i0, j0 := 0, 0
	for i := 0; i <= len(pair); i++ {
		j := len(b)
		if i < len(pair) {
			if j = pair[i]; j < 0 {
				continue
			}
		}
		if i > i0 || j > j0 {
			cells = append(cells, cell{i0, i, j0, j, len(at)})
		}
		if i < len(pair) {
			at = append(at, [2]int{i, j})
			i0, j0 = i+1, j+1
		}
	}
	var rs []region
	for k := 0; k < len(cells); {
		// Join cells that are near; judge the joined ones.
		e := k
		for e+1 < len(cells) && cells[e+1].at-cells[e].at <= border {
			e++
		}
		na, nb := 0, 0
		for _, c := range cells[k : e+1] {
			na += c.a1 - c.a0
			nb += c.b1 - c.b0
		}
		if na > 0 && nb > 0 {
			r := region{cells[k].a0, cells[e].a1, cells[k].b0, cells[e].b1}
			if p := cells[k].at - border; p >= 0 {
				r.a0, r.b0 = at[p][0], at[p][1]
			} else {
				r.a0, r.b0 = 0, 0
			}
			if p := cells[e].at + border; p < len(at) {
				r.a1, r.b1 = at[p][0], at[p][1]
			} else {
				r.a1, r.b1 = len(a), len(b)
			}
			if n := len(rs); n > 0 && rs[n-1].a1 > r.a0 { // borders may overlap
				r.a0, r.b0 = rs[n-1].a0, rs[n-1].b0
				rs[n-1] = r
			} else {
				rs = append(rs, r)
			}
		}
		k = e + 1
	}
	return rs
}

// alignRegion aligns a region anew, the cheapest way within a band around its diagonal: all of it if
// it is small. Sides of very different size stay as they are.
func alignRegion(a, b []item, pair []int, r region, limit int64) {
	n, m := r.a1-r.a0, r.b1-r.b0
	half := maxCells / 2 / (n + 1) // of the band's width
	if half < abs(n-m)+64 && half < m {
		return
	}
	half = min(half, m)
	w := 2*half + 1
	first := func(i int) int { return i*m/max(n, 1) - half } // column of the band's left end in row i
	const diag, up, left = 0, 1, 2
	inf := float32(math.Inf(1))
	prev, cur := make([]float32, w), make([]float32, w)
	dir := make([]uint8, (n+1)*w)
	get := func(row []float32, i, j int) float32 {
		if k := j - first(i); k >= 0 && k < w {
			return row[k]
		}
		return inf
	}
	for i := 0; i <= n; i++ {
		j0 := first(i)
		for k := range cur {
			j := j0 + k
			best, d := inf, uint8(diag)
			if j < 0 || j > m {
				cur[k] = inf
				continue
			}
			if i == 0 && j == 0 {
				best = 0
			}
			if i > 0 && j > 0 && a[r.a0+i-1].key == b[r.b0+j-1].key {
				best = get(prev, i-1, j-1) + matchCost(a[r.a0+i-1].t-b[r.b0+j-1].t, limit)
			}
			if i > 0 {
				if c := get(prev, i-1, j) + gapCost; c < best {
					best, d = c, up
				}
			}
			if j > 0 && k > 0 && cur[k-1]+gapCost < best {
				best, d = cur[k-1]+gapCost, left
			}
			cur[k], dir[i*w+k] = best, d
		}
		prev, cur = cur, prev
	}
	if math.IsInf(float64(get(prev, n, m)), 1) {
		return
	}
	for i := r.a0; i < r.a1; i++ {
		pair[i] = -1
	}
	for i, j := n, m; i > 0 || j > 0; {
		switch dir[i*w+j-first(i)] {
		case diag:
			i--
			j--
			pair[r.a0+i] = r.b0 + j
		case up:
			i--
		default:
			j--
		}
	}
}

func abs(v int) int { return int(abs64(int64(v))) }

// clockFit maps a time of ours to the reference's clock: t + off + rate*(t - at).
type clockFit struct {
	off  float64
	rate float64 // ns per ns
	at   int64
	how  string
}

func (c clockFit) apply(t int64) int64 {
	return t + int64(math.Round(c.off+c.rate*float64(t-c.at)))
}

type point struct{ t, d int64 } // a time of ours, reference minus ours

// fitLine fits d over t robustly: the median slope of far pairs, then the median rest.
func fitLine(ps []point, how string) clockFit {
	sort.Slice(ps, func(i, j int) bool { return ps[i].t < ps[j].t })
	c := clockFit{at: ps[0].t, how: how}
	// Medians of up to 64 equal parts: cheap, and single outliers do not matter.
	var mid []point
	parts := min(64, len(ps))
	for k := 0; k < parts; k++ {
		part := ps[k*len(ps)/parts : (k+1)*len(ps)/parts]
		if len(part) == 0 {
			continue
		}
		ds := make([]int64, len(part))
		for i, p := range part {
			ds[i] = p.d
		}
		mid = append(mid, point{part[len(part)/2].t, median(ds)})
	}
	var slopes []float64
	for i := range mid {
		for j := i + 1; j < len(mid); j++ {
			if dt := mid[j].t - mid[i].t; dt > 50_000_000 {
				slopes = append(slopes, float64(mid[j].d-mid[i].d)/float64(dt))
			}
		}
	}
	if len(slopes) >= 3 {
		sort.Float64s(slopes)
		c.rate = slopes[len(slopes)/2]
	}
	rest := make([]int64, len(ps))
	for i, p := range ps {
		rest[i] = p.d - int64(c.rate*float64(p.t-c.at))
	}
	c.off = float64(median(rest))
	return c
}

func median(v []int64) int64 {
	if len(v) == 0 {
		return 0
	}
	sort.Slice(v, func(i, j int) bool { return v[i] < v[j] })
	return v[len(v)/2]
}

// firstFit finds the clocks' offset without any idea of it: goroutines are created once and have an
// id that is never used again, so creations and ends pair up by themselves. Without enough of them
// the clock snapshots, else the offset that most events of one kind agree on.
func firstFit(ours, ref *traceData) (clockFit, bool) {
	var ps []point
	for g, evs := range ours.G {
		other := ref.G[g]
		if len(evs) == 0 || len(other) == 0 {
			continue
		}
		a, b := evs[0], other[0]
		if a.From == trace.GoNotExist && b.From == trace.GoNotExist {
			ps = append(ps, point{a.T, b.T - a.T})
		}
		a, b = evs[len(evs)-1], other[len(other)-1]
		if a.To == trace.GoNotExist && b.To == trace.GoNotExist {
			ps = append(ps, point{a.T, b.T - a.T})
		}
	}
	if len(ps) >= 3 {
		return fitLine(ps, "goroutine creations and ends"), true
	}
	if off, ok := snapshotOffset(ours, ref); ok {
		return clockFit{off: float64(off), how: "clock snapshots"}, true
	}
	return voteFit(ours, ref)
}

// snapshotOffset: reference minus ours by CLOCK_MONOTONIC, which both snapshots hold.
func snapshotOffset(ours, ref *traceData) (int64, bool) {
	if len(ours.Clock) == 0 || len(ref.Clock) == 0 {
		return 0, false
	}
	o, r := ours.Clock[0], ref.Clock[0]
	return (r.T - r.Mono) - (o.T - o.Mono), true
}

// voteFit: over goroutines present in both, the offset of 50 us that most pairs of blocks share.
func voteFit(ours, ref *traceData) (clockFit, bool) {
	const bin = 50_000
	votes := map[int64]int{}
	blocks := func(evs []gEvent) []gEvent {
		var r []gEvent
		for _, e := range evs {
			if e.From == trace.GoRunning && e.To == trace.GoWaiting {
				r = append(r, e)
				if len(r) == 2000 {
					break
				}
			}
		}
		return r
	}
	for g, evs := range ours.G {
		b := blocks(ref.G[g])
		for _, x := range blocks(evs) {
			for _, y := range b {
				if x.Reason == y.Reason {
					votes[(y.T-x.T)/bin]++
				}
			}
		}
	}
	best, bestN := int64(0), 0
	for k, n := range votes {
		if n += votes[k+1]; n > bestN || n == bestN && k < best {
			best, bestN = k, n
		}
	}
	if bestN < 3 {
		return clockFit{}, false
	}
	return clockFit{off: float64((best + 1) * bin), how: "the offset most blocks agree on"}, true
}

// shift moves all times of td by c.
func (td *traceData) shift(c clockFit) {
	for _, evs := range td.G {
		for i := range evs {
			evs[i].T = c.apply(evs[i].T)
		}
	}
	for _, evs := range td.P {
		for i := range evs {
			evs[i].T = c.apply(evs[i].T)
		}
	}
	rs := [][]rEvent{td.Cycles, td.STW}
	for _, r := range td.Assist {
		rs = append(rs, r)
	}
	for _, r := range td.Labels {
		rs = append(rs, r)
	}
	for _, r := range rs {
		for i := range r {
			r[i].T = c.apply(r[i].T)
		}
	}
	for _, m := range td.Metrics {
		for i := range m {
			m[i].T = c.apply(m[i].T)
		}
	}
	td.First, td.Last = c.apply(td.First), c.apply(td.Last)
}
