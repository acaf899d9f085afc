"""tools/cluster/dask_score.py and ray_score.py against the program's answers."""

import importlib.util
import os
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet
import pytest
from spark_test import BUNDLED, ROOT, ask_cli, bits, make_rows


@pytest.mark.parametrize("name", ["dask", "ray"])
def test_script(tmp_path, name):
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    texts = make_rows(500)
    source = tmp_path / "in"
    source.mkdir()
    for part in range(4):
        ids = list(range(part, 500, 4))
        columns = {"id": ids, "text": [texts[i] for i in ids]}
        pyarrow.parquet.write_table(pa.table(columns), source / f"{part}.parquet")
    script = ROOT / "tools" / "cluster" / f"{name}_score.py"
    command = [sys.executable, str(script), str(BUNDLED), str(source), str(tmp_path / "out")]
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=600, check=False, env=environment, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = pyarrow.parquet.read_table(tmp_path / "out").sort_by("id")
    answers = ask_cli(tmp_path, BUNDLED, [{"sentence": text} for text in texts])
    assert found["id"].to_pylist() == list(range(500))
    assert found["text"].to_pylist() == texts
    for column in ("label", "exit_layer"):
        assert found[column].to_pylist() == [row[column] for row in answers]
    assert bits(found["prob"].to_pylist()) == bits([row["prob"] for row in answers])
