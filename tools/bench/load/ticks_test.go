package main

import "testing"

func TestGapTable(t *testing.T) {
	const slice = 1 << sliceShift
	base := int64(5*sliceCount+sliceCount-2) * slice // near the table's end: it goes round
	tab := new(gapTable)
	tab.note(base-sliceCount*slice, 9*slice) // a round ago, written over below
	tab.note(base+10, 10)
	tab.note(base+30, 20)
	tab.note(base+35, 5)
	tab.note(base+5*slice, 3*slice) // began in another slice
	tab.note(base+6*slice-sliceCount*slice, 7*slice)
	for _, c := range []struct{ from, to, gap, end int64 }{
		{base, base + 100, 20, base + 30},
		{base, base + slice, 20, base + 30}, // not yet the long one
		{base, base + 2*slice, 3 * slice, base + 5*slice},
		{base + 3*slice, base + 3*slice + 1, 3 * slice, base + 5*slice}, // in the midst of it
		{base + 5*slice + 1, base + 6*slice, 0, 0},                      // a slice of a round ago
	} {
		if gap, end := tab.find(c.from, c.to); gap != c.gap || end != c.end {
			t.Errorf("%d to %d: %d, ends %d; want %d, %d", c.from-base, c.to-base, gap, end-base, c.gap, c.end-base)
		}
	}
}
