#!/bin/sh
# Builds and runs every test: the release build in full, the sanitizer builds in part, the fuzz targets
# for a moment. Golden data is looked for in ../shared; set COSTEFF_SHARED for another place.
set -eu
cd "$(dirname "$0")/.."
tools/setup.sh
jobs=$(nproc)
shared=${COSTEFF_SHARED:-$(pwd)/../shared}

# build PRESET: configures and builds build/PRESET with tests
build() {
  cmake --preset "$1" -DCOSTEFF_BUILD_TESTS=ON -DCOSTEFF_SHARED="$shared" >/dev/null
  cmake --build --preset "$1" -j "$jobs"
}

build asan
ctest --preset asan -j "$jobs" -LE 'golden|slow'
build tsan
ctest --preset tsan -j "$jobs" -L 'runtime|cli'
build release
ctest --preset release -j "$jobs"
