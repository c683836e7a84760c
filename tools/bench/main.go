// Command bench measures what recording costs the recorded program: its CPU time per operation, bare,
// with runtime/trace, with gotrace-bpf in its plans, and with a bpftrace one-liner on casgstatus as
// the known alternative. All modes of a workload are measured in one process, in rounds that are
// interleaved and start with another mode each time; a ratio is taken within its round.
//
//	go run . -tool ../../gotrace-bpf [-quick] [-modes bare,trace,full,lean,bpftrace] [-estimate] [-o FILE]
//
// Prints a table in Markdown; -o also writes all figures as JSON.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"time"
)

type workload struct {
	name, what string
	cgo        bool
	client     []string // arguments of the load client
}

var workloads = []workload{
	{name: "hello", what: "net/http hello, saturated", client: []string{"-conns", "8"}},
	{name: "json", what: "JSON service, 2,000/s, 100 us of work",
		client: []string{"-conns", "16", "-rate", "2000", "-post", `{"name":"tea","count":3,"tags":["a","b"]}`}},
	{name: "pool", what: "64 workers on a channel, 4 mutexes"},
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

type machine struct {
	Kernel, CPU, Go, Tool string
	Cores                 int
	Date                  string
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

// proc is a workload or a client that obeys lines.
type proc struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func spawn(path string, args ...string) (*proc, error) {
	p := &proc{cmd: exec.Command(path, args...)}
	p.cmd.Stderr = os.Stderr
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	o, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewScanner(o)
	return p, p.cmd.Start()
}

func (p *proc) line() (string, error) {
	if !p.out.Scan() {
		return "", fmt.Errorf("%s ended", filepath.Base(p.cmd.Path))
	}
	return p.out.Text(), nil
}

func (p *proc) ask(cmd string) (string, error) {
	if _, err := io.WriteString(p.in, cmd+"\n"); err != nil {
		return "", err
	}
	l, err := p.line()
	if err == nil && strings.HasPrefix(l, "error") {
		err = fmt.Errorf("%s: %s", cmd, l)
	}
	return l, err
}

func (p *proc) end() {
	p.in.Close()
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

type stat struct {
	Ops int64 `json:"ops"`
	CPU int64 `json:"cpu_ns"`
}

func (p *proc) stat() (s stat, err error) {
	l, err := p.ask("stat")
	if err == nil {
		err = json.Unmarshal([]byte(l), &s)
	}
	return
}

// attach starts the tool of a mode; the function ends it and gives status and words.
func (b *bench) attach(p *proc, mode string) (func() (int, string), error) {
	pid := p.cmd.Process.Pid
	var c *exec.Cmd
	out := filepath.Join(b.dir, "out")
	switch mode {
	case "bare":
		return func() (int, string) { return 0, "" }, nil
	case "trace":
		if _, err := p.ask("trace"); err != nil {
			return nil, err
		}
		return func() (int, string) { p.ask("endtrace"); return 0, "" }, nil
	case "bpftrace":
		c = exec.Command("bpftrace", "-o", "/dev/null", "-p", fmt.Sprint(pid), "-e", fmt.Sprintf(
			`uprobe:/proc/%d/exe:"runtime.casgstatus" { printf("%%d %%d %%x %%d %%d %%s\n", nsecs, tid, reg("ax"), reg("bx"), reg("cx"), ustack) }`, pid))
	default:
		c = exec.Command(b.tool, append([]string{"-p", fmt.Sprint(pid), "-o", out}, b.flags[mode]...)...)
	}
	var words strings.Builder
	c.Stdout, c.Stderr = &words, &words
	if err := c.Start(); err != nil {
		return nil, err
	}
	done := make(chan struct{})
	go func() { c.Wait(); close(done) }()
	for begin := time.Now(); !linked(c.Process.Pid, pid, mode == "bpftrace"); time.Sleep(10 * time.Millisecond) {
		select {
		case <-done:
			return nil, fmt.Errorf("%s ended: %s", mode, words.String())
		default:
		}
		if time.Since(begin) > 30*time.Second {
			c.Process.Kill()
			<-done
			return nil, fmt.Errorf("%s does not attach: %s", mode, words.String())
		}
	}
	time.Sleep(150 * time.Millisecond) // for arming and the snapshot
	return func() (int, string) {
		c.Process.Signal(os.Interrupt)
		select {
		case <-done:
		case <-time.After(60 * time.Second):
			c.Process.Kill()
			<-done
		}
		os.Remove(out)
		return c.ProcessState.ExitCode(), words.String()
	}, nil
}

// linked: a process has attached a probe to the target, or any at all. Links to itself or to nobody
// come before: with them the recorder measures its prices.
func linked(pid, target int, any bool) bool {
	proc := fmt.Sprintf("/proc/%d/", pid)
	fds, _ := os.ReadDir(proc + "fd")
	for _, fd := range fds {
		l, _ := os.Readlink(proc + "fd/" + fd.Name())
		if !strings.Contains(l, "bpf_link") && !strings.Contains(l, "perf_event") {
			continue
		}
		info, _ := os.ReadFile(proc + "fdinfo/" + fd.Name())
		if any || strings.Contains(string(info), fmt.Sprintf("pid:\t%d\n", target)) {
			return true
		}
	}
	return false
}

func (b *bench) measure(w workload, rounds int) error {
	path, args := filepath.Join(b.dir, "load"), []string{w.name}
	if w.cgo {
		path, args = filepath.Join(b.dir, "ccall"), nil
	}
	p, err := spawn(path, args...)
	if err != nil {
		return err
	}
	defer p.end()
	l, err := p.line()
	if err != nil {
		return err
	}
	var pid int
	var addr string
	if _, err := fmt.Sscanf(l, "ready %d %s", &pid, &addr); err != nil {
		return fmt.Errorf("%s says %q", w.name, l)
	}
	if _, err := p.ask("start"); err != nil {
		return err
	}
	if w.client != nil {
		c, err := spawn(filepath.Join(b.dir, "client"), append([]string{"-addr", addr}, w.client...)...)
		if err != nil {
			return err
		}
		defer c.end()
	}
	time.Sleep(500 * time.Millisecond)
	for r := 0; r < rounds; r++ {
		first := len(b.samples)
		for k := range b.modes {
			mode := b.modes[(k+r)%len(b.modes)]
			detach, err := b.attach(p, mode)
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

var costLine = regexp.MustCompile(`about ([\d.]+)% of one CPU added to the target \(it used ([\d.]+)% in all\)`)

// estimated is the part of the target's CPU time that the tool's summary calls its own doing.
func estimated(summary string) float64 {
	m := costLine.FindStringSubmatch(summary)
	if m == nil {
		return 0
	}
	added, err1 := strconv.ParseFloat(m[1], 64)
	all, err2 := strconv.ParseFloat(m[2], 64)
	if err1 != nil || err2 != nil || all == 0 {
		return 0
	}
	return added / all
}

var rateLine = regexp.MustCompile(`hits, (\d+)/s`)

// hitRate is the hits a second that the tool's summary tells.
func hitRate(summary string) float64 {
	m := rateLine.FindStringSubmatch(summary)
	if m == nil {
		return 0
	}
	n, _ := strconv.ParseFloat(m[1], 64)
	return n
}

func quantile(v []float64, q float64) float64 {
	if len(v) == 0 {
		return 0
	}
	sort.Float64s(v)
	x := q * float64(len(v)-1)
	i := int(x)
	if i+1 >= len(v) {
		return v[i]
	}
	return v[i] + (x-float64(i))*(v[i+1]-v[i])
}

func (b *bench) table(m machine, rounds int) {
	fmt.Printf("CPU time of the target per operation, as a ratio to bare: median of %d interleaved rounds of %v (quartiles).\n", rounds, b.dur)
	fmt.Printf("%s, %d cores, Linux %s, %s, %s.\n\n", m.CPU, m.Cores, m.Kernel, m.Go, m.Date)
	fmt.Print("| workload | bare, us |")
	for _, mode := range b.modes {
		if mode != "bare" {
			fmt.Printf(" %s |", mode)
		}
	}
	fmt.Println()
	fmt.Println("|---|---|" + strings.Repeat("---|", len(b.modes)-1))
	for _, w := range workloads {
		get := func(mode string, f func(s sample) float64) (v []float64, lost int) {
			for _, s := range b.samples {
				if s.Workload == w.name && s.Mode == mode {
					v = append(v, f(s))
					if s.Status == 3 {
						lost++
					}
				}
			}
			return
		}
		bare, _ := get("bare", func(s sample) float64 { return s.NsPerOp / 1000 })
		if len(bare) == 0 {
			continue
		}
		fmt.Printf("| %s | %.3g |", w.what, quantile(bare, 0.5))
		for _, mode := range b.modes {
			if mode == "bare" {
				continue
			}
			v, lost := get(mode, func(s sample) float64 { return s.Ratio })
			note := ""
			if lost > 0 {
				note = fmt.Sprintf(", %d with losses", lost)
			}
			fmt.Printf(" %.2f (%.2f-%.2f%s) |", quantile(v, 0.5), quantile(v, 0.25), quantile(v, 0.75), note)
		}
		fmt.Println()
	}
}

// estimates prints what the tool believed that it added, next to what it did.
func (b *bench) estimates() {
	fmt.Println("\nCPU time added to an operation, us: measured over bare, and as the tool's summary estimates it (medians).")
	fmt.Println("\n| workload | mode | measured | estimated | estimated by measured | measured, ns a hit |")
	fmt.Println("|---|---|---|---|---|---|")
	for _, w := range workloads {
		for _, mode := range b.modes {
			var added, guess, by, hit []float64
			for _, s := range b.samples {
				if s.Workload == w.name && s.Mode == mode && s.Estimate > 0 {
					added = append(added, s.Added/1000)
					guess = append(guess, s.Estimate/1000)
					by = append(by, s.Estimate/s.Added)
					hit = append(hit, s.HitNs)
				}
			}
			if len(added) > 0 {
				fmt.Printf("| %s | %s | %.3g | %.3g | %.2f | %.0f |\n", w.what, mode, quantile(added, 0.5),
					quantile(guess, 0.5), quantile(by, 0.5), quantile(hit, 0.5))
			}
		}
	}
}

func describe(goVersion, tool string) machine {
	m := machine{Cores: runtime.NumCPU(), Go: "go" + goVersion, Date: time.Now().UTC().Format("2006-01-02")}
	if goVersion == "" {
		m.Go = runtime.Version()
	}
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = strings.TrimSpace(string(b))
	}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if x := regexp.MustCompile(`model name\s*: (.*)`).FindSubmatch(b); x != nil {
			m.CPU = string(x[1])
		}
	}
	if out, err := exec.Command(tool, "--version").Output(); err == nil {
		m.Tool = strings.TrimSpace(string(out))
	}
	return m
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	tool := flag.String("tool", "../../gotrace-bpf", "the recorder")
	quick := flag.Bool("quick", false, "under a minute: 2 rounds of 250 ms, bare, trace and full")
	rounds := flag.Int("rounds", 7, "rounds")
	dur := flag.Duration("time", 2*time.Second, "time of one measurement")
	modes := flag.String("modes", "bare,trace,full,bpftrace", "comma list of bare, trace, bpftrace and names of -mode")
	only := flag.String("only", "", "workloads to run (comma list)")
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
	b := &bench{dir: dir, tool: path, dur: *dur, flags: flags}
	for _, m := range strings.Split(*modes, ",") {
		if m == "bpftrace" {
			if _, err := exec.LookPath("bpftrace"); err != nil {
				log.Print("bpftrace is not installed: left out")
				continue
			}
		} else if _, ok := flags[m]; !ok && m != "bare" && m != "trace" {
			log.Fatalf("no mode %q: see -mode", m)
		}
		b.modes = append(b.modes, m)
	}
	if err := b.build(*goVersion); err != nil {
		log.Fatal(err)
	}
	m := describe(*goVersion, path)
	for _, w := range workloads {
		if *only != "" && !strings.Contains(","+*only+",", ","+w.name+",") {
			continue
		}
		log.Printf("%s", w.what)
		if err := b.measure(w, *rounds); err != nil {
			log.Print(err)
		}
	}
	b.table(m, *rounds)
	if *estimate {
		b.estimates()
	}
	if *outFile != "" {
		j, err := json.MarshalIndent(struct {
			Machine machine  `json:"machine"`
			Samples []sample `json:"samples"`
		}{m, b.samples}, "", "  ")
		if err == nil {
			err = os.WriteFile(*outFile, append(j, '\n'), 0o644)
		}
		if err != nil {
			log.Fatal(err)
		}
	}
}
