"""An ensemble: members of different seeds, trained side by side and kept as one network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _num_samples

from ..config import FitConfig
from ..data._dataset import Dataset
from ..utils._device import resolve_device
from ..utils._memory import explain_out_of_memory
from ..utils._modes import own_modes
from ..utils._random import Streams
from ._callback_list import callbacks_of
from ._caller import Caller
from ._eligibility import Eligibility
from ._epoch_report import EpochReport
from ._learn import Plan, plan_fit
from ._members import settled
from ._model import Model
from ._prepare import DataSplit, prepare_data, split_data
from ._stacked import Member, Trained, train_stacked


@own_modes()
def learn_ensemble(config: FitConfig, caller: Caller, X: Any, y: Any, sample_weight: Any) -> Model:
    """Fit trunk and tasks, encode the rows once, and train the members of an ensemble side by side.

    Each member has its own seed for initial weights, order and dropout, its own share of the rows to validate on,
    and with ``bootstrap`` its own rows, drawn with replacement from those to train on. All stop at the epoch that
    is the best in their mean, which for few rows says far more than the best of each.

    Parameters
    ----------
    config : FitConfig
    caller : Caller
        The estimator that is fitted.
    X, y, sample_weight : object
        What the user passed to ``fit``.

    Raises
    ------
    ValueError
        If the network cannot be trained side by side.
    DivergenceError
        If a member diverges.
    OutOfMemoryError
        If the memory does not hold a step of all of them.
    """
    _refuse(config, Eligibility.of_config(config))
    plan = plan_fit(config, caller.owner, X, y, sample_weight)
    device = resolve_device(config.device)
    members = _members(config, caller.owner, plan, X, device)
    doing = f"training n_members={len(members)} networks with batch_size={members[0].config.batch_size}"
    with explain_out_of_memory(doing, "a smaller n_members, batch_size or trunk needs less"):
        report = EpochReport(config.verbose) if config.verbose else None
        trained = train_stacked(members, device, with_scores=False, together=True, report=report)
    for result in trained:
        if result.error is not None:
            raise result.error
    blueprint = replace(plan.blueprint, n_members=len(members))
    names = trained[0].weights
    weights = {name: torch.stack([result.weights[name] for result in trained]) for name in names}
    return Model.from_weights(blueprint, plan.container, weights, _histories(trained), device)


def _refuse(config: FitConfig, eligibility: Eligibility) -> None:
    if not eligibility.can_be_stacked:
        hint = " ensemble='batch' and n_members=1 take callbacks." if callbacks_of(config.callbacks) else ""
        raise ValueError(
            f"n_members={config.n_members} trains a stack of networks, but they cannot be stacked: "
            f"{eligibility.reason}.{hint}"
        )


def _members(config: FitConfig, owner: BaseEstimator, plan: Plan, X: Any, device: torch.device) -> list[Member]:
    fraction = plan.validation_fraction(config)
    rows = prepare_data(
        plan.blueprint, X, plan.targets, plan.sample_weight,
        owner=owner, device=device, validation_fraction=0.0,
    )  # fmt: skip
    whole = replace(plan.blueprint, n_members=config.n_members)
    blueprints = [whole.member(number) for number in range(config.n_members)]
    members = [
        Member(
            blueprint,
            plan.container,
            _rows_of_member(number, blueprint.seed, rows.train, plan, fraction, config),
            settled(config, _num_samples(X), anneals=not fraction),
        )
        for number, blueprint in enumerate(blueprints)
    ]
    first = members[0]
    _refuse(config, Eligibility.of_rows(first.blueprint, first.data.train, int(first.config.batch_size)))
    return members


def _rows_of_member(
    number: int, seed: int, data: Dataset, plan: Plan, fraction: float, config: FitConfig
) -> DataSplit:
    """Let each member validate on other rows, as far as there are: together they learn from all."""
    split = split_data(
        plan.blueprint, data, plan.targets, plan.sample_weight, fraction, fold=number, n_folds=config.n_members
    )
    if not getattr(config.ensemble, "bootstrap", False):
        return split
    rows = split.train.rows if split.train.rows is not None else torch.arange(len(split.train))
    generator = Streams(seed).generator("bootstrap")
    drawn = rows[torch.randint(len(rows), (len(rows),), generator=generator)]
    return DataSplit(split.train.subset(drawn), split.valid)


def _histories(trained: list[Trained]) -> list[dict[str, Any]]:
    return [
        {"epoch": entry["epoch"], "member": number, **entry}
        for number, result in enumerate(trained)
        for entry in result.history
    ]
