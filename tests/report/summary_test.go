package report

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

const newest = "1.27.4"

var toolchains = []string{"1.22.12", "1.23.12", "1.24.13", "1.25.14", "1.26.11", newest}

// tool is the program under test: GOTRACE_BPF, or the one at the top of the tree.
func tool(t *testing.T) string {
	t.Helper()
	p := os.Getenv("GOTRACE_BPF")
	if p == "" {
		p = "../../gotrace-bpf"
	}
	if _, err := os.Stat(p); err != nil {
		t.Skip("no gotrace-bpf: run make, or set GOTRACE_BPF")
	}
	return p
}

func ours(t *testing.T, args ...string) []byte {
	t.Helper()
	return run(t, exec.Command(tool(t), args...))
}

func run(t *testing.T, cmd *exec.Cmd) []byte {
	t.Helper()
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, errs.Bytes())
	}
	return out
}

// gocmd runs a toolchain's go.
func gocmd(t *testing.T, version, dir string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN=go"+version, "GOFLAGS=-mod=mod")
	if err := exec.Command("go", "version").Run(); err != nil {
		t.Skip("no go")
	}
	return run(t, cmd)
}

// summarizer builds testdata/summary beside a copy of the toolchain's internal/trace, which nothing
// outside of it may import.
func summarizer(t *testing.T) string {
	t.Helper()
	root := strings.TrimSpace(string(gocmd(t, newest, ".", "env", "GOROOT")))
	dir := t.TempDir()
	src := filepath.Join(root, "src/internal/trace")
	err := filepath.WalkDir(src, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(src, p)
		switch {
		case d.IsDir() && (rel == "testdata" || rel == "testtrace" || rel == "traceviewer" || rel == "raw"):
			return filepath.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(dir, "trace", rel), 0o755)
		case !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go"):
			return nil
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		b = bytes.ReplaceAll(b, []byte(`"internal/trace`), []byte(`"summary/trace`))
		return os.WriteFile(filepath.Join(dir, "trace", rel), b, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("testdata/summary/main.go")
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile(filepath.Join(dir, "main.go"), b, 0o644)
	os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module summary\n\ngo 1.27\n"), 0o644)
	gocmd(t, newest, dir, "build", "-o", "summary", ".")
	return filepath.Join(dir, "summary")
}

var (
	own     sync.Once
	ownDir  string
	ownList map[string]string
)

func TestMain(m *testing.M) {
	code := m.Run()
	if ownDir != "" {
		os.RemoveAll(ownDir)
	}
	os.Exit(code)
}

// traces are one of each runtime's own, and those that GOTRACE_TRACES names (ours, big ones).
func traces(t *testing.T) map[string]string {
	t.Helper()
	own.Do(func() {
		ownList = make(map[string]string)
		ownDir, _ = os.MkdirTemp("", "report")
		for _, v := range toolchains {
			prog, out := filepath.Join(ownDir, "prog"+v), filepath.Join(ownDir, "go"+v)
			gocmd(t, v, "testdata/prog", "build", "-o", prog, ".")
			run(t, exec.Command(prog, out))
			ownList["go"+v] = out
		}
		for _, p := range strings.Fields(os.Getenv("GOTRACE_TRACES")) {
			ownList[filepath.Base(p)] = p
		}
	})
	return ownList
}

type group struct {
	Count, Ended                                        int
	Total, Running, Runnable, Syscall, Blocked, Unknown time.Duration
	Reasons, Ranges                                     map[string]time.Duration
}

type jsonReport struct {
	Schema  string
	Reports []struct {
		Complete bool
		FirstNs  int64 `json:"first_ns"`
		EndNs    int64 `json:"end_ns"`
		Events   int
		Groups   []struct {
			Name             string
			Count, Ended     int
			TotalNs          time.Duration            `json:"total_ns"`
			RunningNs        time.Duration            `json:"running_ns"`
			RunnableNs       time.Duration            `json:"runnable_ns"`
			SyscallNs        time.Duration            `json:"syscall_ns"`
			SyscallBlockedNs time.Duration            `json:"syscall_blocked_ns"`
			UnknownNs        time.Duration            `json:"unknown_ns"`
			BlockedNs        map[string]time.Duration `json:"blocked_ns"`
			RangesNs         map[string]time.Duration `json:"ranges_ns"`
		}
	}
}

// The same nanoseconds as Go's summary, group by group, state by state, reason by reason.
func TestSummary(t *testing.T) {
	tool := summarizer(t)
	for name, file := range traces(t) {
		t.Run(name, func(t *testing.T) {
			want := make(map[string]*group)
			if err := json.Unmarshal(run(t, exec.Command(tool, file)), &want); err != nil {
				t.Fatal(err)
			}
			var rep jsonReport
			if err := json.Unmarshal(ours(t, "report", "--json", file), &rep); err != nil {
				t.Fatal(err)
			}
			if len(rep.Reports) != 1 || !rep.Reports[0].Complete {
				t.Fatalf("not one complete report: %+v", rep)
			}
			for _, g := range rep.Reports[0].Groups {
				got := &group{g.Count, g.Ended, g.TotalNs, g.RunningNs, g.RunnableNs, g.SyscallNs,
					g.SyscallBlockedNs, g.UnknownNs, g.BlockedNs, g.RangesNs}
				w := want[g.Name]
				delete(want, g.Name)
				if w == nil || !reflect.DeepEqual(got, w) {
					t.Errorf("group %q:\n got  %+v\n want %+v", g.Name, got, w)
				}
			}
			for g := range want {
				t.Errorf("group %q is not in the report", g)
			}
			t.Logf("%d groups, %d events", len(rep.Reports[0].Groups), rep.Reports[0].Events)
		})
	}
}
