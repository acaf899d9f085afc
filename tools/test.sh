#!/bin/sh
# Builds and runs every test: the release build in full, what reads files or runs threads also under
# sanitizers. tests/data is enough; the larger collection that it is a part of is looked for in
# ../shared (COSTEFF_SHARED names another place).
set -eu
cd "$(dirname "$0")/.."
tools/setup.sh
jobs=$(nproc)
shared=${COSTEFF_SHARED:-$(pwd)/../shared}

# build PRESET TARGET...: configures build/PRESET with tests and builds the targets, all if none is named
build() {
  preset=$1
  shift
  cmake --preset "$preset" -DCOSTEFF_BUILD_TESTS=ON -DCOSTEFF_SHARED="$shared" >/dev/null
  cmake --build --preset "$preset" -j "$jobs" ${1:+--target "$@"}
}

build release
ctest --preset release -j "$jobs"
# Programs that are not built in these are no failure: only the labels named are run.
build asan base_tests containers_tests checkpoint_tests text_tests tasks_tests runtime_tests
ctest --preset asan -j "$jobs" -L '^(base|containers|checkpoint|text|tasks|runtime)$'
# Two modes, several threads on one conveyor and on one layer.
build tsan runtime_tests
ctest --preset tsan -j "$jobs" -L '^runtime$'
