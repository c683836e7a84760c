// Summary prints what Go's own summary says of a trace: per goroutine group, in nanoseconds. It is
// built by the test beside a copy of the toolchain's internal/trace.
package main

import (
	"bufio"
	"encoding/json"
	"io"
	"log"
	"os"
	"time"

	"summary/trace"
)

type group struct {
	Count, Ended                                        int
	Total, Running, Runnable, Syscall, Blocked, Unknown time.Duration
	Reasons, Ranges                                     map[string]time.Duration
}

func main() {
	f, err := os.Open(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	r, err := trace.NewReader(bufio.NewReader(f))
	if err != nil {
		log.Fatal(err)
	}
	s := trace.NewSummarizer()
	for {
		ev, err := r.ReadEvent()
		if err == io.EOF {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		s.Event(&ev)
	}
	groups := make(map[string]*group)
	for _, g := range s.Finalize().Goroutines {
		out := groups[g.Name]
		if out == nil {
			out = &group{Reasons: map[string]time.Duration{}, Ranges: map[string]time.Duration{}}
			groups[g.Name] = out
		}
		out.Count++
		if g.EndTime != 0 {
			out.Ended++
		}
		out.Total += g.TotalTime
		out.Running += g.ExecTime
		out.Runnable += g.SchedWaitTime
		out.Syscall += g.SyscallTime
		out.Blocked += g.SyscallBlockTime
		out.Unknown += g.UnknownTime()
		for k, v := range g.BlockTimeByReason {
			out.Reasons[k] += v
		}
		for k, v := range g.RangeTime {
			out.Ranges[k] += v
		}
	}
	json.NewEncoder(os.Stdout).Encode(groups)
}
