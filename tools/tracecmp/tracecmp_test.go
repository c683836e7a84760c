package main

import (
	"bytes"
	"context"
	"math/rand"
	"os"
	"path/filepath"
	"runtime"
	rtrace "runtime/trace"
	"strings"
	"sync"
	"testing"
	"time"

	xtrace "golang.org/x/exp/trace"
)

// load of the run that is recorded: creations, channels, a mutex, sleeps, syscalls, a collection.
func work(d time.Duration) {
	var mu sync.Mutex
	end := time.Now().Add(d)
	var wg sync.WaitGroup
	for k := 0; k < 4; k++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for n := 0; time.Now().Before(end); n++ {
				c := make(chan int)
				go func() { c <- n }()
				<-c
				mu.Lock()
				time.Sleep(50 * time.Microsecond)
				mu.Unlock()
				if n%16 == 0 {
					os.ReadFile("/proc/self/stat")
				}
			}
		}()
	}
	runtime.GC()
	wg.Wait()
	runtime.GC()
}

var recorded struct {
	once          sync.Once
	trace, flight []byte
	err           error
}

// record: one run seen by two recorders of the runtime. The flight recorder starts and stops
// earlier, so that the overlap is neither of the two.
func record(t *testing.T) (trace, flight []byte) {
	recorded.once.Do(func() {
		var tb, fb bytes.Buffer
		fr := rtrace.NewFlightRecorder(rtrace.FlightRecorderConfig{MinAge: time.Minute, MaxBytes: 64 << 20})
		if recorded.err = fr.Start(); recorded.err != nil {
			return
		}
		work(100 * time.Millisecond)
		if recorded.err = rtrace.Start(&tb); recorded.err != nil {
			return
		}
		work(400 * time.Millisecond)
		_, recorded.err = fr.WriteTo(&fb)
		fr.Stop()
		work(50 * time.Millisecond)
		rtrace.Stop()
		recorded.trace, recorded.flight = tb.Bytes(), fb.Bytes()
	})
	if recorded.err != nil {
		t.Fatal(recorded.err)
	}
	return recorded.trace, recorded.flight
}

// both loads one recording twice: as ours, which a test may spoil, and as the reference.
func both(t *testing.T) (*interner, *traceData, *traceData) {
	t.Helper()
	tr, _ := record(t)
	in := newInterner()
	a, err := load(bytes.NewReader(tr), in)
	if err != nil {
		t.Fatal(err)
	}
	b, err := load(bytes.NewReader(tr), in)
	if err != nil {
		t.Fatal(err)
	}
	return in, a, b
}

func mustCompare(t *testing.T, in *interner, ours, ref *traceData) (*result, []string) {
	t.Helper()
	opt := defaultOptions()
	res, err := compare(in, ours, ref, opt)
	if err != nil {
		t.Fatal(err)
	}
	mins, err := parseMin(defaultMin)
	if err != nil {
		t.Fatal(err)
	}
	return res, judge(res, mins, 0, 2_000, 20_000, 20_000, 200)
}

func (r *result) get(t *testing.T, name string) *row {
	t.Helper()
	for _, x := range r.Rows {
		if x.Name == name {
			return x
		}
	}
	t.Fatalf("no row %q", name)
	return nil
}

func told(fails []string, what string) bool {
	for _, f := range fails {
		if strings.HasPrefix(f, what) {
			return true
		}
	}
	return false
}

func TestTwoRecordersAgree(t *testing.T) {
	tr, fl := record(t)
	in := newInterner()
	ref, err := load(bytes.NewReader(tr), in)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := load(bytes.NewReader(fl), in)
	if err != nil {
		t.Fatal(err)
	}
	res, fails := mustCompare(t, in, ours, ref)
	if len(fails) > 0 {
		t.Errorf("two recorders of one run differ: %v", fails)
		report(os.Stderr, res, fails)
	}
	for _, name := range []string{"transitions", "  create", "  start", "  block", "  unblock", "  destroy",
		"  syscall begin", "reason", "stack", "waker", "creator", "GC cycles", "stop-the-world", "heap goal",
		"state at the start", "P transitions"} {
		if r := res.get(t, name); r.Matched == 0 {
			t.Errorf("%s: nothing was compared", name)
		}
	}
	if n := res.get(t, "transitions").Matched; n < 2000 {
		t.Errorf("only %d transitions compared", n)
	}
	if ms := res.OverlapNs / 1e6; ms < 300 || ms > 2000 {
		t.Errorf("overlap of %d ms, want the common 400 ms or a bit more", ms)
	}
}

// A clock that began elsewhere, without snapshots, is found again.
func TestOffset(t *testing.T) {
	in, ours, ref := both(t)
	ours.Clock = nil
	ours.shift(clockFit{off: -123456789012})
	if res, fails := mustCompare(t, in, ours, ref); len(fails) > 0 || res.Skew.Max > 1 {
		t.Errorf("an offset alone is no difference: %v, largest skew %d ns", fails, res.Skew.Max)
	}
}

func TestSnapshotOff(t *testing.T) {
	in, ours, ref := both(t)
	if len(ours.Clock) == 0 {
		t.Skip("this Go writes no clock snapshots")
	}
	ours.Clock[0].Mono += 3_000_000
	res, _ := mustCompare(t, in, ours, ref)
	if res.SnapshotErrNs == nil || abs64(abs64(*res.SnapshotErrNs)-3_000_000) > 1000 {
		t.Errorf("a snapshot wrong by 3 ms was told as %v", res.SnapshotErrNs)
	}
}

// victims: transitions well inside the run, of goroutines that are compared, told by keep.
func victims(in *interner, td *traceData, keep func(gEvent) bool) []*gEvent {
	mid, span := (td.First+td.Last)/2, (td.Last-td.First)/4
	opt := defaultOptions()
	var r []*gEvent
	for g, evs := range td.G {
		if opt.exclude.MatchString(in.strs[td.Name[g]]) {
			continue
		}
		for i := range evs {
			if abs64(evs[i].T-mid) < span && keep(evs[i]) {
				r = append(r, &evs[i])
			}
		}
	}
	return r
}

func isKind(k string) func(gEvent) bool { return func(e gEvent) bool { return kindOf(e) == k } }

// Every n-th lost event is told as one missing, whatever its kind, and spoils nothing after it.
func TestLostEvents(t *testing.T) {
	for _, k := range []string{"create", "start", "block", "unblock", "destroy", "syscall begin"} {
		in, ours, ref := both(t)
		opt := defaultOptions()
		lost := 0
		mid := (ours.First + ours.Last) / 2
		end := mid + (ours.Last-ours.First)/4
		for g, evs := range ours.G {
			if n := ours.Name[g]; opt.exclude.MatchString(in.strs[n]) {
				continue
			}
			var kept []gEvent
			for _, e := range evs {
				if kindOf(e) == k && lost < 7 && e.T > mid && e.T < end {
					lost++
					continue
				}
				kept = append(kept, e)
			}
			ours.G[g] = kept
		}
		res, _ := mustCompare(t, in, ours, ref)
		if r := res.get(t, "transitions"); r.Missing != 7 || r.Extra != 0 {
			t.Errorf("7 lost %s: told %d missing, %d extra", k, r.Missing, r.Extra)
		}
		if r := res.get(t, "  "+k); r.Missing != 7 {
			t.Errorf("7 lost %s: its row says %d", k, r.Missing)
		}
		if res.diffCount["missing "+k] != 7 || len(res.Diffs["missing "+k]) != 5 {
			t.Errorf("7 lost %s: details %d of %d", k, len(res.Diffs["missing "+k]), res.diffCount["missing "+k])
		}
		if fails := judge(res, map[string]float64{"transitions": 100}, 0, 2_000, 20_000, 20_000, 200); !told(fails, "transitions") {
			t.Errorf("7 lost %s passed the threshold: %v", k, fails)
		}
		for _, r := range []string{"reason", "thread", "P", "waker", "stack"} {
			if x := res.get(t, r); x.Wrong != 0 {
				t.Errorf("7 lost %s: %d of %s told as wrong", k, x.Wrong, r)
			}
		}
	}
}

// A whole stretch is lost: what follows is still paired.
func TestLostStretch(t *testing.T) {
	in, ours, ref := both(t)
	lo := (ours.First + ours.Last) / 2
	hi := lo + 50_000_000
	opt := defaultOptions()
	lost := 0
	for g, evs := range ours.G {
		var kept []gEvent
		for _, e := range evs {
			if e.T > lo && e.T < hi {
				if e.From != xtrace.GoUndetermined && !opt.exclude.MatchString(in.strs[ours.Name[g]]) {
					lost++
				}
				continue
			}
			kept = append(kept, e)
		}
		ours.G[g] = kept
	}
	res, _ := mustCompare(t, in, ours, ref)
	if r := res.get(t, "transitions"); lost < 50 || r.Missing != lost || r.Extra != 0 || res.Skew.Max > 1 {
		t.Errorf("%d events lost in 50 ms: told %d missing, %d extra, largest skew %d ns", lost, r.Missing,
			r.Extra, res.Skew.Max)
	}
}

func TestInventedEvent(t *testing.T) {
	in, ours, ref := both(t)
	mid := (ours.First + ours.Last) / 2
	done := false
	for g, evs := range ours.G {
		for i, e := range evs {
			if !done && e.T > mid && kindOf(e) == "start" && i+1 < len(evs) {
				stop := gEvent{T: e.T + 10, From: xtrace.GoRunning, To: xtrace.GoRunnable, P: e.P, M: e.M, By: g}
				start := e
				start.T = e.T + 20
				ours.G[g] = append(append(append([]gEvent{}, evs[:i+1]...), stop, start), evs[i+1:]...)
				done = true
			}
		}
	}
	res, _ := mustCompare(t, in, ours, ref)
	if r := res.get(t, "transitions"); r.Missing != 0 || r.Extra != 2 {
		t.Errorf("a stop and a start invented: told %d missing, %d extra", r.Missing, r.Extra)
	}
}

func TestWrongAttributes(t *testing.T) {
	spoil := []struct {
		row  string
		keep func(gEvent) bool
		do   func(in *interner, e *gEvent)
	}{
		{"reason", isKind("block"), func(in *interner, e *gEvent) { e.Reason = in.str("spoiled") }},
		{"thread", isKind("start"), func(in *interner, e *gEvent) { e.M++ }},
		{"P", isKind("start"), func(in *interner, e *gEvent) { e.P++ }},
		{"waker", isKind("unblock"), func(in *interner, e *gEvent) { e.By += 1000 }},
		{"creator", isKind("create"), func(in *interner, e *gEvent) { e.By += 1000 }},
		{"start function", isKind("create"), func(in *interner, e *gEvent) { e.New = in.str("main.spoiled") }},
		{"stack", func(e gEvent) bool { return kindOf(e) == "block" && e.Stack != 0 }, func(in *interner, e *gEvent) {
			fs := in.stacks[e.Stack]
			e.Stack = in.stack(fs[:len(fs)-1]) // cut
		}},
		{"stack lines", func(e gEvent) bool { return kindOf(e) == "block" && e.Stack != 0 }, func(in *interner, e *gEvent) {
			fs := append([]frame{}, in.stacks[e.Stack]...)
			fs[0].Line++
			e.Stack = in.stack(fs)
		}},
	}
	for _, s := range spoil {
		in, ours, ref := both(t)
		n := 0
		for _, v := range victims(in, ours, s.keep) {
			s.do(in, v)
			n++
		}
		if n < 200 {
			t.Fatalf("%s: only %d victims", s.row, n)
		}
		res, fails := mustCompare(t, in, ours, ref)
		for _, r := range res.Rows {
			want := 0
			if r.Name == s.row {
				want = n
			}
			if r.Wrong != want {
				t.Errorf("%d spoiled %s: row %s tells %d", n, s.row, r.Name, r.Wrong)
			}
		}
		if !told(fails, s.row) {
			t.Errorf("%d spoiled %s passed the threshold: %v", n, s.row, fails)
		}
	}
}

func TestJitter(t *testing.T) {
	in, ours, ref := both(t)
	rnd := rand.New(rand.NewSource(1))
	for _, evs := range ours.G {
		for i := range evs {
			evs[i].T += int64(rnd.NormFloat64() * 30_000)
			if i > 0 && evs[i].T <= evs[i-1].T {
				evs[i].T = evs[i-1].T + 1
			}
		}
	}
	res, fails := mustCompare(t, in, ours, ref)
	if !told(fails, "median skew") || !told(fails, "99th percentile") {
		t.Errorf("jitter of 30 us passed: median %d ns, p99 %d ns", res.Skew.Median, res.Skew.P99)
	}
	// Bursts a microsecond apart cannot be told apart at such a jitter.
	if r := res.get(t, "transitions"); r.Percent < 90 {
		t.Errorf("jitter of 30 us made %d missing and %d extra", r.Missing, r.Extra)
	}
}

func TestDrift(t *testing.T) {
	for _, ppm := range []float64{1000, -1000} {
		in, ours, ref := both(t)
		ours.shift(clockFit{off: 5_000_000_000, rate: ppm / 1e6, at: ours.First})
		res, fails := mustCompare(t, in, ours, ref)
		if !told(fails, "drift") || abs64(int64(res.DriftPPM+ppm)) > 20 {
			t.Errorf("a drift of %g ppm was told as %.1f: %v", ppm, res.DriftPPM, fails)
		}
		if r := res.get(t, "transitions"); r.Missing != 0 || r.Extra != 0 {
			t.Errorf("a drift of %g ppm made %d missing, %d extra", ppm, r.Missing, r.Extra)
		}
	}
}

func TestStartState(t *testing.T) {
	in, ours, ref := both(t)
	opt := defaultOptions()
	gone := int64(-1)
	// A goroutine that lives through the whole run is not told by ours.
	for g, evs := range ours.G {
		if len(evs) > 0 && evs[0].From == xtrace.GoUndetermined && evs[len(evs)-1].To != xtrace.GoNotExist &&
			!opt.exclude.MatchString(in.strs[ours.Name[g]]) && (gone < 0 || g < gone) {
			gone = g
		}
	}
	delete(ours.G, gone)
	res, fails := mustCompare(t, in, ours, ref)
	if r := res.get(t, "state at the start"); r.Missing != 1 || !told(fails, "state at the start") {
		t.Errorf("goroutine %d left out: %+v, %v", gone, *r, fails)
	}
}

func TestRangesAndMetrics(t *testing.T) {
	in, ours, ref := both(t)
	ours.Cycles = nil
	for i := range ours.STW {
		ours.STW[i].Name = in.str("stop-the-world (spoiled)")
	}
	for i := range ours.Metrics["/gc/heap/goal:bytes"] {
		ours.Metrics["/gc/heap/goal:bytes"][i].V *= 2
	}
	_, fails := mustCompare(t, in, ours, ref)
	for _, w := range []string{"GC cycles", "stop-the-world", "heap goal"} {
		if !told(fails, w) {
			t.Errorf("spoiled %s passed: %v", w, fails)
		}
	}
}

// A stop of the world that is told to end before it does.
func TestStopEndsEarly(t *testing.T) {
	in, ours, ref := both(t)
	for i := range ours.STW {
		if ours.STW[i].End {
			ours.STW[i].T -= 30_000
		}
	}
	if _, fails := mustCompare(t, in, ours, ref); !told(fails, "stop-the-world: median skew of its end") {
		t.Errorf("stops that end 30 us early passed: %v", fails)
	}
}

func TestStrangers(t *testing.T) {
	in, ours, ref := both(t)
	for g, evs := range ours.G {
		delete(ours.G, g)
		ours.G[g+1_000_000] = evs
	}
	ours.Clock = nil
	if _, err := compare(in, ours, ref, defaultOptions()); err == nil {
		t.Error("traces of two processes were compared")
	}
}

func TestCommandLine(t *testing.T) {
	tr, fl := record(t)
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	os.WriteFile(a, fl, 0o600)
	os.WriteFile(b, tr, 0o600)
	cut := filepath.Join(dir, "cut")
	os.WriteFile(cut, tr[:len(tr)/2], 0o600)
	for _, c := range []struct {
		args []string
		want int
		text string
	}{
		{[]string{a, b}, 0, "all thresholds held"},
		{[]string{"-json", a, b}, 0, `"transitions"`},
		{[]string{"-kinds", "create,destroy", "-min", "transitions=100", a, b}, 0, "all thresholds held"},
		{[]string{"-skew-median", "-1ns", a, b}, 1, "UNDER THRESHOLD"},
		{[]string{"-min", "transitions=100", "-slack", "1", a, b}, 0, "all thresholds held"},
		{[]string{"-min", "nonsense", a, b}, 2, "is not row=percent"},
		{[]string{a}, 2, "usage"},
		{[]string{a, cut}, 1, "tracecmp: "},
		{[]string{a, filepath.Join(dir, "none")}, 1, "no such file"},
	} {
		var out bytes.Buffer
		if got := run(c.args, &out, &out); got != c.want || !strings.Contains(out.String(), c.text) {
			t.Errorf("tracecmp %q: status %d, want %d with %q:\n%s", c.args, got, c.want, c.text, out.String())
		}
	}
}

func TestMain(m *testing.M) {
	// A region that nobody compares must not disturb.
	rtrace.WithRegion(context.Background(), "test", func() {})
	os.Exit(m.Run())
}

// One event is told 30 ms late by one side, nearer to its successors than to itself.
func TestLate(t *testing.T) {
	var a, b []item
	for i := 0; i < 200; i++ {
		it := item{int64(i) * 10_000, uint64(i % 2)}
		if i >= 100 {
			it.t += 30_000_000
		}
		b = append(b, it)
		if i == 99 {
			it.t += 29_990_000
		}
		a = append(a, it)
	}
	for i, j := range alignSeq(a, b, maxSkew) {
		if j != i {
			t.Errorf("event %d of one side is paired with %d of the other", i, j)
		}
	}
	// An event lost in such a place is still missing.
	lost := append(append([]item{}, b[:99]...), b[100:]...)
	missing := 0
	for _, j := range alignSeq(a, lost, maxSkew) {
		if j < 0 {
			missing++
		}
	}
	if missing != 1 {
		t.Errorf("%d missing, want 1", missing)
	}
}

// A burst of one kind, one side 3 us late in it: the nearest is the neighbour, the order is right.
func TestShift(t *testing.T) {
	var a, b []item
	for i := 0; i < 300; i++ {
		it := item{int64(i) * 4_000, 1}
		if i < 100 || i >= 200 {
			it = item{int64(i) * 100_000, uint64(i%3 + 2)}
		} else {
			it.t += 100 * 96_000
		}
		b = append(b, it)
		if i >= 100 && i < 200 {
			it.t += 3_000
		}
		a = append(a, it)
	}
	for i, j := range alignSeq(a, b, maxSkew) {
		if j != i {
			t.Errorf("event %d of one side is paired with %d of the other", i, j)
		}
	}
	missing := 0
	for _, j := range alignSeq(a, append(append([]item{}, b[:150]...), b[151:]...), maxSkew) {
		if j < 0 {
			missing++
		}
	}
	if missing != 1 {
		t.Errorf("%d missing, want 1", missing)
	}
}
