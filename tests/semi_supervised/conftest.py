"""A fit that the modules share."""

import pytest

from ._data import clusters, learner


@pytest.fixture(scope="package")
def taught():
    """A fit that accepts a round."""
    X, y, _ = clusters()
    fitted = learner(max_epochs=10).fit(X, y)
    assert fitted.labels_added_["kind"] > 0
    return fitted
