// Command flightprog is a target for the flight recorder's tests: a busy service, goroutines that
// stay parked, others that come and go, and one request in many that sleeps.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

var (
	park  = flag.Int("park", 0, "goroutines that stay parked")
	churn = flag.Int("churn", 0, "goroutines that are made and end, per second")
	busy  = flag.Int("busy", 4, "workers that hand a token around")
	pace  = flag.Int("pace", 8, "hands that the token passes between two short sleeps")
	beat  = flag.String("beat", "", "a file that holds when it last ran (CLOCK_MONOTONIC)")
	slow  = flag.Duration("slow", 0, "what one request in 200 sleeps")
	calls = flag.Bool("calls", false, "one goroutine makes system calls without a pause")
	last  = flag.Duration("last", 0, "half of what those of -churn sleep before they end")
	gc    = flag.Duration("gc", 0, "collects every tenth of a second, the first time after this")
	hogs  = flag.Int("hogs", 0, "goroutines that sleep a moment, then compute for 40 ms, all on one P")
)

//go:noinline
func handleFast(c chan int, v int) { c <- v }

//go:noinline
func handleSlow(c chan int, v int) {
	time.Sleep(*slow)
	c <- v
}

func serve() {
	c := make(chan int)
	for i := 1; ; i++ {
		if *slow > 0 && i%200 == 0 {
			go handleSlow(c, i)
		} else {
			go handleFast(c, i)
		}
		<-c
		time.Sleep(time.Millisecond)
	}
}

// call reads its own program's first byte for ever.
func call() {
	f, err := os.Open("/proc/self/exe")
	if err != nil {
		panic(err)
	}
	for b := make([]byte, 1); ; {
		if _, err := f.ReadAt(b, 0); err != nil {
			panic(err)
		}
	}
}

// collect runs the garbage collector again and again.
func collect() {
	for time.Sleep(*gc); ; time.Sleep(100 * time.Millisecond) {
		runtime.GC()
	}
}

var sink atomic.Uint64

// hog computes without a call in between: with asyncpreemptoff=1 nothing takes its P away.
func hog() {
	for {
		time.Sleep(time.Millisecond)
		x := uint64(time.Now().UnixNano())
		for i := 0; i < 28_000_000; i++ {
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
		}
		sink.Store(x)
	}
}

func worker(in, out chan int, mu *sync.Mutex) {
	for v := range in {
		mu.Lock()
		mu.Unlock()
		if v%*pace == 0 {
			time.Sleep(50 * time.Microsecond)
		}
		out <- v + 1
	}
}

func ring(n int) {
	var mu sync.Mutex
	first := make(chan int, 1)
	in := first
	for i := 0; i < n; i++ {
		out := make(chan int, 1)
		if i == n-1 {
			out = first
		}
		go worker(in, out, &mu)
		in = out
	}
	first <- 1
}

//go:noinline
func parked(c chan int, depth int) {
	if depth > 0 {
		parked(c, depth-1)
		return
	}
	<-c
}

// heartbeat leaves the time in a shared page: it outlives a kill.
func heartbeat(file string) {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err == nil {
		err = f.Truncate(4096)
	}
	var page []byte
	if err == nil {
		page, err = syscall.Mmap(int(f.Fd()), 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	}
	if err != nil {
		panic(err)
	}
	at := (*int64)(unsafe.Pointer(&page[0]))
	for ; ; time.Sleep(time.Millisecond) {
		var ts syscall.Timespec
		syscall.Syscall(syscall.SYS_CLOCK_GETTIME, 1, uintptr(unsafe.Pointer(&ts)), 0)
		atomic.StoreInt64(at, ts.Nano())
	}
}

func main() {
	flag.Parse()
	if *beat != "" {
		go heartbeat(*beat)
	}
	if *hogs > 0 {
		runtime.GOMAXPROCS(1)
		*busy = 0
	}
	if *calls {
		go call()
	}
	if *gc > 0 {
		go collect()
	}
	for i := 0; i < *hogs; i++ {
		go hog()
	}
	c := make(chan int)
	for i := 0; i < *park; i++ {
		go parked(c, i%20)
	}
	if *busy > 0 {
		ring(*busy)
	}
	go serve()
	fmt.Printf("ready %d\n", os.Getpid())
	for *churn > 0 {
		begin := time.Now()
		for i := 0; i < *churn/100; i++ {
			go brief()
		}
		time.Sleep(10*time.Millisecond - time.Since(begin))
	}
	// As the fixtures do: the end of stdin is the end.
	os.Stdin.Read(make([]byte, 1))
}

// brief is a goroutine of -churn.
func brief() {
	time.Sleep(*last)
	time.Sleep(*last)
	parked(nil2(), 0)
}

// nil2 is a channel that is ready: the goroutine that reads it ends.
func nil2() chan int {
	c := make(chan int, 1)
	c <- 1
	return c
}
