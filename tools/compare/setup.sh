#!/bin/sh
# Makes a Python environment with the peers at the versions of requirements.txt, about 6 GB.
#   tools/compare/setup.sh [DIRECTORY]      (default: build/compare/venv of this checkout)
# PYTHON names another interpreter than python3 (tried: 3.11).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv=${1:-$here/../../build/compare/venv}
"${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/pip" install --quiet --requirement "$here/requirements.txt"
"$venv/bin/python" -c 'import ctranslate2, nncf, onnxruntime, openvino, torch, transformers' >/dev/null
venv=$(cd "$venv" && pwd)
echo "now: $venv/bin/python $here/compare.py --help"
