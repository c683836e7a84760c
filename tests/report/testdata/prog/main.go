// Prog traces itself doing a bit of everything: HTTP, channels, mutexes, syscalls that block, GC,
// tasks and regions, goroutines that never end and some that never run.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/trace"
	"sync"
	"syscall"
	"time"
)

var (
	mu   sync.Mutex
	sink [][]byte
)

func garbage() {
	for i := 0; i < 200; i++ {
		mu.Lock()
		if len(sink) > 300 {
			sink = nil
		}
		sink = append(sink, make([]byte, 16<<10))
		mu.Unlock()
	}
}

// blocked reads from a pipe that stays empty for a while, in a syscall without the poller.
func blocked(wait time.Duration) {
	var p [2]int
	if err := syscall.Pipe(p[:]); err != nil {
		panic(err)
	}
	go func() {
		time.Sleep(wait)
		syscall.Write(p[1], []byte{1})
	}()
	syscall.Read(p[0], make([]byte, 1))
}

func serve() string {
	jobs, out := make(chan int), make(chan int)
	for i := 0; i < 3; i++ {
		go func() {
			for j := range jobs {
				time.Sleep(50 * time.Microsecond)
				out <- j
			}
		}()
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		ctx, task := trace.NewTask(r.Context(), "request")
		defer task.End()
		trace.WithRegion(ctx, "handle", func() {
			jobs <- 1
			n := <-out
			trace.Log(ctx, "answer", fmt.Sprint(n))
			fmt.Fprintln(w, n)
		})
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go http.Serve(l, nil)
	return "http://" + l.Addr().String() + "/"
}

func get(url string, n int) {
	for i := 0; i < n; i++ {
		r, err := http.Get(url)
		if err != nil {
			panic(err)
		}
		io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
}

func main() {
	f, err := os.Create(os.Args[1])
	if err != nil {
		panic(err)
	}
	debug.SetGCPercent(20)
	url := serve()
	go blocked(20 * time.Millisecond) // in a syscall when the trace begins
	go func() { select {} }()
	time.Sleep(2 * time.Millisecond)
	if err := trace.Start(f); err != nil {
		panic(err)
	}
	go blocked(time.Hour) // in a syscall when it ends
	go func() { select {} }()
	var wg sync.WaitGroup
	for _, fn := range []func(){garbage, garbage, func() { get(url, 150) }, func() { get(url, 150) },
		func() { blocked(5 * time.Millisecond) }, runtime.GC} {
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer trace.StartRegion(context.Background(), "all").End()
			fn()
		}()
	}
	wg.Wait()
	time.Sleep(1100 * time.Millisecond) // another generation
	get(url, 50)
	go func() {}()
	trace.Stop()
	f.Close()
}
