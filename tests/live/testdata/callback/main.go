// Command callback blocks in Go code that C calls, on and on.
package main

/*
extern void goWait(int);

// With nothing in the frame pointer's register that leads anywhere.
static void call(int n)
{
	while (n--)
		goWait(n);
}
*/
import "C"

import "time"

var ticks = make(chan int)

//export goWait
func goWait(C.int) { <-ticks }

func caller() {
	for {
		C.call(16)
	}
}

func main() {
	go caller()
	for range time.Tick(time.Millisecond) {
		ticks <- 1
	}
}
