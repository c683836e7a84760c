#!/bin/bash
# Boots Debian's kernels in qemu and records a fixture on each: the programs load, every record comes,
# the trace is lawful. Without /dev/kvm, or where it fails, the processor is emulated.
#
#	tools/kernels.sh [RELEASE...]	6.12: the newest cloud kernel of that release among the package lists
#
# Downloads a kernel's package each (30 MB) and needs qemu-system-x86, busybox-static and cpio, which it
# installs as root. Not part of `make check`.
set -eu
cd "$(dirname "$0")/.."
OUT=${OUT:-.output}
case $OUT in /*) ;; *) OUT=$PWD/$OUT ;; esac
dir=$OUT/kernels
[ $# -gt 0 ] || set -- 6.12
if ! command -v qemu-system-x86_64 cpio >/dev/null || [ ! -x /bin/busybox ]; then
	apt-get install -y -q --no-install-recommends qemu-system-x86 busybox-static cpio >/dev/null
fi
mkdir -p "$dir/image/bin" "$dir/image/proc" "$dir/image/sys" "$dir/image/dev" "$dir/image/tmp"
cp /bin/busybox gotrace-bpf "$dir/image/bin/"
ldd gotrace-bpf | grep -o '/[^ ]*' | while read -r lib; do
	mkdir -p "$dir/image/$(dirname "$lib")"
	cp -L "$lib" "$dir/image/$lib"
done
fixtures=
for v in 1.22.12 1.27.4; do
	for f in nethttp syscalls; do
		printf 'module fixtures\n\ngo %s\n' "${v%.*}" >"$dir/go.mod"
		(cd tests/fixtures && GOTOOLCHAIN=go$v GOFLAGS= GOWORK=off CGO_ENABLED=0 \
			go build -modfile="$dir/go.mod" -o "$dir/image/bin/$f-$v" "./$f")
		fixtures="$fixtures $f-$v"
	done
done
cat >"$dir/image/init" <<INIT
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
ip link set lo up
for f in$fixtures; do
	mkfifo /tmp/in.\$f
	\$f </tmp/in.\$f >/tmp/log.\$f &
	p=\$!
	exec 9>/tmp/in.\$f
	sleep 1
	gotrace-bpf -p \$p -d 3s -o /tmp/\$f 2>/tmp/err.\$f &
	r=\$!
	sleep 1.5
	echo "run 20" >&9
	wait \$r
	status=\$?
	if [ \$status = 0 ] && gotrace-bpf validate /tmp/\$f >/tmp/v.\$f; then
		echo "RESULT \$(uname -r) \$f ok, \$(grep -o 'events.*' /tmp/v.\$f | head -1)"
	else
		echo "RESULT \$(uname -r) \$f FAILED, status \$status"
		tail -5 /tmp/err.\$f
	fi
	kill \$p
done
poweroff -f
INIT
chmod +x "$dir/image/init"
(cd "$dir/image" && find . | cpio -o -H newc 2>/dev/null | gzip -1 >"$dir/initrd.gz")
failed=0
for release; do
	package=$(apt-cache search "^linux-image-$release\..*-cloud-amd64\$" | awk '{ print $1 }' | sort -V | tail -1)
	[ -n "$package" ] || { echo "kernels: no package of Linux $release" >&2; exit 1; }
	if [ ! -d "$dir/$package" ]; then
		(cd "$dir" && rm -f ./*.deb && apt-get download "$package" >/dev/null 2>&1 &&
			dpkg-deb -x ./*.deb "$package" && rm -f ./*.deb)
	fi
	for accel in kvm tcg,thread=multi; do
		timeout "${BOOT_SECONDS:-120}" qemu-system-x86_64 -accel "$accel" -cpu max -m 2G -smp 2 -nographic -no-reboot \
			-kernel "$dir/$package"/boot/vmlinuz-* -initrd "$dir/initrd.gz" \
			-append "console=ttyS0 quiet panic=-1" </dev/null >"$dir/$package.log" 2>&1 || true
		grep -q RESULT "$dir/$package.log" && break
	done
	tr -d '\r' <"$dir/$package.log" | grep -a -A5 -o 'RESULT.*' || echo "kernels: $package did not boot: $dir/$package.log"
	n=$(grep -a -c 'RESULT.* ok' "$dir/$package.log" || true)
	[ "$n" = 4 ] || failed=1
done
exit $failed
