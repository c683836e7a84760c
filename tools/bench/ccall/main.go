// Command ccall is the workload of calls into C: an operation is one empty call.
package main

// static void nothing(void) { __asm__ volatile (""); }
import "C"

import "gotrace-bpf/tools/bench/wl"

func main() {
	wl.Serve("-", func() { go wl.Loop(func() { C.nothing() }) })
}
