"""Lean optimisers make the steps of torch's, to the bit."""

import copy
import pickle
import subprocess
import sys

import pytest
import torch
from torch.optim.lr_scheduler import StepLR

from sklearn_mtl.nn._lean_adam import LeanAdam, LeanAdamW

PAIRS = pytest.mark.parametrize(
    ("lean", "plain"), [(LeanAdamW, torch.optim.AdamW), (LeanAdam, torch.optim.Adam)], ids=["adamw", "adam"]
)
PARAMS = {"lr": 0.1, "betas": (0.8, 0.95), "eps": 1e-6, "weight_decay": 0.3, "fused": True}


def parameters():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(*shape, generator=generator).requires_grad_() for shape in ((3, 4), (4,), (2, 2, 2))]


def make_steps(optimizer, tensors, numbers, without=()):
    """Make steps with gradients that depend on their number; some parameters have none in some steps."""
    for number in numbers:
        optimizer.zero_grad()
        assert all(tensor.grad is None for tensor in tensors)
        generator = torch.Generator().manual_seed(number)
        for position, tensor in enumerate(tensors):
            grad = torch.randn(tensor.shape, generator=generator)
            if (number, position) not in without:
                tensor.grad = grad
        optimizer.step()


def assert_equal(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):
        assert torch.equal(one, other)


@PAIRS
@pytest.mark.parametrize(
    "without", [(), {(0, 1), (2, 0)}, {(n, 2) for n in range(3)}, {(4, 1)}], ids=["all", "some", "late", "once"]
)
def test_steps_are_those_of_torch(lean, plain, without):
    ours, theirs = parameters(), parameters()
    make_steps(lean(ours, **PARAMS), ours, range(6), without)
    make_steps(plain(theirs, **PARAMS), theirs, range(6), without)
    assert_equal(ours, theirs)


@PAIRS
@pytest.mark.parametrize("way", ["state_dict", "deepcopy", "pickle", "of torch"])
def test_a_state_is_continued(lean, plain, way):
    theirs = parameters()
    make_steps(plain(theirs, **PARAMS), theirs, range(6))
    ours = parameters()
    first = (plain if way == "of torch" else lean)(ours, **PARAMS)
    make_steps(first, ours, range(3))
    if way in ("state_dict", "of torch"):
        second = lean(ours, **PARAMS)
        second.load_state_dict(copy.deepcopy(first.state_dict()))
    else:
        second = copy.deepcopy(first) if way == "deepcopy" else pickle.loads(pickle.dumps(first))
        ours = second.param_groups[0]["params"]
    make_steps(second, ours, range(3, 6))
    assert_equal(ours, theirs)


@PAIRS
def test_schedulers_of_torch_set_its_rate(lean, plain):
    ours, theirs = parameters(), parameters()
    for optimizer, tensors in ((lean(ours, **PARAMS), ours), (plain(theirs, **PARAMS), theirs)):
        scheduler = StepLR(optimizer, step_size=1, gamma=0.5)
        for number in range(4):
            make_steps(optimizer, tensors, [number])
            scheduler.step()
    assert_equal(ours, theirs)


def test_the_compiler_of_torch_is_not_imported():
    code = (
        "import sys, numpy as np; from sklearn_mtl import MultiTaskNetRegressor; "
        "X = np.arange(40.0).reshape(20, 2); MultiTaskNetRegressor(n_members=1, max_epochs=1).fit(X, X); "
        "assert 'torch._dynamo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
