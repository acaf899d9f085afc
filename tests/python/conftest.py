"""What the tests share: models from tests/data, and the program, whose answers are the truth.

COSTEFF_CLI names the program; tools/test_python.sh builds it.
"""

import json
import os
import pathlib
import shutil
import subprocess
import tarfile

import costeff
import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUNDLED = ROOT / "models" / "sst2-slender"


@pytest.fixture(scope="session")
def cli():
    return os.environ.get("COSTEFF_CLI", str(ROOT / "build" / "release" / "costeff"))


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """tests/data, unpacked."""
    place = tmp_path_factory.mktemp("data")
    for name in ("golden", "glue"):
        with tarfile.open(ROOT / "tests" / "data" / f"{name}.tar.xz") as archive:
            # Python 3.14 wants a filter, which early 3.9 to 3.11 do not know.
            safe = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
            archive.extractall(place, **safe)
    return place


@pytest.fixture(scope="session")
def golden(data):
    return data / "golden"


@pytest.fixture(scope="session")
def multi_label(golden, tmp_path_factory):
    """A model that gives any number of labels."""
    place = tmp_path_factory.mktemp("models") / "multi"
    shutil.copytree(golden / "plain_bert", place)
    config = json.loads((place / "config.json").read_text())
    config["problem_type"] = "multi_label_classification"
    (place / "config.json").write_text(json.dumps(config))
    return place


@pytest.fixture(scope="session")
def sentences(data):
    lines = (data / "glue" / "SST-2" / "dev.tsv").read_text().splitlines()[1:]
    return [line.split("\t")[0] for line in lines]


@pytest.fixture(scope="session")
def model():
    return costeff.Model(BUNDLED)


@pytest.fixture
def ask_cli(cli, tmp_path):
    """The program's rows for these texts or pairs, as dicts."""

    def ask(model, texts, pairs=None, flags=()):
        rows = tmp_path / "rows.jsonl"
        with rows.open("w") as file:
            for i, text in enumerate(texts):
                row = {"sentence1": text, "sentence2": pairs[i]} if pairs else {"sentence": text}
                print(json.dumps(row), file=file)
        command = [cli, "infer", str(model), str(rows), "--format", "jsonl", "--quiet", *flags]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return ask


def bits(values):
    """Floats that are equal only if all their bits are."""
    return np.asarray(values, dtype=np.float32).view(np.uint32).tolist()
