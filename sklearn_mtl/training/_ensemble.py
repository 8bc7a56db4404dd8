"""An ensemble: members of different seeds, trained side by side and kept as one network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from sklearn.utils.validation import _num_samples

from ..data._dataset import Dataset
from ..utils._device import resolve_device
from ..utils._memory import explain_out_of_memory
from ..utils._modes import own_modes
from ..utils._random import Streams
from ._callback_list import callbacks_of
from ._epoch_report import EpochReport
from ._learn import Plan, plan_fit
from ._members import settings_of, why_not_stackable, why_not_stacked
from ._model import Model
from ._prepare import DataSplit, prepare_data, split_data
from ._stacked import Member, Trained, train_stacked

WHY_REFUSED = "trains networks side by side, which cannot be"


@own_modes()
def learn_ensemble(estimator: Any, X: Any, y: Any, sample_weight: Any) -> Model:
    """Fit trunk and tasks, encode the rows once, and train the members of an ensemble side by side.

    Each member has its own seed for initial weights, order and dropout, its own share of the rows to validate on,
    and with ``bootstrap`` its own rows, drawn with replacement from those to train on. All stop at the epoch that
    is the best in their mean, which for few rows says far more than the best of each.

    Parameters
    ----------
    estimator : MultiTaskNetEstimator
        Its parameters are read, and scikit-learn's checks of X set ``n_features_in_`` on it.
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
    reason = why_not_stackable(estimator)
    if reason is not None:
        hint = " ensemble='batch' and n_members=1 take callbacks." if callbacks_of(estimator.callbacks) else ""
        raise ValueError(
            f"n_members={estimator.n_members} trains networks side by side, which cannot be: {reason}.{hint}"
        )
    plan = plan_fit(estimator, X, y, sample_weight)
    device = resolve_device(estimator.device)
    members = _members(estimator, plan, X, device)
    doing = f"training n_members={len(members)} networks with batch_size={members[0].settings.batch_size}"
    with explain_out_of_memory(doing, "a smaller n_members, batch_size or trunk needs less"):
        report = EpochReport(estimator.verbose) if estimator.verbose else None
        trained = train_stacked(members, device, with_scores=False, together=True, report=report)
    for result in trained:
        if result.error is not None:
            raise result.error
    blueprint = replace(plan.blueprint, n_members=len(members))
    names = trained[0].weights
    weights = {name: torch.stack([result.weights[name] for result in trained]) for name in names}
    return Model.from_weights(blueprint, plan.container, weights, _histories(trained), device)


def _members(estimator: Any, plan: Plan, X: Any, device: torch.device) -> list[Member]:
    fraction = plan.validation_fraction(estimator)
    rows = prepare_data(
        plan.blueprint, X, plan.targets, plan.sample_weight,
        owner=estimator, device=device, validation_fraction=0.0,
    )  # fmt: skip
    whole = replace(plan.blueprint, n_members=estimator.n_members)
    blueprints = [whole.member(number) for number in range(estimator.n_members)]
    members = [
        Member(
            blueprint,
            plan.container,
            _rows_of_member(number, blueprint.seed, rows.train, plan, fraction, estimator),
            settings_of(estimator, _num_samples(X), anneals=not fraction),
        )
        for number, blueprint in enumerate(blueprints)
    ]
    reason = why_not_stacked(members[0])
    if reason is not None:
        raise ValueError(f"n_members={estimator.n_members} {WHY_REFUSED}: {reason}.")
    return members


def _rows_of_member(
    number: int, seed: int, data: Dataset, plan: Plan, fraction: float, estimator: Any
) -> DataSplit:
    """Let each member validate on other rows, as far as there are: together they learn from all."""
    split = split_data(
        plan.blueprint, data, plan.targets, plan.sample_weight, fraction, fold=number, n_folds=estimator.n_members
    )
    if not estimator.bootstrap:
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
