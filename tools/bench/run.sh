#!/bin/sh
# Measures what recording costs the recorded program; see main.go.
#
#	run.sh			all modes, 7 rounds of 2 s: about half an hour
#	run.sh -quick		under a minute: bare, runtime/trace and the recorder
#	run.sh -gaps -modes full	how long the target stands still while the recorder attaches and detaches
#	run.sh -after -modes full	what its operations cost when the recorder has gone
#	run.sh -own		what the recorder uses itself, and how fast it replays
#	run.sh FLAG...		anything else that main.go knows, as -only hello,pool -go 1.26.11
#
# The table goes to stdout and to $OUT/bench/table.md, all figures to $OUT/bench/figures.json; those of
# -gaps, -after and -own to gaps.*, after.* and own.* there.
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
name=
for flag; do
	case $flag in -gaps | --gaps) name=gaps ;; -after | --after) name=after ;; -own | --own) name=own ;; esac
done
table=$OUT/bench/${name:-table}.md
cd tools/bench
GOTOOLCHAIN=${GOTOOLCHAIN:-auto} go build -o "$OUT/bench/bench" .
"$OUT/bench/bench" -tool "$tool" -modes "$modes" -o "$OUT/bench/${name:-figures}.json" "$@" >"$table"
cat "$table"
