package live

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/exp/trace"

	"live/lab"
)

// The stack of a goroutine that blocks in Go code called from C goes on behind C.
func TestCallbackStack(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("cgo needs gcc")
	}
	lab.Tool(t)
	for _, v := range []string{"1.21.13", "1.22.12", "1.24.13", lab.Newest} {
		t.Run(v, func(t *testing.T) {
			bin := filepath.Join(t.TempDir(), "callback")
			c := lab.GoCmd(v, "build", "-o", bin, ".")
			c.Dir = filepath.Join(lab.Root(), "tests", "live", "testdata", "callback")
			c.Env = append(c.Env, "CGO_ENABLED=1")
			if out, err := c.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			pid := start(t, bin)
			time.Sleep(300 * time.Millisecond) // one that just starts is refused
			rec := lab.Record(t, pid, "-o", filepath.Join(t.TempDir(), "trace"))
			time.Sleep(300 * time.Millisecond)
			if st := rec.Stop(); st != 0 {
				t.Fatalf("exit status %d:\n%s", st, rec.Stderr())
			}
			stacks := stacksTo(t, rec.File, trace.GoWaiting, "main.goWait")
			for s, n := range stacks {
				if i := strings.Index(s, "runtime.cgocallback\n"); i < 0 ||
					!strings.Contains(s[i:], "runtime.cgocall\n") || !strings.HasSuffix(s, "main.caller\n") {
					t.Errorf("%d times:\n%s", n, s)
				}
			}
			if len(stacks) == 0 {
				t.Error("nothing blocks in main.goWait")
			}
			// Into C by a call and by a callback's return: from the same place.
			for s, n := range stacksTo(t, rec.File, trace.GoSyscall, "main.caller") {
				if !strings.HasPrefix(s, "main._Cfunc_call\n") {
					t.Errorf("%d times into C:\n%s", n, s)
				}
			}
		})
	}
}

// stacksTo counts the stacks that goroutines go into a state with which pass through a function.
func stacksTo(t *testing.T, file string, state trace.GoState, through string) map[string]int {
	t.Helper()
	found := make(map[string]int)
	if err := lab.Each(file, func(ev trace.Event) {
		if ev.Kind() != trace.EventStateTransition {
			return
		}
		st := ev.StateTransition()
		if st.Resource.Kind != trace.ResourceGoroutine {
			return
		}
		if _, to := st.Goroutine(); to != state {
			return
		}
		var s strings.Builder
		for fr := range st.Stack.Frames() {
			s.WriteString(fr.Func + "\n")
		}
		if strings.Contains(s.String(), through+"\n") {
			found[s.String()]++
		}
	}); err != nil {
		t.Fatal(err)
	}
	return found
}
