"""One model for each process, however many tasks it is given."""

from __future__ import annotations

import functools
import os
from typing import Optional, Union

from costeff._model import Model


@functools.lru_cache(maxsize=4)
def _open(
    place: str, path: str, dtype: Optional[str], isa: Optional[str], ignore_unused: bool
) -> Model:
    return Model(path, dtype, isa, ignore_unused=ignore_unused)


def open_once(
    path: Union[str, os.PathLike[str]],
    dtype: Optional[str] = None,
    isa: Optional[str] = None,
    *,
    ignore_unused: bool = False,
) -> Model:
    """The model of this process with these options: opened by the first call, given again by later ones. For workers
    of Spark, Ray and Dask, which are handed one task after the other. The last four are kept."""
    name = os.fspath(path)
    return _open(os.path.abspath(name), name, dtype, isa, ignore_unused)
