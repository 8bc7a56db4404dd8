"""The state of training between two epochs."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from ._net import MultiTaskNet

#: called after each epoch with the net, and whether it is the last one
Keeper = Callable[[MultiTaskNet, bool], None]


def training_state(net: MultiTaskNet) -> dict[str, Any]:
    """Return everything that the next epochs depend on, for `resume_training` of an equal net.

    Random numbers follow from the seed and the number of the epoch. The state of the user's callbacks, and entries
    of single batches, are not included.

    Returns
    -------
    dict
        Of numbers, text, tensors, and dicts and lists of them. The tensors are not copied.
    """
    return {
        "seed": net.blueprint.seed,
        "stopped": bool(net.stop_training),
        "network": net.module_.state_dict(),
        "objective": net.criterion_.state_dict(),
        "optimizer": net.optimizer_.state_dict(),
        "rates": list(net.rates),
        "stopping": None if net.stopping is None else net.stopping.state(),
        "history": [{k: v for k, v in epoch.items() if k != "batches"} for epoch in net.history],
        "members": net.member_history,
    }


def resume_training(net: MultiTaskNet, state: Mapping[str, Any]) -> None:
    """Restore the state of a training in a net."""
    net.module_.load_state_dict(state["network"])
    net.criterion_.load_state_dict(state["objective"])
    net.optimizer_.load_state_dict(state["optimizer"])
    net.rates = list(state["rates"])
    if net.stopping is not None:
        net.stopping.put_back(state["stopping"])
        net.criterion_.take_out(net.stopping.over)
    net.history[:] = [{**epoch, "batches": []} for epoch in state["history"]]
    net.member_history = [list(entries) for entries in state["members"]]


def continue_from(net: MultiTaskNet, previous: MultiTaskNet, with_optimizer: bool) -> None:
    """Copy weights and history of another net, and on request the state of its optimiser."""
    net.module_.load_state_dict(previous.module_.state_dict())
    # the task weights of the estimator may have changed
    now = {k: v for k, v in net.criterion_.state_dict().items() if k.rpartition(".")[2] == "task_weights"}
    net.criterion_.load_state_dict({**previous.criterion_.state_dict(), **now})
    net.history.extend(previous.history)
    net.member_history = [list(entries) for entries in previous.member_history]
    for ours, theirs in zip(net.module_.parameters(), previous.module_.parameters(), strict=True):
        ours.requires_grad_(theirs.requires_grad)  # a callback may have frozen some
    if with_optimizer and _accumulate_alike(net.optimizer_, previous.optimizer_):
        accumulated = copy.deepcopy(previous.optimizer_.state_dict())
        # learning rate and weight decay of the estimator may have changed
        accumulated["param_groups"] = net.optimizer_.state_dict()["param_groups"]
        net.optimizer_.load_state_dict(accumulated)


def _accumulate_alike(optimizer: torch.optim.Optimizer, other: torch.optim.Optimizer) -> bool:
    """Return whether an optimiser can load the state of another one."""
    groups = optimizer.param_groups, other.param_groups
    if type(optimizer) is not type(other) or len(groups[0]) != len(groups[1]):
        return False
    # options such as amsgrad or momentum have additional state
    passing = ("params", "lr", "initial_lr", "weight_decay", "maximize")
    switches = [[{k: bool(v) for k, v in group.items() if k not in passing} for group in all_] for all_ in groups]
    sizes = [[len(group["params"]) for group in all_] for all_ in groups]
    return switches[0] == switches[1] and sizes[0] == sizes[1]


class LastEpoch:
    """Keeps the model of the last finished epoch, or of the best one, in case training is interrupted."""

    def __init__(self) -> None:
        self._kept: tuple[int, dict[str, Tensor], dict[str, Tensor]] | None = None

    def __call__(self, net: MultiTaskNet, is_last: bool) -> None:
        """Keep the model as it is after an epoch."""
        best = (net.stopping and net.stopping.weights) or _copies(net.module_)
        self._kept = len(net.history), best, _copies(net.criterion_)

    def put_back(self, net: MultiTaskNet) -> bool:
        """Restore the kept model, as if training had ended there; return whether an epoch was finished."""
        if self._kept is None:
            return False
        n_epochs, network, objective = self._kept
        net.module_.load_state_dict(network)
        net.criterion_.load_state_dict(objective)
        del net.history[n_epochs:]
        net.member_history = [entries[:n_epochs] for entries in net.member_history]
        net.finish()
        return True


def _copies(module: Any) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}
