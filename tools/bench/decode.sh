#!/bin/bash
# How fast libgotrace decodes, against golang.org/x/exp/trace: one run, both readers in turn, pinned
# to one CPU. Prints a table with the ratio.
#
#	tools/bench/decode.sh [TRACE]
#
# Without TRACE an HTTP service is traced for TRACE_SECONDS (20) first. ROUNDS (7), CPU (the last one) and
# GOTOOLCHAIN (what Go the service and the Go reader are built with) may be set. Needs no root.
set -eu
cd "$(dirname "$0")/../.."
OUT=${OUT:-.output}
case $OUT in /*) ;; *) OUT=$PWD/$OUT ;; esac
ROUNDS=${ROUNDS:-7} TRACE_SECONDS=${TRACE_SECONDS:-20} CPU=${CPU:-$(($(nproc) - 1))}
export GOTOOLCHAIN="${GOTOOLCHAIN:-auto}"
dir=$OUT/bench
mkdir -p "$dir"

make --no-print-directory OUT="$OUT" "$OUT/libgotrace.a" >/dev/null
${CC:-gcc} -std=gnu17 -O2 -I. -o "$dir/decode" tools/bench/decode/reader/main.c "$OUT/libgotrace.a" -lz -pthread
(cd tools/bench/decode && go build -o "$dir/decode-go" .)
trace=${1:-$dir/decode.trace}
[ $# -gt 0 ] || "$dir/decode-go" record "$trace" "$TRACE_SECONDS"
cat "$trace" >/dev/null # into the page cache
go version -m "$dir/decode-go" | awk 'NR == 1 { print $2 } $2 == "golang.org/x/exp" { print $2, $3 }'
taskset -c "$CPU" "$dir/decode-go" compare "$ROUNDS" "$dir/decode" "$trace"
