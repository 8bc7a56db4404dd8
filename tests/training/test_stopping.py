import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from sklearn_mtl.training._stopping import BestEpoch

NAN = math.nan


def run(values, patience=2):
    """Watch a network whose weight is the number of the epoch; give the last epoch, the rule and the weight."""
    network, rule = nn.Linear(1, 1), BestEpoch(patience)
    epoch = 0
    for epoch, value in enumerate(values, start=1):
        nn.init.constant_(network.weight, epoch)
        if rule.update(value, epoch, network):
            break
    rule.restore(network)
    return epoch, rule, network.weight.item()


@pytest.mark.parametrize(
    ("values", "last", "best"),
    [
        ([3, 2, 1, 0], 4, 4),
        ([1, 2, 3, 4], 3, 1),
        ([3, 1, 2, 0, 5, 5, 5], 6, 4),
        ([1, 1, 1, 1], 3, 1),
        ([2, NAN, 1, NAN, NAN], 5, 3),
        ([NAN, NAN, 1], 3, 3),
        ([NAN, NAN, NAN, 1], 4, 4),
        ([NAN, NAN, NAN, 1, 2, NAN, 0], 6, 4),
        ([math.inf, 1], 2, 2),
        ([-1, -2, -3], 3, 3),
    ],
)
def test_stops_after_its_patience_and_restores_the_best(values, last, best):
    epoch, rule, weight = run(values)
    assert (epoch, rule.epoch, weight) == (last, best, best)


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=12), st.integers(1, 4))
def test_the_best_of_all_epochs_is_restored(values, patience):
    last, rule, weight = run(values, patience)
    seen = values[:last]
    assert rule.best == min(seen)
    assert weight == rule.epoch == seen.index(min(seen)) + 1
    assert last - rule.epoch <= patience
    assert last == len(values) or last - rule.epoch == patience


def test_kept_weights_are_copies():
    network, rule = nn.Linear(1, 1), BestEpoch(3)
    nn.init.constant_(network.weight, 1)
    rule.update(0.5, 1, network)
    nn.init.constant_(network.weight, 2)
    rule.update(0.6, 2, network)
    assert rule.weights["weight"].item() == 1
    rule.restore(network)
    nn.init.constant_(network.weight, 3)
    assert rule.weights["weight"].item() == 1


def test_nothing_watched_restores_nothing():
    network = nn.Linear(1, 1)
    before = network.weight.detach().clone()
    BestEpoch(1).restore(network)
    assert torch.equal(network.weight, before)


def test_what_is_never_known_stops_nothing_and_keeps_the_last_epoch():
    epoch, rule, weight = run([NAN] * 9)
    assert (epoch, rule.epoch, weight) == (9, 0, 9)
    assert not rule.is_over
