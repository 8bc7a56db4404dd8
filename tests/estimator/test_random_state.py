"""The same seed makes the same model, and nothing else is drawn from."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch

from sklearn_mtl.trunks import MLP

from .._helpers import (
    assert_same_model,
    mixed_targets,
    net,
)
from ._data import COLOURS, MASS, X, table


@pytest.mark.parametrize("random_state", [0, 123456789, np.random.RandomState(4)], ids=str)
def test_same_seed_same_model(random_state):
    settings = {"trunk": MLP((8,), dropout=0.3), "early_stopping": True}
    states = [copy.deepcopy(random_state) for _ in range(2)]
    one, other = (net(random_state=state, **settings).fit(X, mixed_targets(X)) for state in states)
    assert_same_model(one, other)


def test_other_seed_other_model():
    one, other = net(random_state=0).fit(X, MASS), net(random_state=1).fit(X, MASS)
    assert (one.predict(X) != other.predict(X)).all()


def test_no_seed_is_another_model_each_time():
    one, other = net(random_state=None).fit(X, MASS), net(random_state=None).fit(X, MASS)
    assert (one.predict(X) != other.predict(X)).any()


def test_global_generator_is_neither_read_nor_written():
    settings = {"trunk": MLP((8,), dropout=0.3), "early_stopping": True}
    frame = pd.DataFrame(table())
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one = net(**settings).fit(frame, COLOURS)
    one.predict(frame)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    np.random.seed(3)  # noqa: NPY002
    assert_same_model(one, net(**settings).fit(frame, COLOURS))


def test_threads_of_torch_are_as_before():
    before = torch.get_num_threads()
    net().fit(X, MASS)
    assert torch.get_num_threads() == before
