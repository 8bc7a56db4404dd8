"""The fits of a search as few stacked trainings, kept in a bank for scikit-learn's own search."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import torch
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _check_method_params

from ..data import check_weights
from ..estimator._estimator import MultiTaskNetEstimator
from ..training import (
    Member,
    Trained,
    member_of,
    model_of,
    settings_of,
    stacking_pays,
    structure_key,
    train_stacked,
    why_not_stackable,
    why_not_stacked,
)
from ..utils._device import resolve_device
from ..utils._digest import digest
from ..utils._memory import explain_out_of_memory
from ..utils._threads import share_of_threads

# Parameters that members of one stack may differ in without their rows being prepared anew.
_PER_MEMBER = (
    "task_weights", "score_weights", "learning_rate", "weight_decay", "clip_norm", "max_epochs", "monitor",
    "n_iter_no_change", "tol",
)  # fmt: skip
# Bytes that the tensors of one stacked training may take.
MEMORY = 2**30


@dataclass
class Fit:
    """One fit of a search: an estimator with its candidate's parameters, and the rows of a fold.

    Parameters
    ----------
    key : str
        Its name in the bank.
    estimator : estimator
        A pipeline, or the last step itself.
    last : MultiTaskNetEstimator
        The last step.
    member : Member or None
        The fit as a member of a stack; None if it cannot be one.
    reason : str or None
        Why it cannot be, or is not, stacked.
    """

    key: str
    estimator: Any
    last: Any
    member: Member | None = None
    schema: dict[str, Any] = field(default_factory=dict)
    group: Any = None
    reason: str | None = None


class Bank(Mapping[str, Any]):
    """Fitted estimators by the name of their fit, built from their weights when they are asked for.

    Parameters
    ----------
    trained : mapping of str to (Fit, Trained, float)
        Fit, its result, and the seconds of the stacked training per member.
    """

    def __init__(self, trained: Mapping[str, tuple[Fit, Trained, float]]) -> None:
        self._trained = trained

    def __getitem__(self, key: str) -> Any:
        fit, result, _ = self._trained[key]
        model = model_of(_required(fit.member), result, resolve_device(fit.last.device))
        fit.last.__dict__.update(fit.schema)
        fit.last._publish(model)
        return fit.estimator

    def __iter__(self) -> Any:
        return iter(self._trained)

    def __len__(self) -> int:
        return len(self._trained)

    def seconds(self, key: str) -> float:
        """Share of a fit in the time of its stacked training; 0 if it was not trained in one."""
        return self._trained[key][2] if key in self._trained else 0.0


def fill_bank(
    estimator: Any,
    candidates: Sequence[Mapping[str, Any]],
    splits: Sequence[tuple[Any, Any]],
    X: Any,
    y: Any,
    fit_params: Mapping[str, Any],
    *,
    stacked: bool | str,
    max_members: int | None,
    n_jobs: int | None,
    is_done: Callable[[str], bool] = lambda key: False,
) -> tuple[Bank, list[dict[str, Any]]]:
    """Train what can be trained side by side, and report what was and what was not.

    Parameters
    ----------
    estimator : estimator
        A `MultiTaskNetEstimator` or a pipeline that ends in one.
    candidates : sequence of dict
        Parameters of each candidate.
    splits : sequence of (train, test)
        Row numbers of each fold.
    X, y, fit_params : object
        What ``fit`` of the search got.
    stacked : True or "auto"
        "auto" stacks a group only if a few steps of it are faster than those of its members one by one.
    max_members : int or None
        Most members of one stacked training.
    n_jobs : int or None
        Processes that the stacked trainings are spread over.
    is_done : callable, default=never
        Tells by the name of a fit whether it needs no training.

    Returns
    -------
    bank : Bank
    report : list of dict
        One entry per group of fits: ``n_fits``, ``stacked``, ``reason``, ``n_stacks`` and ``seconds``.
    """
    fits = [
        fit
        for train, _ in splits
        for fit in _fits_of_fold(estimator, candidates, *_rows(X, y, fit_params, train))
        if not (fit.key and is_done(fit.key))
    ]
    groups: dict[Any, list[Fit]] = {}
    for fit in fits:
        groups.setdefault(fit.group if fit.member is not None else ("alone", fit.reason), []).append(fit)
    report, stacks, owners = [], [], []
    for group in groups.values():
        entry = _report_entry(group, stacked, max_members, n_jobs)
        report.append(entry)
        if entry["stacked"]:
            chunks = _chunks(group, max_members, n_jobs)
            entry["n_stacks"] = len(chunks)
            stacks += chunks
            owners += [entry] * len(chunks)
    results = Parallel(n_jobs=n_jobs)(
        delayed(_train)([fit.member for fit in stack], stack[0].last.device) for stack in stacks
    )
    trained = {}
    for stack, entry, (outcomes, seconds) in zip(stacks, owners, results, strict=True):
        entry["seconds"] += seconds
        for fit, outcome in zip(stack, outcomes, strict=True):
            trained[fit.key] = (fit, outcome, seconds / len(stack))
    return Bank(trained), report


def _rows(X: Any, y: Any, fit_params: Mapping[str, Any], train: Any) -> tuple[Any, Any, dict[str, Any]]:
    """Slice the rows of a fold as scikit-learn does, so that the names of its fits are the same."""
    params = _check_method_params(X, params=fit_params, indices=train)
    # a y that is lacking is refused by fit
    return _safe_indexing(X, train), None if y is None else _safe_indexing(y, train), params


def _fits_of_fold(
    estimator: Any, candidates: Sequence[Mapping[str, Any]], X: Any, y: Any, params: dict[str, Any]
) -> list[Fit]:
    """Prepare the fits of all candidates to the rows of one fold; what they share is done once."""
    rows = _name_of(X, y, params)
    prepared: dict[str, tuple[Member, dict[str, Any], Any]] = {}
    prefixes: dict[str, tuple[Any, Any]] = {}
    fits = []
    for candidate in candidates:
        candidate_estimator = clone(estimator).set_params(**clone(dict(candidate), safe=False))
        name, last = _name_of(candidate_estimator), last_step(candidate_estimator)[0]
        key = f"{name}-{rows}" if name and rows else ""
        fit = Fit(key, candidate_estimator, last, reason=_why_not(key, candidate_estimator, last, params))
        if fit.reason is None:
            try:
                _prepare(fit, X, y, params, prepared, prefixes)
            except Exception as error:  # whatever fit refuses, it refuses again where the search expects it
                fit.reason = f"not prepared: {error}"
        fits.append(fit)
    return fits


def _name_of(*parts: Any) -> str:
    """Compute a digest; empty if there is none, as of what cannot be pickled."""
    try:
        return digest(*parts)
    except ValueError:
        return ""


def last_step(estimator: Any) -> tuple[Any, list[str]]:
    """Return what stands at the end of pipelines, and the names of the steps that lead there."""
    path: list[str] = []
    while hasattr(estimator, "steps"):
        name, estimator = estimator.steps[-1]
        path.append(name)
    return estimator, path


def _why_not(key: str, estimator: Any, last: Any, params: Mapping[str, Any]) -> str | None:
    if not key:
        return "the estimator, or the rows, cannot be pickled, so that a fit could not be recognised"
    if set(params) - {"sample_weight"} or (params and estimator is not last):
        return f"fit gets {sorted(params)}"
    if last.random_state is not None and not isinstance(last.random_state, int):
        return "random_state is a generator, which every fit moves on"
    if type(last).fit is not MultiTaskNetEstimator.fit:
        return "its class has a fit of its own"
    if last.n_members > 1:
        return "an ensemble is a stack of its own"
    if hasattr(estimator, "_skl_callbacks") or hasattr(last, "_skl_callbacks"):
        return "callbacks follow one training each"
    return why_not_stackable(last)


def _prepare(fit: Fit, X: Any, y: Any, params: Mapping[str, Any], prepared: dict, prefixes: dict) -> None:
    """Make a fit a member: transform the rows by the steps before the last, and do what fit does first."""
    X, prefix = _transformed(fit.estimator, X, y, prefixes)
    last = fit.last
    last._validate_params()
    shared = {name: value for name, value in last.get_params(deep=False).items() if name not in _PER_MEMBER}
    # without a seed every fit draws its own, and weights of rows by task belong to the task weights
    alone = last.random_state is None or bool(params)
    # a task of weight 0 has no place among the encoded targets
    idle = sorted(name for name, weight in (last.task_weights or {}).items() if weight == 0)
    key = fit.key if alone else digest(shared, prefix, idle)
    if key not in prepared:
        reader = clone(last)
        member = member_of(reader, X, y, params.get("sample_weight"))
        schema = {k: v for k, v in vars(reader).items() if k in ("n_features_in_", "feature_names_in_")}
        prepared[key] = (member, schema, {})
    member, fit.schema, keys = prepared[key]
    names = list(member.blueprint.tasks)
    blueprint = replace(
        member.blueprint,
        task_weights=check_weights(last.task_weights, names, "task_weights"),
        score_weights=check_weights(last.score_weights, names, "score_weights"),
    )
    settings = settings_of(last, member.data.n_rows, anneals=member.data.valid is None)
    fit.member = replace(member, blueprint=blueprint, settings=settings)
    active = tuple(blueprint.active)
    if active not in keys:
        keys[active] = why_not_stacked(fit.member), structure_key(fit.member)
    fit.reason, fit.group = keys[active]
    if fit.reason is not None:
        fit.member = None


def _transformed(estimator: Any, X: Any, y: Any, prefixes: dict, before: str = "") -> tuple[Any, str]:
    """Fit the steps before the last once for all candidates that agree in them, also in pipelines of pipelines."""
    if not hasattr(estimator, "steps"):
        return X, before
    if len(estimator.steps) > 1:
        before = digest(before, estimator[:-1])
        if before not in prefixes:
            prefix = clone(estimator[:-1])
            prefixes[before] = (prefix, prefix.fit_transform(X, y))
        prefix, X = prefixes[before]
        estimator.steps = [*prefix.steps, estimator.steps[-1]]
    return _transformed(estimator.steps[-1][1], X, y, prefixes, before)


def _report_entry(
    group: Sequence[Fit], stacked: bool | str, max_members: int | None, n_jobs: int | None
) -> dict[str, Any]:
    reason = group[0].reason
    if reason is None and stacked == "auto":
        # timed as it would be trained: a stack of that size, with the threads that a process gets
        members = [_required(fit.member) for fit in _chunks(group, max_members, n_jobs)[0]]
        with share_of_threads(Parallel(n_jobs=n_jobs)._effective_n_jobs()):
            reason = stacking_pays(members, resolve_device(group[0].last.device))
    return {"n_fits": len(group), "stacked": reason is None, "reason": reason, "n_stacks": 0, "seconds": 0.0}


def _most_members(group: Sequence[Fit], max_members: int | None) -> int:
    """How many members the memory allows: parameters, gradients, moments and best epochs, and activations."""
    member = _required(group[0].member)
    network = member.blueprint.network()
    size = torch.finfo(member.blueprint.torch_dtype).bits // 8
    n_parameters = sum(parameter.numel() for parameter in network.parameters())
    widths = sum(parameter.shape[0] for parameter in network.parameters() if parameter.dim() == 2)
    per_member = size * (6 * n_parameters + 4 * member.settings.batch_size * widths)
    allowed = max(1, MEMORY // per_member)
    return allowed if max_members is None else min(allowed, max_members)


def _chunks(group: Sequence[Fit], max_members: int | None, n_jobs: int | None) -> list[list[Fit]]:
    """Cut a group so that its stacks fit into memory and keep all processes busy."""
    n_processes = Parallel(n_jobs=n_jobs)._effective_n_jobs()
    n_chunks = max(-(-len(group) // _most_members(group, max_members)), min(n_processes, len(group)))
    bounds = [len(group) * i // n_chunks for i in range(n_chunks + 1)]
    return [list(group[start:end]) for start, end in pairwise(bounds)]


def _train(members: Sequence[Member], device: Any) -> tuple[list[Trained], float]:
    start = time.perf_counter()
    doing = f"training {len(members)} fits side by side with batch_size={members[0].settings.batch_size}"
    with explain_out_of_memory(doing, "a smaller max_members or batch_size, or stacked=False, needs less"):
        trained = train_stacked(members, resolve_device(device), with_scores=False)
    return trained, time.perf_counter() - start


def _required(member: Member | None) -> Member:
    assert member is not None
    return member
