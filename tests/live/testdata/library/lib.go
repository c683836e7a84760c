// A Go library for C programs: goroutines that wake each other.
package main

import "C"

import "time"

//export work
func work(n C.int) C.int {
	c := make(chan int)
	go func() {
		for i := 0; i < int(n); i++ {
			time.Sleep(time.Millisecond)
			c <- i
		}
		close(c)
	}()
	sum := 0
	for v := range c {
		sum += v
	}
	return C.int(sum)
}

func main() {}
