#!/bin/sh
# usage: container_root.sh TAR.GZ DIR: fills DIR with the root of the smallest image that runs: the program and the
# libraries of the .tar.gz, the bundled model, the licences, and of the system glibc's loader and two libraries.
set -eu
[ $# = 2 ] || { sed -n '2s/^# //p' "$0" >&2; exit 2; }
mkdir -p "$2/usr" "$2/tmp" "$2/data" "$2/proc"
chmod 1777 "$2/tmp"
tar -xzf "$1" -C "$2/usr" --strip-components=1
rm -rf "$2/usr/share/man" "$2/usr/share/bash-completion" "$2/usr/share/zsh" "$2/usr/share/fish"
# What the archive does not bring: the loader by the name that the program has for it, the others where it looks.
ldd "$2/usr/bin/costeff" | awk '$2 == "=>" && $3 ~ /^\// { print $1, $3 } $1 ~ /^\// { print $1, $1 }' |
  while read -r name path; do
    case $name in
      /*) mkdir -p "$2$(dirname "$name")" && cp -L "$path" "$2$name" ;;
      *) [ -e "$2/usr/lib/$name" ] || cp -L "$path" "$2/usr/lib/$name" ;;
    esac
  done
mkdir -p "$2/usr/share/doc/costeff/third-party"
cp -L /usr/share/doc/libc6/copyright "$2/usr/share/doc/costeff/third-party/libc6"
