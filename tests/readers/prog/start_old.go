//go:build !go1.25

package main

import (
	"os"
	"runtime/trace"
)

func start(mode string, f *os.File) func() { trace.Start(f); return trace.Stop }
