#!/bin/bash
# Runs each fuzz target that `make fuzz` has built for FUZZ_SECONDS. What it learns stays in
# $OUT/learned/; what breaks a target stays in $OUT/broken/ and belongs, with its fix, into
# tests/fuzz/corpus/.
set -u
cd "$(dirname "$0")/.." || exit 2
OUT=${OUT:-.output/fuzz}
failed=0

for p in "$OUT"/fuzzers/fuzz_*; do
	case $p in *.d) continue ;; esac
	[ -x "$p" ] || continue
	n=${p##*/fuzz_}
	mkdir -p "$OUT/learned/$n" "$OUT/broken/$n"
	seeds=
	[ -d "tests/fuzz/corpus/$n" ] && seeds=tests/fuzz/corpus/$n
	echo "fuzz: $n, ${FUZZ_SECONDS:-10} s"
	# shellcheck disable=SC2086 # none or one word
	"$p" -max_total_time="${FUZZ_SECONDS:-10}" -timeout=20 -rss_limit_mb=2048 -print_final_stats=0 \
		-verbosity=0 -artifact_prefix="$OUT/broken/$n/" "$OUT/learned/$n" $seeds \
		>"$OUT/$n.log" 2>&1 || {
		failed=1
		echo "fuzz: $n FAILED:"
		tail -40 "$OUT/$n.log"
	}
done
exit $failed
