"""What predict() and stream() take, and what they refuse."""

import costeff
import numpy as np
import pytest
from conftest import bits

TEXTS = ["a charming journey .", "dull", "ünïcode 漢字 🙂 and more of it", "", "a text with \0 inside"]
pytestmark = pytest.mark.filterwarnings("ignore::costeff.RowWarning")


def containers():
    yield "list", lambda: list(TEXTS)
    yield "tuple", lambda: tuple(TEXTS)
    yield "numpy U", lambda: np.array(TEXTS)
    yield "numpy U big-endian", lambda: np.array(TEXTS).astype(np.array(TEXTS).dtype.newbyteorder(">"))
    yield "numpy object", lambda: np.array(TEXTS, dtype=object)
    yield "numpy, every second", lambda: np.repeat(np.array(TEXTS), 2)[::2]
    yield "numpy StringDType", lambda: np.array(TEXTS, dtype=np.dtypes.StringDType())
    for dtype in (None, "object", "string[python]", "string[pyarrow]", "category"):
        yield f"pandas {dtype}", lambda dtype=dtype: pandas().Series(TEXTS, dtype=dtype)
    yield "pandas ArrowDtype", lambda: pandas().Series(TEXTS, dtype=pandas().ArrowDtype(arrow().string()))
    yield "pandas Index", lambda: pandas().Index(TEXTS)
    yield "string", lambda: arrow().array(TEXTS)
    yield "large_string", lambda: arrow().array(TEXTS, arrow().large_string())
    yield "string_view", lambda: arrow().array(TEXTS, arrow().string_view())
    yield "dictionary", lambda: arrow().array(TEXTS).dictionary_encode()
    yield "slice", lambda: arrow().array(["x", *TEXTS, None])[1:-1]
    yield "slice of large_string", lambda: arrow().array(["x", *TEXTS, None], arrow().large_string())[1:-1]
    yield "slice of string_view", lambda: arrow().array(["x", *TEXTS, None], arrow().string_view())[1:-1]
    yield "slice of dictionary", lambda: arrow().array(["x", *TEXTS, None]).dictionary_encode()[1:-1]
    yield "chunked", lambda: arrow().chunked_array([TEXTS[:2], [], TEXTS[2:]])
    yield "column", lambda: arrow().table({"text": TEXTS})["text"]
    yield "polars", lambda: polars().Series(TEXTS)
    yield "polars categorical", lambda: polars().Series(TEXTS, dtype=polars().Categorical)


def pandas():
    return pytest.importorskip("pandas")


def arrow():
    return pytest.importorskip("pyarrow")


def polars():
    return pytest.importorskip("polars")


@pytest.mark.parametrize("make", [m for _, m in containers()], ids=[n for n, _ in containers()])
def test_containers(model, make):
    try:
        texts = make()
    except (AttributeError, TypeError, ImportError) as error:  # an older NumPy, pandas or pyarrow
        pytest.skip(str(error))
    assert bits(model.predict(texts).probs) == bits(model.predict(TEXTS).probs)
    pairs = model.predict(TEXTS, texts)
    assert bits(pairs.probs) == bits(model.predict(TEXTS, TEXTS).probs)


@pytest.mark.parametrize("kind", ["string", "large_string", "dictionary"])
def test_arrow_is_read_in_place(model, kind):
    """Letters that change in the array's buffer change in the texts."""
    from costeff import _costeff

    pa = arrow()
    letters = np.frombuffer(b"good bad ", dtype=np.uint8).copy()
    offsets = np.array([0, 5, 9], dtype=np.int64 if kind == "large_string" else np.int32)
    kinds = {"large_string": pa.LargeStringArray}
    array = kinds.get(kind, pa.StringArray).from_buffers(2, pa.py_buffer(offsets), pa.py_buffer(letters))
    if kind == "dictionary":
        array = pa.DictionaryArray.from_arrays(pa.array([0, 1, 1]), array)
    texts = _costeff.texts_of_arrow(array, "texts")
    assert (len(texts), texts.error) == (len(array), "")
    letters[:5] = np.frombuffer(b"bleak", dtype=np.uint8)
    columns, _, _ = model._model.run(texts, None, _costeff.Request(), False, False)
    assert bits(columns["probs"][:2]) == bits(model.predict(["bleak", "bad "]).probs)


BAD_ROWS = [
    (["a", None], "texts[1]: None, expected a str"),
    (["a", 3], "texts[1]: 3 (int), expected a str"),
    (["a", float("nan")], "texts[1]: nan (float), expected a str"),
    ([b"a"], "texts[0]: b'a' (bytes), expected a str"),
    ([["a"]], "texts[0]: ['a'] (list), expected a str"),
    (["a", "\ud800 b"], "texts[1]: a str with half a surrogate pair, which is no text"),
    (np.array(["a", None], dtype=object), "texts[1]: None, expected a str"),
]


@pytest.mark.parametrize("texts,message", BAD_ROWS, ids=[m for _, m in BAD_ROWS])
def test_bad_rows(model, texts, message):
    with pytest.raises(costeff.InputError) as error:
        model.predict(texts)
    assert str(error.value) == message
    assert error.value.exit_code == 3
    with pytest.raises(costeff.InputError) as error:
        model.predict(["a"] * len(texts), texts)
    assert str(error.value) == message.replace("texts", "pairs")


def test_an_object_that_cannot_be_shown(model):
    class Bad:
        def __repr__(self):
            raise RuntimeError("no")

    with pytest.raises(costeff.InputError, match=r"^texts\[0\]: Bad, expected a str$"):
        model.predict([Bad()])


def test_nulls(model):
    pa, pd = arrow(), pandas()
    null = r"texts\[1\]: null, expected a string"
    for array in (
        pa.array(["a", None]),
        pa.array(["a", None], pa.large_string()),
        pa.chunked_array([["a"], [None]]),
        pa.array(["a", None]).dictionary_encode(),
        pd.Series(["a", None], dtype="string[pyarrow]"),
    ):
        with pytest.raises(costeff.InputError, match=null):
            model.predict(array)
    with pytest.raises(costeff.InputError, match=r"texts\[0\]: null"):
        model.predict(pa.nulls(3))
    for dtype in ("object", "string[python]", "category"):
        with pytest.raises(costeff.InputError, match=r"texts\[1\]: .*expected a str"):
            model.predict(pd.Series(["a", None], dtype=dtype))


def test_no_texts_at_all(model):
    pa, pd = arrow(), pandas()
    for texts, message in (
        ("a", r"texts is one str, expected a list of them: \[text\]"),
        (5, "texts is of type int"),
        (None, "texts is of type NoneType"),
        (b"a", "texts is of type bytes"),
        ({"a"}, "texts is of type set"),
        ({"a": 1}, "texts is of type dict"),
        ((x for x in "ab"), r"texts is of type generator.*; stream\(\) takes any iterable"),
        (np.zeros(3), "texts is a NumPy array of float64"),
        (np.array([["a"]]), "texts has 2 dimensions, expected one"),
        (np.array("a"), "texts has 0 dimensions, expected one"),
        (pd.DataFrame({"a": ["x"]}), "texts is a table with columns"),
        (pa.table({"a": ["x"]}), "texts is a table with columns"),
        (pa.array([1]), 'texts is an Arrow array of format "l"'),
        (pa.array([b"a"]), 'texts is an Arrow array of format "z"'),
        (pa.array([["a"]]), r'texts is an Arrow array of format "\+l"'),
    ):
        with pytest.raises(costeff.UsageError, match=message):
            model.predict(texts)


def test_wrong_arguments(model):
    for settings, message in (
        ({"threads": 0}, "threads 0, expected a whole number from 1 to 1024"),
        ({"threads": True}, "threads True, expected"),
        ({"threads": 1.5}, "threads 1.5, expected"),
        ({"threads": "2"}, "threads '2', expected"),
        ({"policy": 3}, "policy 3, expected a str"),
        ({"policy": ""}, "policy is empty"),
        ({"policy": {}}, "policy has no key 'policy'"),
        ({"policy": {"policy": "entropy", "x": 1}}, "policy has the key 'x'"),
        ({"policy": {"policy": "entropy", "threshold": 0.1}, "threshold": 0.2}, "threshold is given twice"),
        ({"threshold": float("nan")}, 'threshold "nan"'),
        ({"threshold": []}, "threshold is empty"),
        ({"threshold": object()}, "threshold <object"),
        ({"exit_layer": 0}, "exit_layer 0, expected"),
        ({"patience": -1}, "patience -1, expected"),
        ({"max_length": 1 << 40}, "max_length 1099511627776, expected"),
    ):
        with pytest.raises(costeff.UsageError, match=message):
            model.predict(["a"], **settings)
    with pytest.raises(costeff.UsageError, match="2 texts and 1 pairs, expected as many of both"):
        model.predict(["a", "b"], ["c"])
    with pytest.raises(TypeError):
        model.predict(["a"], nonsense=1)
    for arguments in ({"path": ""}, {"path": b"x"}, {"path": "a\0b"}, {"path": "x", "dtype": 3}):
        with pytest.raises(costeff.UsageError):
            costeff.Model(**arguments)
    with pytest.raises(costeff.UsageError, match='isa "x", expected one of those this CPU runs'):
        costeff.Model(model.path, isa="x")


def test_a_path_that_is_not_utf8(model, tmp_path):
    import os

    place = os.fsencode(tmp_path) + b"/\xff"
    os.symlink(model.path, place)
    again = costeff.Model(os.fsdecode(place))
    assert again.predict(["dull"]).labels.tolist() == ["negative"]


def test_no_rows(model, multi_label, golden):
    answers = model.predict([], all_exits=True)
    assert len(answers) == 0
    assert answers.probs.shape == (0, 2)
    assert answers.exits.probs.shape == (0, 6, 2)
    assert answers.labels.tolist() == answers.exit_layer.tolist() == []
    assert answers.to_pandas().shape == (0, 5)
    assert answers.to_arrow().num_rows == 0
    for name in (multi_label, golden / "pabee_stsb"):
        empty = costeff.Model(name).predict(np.array([], dtype="U1"))
        assert empty.to_pandas().shape[0] == empty.to_arrow().num_rows == 0
    assert list(model.stream([])) == []


def test_a_million_empty_texts(model):
    with pytest.warns(costeff.RowWarning, match="1000000 rows have no text"):
        answers = model.predict([""] * 1_000_000, exit_layer=1)
    assert len(answers) == 1_000_000
    assert (answers.probs == answers.probs[0]).all()


def test_warnings_of_rows(model):
    with pytest.warns(costeff.RowWarning) as found:
        answers = model.predict(["word " * 2000, " ", "fine"])
    assert [str(w.message) for w in found] == [
        "1 row was longer than the maximal length and was cut",
        "1 row has no text",
    ]
    assert found[0].filename == __file__
    assert answers.truncated.tolist() == [True, False, False]
    assert answers.tokens[0] == model.max_length


def test_a_list_that_changes_meanwhile(model):
    import threading

    texts = [f"text number {i}" for i in range(3000)]
    expected = model.predict(list(texts), policy="never").probs
    clear = threading.Timer(0.005, texts.clear)
    clear.start()
    found = model.predict(texts, policy="never").probs
    clear.join()
    assert len(found) in (0, 3000)
    assert len(found) == 0 or bits(found) == bits(expected)


def test_stream_keeps_little(model):
    read = 0

    def lines():
        nonlocal read
        for i in range(100_000):
            read += 1
            yield f"line {i}"

    rows = model.stream(lines(), chunk=64)
    for _ in range(100):
        next(rows)
    assert read == 128
    rows.close()


def test_stream_errors_come_after_the_rows_before_them(model):
    def broken():
        yield "a"
        yield "b"
        raise KeyError("broken")

    def rows_until(items, error, message):
        found = []
        with pytest.raises(error, match=message):
            for row in model.stream(items):
                found.append(row.label)
        return len(found)

    assert rows_until(broken(), KeyError, "broken") == 2
    assert rows_until(["a", "b", None, "c"], costeff.InputError, r"^texts\[2\]: None, expected a str$") == 2
    assert rows_until([("a", "b"), ("a", 1)], costeff.InputError, r"^pairs\[1\]: 1 \(int\)") == 1
    assert rows_until([("a", "b"), (None, "x"), ("a", 1)], costeff.InputError, r"^texts\[1\]: None") == 1
    assert rows_until([("a", "b"), "c"], costeff.InputError, r"^texts\[1\]: one text, expected a pair") == 1
    assert rows_until(["c", ("a", "b")], costeff.InputError, r"^texts\[1\]: a pair, expected a str") == 1
    assert rows_until(["a", ("a", "b", "c")], costeff.InputError, r"^texts\[1\]: 3 texts") == 1
    many = ["a"] * 5000 + [None]
    assert rows_until(many, costeff.InputError, r"^texts\[5000\]: None") == 5000
    for items in ("text", b"text", 5):
        with pytest.raises(costeff.UsageError, match="expected an iterable of texts"):
            model.stream(items)
    with pytest.raises(costeff.UsageError, match="nope"):
        next(model.stream(["a"], policy="nope"))


def test_stream_of_pairs(golden, sentences):
    model = costeff.Model(golden / "plain_bert")
    pairs = list(zip(sentences[:30], sentences[30:60]))
    answers = model.predict(sentences[:30], sentences[30:60])
    assert list(model.stream(pairs, chunk=8)) == list(answers.rows())
