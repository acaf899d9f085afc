#!/bin/sh
# check.sh BUILD_DIR SOURCE_DIR GENERATOR: installs the build into a temporary place and uses it from there.
# COSTEFF_EMULATOR: the words that start a program which this CPU does not run (none: it does).
set -eu
emulator=${COSTEFF_EMULATOR-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$1" --prefix "$work/root" >/dev/null
# Under a toolchain file packages are looked for below roots alone.
cmake -G "$3" -S "$2/tests/install" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/root" \
  ${COSTEFF_SYSROOT:+-DCMAKE_FIND_ROOT_PATH="$work/root"} >/dev/null
cmake --build "$work/build" >/dev/null
answer=$($emulator "$work/build/consumer" "$2/models/sst2-slender")
[ "$answer" = positive ] || { echo "the installed library answers \"$answer\"" >&2; exit 1; }
$emulator "$work/root/bin/costeff" --version | grep -q '^costeff '
cd "$work"
$emulator "$work/root/bin/costeff" inspect sst2-slender | grep -q "^model  *$work/root/share/costeff/models/sst2-slender$"
for file in man/man1/costeff.1 man/man1/costeff-infer.1 bash-completion/completions/costeff \
            zsh/vendor-completions/_costeff fish/vendor_completions.d/costeff.fish doc/costeff/copyright; do
  [ -s "$work/root/share/$file" ] || { echo "$file is not installed" >&2; exit 1; }
done
