"""Answers are the program's, bit for bit."""

import random

import costeff
import pytest
from conftest import BUNDLED, bits

POLICIES = [
    ([], {}),
    (["--policy", "never"], {"policy": "never"}),
    (["-S", "0.2"], {"threshold": 0.2}),
    (["-S", "0.3,0.25,0.2,0.15,0.1"], {"threshold": [0.3, 0.25, 0.2, 0.15, 0.1]}),
    (["--policy", "max-prob", "-S", "0.9"], {"policy": "max-prob", "threshold": 0.9}),
    (["--policy", "margin", "-S", "0.7"], {"policy": "margin", "threshold": "0.7"}),
    (["--patience", "2"], {"policy": {"policy": "patience", "patience": 2}}),
    (["--exit-layer", "3"], {"exit_layer": 3}),
    (["-S", "0.5", "--exit-start", "2"], {"threshold": 0.5, "exit_start": 2}),
    (
        ["--policy", "confident-patience", "--patience", "2", "-S", "0.5", "--average"],
        {"policy": "confident-patience", "patience": 2, "threshold": 0.5, "average": True},
    ),
    (
        ["--policy", "divergence-patience", "--patience", "1", "-S", "0.05"],
        {"policy": "divergence-patience", "patience": 1, "threshold": 0.05},
    ),
    (
        ["--policy", "evidence", "-S", "1.1", "--exit-weights", "0.7,0.75,0.8,0.85,0.9"],
        {"policy": "evidence", "threshold": 1.1, "exit_weights": [0.7, 0.75, 0.8, 0.85, 0.9]},
    ),
    (["--max-length", "8"], {"max_length": 8}),
    (["--max-length", "16", "--doc-stride", "4"], {"max_length": 16, "doc_stride": 4}),
    (
        ["--max-length", "16", "--doc-stride", "4", "--join", "max"],
        {"max_length": 16, "doc_stride": 4, "join": "max"},
    ),
]


def check_labels(answers, rows):
    assert len(answers) == len(rows) > 0
    assert answers.labels.tolist() == [r["label"] for r in rows]
    assert answers.label_ids.tolist() == [r["label_id"] for r in rows]
    assert answers.exit_layer.tolist() == [r["exit_layer"] for r in rows]
    assert bits(answers.prob) == bits([r["prob"] for r in rows])
    assert bits(answers.entropy) == bits([r["entropy"] for r in rows])


@pytest.mark.filterwarnings("ignore::costeff.RowWarning")
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("flags,settings", POLICIES, ids=[" ".join(f) for f, _ in POLICIES])
def test_policies(model, sentences, ask_cli, flags, settings, threads):
    texts = sentences[:200] + ["", "a b " * 600, "nul \0 inside", "ünïcode 漢字 🙂"]
    check_labels(model.predict(texts, threads=threads, **settings), ask_cli(BUNDLED, texts, flags=flags))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int8"])
def test_dtypes_and_kernels(sentences, ask_cli, dtype):
    for isa in (costeff.available_isas()[0], "avx2", "portable"):
        if isa not in costeff.available_isas():
            continue
        model = costeff.Model(BUNDLED, dtype=dtype, isa=isa)
        assert model.dtype == dtype
        flags = ["--dtype", dtype, "--isa", isa]
        check_labels(model.predict(sentences[:50]), ask_cli(BUNDLED, sentences[:50], flags=flags))


@pytest.mark.parametrize("name", ["berxit", "costeff_avg", "deebert_roberta", "elasticbert", "distilbert"])
def test_all_exits(golden, sentences, ask_cli, name):
    texts = sentences[:20]
    rows = ask_cli(golden / name, texts, flags=["--all-exits"])
    model = costeff.Model(golden / name)
    answers = model.predict(texts, all_exits=True)
    check_labels(answers, rows)
    exits = answers.exits
    assert exits.layers.tolist() == [e["layer"] for e in rows[0]["exits"]] == model.exits
    for values, key in ((exits.logits, "logits"), (exits.probs, "probs"), (exits.entropy, "entropy")):
        assert bits(values) == bits([[e[key] for e in r["exits"]] for r in rows])
    at = [model.exits.index(layer) for layer in answers.exit_layer]
    rows_of_exit = [exits.probs[i, e] for i, e in enumerate(at)]
    assert bits(answers.probs) == bits(rows_of_exit)
    assert bits(answers.logits) == bits([exits.logits[i, e] for i, e in enumerate(at)])


def test_learned_exits(golden, sentences, ask_cli):
    model = costeff.Model(golden / "berxit")
    settings = {"policy": "learned", "threshold": 0.5}
    rows = ask_cli(golden / "berxit", sentences[:20], flags=["--policy", "learned", "-S", "0.5"])
    check_labels(model.predict(sentences[:20], **settings), rows)
    uncertainty = model.predict(sentences[:20], all_exits=True).exits.uncertainty
    assert ((uncertainty[:, :-1] >= 0) & (uncertainty[:, :-1] <= 1)).all()


@pytest.mark.parametrize("threads", [1, 2])
def test_regression_of_pairs(golden, sentences, ask_cli, threads):
    name = golden / "pabee_stsb"
    first, second = sentences[:40], sentences[40:80]
    answers = costeff.Model(name).predict(first, second, threads=threads, all_exits=True)
    rows = ask_cli(name, first, second, flags=["--all-exits"])
    assert bits(answers.scores) == bits([r["value"] for r in rows])
    assert answers.exit_layer.tolist() == [r["exit_layer"] for r in rows]
    assert bits(answers.exits.logits) == bits([[e["logits"] for e in r["exits"]] for r in rows])
    early = costeff.Model(name).predict(first, second, patience=1, threshold=0.5, threads=threads)
    rows = ask_cli(name, first, second, flags=["--patience", "1", "-S", "0.5"])
    assert bits(early.scores) == bits([r["value"] for r in rows])
    assert early.exit_layer.tolist() == [r["exit_layer"] for r in rows]
    for name in ("labels", "label_ids", "probs", "entropy"):
        with pytest.raises(AttributeError, match="a score"):
            getattr(early, name)


def test_pairs_with_labels(golden, sentences, ask_cli):
    first, second = sentences[:40], sentences[40:80]
    for name in ("plain_bert", "plain_roberta", "pabee"):
        rows = ask_cli(golden / name, first, second)
        check_labels(costeff.Model(golden / name).predict(first, second), rows)


@pytest.mark.parametrize("threshold", [None, 0.3, [0.45, 0.4, 0.5]])
def test_multi_label(multi_label, sentences, ask_cli, threshold):
    texts = sentences[:60]
    model = costeff.Model(multi_label)
    assert model.problem == "multi_label"
    if isinstance(threshold, list):
        threshold = (threshold * 9)[: len(model.labels)]
    flags = ["--all-exits"]
    if threshold is not None:
        flags += ["--label-threshold", str(threshold).strip("[]").replace(" ", "")]
    rows = ask_cli(multi_label, texts, flags=flags)
    answers = model.predict(texts, label_threshold=threshold)
    assert answers.labels.tolist() == [r["labels"] for r in rows]
    assert answers.label_ids.tolist() == [r["label_ids"] for r in rows]
    assert bits(answers.probs) == bits([list(r["probs"].values()) for r in rows])
    assert bits(answers.prob) == bits([r["prob"] for r in rows])
    assert bits(answers.entropy) == bits([r["entropy"] for r in rows])
    assert answers.label_mask.sum() == sum(len(r["labels"]) for r in rows)


def test_order_and_neighbours_do_not_matter(model, sentences):
    texts = sentences[:300]
    answers = model.predict(texts)
    order = list(range(len(texts)))
    random.Random(1).shuffle(order)
    shuffled = model.predict([texts[i] for i in order], batch_tokens=64)
    assert bits(shuffled.probs) == bits(answers.probs[order])
    assert shuffled.exit_layer.tolist() == answers.exit_layer[order].tolist()
    alone = [model.predict([text]).probs[0] for text in texts[:20]]
    assert bits(alone) == bits(answers.probs[:20])


def test_stream_is_predict(model, sentences):
    answers = model.predict(sentences)
    for chunk in (1, 7, 4096):
        texts = sentences if chunk > 1 else sentences[:30]
        rows = list(model.stream(iter(texts), chunk=chunk))
        assert rows == list(answers.rows())[: len(texts)]


def test_messages_are_the_programs(cli, tmp_path):
    import subprocess

    cases = [
        (["--policy", "nope"], {"policy": "nope"}),
        (["--policy", "patience"], {"policy": "patience"}),
        (
            ["--policy", "entropy", "--patience", "2", "-S", "0.1"],
            {"policy": "entropy", "patience": 2, "threshold": 0.1},
        ),
        (["--policy", "learned", "-S", "0.1"], {"policy": "learned", "threshold": 0.1}),
        (["-S", "0.1,0.2"], {"threshold": [0.1, 0.2]}),
        (["-S", "x"], {"threshold": "x"}),
        (["--exit-layer", "9"], {"exit_layer": 9}),
        (["--max-length", "513"], {"max_length": 513}),
        (["--join", "max"], {"join": "max"}),
        (["--doc-stride", "4", "--join", "sum"], {"doc_stride": 4, "join": "sum"}),
        (["--label-threshold", "0.5"], {"label_threshold": 0.5}),
    ]
    model = costeff.Model(BUNDLED)
    (tmp_path / "t.txt").write_text("a\n")
    for flags, settings in cases:
        done = subprocess.run(
            [cli, "infer", BUNDLED, tmp_path / "t.txt", *flags], capture_output=True, text=True, check=False
        )
        with pytest.raises(costeff.UsageError) as error:
            model.predict(["a"], **settings)
        assert done.returncode == error.value.exit_code == 2
        assert done.stderr.splitlines()[0] == f"costeff: {error.value}"
    done = subprocess.run(
        [cli, "infer", tmp_path / "no", tmp_path / "t.txt"], capture_output=True, text=True, check=False
    )
    with pytest.raises(costeff.ModelError) as error:
        costeff.Model(tmp_path / "no")
    assert done.returncode == error.value.exit_code == 4
    assert done.stderr.splitlines()[0] == f"costeff: {error.value}"
