#!/bin/sh
# Installs what the build and the tests need, on Debian 12 or newer, from the machine's own apt sources.
# Prints nothing when all is there. Needs root only when something is missing.
#
# libbpf 1.3 (uprobe.multi) and a bpftool of its age are not in Debian 12 itself: the script adds the
# backports suite beside the main one, at whatever mirror this machine already uses.
set -eu

PKGS="gcc make pkg-config clang llvm libelf-dev zlib1g-dev libcap-dev libzydis-dev libcmocka-dev"
BPFPKGS="libbpf-dev bpftool"

say() { echo "install-deps: $*" >&2; }

have() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'install ok installed'; }

libbpf_new() { pkg-config --atleast-version=1.3 libbpf 2>/dev/null && command -v bpftool >/dev/null; }

missing=
for p in $PKGS; do have "$p" || missing="$missing $p"; done
[ -z "$missing" ] && libbpf_new && exit 0

if ! command -v apt-get >/dev/null; then
	say "no apt-get here; install these by hand: $PKGS $BPFPKGS (libbpf >= 1.3)"
	exit 1
fi
if [ "$(id -u)" != 0 ]; then
	say "missing:$missing${missing:+ }$(libbpf_new || echo "libbpf >= 1.3, bpftool"); run 'sudo $0' once"
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
libbpf_new && exit 0

candidate=$(apt-cache policy libbpf-dev | sed -n 's/^ *Candidate: *//p')
if dpkg --compare-versions "$candidate" lt 1:1.3; then
	list=/etc/apt/sources.list.d/gotrace-bpf-backports.sources
	# The first archive that serves the plain suite also serves its backports.
	uri=$(apt-get indextargets --format '$(SITE) $(RELEASE)' 2>/dev/null |
		awk -v c="$VERSION_CODENAME" '$2 == c { print $1; exit }')
	if [ -z "$uri" ]; then
		say "cannot find this machine's Debian mirror in its apt sources; add $VERSION_CODENAME-backports by hand"
		exit 1
	fi
	say "adding $VERSION_CODENAME-backports for libbpf >= 1.3"
	printf 'Types: deb\nURIs: %s\nSuites: %s-backports\nComponents: main\nSigned-By: %s\n' "$uri" \
		"$VERSION_CODENAME" /usr/share/keyrings/debian-archive-keyring.gpg >"$list"
	apt-get update -qq >/dev/null 2>&1 || say "apt-get update had errors, going on"
	backports="-t $VERSION_CODENAME-backports"
fi
say "installing $BPFPKGS"
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends ${backports:-} $BPFPKGS >/dev/null
libbpf_new || { say "libbpf >= 1.3 or bpftool still missing"; exit 1; }
