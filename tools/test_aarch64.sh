#!/bin/sh
# test_aarch64.sh [--clang] [CTEST ARGUMENTS]: builds for 64-bit ARM in build/aarch64 (build/aarch64-clang)
# and runs the tests under QEMU, all of them if no argument chooses. tools/aarch64/README.md says what is not
# tested there. COSTEFF_TARGETS: builds these alone.
set -eu
cd "$(dirname "$0")/.."
preset=aarch64
packages="g++-aarch64-linux-gnu qemu-user-static"
if [ "${1-}" = --clang ]; then
  shift
  preset=aarch64-clang
  packages="$packages clang-19"
fi
# shellcheck disable=SC2086  # a list of words
tools/setup.sh $packages
tools/aarch64/sysroot.sh build/aarch64-sysroot
jobs=$(nproc)
shared=${COSTEFF_SHARED:-$(pwd)/../shared}
cmake --preset $preset -DCOSTEFF_BUILD_TESTS=ON -DCOSTEFF_SHARED="$shared" >/dev/null
# shellcheck disable=SC2086  # a list of words
cmake --build --preset $preset -j "$jobs" ${COSTEFF_TARGETS:+--target $COSTEFF_TARGETS}
exec ctest --preset $preset -j "$jobs" "$@"
