package live

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"live/lab"
)

// viewer runs go tool trace -http on a file and gives its address.
func viewer(t *testing.T, file, version string) string {
	t.Helper()
	c := lab.GoCmd(version, "tool", "trace", "-http=127.0.0.1:0", file)
	c.Env = append(c.Env, "BROWSER=true", "DISPLAY=")
	errp, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.SysProcAttr = ownGroup()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		killGroup(c.Process.Pid)
		c.Wait()
	})
	url := make(chan string, 1)
	var said bytes.Buffer
	go func() {
		sc := bufio.NewScanner(errp)
		for sc.Scan() {
			said.WriteString(sc.Text() + "\n")
			if m := regexp.MustCompile(`http://[0-9.:]+`).FindString(sc.Text()); m != "" {
				url <- m
				io.Copy(io.Discard, errp)
				return
			}
		}
		close(url)
	}()
	select {
	case u, ok := <-url:
		if !ok {
			t.Fatalf("go tool trace ended:\n%s", said.String())
		}
		return u
	case <-time.After(120 * time.Second):
		t.Fatal("go tool trace does not serve")
	}
	return ""
}

func get(t *testing.T, url string) []byte {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != 200 {
		t.Errorf("%s: %s, %v\n%s", url, r.Status, err, b)
	}
	return b
}

// profile fetches a pprof page raw; the strings of the profile stand in it as they are.
func profile(t *testing.T, url string) string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(get(t, url)))
	if err != nil {
		t.Errorf("%s: not a profile: %v", url, err)
		return ""
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Errorf("%s: %v", url, err)
	}
	return string(b)
}

func pages(t *testing.T, file, version string) {
	base := viewer(t, file, version)
	want := func(page string, body string, words ...string) {
		t.Helper()
		for _, w := range words {
			if !strings.Contains(body, w) {
				t.Errorf("page %s does not mention %s (%d bytes)", page, w, len(body))
			}
		}
	}
	want("/", string(get(t, base+"/")), "goroutines", "mmu")
	want("/goroutines", string(get(t, base+"/goroutines")), "main.netReader", "main.client",
		"net/http.(*conn).serve")
	want("/goroutine", string(get(t, base+"/goroutine?name=main.netReader")), "netReader")
	// What each profile must know: who waited for what.
	want("/io", profile(t, base+"/io?raw=1"), "main.netReader", "internal/poll.(*FD).Read")
	want("/block", profile(t, base+"/block?raw=1"), "runtime.selectgo", "net/http.(*persistConn)")
	want("/syscall", profile(t, base+"/syscall?raw=1"), "syscall.read", "syscall.write")
	want("/sched", profile(t, base+"/sched?raw=1"), "net/http.")

	// The minimum mutator utilisation: [window ns, utilisation, ...] points.
	var mmu struct {
		Curve [][]float64 `json:"curve"`
	}
	if err := json.Unmarshal(get(t, base+"/mmu?mode=plot&flags=stw|background|assist"), &mmu); err != nil {
		t.Errorf("/mmu: %v", err)
	}
	less := false
	for _, p := range mmu.Curve {
		less = less || len(p) > 1 && p[1] < 1
	}
	if len(mmu.Curve) < 10 || !less {
		t.Errorf("/mmu: %d points, the collector seen: %v", len(mmu.Curve), less)
	}

	var view struct {
		TraceEvents []struct {
			Name  string `json:"name"`
			Phase string `json:"ph"`
		} `json:"traceEvents"`
		Frames map[string]any `json:"stackFrames"`
	}
	if err := json.Unmarshal(get(t, base+"/jsontrace"), &view); err != nil {
		t.Fatalf("/jsontrace: %v", err)
	}
	kinds := map[string]int{}
	goroutines := false
	for _, e := range view.TraceEvents {
		kinds[e.Phase]++
		goroutines = goroutines || strings.Contains(e.Name, "main.client")
	}
	if kinds["X"] < 100 || len(view.Frames) < 10 || !goroutines {
		t.Errorf("trace view: %v events by phase, %d stack frames, main.client there: %v", kinds,
			len(view.Frames), goroutines)
	}
	for _, counter := range []string{"Heap", "Goroutines", "Threads"} {
		n := 0
		for _, e := range view.TraceEvents {
			if e.Name == counter {
				n++
			}
		}
		if n == 0 {
			t.Errorf("trace view: no counter %s", counter)
		}
	}
	want("/trace", string(get(t, base+"/trace")), "jsontrace")
}

// serve makes a file of an HTTP service that collects garbage now and then.
func serve(t *testing.T, version string, record func(tg *lab.Target) (stop func() string)) string {
	t.Helper()
	tg := lab.Start(t, lab.Build(t, "nethttp", version, "default"))
	stop := record(tg)
	tg.Run(100)
	settle()
	return stop()
}

// The pages of go tool trace have content for a recording, with the newest tool and the oldest that
// reads the format.
func TestPages(t *testing.T) {
	lab.Tool(t)
	for _, c := range []struct{ target, viewer string }{{"1.22.12", "1.22.12"}, {lab.Newest, lab.Newest}} {
		t.Run(fmt.Sprintf("%s by %s", c.target, c.viewer), func(t *testing.T) {
			lab.NeedGo(t, c.viewer)
			file := serve(t, c.target, func(tg *lab.Target) func() string {
				rec := lab.Record(t, tg.Pid)
				return func() string {
					mustBe(t, "recording", 0, rec.Stop(), rec.Stderr())
					return rec.File
				}
			})
			pages(t, file, c.viewer)
		})
	}
}

// The same expectations hold of the runtime's own trace: what the pages test asks is right.
func TestPagesOfOwnTrace(t *testing.T) {
	file := serve(t, lab.Newest, func(tg *lab.Target) func() string {
		own := filepath.Join(t.TempDir(), "own")
		tg.Trace(own)
		return func() string { tg.EndTrace(); return own }
	})
	if fi, err := os.Stat(file); err != nil || fi.Size() == 0 {
		t.Fatal(err)
	}
	pages(t, file, lab.Newest)
}
