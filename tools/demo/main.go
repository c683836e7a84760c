// Command demo is a small service with its own load, for a first recording: JSON over HTTP on
// loopback, a worker pool behind a channel and a mutex, timers, garbage, and a handler that is slow
// one time in fifty. It prints "pid N" when it serves.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

type order struct {
	ID    int      `json:"id"`
	Items []string `json:"items"`
	Total float64  `json:"total"`
}

// ledger is what all workers share: the lock that a trace shows them waiting for.
type ledger struct {
	mu     sync.Mutex
	totals map[string]float64
}

func (l *ledger) book(o order) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, item := range o.Items {
		l.totals[item] += o.Total
	}
	spin(20 * time.Microsecond) // long enough under the lock to be seen
}

type job struct {
	o    order
	done chan float64
}

var (
	served  int64
	booked  int64
	book    = &ledger{totals: map[string]float64{}}
	jobs    = make(chan job, 16)
	garbage [64]atomic.Pointer[[]byte]
)

func spin(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
	}
}

func worker() {
	for j := range jobs {
		book.book(j.o)
		atomic.AddInt64(&booked, 1)
		j.done <- j.o.Total
	}
}

func handleOrder(w http.ResponseWriter, r *http.Request) {
	var o order
	if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	waste := make([]byte, 32<<10)
	garbage[o.ID%len(garbage)].Store(&waste)
	done := make(chan float64)
	jobs <- job{o, done}
	total := <-done
	if o.ID%50 == 0 {
		slowReport()
	}
	json.NewEncoder(w).Encode(map[string]any{"id": o.ID, "total": total})
	atomic.AddInt64(&served, 1)
}

// slowReport is the slow request of the demo: it reads files and waits for a timer.
func slowReport() {
	for _, f := range []string{"/proc/self/status", "/proc/self/maps", "/proc/cpuinfo"} {
		b, _ := os.ReadFile(f)
		garbage[0].Store(&b)
	}
	<-time.After(15 * time.Millisecond)
}

// client sends orders at its own pace until stop is closed.
func client(url string, seed int64, stop <-chan struct{}) {
	rnd := rand.New(rand.NewSource(seed))
	c := &http.Client{Timeout: 10 * time.Second}
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		case <-time.After(time.Duration(rnd.Intn(4000)) * time.Microsecond):
		}
		o := order{ID: rnd.Intn(1000), Total: 9.5, Items: []string{"tea", "milk", "sugar"}[:1+n%3]}
		pr, pw := io.Pipe()
		go func() { pw.CloseWithError(json.NewEncoder(pw).Encode(o)) }()
		resp, err := c.Post(url+"/order", "application/json", pr)
		if err != nil {
			log.Print("demo: ", err)
			return
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

// housekeeping wakes up by a ticker, as services do.
func housekeeping(stop <-chan struct{}) {
	t := time.NewTicker(10 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-stop:
			return
		case <-t.C:
			book.mu.Lock()
			if len(book.totals) > 1000 {
				book.totals = map[string]float64{}
			}
			book.mu.Unlock()
		}
	}
}

func main() {
	seconds := flag.Int("seconds", 0, "end after so many seconds (0: when told to)")
	clients := flag.Int("clients", 8, "clients that load the service")
	flag.Parse()
	if flag.NArg() > 0 || *seconds < 0 || *clients < 1 {
		flag.Usage()
		os.Exit(2)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal("demo: ", err)
	}
	for i := 0; i < 4; i++ {
		go worker()
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/order", handleOrder)
	srv := &http.Server{Handler: mux}
	go srv.Serve(ln)

	stop := make(chan struct{})
	go housekeeping(stop)
	var wg sync.WaitGroup
	for i := 0; i < *clients; i++ {
		wg.Add(1)
		go func(seed int64) {
			defer wg.Done()
			client("http://"+ln.Addr().String(), seed, stop)
		}(int64(i))
	}
	fmt.Printf("pid %d\n", os.Getpid())

	end := make(chan os.Signal, 1)
	signal.Notify(end, os.Interrupt, syscall.SIGTERM)
	var timeout <-chan time.Time
	if *seconds > 0 {
		timeout = time.After(time.Duration(*seconds) * time.Second)
	}
	select {
	case <-end:
	case <-timeout:
	}
	close(stop)
	wg.Wait()
	srv.Close()
	fmt.Printf("served %d requests, booked %d orders\n", atomic.LoadInt64(&served), atomic.LoadInt64(&booked))
}
