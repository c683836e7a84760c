package main

import (
	"os/exec"
	"strings"
	"testing"
)

// The newest toolchain's structures are where the tables say.
func TestNewest(t *testing.T) {
	out, err := exec.Command("go", "run", ".", "-check").CombinedOutput()
	if err != nil && strings.Contains(string(out), "download go") {
		t.Skipf("the toolchain cannot be had: %s", out)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
