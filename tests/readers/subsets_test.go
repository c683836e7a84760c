package readers

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"testing"

	"golang.org/x/exp/trace"
)

// tests/unit/model/test_subsets leaves a sample of the traces it made in OUT/subsets: of records
// lost, altered and made up. The Go readers must take them, too: so many at most.
const subsetsMax = 240

func samples(t *testing.T) []string {
	t.Helper()
	out := os.Getenv("GOTRACE_OUT")
	if out == "" {
		out = "../../.output"
	}
	files, _ := filepath.Glob(filepath.Join(out, "subsets", "*.trace"))
	if len(files) == 0 {
		t.Skip("no samples: run OUT=.output .output/unit/model/test_subsets")
	}
	sort.Strings(files)
	step := (len(files) + subsetsMax - 1) / subsetsMax
	var some []string
	for i := 0; i < len(files); i += step {
		some = append(some, files[i])
	}
	return some
}

func TestSubsetsByExpTrace(t *testing.T) {
	files := samples(t)
	events := 0
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		r, err := trace.NewReader(bufio.NewReader(f))
		for err == nil {
			if _, err = r.ReadEvent(); err == nil {
				events++
			}
		}
		f.Close()
		if err != io.EOF {
			t.Errorf("%s: %v", file, firstLine(err))
		}
	}
	t.Logf("%d files, %d events", len(files), events)
}

// The trace tool of the newest Go, started directly: "go tool" takes longer than the reading.
func TestSubsetsByGoTool(t *testing.T) {
	files := samples(t)
	newest := toolchains[len(toolchains)-1]
	goroot(t, newest)
	cmd := exec.Command("go", "tool", "-n", "trace")
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN=go"+newest)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go tool -n trace: %v", err)
	}
	tool := strings.TrimSpace(string(out))
	if _, err := os.Stat(tool); err != nil {
		// It is built when first used.
		cmd := exec.Command("go", "tool", "trace", "-d=parsed", files[0])
		cmd.Env = append(os.Environ(), "GOTOOLCHAIN=go"+newest)
		cmd.Run()
	}
	var wg sync.WaitGroup
	next := make(chan string)
	for range 2 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for file := range next {
				if out, err := exec.Command(tool, "-d=parsed", file).CombinedOutput(); err != nil {
					lines := strings.Split(strings.TrimSpace(string(out)), "\n")
					t.Errorf("%s: %v: %s", file, err, lines[len(lines)-1])
				}
			}
		}()
	}
	for _, file := range files {
		next <- file
	}
	close(next)
	wg.Wait()
	t.Logf("%d files", len(files))
}
