package live

import (
	"path/filepath"
	"testing"
	"time"

	"live/lab"
)

// cell is one place of the matrix version x fixture x kind.
type cell struct{ version, fixture, kind string }

func (c cell) name() string { return c.version + "/" + c.kind + "/" + c.fixture }

// matrix: each version with each fixture and kind; without GOTRACE_FULL a diagonal, in which every
// version and every fixture occurs in both kinds.
func matrix(step int) []cell {
	var cs []cell
	for i, v := range lab.Versions {
		for j, f := range lab.Fixtures {
			if f == "coro" && lab.Minor(v) < 23 {
				continue
			}
			for k, kind := range []string{"default", "stripped"} {
				if lab.Full() || (i+j)%step == 0 && (i+j)/step%2 == k {
					cs = append(cs, cell{v, f, kind})
				}
			}
		}
	}
	return cs
}

// rounds of each fixture that take about as long.
var rounds = map[string]int{"channel": 200, "mutex": 10, "nethttp": 40, "syscalls": 100, "timers": 100,
	"gc": 3, "gomaxprocs": 40, "coro": 300, "cgo": 100, "signals": 40, "depths": 40}

// The fixtures tell the truth: the runtime's own trace of a run has what they counted.
func TestFixtures(t *testing.T) {
	for _, c := range matrix(3) {
		t.Run(c.name(), func(t *testing.T) {
			tg := lab.Start(t, lab.Build(t, c.fixture, c.version, c.kind))
			file := filepath.Join(t.TempDir(), "self")
			tg.Trace(file)
			counts := tg.Run(rounds[c.fixture])
			time.Sleep(50 * time.Millisecond) // goroutines that have counted still have to end
			tg.EndTrace()
			s, err := lab.Read(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range lab.Differences(counts, s, lab.HeaderMinor(t, file) >= 23) {
				t.Error(d)
			}
		})
	}
}
