#!/bin/sh
# check_isa_symbols.sh OBJECT...: an object built for an instruction set must not define symbols that the
# linker may use for other objects (weak ones), nor global functions: the program would die on older CPUs.
# Its table is all it shows. And no object may have instructions that guess (1/x, 1/sqrt(x)): makers of
# CPUs guess differently, and a row's answer would depend on the machine.
set -eu
status=0
for object in "$@"; do
  if objdump -d --no-show-raw-insn "$object" | grep -E '[[:space:]]v?r(cp|sqrt)(14|28)?[ps][sdh]\b' | head -3 | grep .; then
    echo "$object: guesses of the CPU" >&2
    status=1
  fi
  case $object in *avx*) ;; *) continue ;; esac
  found=1
  if nm "$object" | awk '$2 ~ /^[WVuT]$/' | grep .; then
    echo "$object: symbols that others might get" >&2
    status=1
  fi
done
[ "${found:-0}" = 1 ] || echo "no object of an instruction set in this build"
exit $status
