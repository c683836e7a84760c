#!/bin/bash
# Measures docs/coverage.md: each Go version, each kind of build and the fixtures, recorded while the
# programs trace themselves. Takes more than an hour on two cores; a run that was stopped goes on where
# it was, or begins anew with --again. GOTRACE_FULL=1: every fixture in every kind, most of a day.
#
#	tools/coverage/run.sh [--again] [PAGE]
set -eu
cd "$(dirname "$0")/../.."
OUT=${OUT:-.output}
case $OUT in /*) ;; *) OUT=$PWD/$OUT ;; esac
if [ "${1:-}" = --again ]; then
	rm -f "$OUT/coverage.jsonl"
	shift
fi
page=${1:-docs/coverage.md}
case $page in /*) ;; *) page=$PWD/$page ;; esac
if [ "$(id -u)" != 0 ]; then
	echo "coverage: recording needs root" >&2
	exit 1
fi
mkdir -p "$OUT"
export OUT GOTRACE_COVERAGE=$page GOTOOLCHAIN="${GOTOOLCHAIN:-auto}"
rc=0
(cd tests/live && go test -count=1 -timeout 24h -v -run '^(TestCoverage|TestForeign)$' .) || rc=$?
[ "$rc" -gt 1 ] || mv -f "$OUT/coverage.jsonl" "$OUT/coverage.last.jsonl"
exit "$rc"
