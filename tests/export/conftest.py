from functools import cache

import pytest


@pytest.fixture(scope="session", autouse=True)
def one_registry():
    """Read the operators that torch can translate once and not in each export, which takes a third of its time."""
    try:
        from torch.onnx._internal.exporter._registration import ONNXRegistry
    except ImportError:  # not public; without it the tests only take longer
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ONNXRegistry, "from_torchlib", staticmethod(cache(ONNXRegistry.from_torchlib)))
        yield
