package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"gotrace-bpf/tools/bench/wl"
)

// settle is the time before a recording, and between it and its control.
const settle = 200 * time.Millisecond

// gap is how long the target stood still in a window: the slowest of its pairs, and all of them.
type gap struct {
	Pair    int64 `json:"pair"`
	PairEnd int64 `json:"pair_end"` // CLOCK_MONOTONIC
	All     int64 `json:"all"`
}

// phase is a window of a recording, and one as long and as late in a time without it.
type phase struct {
	Name    string `json:"phase"`
	Begin   int64  `json:"begin_ns"` // CLOCK_MONOTONIC
	End     int64  `json:"end_ns"`
	Gap     gap    `json:"gap_ns"`
	Control gap    `json:"control_ns"`
}

// cycle is one coming and going of the recorder.
type cycle struct {
	Mode   string  `json:"mode"`
	Ps     int     `json:"ps"`
	Cycle  int     `json:"cycle"`
	Status int     `json:"tool_status"`
	Others float64 `json:"others"` // CPUs that neither the target nor we used in the control
	Phases []phase `json:"phases"`
}

var phases = []string{"loading, prices", "attaching", "recording", "detaching", "ending"}

func (p *proc) gap(from, to int64) (g gap, err error) {
	l, err := p.ask(fmt.Sprintf("gaps %d %d", from, to))
	if err == nil {
		err = json.Unmarshal([]byte(l), &g)
	}
	return
}

var spanLine = regexp.MustCompile(`(?m)^gotrace-bpf: (attached|detached) in [\d.]+ ms, monotonic (\d+) to (\d+) ns$`)

// spans are the ends of all phases, as the recorder and we saw them.
func spans(words string, begin, end int64) ([]phase, error) {
	at := []int64{begin}
	for _, m := range spanLine.FindAllStringSubmatch(words, -1) {
		for _, n := range m[2:] {
			ns, _ := strconv.ParseInt(n, 10, 64)
			at = append(at, ns)
		}
	}
	if at = append(at, end); len(at) != len(phases)+1 {
		return nil, fmt.Errorf("no word of attaching and detaching: %s", words)
	}
	var v []phase
	for i, name := range phases {
		v = append(v, phase{Name: name, Begin: at[i], End: at[i+1]})
	}
	return v, nil
}

// busy is the time that all CPUs have worked, or could not because the hypervisor let others.
func busy() (time.Duration, error) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	const tick = time.Second / 100 // USER_HZ; proc(5): cpu user nice system idle iowait irq softirq steal
	var user, nice, system, idle, wait, irq, soft, steal time.Duration
	_, err = fmt.Sscanf(string(stat), "cpu %d %d %d %d %d %d %d %d", &user, &nice, &system, &idle, &wait, &irq, &soft, &steal)
	return tick * (user + nice + system + irq + soft + steal), err
}

// others waits and tells how many CPUs all but the target used meanwhile.
func (p *proc) others(wait time.Duration) (float64, error) {
	s0, err0 := p.stat()
	begin := time.Now()
	b0, err1 := busy()
	time.Sleep(wait)
	b1, err2 := busy()
	wait = time.Since(begin)
	s1, err3 := p.stat()
	used := float64(b1-b0) - float64(s1.CPU-s0.CPU)
	return max(used/float64(wait), 0), errors.Join(err0, err1, err2, err3)
}

func (b *bench) cycle(p *proc, mode string) (c cycle, err error) {
	out := filepath.Join(b.dir, "out")
	defer os.Remove(out)
	args := []string{"-p", fmt.Sprint(p.cmd.Process.Pid), "-o", out, "-d", fmt.Sprintf("%dms", b.dur.Milliseconds()), "-v"}
	tool := exec.Command(b.tool, append(args, b.flags[mode]...)...)
	time.Sleep(settle)
	begin := wl.Mono()
	words, err := tool.CombinedOutput()
	end := wl.Mono()
	c.Mode, c.Status = mode, tool.ProcessState.ExitCode()
	if err != nil && c.Status != 3 {
		return c, fmt.Errorf("%v: %s", err, words)
	}
	if c.Phases, err = spans(string(words), begin, end); err != nil {
		return c, err
	}
	if c.Others, err = p.others(settle + time.Duration(end-begin)); err != nil {
		return c, err
	}
	for i := range c.Phases {
		f := &c.Phases[i]
		if f.Gap, err = p.gap(f.Begin, f.End); err != nil {
			return c, err
		}
		late := end - begin + settle.Nanoseconds()
		if f.Control, err = p.gap(f.Begin+late, f.End+late); err != nil {
			return c, err
		}
	}
	return c, nil
}

func (b *bench) cycles(ps, rounds int) (v []cycle, err error) {
	p, end, err := b.begin(workload{name: "ticks", args: []string{fmt.Sprint(ps)}})
	if err != nil {
		return nil, err
	}
	defer end()
	for r := 0; r < rounds; r++ {
		for _, mode := range b.modes {
			c, err := b.cycle(p, mode)
			if err != nil {
				return v, fmt.Errorf("%s: %v", mode, err)
			}
			c.Ps, c.Cycle = ps, r
			v = append(v, c)
		}
	}
	return v, nil
}

// gaps measures and prints; ps is a comma list.
func (b *bench) gaps(m machine, ps string, rounds int) (all []cycle) {
	if ps == "" {
		ps = fmt.Sprint(runtime.NumCPU())
		if runtime.NumCPU() > 1 {
			ps += fmt.Sprint(",", runtime.NumCPU()-1)
		}
	}
	fmt.Printf("Longest time without an operation, ms: median of %d cycles (worst), each of a recording of %v.\n", rounds, b.dur)
	fmt.Printf("Control: as long a window without the recorder. %v.\n\n", m)
	fmt.Println("| Ps | mode | the recorder is | for, ms | a pair stands still | control | all stand still | control |")
	fmt.Println("|---|---|---|---|---|---|---|---|")
	for _, word := range strings.Split(ps, ",") {
		n, err := strconv.Atoi(word)
		if err != nil {
			log.Fatalf("-ps: %v", err)
		}
		log.Printf("%d Ps", n)
		v, err := b.cycles(n, rounds)
		if err != nil {
			log.Print(err)
		}
		all = append(all, v...)
		for _, mode := range b.modes {
			for i, name := range phases {
				fmt.Printf("| %d | %s | %s |", n, mode, name)
				for _, of := range []func(f phase) int64{
					func(f phase) int64 { return f.End - f.Begin },
					func(f phase) int64 { return f.Gap.Pair }, func(f phase) int64 { return f.Control.Pair },
					func(f phase) int64 { return f.Gap.All }, func(f phase) int64 { return f.Control.All },
				} {
					var ms []float64
					for _, c := range v {
						if c.Mode == mode {
							ms = append(ms, float64(of(c.Phases[i]))/1e6)
						}
					}
					fmt.Printf(" %.2f (%.2f) |", quantile(ms, 0.5), quantile(ms, 1))
				}
				fmt.Println()
			}
		}
	}
	var others []float64
	for _, c := range all {
		others = append(others, c.Others)
	}
	fmt.Printf("\nOther processes used %.2f CPUs in the controls (%.2f).\n", quantile(others, 0.5), quantile(others, 1))
	return all
}
