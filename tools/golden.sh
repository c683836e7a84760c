#!/bin/bash
# Makes anew what tests compare with: tests/golden/captures (small recordings of the fixtures, by
# several versions of Go) and, from what is checked in, the traces' texts. Review the difference.
#
#	golden.sh [captures|texts]	one of both
#
# Captures need root and BPF: without, they stay as they are.
set -eu
cd "$(dirname "$0")/.."
OUT=${OUT:-.output}
case $OUT in /*) ;; *) OUT=$PWD/$OUT ;; esac
RECORDS=${RECORDS:-260} # behind each snapshot: all captures together stay below 1 MB
what=${1:-all}

build() { # version fixture
	dir=$OUT/fixtures/$1-default
	mkdir -p "$dir"
	printf 'module fixtures\n\ngo %s\n' "${1%.*}" >"$dir/go.mod"
	cgo=0
	[ "$2" = cgo ] && cgo=1
	(cd tests/fixtures && GOTOOLCHAIN=go$1 GOFLAGS= GOWORK=off CGO_ENABLED=$cgo \
		go build -trimpath -modfile="$dir/go.mod" -o "$dir/$2" "./$2")
}

capture() { # version fixture rounds
	build "$1" "$2"
	coproc fixture { exec "$OUT/fixtures/$1-default/$2"; }
	# shellcheck disable=SC2154 # coproc sets it
	pid=$fixture_PID
	read -r _ <&"${fixture[0]}"
	./gotrace-bpf -q -p "$pid" -d 600ms --capture "$OUT/golden.graw" -o "$OUT/golden.trace" &
	recorder=$!
	while kill -0 "$recorder" 2>/dev/null; do
		echo "run $3" >&"${fixture[1]}"
		read -r -t 5 _ <&"${fixture[0]}" || break
	done
	wait "$recorder" || true
	kill "$pid"
	wait "$pid" 2>/dev/null || true
	"$OUT/cut" "$OUT/golden.graw" "tests/golden/captures/$2-$1.graw" "$RECORDS"
	ls -l "tests/golden/captures/$2-$1.graw"
}

captures() {
	if [ "$(id -u)" != 0 ]; then
		echo "skipped: captures: they need root"
		return
	fi
	make --no-print-directory OUT="$OUT" "$OUT/libgotrace-all.a"
	gcc -std=gnu17 -D_GNU_SOURCE -O1 -Iuser -I. -o "$OUT/cut" tests/golden/cut.c "$OUT/libgotrace-all.a" \
		-lbpf -lelf -lz -lZydis -lm
	mkdir -p tests/golden/captures
	rm -f tests/golden/captures/*.graw
	capture 1.21.13 syscalls 20
	capture 1.22.12 channel 20
	capture 1.22.12 cgo 5
	capture 1.23.12 mutex 20
	capture 1.24.13 gomaxprocs 5
	capture 1.25.14 nethttp 5
	capture 1.25.14 coro 20
	capture 1.25.14 syscalls 20
	capture 1.26.11 timers 20
	capture 1.26.11 gc 3
	capture 1.27.4 gc 3
	capture 1.27.4 cgo 5
	capture 1.27.4 syscalls 20
	du -cb tests/golden/captures/*.graw | tail -1
}

texts() {
	for t in model/test_golden report/test_text report/test_textlist report/test_jsonout \
		report/test_compare report/test_evtext; do
		[ ! -x "$OUT/unit/$t" ] || GOLDEN_WRITE=1 "$OUT/unit/$t"
	done
}

[ "$what" = texts ] || captures
[ "$what" = captures ] || texts
