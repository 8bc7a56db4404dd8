from functools import cache

import pytest


@pytest.fixture(scope="session", autouse=True)
def one_registry():
    """Read the operators that torch can translate once and not in each export, which takes a third of its time."""
    registration = pytest.importorskip("torch.onnx._internal.exporter._registration")
    registry = registration.ONNXRegistry
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "from_torchlib", staticmethod(cache(registry.from_torchlib)))
        yield
