#!/bin/bash
# What the compiler does not see: who includes whom, sizes, missing tests, words that do not belong.
# Prints each fault as file:line: text, then cmocka-like lines that tools/check.sh counts.
set -u
shopt -s lastpipe # a function behind a pipe may set a variable
cd "$(dirname "$0")/.." || exit 2
failed=0

# Called with a title; faults come on stdin.
judge() {
	if read -r first; then
		{
			echo "$first"
			cat
		} | sed 's/^/error: /'
		echo "[  FAILED  ] $1"
		failed=1
	else
		echo "[       OK ] $1"
	fi
}

sources() { git ls-files "$@" 2>/dev/null | while read -r f; do [ -e "$f" ] && echo "$f"; done; }

# room: what its files may include, as a pattern of the include's path.
arrows() {
	cat <<'ROOMS'
base ^base/
image ^(base|image)/
proc ^(base|proc)/
trace ^(base|trace)/|^include/gotrace\.h$
model ^(base|trace|image|model)/|^include/record\.h$
capture ^(base|image|proc|capture)/|^include/record\.h$|^gotrace\.skel\.h$
report ^(base|trace|report)/|^include/gotrace\.h$
cmd ^(base|image|trace|proc|model|capture|report|cmd)/|^include/
ROOMS
}
arrows | while read -r room may; do
	sources "user/$room/*.c" "user/$room/*.h" "user/$room/*.inc" | xargs -r grep -nE '^#include "' |
		awk -v may="$may" -F'"' '$2 !~ may { print $0 ": no such arrow" }'
done | judge arrows_between_rooms

sources 'user/*.[ch]' | grep -v '^user/capture/' | xargs grep -nE '^#include <(bpf|linux/bpf)' | judge only_capture_knows_bpf
sources 'user/*.[ch]' | grep -v '^user/proc/' | xargs grep -nE '"/proc/(%|[0-9])' | judge only_proc_opens_proc_pid

# The BPF side builds for both architectures, whatever this machine is.
for arch in x86 arm64; do
	clang -target bpf -mcpu=v3 -O2 -g -Wall -Werror "-D__TARGET_ARCH_$arch" -I. "-Ivmlinux/$arch" \
		-c -o /dev/null bpf/gotrace.bpf.c 2>&1
done | judge bpf_for_every_architecture

tools/bpf-frames.sh 2>&1 | judge bpf_frames_fit_older_kernels

sources '*.c' '*.h' | grep -v '^vmlinux/' | xargs wc -l | awk '$2 != "total" && $1 > 700 { print $2 ": " $1 " lines" }' |
	judge files_of_at_most_700_lines

# A module is a .c file, or a header that has none. golayout.inc and such are data.
for room in base image trace model report; do
	sources "user/$room/*.c" "user/$room/*.h" | sed 's|.*/||; s|\.[ch]$||' | sort -u | while read -r m; do
		case $room/$m in
		base/limits | base/scope | model/model) ;; # constants; macros; the room's face, tested by every test
		*) [ -e "tests/unit/$room/test_$m.c" ] || echo "user/$room/$m: no tests/unit/$room/test_$m.c" ;;
		esac
	done
done | judge every_module_has_a_test

# Each part of a pattern is broken so that this file does not match itself.
sources | grep -vE '^(vmlinux/|.*\.(graw|gz|png)$)' | xargs grep -InE '/wor[k]/|/tmp/brie[f]|/hom[e]/[a-z]|/roo[t]/' |
	judge no_paths_of_one_machine
sources | grep -vE '^vmlinux/' | xargs grep -InE '\b(TOD[O]|FIXM[E]|XX[X])\b' | judge nothing_left_to_do
sources '*.c' '*.h' | grep -v '^vmlinux/' | xargs grep -nE '[[:space:]]+$' | judge no_blanks_at_line_ends
sources 'user/*.c' 'user/*.h' | xargs grep -nE '\b(alloca|strcpy|strcat|sprintf|gets)\(' | judge no_unbounded_functions

if command -v clang-format >/dev/null; then
	n=$(sources 'user/*.[ch]' 'include/*.h' 'bpf/*.[ch]' 'tests/*.[ch]' |
		xargs clang-format --dry-run 2>&1 | grep -c 'warning:')
	# Tables are laid out by hand: so this is told, and fails only when asked to.
	echo "clang-format would change $n lines"
	[ -z "${LINT_FORMAT:-}" ] || [ "$n" = 0 ] || failed=1
else
	echo "skipped: formatting: no clang-format here"
fi
exit $failed
