#!/bin/bash
# Runs the tests that `make check` and its relatives have built, and counts.
#
#	check.sh all	unit tests, fuzz corpora, Go readers, the newest layouts, the layer check, then the root part
#	check.sh units	unit tests and fuzz corpora only (make asan)
#	check.sh root	only the tests against live processes
#
# OUT is where things were built. Every program's words are kept in $OUT/check/. The last line is
# "N passed, N failed"; what was skipped, and why, stands before it. $OUT/check/summary repeats both
# for scripts. Exit 1 if anything failed.
set -u
cd "$(dirname "$0")/.." || exit 2
OUT=${OUT:-.output}
case $OUT in /*) ;; *) OUT=$PWD/$OUT ;; esac
export OUT GOTRACE_OUT=$OUT CMOCKA_MESSAGE_OUTPUT=STDOUT
# Debian's Go does not fetch a newer one unless told to; the tests' go.mod may want one.
export GOTOOLCHAIN="${GOTOOLCHAIN:-auto}"
log=$OUT/check

# One program of cmocka, or one that runs over a corpus: its words go to a log, its counts to a file
# beside it. "passed failed skipped", then a line for each failure and each skip.
one() {
	prog=$1 name=$2 out=$3
	shift 3
	timeout 600 "$prog" "$@" >"$out.log" 2>&1 </dev/null
	rc=$?
	awk -v name="$name" -v rc=$rc '
		/^\[       OK \]/ { ok++ }
		/^\[  FAILED  \] [^0-9]/ && !seen[$4]++ { bad++; text = text "FAIL " name ": " $4 "\n" }
		/^\[  SKIPPED \] [^0-9]/ && !seen[$4]++ { skip++; text = text "SKIP " name ": " $4 "\n" }
		/^skipped: / { why = why "     " $0 "\n" }
		END {
			if (rc && !bad) {
				bad = 1
				text = text "FAIL " name ": exit status " rc "\n"
			}
			printf "%d %d %d\n%s%s", ok, bad, skip, text, why
		}' "$out.log" >"$out.count"
}

go_tests() {
	name=$1 dir=$2 limit=$3
	out=$log/$name
	(cd "$dir" && timeout $((limit + 30)) go test -v -count=1 -timeout ${limit}s ./...) >"$out.log" 2>&1 </dev/null
	rc=$?
	awk -v name="$name" -v rc=$rc '
		/^ *--- PASS:/ { ok++ }
		/^ *--- FAIL:/ { bad++; text = text "FAIL " name ": " $3 "\n" }
		/^ *--- SKIP:/ { skip++; text = text "SKIP " name ": " $3 "\n" }
		END {
			if (rc && !bad) {
				bad = 1
				text = text "FAIL " name ": exit status " rc "\n"
			}
			printf "%d %d %d\n%s", ok, bad, skip, text
		}' "$out.log" >"$out.count"
	report "$name"
}

# Prints one line for a part and its failures.
report() {
	read -r ok bad skip <"$log/$1.count"
	printf '  %-28s %4d passed %3d failed %3d skipped\n' "$1" "$ok" "$bad" "$skip"
	if [ "$bad" != 0 ]; then
		grep '^FAIL' "$log/$1.count"
		grep -aE 'error:|ERROR:|runtime error|Error|_test.go:|FAIL' "$log/$1.log" | head -20 | sed 's/^/    | /'
		echo "    | ... more in $log/$1.log"
	fi
}

# The kernel lets this user work with BPF; what else gotrace-bpf needs is its own business to prove.
bpf_works() {
	[ "$(id -u)" = 0 ] && [ -e /sys/kernel/btf/vmlinux ] &&
		[ "$(printf '6.6\n%s\n' "$(uname -r)" | sort -V | head -1)" = 6.6 ] &&
		PATH=$PATH:/usr/sbin bpftool prog show >/dev/null 2>&1
}

units() {
	export -f one
	export log
	(
		for p in "$OUT"/unit/*/test_*; do
			case $p in *.d | *.o) continue ;; esac
			n=${p#"$OUT"/unit/}
			printf '%s\0%s\0%s\0' "$p" "$n" "$log/unit-${n//\//-}"
		done
	) | xargs -0 -n 3 -P "$(nproc)" bash -c 'one "$@"' _
	for c in "$log"/unit-*.count; do
		report "$(basename "$c" .count)"
	done
	for p in "$OUT"/corpus/fuzz_*; do
		case $p in *.d | '*') continue ;; esac
		[ -x "$p" ] || continue
		n=${p##*/}
		one "$p" "$n" "$log/$n" "tests/fuzz/corpus/${n#fuzz_}"
		report "$n"
	done
}

root_part() {
	if [ "$(id -u)" != 0 ]; then
		echo "skipped: the tests against live processes: they need root" | tee "$log/root-skipped"
	elif ! bpf_works; then
		echo "skipped: the tests against live processes: this kernel has no BTF, is older than 6.6," \
			"or does not let us use BPF" | tee "$log/root-skipped"
	else
		go_tests live tests/live "${LIVE_SECONDS:-900}"
	fi
}

mode=${1:-all}
rm -rf "$log" "$OUT/subsets"
mkdir -p "$log"
start=$(date +%s)
case $mode in
all)
	units
	go_tests readers tests/readers 600
	go_tests report tests/report 600
	go_tests layouts tools/gen-layouts 300
	go_tests tracecmp tools/tracecmp 300
	one tools/lint.sh lint "$log/lint" && report lint
	root_part
	;;
units) units ;;
root) root_part ;;
*)
	echo "usage: $0 all|units|root" >&2
	exit 2
	;;
esac

cat "$log"/*.count | awk '/^[0-9]/ { p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }' >"$log/sum"
read -r passed failed skipped <"$log/sum"
{
	[ "$skipped" = 0 ] || echo "skipped: $skipped tests; why, is in $log/"
	cat "$log"/root-skipped 2>/dev/null
	cat "$log"/*.count | grep '^FAIL'
	echo "$passed passed, $failed failed"
} >"$log/summary"
echo "took $(($(date +%s) - start)) s"
cat "$log/summary"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
