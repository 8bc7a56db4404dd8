"""The caller's torch modes have no effect."""

import threading
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from sklearn_mtl.utils._modes import own_modes


@contextmanager
def default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def default_device(device):
    torch.set_default_device(device)
    try:
        yield
    finally:
        torch.set_default_device(None)


MODES = {
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "set_grad_enabled": lambda: torch.set_grad_enabled(False),
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "device": lambda: torch.device("meta"),
    "set_default_device": lambda: default_device("meta"),
    **{str(dtype): lambda dtype=dtype: default_dtype(dtype) for dtype in (torch.float64, torch.float16)},
}
modes = pytest.mark.parametrize("mode", MODES.values(), ids=MODES)


def computed():
    """Compute with torch's defaults: dtype, device, gradients and autocast."""
    weight = torch.full((2, 2), 0.1, requires_grad=True)
    rows = torch.tensor([[1.0, 2.0]]) + torch.ones(1, 2) + torch.arange(0.0, 2.0)
    loss = (rows @ weight).sum()
    loss.backward()
    return loss.detach(), weight.grad, torch.tensor([1]), torch.tensor(np.float64([0.1])), torch.arange(3)


@modes
def test_what_is_computed_is_what_it_is_without(mode):
    expected = computed()
    with mode(), own_modes():
        found = computed()
    for one, other in zip(found, expected, strict=True):
        assert (one.dtype, one.device.type) == (other.dtype, "cpu")
        assert not one.is_inference()
        torch.testing.assert_close(one, other, rtol=0, atol=0)


@modes
def test_the_modes_of_the_caller_come_back(mode):
    def now():
        kinds = torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.is_autocast_enabled("cpu")
        return *kinds, torch.empty(1).device, torch.get_default_dtype(), torch.empty(1).dtype

    with mode():
        before = now()
        with pytest.raises(ZeroDivisionError), own_modes():
            1 / 0  # noqa: B018
        with own_modes(), own_modes():
            pass
        assert now() == before


def test_another_thread_sees_nothing_of_it():
    seen = []
    with default_dtype(torch.float64), own_modes():
        assert torch.empty(1).dtype == torch.float32
        thread = threading.Thread(target=lambda: seen.append(torch.empty(1).dtype))
        thread.start()
        thread.join()
    assert seen == [torch.float64]


def test_random_numbers_are_drawn_once():
    expected = torch.rand(3, generator=torch.Generator().manual_seed(0))
    with default_dtype(torch.float64), own_modes():
        generator = torch.Generator().manual_seed(0)
        first, second = torch.rand(3, generator=generator), torch.rand(3, generator=generator)
    assert torch.equal(first, expected)
    assert not torch.equal(second, expected)


def test_a_dtype_that_is_given_stays():
    with default_dtype(torch.float64), own_modes():
        assert torch.zeros(1, dtype=torch.float64).dtype == torch.float64
        assert torch.tensor([1.0], dtype=torch.float64).dtype == torch.float64
        assert torch.zeros_like(torch.zeros(1, dtype=torch.float64)).dtype == torch.float64
        assert torch.tensor([[0.1]]).item() == pytest.approx(0.1, abs=1e-8)
