package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// Experiments of a toolchain that can change what the runtime links.
func experimentNames(minor, patch int) []string {
	cmd := exec.Command("go", "env", "GOROOT")
	cmd.Env = append(os.Environ(), fmt.Sprintf("GOTOOLCHAIN=go1.%d.%d", minor, patch))
	b, err := cmd.Output()
	if err != nil {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(b)), "src/internal/goexperiment/flags.go"))
	if err != nil {
		return nil
	}
	_, list, _ := strings.Cut(string(text), "type Flags struct {")
	list, _, _ = strings.Cut(list, "\n}")
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^\t(\w+)\s+bool`).FindAllStringSubmatch(list, -1) {
		n := strings.ToLower(m[1])
		if !strings.HasPrefix(n, "regabi") && n != "fieldtrack" && n != "boringcrypto" {
			names = append(names, n)
		}
	}
	return names
}

// For the last toolchain of each minor: every experiment, on and off, against the default.
func experiments(dir string, fields []field) {
	for i, v := range versions {
		if i+1 < len(versions) && versions[i+1][0] == v[0] {
			continue
		}
		base := layout(build(dir, v[0], v[1], "amd64", ""), fields)
		for _, name := range experimentNames(v[0], v[1]) {
			for _, e := range []string{name, "no" + name} {
				bin := build(dir, v[0], v[1], "amd64", e)
				if bin == "" {
					continue
				}
				offs, moved := layout(bin, fields), ""
				for k, f := range fields {
					if offs[k] != base[k] {
						moved += fmt.Sprintf(" %s.%s", f.strct, goName(f))
					}
				}
				fmt.Printf("1.%d.%d %s:%s\n", v[0], v[1], e, moved)
			}
		}
	}
}
