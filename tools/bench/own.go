package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// own is what the recorder itself uses for one workload, and what it writes.
type own struct {
	Workload   string    `json:"workload"`
	Rate       float64   `json:"hits_per_s"`
	Cores      float64   `json:"cores"` // that the recorder uses
	RSSFirst   int64     `json:"rss_first_bytes"`
	RSSLast    int64     `json:"rss_last_bytes"`
	Status     int       `json:"tool_status"` // 3: with losses
	Replay     []float64 `json:"replay_records_per_cpu_s"`
	PerEvent   float64   `json:"bytes_per_event"`
	PerEventRT float64   `json:"bytes_per_event_runtime_trace"`
}

// used is CPU time and resident memory of a process.
func used(pid int) (cpu time.Duration, rss int64, err error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return
	}
	const ticks, page = 100, 4096 // USER_HZ; x86-64 and arm64 as Debian builds them
	_, rest, _ := strings.Cut(string(raw), ") ")
	f := strings.Fields(rest) // from the third field of proc(5) on
	if len(f) < 22 {
		return 0, 0, fmt.Errorf("/proc/%d/stat: %q", pid, raw)
	}
	utime, _ := strconv.ParseInt(f[11], 10, 64)
	stime, _ := strconv.ParseInt(f[12], 10, 64)
	pages, _ := strconv.ParseInt(f[21], 10, 64)
	return time.Duration(utime+stime) * time.Second / ticks, pages * page, nil
}

var (
	eventsLine = regexp.MustCompile(`(?m)^ *events +([\d,]+)`)
	replayLine = regexp.MustCompile(`replayed ([\d,]+) records`)
)

// count is the number that a line of the tool tells.
func count(line *regexp.Regexp, words []byte) (float64, error) {
	m := line.FindSubmatch(words)
	if m == nil {
		return 0, fmt.Errorf("no number in %q", words)
	}
	return strconv.ParseFloat(strings.ReplaceAll(string(m[1]), ",", ""), 64)
}

// perEvent is a trace's size by its events.
func (b *bench) perEvent(file string) (float64, error) {
	words, err := exec.Command(b.tool, "validate", file).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%s: %v: %s", file, err, words)
	}
	n, err := count(eventsLine, words)
	if err != nil {
		return 0, err
	}
	st, err := os.Stat(file)
	if err != nil {
		return 0, err
	}
	return float64(st.Size()) / n, nil
}

// live measures the recorder at work.
func (b *bench) live(p *proc, o *own) error {
	tool, detach, err := b.attach(p, "full")
	if err != nil {
		return err
	}
	time.Sleep(time.Second)
	c0, m0, err := used(tool)
	if err != nil {
		return err
	}
	begin := time.Now()
	time.Sleep(b.dur)
	c1, m1, err := used(tool)
	if err != nil {
		return err
	}
	o.Cores = float64(c1-c0) / float64(time.Since(begin))
	o.RSSFirst, o.RSSLast = m0, m1
	var words string
	o.Status, words = detach()
	o.Rate = hitRate(words)
	return nil
}

// files records while the workload traces itself, and replays what was captured.
func (b *bench) files(p *proc, o *own, rounds int) error {
	dir := filepath.Join(b.dir, "own")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	theirs, capture, ours := filepath.Join(dir, "theirs"), filepath.Join(dir, "capture"), filepath.Join(dir, "ours")
	if _, err := p.ask("trace " + theirs); err != nil {
		return err
	}
	b.flags["capture"] = []string{"--capture", capture}
	_, detach, err := b.attach(p, "capture")
	if err != nil {
		return err
	}
	time.Sleep(b.dur)
	if status, words := detach(); status != 0 && status != 3 {
		return fmt.Errorf("status %d: %s", status, words)
	}
	if _, err := p.ask("endtrace"); err != nil {
		return err
	}
	for i := 0; i < rounds; i++ {
		c := exec.Command(b.tool, "replay", capture, "-o", ours)
		words, err := c.CombinedOutput()
		if err != nil {
			return fmt.Errorf("replay: %v: %s", err, words)
		}
		n, err := count(replayLine, words)
		if err != nil {
			return err
		}
		o.Replay = append(o.Replay, n/(c.ProcessState.UserTime()+c.ProcessState.SystemTime()).Seconds())
	}
	if o.PerEvent, err = b.perEvent(ours); err != nil {
		return err
	}
	o.PerEventRT, err = b.perEvent(theirs)
	return err
}

// own measures and prints what the recorder itself uses.
func (b *bench) own(m machine, only string, rounds int) (all []own) {
	fmt.Printf("The recorder's own side over %v; replay of what it captured: median of %d, records a second of its\n", b.dur, rounds)
	fmt.Printf("CPU time; bytes an event of its trace and of the target's own, of the same time. %v.\n\n", m)
	fmt.Println("| workload | hits/s | % of one core | for 100,000 hits/s | MB after 1 s, at the end | lost | replay, million records/s | bytes/event | runtime/trace's |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|")
	each(only, func(w workload) error {
		p, end, err := b.begin(w)
		if err != nil {
			return err
		}
		defer end()
		o := own{Workload: w.name}
		if err := b.live(p, &o); err != nil {
			return err
		}
		if err := b.files(p, &o, rounds); err != nil {
			return err
		}
		all = append(all, o)
		fmt.Printf("| %s | %.0f | %.1f | %.2f | %.0f, %.0f | %s | %.1f | %.2f | %.2f |\n", w.what, o.Rate, o.Cores*100,
			o.Cores*100/(o.Rate/1e5), float64(o.RSSFirst)/1e6, float64(o.RSSLast)/1e6,
			map[bool]string{true: "yes", false: "none"}[o.Status == 3], quantile(o.Replay, 0.5)/1e6, o.PerEvent, o.PerEventRT)
		return nil
	})
	return all
}
