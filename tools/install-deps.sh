#!/bin/sh
# Installs what the build and the tests need, on Debian 12 or newer, from the machine's own apt sources.
# Prints nothing when all is there. Needs root only when something is missing.
#
#	install-deps.sh			the build, the unit tests
#	install-deps.sh --go		also Go: the demo service
#	install-deps.sh --tests		also what the tests and tools need: strace, clang-format, libFuzzer
#
# libbpf 1.3 (uprobe.multi), a bpftool of its age and a Go that can fetch others (1.21) are not in
# Debian 12 itself: the script adds the backports suite beside the main one, at whatever mirror this
# machine already uses.
set -eu

PKGS="gcc make pkg-config clang llvm libelf-dev zlib1g-dev libcap-dev libzydis-dev libcmocka-dev"
BPFPKGS="libbpf-dev bpftool"

case "${1:-}" in
'') go= ;;
--go) go=1 ;;
--tests)
	go=1
	# libclang-rt-dev is that of the default clang; older installations have it by version only.
	PKGS="$PKGS strace clang-format libclang-rt-dev"
	;;
*)
	echo "usage: $0 [--go|--tests]" >&2
	exit 2
	;;
esac

say() { echo "install-deps: $*" >&2; }

have() {
	name=$1
	[ "$name" != libclang-rt-dev ] || name='libclang-rt-*dev'
	dpkg-query -W -f '${Status}\n' "$name" 2>/dev/null | grep -q 'install ok installed'
}

libbpf_new() { pkg-config --atleast-version=1.3 libbpf 2>/dev/null && command -v bpftool >/dev/null; }

# Any Go from 1.21 on fetches the versions that a test asks for.
go_new() {
	[ -z "$go" ] && return
	v=$(go env GOVERSION 2>/dev/null) || return 1
	v=${v#go}
	dpkg --compare-versions "${v%% *}" ge 1.21
}

missing=
for p in $PKGS; do have "$p" || missing="$missing $p"; done
[ -z "$missing" ] && libbpf_new && go_new && exit 0

if ! command -v apt-get >/dev/null; then
	say "no apt-get here; install these by hand: $PKGS $BPFPKGS (libbpf >= 1.3)${go:+ Go >= 1.21}"
	exit 1
fi
if [ "$(id -u)" != 0 ]; then
	say "missing:$missing$(libbpf_new || echo " libbpf >= 1.3, bpftool")$(go_new || echo " Go >= 1.21");" \
		"run 'sudo $0${1:+ $1}' once"
	exit 1
fi

export DEBIAN_FRONTEND=noninteractive
. /etc/os-release
apt-get update -qq >/dev/null 2>&1 || say "apt-get update had errors, going on"
if [ -n "$missing" ]; then
	say "installing$missing"
	# shellcheck disable=SC2086 # a list of words
	apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

# Prints the apt options that get package $1 of at least version $2, adding backports where needed.
suite_for() {
	candidate=$(apt-cache policy "$1" | sed -n 's/^ *Candidate: *//p')
	dpkg --compare-versions "$candidate" ge "$2" && return
	list=/etc/apt/sources.list.d/gotrace-bpf-backports.sources
	if [ ! -e "$list" ]; then
		# The first archive that serves the plain suite also serves its backports.
		uri=$(apt-get indextargets --format '$(SITE) $(RELEASE)' 2>/dev/null |
			awk -v c="$VERSION_CODENAME" '$2 == c { print $1; exit }')
		if [ -z "$uri" ]; then
			say "cannot find this machine's Debian mirror in its apt sources; add $VERSION_CODENAME-backports by hand"
			return 1
		fi
		say "adding $VERSION_CODENAME-backports for $1 >= $2"
		printf 'Types: deb\nURIs: %s\nSuites: %s-backports\nComponents: main\nSigned-By: %s\n' "$uri" \
			"$VERSION_CODENAME" /usr/share/keyrings/debian-archive-keyring.gpg >"$list"
		apt-get update -qq >/dev/null 2>&1 || say "apt-get update had errors, going on"
	fi
	echo "-t $VERSION_CODENAME-backports"
}

if ! libbpf_new; then
	suite=$(suite_for libbpf-dev 1:1.3)
	say "installing $BPFPKGS"
	# shellcheck disable=SC2086
	apt-get install -y -qq --no-install-recommends $suite $BPFPKGS >/dev/null
	libbpf_new || { say "libbpf >= 1.3 or bpftool still missing"; exit 1; }
fi
if ! go_new; then
	suite=$(suite_for golang-go 2:1.21~)
	say "installing golang-go"
	# shellcheck disable=SC2086
	apt-get install -y -qq --no-install-recommends $suite golang-go ca-certificates >/dev/null
	go_new || { say "Go >= 1.21 still missing: $(command -v go || echo 'no go in PATH')"; exit 1; }
fi
