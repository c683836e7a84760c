package report

import (
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// try runs the program with stdin and gives its exit status, stdout and stderr.
func try(t *testing.T, stdin []byte, args ...string) (int, string, string) {
	t.Helper()
	cmd := exec.Command(tool(t), args...)
	cmd.Stdin = bytes.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// whole is a trace of two generations and more.
func whole(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile(traces(t)["go1.26.11"])
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBadInput(t *testing.T) {
	v1 := append([]byte("go 1.21 trace\x00\x00\x00"), make([]byte, 100)...)
	for _, c := range []struct {
		name  string
		input []byte
		says  string
	}{
		{"empty", nil, "empty"},
		{"text", []byte("this is not a trace, only words"), "not a Go execution trace"},
		{"old", v1, "Go 1.21"},
		{"new", []byte("go 1.99 trace\x00\x00\x00"), "1.99"},
		{"header", []byte("go 1.25 trace\x00\x00\x00"), "truncated"},
		{"short", []byte("go 1.2"), "truncated"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, args := range [][]string{
				{"report", "-"}, {"report", "--json", "-"}, {"export", "--text", "-"},
				{"export", "--pprof", "net", "-"}, {"export", "--cut", "0,1s", "-"},
			} {
				code, out, errs := try(t, c.input, args...)
				if code != 1 || !strings.Contains(errs, c.says) || strings.Count(errs, "\n") != 1 {
					t.Errorf("%v: exit %d, stderr %q", args, code, errs)
				}
				if out != "" && args[1] != "--json" {
					t.Errorf("%v: stdout %q", args, out)
				}
			}
		})
	}
	for _, args := range [][]string{
		{"report"}, {"report", "--frob", "x"}, {"report", "--top", "0", "x"}, {"report", "--from", "x", "x"},
		{"report", "--from", "2s", "--to", "1s", "x"}, {"report", "--goroutine", "-1", "x"},
		{"report", "--compare", "x"}, {"export", "x"}, {"export", "--pprof", "heap", "x"},
		{"export", "--cut", "2s,1s", "x"}, {"export", "--cut", "1s", "x"}, {"export", "--text", "x", "y"},
		{"export", "--text", "--pprof", "net", "x"},
	} {
		if code, _, errs := try(t, nil, args...); code != 2 || strings.Count(errs, "\n") != 1 {
			t.Errorf("%v: exit %d, stderr %q", args, code, errs)
		}
	}
	if code, _, errs := try(t, nil, "report", "/nonexistent"); code != 1 || !strings.Contains(errs, "No such file") {
		t.Errorf("no file: exit %d, stderr %q", code, errs)
	}
}

// What comes before the damage is reported and exported, and the damage told.
func TestDamaged(t *testing.T) {
	b := whole(t)
	cut := b[:len(b)-20]
	bad := bytes.Clone(b)
	for i := len(bad) - 400; i < len(bad)-300; i++ {
		bad[i] ^= 0x55
	}
	for name, input := range map[string][]byte{"cut": cut, "bad": bad} {
		code, out, errs := try(t, input, "report", "-")
		if code != 1 || !strings.Contains(out, "GOROUTINES") || !strings.Contains(errs, "offset") {
			t.Errorf("%s: exit %d, stderr %q", name, code, errs)
		}
		if code, out, _ := try(t, input, "report", "--json", "-"); code != 1 || !strings.Contains(out, `"complete": false`) {
			t.Errorf("%s: --json: exit %d", name, code)
		}
		if code, out, _ := try(t, input, "export", "--text", "-"); code != 1 || len(out) < 1000 {
			t.Errorf("%s: --text: exit %d, %d bytes", name, code, len(out))
		}
		file := filepath.Join(t.TempDir(), "cut")
		if code, _, _ := try(t, input, "export", "--cut", "0,1h", "-o", file, "-"); code != 1 {
			t.Errorf("%s: --cut: exit %d", name, code)
		} else if len(times(t, file)) == 0 {
			t.Errorf("%s: --cut: nothing written", name)
		}
	}
}

func TestGzip(t *testing.T) {
	b := whole(t)
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write(b)
	w.Close()
	_, plain, _ := try(t, b, "report", "-")
	code, out, errs := try(t, z.Bytes(), "report", "-")
	if code != 0 || out != plain {
		t.Errorf("exit %d, stderr %q, the same page: %v", code, errs, out == plain)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "t.gz")
	os.WriteFile(file, z.Bytes(), 0o600)
	if code, out, _ := try(t, nil, "report", file, file); code != 0 || strings.Count(out, "GOROUTINES") != 2 {
		t.Errorf("two files: exit %d", code)
	}
	if code, _, errs := try(t, z.Bytes()[:z.Len()-100], "report", "-"); code != 1 || errs == "" {
		t.Errorf("truncated gzip: exit %d, stderr %q", code, errs)
	}
}

// Each sub-command tells how it is used, and that is no error.
func TestHelp(t *testing.T) {
	for _, c := range []string{"check", "ctl", "export", "replay", "report", "validate"} {
		for _, flag := range []string{"-h", "--help"} {
			if st, out, errs := try(t, nil, c, flag); st != 0 || !strings.Contains(out, "gotrace-bpf "+c) || errs != "" {
				t.Errorf("%s %s: status %d, %q, %q", c, flag, st, out, errs)
			}
		}
	}
}
