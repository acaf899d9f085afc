#!/bin/sh
# sysroot.sh DIR: the headers and libraries of arm64 that a build needs, from Debian's packages, unpacked
# into DIR. The machine's own packages stay as they are: some of these (libsentencepiece) cannot be
# installed for two architectures at once, so apt works here with a list of its own where nothing is
# installed yet. Does nothing when DIR is complete.
set -eu
[ $# = 1 ] || { echo "usage: sysroot.sh DIR" >&2; exit 2; }
packages="libc6-dev libboost-math-dev libeigen3-dev libcli11-dev nlohmann-json3-dev
libsentencepiece-dev zlib1g-dev libzstd-dev libfmt-dev libutf8proc-dev libxxhash-dev libgtest-dev
libbenchmark-dev"
# shellcheck disable=SC2086  # a list of words
wanted=$(echo $packages)
[ "$(cat "$1/packages" 2>/dev/null)" != "$wanted" ] || exit 0

rm -rf "$1"
mkdir -p "$1"
dir=$(cd "$1" && pwd)
apt=$dir/apt
mkdir -p "$apt/lists/partial" "$apt/archives/partial"
: >"$apt/status"

# for_arm64 WORDS...: apt-get as on a machine of that architecture; sources and keys are this machine's.
for_arm64() {
  apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o APT::Sandbox::User= \
    -o Dir::State="$apt" -o Dir::State::lists="$apt/lists" -o Dir::State::status="$apt/status" \
    -o Dir::Cache="$apt" -o Dir::Cache::archives="$apt/archives" -o Debug::NoLocking=1 "$@"
}
echo "sysroot: downloading to $dir" >&2
for_arm64 update
# shellcheck disable=SC2086
for_arm64 install --download-only --no-install-recommends -y $wanted >/dev/null
for file in "$apt"/archives/*.deb; do
  dpkg-deb -x "$file" "$dir"
done
# Links are from /, as they would be there. And emulated programs look for every file here first: what is
# not for linking would hide the machine's own.
find "$dir" -lname '/*' | while read -r link; do
  ln -snrf "$dir$(readlink "$link")" "$link"
done
rm -rf "$apt" "$dir/etc" "$dir/usr/bin" "$dir/usr/src"
echo "$wanted" >"$dir/packages"
