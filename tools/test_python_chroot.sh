#!/bin/sh
# Installs a repaired wheel (tools/test_python.sh makes one) in a minimal Debian with nothing but Python, without a
# network, and scores a text there with the bundled model. Needs root and debootstrap.
#   tools/test_python_chroot.sh WHEEL [ROOT]      ROOT (default build/python-chroot) is made, or used as it is
set -eu
cd "$(dirname "$0")/.."
wheel=$1
root=${2:-$PWD/build/python-chroot}
python=${PYTHON:-python3}
if [ ! -d "$root" ]; then
  tools/setup.sh debootstrap
  # shellcheck disable=SC1091
  suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
  mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' | awk -v s="$suite" '$2 == s { print $1; exit }')
  debootstrap --variant=minbase --include=python3,python3-venv "$suite" "$root.new" "$mirror" >/dev/null
  mv "$root.new" "$root"
fi
rm -rf "$root/try"
mkdir -p "$root/try/wheels"
cp "$wheel" "$root/try/wheels/"
"$python" -m pip download --quiet --no-deps --only-binary :all: --dest "$root/try/wheels" numpy
cp -r models/sst2-slender models/sample.txt "$root/try/"
cat >"$root/try/try.py" <<'END'
import costeff

model = costeff.Model("/try/sst2-slender", isa="portable")
for row in model.stream(open("/try/sample.txt").read().splitlines()):
    print(row.label, row.exit_layer)
END
chroot "$root" /bin/sh -c 'set -e; cd /try; python3 -m venv venv; ldconfig -p | grep -c sentencepiece || true
  venv/bin/pip install --quiet --no-index --find-links wheels costeff; venv/bin/pip list --disable-pip-version-check
  venv/bin/python try.py' | tee "$root/try/said"
"${COSTEFF_CLI:-build/release/costeff}" infer models/sst2-slender models/sample.txt --isa portable --format tsv -q |
  awk -F'\t' 'NR > 1 { print $2, $5 }' >"$root/try/expected"
tail -n "$(wc -l <"$root/try/expected")" "$root/try/said" | cmp - "$root/try/expected"
echo "test_python_chroot: passed"
