#!/bin/sh
# Tests tools/spark/score.py on local clusters of Spark, and tools/cluster/{dask,ray}_score.py; all of them are installed
# in build/spark. Needs a Java that Spark runs on (17 or later).
#   COSTEFF_WHEEL=file.whl tools/test_spark.sh [arguments of pytest]    without it the package is built
set -eu
cd "$(dirname "$0")/.."
tools/setup.sh
command -v java >/dev/null || tools/setup.sh openjdk-17-jre-headless
python=${PYTHON:-python3}
place=$PWD/build/spark
if command -v ccache >/dev/null; then
  export CMAKE_CXX_COMPILER_LAUNCHER=ccache
fi
if [ -z "${COSTEFF_CLI:-}" ]; then
  cmake --preset release >/dev/null
  cmake --build --preset release -j "$(nproc)" --target costeff_cli_main >/dev/null
  COSTEFF_CLI=$PWD/build/release/costeff
fi
export COSTEFF_CLI
[ -x "$place/bin/python" ] || "$python" -m venv "$place"
"$place/bin/pip" install --quiet --upgrade pip
"$place/bin/pip" install --quiet pyspark numpy pyarrow "pandas<3" pytest "dask[dataframe]" "ray[data]"
"$place/bin/pip" install --quiet --force-reinstall --no-deps "${COSTEFF_WHEEL:-.}"
"$place/bin/pip" list 2>/dev/null | grep -E '^(costeff|dask|numpy|pandas|pyarrow|pyspark|ray) '
"$place/bin/python" -m pytest -v "$@" tests/spark/*_test.py
