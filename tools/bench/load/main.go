// Command load is one of the workloads that need no C: hello, json, pingpong, pool, pread, alloc, spin,
// threads, ticks.
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"gotrace-bpf/tools/bench/wl"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

// burn is a fixed amount of work, about 1 us of a core for n = 1; never by the clock, which would
// hide what a tracer costs.
//
//go:noinline
func burn(n int) uint64 {
	x := uint64(n)*2862933555777941757 + 1
	for i := 0; i < n*700; i++ {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	return x
}

func serveHTTP(h http.HandlerFunc) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	go func() { check(http.Serve(ln, h)) }()
	wl.Serve(ln.Addr().String(), func() {})
}

func hello() {
	serveHTTP(func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte("hello, world"))
		wl.Ops.Add(1)
	})
}

type item struct {
	Name  string   `json:"name"`
	Count int      `json:"count"`
	Tags  []string `json:"tags"`
}

// jsonService: decode, 100 us of work, encode.
func jsonService() {
	serveHTTP(func(w http.ResponseWriter, r *http.Request) {
		var in item
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		in.Count += int(burn(100) & 1)
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(in)
		wl.Ops.Add(1)
	})
}

// pingPong: an operation is a round trip between two goroutines on one P.
func pingPong() {
	runtime.GOMAXPROCS(1)
	wl.Serve("-", func() {
		a, b := make(chan int), make(chan int)
		go func() {
			for v := range a {
				b <- v
			}
			close(b)
		}()
		go func() {
			wl.Loop(func() { a <- 1; <-b })
			close(a)
		}()
	})
}

// pool: 64 workers take jobs from a channel and do some 1 us of work under one of 4 mutexes. With room for
// 24 jobs in the channel a goroutine blocks once in some jobs, so that half the jobs meet a probe: as in the
// workload that this tool's aims were set by, where probes that do nothing added a quarter.
func pool() {
	wl.Serve("-", func() {
		locks := make([]sync.Mutex, 4)
		jobs := make(chan int, 24)
		for i := 0; i < 64; i++ {
			go func() {
				for j := range jobs {
					l := &locks[j%len(locks)]
					l.Lock()
					burn(1)
					l.Unlock()
					wl.Ops.Add(1)
				}
			}()
		}
		go func() {
			for i := 0; !wl.Stopped.Load(); i++ {
				jobs <- i
			}
			close(jobs)
		}()
	})
}

func pread() {
	f, err := os.CreateTemp("", "pread")
	check(err)
	os.Remove(f.Name())
	_, err = f.Write(make([]byte, 4096))
	check(err)
	wl.Serve("-", func() {
		go func() {
			buf := make([]byte, 4096)
			wl.Loop(func() {
				if n, err := f.ReadAt(buf, 0); n != len(buf) {
					check(fmt.Errorf("pread: %d, %v", n, err))
				}
			})
		}()
	})
}

type node struct {
	next *node
	_    [15]uintptr
}

// kept is what stays alive of alloc: in a variable of the package, else the compiler sees that nobody
// reads it.
var kept [2][4096]*node

// alloc: an operation is 16 objects of 128 bytes; the last 8192 of those lists, 16 MiB, live on.
func alloc() {
	wl.Serve("-", func() {
		for g := range kept {
			ring := &kept[g]
			go func() {
				i := 0
				wl.Loop(func() {
					var l *node
					for k := 0; k < 16; k++ {
						l = &node{next: l}
					}
					ring[i%len(ring)] = l
					i++
				})
			}()
		}
	})
}

// spin: two threads hand a word to each other and meet no probe.
func spin() {
	wl.Serve("-", func() {
		var turn atomic.Uint32
		for me := uint32(0); me < 2; me++ {
			go func(me uint32) {
				runtime.LockOSThread()
				for !wl.Stopped.Load() {
					for i := 0; i < wl.Batch; i++ {
						for turn.Load() != me {
							if wl.Stopped.Load() {
								return
							}
						}
						turn.Store(1 - me)
					}
					if me == 0 {
						wl.Ops.Add(wl.Batch)
					}
				}
			}(me)
		}
	})
}

// threads: 64 pairs of goroutines play ping-pong on 64 Ps, so on some 64 threads.
func threads() {
	runtime.GOMAXPROCS(64)
	wl.Serve("-", func() {
		for i := 0; i < 64; i++ {
			a, b := make(chan int), make(chan int)
			go func() {
				for v := range a {
					b <- v
				}
				close(b)
			}()
			go func() {
				wl.Loop(func() { a <- 1; <-b })
				close(a)
			}()
		}
	})
}

func main() {
	works := map[string]func(){"hello": hello, "json": jsonService, "pingpong": pingPong, "pool": pool,
		"pread": pread, "alloc": alloc, "spin": spin, "threads": threads, "ticks": ticks}
	if len(os.Args) < 2 || works[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: load hello|json|pingpong|pool|pread|alloc|spin|threads|ticks")
		os.Exit(2)
	}
	works[os.Args[1]]()
}
