#!/bin/sh
# Measures what recording costs the recorded program; see main.go.
#
#	run.sh			all modes, 7 rounds of 2 s: about half an hour
#	run.sh -quick		under a minute: bare, runtime/trace and the recorder
#	run.sh FLAG...		anything else that main.go knows, as -only hello,pool -go 1.26.11
#
# The table goes to stdout and to $OUT/bench/table.md, all figures to $OUT/bench/figures.json.
set -eu
cd "$(dirname "$0")/../.."
OUT=${OUT:-.output}
case $OUT in /*) ;; *) OUT=$PWD/$OUT ;; esac
tool=$PWD/gotrace-bpf
mkdir -p "$OUT/bench"

# The plans that this recorder has become modes.
modes=bare,trace,full,bpftrace
if "$tool" --help | grep -q -e --plan; then
	modes=bare,trace,full,lean,bpftrace
	set -- -mode 'full=--plan full' -mode 'lean=--plan lean' "$@"
fi
cd tools/bench
GOTOOLCHAIN=${GOTOOLCHAIN:-auto} go build -o "$OUT/bench/bench" .
"$OUT/bench/bench" -tool "$tool" -modes "$modes" -o "$OUT/bench/figures.json" "$@" >"$OUT/bench/table.md"
cat "$OUT/bench/table.md"
