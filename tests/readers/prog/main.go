package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"sync"
	"time"
)

var sink [][]byte

func gcwork(n int) {
	for i := 0; i < n; i++ {
		sink = append(sink, make([]byte, 64<<10))
		if len(sink) > 200 {
			sink = nil
		}
	}
}

func httpwork(n int) {
	l, _ := net.Listen("tcp", "127.0.0.1:0")
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		trace.WithRegion(r.Context(), "handle", func() { fmt.Fprintf(w, "hello %d", n) })
	})}
	go srv.Serve(l)
	var wg sync.WaitGroup
	for c := 0; c < 8; c++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := 0; i < n; i++ {
				r, err := http.Get("http://" + l.Addr().String())
				if err == nil {
					io.Copy(io.Discard, r.Body)
					r.Body.Close()
				}
			}
		}()
	}
	wg.Wait()
	srv.Close()
}

func tasks(n int) {
	for i := 0; i < n; i++ {
		ctx, t := trace.NewTask(context.Background(), fmt.Sprint("task", i%3))
		trace.Log(ctx, "cat", "message é\x00x")
		ctx2, t2 := trace.NewTask(ctx, "child")
		trace.WithRegion(ctx2, "region", func() {
			trace.WithRegion(ctx, "inner", func() { time.Sleep(time.Microsecond) })
		})
		t2.End()
		t.End()
	}
}

func syscalls(n int) {
	var wg sync.WaitGroup
	for k := 0; k < 6; k++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := 0; i < n; i++ {
				f, _ := os.Open("/proc/self/status")
				io.Copy(io.Discard, f)
				f.Close()
			}
		}()
	}
	r, w, _ := os.Pipe()
	go func() { time.Sleep(50 * time.Millisecond); w.Write([]byte("x")) }()
	b := make([]byte, 1)
	r.Read(b)
	wg.Wait()
}

func chans(n int) {
	c := make(chan int)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for k := 0; k < 10; k++ {
		wg.Add(2)
		go func() {
			defer wg.Done()
			for i := 0; i < n; i++ {
				c <- i
				mu.Lock()
				mu.Unlock()
			}
		}()
		go func() {
			defer wg.Done()
			for i := 0; i < n; i++ {
				<-c
				if i%100 == 0 {
					runtime.Gosched()
				}
			}
		}()
	}
	wg.Wait()
}

func main() {
	mode := os.Args[1]
	runtime.GOMAXPROCS(4)
	var buf bytes.Buffer
	if mode == "cpu" {
		pprof.StartCPUProfile(&buf)
	}
	f, _ := os.Create(os.Args[2])
	go func() { select {} }()
	time.Sleep(10 * time.Millisecond)
	stop := start(mode, f)
	switch mode {
	case "http":
		httpwork(300)
	case "gc", "cpu":
		go tasks(100)
		gcwork(20000)
		runtime.GC()
	case "sys":
		syscalls(300)
	case "chan":
		chans(3000)
	case "task":
		tasks(500)
	case "big":
		end := time.Now().Add(4 * time.Second)
		for time.Now().Before(end) {
			chans(3000)
			httpwork(50)
			syscalls(30)
			gcwork(1000)
			tasks(20)
			coro(200)
		}
	case "httplong":
		httpwork(60000)
	case "coro":
		coro(2000)
	case "cgo":
		cgowork()
	case "flight":
		end := time.Now().Add(2500 * time.Millisecond)
		for time.Now().Before(end) {
			chans(100)
			gcwork(100)
		}
	}
	stop()
	f.Close()
	if mode == "cpu" {
		pprof.StopCPUProfile()
	}
}
