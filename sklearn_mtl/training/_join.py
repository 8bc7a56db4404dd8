"""How a fit finds the other processes that train it: what it refuses, and what all must have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from skorch.callbacks import Checkpoint as SkorchCheckpoint
from skorch.callbacks import LoadInitState, TrainEndCheckpoint
from torch import distributed

from .._version import __version__
from ..config import FitConfig
from ..utils._device import resolve_device
from ..utils._digest import digest
from ..utils._ranks import Ranks, is_of_all, own_device
from .callbacks._callback_list import has_callback

# Fields of a config that may differ between the processes.
OF_PROCESS = {"device", "random_state", "verbose", "callbacks", "checkpoint"}


class Rule(NamedTuple):
    """A reason against several processes: which config it applies to, and what to do."""

    applies: Callable[[FitConfig], bool]
    reason: str


RULES = (
    Rule(lambda config: config.n_members > 1, "an ensemble trains all members in one process; pass n_members=1"),
    Rule(
        lambda config: config.weighting.needs_gramian,
        "the weighting compares gradients of all rows of a step, which no process has; use one that weighs "
        "losses, such as 'static', 'uncertainty' or 'famo'",
    ),
    Rule(
        lambda config: not config.task_sampling.trains_all,
        "task_sampling trains one task in a step; use task_sampling='all'",
    ),
    Rule(
        lambda config: any(
            has_callback(config.callbacks, kind) for kind in (SkorchCheckpoint, TrainEndCheckpoint, LoadInitState)
        ),
        "skorch's checkpoints would be written by all processes; use the parameter checkpoint",
    ),
)


def join(config: FitConfig, rows: Mapping[str, Any]) -> tuple[FitConfig, Ranks | None]:
    """Find the other processes of a fit, and check that all fit the same to the same rows.

    Parameters
    ----------
    config : FitConfig
    rows : mapping of str to object
        The arguments of ``fit``.

    Returns
    -------
    config : FitConfig
        That of this process: its own device, and the rows that all processes have in a step as the batch size.
        Only the first one prints.
    ranks : Ranks or None
        None if the device is one of a single process.

    Raises
    ------
    ValueError
        If there is no process group, the fit cannot be divided, or it differs between the processes.
    """
    if not is_of_all(config.device):
        return config, None
    if not (distributed.is_available() and distributed.is_initialized()):
        raise ValueError(
            f"device={config.device!r} trains in all processes of torch.distributed, but there is no process "
            "group: start the script with torchrun, and call torch.distributed.init_process_group() before fit."
        )
    for rule in RULES:
        if rule.applies(config):
            raise ValueError(f"device={config.device!r} does not work with this fit: {rule.reason}.")
    ranks = Ranks(resolve_device(own_device(config.device)))
    _refuse_differences(ranks, config, rows)
    batch_size = config.batch_size if config.batch_size == "auto" else int(config.batch_size) * ranks.count
    verbose = config.verbose if ranks.is_first else 0
    return replace(config, device=str(ranks.device), batch_size=batch_size, verbose=verbose), ranks


def _refuse_differences(ranks: Ranks, config: FitConfig, rows: Mapping[str, Any]) -> None:
    """Raise ValueError, in all processes, if they were called with different parameters or rows."""
    names = [name for name in vars(config) if name not in OF_PROCESS]
    parts = {**config.values_of(names), **rows, "the release of sklearn_mtl": __version__}
    known = {name: _digest_or_none(part) for name, part in parts.items()}
    theirs = ranks.of_first(known)
    differ = ranks.any([theirs.get(name) != known[name] for name in parts])
    different = [name for name, differs in zip(parts, differ, strict=True) if differs]
    if different:
        raise ValueError(
            f"the {ranks.count} processes of device={config.device!r} were called with different {different}. "
            "Each takes its share of the same rows by itself: pass all rows, and the same parameters, in each."
        )


def _digest_or_none(part: Any) -> str | None:
    try:
        return digest(part)
    except ValueError:  # it cannot be pickled, so it is not compared
        return None
