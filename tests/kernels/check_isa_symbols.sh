#!/bin/sh
# check_isa_symbols.sh OBJDUMP NM OBJECT...: an object built for an instruction set defines nothing but its
# tables. A weak symbol the linker might use for other objects, and the program would die on older CPUs; a
# global function would be called there. And no object has the instructions that approximate 1/x and
# 1/sqrt(x): vendors approximate differently, and a row's answer would depend on the machine.
set -eu
objdump=$1
nm=$2
shift 2
x86='v?r(cp|sqrt)(14|28)?[ps][sdh]'
arm='[fu](recp|rsqrt)e'
status=0
for object in "$@"; do
  # Apart from the search, so that a disassembler that cannot read the object is a failure.
  instructions=$("$objdump" -d --no-show-raw-insn "$object")
  case $instructions in *'>:'*) ;; *)
    echo "$object: $objdump finds no code" >&2
    status=1
  esac
  if echo "$instructions" | grep -E "[[:space:]]($x86|$arm)\b" | head -3 | grep .; then
    echo "$object: approximate reciprocals" >&2
    status=1
  fi
  case ${object##*/} in *avx*|*amx*|*neon*) ;; *) continue ;; esac
  found=1
  if "$nm" "$object" | awk '$2 ~ /^[WVuT]$/' | grep .; then
    echo "$object: symbols that other objects might get" >&2
    status=1
  fi
done
[ "${found:-0}" = 1 ] || echo "no object of an instruction set in this build"
exit $status
