#!/bin/bash
# The first recording: starts the demo service, which makes its own load, records it for 5 s and says
# what to do with the result. `make run` has installed and built what it needs.
set -eu
cd "$(dirname "$0")/.."
OUT=${OUT:-.output}
trace=${1:-demo.trace}

sudo=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null || {
		echo "run: recording needs root, and there is no sudo here: run it as root" >&2
		exit 1
	}
	sudo=sudo
fi

case $OUT in /*) demo=$OUT/demo ;; *) demo=$PWD/$OUT/demo ;; esac
(cd tools/demo && go build -o "$demo" .)
"$demo" >"$OUT/demo.log" 2>&1 &
pid=$!
trap 'kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true' EXIT
for _ in $(seq 50); do
	grep -q '^pid ' "$OUT/demo.log" && break
	kill -0 "$pid" 2>/dev/null || {
		echo "run: the demo service did not start:" >&2
		cat "$OUT/demo.log" >&2
		exit 1
	}
	sleep 0.1
done

echo "the demo service runs as pid $pid; recording it for 5 s:"
echo "  gotrace-bpf -p $pid -d 5s -o $trace"
rc=0
$sudo ./gotrace-bpf -p "$pid" -d 5s -o "$trace" || rc=$?
[ "$rc" = 0 ] || [ "$rc" = 3 ] || exit "$rc"
echo
./gotrace-bpf validate "$trace"
cat <<END

Next:
  go tool trace $trace                    look at it in a browser
  ./gotrace-bpf --help                           what else there is
  sudo ./gotrace-bpf -p PID -d 5s                a Go process of your own
  sudo ./gotrace-bpf check -p PID                what a recording of it would find
END
exit "$rc"
