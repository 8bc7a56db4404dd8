"""The device of a fit or a prediction."""

from __future__ import annotations

import re
from multiprocessing import current_process

import torch


def resolve_device(device: str | torch.device) -> torch.device:
    """Return an available device for the parameter ``device``.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda", "cuda:<index>", "mps"} or torch.device
        "auto" uses a visible CUDA device, else MPS, else the CPU. With several CUDA devices, the workers of a loky
        pool use them in turn.

    Returns
    -------
    torch.device

    Raises
    ------
    ValueError
        If the device is not available or invalid; the message lists the available ones.
    """
    if isinstance(device, torch.device):
        device = str(device)
    if not isinstance(device, str):
        raise ValueError(_no_such_device(device))
    if device == "auto":
        return torch.device(_best_device())
    if device == "cuda" and torch.cuda.is_available():
        return torch.device("cuda", 0)
    if device not in available_devices():
        raise ValueError(_no_such_device(device))
    return torch.device(device)


def available_devices() -> list[str]:
    """Return the names of the devices of this process."""
    devices = ["cpu"]
    if torch.cuda.is_available():
        devices += [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        devices.append("mps")
    return devices


def _best_device() -> str:
    devices = available_devices()
    cuda = [name for name in devices if name.startswith("cuda")]
    if cuda:
        return cuda[_loky_worker() % len(cuda)]
    return "mps" if "mps" in devices else "cpu"


def _loky_worker() -> int:
    """Return the position of this process in its loky pool; 0 outside a pool."""
    match = re.fullmatch(r"LokyProcess-(?:\d+:)*(\d+)", current_process().name)
    return int(match[1]) - 1 if match else 0


def _no_such_device(device: object) -> str:
    return f"device={device!r} is not available here; choose 'auto' or one of {available_devices()}."
