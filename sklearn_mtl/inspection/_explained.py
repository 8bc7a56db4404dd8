"""The networks of a model on the way from the baseline to some rows, and the shares of their inputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..data._dataset import lengths_of, take
from ..estimator._estimator import MultiTaskNetEstimator
from ..tasks import Task
from ..training import Model, PortfolioModel
from ..training._model import n_rows_of
from ..training._portfolio_model import Encodings
from ..utils._memory import explain_out_of_memory
from ..utils._threads import threads_for
from ..utils._types import RowsLike
from ._explained_values import values_of
from ._paths import START, SWITCH, with_moving_stems
from ._routes import OfTable, Route, routes_of

# Rows of a table, tokens, or numbers of images whose gradients are computed at once.
MOST_ROWS, MOST_TOKENS, MOST_NUMBERS = 4096, 16_384, 500_000


class Shares(NamedTuple):
    """What `Explained.shares` returns.

    Parameters
    ----------
    attributions : dict of object to object
        The shares by input.
    sums : ndarray of shape (n_rows,)
        Their sums.
    values, start : ndarray of shape (n_rows,)
        The explained value of each row, and that of its baseline.
    columns : ndarray of int of shape (n_rows,)
        Which value is explained.
    """

    attributions: dict[Any, Any]
    sums: np.ndarray
    values: np.ndarray
    start: np.ndarray
    columns: np.ndarray


class _Part:
    """One network, or networks that are computed together, with stems that move."""

    def __init__(
        self, model: Model, weight: float, routes: Mapping[Any, Route], inputs: Mapping[str, Any]
    ) -> None:
        self.routes, self.inputs, self.weight = routes, inputs, weight
        self.device, self.has_members = model.device, model.n_members > 1
        self.dtype = model.blueprint.torch_dtype
        paths = [route.path for route in routes.values()]
        self.network = with_moving_stems(model.network, model.blueprint.trunk, paths)
        self.n_weights = sum(parameter.numel() for parameter in self.network.parameters())

    def batch(self, rows: Tensor) -> dict[str, Tensor]:
        """Return the inputs of some rows beside those of their baselines."""
        batch = {name: take(values, rows, self.device) for name, values in self.inputs.items()}
        for prefix, route, own in self._own(batch):
            start = route.start(own, rows.to(self.device))
            batch |= {f"{prefix}{START}{name}": values for name, values in start.items() if name != "lengths"}
        return batch

    def switches(self, batch: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        """Return switches of 1 for all inputs of a batch."""
        n_rows = n_rows_of(batch)
        return tuple(
            torch.ones(n_rows, *route.switch_shape(own), dtype=self.dtype, device=self.device)
            for _, route, own in self._own(batch)
        )

    def output(self, name: str, batch: Mapping[str, Tensor], switches: tuple[Tensor, ...]) -> Tensor:
        """Compute the outputs (B, ..., K), or (M, B, ..., K) of several members, of a task."""
        moving = {f"{prefix}{SWITCH}": one for (prefix, *_), one in zip(self._own(batch), switches, strict=True)}
        outputs: Tensor = self.network({**batch, **moving}, [name])[name]
        return outputs

    def _own(self, batch: Mapping[str, Tensor]) -> Iterator[tuple[str, Route, dict[str, Tensor]]]:
        for place, (key, route) in enumerate(self.routes.items()):
            prefix = "" if key is None else f"{place}/"
            own = {n.removeprefix(prefix): values for n, values in batch.items() if n.startswith(prefix)}
            yield prefix, route, {n: values for n, values in own.items() if not n.startswith(START)}


class Explained:
    """A task of a fitted network, for some rows and their baselines.

    Parameters
    ----------
    net : MultiTaskNetEstimator
        Fitted.
    name : str
        The task.
    X, baseline, position : object
        See `integrated_gradients`.
    """

    def __init__(self, net: MultiTaskNetEstimator, name: str, X: RowsLike, baseline: Any, position: Any) -> None:
        view = net._fitted_view()
        model = view._model
        self.name, self.task = name, model.blueprint.tasks[name]
        self.values_of = values_of(name, self.task)
        models = model.parts if isinstance(model, PortfolioModel) else [model]
        weights = model.weights[name] if isinstance(model, PortfolioModel) else np.ones(1)
        encodings = Encodings(X, view)
        self.parts: list[_Part] = []
        self.routes: Mapping[Any, Route] = {}
        for one, weight in zip(models, weights, strict=True):
            inputs = encodings.of(one)
            routes = routes_of(one.blueprint.trunk, X, baseline, view)
            self.routes = self.parts[0].routes if self.parts else routes
            self._from_one_row(routes, baseline)
            self.parts.append(_Part(one, float(weight), routes, inputs))
        self.n_rows = n_rows_of(self.parts[0].inputs)
        self.most = max(1, MOST_ROWS // max(1, self._size_of_row()))
        self.place = _place_of(self.task, name, position, lengths_of(self.parts[0].inputs))

    def _from_one_row(self, routes: Mapping[Any, Route], baseline: Any) -> None:
        """Let the networks of all recipes start at the medians of the first one."""
        first, own = self.routes.get(None), routes.get(None)
        if baseline is not None or not isinstance(own, OfTable) or not isinstance(first, OfTable):
            return
        if first.trunk.fill_ is not None:
            own.given = own.at(first.trunk.fill_)

    def shares(self, column: int | None, n_steps: int, method: Callable[..., Any]) -> Shares:
        """Compute the shares of the inputs of all rows in the value of a column, None for the predicted class."""
        found = [self._of_rows(rows, column, n_steps, method) for rows in self._chunks(n_steps)]
        by_input = zip(*(each.attributions for each in found), strict=True)
        return Shares(
            {
                key: route.shaped(list(parts))
                for (key, route), parts in zip(self.routes.items(), by_input, strict=True)
            },
            *(np.concatenate([getattr(each, field) for each in found]) for field in Shares._fields[1:]),
        )

    def _chunks(self, n_steps: int) -> Iterator[Tensor]:
        size = max(1, self.most // n_steps)
        for start in range(0, self.n_rows, size):
            yield torch.arange(start, min(start + size, self.n_rows))

    def _size_of_row(self) -> int:
        """Return how many rows of a table a row is worth."""
        inputs = self.parts[0].inputs
        lengths = lengths_of(inputs)
        longest = 1 if lengths is None or not len(lengths) else int(lengths.max())
        numbers = [math.prod(v.shape[1:]) for v in inputs.values() if isinstance(v, Tensor) and v.dim() > 2]
        return max(longest * MOST_ROWS // MOST_TOKENS, max([1, *numbers]) * MOST_ROWS // MOST_NUMBERS)

    def _of_rows(self, rows: Tensor, column: int | None, n_steps: int, method: Callable[..., Any]) -> Any:
        batches = [part.batch(rows) for part in self.parts]
        work = sum(part.n_weights for part in self.parts) * len(rows) * n_steps
        with threads_for(work), explain_out_of_memory("computing gradients", "explain fewer rows at a time"):
            with torch.no_grad():
                ends = self._values(batches, 1.0), self._values(batches, 0.0)
            columns = ends[0].argmax(dim=1) if column is None else torch.full((len(rows),), column)
            each = [
                self._of_part(part, batch, columns, n_steps, method)
                for part, batch in zip(self.parts, batches, strict=True)
            ]
        total = [
            sum(part.weight * one for part, one in zip(self.parts, ones, strict=True))
            for ones in zip(*each, strict=True)
        ]
        values, start = (end[torch.arange(len(rows)), columns].numpy() for end in ends)
        sums = sum(one.reshape(len(one), -1).sum(axis=1) for one in total)
        return Shares(total, sums, values, start, columns.numpy())  # type: ignore[arg-type]

    def _values(self, batches: Any, switch: float) -> Tensor:
        """Return all values (B, A) of the task, averaged over the networks, with all switches at one place."""
        total = torch.zeros(())
        for part, batch in zip(self.parts, batches, strict=True):
            at = tuple(torch.full_like(one, switch) for one in part.switches(batch))
            total = total + part.weight * self._of_task(part, batch, at)
        return total.cpu()

    def _of_task(self, part: _Part, batch: Mapping[str, Tensor], at: tuple[Tensor, ...]) -> Tensor:
        values = self.values_of(part.output(self.name, batch, at))
        values = values.mean(dim=0) if part.has_members else values
        if self.place is None:
            return values
        shape = values.shape[1:-1]
        if any(number >= size for number, size in zip(self.place, shape, strict=True)):
            raise ValueError(f"position={self.place} of the task {self.name!r} is not within {tuple(shape)}.")
        found: Tensor = (
            values[:, self.place[0]] if len(self.place) == 1 else values[:, self.place[0], self.place[1]]
        )
        return found

    def _of_part(
        self, part: _Part, batch: Any, columns: Tensor, n_steps: int, method: Callable[..., Any]
    ) -> list[np.ndarray]:
        """Return the shares of the inputs in the value of one part."""

        def value(*given: Tensor) -> Tensor:
            *at, number = given
            steps = {name: values[number.to(values.device)] for name, values in batch.items()}
            found = self._of_task(part, steps, tuple(at))
            return found[torch.arange(len(found)), columns[number.cpu()]]

        ones, n_rows = part.switches(batch), len(columns)
        # the recurrent layers of cuDNN have gradients in training mode only
        with torch.backends.cudnn.flags(enabled=False) if part.device.type == "cuda" else nullcontext():
            shares = method(value).attribute(
                ones,
                baselines=tuple(torch.zeros_like(one) for one in ones),
                additional_forward_args=(torch.arange(n_rows, device=part.device),),
                n_steps=n_steps,
                internal_batch_size=None if n_rows * n_steps <= self.most else max(self.most, n_rows),
            )
        return [share.detach().cpu().numpy() for share in shares]


def _place_of(task: Task, name: str, position: Any, lengths: Tensor | None) -> tuple[int, ...] | None:
    """Return the position whose label is explained; None for a task that labels rows."""
    if task.position_axes == 0:
        if position is not None:
            raise ValueError(f"position={position!r} has no effect on the task {name!r}, which labels rows.")
        return None
    wanted = "an int" if task.position_axes == 1 else "a pair of ints, row and column"
    unit = task.labelled_unit
    if position is None:
        raise ValueError(f"the task {name!r} labels each {unit}; name one by position, {wanted}.")
    given = np.atleast_1d(np.asarray(position))
    if given.shape != (task.position_axes,) or given.dtype.kind not in "iu" or (given < 0).any():
        raise ValueError(f"position={position!r} of the task {name!r} should be {wanted}, from 0 on.")
    if lengths is not None and int(given[0]) >= int(lengths.min()):
        row = int(lengths.argmin())
        raise ValueError(
            f"position={position!r} of the task {name!r}: row {row} of X has {int(lengths[row])} {unit}s only."
        )
    return tuple(int(number) for number in given)
