package main

import (
	"fmt"
	"log"
	"time"
)

// later is one round: CPU time per operation before a time without the recorder, between that and a
// recording as long, and after it.
type later struct {
	Workload string  `json:"workload"`
	Mode     string  `json:"mode"`
	Round    int     `json:"round"`
	First    float64 `json:"first_ns_per_op"`
	Before   float64 `json:"before_ns_per_op"`
	After    float64 `json:"after_ns_per_op"`
	Others   float64 `json:"others"` // CPUs that all but the target used between the first two
}

// perOp is the CPU time of an operation in a measurement from now on.
func (b *bench) perOp(p *proc) (float64, error) {
	s0, err := p.stat()
	if err != nil {
		return 0, err
	}
	time.Sleep(b.dur)
	s1, err := p.stat()
	if err != nil {
		return 0, err
	}
	if s1.Ops == s0.Ops {
		return 0, fmt.Errorf("no operation in %v", b.dur)
	}
	return float64(s1.CPU-s0.CPU) / float64(s1.Ops-s0.Ops), nil
}

func (b *bench) afterRound(p *proc, mode string) (l later, err error) {
	const recorded = time.Second
	if l.First, err = b.perOp(p); err != nil {
		return
	}
	if l.Others, err = p.others(recorded); err != nil {
		return
	}
	if l.Before, err = b.perOp(p); err != nil {
		return
	}
	_, detach, err := b.attach(p, mode)
	if err != nil {
		return
	}
	time.Sleep(recorded)
	if status, words := detach(); status != 0 && status != 3 {
		return l, fmt.Errorf("status %d: %s", status, words)
	}
	time.Sleep(100 * time.Millisecond)
	l.After, err = b.perOp(p)
	return
}

// after measures and prints. The ratio of two times without a recording between them is the control.
func (b *bench) after(m machine, only string, rounds int) (all []later) {
	fmt.Printf("CPU time of the target per operation after a recording of 1 s, by that before it: median of %d rounds\n", rounds)
	fmt.Printf("of %v (quartiles). Control: the same with nothing between. Others: CPUs that other processes\n", b.dur)
	fmt.Printf("used, the client among them. %v.\n\n", m)
	fmt.Println("| workload | mode | before, us | after by before | control | others |")
	fmt.Println("|---|---|---|---|---|---|")
	each(only, func(w workload) error {
		p, end, err := b.begin(w)
		if err != nil {
			return err
		}
		defer end()
		first := len(all)
		for r := 0; r < rounds; r++ {
			for _, mode := range b.modes {
				l, err := b.afterRound(p, mode)
				if err != nil {
					log.Printf("%s: %s: %v", w.name, mode, err)
					continue
				}
				l.Workload, l.Mode, l.Round = w.name, mode, r
				all = append(all, l)
			}
		}
		for _, mode := range b.modes {
			var before, ratio, control, others []float64
			for _, l := range all[first:] {
				if l.Mode == mode {
					before = append(before, l.Before/1000)
					ratio = append(ratio, l.After/l.Before)
					control = append(control, l.Before/l.First)
					others = append(others, l.Others)
				}
			}
			fmt.Printf("| %s | %s | %.3g | %s | %s | %.2f |\n", w.what, mode, quantile(before, 0.5),
				quartiles(ratio), quartiles(control), quantile(others, 0.5))
		}
		return nil
	})
	return all
}

func quartiles(v []float64) string {
	return fmt.Sprintf("%.3f (%.3f-%.3f)", quantile(v, 0.5), quantile(v, 0.25), quantile(v, 0.75))
}
