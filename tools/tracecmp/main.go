// Command tracecmp compares two execution traces of one process taken at one time: ours and the one
// that the process wrote itself with runtime/trace.
//
//	tracecmp [flags] OURS REFERENCE
//
// It aligns the two clocks (goroutine creations and ends, whose ids pair by themselves; else the
// clock snapshots; else what most blocks agree on), pairs the events of each goroutine in order, and
// counts in the overlap what agrees, is wrong, missing or extra. Exit status: 0 all thresholds held,
// 1 some not, or the comparison failed, 2 usage.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

// What a recording without losses must reach against the program's own trace.
const defaultMin = "transitions=99.99,reason=99.99,thread=99.99,P=99.9,waker=99.9,creator=99.99," +
	"start function=99.99,stack=99.9,stack lines=99.9,state at the start=99.9,P transitions=99," +
	"P thread=99,GC cycles=100,stop-the-world=100,heap=95,heap goal=95"

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, out, errw io.Writer) int {
	fs := flag.NewFlagSet("tracecmp", flag.ContinueOnError)
	fs.SetOutput(errw)
	asJSON := fs.Bool("json", false, "print the result as JSON")
	n := fs.Int("n", 5, "differences of each kind to show in detail")
	exclude := fs.String("exclude", defaultExclude, "leave out goroutines whose start function matches this regexp ('' for none)")
	margin := fs.Duration("margin", 1_000_000, "leave out this much at both ends of the overlap")
	kinds := fs.String("kinds", "", "compare only these kinds of transitions (comma list: create,start,block,unblock,stop,destroy,...)")
	minimum := fs.String("min", defaultMin, "least percentages, as row=percent,...")
	skewMedian := fs.Duration("skew-median", 2_000, "largest median difference of times")
	skewP99 := fs.Duration("skew-p99", 20_000, "largest 99th percentile of the differences of times")
	stwEnd := fs.Duration("stw-end", 20_000, "largest median difference of the times at which stops of the world end")
	drift := fs.Float64("drift", 200, "largest drift of the clocks in ppm")
	slack := fs.Int("slack", 0, "let a row pass with so many differences, however few its events")
	dumpG := fs.Int64("g", -1, "print this goroutine's events of both traces side by side and stop")
	fs.Usage = func() {
		fmt.Fprintln(errw, "usage: tracecmp [flags] OURS REFERENCE")
		fs.PrintDefaults()
	}
	if err := fs.Parse(args); err != nil {
		return 2
	}
	if fs.NArg() != 2 {
		fs.Usage()
		return 2
	}
	opt := defaultOptions()
	opt.margin, opt.maxDiffs = int64(*margin), *n
	if *exclude == "" {
		opt.exclude = nil
	} else {
		re, err := regexp.Compile(*exclude)
		if err != nil {
			fmt.Fprintf(errw, "tracecmp: -exclude: %v\n", err)
			return 2
		}
		opt.exclude = re
	}
	if *kinds != "" {
		opt.kinds = map[string]bool{}
		for _, k := range strings.Split(*kinds, ",") {
			opt.kinds[strings.TrimSpace(k)] = true
		}
	}
	mins, err := parseMin(*minimum)
	if err != nil {
		fmt.Fprintf(errw, "tracecmp: -min: %v\n", err)
		return 2
	}
	in := newInterner()
	ours, err := loadFile(fs.Arg(0), in)
	if err != nil {
		fmt.Fprintf(errw, "tracecmp: %v\n", err)
		return 1
	}
	ref, err := loadFile(fs.Arg(1), in)
	if err != nil {
		fmt.Fprintf(errw, "tracecmp: %v\n", err)
		return 1
	}
	res, err := compare(in, ours, ref, opt)
	if err != nil {
		fmt.Fprintf(errw, "tracecmp: %v\n", err)
		return 1
	}
	if *dumpG >= 0 {
		dump(out, in, ours, ref, opt, *dumpG)
		return 0
	}
	fails := judge(res, mins, *slack, int64(*skewMedian), int64(*skewP99), int64(*stwEnd), *drift)
	if *asJSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		enc.Encode(struct {
			*result
			Failed []string `json:"failed"`
		}{res, fails})
	} else {
		report(out, res, fails)
	}
	if len(fails) > 0 {
		return 1
	}
	return 0
}

func parseMin(s string) (map[string]float64, error) {
	m := map[string]float64{}
	for _, f := range strings.Split(s, ",") {
		if f = strings.TrimSpace(f); f == "" {
			continue
		}
		k, v, ok := strings.Cut(f, "=")
		x, err := strconv.ParseFloat(v, 64)
		if !ok || err != nil || x < 0 || x > 100 {
			return nil, fmt.Errorf("%q is not row=percent", f)
		}
		m[k] = x
	}
	return m, nil
}

// judge names everything that is under its threshold.
func judge(res *result, mins map[string]float64, slack int, skewMedian, skewP99, stwEnd int64, drift float64) []string {
	var fails []string
	for _, r := range res.Rows {
		if least, ok := mins[r.Name]; ok && r.Percent < least && r.Wrong+r.Missing+r.Extra > slack {
			fails = append(fails, fmt.Sprintf("%s %.3f %% < %g %%", r.Name, r.Percent, least))
		}
	}
	if res.Rows[0].Matched == 0 {
		fails = append(fails, "no transition matched")
	}
	if res.Skew.Median > skewMedian {
		fails = append(fails, fmt.Sprintf("median skew %.1f us > %.1f us", us(res.Skew.Median), us(skewMedian)))
	}
	if res.Skew.P99 > skewP99 {
		fails = append(fails, fmt.Sprintf("99th percentile of skew %.1f us > %.1f us", us(res.Skew.P99), us(skewP99)))
	}
	if s := res.SkewByKind["stop-the-world end"]; s.Median > stwEnd {
		fails = append(fails, fmt.Sprintf("stop-the-world: median skew of its end %.1f us > %.1f us", us(s.Median), us(stwEnd)))
	}
	if res.DriftPPM > drift || -res.DriftPPM > drift {
		fails = append(fails, fmt.Sprintf("drift %.0f ppm > %.0f ppm", res.DriftPPM, drift))
	}
	return fails
}

func us(ns int64) float64 { return float64(ns) / 1000 }

func report(w io.Writer, res *result, fails []string) {
	fmt.Fprintf(w, "ours       %s\nreference  %s\n", res.Ours, res.Ref)
	fmt.Fprintf(w, "aligned by %s; drift %.1f ppm", res.How, res.DriftPPM)
	if res.SnapshotErrNs != nil {
		fmt.Fprintf(w, "; the clock snapshots differ from that by %.1f us", us(*res.SnapshotErrNs))
	}
	fmt.Fprintf(w, "\noverlap    %.3f s, %d goroutines\n\n", float64(res.OverlapNs)/1e9, res.Goroutines)
	fmt.Fprintf(w, "%-24s %10s %10s %8s %8s %8s\n", "", "percent", "matched", "wrong", "missing", "extra")
	for _, r := range res.Rows {
		if r.Matched+r.Wrong+r.Missing+r.Extra == 0 {
			fmt.Fprintf(w, "%-24s %10s\n", r.Name, "-")
			continue
		}
		fmt.Fprintf(w, "%-24s %9.3f%% %10d %8d %8d %8d\n", r.Name, r.Percent, r.Matched, r.Wrong, r.Missing, r.Extra)
	}
	fmt.Fprintf(w, "\nskew: median %.2f us, 99th percentile %.2f us, largest %.2f us\n", us(res.Skew.Median),
		us(res.Skew.P99), us(res.Skew.Max))
	ks := make([]string, 0, len(res.SkewByKind))
	for k := range res.SkewByKind {
		ks = append(ks, k)
	}
	sort.Strings(ks)
	for _, k := range ks {
		s := res.SkewByKind[k]
		fmt.Fprintf(w, "  %-22s median %8.2f us  p99 %9.2f us  ours later by %8.2f us\n", k, us(s.Median), us(s.P99), us(s.Bias))
	}
	infos := make([]string, 0, len(res.Info))
	for k := range res.Info {
		infos = append(infos, k)
	}
	sort.Strings(infos)
	for _, k := range infos {
		fmt.Fprintf(w, "%s: %d\n", k, res.Info[k])
	}
	for _, k := range res.diffOrder {
		fmt.Fprintf(w, "\n== %s: %d (first %d; reference left, ours right)\n", k, res.diffCount[k], len(res.Diffs[k]))
		for _, d := range res.Diffs[k] {
			fmt.Fprintln(w, d)
		}
	}
	if len(fails) == 0 {
		fmt.Fprintln(w, "\nall thresholds held")
		return
	}
	fmt.Fprintln(w, "\nUNDER THRESHOLD:")
	for _, f := range fails {
		fmt.Fprintln(w, "  "+f)
	}
}

func dump(w io.Writer, in *interner, ours, ref *traceData, opt options, g int64) {
	c := &comparer{in: in, opt: opt, ours: ours, ref: ref, lo: max(ours.First, ref.First) + opt.margin}
	p := gPairs{g: g, a: transitionsOf(ref.G[g], opt.kinds), b: transitionsOf(ours.G[g], opt.kinds)}
	p.pair = alignSeq(goItems(p.a), goItems(p.b), maxSkew)
	var b strings.Builder
	fmt.Fprintf(&b, "goroutine %d (%s); reference left, ours right\n", g, c.name(g))
	c.sideBySide(&b, &p, -1, -1, func(evs []gEvent) (int, int) { return 0, len(evs) })
	io.WriteString(w, b.String())
}
