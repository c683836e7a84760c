// Package wl is what all workloads share: they count operations and tell their own CPU time.
//
// A workload prints "ready PID" and a word (the address of a server, or -), then obeys lines:
//
//	start      begins its load (servers: nothing to do)
//	stat       prints {"ops":N,"cpu_ns":N}: operations and CPU time of the process so far
//	trace      runtime/trace on, to nowhere, or to the file behind the word; endtrace: off
//	stop       ends its load
//
// and what More knows.
package wl

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"runtime/trace"
	"strings"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// Ops is the count of operations; Stopped is set when the load is to end.
var (
	Ops     atomic.Int64
	Stopped atomic.Bool
)

// More answers commands of one workload only; false: it does not know this one either.
var More = func(cmd string) (answer string, ok bool) { return "", false }

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

// Mono is CLOCK_MONOTONIC, which is the same for all processes of the machine.
func Mono() int64 {
	var ts syscall.Timespec
	const clockMonotonic = 1 // Linux uapi/linux/time.h
	if _, _, e := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&ts)), 0); e != 0 {
		panic(e)
	}
	return ts.Nano()
}

func startTrace(file string) error {
	if file == "" {
		return trace.Start(io.Discard)
	}
	f, err := os.Create(file) // closed by the end of the process
	if err != nil {
		return err
	}
	return trace.Start(f)
}

// Serve obeys until the end of input.
func Serve(word string, start func()) {
	fmt.Printf("ready %d %s\n", os.Getpid(), word)
	// A read that blocks would keep a P until sysmon takes it away, up to 20 ms later.
	stdin := os.Stdin
	if syscall.SetNonblock(0, true) == nil {
		stdin = os.NewFile(0, "stdin")
	}
	in := bufio.NewScanner(stdin)
	for in.Scan() {
		cmd, file, _ := strings.Cut(in.Text(), " ")
		switch cmd {
		case "start":
			Stopped.Store(false)
			start()
			fmt.Println("ok")
		case "stat":
			fmt.Printf("{\"ops\":%d,\"cpu_ns\":%d}\n", Ops.Load(), cpuNs())
		case "trace":
			if err := startTrace(file); err != nil {
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
			if answer, ok := More(in.Text()); ok {
				fmt.Println(answer)
				continue
			}
			fmt.Println("error: unknown command", in.Text())
		}
	}
}
