"""The predictors that calibration rows are scored by: a network, those of folds, or members of an ensemble."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from ..columns._ragged import RaggedRows
from ..data._dataset import lengths_of
from ..estimator import MultiTaskNetEstimator
from ..tasks import BoundingBox
from ..utils._types import RowsLike
from ._said import Asked, Said, as_float64, as_numbers, in_order, inner_net, inner_rows, said_by

#: what a predictor of a number says of each task
By = Callable[[int], dict[str, Said]]


class Source(ABC):
    """One or several predictors of all tasks."""

    n_predictors: int

    @abstractmethod
    def at(self, X: RowsLike, asked: Mapping[str, Asked]) -> By:
        """Return a function that computes what the predictor of a number says of some rows."""

    @abstractmethod
    def has_spread(self, task: str) -> bool:
        """Return whether each predictor has a standard deviation of a number."""

    @abstractmethod
    def has_quantiles(self, task: str) -> bool:
        """Return whether each predictor has quantiles of a number."""


class Nets(Source):
    """Fitted networks, each a predictor.

    Parameters
    ----------
    nets : list
        Maybe frozen, or at the end of pipelines.
    """

    def __init__(self, nets: list[Any]) -> None:
        self.nets = nets
        self.n_predictors = len(nets)

    def at(self, X: RowsLike, asked: Mapping[str, Asked]) -> By:
        return lambda number: _said_by_net(self.nets[number], X, asked)

    def has_spread(self, task: str) -> bool:
        if any(isinstance(inner_net(net).tasks_[task], BoundingBox) for net in self.nets):
            return False  # boxes may be tuples, which have no standard deviation
        return all(_has_spread(inner_net(net), task) for net in self.nets)

    def has_quantiles(self, task: str) -> bool:
        return all(_has_quantiles(inner_net(net), task) for net in self.nets)


def _said_by_net(net: Any, X: RowsLike, asked: Mapping[str, Asked]) -> dict[str, Said]:
    """Ask a network of some tasks; one of this package computes its outputs once for all of them."""
    inner = inner_net(net)
    if not isinstance(inner, MultiTaskNetEstimator):
        return said_by(net, X, asked)
    replaced = {name: each for name, each in asked.items() if name in inner.task_predictors_}
    own = {name: each._replace(task=inner.tasks_[name]) for name, each in asked.items() if name not in replaced}
    found = said_by(net, X, replaced) if replaced else {}
    if own:
        everyone = np.ones((1, inner._model.n_members), dtype=bool)
        found |= Members(net, everyone).at(X, own)(0)
    for name in own:
        proba = found[name].probabilities
        if proba is not None:
            found[name] = Said(probabilities=in_order(proba, own[name].task, asked[name].task))
    return found


def _has_spread(net: Any, task: str) -> bool:
    """Return whether a network, of this package or another with its methods, has the deviation of a number."""
    if not hasattr(net, "predict_std") or task in getattr(net, "task_predictors_", ()):
        return False
    model = getattr(net, "_model", None)
    return model is None or model.n_members > 1 or bool(net.tasks_[task].has_distribution)


def _has_quantiles(net: Any, task: str) -> bool:
    if not hasattr(net, "predict_quantiles") or task in getattr(net, "task_predictors_", ()):
        return False
    return not hasattr(net, "_model") or bool(net.tasks_[task].has_quantiles)


class Members(Source):
    """The members of an ensemble that held out the same rows, each such team a predictor.

    Parameters
    ----------
    net : object
        A fitted ensemble, maybe at the end of a pipeline.
    teams : ndarray of bool of shape (n_teams, n_members)
        Which members form each predictor.
    """

    def __init__(self, net: Any, teams: np.ndarray) -> None:
        self.net, self.teams = net, teams
        self.n_predictors = len(teams)

    def at(self, X: RowsLike, asked: Mapping[str, Asked]) -> By:
        view, rows = inner_net(self.net)._fitted_view(), inner_rows(self.net, X)
        outputs = view._model.member_outputs(rows, list(asked), view)
        weights = {name: _weights_of_teams(view._model, name, self.teams) for name in asked}
        lengths = None
        if any(each.task.labels_tokens for each in asked.values()):
            lengths = lengths_of(view._model.blueprint.trunk.encode(rows, owner=view))

        def said(number: int) -> dict[str, Said]:
            return {
                name: _said_by_team(name, each, outputs[name], weights[name][number], self.teams[number], lengths)
                for name, each in asked.items()
            }

        return said

    def has_spread(self, task: str) -> bool:
        several = bool((self.teams.sum(axis=1) > 1).all())
        return several or bool(inner_net(self.net).tasks_[task].has_distribution)

    def has_quantiles(self, task: str) -> bool:
        return bool(inner_net(self.net).tasks_[task].has_quantiles)


def teams_of(net: Any, n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the teams of members that held out the same rows, and the team of each row.

    Parameters
    ----------
    net : MultiTaskNetEstimator
        Fitted to the rows.
    n_rows : int

    Returns
    -------
    teams : ndarray of bool of shape (n_teams, n_members)
    team_of_row : ndarray of int of shape (n_rows,)
        -1 for a row that some recipe of the ensemble has learned in all its members.
    """
    model = net._model
    held = np.vstack([_held_by_members(part, n_rows) for part in _parts(model)])
    by_recipe = [held[members].any(axis=0) for members in _members_of_parts(model)]
    usable = np.all(by_recipe, axis=0)
    if not usable.any():
        return np.empty((0, len(held)), dtype=bool), np.full(n_rows, -1)
    teams, numbers = np.unique(held[:, usable], axis=1, return_inverse=True)
    team_of_row = np.full(n_rows, -1)
    team_of_row[usable] = numbers.ravel()
    return teams.T, team_of_row


def _parts(model: Any) -> list[Any]:
    """Return the models of the recipes of a portfolio, or the model itself."""
    parts: list[Any] = getattr(model, "parts", [model])
    return parts


def _members_of_parts(model: Any) -> list[np.ndarray]:
    sizes = [part.n_members for part in _parts(model)]
    return np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1])


def _held_by_members(model: Any, n_rows: int) -> np.ndarray:
    """Return which members (n_members, n_rows) held out each row; one array of rows is that of all members."""
    rows = model.validation_rows
    by_member = rows if isinstance(rows, list) else [np.empty(0, int) if rows is None else rows]
    held = np.stack([np.isin(np.arange(n_rows), each) for each in by_member])
    return np.broadcast_to(held, (model.n_members, n_rows)) if len(held) == 1 else held


def _weights_of_teams(model: Any, task: str, teams: np.ndarray) -> np.ndarray:
    """Return the weights (n_teams, n_members) of the members of each team, of sum 1, those of recipes kept."""
    each = model.member_weights(task)
    if teams.all():
        return np.broadcast_to(each / each.sum(), teams.shape)
    weights = np.zeros(teams.shape)
    for members in _members_of_parts(model):
        own = teams[:, members]
        weights[:, members] = own * each[members].sum() / np.maximum(own.sum(axis=1, keepdims=True), 1)
    return weights / weights.sum(axis=1, keepdims=True)


def _said_by_team(
    name: str,
    asked: Asked,
    outputs: np.ndarray,
    weights: np.ndarray,
    team: np.ndarray,
    lengths: torch.Tensor | None,
) -> Said:
    task, members, shares = asked.task, outputs[team], weights[team]
    if "quantiles" in asked.fields:
        try:
            values = task.quantiles(members, np.array(asked.quantiles), shares)
        except ValueError as error:
            raise ValueError(f"task {name!r}: {error}.") from error
        return Said(quantiles=values.reshape(len(values), -1, 2))
    averaged = task.average(members, shares) if len(members) > 1 else members[0]
    if task.has_probabilities:
        output: Any = averaged
        if lengths is not None and task.labels_tokens:
            output = RaggedRows(torch.from_numpy(averaged), lengths)
        return Said(probabilities=as_float64(np.asarray(task.decode_proba(output))))
    centre = as_numbers(task.predicted_labels(task.decode(averaged)))
    if task.has_distribution:
        return Said(centre=centre, spread=as_numbers(task.distribution(members, shares).std()))
    if len(members) == 1:
        return Said(centre=centre)
    decoded = np.stack([as_numbers(task.predicted_labels(task.decode(output))) for output in members])
    mean = np.average(decoded, axis=0, weights=shares)
    return Said(centre=centre, spread=np.sqrt(np.average((decoded - mean) ** 2, axis=0, weights=shares)))


def source_of(net: Any, estimators: list[Any] | None, teams: np.ndarray | None) -> Source:
    """Return what scores rows: members of an ensemble in teams, the networks of folds, or one network."""
    if teams is not None:
        return Members(net, teams)
    return Nets([net] if estimators is None else estimators)
