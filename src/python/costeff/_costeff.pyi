from typing import Any, Optional

__version__: str

def available_isas() -> list[str]: ...

class Texts:
    def __len__(self) -> int: ...
    @property
    def error(self) -> str: ...

def texts_of_items(items: object, name: str, first: int = 0, partial: bool = False) -> Texts: ...
def texts_of_arrow(source: object, name: str) -> Texts: ...

class Request:
    def __init__(self) -> None: ...
    policy: str
    threshold: str
    exit_weights: str
    join: str
    patience: int
    exit_layer: int
    exit_start: int
    average: Optional[bool]
    label_thresholds: list[float]
    max_length: int
    doc_stride: int
    threads: int
    batch_tokens: int
    all_exits: bool

class Model:
    @staticmethod
    def open(path: bytes, dtype: str, isa: str, ignore_unused: bool) -> Model: ...
    def info(self) -> dict[str, Any]: ...
    def run(
        self,
        texts: Texts,
        pairs: Optional[Texts],
        request: Request,
        interruptible: bool,
        partial: bool,
    ) -> tuple[dict[str, Any], dict[str, Any], str]: ...
