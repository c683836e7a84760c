//go:build go1.25

package main

import (
	"os"
	"runtime/trace"
	"time"
)

func start(mode string, f *os.File) func() {
	if mode != "flight" {
		trace.Start(f)
		return trace.Stop
	}
	r := trace.NewFlightRecorder(trace.FlightRecorderConfig{MinAge: time.Second})
	r.Start()
	return func() { r.WriteTo(f); r.Stop() }
}
