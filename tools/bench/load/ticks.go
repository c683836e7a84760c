package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"gotrace-bpf/tools/bench/wl"
)

// Times are CLOCK_MONOTONIC in ns; a slice is 2^20 of them, so the table goes back 34 s.
const (
	sliceShift = 20
	sliceCount = 1 << 15
	longestGap = 1 << 30 // what is looked for beyond a window's end
)

// gapSlice is the longest time between two operations of those that ended in one slice.
type gapSlice struct{ end, gap atomic.Int64 }

type gapTable [sliceCount]gapSlice

// note has one caller at a time; find may run beside it.
func (t *gapTable) note(end, gap int64) {
	s := &t[end>>sliceShift%sliceCount]
	if s.end.Load()>>sliceShift == end>>sliceShift && s.gap.Load() >= gap {
		return
	}
	s.gap.Store(gap)
	s.end.Store(end)
}

// find returns the longest gap that shares a moment with from to to, and when it ended.
func (t *gapTable) find(from, to int64) (most, at int64) {
	for n := from >> sliceShift; n <= (to+longestGap)>>sliceShift; n++ {
		s := &t[n%sliceCount]
		end, gap := s.end.Load(), s.gap.Load()
		if end>>sliceShift == n && end >= from && end-gap <= to && gap > most {
			most, at = gap, end
		}
	}
	return
}

// ticks: a pair of goroutines for each P hand a channel to and fro with 2 us of work between; each
// hand-over is an operation. They note how long they stood still, each pair for itself and all together:
//
//	gaps FROM TO	prints {"pair":NS,"pair_end":T,"all":NS}, the longest ones in that time
//
// An argument sets GOMAXPROCS.
func ticks() {
	if len(os.Args) > 2 {
		n, err := strconv.Atoi(os.Args[2])
		check(err)
		runtime.GOMAXPROCS(n)
	}
	base, mono := time.Now(), wl.Mono()
	var last atomic.Int64 // an operation of any pair
	last.Store(mono)
	pairs := make([]*struct{ own, all gapTable }, runtime.GOMAXPROCS(0))
	for i := range pairs {
		pairs[i] = new(struct{ own, all gapTable })
	}
	wl.More = func(cmd string) (string, bool) {
		var from, to, pair, end, all int64
		if n, _ := fmt.Sscanf(cmd, "gaps %d %d", &from, &to); n != 2 {
			return "", false
		}
		for _, p := range pairs {
			if gap, at := p.own.find(from, to); gap > pair {
				pair, end = gap, at
			}
			if gap, _ := p.all.find(from, to); gap > all {
				all = gap
			}
		}
		return fmt.Sprintf("{\"pair\":%d,\"pair_end\":%d,\"all\":%d}", pair, end, all), true
	}
	wl.Serve("-", func() {
		for _, p := range pairs {
			p := p
			a, b := make(chan int64), make(chan int64)
			// Whoever has the pair's last time is the one who may note.
			tick := func(own int64) int64 {
				burn(2)
				now := mono + int64(time.Since(base))
				p.own.note(now, now-own)
				p.all.note(now, now-last.Swap(now))
				return now
			}
			go func() {
				for own := range a {
					b <- tick(own)
				}
				close(b)
			}()
			go func() {
				own := mono + int64(time.Since(base))
				wl.Loop(func() { a <- tick(own); own = <-b })
				close(a)
			}()
		}
	})
}
