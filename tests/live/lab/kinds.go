package lab

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Kind is a way to build.
type Kind struct {
	Name  string
	Flags []string
	Cgo   string // "1": needs cgo; "": only where the fixture does
	GCC   bool   // links with gcc
	Since int    // Go minor
	PGO   bool
}

// AllKinds of builds, the usual first. Large binaries with several text sections exist on other
// architectures only: the amd64 linker never splits.
var AllKinds = []Kind{
	{Name: "default"},
	{Name: "stripped", Flags: []string{"-ldflags=-s -w"}},
	{Name: "pie", Flags: []string{"-buildmode=pie"}},
	{Name: "pie-stripped", Flags: []string{"-buildmode=pie", "-ldflags=-s -w"}},
	{Name: "cgo", Cgo: "1", GCC: true},
	{Name: "external", Flags: []string{"-ldflags=-linkmode=external"}, Cgo: "1", GCC: true},
	{Name: "external-pie-stripped", Flags: []string{"-buildmode=pie", "-ldflags=-linkmode=external -s -w"}, Cgo: "1", GCC: true},
	{Name: "static", Flags: []string{"-ldflags=-linkmode=external -extldflags=-static"}, Cgo: "1", GCC: true},
	{Name: "race", Flags: []string{"-race"}, Cgo: "1", GCC: true},
	{Name: "trimpath", Flags: []string{"-trimpath"}},
	{Name: "unoptimised", Flags: []string{"-gcflags=all=-N -l"}},
	{Name: "profile-guided", PGO: true, Since: 21},
	{Name: "no-buildinfo", Flags: []string{"-buildvcs=false", "-ldflags=-s -w"}},
}

// Kinds by name.
var Kinds = func() map[string]Kind {
	m := map[string]Kind{}
	for _, k := range AllKinds {
		m[k.Name] = k
	}
	return m
}()

// AllVersions under test, oldest first: Versions, and those whose own traces are of the old format.
var AllVersions = append([]string{"1.19.13", "1.20.14", "1.21.13"}, Versions...)

// FirstVersions are the first releases of all minors: fields moved inside some of them.
var FirstVersions = []string{"1.19", "1.20", "1.21.0", "1.22.0", "1.23.0", "1.24.0", "1.25.0", "1.26.0", "1.27.0"}

// profile gives a CPU profile of a scheduler's life under a Go version, made once.
func profile(t testing.TB, version, dir, mod string) string {
	t.Helper()
	file := filepath.Join(dir, "hot.pprof")
	if st, err := os.Stat(file); err == nil && st.Size() > 0 {
		return file
	}
	bin := filepath.Join(dir, "hot")
	c := GoCmd(version, "build", "-modfile="+mod, "-o", bin, "./hot")
	c.Dir = filepath.Join(Root(), "tests", "fixtures")
	c.Env = append(c.Env, "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("building hot with Go %s: %v\n%s", version, err, out)
	}
	tmp := file + ".tmp"
	cmd := exec.Command(bin, tmp, "6")
	timer := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer timer.Stop()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("hot: %v\n%s", err, out)
	}
	if err := os.Rename(tmp, file); err != nil {
		t.Fatal(err)
	}
	return file
}

// eraseBuildInfo does what some vendors' builds do: the section and its magic are gone, the string
// runtime.buildVersion is still there.
func eraseBuildInfo(t testing.TB, bin string) {
	t.Helper()
	b, err := os.ReadFile(bin)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"\xff Go buildinf:", ".go.buildinfo\x00"} {
		for i := 0; ; {
			j := bytes.Index(b[i:], []byte(s))
			if j < 0 {
				break
			}
			i += j
			copy(b[i:], bytes.Repeat([]byte{'x'}, len(s)-1))
		}
	}
	if err := os.WriteFile(bin, b, 0o755); err != nil {
		t.Fatal(err)
	}
}
