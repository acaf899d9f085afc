#!/bin/sh
# test_amx.sh [LIST]: runs tests of the kernels for AMX and AVX-512 on a Sapphire Rapids that Bochs emulates.
# Each line of LIST (tools/amx/list): how many seconds of the guest's time it may take, and a filter of tests.
set -eu
cd "$(dirname "$0")/.."
list=$(realpath "${1:-tools/amx/list}")
tools/setup.sh make patch xorriso isolinux syslinux-common busybox-static
place=$PWD/build/amx
tools/amx/machine.sh "$place"
tests=${COSTEFF_KERNELS_TESTS:-}
if [ -z "$tests" ]; then
  cmake --preset release >/dev/null
  cmake --build --preset release -j "$(nproc)" --target kernels_tests >/dev/null
  tests=build/release/tests/kernels/kernels_tests
fi

boot=$place/boot
rm -rf "$boot"
mkdir -p "$boot/root/bin" "$boot/root/proc" "$boot/root/dev" "$boot/iso"
cp tools/amx/init "$list" "$boot/root/"
mv "$boot/root/$(basename "$list")" "$boot/root/list.all"
grep -v '^#' "$boot/root/list.all" >"$boot/root/list"
rm "$boot/root/list.all"
cp /bin/busybox "$boot/root/bin/"
strip -o "$boot/root/tests" "$tests"
ldd "$tests" | grep -o '/[^ ]*' | while read -r library; do
  mkdir -p "$boot/root$(dirname "$library")"
  cp -L "$library" "$boot/root$library"
done
chmod +x "$boot/root/init"
(cd "$boot/root" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1 >"$boot/iso/initrd")
cp "$place/linux" /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 "$boot/iso/"
# Bochs has no XFD (324), without which Linux has no tiles, and its BIOS no five-level page tables.
cat >"$boot/iso/isolinux.cfg" <<'END'
default linux
label linux
  kernel linux
  append initrd=initrd console=ttyS0 quiet panic=-1 nokaslr mitigations=off tsc=reliable ibt=off no5lvl setcpuid=324
END
cd "$boot"
xorriso -as mkisofs -quiet -o boot.iso -b isolinux.bin -c boot.cat -no-emul-boot -boot-load-size 4 -boot-info-table iso 2>iso.log
: >serial
# Bochs ends with 1 when the guest switches itself off.
BXSHARE=$place/root/usr/share/bochs BOCHS_ROOT=$place/root \
  timeout "${COSTEFF_AMX_TIMEOUT:-3600}" "$place/bochs/bochs" -q -f "$OLDPWD/tools/amx/bochsrc" >out 2>&1 </dev/null ||
  true
tr -d '\r' <serial
tr -d '\r' <serial | grep -q '^guest: 0 lines failed$' || { echo "test_amx: failed; $boot has the logs" >&2; exit 1; }
