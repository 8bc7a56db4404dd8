import multiprocessing

import pytest
import torch

from sklearn_mtl.utils import _device
from sklearn_mtl.utils._device import available_devices, resolve_device


@pytest.fixture
def machine(monkeypatch):
    """Simulate a process with CUDA devices, with or without MPS, and with a name."""

    def pretend(cuda=0, mps=False, process="MainProcess"):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
        named = multiprocessing.Process(name=process)
        monkeypatch.setattr(_device, "current_process", lambda: named)

    return pretend


@pytest.mark.parametrize(
    ("cuda", "mps", "devices"),
    [
        (0, False, ["cpu"]),
        (2, False, ["cpu", "cuda:0", "cuda:1"]),
        (0, True, ["cpu", "mps"]),
        (1, True, ["cpu", "cuda:0", "mps"]),
    ],
)
def test_available_devices(machine, cuda, mps, devices):
    machine(cuda, mps)
    assert available_devices() == devices
    assert [str(resolve_device(name)) for name in devices] == devices


@pytest.mark.parametrize(
    ("cuda", "mps", "process", "chosen"),
    [
        (0, False, "MainProcess", "cpu"),
        (0, True, "MainProcess", "mps"),
        (0, False, "LokyProcess-2", "cpu"),
        (1, False, "MainProcess", "cuda:0"),
        (1, True, "LokyProcess-3", "cuda:0"),
        (3, False, "MainProcess", "cuda:0"),
        (3, False, "LokyProcess-1", "cuda:0"),
        (3, False, "LokyProcess-2", "cuda:1"),
        (3, False, "LokyProcess-3", "cuda:2"),
        (3, False, "LokyProcess-4", "cuda:0"),
        (3, False, "LokyProcess-1:2", "cuda:1"),
        (3, False, "ForkPoolWorker-2", "cuda:0"),
        (3, False, "MyLokyProcess-2", "cuda:0"),
    ],
)
def test_auto(machine, cuda, mps, process, chosen):
    machine(cuda, mps, process)
    assert str(resolve_device("auto")) == chosen


def test_every_worker_of_a_pool_has_its_turn(machine):
    taken = []
    for worker in range(1, 9):
        machine(cuda=4, process=f"LokyProcess-{worker}")
        taken.append(str(resolve_device("auto")))
    assert sorted(taken) == sorted(2 * ["cuda:0", "cuda:1", "cuda:2", "cuda:3"])


@pytest.mark.parametrize("device", ["cuda", torch.device("cuda")])
def test_cuda_is_the_first_device(machine, device):
    machine(cuda=2)
    assert resolve_device(device) == torch.device("cuda", 0)


def test_a_named_device_is_taken_in_a_worker_too(machine):
    machine(cuda=2, process="LokyProcess-2")
    assert resolve_device("cuda:0") == torch.device("cuda:0")
    assert resolve_device("cpu") == torch.device("cpu")


def test_torch_devices_are_taken(machine):
    machine(cuda=2)
    assert resolve_device(torch.device("cuda:1")) == torch.device("cuda:1")


@pytest.mark.parametrize("device", ["cuda", "cuda:0", "mps", "gpu", "", "cuda:-1", "CPU", -1, 0, None, ["cpu"]])
def test_what_is_not_there_is_refused_with_what_is(machine, device):
    machine()
    with pytest.raises(ValueError, match=r"device=.* not available here; choose 'auto' or one of \['cpu'\]"):
        resolve_device(device)


def test_message_lists_every_device(machine):
    machine(cuda=2)
    with pytest.raises(ValueError, match=r"device='cuda:7'.*\['cpu', 'cuda:0', 'cuda:1'\]"):
        resolve_device("cuda:7")
