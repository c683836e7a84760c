package live

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/exp/trace"

	"live/lab"
)

// Targets of the flight recorder: flightprog, as the newest Go builds it.
func flightProg(t *testing.T) string {
	t.Helper()
	lab.NeedGo(t, lab.Newest)
	bin := filepath.Join(lab.Out(), "fixtures", "flightprog")
	c := lab.GoCmd(lab.Newest, "build", "-o", bin, "./flightprog")
	c.Dir = filepath.Join(lab.Root(), "tests", "live")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("building flightprog: %v\n%s", err, out)
	}
	return bin
}

type prog struct {
	*exec.Cmd
	ended chan struct{}
}

func startProg(t *testing.T, bin string, args ...string) *prog {
	t.Helper()
	p := &prog{Cmd: exec.Command(bin, args...), ended: make(chan struct{})}
	in, err := p.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); p.Process.Kill(); <-p.ended })
	ready := make([]byte, 64)
	if n, err := out.Read(ready); err != nil || !strings.HasPrefix(string(ready[:n]), "ready ") {
		t.Fatalf("flightprog: %q %v", ready, err)
	}
	go func() { p.Wait(); close(p.ended) }()
	return p
}

func (p *prog) pid() string { return strconv.Itoa(p.Process.Pid) }

// dumps in a folder, by number (%n of the default template).
var dumpName = regexp.MustCompile(`-(\d+)-([A-Za-z0-9-]+)\.trace$`)

type dumpFile struct {
	path, reason string
	n            int
}

func dumpsOf(t *testing.T, dir string) []dumpFile {
	t.Helper()
	es, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var ds []dumpFile
	for _, e := range es {
		// The time has a dash in front of the number: "...Z-7-signal.trace".
		i := strings.Index(e.Name(), "Z-")
		if i < 0 {
			continue
		}
		if m := dumpName.FindStringSubmatch(e.Name()[i:]); m != nil {
			n, _ := strconv.Atoi(m[1])
			ds = append(ds, dumpFile{filepath.Join(dir, e.Name()), m[2], n})
		}
	}
	sort.Slice(ds, func(i, j int) bool { return ds[i].n < ds[j].n })
	return ds
}

// waitDumps waits until there are at least n; they appear whole.
func waitDumps(t *testing.T, dir string, n int, limit time.Duration) []dumpFile {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < limit; time.Sleep(2 * time.Millisecond) {
		if ds := dumpsOf(t, dir); len(ds) >= n {
			return ds
		}
	}
	t.Fatalf("%d dumps within %v, want %d", len(dumpsOf(t, dir)), limit, n)
	return nil
}

type flightStatus struct {
	Window struct {
		Seconds     float64
		Bytes       uint64
		Generations int
	}
	Lost   uint64 `json:"lost_records"`
	Memory struct {
		Resident uint64 `json:"resident_bytes"`
		Stated   uint64 `json:"stated_bytes"`
	}
	Goroutines uint64
	Cost       struct {
		Hits float64 `json:"hits_per_second"`
		CPU  float64 `json:"cpu_percent"`
	}
	Dumps struct {
		Written, Failed, Joined, Removed uint64
		GivenUp                          uint64 `json:"given_up"`
	}
}

func ctlStatus(t *testing.T, pid string) flightStatus {
	t.Helper()
	out, err := exec.Command(lab.Tool(t), "ctl", pid, "status", "--json").Output()
	var s flightStatus
	if err == nil {
		err = json.Unmarshal(out, &s)
	}
	if err != nil {
		t.Fatalf("ctl status: %v\n%s", err, out)
	}
	return s
}

// ready waits until the recorder answers: it records then.
func ready(t *testing.T, pid string) {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < 20*time.Second; time.Sleep(20 * time.Millisecond) {
		out, err := exec.Command(lab.Tool(t), "ctl", pid, "status", "--json").Output()
		if err == nil && bytes.Contains(out, []byte("stated_bytes")) {
			return
		}
	}
	t.Fatal("the recorder does not answer")
}

// scale is n in full, few otherwise.
func scale(full, few int) int {
	if lab.Full() {
		return full
	}
	return few
}

// move is a transition as a reader shows it.
type move struct {
	at       trace.Time
	res      string
	from, to string
	reason   string
	stack    string
}

type dumpRead struct {
	first, last trace.Time // of all events
	firstGen    trace.Time // end of the first generation
	longest     trace.Time // generation
	moves       []move
	logs        []trace.Log
	clock       *trace.ClockSnapshot
}

func readDump(path string) (*dumpRead, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := trace.NewReader(f)
	if err != nil {
		return nil, err
	}
	d := &dumpRead{}
	var syncs []trace.Time
	for {
		ev, err := r.ReadEvent()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if d.first == 0 {
			d.first = ev.Time()
		}
		d.last = max(d.last, ev.Time())
		switch ev.Kind() {
		case trace.EventSync:
			syncs = append(syncs, ev.Time())
			if c := ev.Sync().ClockSnapshot; c != nil && d.clock == nil {
				d.clock = c
			}
		case trace.EventLog:
			d.logs = append(d.logs, ev.Log())
		case trace.EventStateTransition:
			st := ev.StateTransition()
			m := move{at: ev.Time(), res: st.Resource.String(), reason: st.Reason, stack: st.Stack.String()}
			if st.Resource.Kind == trace.ResourceGoroutine {
				a, b := st.Goroutine()
				m.from, m.to = a.String(), b.String()
			} else {
				a, b := st.Proc()
				m.from, m.to = a.String(), b.String()
			}
			// What a generation announces is news in the first one only.
			if m.from != m.to && m.from != "Undetermined" {
				d.moves = append(d.moves, m)
			}
		}
	}
	for i := 1; i < len(syncs); i++ {
		d.longest = max(d.longest, syncs[i]-syncs[i-1])
	}
	if len(syncs) > 1 {
		d.firstGen = syncs[1]
	}
	return d, nil
}

// overlap: what both hold must be the same. The count of moves compared.
func overlap(a, b *dumpRead) (int, error) {
	lo, hi := max(a.first, b.first), min(a.last, b.last)
	cut := func(ms []move) []move {
		i := sort.Search(len(ms), func(i int) bool { return ms[i].at > lo })
		j := sort.Search(len(ms), func(i int) bool { return ms[i].at > hi })
		return ms[i:max(i, j)]
	}
	x, y := cut(a.moves), cut(b.moves)
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return i, fmt.Errorf("event %d of the overlap differs:\n%+v\n%+v", i, x[i], y[i])
		}
	}
	if len(x) != len(y) {
		return 0, fmt.Errorf("%d and %d events in the overlap", len(x), len(y))
	}
	return len(x), nil
}

// allReaders: every toolchain's own reader that takes files of a version, which is from.
func allReaders(t *testing.T, path string, from int) {
	t.Helper()
	for _, v := range lab.Versions {
		mode := "-d=parsed"
		if lab.Minor(v) < 24 {
			mode = "-d=1"
		}
		if lab.Minor(v) < from {
			continue
		}
		lab.NeedGo(t, v)
		c := lab.GoCmd(v, "tool", "trace", mode, path)
		var errs bytes.Buffer
		c.Stdout, c.Stderr = io.Discard, &errs
		if err := c.Run(); err != nil {
			t.Errorf("Go %s refuses %s: %v\n%s", v, path, err, errs.String())
		}
	}
	if st, _, errs := lab.Run(t, time.Minute, "validate", path); st != 0 {
		t.Errorf("validate refuses %s:\n%s", path, errs)
	}
}

// Many dumps at random moments: each accepted, each as long as the window, consecutive ones with the
// same events where they overlap.
func TestFlightDumps(t *testing.T) {
	lab.Tool(t)
	const window = 2 * time.Second
	p := startProg(t, flightProg(t))
	dir := t.TempDir()
	r := lab.Record(t, p.Process.Pid, "-F", "2s,64mb", "--max-overhead", "off", "-o", dir, "-q")
	ready(t, p.pid())
	time.Sleep(window + time.Second)
	n, checked, events := scale(1000, 20), 0, 0
	var before *dumpRead
	var at time.Time
	var shortest, longest time.Duration
	sample := max(n/25, 5)
	var kept []string
	for i := 1; i <= n; i++ {
		time.Sleep(time.Duration(rand.Int63n(int64(300 * time.Millisecond))))
		b0 := time.Now()
		r.Cmd.Process.Signal(syscall.SIGUSR1)
		ds := waitDumps(t, dir, 1, 10*time.Second)
		d, err := readDump(ds[0].path)
		if err != nil {
			t.Fatalf("dump %d: %v", i, err)
		}
		span := time.Duration(d.last - d.first)
		if span < window-20*time.Millisecond || span > window+time.Duration(d.longest)+20*time.Millisecond {
			t.Errorf("dump %d spans %v, the window is %v, a generation %v", i, span, window, time.Duration(d.longest))
		}
		if shortest == 0 || span < shortest {
			shortest = span
		}
		longest = max(longest, span)
		if before != nil {
			k, err := overlap(before, d)
			if err != nil {
				t.Fatalf("dumps %d and %d: %v", i-1, i, err)
			}
			// On a machine that is busy elsewhere reading can take longer than the window.
			if k == 0 && b0.Sub(at) < window {
				t.Errorf("dumps %d and %d do not overlap", i-1, i)
			}
			events += k
			if k > 0 {
				checked++
			}
		}
		if i%sample == 0 { // read later: the next dump must not wait
			keep := filepath.Join(t.TempDir(), "trace")
			if err := os.Link(ds[0].path, keep); err != nil {
				t.Fatal(err)
			}
			kept = append(kept, keep)
		}
		if st, _, errs := lab.Run(t, time.Minute, "validate", ds[0].path); st != 0 {
			t.Errorf("validate refuses dump %d:\n%s", i, errs)
		}
		before, at = d, b0
		os.Remove(ds[0].path)
	}
	s := ctlStatus(t, p.pid())
	if s.Lost != 0 {
		t.Errorf("%d records were lost", s.Lost)
	}
	if st := r.Stop(); st != 0 {
		t.Errorf("exit status %d:\n%s", st, r.Stderr())
	}
	for _, f := range kept {
		allReaders(t, f, 25)
	}
	t.Logf("%d dumps accepted; spans %v to %v; %d pairs, %d events in overlaps, all identical", n, shortest, longest,
		checked, events)
}

// Dumps in the other versions of the format, for the readers that take them.
func TestFlightFormats(t *testing.T) {
	lab.Tool(t)
	p := startProg(t, flightProg(t))
	for format, from := range map[string]int{"1.22": 22, "1.23": 23, "1.26": 26} {
		dir := t.TempDir()
		r := lab.Record(t, p.Process.Pid, "-F", "1s,16mb", "--max-overhead", "off", "-o", dir, "--format", format, "-q")
		ready(t, p.pid())
		time.Sleep(1500 * time.Millisecond)
		n := scale(10, 2)
		for i := 1; i <= n; i++ {
			r.Cmd.Process.Signal(syscall.SIGUSR1)
			waitDumps(t, dir, i, 10*time.Second)
		}
		r.Stop()
		for _, d := range dumpsOf(t, dir) {
			if _, err := readDump(d.path); err != nil {
				t.Errorf("format %s: %v", format, err)
			}
			allReaders(t, d.path, from)
		}
	}
}

// monotonic is CLOCK_MONOTONIC.
func monotonic() uint64 {
	var ts syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, 1, ptr(&ts), 0)
	return uint64(ts.Nano())
}

// kill -9 at a random moment: a dump each time, to the last moment, and the summary says how.
func TestFlightKill(t *testing.T) {
	lab.Tool(t)
	bin := flightProg(t)
	var gaps []time.Duration
	var starved time.Duration
	n := scale(50, 3)
	for i := range n {
		beat := filepath.Join(t.TempDir(), "beat")
		p := startProg(t, bin, "-beat", beat)
		dir := t.TempDir()
		r := lab.Record(t, p.Process.Pid, "-F", "5s,32mb", "--max-overhead", "off", "-o", dir)
		ready(t, p.pid())
		time.Sleep(200*time.Millisecond + time.Duration(rand.Int63n(int64(time.Second))))
		killed := monotonic()
		p.Process.Kill()
		if st := r.Wait(20 * time.Second); st != 0 {
			t.Errorf("run %d: exit status %d:\n%s", i, st, r.Stderr())
		}
		ds := dumpsOf(t, dir)
		if len(ds) != 1 || ds[0].reason != "killed-9" {
			t.Fatalf("run %d: dumps %v:\n%s", i, ds, r.Stderr())
		}
		d, err := readDump(ds[0].path)
		if err != nil {
			t.Fatalf("run %d: %v", i, err)
		}
		last := uint64(d.last-d.clock.Trace) + d.clock.Mono
		page, err := os.ReadFile(beat)
		if err != nil {
			t.Fatal(err)
		}
		// A machine that is busy elsewhere can keep the target from the CPU before the kill: what
		// counts is when it last ran.
		ran := min(binary.LittleEndian.Uint64(page), killed)
		gap := time.Duration(int64(ran) - int64(last))
		gaps = append(gaps, gap)
		starved = max(starved, time.Duration(int64(killed)-int64(ran)))
		if gap > 20*time.Millisecond {
			t.Errorf("run %d: the last event is %v before the target last ran, %v before the kill", i, gap,
				time.Duration(int64(killed)-int64(last)))
		}
		if !strings.Contains(r.Stderr(), "killed by signal 9") {
			t.Errorf("run %d: the summary does not say how it ended:\n%s", i, r.Stderr())
		}
		p.Process.Kill()
	}
	slices.Sort(gaps)
	t.Logf("%d kills: a dump each; the last event %v (median), %v (all) before the target last ran, which was up to %v "+
		"before the kill", n, gaps[n/2], gaps[n-1], starved)
}

// Other ends: an exit status, a panic; a trigger that waits for its --after is kept.
func TestFlightEnds(t *testing.T) {
	lab.Tool(t)
	tg := lab.Start(t, lab.Build(t, "timers", lab.Newest, "default"))
	dir := t.TempDir()
	r := lab.Record(t, tg.Pid, "-F", "5s", "--max-overhead", "off", "-o", dir)
	ready(t, fmt.Sprint(tg.Pid))
	time.Sleep(300 * time.Millisecond)
	tg.Quit()
	if st := r.Wait(20 * time.Second); st != 0 {
		t.Errorf("exit status %d:\n%s", st, r.Stderr())
	}
	if ds := dumpsOf(t, dir); len(ds) != 1 || ds[0].reason != "exit-0" {
		t.Errorf("dumps %v", ds)
	}
	tg = lab.Start(t, lab.Build(t, "timers", lab.Newest, "default"))
	dir = t.TempDir()
	r = lab.Record(t, tg.Pid, "-F", "5s", "--max-overhead", "off", "--after", "4s", "-o", dir)
	ready(t, fmt.Sprint(tg.Pid))
	r.Cmd.Process.Signal(syscall.SIGUSR1)
	time.Sleep(300 * time.Millisecond)
	if st := r.Stop(); st != 0 {
		t.Errorf("exit status %d:\n%s", st, r.Stderr())
	}
	if ds := dumpsOf(t, dir); len(ds) != 1 {
		t.Errorf("a waiting trigger was forgotten: %v", ds)
	}
}

// A handler that sleeps 300 ms among fast ones: the dump holds its whole wait with its stack, and
// says why it was made.
func TestFlightBlocked(t *testing.T) {
	lab.Tool(t)
	p := startProg(t, flightProg(t), "-slow", "300ms")
	dir := t.TempDir()
	r := lab.Record(t, p.Process.Pid, "-F", "3s", "--max-overhead", "off", "-o", dir, "--on", "blocked>250ms", "--min-interval", "500ms")
	ds := waitDumps(t, dir, 2, 20*time.Second)
	r.Stop()
	for _, f := range ds[:2] {
		d, err := readDump(f.path)
		if err != nil {
			t.Fatal(err)
		}
		if f.reason != "blocked" {
			t.Errorf("%s: not in the name", f.path)
		}
		said := false
		for _, l := range d.logs {
			said = said || (l.Category == "gotrace-bpf" && strings.Contains(l.Message, "blocked>250ms: goroutine"))
		}
		began := map[string]move{}
		whole := 0
		for _, m := range d.moves {
			if m.to == "Waiting" {
				began[m.res] = m
			} else if b, ok := began[m.res]; ok && m.from == "Waiting" {
				if time.Duration(m.at-b.at) > 290*time.Millisecond && strings.Contains(b.stack, "main.handleSlow") &&
					strings.Contains(b.stack, "time.Sleep") && b.reason == "sleep" {
					whole++
				}
				delete(began, m.res)
			}
		}
		if whole == 0 || !said {
			t.Errorf("%s: %d whole waits, told: %v", f.path, whole, said)
		}
	}
}

// A function is entered.
func TestFlightCall(t *testing.T) {
	lab.Tool(t)
	p := startProg(t, flightProg(t), "-slow", "1ms")
	dir := t.TempDir()
	r := lab.Record(t, p.Process.Pid, "-F", "3s", "--max-overhead", "off", "-o", dir, "--on", "call:main.handleSlow")
	ds := waitDumps(t, dir, 1, 20*time.Second)
	r.Stop()
	d, err := readDump(ds[0].path)
	if err != nil {
		t.Fatal(err)
	}
	if ds[0].reason != "call" || len(d.logs) == 0 || !strings.Contains(d.logs[len(d.logs)-1].Message, "call:main.handleSlow") {
		t.Errorf("%s: logs %v", ds[0].path, d.logs)
	}
}

// SIGUSR1 in a loop, a full disk, a slow disk: no record is lost, memory holds, the words are clear.
func TestFlightStorm(t *testing.T) {
	lab.Tool(t)
	bin := flightProg(t)
	storm := func(t *testing.T, r *lab.Recorder, d time.Duration) (sent int) {
		for begin := time.Now(); time.Since(begin) < d; sent++ {
			r.Cmd.Process.Signal(syscall.SIGUSR1)
			time.Sleep(500 * time.Microsecond)
		}
		return
	}
	check := func(t *testing.T, pid string, r *lab.Recorder) flightStatus {
		s := ctlStatus(t, pid)
		if s.Lost != 0 {
			t.Errorf("%d records lost", s.Lost)
		}
		if s.Memory.Resident > s.Memory.Stated {
			t.Errorf("%d bytes resident, %d stated", s.Memory.Resident, s.Memory.Stated)
		}
		return s
	}
	length := time.Duration(scale(20, 3)) * time.Second
	t.Run("signals", func(t *testing.T) {
		p := startProg(t, bin)
		r := lab.Record(t, p.Process.Pid, "-F", "2s,32mb", "--max-overhead", "off", "-o", t.TempDir(), "--max-dumps", "5", "-q")
		ready(t, p.pid())
		sent := storm(t, r, length)
		s := check(t, p.pid(), r)
		if ds := dumpsOf(t, filepath.Dir(r.File+"/x")); len(ds) > 6 {
			t.Errorf("%d dumps are kept, 5 were asked for", len(ds))
		}
		t.Logf("%d signals: %d dumps, %d joined one, %d removed; %d of %d bytes resident", sent, s.Dumps.Written,
			s.Dumps.Joined, s.Dumps.Removed, s.Memory.Resident, s.Memory.Stated)
		if st := r.Stop(); st != 0 {
			t.Errorf("exit status %d:\n%s", st, r.Stderr())
		}
	})
	t.Run("full disk", func(t *testing.T) {
		dir := t.TempDir()
		if err := syscall.Mount("none", dir, "tmpfs", 0, "size=256k"); err != nil {
			t.Skipf("no tmpfs: %v", err)
		}
		defer syscall.Unmount(dir, syscall.MNT_DETACH)
		p := startProg(t, bin)
		r := lab.Record(t, p.Process.Pid, "-F", "2s,32mb", "--max-overhead", "off", "-o", dir)
		ready(t, p.pid())
		time.Sleep(2 * time.Second)
		storm(t, r, length)
		s := check(t, p.pid(), r)
		if s.Dumps.Failed == 0 || !strings.Contains(r.Stderr(), "No space left on device") {
			t.Errorf("%d dumps failed; stderr:\n%s", s.Dumps.Failed, r.Stderr())
		}
		// Nothing half is left; with room again it goes on.
		syscall.Mount("none", dir, "tmpfs", syscall.MS_REMOUNT, "size=64m")
		out, err := exec.Command(lab.Tool(t), "ctl", p.pid(), "dump").CombinedOutput()
		if err != nil {
			t.Errorf("a dump after the disk was full: %v: %s", err, out)
		}
		es, _ := os.ReadDir(dir)
		for _, e := range es {
			if strings.Contains(e.Name(), "tmp") {
				t.Errorf("left behind: %s", e.Name())
			}
		}
		if st := r.Stop(); st != 1 {
			t.Errorf("exit status %d with failed dumps", st)
		}
	})
	t.Run("slow disk", func(t *testing.T) {
		if _, err := exec.LookPath("strace"); err != nil {
			t.Skip("a slow disk is made by strace, which is not here")
		}
		p := startProg(t, bin)
		dir := t.TempDir()
		r := lab.Record(t, p.Process.Pid, "-F", "2s,1mb", "--max-overhead", "off", "-o", dir)
		ready(t, p.pid())
		time.Sleep(2 * time.Second)
		// Each write of the thread that dumps takes 2 s more: slower than what is recorded.
		s := exec.Command("strace", "-qq", "-o", "/dev/null", "-e", "trace=write", "-e",
			"inject=write:delay_enter=2000000", "-p", dumpThread(t, r.Cmd.Process.Pid))
		if err := s.Start(); err != nil {
			t.Skipf("strace: %v", err)
		}
		time.Sleep(500 * time.Millisecond)
		storm(t, r, 8*time.Second)
		st := check(t, p.pid(), r)
		if st.Window.Seconds < 1 {
			t.Errorf("the window is %v s", st.Window.Seconds)
		}
		s.Process.Signal(os.Interrupt)
		s.Wait()
		t.Logf("%d written, %d given up", st.Dumps.Written, st.Dumps.GivenUp)
		r.Stop()
		for _, f := range dumpsOf(t, dir) {
			if _, err := readDump(f.path); err != nil {
				t.Errorf("%s: %v", f.path, err)
			}
		}
	})
}

// dumpThread is the tool's second thread.
func dumpThread(t *testing.T, pid int) string {
	t.Helper()
	es, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil || len(es) < 2 {
		t.Fatalf("threads of the tool: %v %v", es, err)
	}
	return es[1].Name()
}

// Memory is what was stated, with many goroutines that stay and many that come and go.
func TestFlightMemory(t *testing.T) {
	lab.Tool(t)
	park := scale(100000, 20000)
	p := startProg(t, flightProg(t), "-park", strconv.Itoa(park), "-churn", "5000")
	r := lab.Record(t, p.Process.Pid, "-F", "64mb", "--max-overhead", "off", "-o", t.TempDir(), "-q")
	ready(t, p.pid())
	seconds := scale(600, 10)
	var least, most, stated uint64
	for i := 0; i < seconds; i++ {
		time.Sleep(time.Second)
		s := ctlStatus(t, p.pid())
		stated = s.Memory.Stated
		if least == 0 || s.Memory.Resident < least {
			least = s.Memory.Resident
		}
		most = max(most, s.Memory.Resident)
		if s.Lost != 0 {
			t.Fatalf("%d records lost", s.Lost)
		}
	}
	if float64(most) > 1.0*float64(stated) || float64(least) < 0.9*float64(stated) {
		t.Errorf("%d to %d bytes resident, %d stated", least, most, stated)
	}
	t.Logf("%d goroutines, %d s: %.1f to %.1f MB resident, %.1f stated", park, seconds, float64(least)/1e6,
		float64(most)/1e6, float64(stated)/1e6)
	r.Stop()
}

func TestFlightCtl(t *testing.T) {
	tool := lab.Tool(t)
	p := startProg(t, flightProg(t))
	dir := t.TempDir()
	r := lab.Record(t, p.Process.Pid, "-F", "10s,16mb", "--max-overhead", "off", "-o", dir)
	ready(t, p.pid())
	time.Sleep(1500 * time.Millisecond)
	out, err := exec.Command(tool, "ctl", p.pid(), "status").CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("window")) {
		t.Errorf("status: %v\n%s", err, out)
	}
	// By name, from another folder, less than is kept; at the same time as others.
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 100 {
				c := exec.Command(tool, "ctl", p.pid(), "dump")
				if i == 0 {
					c = exec.Command(tool, "ctl", p.pid(), "dump", "--last", "500ms", "-o", "one.trace")
					c.Dir = dir
				}
				out, err := c.CombinedOutput()
				waiting := bytes.Contains(out, []byte("two dumps are waiting"))
				if err != nil && !waiting {
					t.Errorf("dump %d: %v: %s", i, err, out)
				}
				if !waiting || i != 0 {
					break // the one with a name of its own is asked for until it is taken
				}
				time.Sleep(50 * time.Millisecond)
			}
		}()
	}
	wg.Wait()
	if d, err := readDump(filepath.Join(dir, "one.trace")); err != nil {
		t.Error(err)
	} else if span := time.Duration(d.last - d.first); span > 500*time.Millisecond+time.Duration(d.longest)+100*time.Millisecond {
		t.Errorf("--last 500ms spans %v", span)
	}
	st, _, errs := lab.Run(t, 20*time.Second, "-p", p.pid(), "-F", "1s", "-o", dir)
	if st != 1 || !strings.Contains(errs, "already") {
		t.Errorf("a second recorder: status %d: %s", st, errs)
	}
	other := exec.Command(tool, "ctl", p.pid(), "stop")
	other.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if out, err := other.CombinedOutput(); err == nil {
		t.Errorf("another user was heard: %s", out)
	}
	if out, err := exec.Command(tool, "ctl", p.pid(), "stop").CombinedOutput(); err != nil {
		t.Errorf("stop: %v: %s", err, out)
	}
	if st := r.Wait(20 * time.Second); st != 0 {
		t.Errorf("exit status %d:\n%s", st, r.Stderr())
	}
	if ds := dumpsOf(t, dir); len(ds) == 0 || ds[len(ds)-1].reason != "ctl" {
		t.Errorf("a dump at the end that nobody asked for: %v", ds)
	}
}

// The process by its name, and its successor.
func TestFlightFollow(t *testing.T) {
	tool := lab.Tool(t)
	bin := filepath.Join(t.TempDir(), "followme-prog-of-a-long-name")
	b, err := os.ReadFile(flightProg(t))
	if err == nil {
		err = os.WriteFile(bin, b, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := exec.Command(tool, "--exe", bin, "-F", "5s,8mb", "--max-overhead", "off", "-o", dir)
	var errs bytes.Buffer
	c.Stderr = &errs
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Process.Kill()
	for i := range 2 {
		p := startProg(t, bin)
		ready(t, p.pid())
		time.Sleep(300 * time.Millisecond)
		p.Process.Kill()
		waitDumps(t, dir, i+1, 20*time.Second)
	}
	c.Process.Signal(syscall.SIGTERM)
	if err := c.Wait(); err != nil {
		t.Errorf("%v:\n%s", err, errs.String())
	}
}

func TestFlightRefusals(t *testing.T) {
	lab.Tool(t)
	p := startProg(t, flightProg(t), "-busy", "0")
	ro := t.TempDir()
	for _, x := range []struct {
		name   string
		status int
		says   string
		args   []string
	}{
		{"nonsense", 2, "not a duration", []string{"-F", "x"}},
		{"zero", 2, "zero", []string{"-F", "0"}},
		{"negative", 2, "-5s", []string{"-F", "-5s"}},
		{"too short", 2, "100ms", []string{"-F", "1ms"}},
		{"too small", 2, "1mb", []string{"-F", "5s,64k"}},
		{"too large", 2, "spare", []string{"-F", "5s,60000g"}},
		{"last over window", 2, "--last", []string{"-F", "5s", "--last", "6s"}},
		{"after over window", 2, "--after", []string{"-F", "5s", "--after", "6s"}},
		{"disk under a dump", 2, "--max-disk", []string{"-F", "5s,64mb", "--max-disk", "1mb"}},
		{"stdout", 2, "-o -", []string{"-F", "5s", "-o", "-"}},
		{"template", 2, "%z", []string{"-F", "5s", "-o", "a%z"}},
		{"no folder", 1, "/nonexistent", []string{"-F", "5s", "-o", "/nonexistent/x"}},
		{"on", 2, "character 11 ('x')", []string{"-F", "5s", "--on", "blocked>25x"}},
		{"on kind", 2, "character 1 ('b')", []string{"-F", "5s", "--on", "blokced>25ms"}},
		{"call", 1, "main.nothing", []string{"-F", "5s", "-o", ro, "--on", "call:main.nothing"}},
		{"capture", 2, "--capture", []string{"-F", "5s", "--capture", "x"}},
		{"without -F", 2, "-F", []string{"--after", "5s"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			st, _, errs := lab.Run(t, 20*time.Second, append([]string{"-p", p.pid()}, x.args...)...)
			if st != x.status || !strings.Contains(errs, x.says) {
				t.Errorf("status %d, want %d with %q: %s", st, x.status, x.says, errs)
			}
			oneLine(t, x.name, errs)
		})
	}
	// A folder that nobody may write to, not even root.
	if err := exec.Command("mount", "-t", "tmpfs", "-o", "ro,size=4k", "none", ro).Run(); err == nil {
		defer syscall.Unmount(ro, syscall.MNT_DETACH)
		st, _, errs := lab.Run(t, 20*time.Second, "-p", p.pid(), "-F", "5s", "-o", ro)
		if st != 1 || !strings.Contains(errs, "cannot be written here") {
			t.Errorf("read-only folder: status %d: %s", st, errs)
		}
	}
	runtime.KeepAlive(p)
}

func ptr(ts *syscall.Timespec) uintptr { return uintptr(unsafe.Pointer(ts)) }
