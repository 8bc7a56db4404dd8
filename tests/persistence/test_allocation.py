import copy
import threading

import pytest
import torch
from torch import nn

from sklearn_mtl.exceptions import ModelFileError
from sklearn_mtl.persistence._allocation import AllocationLimit

MANY = 10**12
X = torch.zeros(10, 10)


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.empty(MANY),
        lambda: torch.zeros(10**6, 10**6),
        lambda: torch.full((MANY,), 1.0),
        lambda: torch.arange(MANY),
        lambda: torch.eye(10**6),
        lambda: torch.linspace(0, 1, MANY),
        lambda: torch.rand(MANY, generator=torch.Generator()),
        lambda: torch.randperm(MANY),
        lambda: X.new_zeros(MANY),
        lambda: X.repeat(10**5, 10**5),
        lambda: X[0, 0].expand(MANY).clone(),
        lambda: torch.stack([X[0, 0].expand(MANY)] * 2),
        lambda: nn.Linear(10**6, 10**6),
        lambda: nn.LSTM(10**6, 10**6),
        lambda: nn.Embedding(MANY, 8),
    ],
)
def test_what_is_too_large_is_refused_before_it_is_made(make):
    with AllocationLimit(10**6, 10**6), pytest.raises(ModelFileError, match="more memory than its arrays"):
        make()


def test_what_is_gone_does_not_count():
    with AllocationLimit(5000, 5000):
        for _ in range(20):
            torch.zeros(1000)
        kept = torch.zeros(1000)
        with pytest.raises(ModelFileError):
            torch.zeros(1000)
        kept.view(10, 100).add_(1)  # neither a view nor an in-place change is a new tensor
        assert kept.sum() == 1000


def test_many_small_ones_are_too_much():
    with AllocationLimit(10_000, 5000):
        kept = [torch.zeros(100) for _ in range(25)]
        with pytest.raises(ModelFileError):
            torch.zeros(1)
        kept.pop()
        torch.zeros(100)


def test_one_may_be_no_larger_than_the_largest():
    with AllocationLimit(10_000, 500):
        torch.zeros(125)
        with pytest.raises(ModelFileError):
            torch.zeros(126)


def test_modules_are_made_as_without_it():
    def module(generator):
        layer = nn.Linear(3, 4)
        nn.init.normal_(layer.weight, generator=generator)
        nn.init.orthogonal_(layer.weight, generator=generator)
        return copy.deepcopy(nn.Sequential(layer, nn.LSTM(4, 2)).double())

    torch.manual_seed(0)
    expected = module(torch.Generator().manual_seed(1))
    torch.manual_seed(0)
    with AllocationLimit(10**6, 10**6):
        made = module(torch.Generator().manual_seed(1))
    for one, other in zip(made.parameters(), expected.parameters(), strict=True):
        assert torch.equal(one, other)
        assert one.requires_grad


def test_other_threads_are_free():
    made = []
    with AllocationLimit(10, 10):
        thread = threading.Thread(target=lambda: made.append(torch.zeros(1000)))
        thread.start()
        thread.join()
    assert len(made) == 1
