// What the programs at the probes are told to do, seen in the capture file: include/record.h,
// user/capture/rawfile.h.
package live

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"live/lab"
)

const (
	hookPark       = 2
	sectionRecords = 2
)

// parks counts the blocks in a capture, and those that say which goroutine they are of.
func parks(t *testing.T, capture string) (all, named int) {
	t.Helper()
	b, err := os.ReadFile(capture)
	if err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	for b = b[16:]; len(b) >= 16; {
		kind, n := le.Uint32(b), int(le.Uint64(b[8:]))
		body := b[16 : 16+n]
		b = b[16+(n+7)&^7:]
		for kind == sectionRecords && len(body) > 0 {
			if body[6] == hookPark {
				all++
				if le.Uint64(body[32:]) != 0 {
					named++
				}
			}
			body = body[le.Uint16(body[4:]):]
		}
	}
	return all, named
}

// Without starts only blocks can tell who a goroutine is whose creation was lost; with them the block
// costs a read less.
func TestParksAreNamed(t *testing.T) {
	p := startProg(t, flightProg(t))
	for plan, want := range map[string]bool{"full": false, "stop": true} {
		capture := filepath.Join(t.TempDir(), "capture")
		r := lab.Record(t, p.Process.Pid, "--plan", plan, "--capture", capture, "-d", "300ms")
		mustBe(t, plan, 0, r.Wait(time.Minute), r.Stderr())
		all, named := parks(t, capture)
		if all < 100 || (want && named != all) || (!want && named != 0) {
			t.Errorf("--plan %s: %d blocks, %d of them named", plan, all, named)
		}
	}
}

// --syscalls auto takes what is cheaper for this target, and says so.
func TestSyscallsAuto(t *testing.T) {
	for want, args := range map[string][]string{"probes": nil, "tracepoints": {"-calls"}} {
		p := startProg(t, flightProg(t), args...)
		time.Sleep(100 * time.Millisecond)
		r := lab.Record(t, p.Process.Pid, "-v", "-d", "100ms")
		mustBe(t, want, 0, r.Wait(time.Minute), r.Stderr())
		if !strings.Contains(r.Stderr(), "syscalls: by "+want+";") {
			t.Errorf("%q: not by %s:\n%s", args, want, r.Stderr())
		}
		p.Process.Kill()
		<-p.ended
	}
}
