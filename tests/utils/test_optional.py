import math
import sys

import pytest

from sklearn_mtl.utils._optional import import_optional


def test_a_module_that_is_there_is_imported():
    assert import_optional("math", "plots", "a plot") is math


def test_message_names_purpose_package_and_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"a plot needs matplotlib; .*'sklearn-mtl\[plots\]'") as raised:
        import_optional("matplotlib.pyplot", "plots", "a plot")
    assert isinstance(raised.value.__cause__, ImportError)
