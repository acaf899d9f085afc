"""The exceptions of costeff: one for each exit code of the command line, with its texts."""


class Error(Exception):
    """Anything that goes wrong in costeff. The text is one line that names the place, what was found and what
    was expected."""

    #: What the command line would exit with.
    exit_code: int = 1


class UsageError(Error, ValueError):
    """Wrong arguments, or arguments that this model has no use for."""

    exit_code = 2


class InputError(Error, ValueError):
    """A row that cannot be scored: ``texts[7]: None, expected a str``."""

    exit_code = 3


class ModelError(Error):
    """A model directory that cannot be read."""

    exit_code = 4


class OutputError(Error):
    """Results that cannot be written."""

    exit_code = 5


class ModelWarning(UserWarning):
    """A model was opened whose answers may be wrong."""


class RowWarning(UserWarning):
    """Rows were cut, or have no text."""
