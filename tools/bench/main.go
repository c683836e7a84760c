// Command bench measures what recording costs the recorded program: its CPU time per operation, bare,
// with runtime/trace, with gotrace-bpf in its plans, and with a bpftrace one-liner on casgstatus as
// the known alternative. All modes of a workload are measured in one process, in rounds that are
// interleaved and start with another mode each time; a ratio is taken within its round.
//
//	go run . -tool ../../gotrace-bpf [-quick] [-modes bare,trace,full,lean,bpftrace] [-estimate] [-o FILE]
//	go run . -gaps [-rounds CYCLES] [-time RECORDED] [-ps 2,1]
//	go run . -after [-only hello,pool]
//	go run . -own [-only hello,pool]
//
// -gaps instead measures what attaching and detaching are to the target: the longest time in which
// nothing goes on in it, while the recorder comes and goes, against as long a time without it. -after
// measures what is left when the recorder has gone: CPU time per operation after it by that before it.
// Both take the modes of -modes in which the recorder runs (default full). -own measures what the
// recorder uses itself, how fast it replays, and how large its trace is by the target's own.
//
// Prints a table in Markdown; -o also writes all figures as JSON.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

type workload struct {
	name, what string
	cgo        bool
	load       string   // what it is to the program load, if that is not its name
	client     []string // arguments of the load client
	args       []string // of the workload's own
}

var workloads = []workload{
	{name: "hello", what: "net/http hello, saturated", client: []string{"-conns", "8"}},
	{name: "hello5k", what: "net/http hello, 5,000/s", load: "hello", client: []string{"-conns", "8", "-rate", "5000"}},
	{name: "json", what: "JSON service, 2,000/s, 100 us of work",
		client: []string{"-conns", "16", "-rate", "2000", "-post", `{"name":"tea","count":3,"tags":["a","b"]}`}},
	{name: "pool", what: "64 workers on a channel of 24, 4 mutexes"},
	{name: "pread", what: "pread of 4 KiB, page cache"},
	{name: "pingpong", what: "channel ping-pong, one P"},
	{name: "alloc", what: "allocation and GC"},
	{name: "ccall", what: "empty C call", cgo: true},
	{name: "spin", what: "two threads, no probe on their way"},
	{name: "threads", what: "64 channel ping-pongs on 64 Ps"},
}

// sample is one measurement.
type sample struct {
	Workload string  `json:"workload"`
	Mode     string  `json:"mode"`
	Round    int     `json:"round"`
	Ops      int64   `json:"ops"`
	CPUNs    int64   `json:"cpu_ns"`
	WallNs   int64   `json:"wall_ns"`
	NsPerOp  float64 `json:"cpu_ns_per_op"`
	Ratio    float64 `json:"ratio"`                      // to bare in the same round
	Status   int     `json:"tool_status"`                // exit status of the tool, 3: with losses
	Added    float64 `json:"added_ns_per_op"`            // measured: over bare in the same round
	HitNs    float64 `json:"added_ns_per_hit,omitempty"` // Added by the hits that the tool counted
	Estimate float64 `json:"estimated_ns_per_op"`        // the same as the tool's summary has it; 0: it does not
	Said     string  `json:"tool,omitempty"`             // its summary
}

type bench struct {
	dir, tool string
	dur       time.Duration
	modes     []string
	flags     map[string][]string
	samples   []sample
}

func (b *bench) build(goVersion string) error {
	for _, p := range []string{"load", "ccall", "client"} {
		c := exec.Command("go", "build", "-o", filepath.Join(b.dir, p), "./"+p)
		c.Env = append(os.Environ(), "CGO_ENABLED="+map[bool]string{true: "1", false: "0"}[p == "ccall"])
		if goVersion != "" {
			c.Env = append(c.Env, "GOTOOLCHAIN=go"+goVersion)
		}
		if out, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("building %s: %v\n%s", p, err, out)
		}
	}
	return nil
}

// begin starts a workload and its client; the function ends them.
func (b *bench) begin(w workload) (*proc, func(), error) {
	path, args := filepath.Join(b.dir, "load"), append([]string{w.name}, w.args...)
	if w.load != "" {
		args[0] = w.load
	}
	if w.cgo {
		path, args = filepath.Join(b.dir, "ccall"), nil
	}
	p, err := spawn(path, args...)
	if err != nil {
		return nil, nil, err
	}
	end := p.end
	fail := func(err error) (*proc, func(), error) { end(); return nil, nil, err }
	l, err := p.line()
	if err != nil {
		return fail(err)
	}
	var pid int
	var addr string
	if _, err := fmt.Sscanf(l, "ready %d %s", &pid, &addr); err != nil {
		return fail(fmt.Errorf("%s says %q", w.name, l))
	}
	if _, err := p.ask("start"); err != nil {
		return fail(err)
	}
	if w.client != nil {
		c, err := spawn(filepath.Join(b.dir, "client"), append([]string{"-addr", addr}, w.client...)...)
		if err != nil {
			return fail(err)
		}
		end = func() { c.end(); p.end() }
	}
	time.Sleep(500 * time.Millisecond)
	return p, end, nil
}

func (b *bench) measure(w workload, rounds int) error {
	p, end, err := b.begin(w)
	if err != nil {
		return err
	}
	defer end()
	for r := 0; r < rounds; r++ {
		first := len(b.samples)
		for k := range b.modes {
			mode := b.modes[(k+r)%len(b.modes)]
			_, detach, err := b.attach(p, mode)
			if err != nil {
				return fmt.Errorf("%s: %s: %v", w.name, mode, err)
			}
			s0, err := p.stat()
			if err != nil {
				return err
			}
			t0 := time.Now()
			time.Sleep(b.dur)
			s1, err := p.stat()
			if err != nil {
				return err
			}
			s := sample{Workload: w.name, Mode: mode, Round: r, Ops: s1.Ops - s0.Ops, CPUNs: s1.CPU - s0.CPU,
				WallNs: time.Since(t0).Nanoseconds()}
			s.Status, s.Said = detach()
			if s.Ops > 0 {
				s.NsPerOp = float64(s.CPUNs) / float64(s.Ops)
			}
			b.samples = append(b.samples, s)
			time.Sleep(100 * time.Millisecond)
		}
		bare := 0.0
		for _, s := range b.samples[first:] {
			if s.Mode == "bare" {
				bare = s.NsPerOp
			}
		}
		for i := first; i < len(b.samples) && bare > 0; i++ {
			s := &b.samples[i]
			s.Ratio = s.NsPerOp / bare
			s.Added = s.NsPerOp - bare
			s.Estimate = s.NsPerOp * estimated(s.Said)
			if rate := hitRate(s.Said); rate > 0 {
				s.HitNs = s.Added * float64(s.Ops) / (rate * float64(s.WallNs) / 1e9)
			}
		}
	}
	return nil
}

// each calls f for the workloads chosen; what fails is told, and the next one tried.
func each(only string, f func(w workload) error) {
	for _, w := range workloads {
		if only != "" && !strings.Contains(","+only+",", ","+w.name+",") {
			continue
		}
		log.Printf("%s", w.what)
		if err := f(w); err != nil {
			log.Print(err)
		}
	}
}

// pick sets the modes; recorder: only those in which it runs.
func (b *bench) pick(modes string, recorder bool) error {
	for _, m := range strings.Split(modes, ",") {
		_, own := b.flags[m]
		switch {
		case own:
		case m != "bare" && m != "trace" && m != "bpftrace":
			return fmt.Errorf("no mode %q: see -mode", m)
		case recorder:
			continue
		case m == "bpftrace":
			if _, err := exec.LookPath("bpftrace"); err != nil {
				log.Print("bpftrace is not installed: left out")
				continue
			}
		}
		b.modes = append(b.modes, m)
	}
	return nil
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	tool := flag.String("tool", "../../gotrace-bpf", "the recorder")
	quick := flag.Bool("quick", false, "under a minute: 2 rounds of 250 ms, bare, trace and full")
	gaps := flag.Bool("gaps", false, "how long the target stands still while the recorder attaches and detaches")
	after := flag.Bool("after", false, "CPU time per operation after a recording, by that before it")
	ownSide := flag.Bool("own", false, "CPU time and memory of the recorder itself, its speed on replay, the size of its traces")
	ps := flag.String("ps", "", "GOMAXPROCS of the target of -gaps (default: the cores, and one less)")
	rounds := flag.Int("rounds", 0, "rounds (0: 7, with -gaps 10); with -own replays")
	dur := flag.Duration("time", 0, "time of one measurement or, with -gaps, of a recording (0: 2s, with -gaps or -after 1s)")
	modes := flag.String("modes", "bare,trace,full,bpftrace", "comma list of bare, trace, bpftrace and names of -mode")
	only := flag.String("only", "", "workloads to run (comma list)")
	rate := flag.Int("rate", 0, "requests a second that hello gets (0: as many as it can take)")
	goVersion := flag.String("go", "", "toolchain that builds the workloads, as 1.27.4")
	estimate := flag.Bool("estimate", false, "also the cost that the recorder's summary estimates, next to the measured one")
	outFile := flag.String("o", "", "write all figures here as JSON")
	flags := map[string][]string{"full": nil}
	flag.Func("mode", "a way to run the recorder, as NAME=FLAGS (lean=\"--plan lean\"); may be repeated", func(s string) error {
		name, fl, ok := strings.Cut(s, "=")
		if !ok || name == "" {
			return fmt.Errorf("want NAME=FLAGS")
		}
		flags[name] = strings.Fields(fl)
		return nil
	})
	flag.Parse()
	if *quick {
		*rounds, *dur, *modes = 2, 250*time.Millisecond, "bare,trace,full"
	}
	if *rounds == 0 {
		*rounds = map[bool]int{true: 10, false: 7}[*gaps]
	}
	if *dur == 0 {
		*dur = map[bool]time.Duration{true: time.Second, false: 2 * time.Second}[*gaps || *after]
	}
	if os.Geteuid() != 0 {
		log.Fatal("attaching needs root")
	}
	path, err := filepath.Abs(*tool)
	if err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "gotrace-bench")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if *rate > 0 {
		hello := &workloads[0]
		hello.what = fmt.Sprintf("net/http hello, %d/s", *rate)
		hello.client = append(hello.client, "-rate", fmt.Sprint(*rate))
	}
	b := &bench{dir: dir, tool: path, dur: *dur, flags: flags}
	if err := b.pick(*modes, *gaps || *after); err != nil {
		log.Fatal(err)
	}
	if err := b.build(*goVersion); err != nil {
		log.Fatal(err)
	}
	m := describe(*goVersion, path)
	var figures any
	switch {
	case *gaps:
		figures = b.gaps(m, *ps, *rounds)
	case *after:
		figures = b.after(m, *only, *rounds)
	case *ownSide:
		figures = b.own(m, *only, *rounds)
	default:
		each(*only, func(w workload) error { return b.measure(w, *rounds) })
		b.table(m, *rounds)
		if *estimate {
			b.estimates()
		}
		figures = b.samples
	}
	if *outFile != "" {
		j, err := json.MarshalIndent(struct {
			Machine machine `json:"machine"`
			Samples any     `json:"samples"`
		}{m, figures}, "", "  ")
		if err == nil {
			err = os.WriteFile(*outFile, append(j, '\n'), 0o644)
		}
		if err != nil {
			log.Fatal(err)
		}
	}
}
