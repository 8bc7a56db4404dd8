"""Stacked training of the trials of a round, of which a pruner removes some between epochs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..training import Removes
from ..utils._warn import warn
from ._stack import Fit, TrainedFits, divided, grouped, required, train_members


@dataclass
class Pruning:
    """Trials of a round that are still trained, and the epochs of each.

    Parameters
    ----------
    trials : list of optuna.Trial
    monitor : {"loss", "score"}
        What of the validation rows is reported; the negative of a loss.
    """

    trials: list[Any]
    monitor: str
    pruned: set[int] = field(default_factory=set)
    n_epochs: dict[int, int] = field(default_factory=dict)

    def removes(self, numbers: Sequence[int], start: int) -> Removes:
        """Return the function that reports the epochs of a stack; its members are the trials at ``numbers``."""

        def report(epoch: int, entries: Mapping[int, Mapping[str, Any]]) -> Collection[int]:
            sign = -1.0 if self.monitor == "loss" else 1.0
            # all report before the first is judged
            for member, entry in entries.items():
                self.n_epochs[numbers[member]] = self.n_epochs.get(numbers[member], 0) + 1
                self.trials[numbers[member]].report(sign * entry[f"valid_{self.monitor}"], start + epoch - 1)
            removed = [member for member in entries if self.trials[numbers[member]].should_prune()]
            self.pruned |= {numbers[member] for member in removed}
            return removed

        return report


def train_pruned(
    fits_of_fold: Callable[[int, Sequence[int]], list[Fit]],
    n_folds: int,
    pruning: Pruning,
    *,
    max_members: int | None,
    stacked: bool | str,
    verbose: int = 0,
) -> tuple[TrainedFits, list[dict[str, Any]]]:
    """Train the fits of trials, one fold after the other; a pruned trial has no fits in later folds.

    Parameters
    ----------
    fits_of_fold : callable
        Returns the fits of a fold, of the trials at some positions.
    n_folds : int
    pruning : Pruning
        Is told of the epochs.
    max_members, stacked, verbose : object
        As in `train_stacks`; also a single fit is trained here.

    Returns
    -------
    trained_fits : TrainedFits
    report : list of dict
        As of `train_stacks`, with an entry for each fold and group.
    """
    trained, report = TrainedFits({}), []
    for fold in range(n_folds):
        positions = [position for position in range(len(pruning.trials)) if position not in pruning.pruned]
        fits = fits_of_fold(fold, positions)
        position_of = {id(fit): position for fit, position in zip(fits, positions, strict=True)}
        longest = max(
            (required(fit.member).config.max_epochs for fit in fits if fit.member is not None), default=0
        )
        for group in grouped(fits).values():
            entry: dict[str, Any] = {"n_fits": len(group), "stacked": group[0].member is not None}
            entry |= {"reason": group[0].reason, "n_stacks": 0, "seconds": 0.0}
            report.append(entry)
            if group[0].member is None:
                warn(f"{len(group)} fits are trained one by one and are not pruned: {group[0].reason}.")
                continue
            _check_validates(group)
            (stacks,) = divided([group], max_members, 1, in_cache=stacked == "auto")
            for stack in stacks:
                removes = pruning.removes([position_of[id(fit)] for fit in stack], fold * longest)
                seconds = _train(stack, pruning.monitor, removes, trained)
                entry["n_stacks"] += 1
                entry["seconds"] += seconds
                if verbose:
                    print(f"[fold {fold + 1}/{n_folds}] {len(stack)} fits in {seconds:.1f} s")
    return trained, report


def _train(stack: Sequence[Fit], monitor: str, removes: Removes, trained: TrainedFits) -> float:
    members = [required(fit.member) for fit in stack]
    outcomes, seconds = train_members(members, stack[0].last.device, monitor == "score", removes)
    finished = [(fit, one) for fit, one in zip(stack, outcomes, strict=True) if one.weights or one.error]
    trained.add(TrainedFits({fit.key: (fit, one, seconds / len(stack)) for fit, one in finished}))
    return seconds


def _check_validates(fits: Sequence[Fit]) -> None:
    if any(required(fit.member).data.valid is None for fit in fits):
        raise ValueError(
            "pruner judges trials by rows that their fits hold out, but these hold out none; set "
            "early_stopping=True, or early_stopping=EarlyStopping(True, n_iter_no_change=max_epochs) to train all "
            "epochs otherwise, or pass pruner=None."
        )
