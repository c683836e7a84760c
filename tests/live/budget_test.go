package live

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/exp/trace"

	"live/lab"
)

// hot is a process that no budget of some per cent can watch: a token goes around as fast as it can.
func hot(t *testing.T) *prog {
	return startProg(t, flightProg(t), "-busy", "4", "-pace", "1000000000")
}

// ownLogs of a trace: what the recorder says in it.
func ownLogs(t *testing.T, path string) []string {
	t.Helper()
	var logs []string
	if err := lab.Each(path, func(ev trace.Event) {
		if ev.Kind() == trace.EventLog && ev.Log().Category == "gotrace-bpf" {
			logs = append(logs, ev.Log().Message)
		}
	}); err != nil {
		t.Fatal(err)
	}
	return logs
}

func needLog(t *testing.T, logs []string, pattern string) {
	t.Helper()
	re := regexp.MustCompile(pattern)
	for _, l := range logs {
		if re.MatchString(l) {
			return
		}
	}
	t.Errorf("no log event like %q in %q", pattern, logs)
}

// What cannot be held below the budget is paused; the file says so, and is taken by every reader.
func TestBudgetPauses(t *testing.T) {
	p := hot(t)
	capture := filepath.Join(t.TempDir(), "capture")
	r := lab.Record(t, p.Process.Pid, "--max-overhead", "5%", "--capture", capture, "-v")
	for begin := time.Now(); strings.Count(r.Stderr(), "-> paused") < 2; time.Sleep(20 * time.Millisecond) {
		if time.Since(begin) > 2*time.Minute {
			t.Fatalf("no second pause: %s", r.Stderr())
		}
	}
	if st := r.Stop(); st != 0 {
		t.Fatalf("status %d: %s", st, r.Stderr())
	}
	if bad := lab.Readers(t, lab.Newest, r.File); bad != "yes" {
		t.Error(bad)
	}
	logs := ownLogs(t, r.File)
	needLog(t, logs, `^plan: full -> .*paused.*: it cost [\d.]+ % of the process's own CPU time, 5 % are allowed$`)
	needLog(t, logs, `^plan: paused -> full: a look after .* in which nothing was seen$`)
	summary := regexp.MustCompile(`(?m)^  budget +5 % of its own CPU time: .*paused .* in \d+ pauses?; left out: `)
	if !summary.MatchString(r.Stderr()) {
		t.Errorf("the summary does not tell what was left out:\n%s", r.Stderr())
	}
	// The same bytes come out of the capture: what was stepped is in it.
	again := filepath.Join(t.TempDir(), "again")
	if st, _, errs := lab.Run(t, time.Minute, "replay", capture, "-o", again); st != 0 {
		t.Fatal(errs)
	}
	a, _ := os.ReadFile(r.File)
	b, _ := os.ReadFile(again)
	if !bytes.Equal(a, b) {
		t.Error("the replay differs")
	}
	_, out, _ := lab.Run(t, time.Minute, "report", r.File)
	if !strings.Contains(out, "not watched") {
		t.Errorf("the report does not tell of the pauses:\n%s", out)
	}
}

// Without a bound nothing is left out, whatever it costs.
func TestBudgetOff(t *testing.T) {
	p := hot(t)
	for _, args := range [][]string{nil, {"--max-overhead", "off"}} {
		r := lab.Record(t, p.Process.Pid, append(args, "-d", "700ms")...)
		r.Wait(time.Minute)
		if strings.Contains(r.Stderr(), "budget") || strings.Contains(r.Stderr(), "plan:") {
			t.Errorf("%v: stepped down: %s", args, r.Stderr())
		}
		for _, l := range ownLogs(t, r.File) {
			t.Errorf("%v: log event %q", args, l)
		}
	}
}

// A process that costs less than is allowed stays on the plan that was asked for.
func TestBudgetQuiet(t *testing.T) {
	p := startProg(t, flightProg(t), "-busy", "0")
	r := lab.Record(t, p.Process.Pid, "--plan", "auto", "--max-overhead", "60%", "-d", "2s")
	if st := r.Wait(time.Minute); st != 0 {
		t.Fatalf("status %d: %s", st, r.Stderr())
	}
	if !regexp.MustCompile(`(?m)^  budget +60 % of its own CPU time: full [\d.]+s$`).MatchString(r.Stderr()) {
		t.Errorf("stepped down, or no summary:\n%s", r.Stderr())
	}
}

// Whatever rung it comes to stand on, the file is lawful: parts of the rate that all hooks make.
func TestBudgetLadder(t *testing.T) {
	p := startProg(t, flightProg(t), "-busy", "4", "-pace", "8")
	all := lab.Record(t, p.Process.Pid, "-d", "1s")
	all.Wait(time.Minute)
	m := regexp.MustCompile(`hits, (\d+)/s`).FindStringSubmatch(all.Stderr())
	if m == nil {
		t.Fatalf("no rate: %s", all.Stderr())
	}
	rate, _ := strconv.Atoi(m[1])
	for _, percent := range []int{2, 20, 45, 60, 80} {
		max := rate*percent/100 + 100
		r := lab.Record(t, p.Process.Pid, "--max-rate", strconv.Itoa(max), "-d", "4s", "-v")
		if st := r.Wait(time.Minute); st != 0 {
			t.Fatalf("%d %%: status %d: %s", percent, st, r.Stderr())
		}
		if bad := lab.Readers(t, lab.Newest, r.File); bad != "yes" {
			t.Errorf("%d %%: %s", percent, bad)
		}
		needLog(t, ownLogs(t, r.File), `^plan: full -> .*: there were [\d,]+ hits/s, [\d,]+ are allowed$`)
		t.Logf("%d %%: %q", percent, ownLogs(t, r.File))
		// A hit that two links told would be one that says nothing new; a few are left at a pause's ends.
		for _, bad := range lab.UnexplainedRepairs(r.Stderr()) {
			if n, _ := strconv.Atoi(strings.ReplaceAll(bad[strings.LastIndex(bad, " ")+1:], ",", "")); n > 20 {
				t.Errorf("%d %%: repairs without a reason: %s", percent, bad)
			}
		}
	}
}

// A flight recorder has a budget of its own accord, and says where it stands.
func TestBudgetFlight(t *testing.T) {
	p := hot(t)
	dir := t.TempDir()
	r := lab.Record(t, p.Process.Pid, "-F", "10s,16mb", "-o", dir)
	ready(t, p.pid())
	var s struct {
		Budget struct {
			On      bool
			Max     float64 `json:"max_overhead_percent"`
			Now     string
			Steps   int
			Pauses  int
			Seconds map[string]float64
		}
	}
	for begin := time.Now(); s.Budget.Pauses == 0; time.Sleep(20 * time.Millisecond) {
		out, err := exec.Command(lab.Tool(t), "ctl", p.pid(), "status", "--json").Output()
		if err == nil {
			err = json.Unmarshal(out, &s)
		}
		if err != nil || time.Since(begin) > time.Minute {
			t.Fatalf("%v: %s\n%s", err, out, r.Stderr())
		}
	}
	if !s.Budget.On || s.Budget.Max != 3 || s.Budget.Steps == 0 || s.Budget.Seconds["full"] <= 0 {
		t.Errorf("status: %+v", s)
	}
	out, err := exec.Command(lab.Tool(t), "ctl", p.pid(), "status").Output()
	if err != nil || !strings.Contains(string(out), "budget   3 % of its own CPU time: ") {
		t.Errorf("status: %v %s", err, out)
	}
	// A dump in the middle of a pause.
	if out, err := exec.Command(lab.Tool(t), "ctl", p.pid(), "dump").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	r.Stop()
	ds := dumpsOf(t, dir)
	if len(ds) != 1 {
		t.Fatalf("%d dumps", len(ds))
	}
	allReaders(t, ds[0].path, 25)
	needLog(t, ownLogs(t, ds[0].path), `paused`)
}

func TestBudgetRefusals(t *testing.T) {
	for _, c := range []struct {
		says string
		args []string
	}{
		{"--max-overhead 'much'", []string{"--max-overhead", "much"}},
		{"0.1% to 1000%", []string{"--max-overhead", "0"}},
		{"--max-rate", []string{"--max-rate", "-1"}},
		{"--plan auto", []string{"--plan", "auto", "--max-overhead", "off"}},
	} {
		st, _, errs := lab.Run(t, 20*time.Second, append([]string{"-p", "1"}, c.args...)...)
		if st != 2 || !strings.Contains(errs, c.says) || strings.Count(strings.TrimSpace(errs), "\n") > 0 {
			t.Errorf("%v: status %d, %q", c.args, st, errs)
		}
	}
}
