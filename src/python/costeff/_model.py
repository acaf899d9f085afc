"""A model that scores texts."""

from __future__ import annotations

import json
import operator
import os
import threading
import warnings
from typing import Any, Iterable, Iterator, Mapping, Optional, Sequence, Union

from costeff import _costeff
from costeff._answers import Answers, Row
from costeff._errors import InputError, ModelWarning, RowWarning, UsageError
from costeff._texts import Chunk, read_texts

Policy = Union[str, Mapping[str, Any]]
Numbers = Union[float, Sequence[float]]

_MAX_THREADS = 1024
_MAX_LAYERS = 1000  # as the command line's flags


def _whole(name: str, value: Any, low: int, high: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = low - 1
    if isinstance(value, bool) or not low <= number <= high:
        raise UsageError(f"{name} {value!r}, expected a whole number from {low} to {high}")
    return number


def _words(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{name} {value!r}, expected a str")
    return value


def _numbers(name: str, value: Any) -> list[float]:
    try:
        if isinstance(value, (str, bytes)):
            raise TypeError
        return [float(x) for x in value] if hasattr(value, "__iter__") else [float(value)]
    except (TypeError, ValueError):
        raise UsageError(f"{name} {value!r}, expected a number, or a list of one for each layer") from None


def _number_list(name: str, value: Any) -> str:
    """As the command line has it: the same number to the last bit, as repr is exact."""
    text = value if isinstance(value, str) else ",".join(map(repr, _numbers(name, value)))
    if not text:
        raise UsageError(f"{name} is empty, expected at least one number")
    return text


class _Settings:
    """What predict() and stream() are told, beside the texts."""

    # The keys of exit_policy.json, and the arguments that they stand for.
    _KEYS = {
        "policy": "policy",
        "threshold": "threshold",
        "thresholds": "threshold",
        "patience": "patience",
        "layer": "exit_layer",
        "exit_start": "exit_start",
        "average": "average",
        "exit_weights": "exit_weights",
        "weights_from": None,  # a note
        "tuned": None,
    }

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.request = _costeff.Request()
        arguments = {k: v for k, v in given.items() if v is not None}
        policy = arguments.get("policy")
        if isinstance(policy, Mapping):
            del arguments["policy"]
            arguments.update(self._of_mapping(policy, arguments))
        self._set_policy(arguments)
        self._set_rest(arguments)

    def _of_mapping(self, policy: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
        found = {}
        for key, value in policy.items():
            if key not in self._KEYS:
                raise UsageError(f"policy has the key {key!r}, expected those of exit_policy.json")
            name = self._KEYS[key]
            if name is not None:
                if name in arguments or name in found:
                    raise UsageError(f"{name} is given twice, one of them in policy")
                found[name] = value
        if "policy" not in found:
            raise UsageError("policy has no key 'policy', expected as in exit_policy.json")
        return found

    def _set_policy(self, a: Mapping[str, Any]) -> None:
        r = self.request
        if "policy" in a:
            r.policy = _words("policy", a["policy"])
            if not r.policy:
                raise UsageError("policy is empty, expected a name")
        if "threshold" in a:
            r.threshold = _number_list("threshold", a["threshold"])
        if "exit_weights" in a:
            r.exit_weights = _number_list("exit_weights", a["exit_weights"])
        if "patience" in a:
            r.patience = _whole("patience", a["patience"], 0, _MAX_LAYERS)
        if "exit_layer" in a:
            r.exit_layer = _whole("exit_layer", a["exit_layer"], 1, _MAX_LAYERS)
        if "exit_start" in a:
            r.exit_start = _whole("exit_start", a["exit_start"], 1, _MAX_LAYERS)
        if "average" in a:
            r.average = bool(a["average"])

    def _set_rest(self, a: Mapping[str, Any]) -> None:
        r = self.request
        if "label_threshold" in a:
            r.label_thresholds = _numbers("label_threshold", a["label_threshold"])
        if "max_length" in a:
            r.max_length = _whole("max_length", a["max_length"], 1, 1 << 20)
        if "doc_stride" in a:
            r.doc_stride = _whole("doc_stride", a["doc_stride"], 0, 1 << 20)
        if "join" in a:
            r.join = _words("join", a["join"])
        if "threads" in a:
            r.threads = _whole("threads", a["threads"], 1, _MAX_THREADS)
        if "batch_tokens" in a:
            r.batch_tokens = _whole("batch_tokens", a["batch_tokens"], 1, 1 << 20)
        r.all_exits = bool(a.get("all_exits", False))


def _warn_of_rows(stats: Mapping[str, int], level: int) -> None:
    for key, one, many in (
        (
            "truncated_rows",
            "row was longer than the maximal length and was cut",
            "rows were longer than the maximal length and were cut",
        ),
        ("empty_rows", "row has no text", "rows have no text"),
    ):
        if stats[key]:
            text = f"{stats[key]} {one if stats[key] == 1 else many}"
            warnings.warn(text, RowWarning, stacklevel=level)


class Model:
    """A loaded model with its tokenizer.

    ``path``: a model directory. ``dtype``: "float32", "bfloat16" or "int8"; None: what the model was quantised to,
    else float32. ``isa``: the kernels, one of ``costeff.available_isas()``; None: $COSTEFF_ISA, else the best ones.
    ``ignore_unused``: answer even if the checkpoint has tensors that costeff does not know.

    Raises ModelError for a directory that cannot be read, and UsageError for a wrong dtype or isa.

    Several threads may call one model. It is pickled by its path and these options: whoever unpickles it opens the
    directory anew. A forked process goes on with it. Weights are mapped from their file and shared with other
    processes until they are packed, when the first text reaches their layer.
    """

    def __init__(
        self,
        path: Union[str, os.PathLike[str]],
        dtype: Optional[str] = None,
        isa: Optional[str] = None,
        *,
        ignore_unused: bool = False,
    ) -> None:
        name = os.fspath(path)
        if not isinstance(name, str):
            raise UsageError(f"path {path!r}, expected a str or a path")
        if not name or "\0" in name:
            raise UsageError(f"path {name!r}, expected a model directory")
        self._path = name
        self._options = {"dtype": dtype, "isa": isa, "ignore_unused": bool(ignore_unused)}
        if isa is None:
            isa = os.environ.get("COSTEFF_ISA", "")
        self._model = _costeff.Model.open(
            os.fsencode(name),
            "" if dtype is None else _words("dtype", dtype),
            _words("isa", isa),
            bool(ignore_unused),
        )
        self._place = os.path.abspath(name)  # for those that have another working directory
        self._info = self._model.info()
        for text in self._info["warnings"]:
            warnings.warn(text, ModelWarning, stacklevel=2)

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (type(self), self._place, self._options)

    def __repr__(self) -> str:
        i = self._info
        return (
            f"<costeff.Model {self._path!r}: {i['dialect']}, {i['layers']} layers, {len(i['exits'])} exits, "
            f"{i['num_labels']} labels, {i['dtype']}>"
        )

    @property
    def path(self) -> str:
        """The directory, as it was given."""
        return self._path

    @property
    def dialect(self) -> str:
        """Whose form the checkpoint has: "costeff", "deebert", "plain-bert", ..."""
        return str(self._info["dialect"])

    @property
    def problem(self) -> str:
        """ "single_label", "multi_label" or "regression"."""
        return str(self._info["problem"])

    @property
    def labels(self) -> list[str]:
        """The names of the labels, by number."""
        return list(self._info["labels"])

    @property
    def layers(self) -> int:
        """The number of layers."""
        return int(self._info["layers"])

    @property
    def exits(self) -> list[int]:
        """The layers, from 1, that have an exit."""
        return list(self._info["exits"])

    @property
    def max_length(self) -> int:
        """The number of tokens to which texts are cut, with special ones."""
        return int(self._info["max_length"])

    @property
    def dtype(self) -> str:
        """The precision of products in the encoder."""
        return str(self._info["dtype"])

    @property
    def parameters(self) -> int:
        """The number of parameters in use."""
        return int(self._info["parameters"])

    @property
    def policy(self) -> dict[str, Any]:
        """When a text leaves, if predict() is not told otherwise, with the keys of exit_policy.json. predict() takes
        such a dict as its ``policy``."""
        return dict(json.loads(self._info["policy"]))

    def predict(
        self,
        texts: Any,
        pairs: Any = None,
        policy: Optional[Policy] = None,
        threshold: Optional[Numbers] = None,
        threads: Optional[int] = None,
        all_exits: bool = False,
        *,
        patience: Optional[int] = None,
        exit_layer: Optional[int] = None,
        exit_start: Optional[int] = None,
        average: Optional[bool] = None,
        exit_weights: Optional[Numbers] = None,
        label_threshold: Optional[Numbers] = None,
        max_length: Optional[int] = None,
        doc_stride: Optional[int] = None,
        join: Optional[str] = None,
        batch_tokens: Optional[int] = None,
    ) -> Answers:
        """Scores texts, each by itself: the answer to a text does not depend on the others, their order or threads.

        ``texts``: a list or tuple of str, or a NumPy, pandas, pyarrow or polars array of strings. Arrow's buffers are
        read in place. ``pairs``: the second texts of pairs, as many.

        When a text leaves: ``policy`` is a name ("entropy", "max-prob", "margin", "patience", "learned", "fixed",
        "never", "confident-patience", "divergence-patience", "evidence") or a dict as in exit_policy.json;
        ``threshold`` is one number, or one for each layer. What is not given is as the model's exit_policy.json says,
        else texts never leave early. ``patience``, ``exit_layer``, ``exit_start``, ``average`` and ``exit_weights`` are
        the command line's flags of these names.

        ``threads``: None for all CPUs that the process may use. ``all_exits``: compute every exit of every text, for
        ``Answers.exits``. ``label_threshold``: of multi-label models, one number or one for each label. ``max_length``:
        cut texts to so many tokens. ``doc_stride``: read longer texts in windows that share so many tokens instead, whose
        answers are joined by ``join``, "mean", "max" or "first". ``batch_tokens`` changes speed, never answers.

        The GIL is released meanwhile. Ctrl-C in the main thread ends it with KeyboardInterrupt.

        Raises InputError, which names the first row that cannot be scored, and UsageError for arguments that do not
        fit each other or the model. Warns with RowWarning of rows that were cut or have no text.
        """
        given = dict(locals())
        del given["self"], given["texts"], given["pairs"]
        settings = _Settings(given)
        first = read_texts(texts, "texts")
        second = None if pairs is None else read_texts(pairs, "pairs")
        columns, stats, _ = self._run(first, second, settings, False)
        _warn_of_rows(stats, 3)
        is_series = type(texts).__module__.partition(".")[0] == "pandas"
        return self._answers(columns, stats, texts.index if is_series and hasattr(texts, "index") else None)

    def stream(
        self,
        items: Iterable[Any],
        policy: Optional[Policy] = None,
        threshold: Optional[Numbers] = None,
        threads: Optional[int] = None,
        *,
        chunk: int = 4096,
        patience: Optional[int] = None,
        exit_layer: Optional[int] = None,
        exit_start: Optional[int] = None,
        average: Optional[bool] = None,
        exit_weights: Optional[Numbers] = None,
        label_threshold: Optional[Numbers] = None,
        max_length: Optional[int] = None,
        doc_stride: Optional[int] = None,
        join: Optional[str] = None,
        batch_tokens: Optional[int] = None,
    ) -> Iterator[Row]:
        """Scores any iterable of texts, or of pairs of texts, in order and with bounded memory: ``chunk`` rows are read,
        scored and given before more are read.

        Each answer is a Row: label, label_id, prob, entropy, exit_layer, score. Other arguments are as in predict(). An
        error of the iterable, or of a row, is raised after the answers to the rows before it.
        """
        given = dict(locals())
        del given["self"], given["items"], given["chunk"]
        settings = _Settings(given)
        chunk = _whole("chunk", chunk, 1, 1 << 24)
        if isinstance(items, (str, bytes)):
            raise UsageError(f"items is one {type(items).__name__}, expected an iterable of texts")
        try:
            source = iter(items)
        except TypeError:
            raise UsageError(
                f"items is of type {type(items).__name__}, expected an iterable of texts"
            ) from None
        return self._rows(source, settings, chunk)

    def _rows(self, source: Iterator[Any], settings: _Settings, size: int) -> Iterator[Row]:
        done = 0
        while True:
            read = Chunk(source, done, size)
            texts = _costeff.texts_of_items(read.texts, "texts", done, True)
            pairs = None
            if read.pairs:
                pairs = _costeff.texts_of_items(read.pairs, "pairs", done, True)
            columns, stats, error = self._run(texts, pairs, settings, True)
            _warn_of_rows(stats, 3)
            yield from self._answers(columns, stats).rows()
            if error:
                raise InputError(error)
            if read.error is not None:
                raise read.error
            if read.ended:
                return
            done += size

    def _run(
        self, texts: _costeff.Texts, pairs: Optional[_costeff.Texts], settings: _Settings, partial: bool
    ) -> tuple[dict[str, Any], dict[str, Any], str]:
        is_main = threading.current_thread() is threading.main_thread()
        return self._model.run(texts, pairs, settings.request, is_main, partial)

    def _answers(self, columns: dict[str, Any], stats: dict[str, Any], index: Any = None) -> Answers:
        return Answers(self._info["labels"], self._info["problem"], columns, stats, index)


def _reopen(kind: type[Model], path: str, options: dict[str, Any]) -> Model:
    return kind(path, **options)
