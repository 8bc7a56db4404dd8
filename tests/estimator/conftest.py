import pytest

from .._helpers import mixed_targets, net
from ._data import X


@pytest.fixture(scope="module")
def mixed():
    return net(max_epochs=30, learning_rate=0.02).fit(X, mixed_targets(X, missing=0.2))
