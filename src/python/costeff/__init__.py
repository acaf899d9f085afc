"""Early-exit inference for BERT-family text classifiers.

    >>> import costeff
    >>> model = costeff.Model("models/sst2-slender")
    >>> answers = model.predict(["a charming and often affecting journey ."])
    >>> answers.labels[0], answers.exit_layer[0]
    ('positive', 1)

The answers are those of ``costeff infer``, bit for bit.
"""

from costeff._answers import Answers, Exits, Row
from costeff._costeff import __version__, available_isas
from costeff._errors import (
    Error,
    InputError,
    ModelError,
    ModelWarning,
    OutputError,
    RowWarning,
    UsageError,
)
from costeff._model import Model
from costeff._once import open_once

__all__ = [
    "Answers",
    "Error",
    "Exits",
    "InputError",
    "Model",
    "ModelError",
    "ModelWarning",
    "OutputError",
    "Row",
    "RowWarning",
    "UsageError",
    "__version__",
    "available_isas",
    "open_once",
]
