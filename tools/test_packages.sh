#!/bin/sh
# Makes the .deb and the .tar.gz, and tries both as users would, each in a minimal Debian of its own: an answer
# by the model's name, manual pages, completion. Then the files of the image that tools/Containerfile describes.
# usage: tools/test_packages.sh [WORK]
#   WORK: where they are built and unpacked (default: build/packages); WORK/base, a minimal Debian, is made by
#   debootstrap if it is not there.
# Needs root, debootstrap, dpkg-dev, file, man-db and groff. mandoc, zsh and fish are used where they are installed.
set -eu
cd "$(dirname "$0")/.."
work=${1:-build/packages}
mkdir -p "$work"
work=$(cd "$work" && pwd)
[ "$(id -u)" = 0 ] || { echo "test_packages: needs root, for chroot" >&2; exit 1; }

fail() { echo "test_packages: $*" >&2; exit 1; }
# in_root DIR COMMAND...: with /proc, and nothing left mounted afterwards
in_root() {
  root=$1
  shift
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root TERM=dumb DEBIAN_FRONTEND=noninteractive \
    unshare --mount --pid --fork --root="$root" --mount-proc "$@"
}

[ -f build/release/build.ninja ] || cmake --preset release -DCOSTEFF_BUILD_TESTS=OFF >/dev/null
cmake --build --preset release -j "${JOBS:-$(nproc)}" --target costeff_cli_main costeff_portable
build=$(pwd)/build/release
rm -f "$work"/*.deb "$work"/*.tar.gz
(cd "$work" && cpack --config "$build/CPackConfig.cmake" >/dev/null)
rm -rf "$work/_CPack_Packages"
deb=$(ls "$work"/*.deb) tar=$(ls "$work"/*.tar.gz)
program=$build/costeff
version=$("$program" --version | head -1)
case $(basename "$deb") in costeff_"${version#costeff }"*) ;; *) fail "$deb: version is not $version" ;; esac
"$program" infer models/sst2-slender models/sample.txt -o "$work/expected.tsv" -q
dpkg-deb --info "$deb" | grep '^ *\(Depends\|Version\|Installed-Size\)'
ls -sh "$deb" "$tar"

echo "== pages and scripts"
for page in "$build"/pages/man1/*.1; do
  complaints=$(MANWIDTH=80 MANROFFOPT= man --warnings -l "$page" 2>&1 >"$work/page.txt")
  [ -z "$complaints" ] || fail "$page: $complaints"
  complaints=$(groff -man -ww -z -Tutf8 "$page" 2>&1)
  [ -z "$complaints" ] || fail "$page: $complaints"
  widest=$(col -bx <"$work/page.txt" | awk '{ if (length > most) most = length } END { print most }')
  [ "$widest" -le 80 ] || fail "$page: $widest columns"
  if command -v mandoc >/dev/null; then
    complaints=$(mandoc -Tlint -Wwarning "$page" 2>&1 || true)
    [ -z "$complaints" ] || fail "$page: $complaints"
  fi
done
bash -n "$build/pages/costeff"
tools/packages/test_completions.sh "$program" "$build/pages"

if [ ! -d "$work/base" ]; then
  echo "== a minimal Debian"
  # shellcheck disable=SC1091
  suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
  mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' | awk -v s="$suite" '$2 == s { print $1; exit }')
  debootstrap --variant=minbase "$suite" "$work/base.new" "$mirror" >"$work/debootstrap.log"
  mv "$work/base.new" "$work/base"
fi

fresh_root() {
  rm -rf "$1"
  mkdir "$1"
  cp -a "$work/base/." "$1"
}

# answers ROOT PROGRAM: the sample by the model's name, the same bytes as from the build tree
answers() {
  cp models/sample.txt "$1/tmp/sample.txt"
  in_root "$1" "$2" infer sst2-slender /tmp/sample.txt -q >"$work/got.tsv"
  cmp "$work/expected.tsv" "$work/got.tsv" || fail "$2 in $1 answers otherwise"
  echo "$2 infer sst2-slender: $(wc -l <"$work/got.tsv") lines as expected"
}

echo "== the .deb"
root=$work/root-deb
fresh_root "$root"
cp /etc/resolv.conf "$root/etc/resolv.conf"
cp /etc/apt/apt.conf.d/* "$root/etc/apt/apt.conf.d/" 2>/dev/null || true
cp "$deb" "$root/tmp/"
in_root "$root" apt-get -qq update
in_root "$root" apt-get -qq install -y --no-install-recommends "/tmp/$(basename "$deb")" >"$work/apt.log" 2>&1 ||
  fail "$(tail -5 "$work/apt.log")"
answers "$root" costeff
in_root "$root" apt-get -qq install -y --no-install-recommends man-db bash-completion >"$work/apt.log" 2>&1
# Images of Debian leave manual pages out; a real system does not.
in_root "$root" sh -c 'man -w costeff-infer && MANWIDTH=80 man costeff-infer | grep -q -- --threshold'
in_root "$root" bash -c 'cd /tmp
  . /usr/share/bash-completion/bash_completion
  _completion_loader costeff || [ $? = 124 ]
  COMP_WORDS=(costeff infer sst2) COMP_CWORD=2
  _costeff
  [ "${COMPREPLY[*]}" = sst2-slender ]' || fail "bash completes no model"
in_root "$root" dpkg -V costeff
in_root "$root" apt-get -qq remove -y costeff >/dev/null 2>&1
[ ! -e "$root/usr/share/costeff" ] || fail "something is left after removal"

echo "== the .tar.gz"
for place in /opt "/srv/two words"; do
  root=$work/root-tar
  fresh_root "$root"
  mkdir -p "$root$place"
  tar -xzf "$tar" -C "$root$place"
  top=$place/$(basename "$tar" .tar.gz)
  answers "$root" "$top/bin/costeff"
  in_root "$root" "$top/bin/costeff" inspect sst2-slender | grep -q "^model *$top/share/costeff/models/sst2-slender$" ||
    fail "another model was read"
  # All libraries but glibc's come from the archive.
  in_root "$root" ldd "$top/bin/costeff" | grep '=> /' | grep -v "=> $top/" |
    grep -v -e 'libc[.]so' -e 'libm[.]so' -e ld-linux && fail "a library of the system is used"
done
objdump -T "$root$top/bin/costeff" "$root$top"/lib/* | grep -o 'GLIBC_[0-9.]*' | sort -Vu | tail -1 |
  sed 's/^/the .tar.gz needs /'

echo "== the container's root (the image itself needs a registry: only its files are tried)"
root=$work/root-container
rm -rf "$root"
tools/packages/container_root.sh "$tar" "$root"
answers "$root" /usr/bin/costeff
chroot --userspec=65534:65534 "$root" /usr/bin/costeff completions models | grep -qx sst2-slender ||
  fail "without /proc no model is found"
du -sh "$root"
rm -rf "$work/root-tar" "$work/root-deb" "$root"
echo "all good"
