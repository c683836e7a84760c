// decode measures two readers of execution traces against each other.
//
//	decode record FILE SECONDS        an HTTP service and its clients, traced by runtime/trace
//	decode read FILE                  reads all events by golang.org/x/exp/trace, prints their number
//	decode compare ROUNDS PROG FILE   PROG FILE against `decode read FILE`, in turn
//
// compare counts the CPU time (user and system) that the kernel accounts to each process. Both run
// alone on one CPU, the Go program with GOMAXPROCS=1: its collector has no other core to hide on.
package main

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	rt "runtime/trace"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/exp/trace"
)

func record(file string, d time.Duration) error {
	runtime.GOMAXPROCS(4)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	cache := struct {
		sync.Mutex
		m map[string]int
	}{m: map[string]int{}}
	answer := make(chan string)
	go func() {
		for {
			answer <- strings.Repeat("hello ", 100)
		}
	}()
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cache.Lock()
		cache.m[r.URL.Path]++
		cache.Unlock()
		io.WriteString(w, <-answer)
	}))
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	if err := rt.Start(w); err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	var wg sync.WaitGroup
	end := time.Now().Add(d)
	for c := 0; c < 16; c++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := 0; time.Now().Before(end); i++ {
				resp, err := client.Get(fmt.Sprintf("http://%s/%d", l.Addr(), i%64))
				if err != nil {
					continue
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		}()
	}
	wg.Wait()
	rt.Stop()
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

func read(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	r, err := trace.NewReader(bufio.NewReaderSize(f, 1<<20))
	if err != nil {
		return err
	}
	n := 0
	for {
		if _, err := r.ReadEvent(); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		n++
	}
	fmt.Println(n)
	return nil
}

// run is one round of one reader: its CPU time, and the number of events it prints.
func run(args ...string) (cpu float64, events int, err error) {
	c := exec.Command(args[0], args[1:]...)
	c.Env = append(os.Environ(), "GOMAXPROCS=1")
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return 0, 0, fmt.Errorf("%s: %w", strings.Join(args, " "), err)
	}
	events, err = strconv.Atoi(strings.TrimSpace(string(out)))
	return (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds(), events, err
}

func compare(rounds int, prog, file string) error {
	st, err := os.Stat(file)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	readers := [2][]string{{self, "read", file}, {prog, file}}
	var cpu [2][]float64
	var events [2]int
	for i := 0; i < rounds; i++ {
		for k, args := range readers {
			t, n, err := run(args...)
			if err != nil {
				return err
			}
			cpu[k] = append(cpu[k], t)
			events[k] = n
		}
	}
	if events[0] != events[1] {
		return fmt.Errorf("x/exp/trace reads %d events, libgotrace %d", events[0], events[1])
	}
	fmt.Printf("%.1f million events, %.0f MB, %d rounds in turn\n\n", float64(events[0])/1e6,
		float64(st.Size())/1e6, rounds)
	fmt.Println("| reader | CPU time, least | median | million events a second (least) | of the median |")
	fmt.Println("|---|---|---|---|---|")
	for k, name := range []string{"golang.org/x/exp/trace", "libgotrace"} {
		sort.Float64s(cpu[k])
		n := float64(events[k]) / 1e6
		fmt.Printf("| %s | %.3f s | %.3f s | %.1f | %.1f |\n", name, cpu[k][0], cpu[k][rounds/2],
			n/cpu[k][0], n/cpu[k][rounds/2])
	}
	fmt.Printf("| ratio | %.2f | %.2f | | |\n", cpu[0][0]/cpu[1][0],
		cpu[0][rounds/2]/cpu[1][rounds/2])
	return nil
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("decode: ")
	a := os.Args[1:]
	var err error
	switch {
	case len(a) == 3 && a[0] == "record":
		s, e := strconv.Atoi(a[2])
		if e != nil || s < 1 {
			log.Fatalf("%q is no number of seconds", a[2])
		}
		err = record(a[1], time.Duration(s)*time.Second)
	case len(a) == 2 && a[0] == "read":
		err = read(a[1])
	case len(a) == 4 && a[0] == "compare":
		n, e := strconv.Atoi(a[1])
		if e != nil || n < 1 {
			log.Fatalf("%q is no number of rounds", a[1])
		}
		err = compare(n, a[2], a[3])
	default:
		log.Fatal("usage: decode record FILE SECONDS | read FILE | compare ROUNDS PROG FILE")
	}
	if err != nil {
		log.Fatal(err)
	}
}
