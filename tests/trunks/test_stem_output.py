"""Outputs of stems: means over positions, and axes of several networks."""

import numpy as np
import pytest
import torch

from sklearn_mtl.trunks import StemOutput, StemOutputs


def random(*shape):
    return torch.from_numpy(np.random.default_rng(0).normal(size=shape))


@pytest.mark.parametrize("n_axes", [0, 1, 2])
@pytest.mark.parametrize("members", [(), (2,)], ids=["one", "members"])
def test_mean_over_all_positions(n_axes, members):
    x = random(*members, 3, *(4, 5)[:n_axes], 2)
    expected = x.reshape(*members, 3, -1, 2).mean(dim=-2)
    torch.testing.assert_close(StemOutput(x, n_axes).mean(), expected)


def test_mean_over_the_steps_that_are_there():
    rows = [random(length, 2) for length in (4, 1, 0)]
    values = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    mask = torch.arange(4) < torch.tensor([[4], [1], [0]])
    means = StemOutput(values, 1, mask).mean()
    torch.testing.assert_close(means[:2, :2], torch.stack([row.mean(dim=0) for row in rows[:2]]))
    assert means[:, 2].tolist() == [1, 1, 0]
    assert not means[2].any()  # a row of nothing is 0, not NaN


TABLE = StemOutput(random(3, 2))
STEPS = StemOutput(random(3, 4, 5), 1, torch.arange(4) < torch.tensor([[4], [1], [0]]))
IMAGES = StemOutput(random(3, 4, 5, 1), 2)


@pytest.mark.parametrize(
    "output",
    [TABLE, STEPS, IMAGES, StemOutputs((TABLE, STEPS, IMAGES))],
    ids=["table", "steps", "images", "several"],
)
@pytest.mark.parametrize("how", ["shared", "stacked"])
def test_each_network_gets_its_output(output, how):
    along = output.shared() if how == "shared" else type(output).stack([output, output])
    for own in along.split(2):
        assert type(own) is type(output)
        torch.testing.assert_close(own, output)


def test_members_come_before_the_networks_that_share():
    members = StemOutput(random(7, 3, 4, 5, 1), 2)
    assert members.shared().values.shape == (7, 1, 3, 4, 5, 1)
