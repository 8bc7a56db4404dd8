"""The device of a fit or a prediction."""

from __future__ import annotations

import re
import sys
from multiprocessing import current_process
from urllib.parse import urlsplit

import torch

from ._ranks import is_of_all


def resolve_device(device: str | torch.device) -> torch.device:
    """Return an available device for the parameter ``device``.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda", "cuda:<index>", "mps"} or torch.device
        "auto" uses a visible CUDA device, else MPS, else the CPU. With several CUDA devices, "auto" and "cuda"
        give them in turn to the workers of a loky pool, and to the workers of a Dask cluster on one host.

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
    if is_of_all(device):
        raise ValueError(
            f"device={device!r} trains one network in several processes, which only fit does, on rows in memory. "
            "Use a device of one process here, such as 'auto'."
        )
    if device == "auto":
        return torch.device(_best_device())
    if device == "cuda" and torch.cuda.is_available():
        return torch.device("cuda", _position_of_worker() % torch.cuda.device_count())
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
        return cuda[_position_of_worker() % len(cuda)]
    return "mps" if "mps" in devices else "cpu"


def _position_of_worker() -> int:
    """Return the position of this process among the workers that share its devices; 0 outside a pool."""
    return _loky_worker() or _dask_worker()


def _dask_worker() -> int:
    """Return the position of this Dask worker among those of its host, by name; 0 outside a worker.

    A worker that was started again has a new address and its old name.
    """
    if torch.cuda.device_count() < 2 or "distributed.worker" not in sys.modules:
        return 0
    distributed = sys.modules["distributed"]
    try:
        worker = distributed.get_worker()
    except ValueError:  # no task of a worker runs here
        return 0
    others = distributed.get_client().scheduler_info()["workers"].values()
    host = urlsplit(worker.address).hostname
    names = sorted((str(one["name"]) for one in others if one["host"] == host), key=lambda name: (len(name), name))
    return names.index(str(worker.name)) if str(worker.name) in names else 0


def _loky_worker() -> int:
    """Return the position of this process in its loky pool; 0 outside a pool."""
    match = re.fullmatch(r"LokyProcess-(?:\d+:)*(\d+)", current_process().name)
    return int(match[1]) - 1 if match else 0


def _no_such_device(device: object) -> str:
    return f"device={device!r} is not available here; choose 'auto' or one of {available_devices()}."
