package main

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"time"
)

type machine struct {
	Kernel, CPU, Go, Tool string
	Cores                 int
	Date                  string
}

func (m machine) String() string {
	return fmt.Sprintf("%s, %d cores, Linux %s, %s, %s", m.CPU, m.Cores, m.Kernel, m.Go, m.Date)
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
	fmt.Printf("%v.\n\n", m)
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
