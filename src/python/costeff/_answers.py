"""The answers of Model.predict and Model.stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterator, NamedTuple, Optional, Sequence, Union

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas
    import pyarrow

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


class Row(NamedTuple):
    """The answer to one text, as in the command line's columns."""

    #: The name of the label; multi-label models: a list of names; regressions: None.
    label: Union[str, list[str], None]
    #: Its number, or the list of theirs.
    label_id: Union[int, list[int], None]
    #: The probability of the label; multi-label models: the least of max(p, 1 - p).
    prob: Optional[float]
    #: In nats, at the exit where the text left.
    entropy: Optional[float]
    #: The layer after which the text left, from 1.
    exit_layer: int
    #: The score of a regression, else None.
    score: Optional[float]


class Exits:
    """What every exit says, with ``all_exits=True``. Arrays are [rows, exits] or [rows, exits, labels]."""

    def __init__(self, columns: dict[str, Any]) -> None:
        self._columns = columns

    def _column(self, name: str) -> Any:
        try:
            return self._columns[name]
        except KeyError:
            raise AttributeError(f"{name}: a model that gives scores (a regression) has none") from None

    @property
    def layers(self) -> Integers:
        """[exits] The layer of each exit, from 1."""
        return self._columns["layers"]  # type: ignore[no-any-return]

    @property
    def logits(self) -> Floats:
        """[rows, exits, labels]"""
        return self._columns["logits"]  # type: ignore[no-any-return]

    @property
    def probs(self) -> Floats:
        """[rows, exits, labels]"""
        return self._column("probs")  # type: ignore[no-any-return]

    @property
    def entropy(self) -> Floats:
        """[rows, exits] In nats."""
        return self._column("entropy")  # type: ignore[no-any-return]

    @property
    def uncertainty(self) -> Floats:
        """[rows, exits] Of exits that learned theirs (BERxiT); of others NaN."""
        return self._columns["uncertainty"]  # type: ignore[no-any-return]


class Answers:
    """The answers to the texts of one call, row by row, as NumPy arrays.

    ``labels``, ``label_ids``, ``prob``, ``probs`` and ``entropy`` are those of models that give labels, ``scores``
    is that of regressions; the others raise AttributeError. Numbers are the bits that ``costeff infer`` prints.
    """

    def __init__(
        self,
        names: Sequence[str],
        problem: str,
        columns: dict[str, Any],
        stats: dict[str, Any],
        index: Any = None,
    ) -> None:
        self._names = names
        self._problem = problem
        self._columns = columns
        #: The index of the pandas Series that was scored, else None.
        self.index = index
        #: Counts and times of the run: rows, tokens, truncated_rows, empty_rows, exit_histogram, seconds, ...
        self.stats = stats

    def __len__(self) -> int:
        return len(self.exit_layer)

    def __repr__(self) -> str:
        return f"<costeff.Answers: {len(self)} rows, {self._problem}>"

    def _column(self, name: str) -> Any:
        try:
            return self._columns[name]
        except KeyError:
            what = {
                "single_label": "one label a row",
                "multi_label": "any number of labels a row",
                "regression": "a score a row (a regression)",
            }[self._problem]
            raise AttributeError(f"{name}: this model gives {what}") from None

    @property
    def labels(self) -> NDArray[np.object_]:
        """[rows] The name of each row's label; multi-label models: a list of names."""
        if "label_names" not in self._columns:
            names = np.asarray(self._names, dtype=object)
            if self._problem == "multi_label":
                found = _lists([names[ids].tolist() for ids in self._id_lists()])
            else:
                found = names[self._column("label_ids")]
            self._columns["label_names"] = found
        return self._columns["label_names"]  # type: ignore[no-any-return]

    @property
    def label_ids(self) -> NDArray[Any]:
        """[rows] The number of each row's label, int64; multi-label models: a list of numbers."""
        if self._problem == "multi_label" and "label_ids" not in self._columns:
            self._columns["label_ids"] = _lists([ids.tolist() for ids in self._id_lists()])
        return self._column("label_ids")  # type: ignore[no-any-return]

    def _id_lists(self) -> Iterator[Integers]:
        return (np.flatnonzero(row) for row in self.label_mask)

    @property
    def label_mask(self) -> NDArray[np.bool_]:
        """[rows, labels] Multi-label models: whether a label is part of the answer."""
        return self._column("label_mask")  # type: ignore[no-any-return]

    @property
    def scores(self) -> Floats:
        """[rows] The score of a regression."""
        if self._problem != "regression":
            self._column("scores")
        return self.logits[:, 0]

    @property
    def prob(self) -> Floats:
        """[rows] The probability of the label; multi-label models: the least of max(p, 1 - p)."""
        return self._column("prob")  # type: ignore[no-any-return]

    @property
    def probs(self) -> Floats:
        """[rows, labels]"""
        return self._column("probs")  # type: ignore[no-any-return]

    @property
    def logits(self) -> Floats:
        """[rows, labels] Of the exit where the row left."""
        return self._columns["logits"]  # type: ignore[no-any-return]

    @property
    def entropy(self) -> Floats:
        """[rows] In nats, at the exit where the row left."""
        return self._column("entropy")  # type: ignore[no-any-return]

    @property
    def exit_layer(self) -> Integers:
        """[rows] The layer after which the row left, from 1."""
        return self._columns["exit_layer"]  # type: ignore[no-any-return]

    @property
    def tokens(self) -> Integers:
        """[rows] Tokens that were read, with special ones."""
        return self._columns["tokens"]  # type: ignore[no-any-return]

    @property
    def truncated(self) -> NDArray[np.bool_]:
        """[rows] Whether the text was longer than the model reads, and was cut."""
        return self._columns["truncated"]  # type: ignore[no-any-return]

    @property
    def exits(self) -> Exits:
        """What every exit says; only with ``all_exits=True``."""
        if "exits" not in self._columns:
            raise AttributeError("exits: predict(..., all_exits=True) gives them")
        return Exits(self._columns["exits"])

    def _table(self) -> dict[str, Any]:
        """The command line's columns."""
        if self._problem == "regression":
            return {"value": self.scores, "exit_layer": self.exit_layer}
        many = "s" if self._problem == "multi_label" else ""
        return {
            f"label{many}": self.labels,
            f"label_id{many}": self.label_ids,
            "prob": self.prob,
            "entropy": self.entropy,
            "exit_layer": self.exit_layer,
        }

    def rows(self) -> Iterator[Row]:
        """The answers one by one."""
        layers = self.exit_layer.tolist()
        if self._problem == "regression":
            for score, layer in zip(self.scores.tolist(), layers):
                yield Row(None, None, None, None, layer, score)
            return
        columns = (self.labels, self.label_ids, self.prob, self.entropy)
        for label, number, prob, entropy, layer in zip(*(c.tolist() for c in columns), layers):
            yield Row(label, number, prob, entropy, layer, None)

    def to_pandas(self) -> pandas.DataFrame:
        """A DataFrame with the command line's columns, and the index of the Series that was scored."""
        import pandas

        return pandas.DataFrame(self._table(), index=self.index)

    def to_arrow(self) -> pyarrow.Table:
        """A pyarrow.Table with the command line's columns and, of models that give labels, ``probs``, a list of
        fixed size."""
        import pyarrow as pa

        types = {
            "label": pa.string(),
            "labels": pa.list_(pa.string()),
            "label_ids": pa.list_(pa.int64()),
        }
        table = {k: pa.array(v, types.get(k)) for k, v in self._table().items()}
        if self._problem != "regression":
            flat = pa.array(self.probs.reshape(-1))
            table["probs"] = pa.FixedSizeListArray.from_arrays(flat, self.probs.shape[1])
        return pa.table(table)


def _lists(lists: list[list[Any]]) -> NDArray[np.object_]:
    """An array of lists, also where all are of one length."""
    array = np.empty(len(lists), dtype=object)
    for i, row in enumerate(lists):
        array[i] = row
    return array
