package main

import "testing"

func TestSpans(t *testing.T) {
	const words = "gotrace-bpf: an empty hit: push 495 ns, nop5 353 ns\n" +
		"gotrace-bpf: attached in 0.2 ms, monotonic 20 to 30 ns\n" +
		"gotrace-bpf: detached in 72.0 ms, monotonic 40 to 50 ns\nrecorded 1s\n"
	v, err := spans(words, 10, 60)
	if err != nil || len(v) != len(phases) {
		t.Fatal(v, err)
	}
	for i, f := range v {
		if f.Name != phases[i] || f.Begin != int64(10*i+10) || f.End != int64(10*i+20) {
			t.Errorf("%+v", f)
		}
	}
	if _, err := spans("recorded 1s\n", 10, 60); err == nil {
		t.Error("no attaching, yet phases")
	}
}
