#!/bin/sh
# machine.sh DIR: in DIR, what tools/test_amx.sh boots: Bochs, built there from Debian's source with bochs.patch, its
# BIOS, and a kernel. Does nothing when DIR is complete. The machine's own packages stay as they are.
set -eu
[ $# = 1 ] || { echo "usage: machine.sh DIR" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
version=3.0+dfsg-1 # 3.1 as built by Debian does not boot the kernel
wanted="$version $(cksum <"$here/bochs.patch")"
[ "$(cat "$1/complete" 2>/dev/null)" != "$wanted" ] || exit 0

rm -rf "$1"
mkdir -p "$1"
dir=$(cd "$1" && pwd)
state=$dir/apt
mkdir -p "$state/lists/partial" "$state/archives/partial" "$dir/packages"
: >"$state/status"
# The kernel is of testing: it has to know setcpuid= (Linux 6.15).
# From where this machine has its own packages.
site=$(apt-get indextargets --format '$(SITE)' | grep -m 1 '/debian/*$')
debian="[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $site"
cat >"$state/sources" <<END
deb $debian trixie main
deb-src $debian trixie main
deb $debian forky main
END

# apart COMMAND WORDS...: apt as on a machine with these sources, where nothing is installed.
apart() {
  command=$1
  shift
  "$command" -o APT::Architecture=amd64 -o APT::Sandbox::User= -o Dir::Etc::SourceList="$state/sources" \
    -o Dir::Etc::SourceParts=/dev/null -o Dir::State="$state" -o Dir::State::lists="$state/lists" \
    -o Dir::State::status="$state/status" -o Dir::Cache="$state" -o Debug::NoLocking=1 "$@"
}
echo "machine: downloading to $dir" >&2
apart apt-get -qq update
image=$(apart apt-cache depends linux-image-cloud-amd64/forky | awk '$2 ~ /^linux-image-/ { print $2; exit }')
cd "$dir/packages"
apart apt-get -qq download bochsbios/trixie vgabios/trixie "linux-binary-${image#linux-image-}"
apart apt-get -qq source --download-only --tar-only bochs=$version
for file in *.deb; do
  dpkg-deb -x "$file" "$dir/root"
done
cp "$dir"/root/usr/lib/modules/*/vmlinuz "$dir/linux"

echo "machine: building Bochs" >&2
mkdir "$dir/bochs"
tar -xf bochs_*.orig.tar.* -C "$dir/bochs" --strip-components=1
cd "$dir/bochs"
patch -s -p1 <"$here/bochs.patch"
CXXFLAGS=-O2 CFLAGS=-O2 ./configure --with-nogui --disable-docbook --enable-cpu-level=6 --enable-x86-64 --enable-smp \
  --enable-avx --enable-evex --enable-amx --enable-cet --enable-uintr --enable-memtype --enable-protection-keys \
  --enable-vmx=2 --enable-svm --enable-pci --enable-cdrom --enable-all-optimizations >"$dir/log" 2>&1
make -j"$(nproc)" >>"$dir/log" 2>&1 || { tail -20 "$dir/log" >&2; exit 1; }
rm -rf "$state" "$dir/packages"
echo "$wanted" >"$dir/complete"
