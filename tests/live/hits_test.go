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
	hookExecute    = 1
	hookPark       = 2
	hookCreate     = 5
	hookHeap       = 33
	hookSnapG      = 64
	sectionRecords = 2
)

// recRead is what the tests look at in a record.
type recRead struct {
	hook    byte
	ts      time.Duration
	g, goid uint64
	status  uint32
	x       uint64
}

// eachRecord goes through the records in a capture.
func eachRecord(t *testing.T, capture string, fn func(r recRead)) {
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
			fn(recRead{body[6], time.Duration(le.Uint64(body[8:])), le.Uint64(body[24:]), le.Uint64(body[32:]), le.Uint32(body[56:]), le.Uint64(body[64:])})
			body = body[le.Uint16(body[4:]):]
		}
	}
}

// parks counts the blocks in a capture, and those that say which goroutine they are of.
func parks(t *testing.T, capture string) (all, named int) {
	t.Helper()
	eachRecord(t, capture, func(r recRead) {
		if r.hook != hookPark {
			return
		}
		all++
		if r.goid != 0 {
			named++
		}
	})
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
		if want {
			needLog(t, ownLogs(t, r.File), "^plan: "+plan+"$")
		}
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

// The heap is sampled once in a fifth of a millisecond, however many CPUs have records.
func TestHeapSamples(t *testing.T) {
	p := startProg(t, flightProg(t), "-calls", "-busy", "8", "-pace", "1000000000")
	capture := filepath.Join(t.TempDir(), "capture")
	r := lab.Record(t, p.Process.Pid, "--capture", capture, "-d", "500ms")
	mustBe(t, "record", 0, r.Wait(time.Minute), r.Stderr())
	var first, last time.Duration
	n := 0
	eachRecord(t, capture, func(r recRead) {
		if r.hook != hookHeap {
			return
		}
		if n == 0 {
			first = r.ts
		}
		last = r.ts
		n++
	})
	if most := int((last - first) / (200 * time.Microsecond) * 115 / 100); n < most/4 || n > most {
		t.Errorf("%d samples in %v; at most %d are wanted", n, last-first, most)
	}
}

// A goroutine's start reads it once, while its creation would be seen; else each time.
func TestStartsReadOnce(t *testing.T) {
	p := startProg(t, flightProg(t))
	for plan, once := range map[string]bool{"full": true, "lean": false} {
		capture := filepath.Join(t.TempDir(), "capture")
		r := lab.Record(t, p.Process.Pid, "--plan", plan, "--capture", capture, "-d", "300ms")
		mustBe(t, plan, 0, r.Wait(time.Minute), r.Stderr())
		all, read, unnamed := 0, 0, 0
		eachRecord(t, capture, func(r recRead) {
			if r.hook != hookExecute {
				return
			}
			all++
			if r.status != 0 {
				read++
			}
			if r.goid == 0 {
				unnamed++
			}
		})
		if all < 1000 || unnamed > 0 || (once && read > all/20) || (!once && read != all) {
			t.Errorf("--plan %s: %d starts, %d read, %d unnamed", plan, all, read, unnamed)
		}
	}
}

// Who starts is known without a look where it was read before; but not from before a pause, in which
// its structure may have come to serve another: what memory holds after the pause says.
func TestStartsAfterPause(t *testing.T) {
	p := startProg(t, flightProg(t), "-churn", "2000", "-last", "100ms")
	capture := filepath.Join(t.TempDir(), "capture")
	r := lab.Record(t, p.Process.Pid, "--max-rate", "10000", "--capture", capture, "-d", "4s")
	mustBe(t, "record", 0, r.Wait(time.Minute), r.Stderr())
	needLog(t, ownLogs(t, r.File), `^plan: paused -> full`)
	goids := map[uint64]uint64{}
	compared := 0
	eachRecord(t, capture, func(r recRead) {
		switch r.hook {
		case hookSnapG:
			goids[r.g] = r.goid
		case hookCreate:
			delete(goids, r.g)
		case hookExecute:
			// Memory is read beside what goes on: a later one may have been made there since.
			if want, ok := goids[r.g]; ok && r.goid < want {
				t.Errorf("%#x: start of goroutine %d, memory has %d", r.g, r.goid, want)
			} else if ok {
				compared++
			}
		}
	})
	t.Logf("%d starts compared", compared)
	if compared < 100 {
		t.Errorf("%d starts compared", compared)
	}
}

// The collector's workers are made at its first run: by then other goroutines start unread.
func TestWorkersOfFirstCollection(t *testing.T) {
	t.Setenv("GOGC", "off")
	p := startProg(t, flightProg(t), "-gc", "500ms")
	capture := filepath.Join(t.TempDir(), "capture")
	r := lab.Record(t, p.Process.Pid, "--capture", capture, "-d", "1500ms")
	mustBe(t, "record", 0, r.Wait(time.Minute), r.Stderr())
	labelled := 0
	eachRecord(t, capture, func(r recRead) {
		if r.hook == hookExecute && r.x != 0 {
			labelled++
		}
	})
	if labelled < 3 {
		t.Errorf("%d starts of workers", labelled)
	}
}
