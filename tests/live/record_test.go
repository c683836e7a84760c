package live

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"live/lab"
)

// mustBe checks the recorder's exit status and shows what it said if it is another.
func mustBe(t *testing.T, what string, want, got int, stderr string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: exit status %d, want %d; stderr:\n%s", what, got, want, stderr)
	}
}

// settle gives goroutines that have counted the time to end.
func settle() { time.Sleep(100 * time.Millisecond) }

// What a fixture counted is in the file, and every reader takes the file to its end.
func TestCounts(t *testing.T) {
	lab.Tool(t)
	for _, c := range matrix(3) {
		t.Run(c.name(), func(t *testing.T) {
			tg := lab.Start(t, lab.Build(t, c.fixture, c.version, c.kind))
			rec := lab.Record(t, tg.Pid)
			counts := tg.Run(rounds[c.fixture])
			settle()
			mustBe(t, "a recording without losses", 0, rec.Stop(), rec.Stderr())
			s, err := lab.Read(rec.File)
			if err != nil {
				t.Fatalf("golang.org/x/exp/trace: %v; stderr:\n%s", err, rec.Stderr())
			}
			for _, d := range lab.Differences(counts, s, lab.HeaderMinor(t, rec.File) >= 23) {
				t.Error(d)
			}
			if s.Metrics["/sched/gomaxprocs:threads"] == 0 {
				t.Error("no GOMAXPROCS in the trace")
			}
			if err := lab.Parsed(rec.File, lab.Newest); err != nil {
				t.Error(err)
			}
			if t.Failed() {
				t.Logf("stderr:\n%s", rec.Stderr())
			}
		})
	}
}

// The header follows the target's Go, or the option; the reader of each version takes its own.
func TestFormat(t *testing.T) {
	lab.Tool(t)
	for _, c := range []struct {
		version, format string
		want            int
	}{
		{"1.22.12", "auto", 22}, {"1.24.13", "auto", 23}, {"1.27.4", "auto", 25},
		{"1.27.4", "1.22", 22}, {"1.27.4", "1.23", 23}, {"1.27.4", "1.25", 25}, {"1.27.4", "1.26", 26},
	} {
		t.Run(c.version+"/"+c.format, func(t *testing.T) {
			tg := lab.Start(t, lab.Build(t, "timers", c.version, "default"))
			rec := lab.Record(t, tg.Pid, "--format", c.format)
			tg.Run(20)
			mustBe(t, "recording", 0, rec.Stop(), rec.Stderr())
			if got := lab.HeaderMinor(t, rec.File); got != c.want {
				t.Errorf("header 1.%d, want 1.%d", got, c.want)
			}
			if _, err := lab.Read(rec.File); err != nil {
				t.Errorf("golang.org/x/exp/trace: %v", err)
			}
			if err := lab.Parsed(rec.File, lab.Newest); err != nil {
				t.Error(err)
			}
			if c.want == 22 {
				if err := lab.Parsed(rec.File, "1.24.13"); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// Ours agrees with what the program's own tracer wrote at the same time.
func TestCompare(t *testing.T) {
	lab.Tool(t)
	for _, c := range compareCells() {
		t.Run(c.name(), func(t *testing.T) {
			bin := lab.Build(t, c.fixture, c.version, c.kind)
			m := lab.BestOf(t, 3, bin, c.version, c.kind, c.fixture, rounds[c.fixture])
			if m.Fine() {
				return
			}
			// A busy machine takes a thread off its CPU between our probe and the runtime's own look at
			// the clock: how far times lie apart is for the table (make compare), not for a test.
			if m.Late() {
				t.Logf("times: %v", m.Compared.Failed)
				return
			}
			t.Errorf("three times: %s; readers: %s; lost: %s; unexplained repairs: %v; stderr:\n%s", m.Err,
				m.Readers, m.Lost, m.Unexplained, m.Stderr)
			if m.Compared != nil {
				t.Errorf("%v\n%s", m.Compared.Failed, m.Compared.Text)
			}
		})
	}
}

// compareCells: a diagonal of the coverage table: each version, each fixture, and the kinds whose
// code differs.
func compareCells() []cell {
	cs := matrix(4)
	for i, v := range []string{"1.19.13", "1.20.14", "1.21.13"} {
		cs = append(cs, cell{v, lab.Fixtures[i], "default"})
	}
	for _, v := range []string{"1.21.13", "1.23.12", "1.24.13", "1.26.11", "1.27.4"} {
		cs = append(cs, cell{v, "depths", "default"})
	}
	return append(cs, cell{"1.26.11", "channel", "profile-guided"}, cell{"1.25.14", "mutex", "pie-stripped"},
		cell{"1.24.13", "syscalls", "external"}, cell{"1.27.4", "timers", "no-buildinfo"})
}

// A recording of several seconds has several generations, each on its own.
func TestGenerations(t *testing.T) {
	tg := lab.Start(t, lab.Build(t, "channel", lab.Newest, "default"))
	rec := lab.Record(t, tg.Pid, "-d", "3500ms")
	var all []lab.Counts
	for i := 0; i < 5; i++ {
		all = append(all, tg.Run(100))
		time.Sleep(400 * time.Millisecond)
	}
	mustBe(t, "-d 3500ms", 0, rec.Wait(20*time.Second), rec.Stderr())
	s, err := lab.Read(rec.File)
	if err != nil {
		t.Fatal(err)
	}
	if s.Syncs < 4 {
		t.Errorf("%d synchronisations in 3.5 s, want a generation a second", s.Syncs)
	}
	// All runs together, in one trace.
	sum := all[0]
	for _, c := range all[1:] {
		for i := range sum.Funcs {
			sum.Funcs[i].Creates += c.Funcs[i].Creates
			sum.Funcs[i].Destroys += c.Funcs[i].Destroys
			for k := range sum.Funcs[i].Blocks {
				sum.Funcs[i].Blocks[k] += c.Funcs[i].Blocks[k]
			}
		}
		for k := range sum.STW {
			sum.STW[k] += c.STW[k]
		}
	}
	for _, d := range lab.Differences(sum, s, true) {
		t.Error(d)
	}
}

// The same capture gives the same trace, byte for byte, as often as it is replayed.
func TestReplay(t *testing.T) {
	for _, f := range []string{"channel", "syscalls", "gc"} {
		t.Run(f, func(t *testing.T) {
			tg := lab.Start(t, lab.Build(t, f, lab.Newest, "default"))
			dir := t.TempDir()
			capture := filepath.Join(dir, "capture")
			rec := lab.Record(t, tg.Pid, "--capture", capture)
			tg.Run(rounds[f])
			mustBe(t, "recording", 0, rec.Stop(), rec.Stderr())
			tg.Kill() // nothing of the process is needed
			want, err := os.ReadFile(rec.File)
			if err != nil {
				t.Fatal(err)
			}
			for i := 0; i < 2; i++ {
				again := filepath.Join(dir, fmt.Sprint("again", i))
				status, _, stderr := lab.Run(t, time.Minute, "replay", capture, "-o", again)
				mustBe(t, "replay", 0, status, stderr)
				got, err := os.ReadFile(again)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(want, got) {
					t.Errorf("replay %d: %d bytes that differ from the recording's %d", i, len(got), len(want))
				}
			}
			// A capture that was cut short is recognised or gives what is there; never a crash.
			b, err := os.ReadFile(capture)
			if err != nil {
				t.Fatal(err)
			}
			cut := filepath.Join(dir, "cut")
			for _, part := range []int{0, 10, len(b) / 3, len(b) - 1} {
				os.WriteFile(cut, b[:part], 0o600)
				out := filepath.Join(dir, "cut.trace")
				os.Remove(out)
				status, _, stderr := lab.Run(t, time.Minute, "replay", cut, "-o", out)
				if status != 1 && status != 0 && status != 3 {
					t.Errorf("a capture of %d of %d bytes: status %d\n%s", part, len(b), status, stderr)
				}
				if _, err := os.Stat(out); err == nil {
					if _, err := lab.Read(out); err != nil {
						t.Errorf("a capture of %d of %d bytes: %v", part, len(b), err)
					}
				} else if status == 0 {
					t.Errorf("a capture of %d of %d bytes: status 0 and no file", part, len(b))
				}
			}
		})
	}
}

// validate judges by the rules that every reader enforces.
func TestValidate(t *testing.T) {
	tg := lab.Start(t, lab.Build(t, "channel", lab.Newest, "default"))
	rec := lab.Record(t, tg.Pid)
	own := filepath.Join(t.TempDir(), "own")
	tg.Trace(own)
	tg.Run(100)
	tg.EndTrace()
	mustBe(t, "recording", 0, rec.Stop(), rec.Stderr())
	for _, f := range []string{rec.File, own} {
		status, out, stderr := lab.Run(t, time.Minute, "validate", f)
		mustBe(t, "validate "+filepath.Base(f), 0, status, stderr)
		if strings.TrimSpace(out) == "" {
			t.Errorf("validate %s printed no counts", filepath.Base(f))
		}
	}
	b, _ := os.ReadFile(rec.File)
	bad := filepath.Join(t.TempDir(), "bad")
	// One byte may become another lawful number; no number has 64 bytes, no event this type.
	for i := 16 + len(b)/5; i+64 < len(b); i += len(b) / 7 {
		copy(b[i:], bytes.Repeat([]byte{0xff}, 64))
	}
	os.WriteFile(bad, b, 0o600)
	status, _, stderr := lab.Run(t, time.Minute, "validate", bad)
	mustBe(t, "validate of a damaged file", 1, status, stderr)
}

// -o - streams the file to standard output.
func TestStdout(t *testing.T) {
	tg := lab.Start(t, lab.Build(t, "timers", lab.Newest, "default"))
	status, out, stderr := lab.Run(t, 30*time.Second, "-p", fmt.Sprint(tg.Pid), "-d", "300ms", "-o", "-")
	mustBe(t, "-o -", 0, status, stderr)
	f := filepath.Join(t.TempDir(), "out")
	os.WriteFile(f, []byte(out), 0o600)
	if _, err := lab.Read(f); err != nil {
		t.Errorf("what -o - wrote: %v", err)
	}
}

// Without -o the name comes from the command's name, its pid and the time.
func TestDefaultName(t *testing.T) {
	tg := lab.Start(t, lab.Build(t, "timers", lab.Newest, "default"))
	dir := t.TempDir()
	c := exec.Command(lab.Tool(t), "-p", fmt.Sprint(tg.Pid), "-d", "200ms")
	c.Dir = dir
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	es, _ := os.ReadDir(dir)
	if len(es) != 1 || !regexp.MustCompile(fmt.Sprintf(`timers.*%d`, tg.Pid)).MatchString(es[0].Name()) {
		t.Errorf("files made: %v, want one with timers and %d in its name", es, tg.Pid)
	}
	if len(es) > 0 && !bytes.Contains(out, []byte("go tool trace "+es[0].Name())) {
		t.Errorf("the summary does not say how to open %s:\n%s", es[0].Name(), out)
	}
}

// check says whether a recording would work, of a process and of a file.
func TestCheck(t *testing.T) {
	bin := lab.Build(t, "timers", lab.Newest, "stripped")
	tg := lab.Start(t, bin)
	for _, args := range [][]string{{"check", "-p", fmt.Sprint(tg.Pid)}, {"check", bin}} {
		status, out, stderr := lab.Run(t, 30*time.Second, args...)
		mustBe(t, strings.Join(args, " "), 0, status, stderr)
		for _, want := range []string{"1.27.4", "execute", "gopark", "ready"} {
			if !strings.Contains(out, want) {
				t.Errorf("%v does not mention %s:\n%s", args, want, out)
			}
		}
	}
	if status, _, stderr := lab.Run(t, 30*time.Second, "check", "/bin/true"); status != 1 {
		t.Errorf("check /bin/true: status %d\n%s", status, stderr)
	}
}

// The file is the caller's alone.
func TestMode(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	tg := lab.Start(t, lab.Build(t, "timers", lab.Newest, "default"))
	rec := lab.Record(t, tg.Pid)
	mustBe(t, "Ctrl-C", 0, rec.Stop(), rec.Stderr())
	fi, err := os.Stat(rec.File)
	if err != nil {
		t.Fatalf("Ctrl-C wrote no file: %v", err)
	}
	if fi.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", fi.Mode())
	}
	if es, _ := os.ReadDir(filepath.Dir(rec.File)); len(es) != 1 {
		t.Errorf("left beside the file: %v", es)
	}
}

// Under sudo the file belongs to who called it.
func TestOwner(t *testing.T) {
	tg := lab.Start(t, lab.Build(t, "timers", lab.Newest, "default"))
	dir := t.TempDir()
	f := filepath.Join(dir, "trace")
	c := exec.Command(lab.Tool(t), "-p", fmt.Sprint(tg.Pid), "-d", "100ms", "-o", f)
	c.Env = append(os.Environ(), "SUDO_UID=1234", "SUDO_GID=1235")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	fi, err := os.Stat(f)
	if err != nil {
		t.Fatal(err)
	}
	if st := fi.Sys().(*syscall.Stat_t); st.Uid != 1234 || st.Gid != 1235 {
		t.Errorf("owner %d:%d, want 1234:1235", st.Uid, st.Gid)
	}
}

// No return probe is in the object: they rewrite return addresses, which Go's stacks do not survive.
func TestNoReturnProbe(t *testing.T) {
	lab.Tool(t)
	objs, _ := filepath.Glob(filepath.Join(lab.Out(), "*.bpf.o"))
	if len(objs) == 0 {
		t.Skip("no BPF object in " + lab.Out())
	}
	for _, o := range objs {
		f, err := elf.Open(o)
		if err != nil {
			t.Fatal(err)
		}
		programs := 0
		for _, s := range f.Sections {
			if s.Type == elf.SHT_PROGBITS && s.Flags&elf.SHF_EXECINSTR != 0 && s.Size > 0 {
				programs++
			}
			if strings.Contains(s.Name, "uretprobe") || strings.Contains(s.Name, "session") {
				t.Errorf("%s: section %s", o, s.Name)
			}
		}
		if programs == 0 {
			t.Errorf("%s has no program at all", o)
		}
		f.Close()
	}
}

// One request to end may come twice at once (timeout(1) sends it to the process, and to its group); another
// one later aborts. A signal that flight recorders take is none to end at all.
func TestSignalsTwice(t *testing.T) {
	tg := lab.Start(t, lab.Build(t, "timers", lab.Newest, "default"))
	for _, gap := range []time.Duration{0, time.Millisecond, 10 * time.Millisecond} {
		rec := lab.Record(t, tg.Pid)
		rec.Cmd.Process.Signal(syscall.SIGUSR1)
		time.Sleep(100 * time.Millisecond)
		rec.Cmd.Process.Signal(syscall.SIGTERM)
		time.Sleep(gap)
		rec.Cmd.Process.Signal(syscall.SIGTERM)
		mustBe(t, "two signals", 0, rec.Wait(time.Minute), rec.Stderr())
		if _, err := lab.Read(rec.File); err != nil {
			t.Errorf("signals %v apart: %v", gap, err)
		}
	}
	aborted := false
	for i := 0; i < 5 && !aborted; i++ {
		dir := t.TempDir()
		rec := lab.Record(t, tg.Pid, "-o", filepath.Join(dir, "trace"))
		p := rec.Cmd.Process
		p.Signal(syscall.SIGTERM)
		time.Sleep(5 * time.Millisecond)
		p.Signal(syscall.SIGSTOP)
		time.Sleep(400 * time.Millisecond)
		p.Signal(syscall.SIGTERM)
		p.Signal(syscall.SIGCONT)
		aborted = rec.Wait(time.Minute) != 0
		if left, _ := filepath.Glob(filepath.Join(dir, "*")); aborted && len(left) != 0 {
			t.Errorf("an aborted recording left %v", left)
		}
	}
	if !aborted {
		t.Error("no second signal aborted")
	}
}
