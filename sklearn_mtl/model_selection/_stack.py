"""Stacked training of the fits of a search, which scikit-learn's search then looks up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import torch
from sklearn.base import clone
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _check_method_params

from ..config import FitConfig
from ..data import check_score_weights, check_weights
from ..estimator._estimator import MultiTaskNetEstimator
from ..nn._stacking import has_member_axis
from ..training import (
    Eligibility,
    Member,
    Removes,
    Trained,
    ValidationData,
    member_of,
    model_of,
    settled,
    stacking_pays,
    structure_key,
    train_stacked,
)
from ..utils._device import resolve_device
from ..utils._digest import digest
from ..utils._memory import explain_out_of_memory
from ..utils._threads import share_of_threads
from ..utils._types import RowsLike, TargetsLike
from ._workers import Workers, workers_of

# Maximum number of members of a stack on a CPU. More are hardly faster, and a search of several stacks has the
# same ones in one process, in several, and on a cluster.
MEMBERS = 16
# Maximum bytes of the tensors of one stack.
MEMORY = 2**30
# Maximum bytes that the caches of a processor hold: a larger stack is no faster than its members one by one.
CACHE = 10 * 2**20
# Parameters of fit for validation, and their fields of `ValidationData`.
_VALIDATION = {"groups": "groups", "X_val": "X", "y_val": "y", "sample_weight_val": "sample_weight"}
_TOO_LARGE = "one by one is as fast: two networks do not fit into the cache"


@dataclass
class Fit:
    """One fit of a search: an estimator with its candidate's parameters, and the rows of a fold.

    Parameters
    ----------
    key : str
        Its key in `TrainedFits`.
    estimator : estimator
        A pipeline, or the last step itself.
    last : MultiTaskNetEstimator
        The last step.
    member : Member or None
        The fit as a member of a stack; None if it cannot be stacked.
    schema : dict
        ``n_features_in_`` and ``feature_names_in_`` of the fitted estimator.
    group : object
        Equal for fits that can be stacked together.
    reason : str or None
        Why it is not stacked.
    """

    key: str
    estimator: Any
    last: Any
    member: Member | None = None
    schema: dict[str, Any] = field(default_factory=dict)
    group: Any = None
    reason: str | None = None


class TrainedFits(Mapping[str, Any]):
    """Fitted estimators by the key of their fit, built from their weights on access.

    Parameters
    ----------
    trained : mapping of str to (Fit, Trained, float)
        The fit, its result, and the seconds of the stacked training per fit.
    """

    def __init__(self, trained: Mapping[str, tuple[Fit, Trained, float]]) -> None:
        self._trained = dict(trained)

    def __getitem__(self, key: str) -> Any:
        fit, result, _ = self._trained[key]
        model = model_of(required(fit.member), result, resolve_device(fit.last.device))
        fit.last.__dict__.update(fit.schema)
        fit.last._publish(model)
        return fit.estimator

    def __iter__(self) -> Any:
        return iter(self._trained)

    def __len__(self) -> int:
        return len(self._trained)

    def add(self, others: TrainedFits) -> None:
        """Add the fits of a later round of a search."""
        self._trained |= others._trained

    def epochs(self, key: str) -> int:
        """Return the number of epochs of a fit; 0 if it was not stacked."""
        return len(self._trained[key][1].history) if key in self._trained else 0

    def forget(self) -> None:
        """Remove all fits, once they are scored."""
        self._trained.clear()

    def seconds(self, key: str) -> float:
        """Return the share of a fit in the time of its stack; 0 if it was not stacked."""
        return self._trained[key][2] if key in self._trained else 0.0


def train_stacks(
    estimator: Any,
    candidates: Sequence[Mapping[str, Any]],
    splits: Sequence[tuple[Any, Any]],
    X: RowsLike,
    y: TargetsLike,
    fit_params: Mapping[str, Any],
    *,
    stacked: bool | str,
    max_members: int | None,
    n_jobs: int | None,
    verbose: int = 0,
    is_done: Callable[[str], bool] = lambda key: False,
) -> tuple[TrainedFits, list[dict[str, Any]]]:
    """Train the fits that can be stacked, and report which were stacked.

    Parameters
    ----------
    estimator : estimator
        A `MultiTaskNetEstimator` or a pipeline that ends in one.
    candidates : sequence of dict
        Parameters of each candidate.
    splits : sequence of (train, test)
        Row indices of each fold.
    X, y, fit_params : object
        Arguments of ``fit`` of the search.
    stacked : True or "auto"
        "auto" stacks a group only if a few stacked steps are faster than the same steps one by one.
    max_members : int or None
        Maximum number of fits in one stack.
    n_jobs : int or None
        Number of processes for the stacks.
    verbose : int, default=0
        Whether to print a line for each finished stack.
    is_done : callable, default=never
        Returns whether the fit of a key needs no training.

    Returns
    -------
    trained_fits : TrainedFits
    report : list of dict
        One entry per group of fits: ``n_fits``, ``stacked``, ``reason``, ``n_stacks`` and ``seconds``.
    """
    fits = [
        fit
        for train, _ in splits
        for fit in fits_of_rows(estimator, candidates, *rows_of_fit(X, y, fit_params, train))
        if not (fit.key and is_done(fit.key))
    ]
    return train_fits(fits, stacked=stacked, max_members=max_members, n_jobs=n_jobs, verbose=verbose)


def train_fits(
    fits: Sequence[Fit],
    *,
    stacked: bool | str,
    max_members: int | None,
    n_jobs: int | None,
    verbose: int = 0,
) -> tuple[TrainedFits, list[dict[str, Any]]]:
    """Train those of some fits that can be stacked; parameters and results as of `train_stacks`."""
    groups = grouped(fits)
    stackable = [group for group in groups.values() if group[0].member is not None]
    workers = workers_of(n_jobs)
    parts_of = iter(divided(stackable, max_members, workers.count, in_cache=stacked == "auto"))
    report, stacks, owners = [], [], []
    for group in groups.values():
        parts = next(parts_of) if group[0].member is not None else []
        reason = _why_not_pays(group, parts[0], workers.count) if parts and stacked == "auto" else group[0].reason
        entry: dict[str, Any] = {"n_fits": len(group), "stacked": reason is None, "reason": reason}
        entry |= {"n_stacks": 0, "seconds": 0.0}
        report.append(entry)
        if reason is None:
            entry["n_stacks"] = len(parts)
            stacks += parts
            owners += [entry] * len(parts)
    trained = {}
    for done, (position, (outcomes, seconds)) in enumerate(_trained(stacks, workers), start=1):
        stack = stacks[position]
        owners[position]["seconds"] += seconds
        if verbose:
            print(f"[stack {done}/{len(stacks)}] {len(stack)} fits in {seconds:.1f} s")
        for fit, outcome in zip(stack, outcomes, strict=True):
            trained[fit.key] = (fit, outcome, seconds / len(stack))
    return TrainedFits(trained), report


def grouped(fits: Sequence[Fit]) -> dict[Any, list[Fit]]:
    """Group fits by what they must have in common to be stacked, or by the reason against it."""
    groups: dict[Any, list[Fit]] = {}
    for fit in fits:
        groups.setdefault(fit.group if fit.member is not None else ("alone", fit.reason), []).append(fit)
    return groups


def _trained(
    stacks: Sequence[Sequence[Fit]], workers: Workers
) -> Iterator[tuple[int, tuple[list[Trained], float]]]:
    """Train stacks, each on one worker; rows that several stacks need are sent once."""
    if not stacks:  # a pool need not start
        return
    sent: dict[int, Any] = {}
    calls = []
    for stack in stacks:
        members = [required(fit.member) for fit in stack]
        rows = {id(member.data): member.data for member in members}
        sent |= {key: workers.put(data) for key, data in rows.items() if key not in sent}
        which = [list(rows).index(id(member.data)) for member in members]
        bare = [replace(member, data=None) for member in members]  # type: ignore[arg-type]
        calls.append((bare, which, stack[0].last.device, *(sent[key] for key in rows)))
    yield from workers.run(_train, calls)


def rows_of_fit(
    X: RowsLike, y: TargetsLike, fit_params: Mapping[str, Any], train: Any
) -> tuple[Any, Any, dict[str, Any]]:
    """Slice the rows of a fold like scikit-learn, so that the keys of its fits are the same."""
    params = _check_method_params(X, params=fit_params, indices=train)
    # a missing y is rejected by fit
    return _safe_indexing(X, train), None if y is None else _safe_indexing(y, train), params


def fits_of_rows(
    estimator: Any,
    candidates: Sequence[Mapping[str, Any]],
    X: RowsLike,
    y: TargetsLike,
    params: dict[str, Any],
    rows: str | None = None,
) -> list[Fit]:
    """Prepare the fits of all candidates to some rows, as of one fold; common steps are done once.

    ``rows`` is a name of the rows, by default their digest.
    """
    rows = name_of(X, y, params) if rows is None else rows
    prepared: dict[str, tuple[Member, dict[str, Any], Any]] = {}
    prefixes: dict[str, tuple[Any, Any]] = {}
    fits = []
    for candidate in candidates:
        candidate_estimator = clone(estimator).set_params(**clone(dict(candidate), safe=False))
        name, last = name_of(candidate_estimator), last_step(candidate_estimator)[0]
        key = f"{name}-{rows}" if name and rows else ""
        fit = Fit(key, candidate_estimator, last, reason=_why_not(key, candidate_estimator, last, params))
        if fit.reason is None:
            try:
                _prepare(fit, X, y, params, prepared, prefixes)
            except Exception as error:  # fit raises the same error again where the search handles it
                fit.reason = f"not prepared: {error}"
        fits.append(fit)
    return fits


def name_of(*parts: Any) -> str:
    """Compute a digest; empty if a part cannot be pickled."""
    try:
        return digest(*parts)
    except ValueError:
        return ""


def last_step(estimator: Any) -> tuple[Any, list[str]]:
    """Return the last step of nested pipelines, and the names of the steps that lead to it."""
    path: list[str] = []
    while hasattr(estimator, "steps"):
        name, estimator = estimator.steps[-1]
        path.append(name)
    return estimator, path


def _why_not(key: str, estimator: Any, last: Any, params: Mapping[str, Any]) -> str | None:
    if not key:
        return "the estimator or the rows cannot be pickled, so the fit has no digest"
    if set(params) - {"sample_weight", *_VALIDATION} or (params and estimator is not last):
        return f"fit gets {sorted(params)}"
    if last.random_state is not None and not isinstance(last.random_state, int):
        return "random_state is a generator, whose state changes with every fit"
    if type(last).fit is not MultiTaskNetEstimator.fit:
        return "its class overrides fit"
    if hasattr(estimator, "_skl_callbacks") or hasattr(last, "_skl_callbacks"):
        return "callbacks follow one fit each"
    return None


def _prepare(
    fit: Fit, X: RowsLike, y: TargetsLike, params: Mapping[str, Any], prepared: dict, prefixes: dict
) -> None:
    """Transform the rows by the steps before the last, and prepare the fit as a member of a stack."""
    last = fit.last
    config: FitConfig = last._config()
    fit.reason = Eligibility.of_config(config).reason
    if fit.reason is not None:
        return
    X, prefix = transformed(fit.estimator, X, y, prefixes)
    if not last._trains_once(X, y):
        fit.reason = "the recipes of a portfolio are trained one after another"
        return
    # without a seed every fit draws its own; sample weights per task depend on the task weights
    alone = last.random_state is None or "sample_weight" in params
    # a task of weight 0 is not among the encoded targets
    idle = sorted(name for name, weight in (config.task_weights or {}).items() if weight == 0)
    key = fit.key if alone else digest(config.alike_in_stack(), prefix, idle)
    if key not in prepared:
        reader = clone(last)
        passed: Any = {name: params.get(key) for key, name in _VALIDATION.items()}
        given = ValidationData(**passed)
        member = member_of(config, reader, X, y, params.get("sample_weight"), given)
        schema = {k: v for k, v in vars(reader).items() if k in ("n_features_in_", "feature_names_in_")}
        prepared[key] = (member, schema, {})
    member, fit.schema, keys = prepared[key]
    names = list(member.blueprint.tasks)
    blueprint = replace(
        member.blueprint,
        task_weights=check_weights(config.task_weights, names, "task_weights"),
        score_weights=check_score_weights(config.score_weights, names, member.blueprint.auxiliary),
    )
    config = settled(config, member.data.train, anneals=member.data.valid is None)
    member = replace(member, blueprint=blueprint, config=config)
    _ = member.metrics  # an unknown metric is an error of this candidate only
    fit.member = member
    active = tuple(blueprint.active)
    kind = active, config.optimizer.algorithm, config.optimizer.schedule
    if kind not in keys:
        eligibility = Eligibility.of_rows(blueprint, member.data.train, int(config.batch_size))
        keys[kind] = eligibility.reason, structure_key(fit.member)
    fit.reason, fit.group = keys[kind]
    if fit.reason is not None:
        fit.member = None


def transformed(estimator: Any, X: RowsLike, y: TargetsLike, prefixes: dict, before: str = "") -> tuple[Any, str]:
    """Fit the steps before the last once for all candidates with equal steps, also in nested pipelines."""
    if not hasattr(estimator, "steps"):
        return X, before
    if len(estimator.steps) > 1:
        before = digest(before, estimator[:-1])
        if before not in prefixes:
            prefix = clone(estimator[:-1])
            prefixes[before] = (prefix, prefix.fit_transform(X, y))
        prefix, X = prefixes[before]
        estimator.steps = [*prefix.steps, estimator.steps[-1]]
    return transformed(estimator.steps[-1][1], X, y, prefixes, before)


def _why_not_pays(group: Sequence[Fit], stack: Sequence[Fit], n_processes: int) -> str | None:
    """Return why fits are as fast one by one as in a stack; None if they are not.

    Networks with a member axis are judged by their size; others, mapped by `torch.func.vmap`, are timed.
    """
    members = [required(fit.member) for fit in stack]
    if len(members) == 1:
        return "a single fit" if len(group) == 1 else _TOO_LARGE
    blueprint = members[0].blueprint
    if has_member_axis(blueprint.trunk) and has_member_axis(blueprint.architecture):
        return None
    with share_of_threads(n_processes):
        return stacking_pays(members, resolve_device(group[0].last.device))


def _most_members(group: Sequence[Fit], max_members: int | None, in_cache: bool) -> int:
    """Return how many members fit into memory or cache: parameters, gradients, moments, activations."""
    fit = group[0]
    member = required(fit.member)
    network = member.blueprint.network()
    size = torch.finfo(member.blueprint.torch_dtype).bits // 8
    n_parameters = sum(parameter.numel() for parameter in network.parameters())
    widths = sum(parameter.shape[0] for parameter in network.parameters() if parameter.dim() == 2)
    per_member = size * (4 * n_parameters + 2 * int(member.config.batch_size) * widths)
    on_cpu = resolve_device(fit.last.device).type == "cpu"
    allowed = max(1, (CACHE if in_cache and on_cpu else MEMORY) // per_member)
    most = MEMBERS if max_members is None and on_cpu else max_members
    return allowed if most is None else min(allowed, most)


def divided(
    groups: Sequence[Sequence[Fit]], max_members: int | None, n_processes: int, *, in_cache: bool
) -> list[list[list[Fit]]]:
    """Divide groups into stacks that fit into memory or cache.

    The last bits of the results depend on which fits are in a stack. So the stacks depend on the number of
    processes only if there are fewer than processes, and ``max_members`` is not given.
    """
    counts = [-(-len(group) // _most_members(group, max_members, in_cache)) for group in groups]
    if max_members is None and sum(counts) < n_processes:
        counts = [max(count, min(n_processes, len(group))) for count, group in zip(counts, groups, strict=True)]
    stacks = []
    for group, count in zip(groups, counts, strict=True):
        bounds = [len(group) * i // count for i in range(count + 1)]
        stacks.append([list(group[start:end]) for start, end in pairwise(bounds)])
    return stacks


def _train(bare: Sequence[Member], which: Sequence[int], device: Any, *rows: Any) -> tuple[list[Trained], float]:
    """Train members whose rows were sent separately; the weights are on the CPU."""
    return train_members(
        [replace(member, data=rows[one]) for member, one in zip(bare, which, strict=True)], device
    )


def train_members(
    members: Sequence[Member], device: Any, with_scores: bool = False, removes: Removes | None = None
) -> tuple[list[Trained], float]:
    """Train members, in the other parameters as `train_stacked`; return also the seconds."""
    start = time.perf_counter()
    doing = f"training {len(members)} stacked fits with batch_size={members[0].config.batch_size}"
    with explain_out_of_memory(doing, "reduce max_members or batch_size, or set stacked=False"):
        trained = train_stacked(members, resolve_device(device), with_scores, removes)
    for one in trained:
        one.weights = {name: tensor.cpu() for name, tensor in one.weights.items()}
    return trained, time.perf_counter() - start


def required(member: Member | None) -> Member:
    assert member is not None
    return member
