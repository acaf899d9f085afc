"""What predict() accepts as texts."""

from typing import Any, Optional

from costeff import _costeff
from costeff._errors import InputError, UsageError

_EXPECTED = "expected a list or tuple of str, or a NumPy, pandas or Arrow array of strings"


def _is_from(value: object, module: str) -> bool:
    return type(value).__module__.partition(".")[0] == module


def _of_numpy(array: Any, name: str) -> _costeff.Texts:
    if array.ndim != 1:
        raise UsageError(f"{name} has {array.ndim} dimensions, expected one")
    if array.dtype.kind not in "OUT" and array.size:
        raise UsageError(f"{name} is a NumPy array of {array.dtype}, {_EXPECTED}")
    return _costeff.texts_of_items(array.tolist(), name)


def _of_pandas(series: Any, name: str) -> _costeff.Texts:
    if series.ndim != 1:
        raise UsageError(f"{name} is a table with columns, expected one column of strings")
    # Backed by Arrow: its buffers are read in place.
    array = series.array
    if hasattr(array, "__arrow_array__") and "pyarrow" in repr(getattr(array.dtype, "storage", array.dtype)):
        return _costeff.texts_of_arrow(array.__arrow_array__(), name)
    return _costeff.texts_of_items(series.tolist(), name)


def read_texts(texts: Any, name: str) -> _costeff.Texts:
    """Views of the texts. Raises UsageError for what holds no texts, and InputError that names the first row that
    is none."""
    if isinstance(texts, str):
        raise UsageError(f"{name} is one str, expected a list of them: [text]")
    if isinstance(texts, (list, tuple)):
        return _costeff.texts_of_items(texts, name)
    if _is_from(texts, "numpy") and hasattr(texts, "ndim"):
        return _of_numpy(texts, name)
    if _is_from(texts, "pandas") and hasattr(texts, "ndim"):
        return _of_pandas(texts, name)
    if hasattr(texts, "__arrow_c_stream__") or hasattr(texts, "__arrow_c_array__"):
        return _costeff.texts_of_arrow(texts, name)
    cure = "; stream() takes any iterable" if hasattr(texts, "__iter__") else ""
    raise UsageError(f"{name} is of type {type(texts).__name__}, {_EXPECTED}{cure}")


class Chunk:
    """The next rows of a stream, up to the first that is no text or pair of texts, or before which the iterable
    raised."""

    def __init__(self, items: Any, first: int, size: int) -> None:
        self.first = first
        self.texts: list[Any] = []
        self.pairs: list[Any] = []
        self.error: Optional[BaseException] = None  # after these rows
        self.ended = False
        for _ in range(size):
            try:
                self._add(next(items))
            except StopIteration:
                self.ended = True
                return
            except BaseException as error:  # noqa: B036  raised again after the rows before it
                self.error = error
                return

    def _add(self, item: Any) -> None:
        row = self.first + len(self.texts)
        is_pair = isinstance(item, (tuple, list))
        if is_pair and len(item) != 2:
            raise InputError(f"texts[{row}]: {len(item)} texts, expected one or a pair")
        if row > self.first and is_pair != bool(self.pairs):
            found, expected = ("a pair", "a str") if is_pair else ("one text", "a pair")
            raise InputError(f"texts[{row}]: {found}, expected {expected} as in the rows before")
        if is_pair:
            self.texts.append(item[0])
            self.pairs.append(item[1])
        else:
            self.texts.append(item)
