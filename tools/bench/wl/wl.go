// Package wl is what all workloads share: they count operations and tell their own CPU time.
//
// A workload prints "ready PID" and a word (the address of a server, or -), then obeys lines:
//
//	start      begins its load (servers: nothing to do)
//	stat       prints {"ops":N,"cpu_ns":N}: operations and CPU time of the process so far
//	trace      runtime/trace on, to nowhere; endtrace: off
//	stop       ends its load
package wl

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"runtime/trace"
	"sync/atomic"
	"syscall"
)

// Ops is the count of operations; Stopped is set when the load is to end.
var (
	Ops     atomic.Int64
	Stopped atomic.Bool
)

// Batch is how many operations a loop does between looks at Stopped.
const Batch = 64

// Loop does op until the load ends.
func Loop(op func()) {
	for !Stopped.Load() {
		for i := 0; i < Batch; i++ {
			op()
		}
		Ops.Add(Batch)
	}
}

func cpuNs() int64 {
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		panic(err)
	}
	return ru.Utime.Nano() + ru.Stime.Nano()
}

// Serve obeys until the end of input.
func Serve(word string, start func()) {
	fmt.Printf("ready %d %s\n", os.Getpid(), word)
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		switch in.Text() {
		case "start":
			Stopped.Store(false)
			start()
			fmt.Println("ok")
		case "stat":
			fmt.Printf("{\"ops\":%d,\"cpu_ns\":%d}\n", Ops.Load(), cpuNs())
		case "trace":
			if err := trace.Start(io.Discard); err != nil {
				fmt.Println("error:", err)
				continue
			}
			fmt.Println("ok")
		case "endtrace":
			trace.Stop()
			fmt.Println("ok")
		case "stop":
			Stopped.Store(true)
			fmt.Println("ok")
		default:
			fmt.Println("error: unknown command", in.Text())
		}
	}
}
