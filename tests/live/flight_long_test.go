// The flight recorder again and again, or for long: many dumps, kills, storms of triggers on full and
// slow disks, memory. Each is short unless all is to be tested (scale).

package live

import (
	"encoding/binary"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"live/lab"
)

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

func ptr(ts *syscall.Timespec) uintptr { return uintptr(unsafe.Pointer(ts)) }
