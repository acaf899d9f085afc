"""costeff.open_once."""

import costeff
import pytest
from conftest import BUNDLED


def test_one_model_a_process(monkeypatch):
    first = costeff.open_once(BUNDLED)
    assert costeff.open_once(BUNDLED) is first
    assert costeff.open_once(BUNDLED, "int8") is not first
    monkeypatch.chdir(BUNDLED.parent)
    here = costeff.open_once(BUNDLED.name)
    assert here.path == BUNDLED.name
    monkeypatch.chdir("/")
    with pytest.raises(costeff.ModelError, match=f"^{BUNDLED.name}: does not exist"):
        costeff.open_once(BUNDLED.name)
