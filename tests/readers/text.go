// Package readers compares libgotrace with golang.org/x/exp/trace, event by event.
package readers

import (
	"fmt"
	"hash/fnv"
	"io"
	"strings"

	"golang.org/x/exp/trace"
)

// quote writes s as dump.c does.
func quote(w *strings.Builder, s string) {
	w.WriteByte('"')
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			fmt.Fprintf(w, "\\x%02x", c)
		} else {
			w.WriteByte(c)
		}
	}
	w.WriteByte('"')
}

// printer keeps the hashes of stacks, which repeat.
type printer struct {
	stacks map[trace.Stack]string
	b      strings.Builder
}

func (p *printer) stack(name string, s trace.Stack) {
	if s == trace.NoStack {
		return
	}
	text, ok := p.stacks[s]
	if !ok {
		h, n := fnv.New64a(), 0
		for f := range s.Frames() {
			io.WriteString(h, f.Func)
			io.WriteString(h, f.File)
			fmt.Fprintf(h, " %d %d\n", f.PC, f.Line)
			n++
		}
		if n > 0 {
			text = fmt.Sprintf("=%d:%016x", n, h.Sum64())
		}
		p.stacks[s] = text
	}
	if text != "" {
		p.b.WriteString(" " + name + text)
	}
}

// line is one event in the form of dump.c.
func (p *printer) line(e trace.Event) string {
	b := &p.b
	b.Reset()
	fmt.Fprintf(b, "%d M=%d P=%d G=%d %s", e.Time(), e.Thread(), e.Proc(), e.Goroutine(), e.Kind())
	switch e.Kind() {
	case trace.EventSync:
		p.stacks = map[trace.Stack]string{}
		s := e.Sync()
		fmt.Fprintf(b, " n=%d", s.N)
		if c := s.ClockSnapshot; c != nil {
			fmt.Fprintf(b, " trace=%d mono=%d wall=%d", c.Trace, c.Mono, c.Wall.UnixNano())
		}
	case trace.EventMetric:
		m := e.Metric()
		fmt.Fprintf(b, " %s %d", m.Name, m.Value.Uint64())
	case trace.EventLabel:
		l := e.Label()
		b.WriteByte(' ')
		quote(b, l.Label)
		fmt.Fprintf(b, " %s", l.Resource)
	case trace.EventRangeBegin, trace.EventRangeActive, trace.EventRangeEnd:
		r := e.Range()
		b.WriteByte(' ')
		quote(b, r.Name)
		fmt.Fprintf(b, " %s", r.Scope)
		if e.Kind() == trace.EventRangeEnd {
			if a := e.RangeAttributes(); len(a) == 2 {
				fmt.Fprintf(b, " swept=%d reclaimed=%d", a[0].Value.Uint64(), a[1].Value.Uint64())
			}
		}
	case trace.EventTaskBegin, trace.EventTaskEnd:
		t := e.Task()
		fmt.Fprintf(b, " id=%d parent=%d ", t.ID, t.Parent)
		quote(b, t.Type)
	case trace.EventRegionBegin, trace.EventRegionEnd:
		r := e.Region()
		fmt.Fprintf(b, " task=%d ", r.Task)
		quote(b, r.Type)
	case trace.EventLog:
		l := e.Log()
		fmt.Fprintf(b, " task=%d ", l.Task)
		quote(b, l.Category)
		b.WriteByte(' ')
		quote(b, l.Message)
	case trace.EventStateTransition:
		t := e.StateTransition()
		fmt.Fprintf(b, " %s ", t.Resource)
		if t.Resource.Kind == trace.ResourceGoroutine {
			from, to := t.Goroutine()
			fmt.Fprintf(b, "%s->%s ", from, to)
		} else {
			from, to := t.Proc()
			fmt.Fprintf(b, "%s->%s ", from, to)
		}
		quote(b, t.Reason)
		p.stack("tstack", t.Stack)
	case trace.EventExperimental:
		x := e.Experimental()
		fmt.Fprintf(b, " %s", x.Name)
		for i, a := range x.Args {
			fmt.Fprintf(b, " %s=%d", a, x.ArgValue(i).Uint64())
		}
	}
	p.stack("stack", e.Stack())
	return b.String()
}
