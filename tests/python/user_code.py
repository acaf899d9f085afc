"""What a user writes, for mypy --strict: tools/test_python.sh checks it."""

from typing import Any, Iterator, Optional, Union

import costeff
import numpy as np
from numpy.typing import NDArray


def use(texts: list[str]) -> NDArray[np.float32]:
    model = costeff.Model("m", dtype="int8")
    answers: costeff.Answers = model.predict(texts, threshold=0.3, threads=2, all_exits=True)
    layers: NDArray[np.int64] = answers.exit_layer
    exits: NDArray[np.float32] = answers.exits.probs
    rows: Iterator[costeff.Row] = model.stream(iter(texts), policy={"policy": "patience", "patience": 2})
    label: Union[str, list[str], None] = next(rows).label
    score: Optional[float] = next(rows).score
    policy: dict[str, Any] = model.policy
    try:
        model.predict(texts, pairs=texts, policy=policy)
    except costeff.InputError as error:
        code: int = error.exit_code
        print(code, layers, exits, label, score)
    return answers.probs
