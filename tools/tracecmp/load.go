package main

import (
	"fmt"
	"io"
	"os"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/exp/trace"
)

// gEvent is one transition of a goroutine. Strings and stacks are ids of the interner that both
// traces share, so that equal ids mean equal contents.
type gEvent struct {
	T        int64 // ns of its own trace; of the other's clock after align
	From, To trace.GoState
	Reason   int32
	Stack    int32 // of whoever made the event, leaf first
	New      int32 // create only: start function
	P, M     int64
	By       int64 // goroutine that ran on the thread: itself, or the waker, or the creator
}

// pEvent is one transition of a P.
type pEvent struct {
	T     int64
	Kind  uint8 // pStart, pStop, pSteal
	M     int64
	Stack int32
}

const (
	pStart = iota
	pStop
	pSteal
)

var pKindNames = [...]string{"start", "stop", "steal"}

// rEvent is the begin or the end of a range, or a label.
type rEvent struct {
	T    int64
	Name int32
	End  bool
	G    int64
}

type metric struct {
	T int64
	V uint64
}

type snapshot struct {
	T, Mono int64
}

type traceData struct {
	Path        string
	Events      int
	First, Last int64 // first and last transition
	G           map[int64][]gEvent
	P           map[int64][]pEvent
	Cycles      []rEvent           // GC mark phase
	STW         []rEvent           // by all goroutines
	Assist      map[int64][]rEvent // by goroutine
	Labels      map[int64][]rEvent // by goroutine
	Metrics     map[string][]metric
	Clock       []snapshot
	Name        map[int64]int32 // outermost frame of the first stack: the start function
}

type frame struct {
	Func, File string
	Line       uint64
}

// interner gives strings and stacks ids that are equal in both traces exactly if the contents are.
type interner struct {
	strs    []string
	strID   map[string]int32
	stacks  [][]frame
	funcs   []int32 // per stack: id of its function names alone
	stackID map[string]int32
	funcID  map[string]int32
}

func newInterner() *interner {
	in := &interner{strID: map[string]int32{}, stackID: map[string]int32{}, funcID: map[string]int32{}}
	in.str("")
	in.stack(nil)
	return in
}

func (in *interner) str(s string) int32 {
	id, ok := in.strID[s]
	if !ok {
		id = int32(len(in.strs))
		in.strs = append(in.strs, s)
		in.strID[s] = id
	}
	return id
}

func (in *interner) stack(fs []frame) int32 {
	var full, names strings.Builder
	for _, f := range fs {
		full.WriteString(f.Func)
		full.WriteByte(0)
		full.WriteString(f.File)
		full.WriteByte(0)
		full.WriteString(strconv.FormatUint(f.Line, 10))
		full.WriteByte(1)
		names.WriteString(f.Func)
		names.WriteByte(1)
	}
	id, ok := in.stackID[full.String()]
	if ok {
		return id
	}
	fid, ok := in.funcID[names.String()]
	if !ok {
		fid = int32(len(in.funcID))
		in.funcID[names.String()] = fid
	}
	id = int32(len(in.stacks))
	in.stacks = append(in.stacks, fs)
	in.funcs = append(in.funcs, fid)
	in.stackID[full.String()] = id
	return id
}

func (in *interner) stackString(id int32, indent string) string {
	if id == 0 {
		return indent + "(no stack)\n"
	}
	var b strings.Builder
	for _, f := range in.stacks[id] {
		file := f.File
		if i := strings.LastIndexByte(file, '/'); i >= 0 {
			file = file[i+1:]
		}
		fmt.Fprintf(&b, "%s%s %s:%d\n", indent, f.Func, file, f.Line)
	}
	return b.String()
}

func loadFile(path string, in *interner) (*traceData, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	td, err := load(f, in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	td.Path = path
	return td, nil
}

func load(r io.Reader, in *interner) (*traceData, error) {
	rd, err := trace.NewReader(r)
	if err != nil {
		return nil, err
	}
	td := &traceData{
		G: map[int64][]gEvent{}, P: map[int64][]pEvent{},
		Assist: map[int64][]rEvent{}, Labels: map[int64][]rEvent{},
		Metrics: map[string][]metric{}, Name: map[int64]int32{},
	}
	// A trace.Stack is a handle into its generation's table: remember what it came to.
	cache := map[trace.Stack]int32{trace.NoStack: 0}
	stack := func(s trace.Stack) int32 {
		if id, ok := cache[s]; ok {
			return id
		}
		var fs []frame
		for f := range s.Frames() {
			if f.Func == "" {
				continue // a pc that is none: the runtime's walk went astray
			}
			// The tracer's own frames, which the runtime leaves in where it skips none.
			if len(fs) == 0 && strings.HasPrefix(f.Func, "runtime.traceLocker.") {
				continue
			}
			fs = append(fs, frame{f.Func, f.File, f.Line})
		}
		id := in.stack(fs)
		cache[s] = id
		return id
	}
	// The outermost frame names a goroutine.
	name := func(g int64, s int32) {
		if _, ok := td.Name[g]; !ok && s != 0 {
			fs := in.stacks[s]
			td.Name[g] = in.str(fs[len(fs)-1].Func)
		}
	}
	for {
		ev, err := rd.ReadEvent()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("after %d events: %w", td.Events, err)
		}
		td.Events++
		t := int64(ev.Time())
		switch ev.Kind() {
		case trace.EventSync:
			clear(cache)
			cache[trace.NoStack] = 0
			if c := ev.Sync().ClockSnapshot; c != nil {
				td.Clock = append(td.Clock, snapshot{int64(c.Trace), int64(c.Mono)})
			}
		case trace.EventStateTransition:
			td.transition(ev, t, in, stack, name)
		case trace.EventRangeBegin, trace.EventRangeActive, trace.EventRangeEnd:
			r := ev.Range()
			re := rEvent{T: t, Name: in.str(r.Name), End: ev.Kind() == trace.EventRangeEnd,
				G: int64(ev.Goroutine())}
			if ev.Kind() == trace.EventRangeActive {
				break // told again at each generation
			}
			switch {
			case strings.HasPrefix(r.Name, "stop-the-world"):
				td.STW = append(td.STW, re)
			case r.Name == "GC mark assist":
				td.Assist[re.G] = append(td.Assist[re.G], re)
			case r.Scope.Kind == trace.ResourceNone:
				td.Cycles = append(td.Cycles, re)
			}
		case trace.EventLabel:
			l := ev.Label()
			g := int64(ev.Goroutine())
			td.Labels[g] = append(td.Labels[g], rEvent{T: t, Name: in.str(l.Label), G: g})
		case trace.EventMetric:
			m := ev.Metric()
			td.Metrics[m.Name] = append(td.Metrics[m.Name], metric{t, m.Value.Uint64()})
		}
	}
	if td.Last == 0 {
		return nil, fmt.Errorf("no transition in %d events", td.Events)
	}
	sort.SliceStable(td.STW, func(i, j int) bool { return td.STW[i].T < td.STW[j].T })
	return td, nil
}

func (td *traceData) transition(ev trace.Event, t int64, in *interner,
	stack func(trace.Stack) int32, name func(int64, int32)) {
	st := ev.StateTransition()
	if td.First == 0 {
		td.First = t
	}
	td.Last = t
	switch st.Resource.Kind {
	case trace.ResourceGoroutine:
		g := int64(st.Resource.Goroutine())
		from, to := st.Goroutine()
		if from == to {
			return // a status told again in a later generation
		}
		ge := gEvent{T: t, From: from, To: to, Reason: in.str(st.Reason),
			P: int64(ev.Proc()), M: int64(ev.Thread()), By: int64(ev.Goroutine()),
			Stack: stack(ev.Stack())}
		switch {
		case from == trace.GoNotExist:
			ns := stack(st.Stack)
			if fs := in.stacks[ns]; len(fs) > 0 {
				ge.New = in.str(fs[0].Func)
			}
			name(g, ns)
		case from == trace.GoUndetermined:
			ge.Stack = stack(st.Stack)
			name(g, ge.Stack)
		case from == trace.GoRunning || from == trace.GoSyscall:
			name(g, ge.Stack)
		}
		td.G[g] = append(td.G[g], ge)
	case trace.ResourceProc:
		p := int64(st.Resource.Proc())
		from, to := st.Proc()
		pe := pEvent{T: t, M: int64(ev.Thread()), Stack: stack(ev.Stack())}
		switch {
		case from == trace.ProcUndetermined || from == to:
			return // a status, or told again in a later generation
		case to == trace.ProcRunning && from == trace.ProcIdle:
			pe.Kind = pStart
		case to == trace.ProcIdle && int64(ev.Proc()) != p:
			pe.Kind = pSteal
		case to == trace.ProcIdle && from == trace.ProcRunning:
			pe.Kind = pStop
		default:
			return
		}
		td.P[p] = append(td.P[p], pe)
	}
}
