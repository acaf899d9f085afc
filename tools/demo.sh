#!/bin/sh
# Builds costeff and classifies the sample texts with the bundled model. Arguments go to `costeff infer`.
set -eu
cd "$(dirname "$0")/.."
tools/setup.sh
[ -f build/release/build.ninja ] || cmake --preset release -DCOSTEFF_BUILD_TESTS=OFF >/dev/null
cmake --build --preset release --target costeff_cli_main >&2
exec build/release/costeff infer models/sst2-slender models/sample.txt --stats "$@"
