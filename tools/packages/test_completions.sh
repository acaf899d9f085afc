#!/bin/bash
# usage: test_completions.sh PROGRAM PAGES: has zsh and fish, where they are installed, complete command lines with
# the scripts in PAGES. (The ctest cli has bash do the same.)
set -eu
program=$(readlink -f "$1") pages=$(readlink -f "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/models/sst2-slender" "$work/here/some-model"
touch "$work/here/rows one.tsv" "$work/here/rows.csv"
ln -s "$program" "$work/costeff"
export PATH=$work:$PATH COSTEFF_MODELS=$work/models
cd "$work/here"

expect() { # SHELL LINE GOT WORD...
  shell=$1 line=$2 got=$3
  shift 3
  for word; do
    grep -qF -- "$word" <<<"$got" || { echo "$shell: \"$line\" offers no $word but: $got" >&2; exit 1; }
  done
}
# What is typed, and words that must be offered.
cases() {
  "$1" 'costeff inf' infer
  "$1" 'costeff infer --pol' --policy
  "$1" 'costeff infer m rows.csv --policy ev' evidence
  "$1" 'costeff infer m rows.csv --format=js' jsonl
  "$1" 'costeff infer sst' sst2-slender
  "$1" 'costeff infer some' some-model
  "$1" 'costeff infer m ro' rows.csv
  "$1" 'costeff sweep m --policies entropy,mar' margin
  "$1" 'costeff infer m rows.csv --isa ref' reference
  "$1" 'costeff help slen' slenderize
}

if command -v fish >/dev/null; then
  in_fish() {
    line=$1
    shift
    expect fish "$line" "$(HOME=$work fish --no-config -c "source '$pages/costeff.fish'; complete -C '$line'")" "$@"
  }
  cases in_fish
  echo "fish completes"
fi

if command -v zsh >/dev/null; then
  # In a pseudo-terminal; Ctrl-X lists what completion offers.
  cat >"$work/type.zsh" <<'Z'
zmodload zsh/zpty
line=$1 pages=$2
zpty shell zsh -f -i
zpty -w shell "PS1=; fpath=($pages \$fpath); autoload -Uz compinit; compinit -u -d $TMPDIR/dump; setopt no_list_beep"
zpty -w shell "zstyle ':completion:*' list-prompt ''; LISTMAX=10000; bindkey '^X' list-choices; print READY"
zpty -r -m shell got '*READY*READY*'
zpty -w -n shell "$line"$'\C-x'
sleep 1
while zpty -r -t shell piece; do print -rn -- "$piece"; done
zpty -w -n shell $'\t'
sleep 0.5
while zpty -r -t shell piece; do print -rn -- "$piece"; done
zpty -d shell
Z
  in_zsh() {
    line=$1
    shift
    got=$(TMPDIR=$work COLUMNS=80 zsh -f "$work/type.zsh" "$line" "$pages" | tr -d '\r\a')
    expect zsh "$line" "${got//$line/}" "$@"
  }
  cases in_zsh
  echo "zsh completes"
fi
