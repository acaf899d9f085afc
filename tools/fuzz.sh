#!/bin/sh
# Fuzzes every target of tests/fuzz with libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer.
#   tools/fuzz.sh [SECONDS] [TARGET...]      60 seconds a target; all targets
# Builds the preset `fuzz` into build/fuzz; installs clang first if there is none. One line a target:
#   fuzz_bpe: 812345 runs, 13539 runs/s, 2711 edges, 0 findings
# Inputs that reached new code stay in build/fuzz/corpus/TARGET, where the next run begins. A finding
# (a crash, a leak, 10 seconds for one input, 2 GB of memory) ends the target's run; the input is
# written to build/fuzz/findings, and the exit code is 1. To look at it again:
#   build/fuzz/tests/fuzz/fuzz_TARGET build/fuzz/findings/TARGET-crash-...
# Once mended, the input belongs in tests/fuzz/corpus/TARGET/regression-..., which ctest replays.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}
[ $# -eq 0 ] || shift
case $seconds in
  '' | *[!0-9]*) echo "fuzz: \"$seconds\" is no number of seconds" >&2; exit 2 ;;
esac

# The first clang++ that has libFuzzer.
find_clang() {
  for c in clang++ clang++-14; do
    echo 'extern "C" int LLVMFuzzerTestOneInput(const char*, unsigned long) { return 0; }' |
      "$c" -x c++ -fsanitize=fuzzer,address - -o /dev/null 2>/dev/null && echo "$c" && return
  done
}
clang=$(find_clang || true)
if [ -z "$clang" ]; then
  tools/setup.sh clang libclang-rt-14-dev
  clang=$(find_clang || true)
  [ -n "$clang" ] || { echo "fuzz: no clang++ with libFuzzer" >&2; exit 2; }
else
  tools/setup.sh
fi

build=build/fuzz
cmake --preset fuzz -DCMAKE_CXX_COMPILER="$clang" >/dev/null
if [ $# -eq 0 ]; then
  # shellcheck disable=SC2046  # a list of words
  set -- $(cd tests/fuzz && ls fuzz_*.cpp | sed 's/^fuzz_//; s/\.cpp$//')
fi
# shellcheck disable=SC2046
cmake --build --preset fuzz -j "$(nproc)" --target $(printf 'fuzz_%s ' "$@") >&2

mkdir -p "$build/findings"
failed=0
for target in "$@"; do
  mkdir -p "$build/corpus/$target"
  log=$build/findings/$target.log
  "$build/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
    -print_final_stats=1 -artifact_prefix="$build/findings/$target-" \
    "$build/corpus/$target" "tests/fuzz/corpus/$target" >"$log" 2>&1 && findings=0 || findings=1
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")
  edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -1)
  echo "fuzz_$target: ${runs:-?} runs, ${rate:-?} runs/s, ${edges:-?} edges, $findings findings"
  if [ "$findings" != 0 ]; then
    failed=1
    grep -m 5 -E '^SUMMARY|^==.*ERROR|Test unit written|runtime error' "$log" || tail -5 "$log"
  fi
done
exit $failed
