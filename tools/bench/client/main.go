// Command client loads an HTTP workload from a process of its own: as fast as it goes over some
// connections, or at a fixed rate. It runs until its input ends, then prints what it did.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

func main() {
	addr := flag.String("addr", "", "host:port")
	rate := flag.Int("rate", 0, "requests a second (0: as many as go)")
	conns := flag.Int("conns", 8, "connections")
	post := flag.String("post", "", "body to post (else GET)")
	flag.Parse()
	tr := &http.Transport{MaxIdleConnsPerHost: *conns, MaxConnsPerHost: *conns, DisableCompression: true}
	c := &http.Client{Transport: tr, Timeout: 10 * time.Second}
	url := "http://" + *addr + "/"
	var done, failed atomic.Int64
	one := func() {
		var r *http.Response
		var err error
		if *post != "" {
			r, err = c.Post(url, "application/json", bytes.NewReader([]byte(*post)))
		} else {
			r, err = c.Get(url)
		}
		if err != nil {
			failed.Add(1)
			return
		}
		io.Copy(io.Discard, r.Body)
		r.Body.Close()
		done.Add(1)
	}
	var due chan struct{}
	if *rate > 0 {
		due = make(chan struct{}, *rate)
		go func() {
			begin, sent := time.Now(), 0
			for {
				for want := int(time.Since(begin).Seconds() * float64(*rate)); sent < want; sent++ {
					select {
					case due <- struct{}{}:
					default: // far behind: the server is saturated
					}
				}
				time.Sleep(time.Millisecond)
			}
		}()
	}
	for i := 0; i < *conns; i++ {
		go func() {
			for {
				if due != nil {
					<-due
				}
				one()
			}
		}()
	}
	io.Copy(io.Discard, os.Stdin)
	fmt.Printf("%d done, %d failed\n", done.Load(), failed.Load())
}
