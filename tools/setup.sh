#!/bin/sh
# Installs what a build needs from Debian's packages, if something is missing. Needs root or sudo then.
set -eu
packages="g++ cmake ninja-build libboost-math-dev libeigen3-dev libcli11-dev nlohmann-json3-dev libsentencepiece-dev
zlib1g-dev libzstd-dev libfmt-dev libutf8proc-dev libxxhash-dev libgtest-dev python3 xz-utils $*"
missing=""
for p in $packages; do
  dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q '^install ok installed$' || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
as_root=""
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "setup: run as root or install sudo; missing:$missing" >&2; exit 1; }
  as_root="sudo"
fi
echo "setup: installing$missing" >&2
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086  # a list of words
$as_root apt-get update -qq && $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
