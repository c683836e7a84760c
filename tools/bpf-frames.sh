#!/bin/bash
# Says which chain of calls in the BPF programs has more stack than kernels up to 6.12 allow: 512 bytes
# for all its frames together, each counted in steps of 16. Newer ones give a frame of its own to each.
set -eu
cd "$(dirname "$0")/.."
clang -target bpf -mcpu=v3 -O2 -D__TARGET_ARCH_x86 -I. -Ivmlinux/x86 -S -o - bpf/gotrace.bpf.c | awk '
	/^[a-z_][a-z_0-9]*:/ { fn = substr($1, 1, length($1) - 1); all[fn] = 1 }
	fn && match($0, /r10 - [0-9]+/) { use(substr($0, RSTART + 6, RLENGTH - 6)) }
	fn && match($0, /\+= -[0-9]+/) { use(substr($0, RSTART + 4, RLENGTH - 4)) }
	fn && $1 == "call" { calls[fn] = calls[fn] " " $2 }
	fn && $4 == "ll" { calls[fn] = calls[fn] " " $3 } # a callback
	function use(n) { n += 0; if (n <= 512 && n > frame[fn]) frame[fn] = n }
	function most(f, depth,   n, v, i, m, w) {
		if (!(f in all) || depth > 8)
			return 0
		n = split(calls[f], v, " ")
		m = 0
		for (i = 1; i <= n; i++) {
			w = most(v[i], depth + 1)
			if (w > m)
				m = w
		}
		return m + int(((frame[f] > 1 ? frame[f] : 1) + 15) / 16) * 16
	}
	END {
		for (f in all)
			if (f ~ /^on_(hook|execute|execute_read|park|park_tell|ready|create|wake_tell|sys_enter|sys_enter_read|sys_exit|exec)$/) {
				seen++
				if (most(f, 0) > 512)
					print "bpf/gotrace.bpf.c: " f " and what it calls have " most(f, 0) " bytes of stack, 512 are allowed"
			}
		if (seen != 12)
			print "bpf/gotrace.bpf.c: " seen + 0 " programs found, not 12"
	}'
