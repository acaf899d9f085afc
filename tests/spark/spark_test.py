"""tools/spark/score.py on real clusters, against the program's answers. tools/test_spark.sh runs it.

Most cases have a driver and executors in processes of their own: local-cluster[2,1,1024], 2 workers with an executor
of one core and 1 GiB each.
"""

import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import time

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet
import pyspark
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUNDLED = ROOT / "models" / "sst2-slender"
CLUSTER = "local-cluster[2,1,1024]"
CLI = os.environ.get("COSTEFF_CLI", str(ROOT / "build" / "release" / "costeff"))
HOME = pathlib.Path(pyspark.__file__).parent


def environment():
    found = dict(os.environ)
    found.update(
        SPARK_HOME=str(HOME),
        SPARK_LOCAL_IP="127.0.0.1",
        PYSPARK_PYTHON=sys.executable,
        PYSPARK_DRIVER_PYTHON=sys.executable,
    )
    return found


def submit_command(master, arguments, before=()):
    return [
        str(HOME / "bin" / "spark-submit"),
        *("--master", master, "--conf", "spark.ui.enabled=false", "--conf", "spark.log.level=WARN"),
        *map(str, before),
        str(ROOT / "tools" / "spark" / "score.py"),
        *map(str, arguments),
    ]


def submit(place, master, *arguments, before=(), code=0):
    """Runs the script and returns what it wrote; Spark sends a script's stderr to stdout."""
    done = subprocess.run(
        submit_command(master, arguments, before),
        cwd=place,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == code, said[-4000:]
    return said


def make_rows(count, seed=1):
    words = (ROOT / "models" / "sample.txt").read_text().split()
    rng = random.Random(seed)
    texts = [" ".join(rng.choices(words, k=rng.randint(1, 40))) for _ in range(count)]
    texts[3] = 'quoted "words", commas,\nand a line break'
    texts[4] = "ünïcode 漢字 🙂"
    texts[5] = ""
    return texts


def ask_cli(place, model, rows, *flags):
    path = place / "cli.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = [CLI, "infer", str(model), str(path), "--format", "jsonl", "--quiet", "-t", "1", *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def bits(values):
    return np.asarray(values, dtype=np.float32).view(np.uint32).tolist()


def check_equal(table, rows, prefix=""):
    """The table, ordered by id, has the program's answers."""
    table = table.sort_by("id")
    assert table["id"].to_pylist() == list(range(len(rows)))
    for name in ("label", "label_id", "exit_layer"):
        assert table[prefix + name].to_pylist() == [row[name] for row in rows]
    for name in ("prob", "entropy"):
        assert bits(table[prefix + name].to_pylist()) == bits([row[name] for row in rows])


@pytest.fixture(scope="session")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("archive") / "model.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for file in BUNDLED.iterdir():
            tar.add(file, file.name)
    return path


@pytest.fixture(scope="session")
def golden(tmp_path_factory):
    place = tmp_path_factory.mktemp("golden")
    with tarfile.open(ROOT / "tests" / "data" / "golden.tar.xz") as tar:
        tar.extractall(place)
    return place / "golden"


@pytest.fixture(scope="session")
def table(tmp_path_factory):
    """2,000 rows in Parquet, with columns of all kinds."""
    texts = make_rows(2000)
    path = tmp_path_factory.mktemp("table") / "in.parquet"
    count = len(texts)
    columns = {
        "id": list(range(count)),
        "text": texts,
        "score": [None if i % 7 == 0 else i / 3 for i in range(count)],
        "tags": [["a", str(i)] for i in range(count)],
        "origin": [{"page": i, "site": None} for i in range(count)],
    }
    schema = pa.schema(
        {
            "id": pa.int64(),
            "text": pa.string(),
            "score": pa.float64(),
            "tags": pa.list_(pa.string()),
            "origin": pa.struct({"page": pa.int32(), "site": pa.string()}),
        }
    )
    pyarrow.parquet.write_table(pa.table(columns, schema), path, row_group_size=250)
    return path


def test_parquet_on_a_cluster_with_a_shipped_model(tmp_path, archive, table):
    before = ("--archives", f"{archive}#model")
    more = ("--partitions", 8, "--probs", "-S", "0.2")
    submit(tmp_path, CLUSTER, "model", table, tmp_path / "out", *more, before=before)
    given = pyarrow.parquet.read_table(table)
    found = pyarrow.parquet.read_table(tmp_path / "out").sort_by("id")
    assert len(list((tmp_path / "out").glob("part-*"))) == 8
    for name in given.column_names:  # all columns, as they were
        assert found[name].to_pylist() == given[name].to_pylist()
    rows = [{"sentence": text} for text in given["text"].to_pylist()]
    answers = ask_cli(tmp_path, BUNDLED, rows, "-S", "0.2", "--top-k", "2")
    check_equal(found, answers)
    for probs, answer in zip(found["probs"].to_pylist(), answers):
        by_id = {top["label_id"]: top["prob"] for top in answer["top"]}
        assert bits(probs) == bits([by_id[0], by_id[1]])


def executors_of(pid):
    """The executors' JVMs among the descendants of a process."""
    parents = {}
    for status in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            text = status.read_text()
            command = (status.parent / "cmdline").read_bytes()
        except OSError:
            continue  # it has ended
        parents[int(status.parent.name)] = (int(text.rpartition(")")[2].split()[1]), command)
    found = []
    for child, (parent, command) in parents.items():
        while parent in parents and parent != pid:
            parent = parents[parent][0]
        if parent == pid and b"CoarseGrainedExecutorBackend" in command and b"java" in command.split(b"\0")[0]:
            found.append(child)
    return found


def test_an_executor_is_killed(tmp_path, archive):
    """kill -9 after some parts are written and before all are."""
    texts = make_rows(12_000, seed=2)
    source = tmp_path / "in.parquet"
    pyarrow.parquet.write_table(pa.table({"id": list(range(len(texts))), "text": texts}), source)
    out = tmp_path / "out"
    arguments = ("model", source, out, "--partitions", 40, "--policy", "never")
    log = (tmp_path / "log").open("w+")
    job = subprocess.Popen(
        submit_command(CLUSTER, arguments, ("--archives", f"{archive}#model")),
        cwd=tmp_path,
        env=environment(),
        stdout=log,
        stderr=log,
    )
    killed = None
    while job.poll() is None and killed is None:
        if len(list(out.glob("_temporary/0/task_*"))) >= 4:
            killed = executors_of(job.pid)[0]
            os.kill(killed, signal.SIGKILL)
        time.sleep(0.05)
    written = len(list(out.glob("_temporary/0/task_*")))
    assert killed, log.read()
    assert job.wait(timeout=900) == 0
    log.seek(0)
    said = log.read()
    assert written < 40
    assert "Lost executor" in said or "Executor lost" in said or "exitStatus Some(137)" in said, said[-4000:]
    rows = [{"sentence": text} for text in texts]
    check_equal(pyarrow.parquet.read_table(out), ask_cli(tmp_path, BUNDLED, rows, "--policy", "never"))


def test_csv_with_a_label_of_its_own(tmp_path):
    texts = make_rows(50)
    source = tmp_path / "in.csv"
    pyarrow.csv.write_csv(pa.table({"id": list(range(50)), "text": texts, "label": ["x"] * 50}), source)
    said = submit(tmp_path, "local[2]", BUNDLED, source, tmp_path / "out", code=2)
    assert "score.py: the input has a column label already; --prefix" in said
    submit(
        tmp_path,
        *("local[2]", BUNDLED, source, tmp_path / "out", "--prefix", "costeff_", "--output-format", "csv"),
        *("--mode", "overwrite", "--null-text", "keep"),
    )
    (part,) = (tmp_path / "out").glob("part-*.csv")
    newlines = pyarrow.csv.ParseOptions(newlines_in_values=True)
    found = pyarrow.csv.read_csv(part, parse_options=newlines).sort_by("id")
    # Spark reads an empty field as null.
    assert found["costeff_label"].to_pylist()[5] == ""
    rows = [{"sentence": text} for i, text in enumerate(texts) if i != 5]
    answers = ask_cli(tmp_path, BUNDLED, rows)
    kept = found.filter(pa.array([i != 5 for i in range(50)]))
    assert kept["costeff_label"].to_pylist() == [row["label"] for row in answers]
    assert bits(kept["costeff_prob"].to_pylist()) == bits([row["prob"] for row in answers])
    assert found["text"].to_pylist()[3] == texts[3]
    assert set(found["label"].to_pylist()) == {"x"}


def test_text_to_json(tmp_path):
    texts = [text.replace("\n", " ") for text in make_rows(50)]
    source = tmp_path / "in.txt"
    source.write_text("\n".join(texts) + "\n")
    out = tmp_path / "out"
    submit(tmp_path, "local[1]", BUNDLED, source, out, "--output-format", "json", "--exit-layer", 2)
    (part,) = out.glob("part-*.json")
    found = [json.loads(line) for line in part.read_text().splitlines()]
    answers = ask_cli(tmp_path, BUNDLED, [{"sentence": text} for text in texts], "--exit-layer", "2")
    assert [row["value"] for row in found] == texts
    for name in ("label", "label_id", "exit_layer"):
        assert [row[name] for row in found] == [row[name] for row in answers]
    assert bits([row["prob"] for row in found]) == bits([row["prob"] for row in answers])


def test_pairs_of_a_regression_and_sets_of_labels(tmp_path, golden):
    texts = make_rows(80)
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps({"id": i, "a": texts[i], "b": texts[79 - i]}) + "\n" for i in range(80)))
    rows = [{"sentence1": texts[i], "sentence2": texts[79 - i]} for i in range(80)]
    fields = ("--text-field", "a", "--pair-field", "B")  # Spark's names have no case
    submit(tmp_path, "local[2]", golden / "pabee_stsb", source, tmp_path / "scores", *fields)
    found = pyarrow.parquet.read_table(tmp_path / "scores").sort_by("id")
    answers = ask_cli(tmp_path, golden / "pabee_stsb", rows)
    assert bits(found["value"].to_pylist()) == bits([row["value"] for row in answers])

    multi = tmp_path / "multi"
    shutil.copytree(golden / "plain_bert", multi)
    config = json.loads((multi / "config.json").read_text())
    config["problem_type"] = "multi_label_classification"
    (multi / "config.json").write_text(json.dumps(config))
    submit(tmp_path, "local[2]", multi, source, tmp_path / "sets", *fields)
    found = pyarrow.parquet.read_table(tmp_path / "sets").sort_by("id")
    answers = ask_cli(tmp_path, multi, rows)
    assert found["labels"].to_pylist() == [row["labels"] for row in answers]
    assert found["label_ids"].to_pylist() == [row["label_ids"] for row in answers]
    assert bits(found["prob"].to_pylist()) == bits([row["prob"] for row in answers])


def test_nulls(tmp_path):
    source = tmp_path / "in.parquet"
    pyarrow.parquet.write_table(pa.table({"id": [0, 1, 2], "text": ["fine", None, "dull"]}), source)
    said = submit(tmp_path, "local[1]", BUNDLED, source, tmp_path / "out", code=1)
    assert "column text: null, expected a text (--null-text keep): {'id': 1, 'text': None}" in said
    submit(tmp_path, "local[1]", BUNDLED, source, tmp_path / "kept", "--null-text", "keep")
    found = pyarrow.parquet.read_table(tmp_path / "kept").sort_by("id")
    assert found["id"].to_pylist() == [0, 1, 2]
    assert found["label"].to_pylist() == ["positive", None, "negative"]
    assert found["prob"].null_count == found["exit_layer"].null_count == 1


@pytest.mark.parametrize(
    "arguments,message,code",
    [
        (("nowhere", "in", "out"), "score.py: nowhere: does not exist, expected a checkpoint directory", 4),
        ((BUNDLED, "in", "out", "--policy", "nope"), 'score.py: policy "nope" is not known', 2),
        (
            (BUNDLED, "in", "out", "--text-field", "no"),
            "score.py: the input has no column no, only id, text",
            2,
        ),
        ((BUNDLED, "in", "out", "--text-field", "id"), "score.py: column id is bigint, expected string", 2),
    ],
)
def test_messages(tmp_path, arguments, message, code):
    pyarrow.parquet.write_table(pa.table({"id": [0], "text": ["fine"]}), tmp_path / "in")
    said = submit(tmp_path, "local[1]", *arguments, code=code)
    assert message in said
    assert not (tmp_path / "out").exists()
