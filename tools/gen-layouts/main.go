// gen-layouts writes user/image/golayout.inc: where the fields of the runtime's structures lie.
//
// For every toolchain of versions below and both architectures it builds a tiny program, reads its
// DWARF and writes one row for each run of patch versions with the same layout. The list of fields
// is read from user/image/golayout.h, so that the two cannot differ.
//
//	go run -C tools/gen-layouts .          rewrites user/image/golayout.inc
//	go run -C tools/gen-layouts . -print   one line a field, for comparing
//	go run -C tools/gen-layouts . -check   measures the newest toolchain again and compares; with
//	                                       GOTOOLCHAIN_NEW=1.N.P that one, even if no row is for it
//
// Toolchains are fetched by the go command (GOTOOLCHAIN=go1.N.P).
package main

import (
	"bytes"
	"debug/dwarf"
	"debug/elf"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// Minor, patch: the first and the last of each minor, and both sides of every change inside one.
// Patches between two with equal layouts are taken to have it too.
var versions = [][2]int{
	{19, 0}, {19, 13}, {20, 0}, {20, 14}, {21, 0}, {21, 13}, {22, 0}, {22, 12},
	{23, 0}, {23, 11}, {23, 12}, {24, 0}, {24, 5}, {24, 6}, {24, 13},
	{25, 0}, {25, 14}, {26, 0}, {26, 8}, {26, 11}, {27, 0}, {27, 4},
}

// The structures, by the name the header uses.
var structs = map[string]string{
	"g": "runtime.g", "m": "runtime.m", "p": "runtime.p", "sched": "runtime.schedt",
	"gcc": "runtime.gcControllerState", "coro": "runtime.coro",
}

const none = 0xffff

// What fields were called before: Go 1.20 and older.
var oldNames = map[string]string{"waitTraceSkip": "waittraceskip", "waitTraceBlockReason": "waittraceev"}

const program = `package main

import "runtime"

func main() { runtime.GC() }
`

// From 1.23: links runtime.coro.
const programCoro = `package main

import (
	"iter"
	"runtime"
)

func main() {
	next, stop := iter.Pull(func(yield func(int) bool) { yield(1) })
	next()
	stop()
	runtime.GC()
}
`

type field struct{ strct, name string }

func headerFields(path string) []field {
	text, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	_, list, ok := strings.Cut(string(text), "#define GOLAYOUT_FIELDS(F)")
	if !ok {
		log.Fatalf("%s: no list of fields", path)
	}
	list, _, _ = strings.Cut(list, "\n\n")
	var fs []field
	for _, m := range regexp.MustCompile(`F\((\w+), (\w+)\)`).FindAllStringSubmatch(list, -1) {
		fs = append(fs, field{m[1], m[2]})
	}
	return fs
}

// The header's stack_lo is stack.lo, sched_sp is sched.sp.
func goName(f field) string {
	for _, p := range []string{"stack_", "sched_"} {
		if f.strct == "g" && strings.HasPrefix(f.name, p) {
			return strings.TrimSuffix(p, "_") + "." + strings.TrimPrefix(f.name, p)
		}
	}
	return f.name
}

// Up to 1.20 the first release has no third number.
func toolchain(minor, patch int) string {
	if minor <= 20 && patch == 0 {
		return fmt.Sprintf("go1.%d", minor)
	}
	return fmt.Sprintf("go1.%d.%d", minor, patch)
}

func build(dir string, minor, patch int, arch string) string {
	src, name := program, fmt.Sprintf("p%d", minor)
	if minor >= 23 {
		src = programCoro
	}
	work := filepath.Join(dir, name)
	os.MkdirAll(work, 0o755)
	os.WriteFile(filepath.Join(work, "main.go"), []byte(src), 0o644)
	os.WriteFile(filepath.Join(work, "go.mod"), []byte(fmt.Sprintf("module p\n\ngo 1.%d\n", minor)), 0o644)
	out := filepath.Join(work, arch)
	cmd := exec.Command("go", "build", "-o", out, "main.go")
	cmd.Dir = work
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOFLAGS=",
		"GOWORK=off", "GOEXPERIMENT=", "GOTOOLCHAIN="+toolchain(minor, patch))
	if b, err := cmd.CombinedOutput(); err != nil {
		log.Fatalf("%s %s: %v\n%s", toolchain(minor, patch), arch, err, bytes.TrimSpace(b))
	}
	return out
}

// Offset of a dotted field path, or none.
func offsetOf(t *dwarf.StructType, path string) int64 {
	head, rest, nested := strings.Cut(path, ".")
	for _, f := range t.Field {
		if f.Name != head {
			continue
		}
		if !nested {
			return f.ByteOffset
		}
		typ := f.Type
		for {
			td, ok := typ.(*dwarf.TypedefType)
			if !ok {
				break
			}
			typ = td.Type
		}
		if st, ok := typ.(*dwarf.StructType); ok {
			if o := offsetOf(st, rest); o != none {
				return f.ByteOffset + o
			}
		}
	}
	return none
}

func layout(path string, fields []field) []int64 {
	f, err := elf.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	d, err := f.DWARF()
	if err != nil {
		log.Fatalf("%s: %v", path, err)
	}
	want := map[string]bool{}
	for _, n := range structs {
		want[n] = true
	}
	found := map[string]*dwarf.StructType{}
	for r := d.Reader(); ; {
		e, err := r.Next()
		if err != nil {
			log.Fatalf("%s: %v", path, err)
		}
		if e == nil {
			break
		}
		name, _ := e.Val(dwarf.AttrName).(string)
		if e.Tag != dwarf.TagStructType || !want[name] {
			continue
		}
		t, err := d.Type(e.Offset)
		if err != nil {
			log.Fatalf("%s: %s: %v", path, name, err)
		}
		found[name] = t.(*dwarf.StructType)
	}
	offs := make([]int64, len(fields))
	for i, fl := range fields {
		t := found[structs[fl.strct]]
		switch {
		case t == nil:
			offs[i] = none
		case fl.name == "size":
			offs[i] = t.ByteSize
		default:
			offs[i] = offsetOf(t, goName(fl))
			if old := oldNames[fl.name]; offs[i] == none && old != "" {
				offs[i] = offsetOf(t, old)
			}
		}
		if offs[i] > none {
			log.Fatalf("%s: %s.%s at %d does not fit", path, fl.strct, fl.name, offs[i])
		}
	}
	return offs
}

type row struct {
	minor, first, last int
	offs               []int64
}

func equal(a, b []int64) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func rows(dir, arch string, fields []field) []row {
	var rs []row
	for _, v := range versions {
		offs := layout(build(dir, v[0], v[1], arch), fields)
		if n := len(rs); n > 0 && rs[n-1].minor == v[0] && equal(rs[n-1].offs, offs) {
			rs[n-1].last = v[1]
		} else {
			rs = append(rs, row{v[0], v[1], v[1], offs})
		}
	}
	return rs
}

func value(o int64) string {
	if o == none {
		return "NONE"
	}
	return fmt.Sprint(o)
}

func emit(w *bytes.Buffer, guard string, rs []row, fields []field) {
	fmt.Fprintf(w, "#ifdef %s\n", guard)
	for _, r := range rs {
		fmt.Fprintf(w, "{\n\t.minor = %d, .patch_first = %d, .patch_last = %d,\n", r.minor, r.first, r.last)
		line := "\t"
		for i, f := range fields {
			item := fmt.Sprintf(".%s_%s = %s,", f.strct, f.name, value(r.offs[i]))
			if len(line)+len(item) > 88 {
				fmt.Fprintln(w, strings.TrimRight(line, " "))
				line = "\t"
			}
			line += item + " "
		}
		fmt.Fprintf(w, "%s\n},\n", strings.TrimRight(line, " "))
	}
	fmt.Fprintf(w, "#endif\n")
}

// check compares what the newest toolchain has with the row that stands for it.
func check(path, dir string, fields []field) {
	minor, patch := versions[len(versions)-1][0], versions[len(versions)-1][1]
	if v := os.Getenv("GOTOOLCHAIN_NEW"); v != "" {
		if _, err := fmt.Sscanf(v, "1.%d.%d", &minor, &patch); err != nil {
			log.Fatalf("GOTOOLCHAIN_NEW=%s is no 1.N.P", v)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	for _, arch := range []string{"amd64", "arm64"} {
		guard := "GOLAYOUT_" + strings.ToUpper(arch)
		var want bytes.Buffer
		emit(&want, guard, []row{{minor, 0, patch, layout(build(dir, minor, patch, arch), fields)}}, fields)
		_, wanted, _ := strings.Cut(want.String(), ".patch_last = ")
		_, wanted, _ = strings.Cut(wanted, "\n")
		wanted, _, _ = strings.Cut(wanted, "},\n")
		_, part, _ := strings.Cut(string(text), "#ifdef "+guard+"\n")
		part, _, _ = strings.Cut(part, "#endif")
		rows := strings.Split(part, fmt.Sprintf(".minor = %d, ", minor))
		_, last, _ := strings.Cut(rows[len(rows)-1], "\n")
		last, _, _ = strings.Cut(last, "},\n")
		if len(rows) < 2 || last != wanted {
			log.Fatalf("Go 1.%d.%d, %s: %s has no row like this; add it to versions, run gen-layouts, review:\n%s",
				minor, patch, arch, path, wanted)
		}
		fmt.Printf("layouts of Go 1.%d.%d, %s, are those of the tables\n", minor, patch, arch)
	}
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("gen-layouts: ")
	root := flag.String("root", "../..", "the project's folder")
	print := flag.Bool("print", false, "print arch, version, struct, field, offset and write nothing")
	checkOnly := flag.Bool("check", false, "compare the newest toolchain's layouts with the table")
	flag.Parse()
	fields := headerFields(filepath.Join(*root, "user/image/golayout.h"))
	dir, err := os.MkdirTemp("", "gen-layouts")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	path := filepath.Join(*root, "user/image/golayout.inc")
	if *checkOnly {
		check(path, dir, fields)
		return
	}
	var names []string
	for _, v := range versions {
		names = append(names, toolchain(v[0], v[1])[2:])
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "/* Generated by tools/gen-layouts from the DWARF of programs built by Go %s; do not edit. */\n",
		strings.Join(names, " "))
	for _, arch := range []string{"amd64", "arm64"} {
		rs := rows(dir, arch, fields)
		emit(&out, "GOLAYOUT_"+strings.ToUpper(arch), rs, fields)
		for _, r := range rs {
			for i, f := range fields {
				if *print && r.offs[i] != none {
					fmt.Printf("%s\t1.%d.%d-%d\t%s\t%s\t%d\n", arch, r.minor, r.first, r.last,
						f.strct, goName(f), r.offs[i])
				}
			}
		}
	}
	if *print {
		return
	}
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}
