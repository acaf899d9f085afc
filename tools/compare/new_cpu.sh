#!/bin/sh
# new_cpu.sh [MODEL]: what we would like to know of a CPU that we do not have. Builds, runs the tests of the
# kernels and the goldens, then times each of this CPU's kernel tables in each precision, on one thread and on
# all. stdout: the report; stderr: progress. MODEL: the bundled one if none is named.
# Exit code: 0; 1 if a test failed (the report says which) or the build did.
set -eu
cd "$(dirname "$0")/../.."
model=${1:-models/sst2-slender}
tools/setup.sh >&2
cmake --preset release -DCOSTEFF_BUILD_TESTS=ON >/dev/null
cmake --build --preset release -j "$(nproc)" --target costeff_cli_main kernels_tests golden_tests >&2
costeff=build/release/costeff

echo "## System"
uname -srm
"$costeff" --version
grep -m 1 -E '^(flags|Features)' /proc/cpuinfo || true
if command -v lscpu >/dev/null; then lscpu; fi

echo
echo "## Tests"
failed=0
for tests in kernels golden; do
  find build/release -name "${tests}_tests" -type f >build/tests_at
  "$(cat build/tests_at)" --gtest_brief=1 || failed=1
done

for isa in $("$costeff" completions kernels); do
  [ "$isa" != reference ] || continue
  for dtype in float32 bf16 int8; do
    for threads in 1 "$(nproc)"; do
      echo
      echo "## $isa, $dtype, threads $threads"
      echo "new_cpu: $isa $dtype, threads $threads" >&2
      "$costeff" bench "$model" --isa "$isa" --dtype "$dtype" --policy never --threads "$threads"
    done
  done
done
exit $failed
