"""The objects that come out."""

import pickle

import costeff
import numpy as np
import pytest

TEXTS = ["a charming and often affecting journey .", "unflinchingly bleak and desperate", "a film ."]


def test_model_attributes(model):
    assert model.labels == ["negative", "positive"]
    assert model.layers == 6
    assert model.exits == [1, 2, 3, 4, 5, 6]
    assert model.problem == "single_label"
    assert model.dialect == "cost-eff"
    assert model.dtype == "float32"
    assert model.max_length == 512
    assert model.policy == {"policy": "entropy", "threshold": 0.4}
    assert model.path.endswith("sst2-slender")
    assert "6 layers" in repr(model)


def test_own_policy_as_an_argument(model):
    a, b = model.predict(TEXTS), model.predict(TEXTS, policy=model.policy)
    assert a.exit_layer.tolist() == b.exit_layer.tolist()
    assert model.predict(TEXTS, policy="never").exit_layer.tolist() == [6, 6, 6]


def test_arrays(model):
    a = model.predict(TEXTS, all_exits=True)
    assert len(a) == 3
    assert repr(a) == "<costeff.Answers: 3 rows, single_label>"
    assert (a.label_ids.dtype, a.exit_layer.dtype, a.truncated.dtype) == (np.int64, np.int64, np.bool_)
    assert {x.dtype for x in (a.probs, a.prob, a.entropy, a.logits, a.exits.probs)} == {np.dtype(np.float32)}
    assert a.label_ids.tolist() == a.probs.argmax(1).tolist()
    assert a.prob.tolist() == a.probs.max(1).tolist()
    assert a.stats["rows"] == 3
    assert sum(a.stats["exit_histogram"]) == 3
    with pytest.raises(AttributeError, match="all_exits=True"):
        model.predict(TEXTS).exits  # noqa: B018
    with pytest.raises(AttributeError, match="scores: this model gives one label a row"):
        a.scores  # noqa: B018
    probs = a.probs
    del a
    assert probs.sum() == pytest.approx(3, abs=1e-5)  # it lives as long as somebody has it


def test_pickled_answers(model):
    a = model.predict(TEXTS, all_exits=True)
    b = pickle.loads(pickle.dumps(a))
    assert b.labels.tolist() == a.labels.tolist()
    assert b.exits.probs.tolist() == a.exits.probs.tolist()


def test_to_pandas(model, multi_label, golden):
    pd = pytest.importorskip("pandas")
    series = pd.Series(TEXTS, index=["x", "y", "z"])
    frame = model.predict(series).to_pandas()
    assert frame.columns.tolist() == ["label", "label_id", "prob", "entropy", "exit_layer"]
    assert frame.index.tolist() == ["x", "y", "z"]
    assert frame.label.tolist() == model.predict(TEXTS).labels.tolist()
    assert frame.prob.dtype == np.float32
    frame = costeff.Model(multi_label).predict(TEXTS).to_pandas()
    assert frame.columns.tolist() == ["labels", "label_ids", "prob", "entropy", "exit_layer"]
    assert all(isinstance(x, list) for x in frame.labels)
    frame = costeff.Model(golden / "pabee_stsb").predict(TEXTS, TEXTS).to_pandas()
    assert frame.columns.tolist() == ["value", "exit_layer"]


def test_to_arrow(model, multi_label, golden):
    pa = pytest.importorskip("pyarrow")
    answers = model.predict(TEXTS)
    table = answers.to_arrow()
    assert table.column_names == ["label", "label_id", "prob", "entropy", "exit_layer", "probs"]
    assert table["label"].to_pylist() == answers.labels.tolist()
    assert table["probs"].type == pa.list_(pa.float32(), 2)
    assert table["probs"].to_pylist() == answers.probs.tolist()
    answers = costeff.Model(multi_label).predict(TEXTS, label_threshold=0.4)
    table = answers.to_arrow()
    assert table["labels"].to_pylist() == answers.labels.tolist()
    assert table["label_ids"].type == pa.list_(pa.int64())
    table = costeff.Model(golden / "pabee_stsb").predict(TEXTS, TEXTS).to_arrow()
    assert table.column_names == ["value", "exit_layer"]


def test_rows(model, multi_label, golden):
    row = next(model.predict(TEXTS).rows())
    assert row.label == "positive"
    assert (row.label_id, row.score) == (1, None)
    assert isinstance(row.prob, float)
    row = next(costeff.Model(multi_label).predict(TEXTS, label_threshold=0).rows())
    assert isinstance(row.label, list)
    assert len(row.label) == len(row.label_id) == len(costeff.Model(multi_label).labels)
    row = next(costeff.Model(golden / "pabee_stsb").predict(TEXTS, TEXTS).rows())
    assert row.label is None
    assert isinstance(row.score, float)


def test_question_answering_is_refused(golden):
    model = costeff.Model(golden / "cofi_qa")
    with pytest.raises(costeff.UsageError, match="answers questions and has no labels"):
        model.predict(["a"])


def test_warnings_of_models(tmp_path, golden):
    """A checkpoint that is answered only because ignore_unused is set."""
    import shutil

    from safetensors_of import add_tensor

    place = tmp_path / "m"
    shutil.copytree(golden / "container_safetensors_f32", place)
    add_tensor(place / "model.safetensors", "bert.encoder.layer.0.adapter.weight")
    with pytest.raises(costeff.ModelError, match="adapter"):
        costeff.Model(place)
    with pytest.warns(costeff.ModelWarning):
        costeff.Model(place, ignore_unused=True)


def test_version():
    import importlib.metadata
    import pathlib

    header = pathlib.Path(__file__).resolve().parents[2] / "include" / "costeff" / "version.h"
    assert f'"{costeff.__version__}"' in header.read_text()
    assert costeff.__version__ == importlib.metadata.version("costeff")
