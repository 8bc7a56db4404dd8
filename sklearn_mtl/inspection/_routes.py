"""What each trunk's rows are explained by: the baseline, the switches, and the shape of the result."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from torch import Tensor

from ..columns._columns import plain
from ..columns._frame import as_frame
from ..trunks import MLP, ConvNet, ModuleTrunk, MultiInput, SequenceEncoder, Trunk, VideoEncoder
from ..trunks._named_inputs import column_of, read_inputs
from ..utils._types import RowsLike
from ._paths import Numbers, Path, TableColumns, Tokens, as_long


class Route(ABC):
    """The way of the inputs of one trunk from the baseline to the rows.

    Parameters
    ----------
    trunk : Trunk
        Fitted.
    X : object
        The rows.
    baseline : object
        What the user gave, None for the default.
    owner : BaseEstimator
        The estimator that checks of X name in messages.
    """

    path: Path
    #: names of the parts, for a table
    names: list[str] | None = None

    def __init__(self, trunk: Any, X: RowsLike, baseline: Any, owner: Any) -> None:
        self.trunk, self.X, self.baseline, self.owner = trunk, X, baseline, owner

    @abstractmethod
    def start(self, batch: Mapping[str, Tensor], rows: Tensor) -> dict[str, Tensor]:
        """Return the encoded baseline of each row of a batch, (B, ...)."""

    @abstractmethod
    def switch_shape(self, batch: Mapping[str, Tensor]) -> tuple[int, ...]:
        """Return the shape of the switches of a batch, without the rows."""

    def shaped(self, parts: list[np.ndarray]) -> Any:
        """Return the attributions of the rows of all batches in the shape of X."""
        return np.concatenate(parts)

    def _rows_of(self, encoded: Mapping[str, Tensor], rows: Tensor) -> dict[str, Tensor]:
        """Return the rows of an encoded baseline, which may be one row for all."""
        n_rows = len(next(iter(encoded.values())))
        own = torch.zeros_like(rows) if n_rows == 1 else rows
        return {name: values[own.cpu()] for name, values in encoded.items()}

    def _encoded(self, baseline: RowsLike, n_rows: int) -> dict[str, Tensor]:
        """Encode a baseline of one row, or of as many as there are."""
        encoded = dict(self.trunk.encode(baseline, owner=self.owner))
        found = len(next(iter(encoded.values())))
        if found not in (1, n_rows):
            raise ValueError(f"baseline has {found} rows; it should have 1, or {n_rows} as X has.")
        return {name: values[slice(None)] for name, values in encoded.items()}


class OfTable(Route):
    """Columns, from the median of numbers, and from the zero embedding of an unknown category."""

    trunk: MLP

    def __init__(self, trunk: MLP, X: RowsLike, baseline: Any, owner: Any) -> None:
        super().__init__(trunk, X, baseline, owner)
        table = trunk.table_
        self.n_columns = table.n_columns_
        self.names = table.names_ or [f"x{position}" for position in range(self.n_columns)]
        numeric = np.array(table.numeric_, dtype=int)
        of_stem = np.zeros(trunk.stem_width_, dtype=int)
        for bit in range(self.n_columns.bit_length()):  # a call for each column would be slow for thousands
            of_stem += trunk.stem_mask([p for p in range(self.n_columns) if p >> bit & 1]).astype(int) << bit
        of_inputs = {"numeric": numeric, "placed": numeric, "missing": numeric[trunk.told_]}
        self.path = TableColumns(
            {name: as_long(of) for name, of in of_inputs.items()}, as_long(of_stem), trunk.ranks_ is not None
        )
        fill = np.zeros(len(numeric)) if trunk.fill_ is None else trunk.fill_
        self.given = self.at(fill) if baseline is None else self._read(baseline)

    def at(self, fill: np.ndarray) -> dict[str, Tensor]:
        """Return the encoded row of some numbers and unknown categories."""
        trunk, numeric = self.trunk, self.trunk.table_.numeric_
        encoded: dict[str, Any] = {}
        if numeric:
            is_placed = trunk.place_ is not None
            encoded["numeric"] = trunk._rows(fill[None], is_placed and trunk.scaling is not None)
            if is_placed and trunk.scaling is None:
                encoded["placed"] = trunk._rows(fill[None], True)
            if len(trunk.told_):
                encoded["missing"] = torch.zeros(1, len(trunk.told_), dtype=encoded["numeric"].dtype)
        if trunk.table_.categorical_:
            encoded["categorical"] = torch.zeros(1, len(trunk.table_.categorical_), dtype=torch.int64)
        return encoded

    def _read(self, baseline: Any) -> dict[str, Tensor]:
        n_rows = self.X.shape[0] if hasattr(self.X, "shape") else len(self.X)
        plain_one = plain(baseline)
        if as_frame(plain_one) is None and not issparse(plain_one) and np.ndim(plain_one) == 1:
            baseline = np.asarray(plain_one).reshape(1, -1)
        return self._encoded(baseline, n_rows)

    def start(self, batch: Mapping[str, Tensor], rows: Tensor) -> dict[str, Tensor]:
        of_rows = self._rows_of(self.given, rows)
        return {name: of_rows[name].to(values.device, values.dtype) for name, values in batch.items()}

    def switch_shape(self, batch: Mapping[str, Tensor]) -> tuple[int, ...]:
        return (self.n_columns,)


class OfSequences(Route):
    """Tokens, from vectors of 0 or a word; or the numbers of steps, from their mean or a step."""

    trunk: SequenceEncoder

    def __init__(self, trunk: SequenceEncoder, X: RowsLike, baseline: Any, owner: Any) -> None:
        super().__init__(trunk, X, baseline, owner)
        self.lengths = trunk.lengths(X)
        self.has_tokens = trunk.n_features_ is None
        self.path = Tokens() if self.has_tokens else Numbers()
        if baseline is None:
            self.given: dict[str, Tensor] | None = None
            return
        if self.has_tokens and not (isinstance(baseline, str) and len(baseline.split()) == 1):
            raise TypeError(
                f"baseline={baseline!r} of tokens should be one token, a str, or None for vectors of 0."
            )
        step = [[baseline]] if self.has_tokens else np.asarray(baseline, dtype=float).reshape(1, 1, -1)
        encoded = trunk.encode(step, owner=trunk)
        self.given = {name: encoded[name].padded(slice(None)) for name in encoded if name != "lengths"}

    def start(self, batch: Mapping[str, Tensor], rows: Tensor) -> dict[str, Tensor]:
        begun = {"lengths": batch["lengths"]}
        length = next(values.shape[1] for name, values in batch.items() if name != "lengths")
        there = torch.arange(length, device=rows.device) < batch["lengths"][:, None].to(rows.device)
        for name, values in batch.items():
            if name == "lengths":
                continue
            if self.given is not None:
                one = self.given[name].to(values.device, values.dtype)
                shown = there.view(*there.shape, *(1,) * (values.dim() - 2)).to(values.device)
                begun[name] = torch.where(shown, one, 0)
            else:
                begun[name] = torch.zeros_like(values)
                if not self.has_tokens and not self.trunk.is_placed_:
                    begun[name] += torch.from_numpy(self.trunk.scaler_[0]).to(values)
        return begun

    def switch_shape(self, batch: Mapping[str, Tensor]) -> tuple[int, ...]:
        values = next(values for name, values in batch.items() if name != "lengths")
        return (values.shape[1],) if self.has_tokens else tuple(values.shape[1:])

    def shaped(self, parts: list[np.ndarray]) -> Any:
        """Return a list with an array for each row, without padding."""
        rows = [row for part in parts for row in part]
        return [row[:length] for row, length in zip(rows, self.lengths.tolist(), strict=True)]


class OfImages(Route):
    """The numbers of images and videos, from 0."""

    def __init__(self, trunk: ConvNet | VideoEncoder, X: RowsLike, baseline: Any, owner: Any) -> None:
        super().__init__(trunk, X, baseline, owner)
        images = trunk.images_ if isinstance(trunk, ConvNet) else trunk.videos_
        self.kind, self.channels_first = images.kind, images.channels_first
        self.path = Numbers()
        rows = images._as_array(X)
        self.is_grey = rows.ndim == len(images.axes) + 2
        start = np.zeros_like(rows[:1]) if baseline is None else self._like(baseline, rows)
        self.given = self._encoded(start, len(rows))

    @staticmethod
    def _like(baseline: Any, rows: np.ndarray) -> np.ndarray:
        given = np.asarray(plain(baseline))
        if given.ndim == 0 or given.shape == rows.shape[1:]:
            given = np.broadcast_to(given, (1, *rows.shape[1:]))
        if given.ndim != rows.ndim or given.shape[1:] != rows.shape[1:]:
            raise ValueError(
                f"baseline of shape {given.shape} should be a number, or of the shape of a row, {rows.shape[1:]}."
            )
        held = given.astype(rows.dtype)
        if not np.array_equal(held, given):
            raise ValueError(f"baseline has numbers that {rows.dtype}, the dtype of X, does not have.")
        return held

    def start(self, batch: Mapping[str, Tensor], rows: Tensor) -> dict[str, Tensor]:
        values = batch[self.kind]
        return {self.kind: self._rows_of(self.given, rows)[self.kind].to(values.device, values.dtype)}

    def switch_shape(self, batch: Mapping[str, Tensor]) -> tuple[int, ...]:
        return tuple(batch[self.kind].shape[1:])

    def shaped(self, parts: list[np.ndarray]) -> np.ndarray:
        values = np.concatenate(parts)
        if self.is_grey:
            return values[..., 0]
        return np.moveaxis(values, -1, -3) if self.channels_first else values


class OfModule(Route):
    """The numbers of the rows of a module of the user's own, from 0."""

    trunk: ModuleTrunk

    def __init__(self, trunk: ModuleTrunk, X: RowsLike, baseline: Any, owner: Any) -> None:
        super().__init__(trunk, X, baseline, owner)
        if trunk.integers_:
            raise TypeError(
                f"integrated_gradients does not support the module {trunk._name} of ModuleTrunk, which looks up "
                "integers itself: there is nothing between two integers."
            )
        self.path = Numbers()
        shape = tuple(trunk.input_shape_)
        start = np.zeros(shape) if baseline is None else np.asarray(plain(baseline), dtype=trunk.dtype_)
        n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
        if start.shape not in (shape, (1, *shape), (n_rows, *shape)):
            raise ValueError(f"baseline of shape {start.shape} should have the shape of a row, {shape}.")
        self.given = {"rows": torch.from_numpy(start.reshape(-1, *shape))}

    def start(self, batch: Mapping[str, Tensor], rows: Tensor) -> dict[str, Tensor]:
        values = batch["rows"]
        return {"rows": self._rows_of(self.given, rows)["rows"].to(values.device, values.dtype)}

    def switch_shape(self, batch: Mapping[str, Tensor]) -> tuple[int, ...]:
        return tuple(batch["rows"].shape[1:])


_BY_TRUNK: dict[type[Trunk], type[Any]] = {
    MLP: OfTable,
    SequenceEncoder: OfSequences,
    ConvNet: OfImages,
    VideoEncoder: OfImages,
    ModuleTrunk: OfModule,
}


def routes_of(trunk: Trunk, X: RowsLike, baseline: Any, owner: Any) -> dict[Any, Route]:
    """Return the route of a trunk under None, or those of the inputs of a `MultiInput` by their keys.

    Raises
    ------
    TypeError
        If the trunk is of another type.
    """
    if not isinstance(trunk, MultiInput):
        return {None: _route(trunk, X, baseline, owner)}
    if baseline is not None and not isinstance(baseline, Mapping):
        raise TypeError(f"baseline of several inputs should be a mapping by input, got {type(baseline).__name__}.")
    unknown = [key for key in baseline or {} if key not in trunk.inputs_]
    if unknown:
        raise ValueError(f"baseline names inputs {unknown} that X does not have; it has {list(trunk.inputs_)}.")
    inputs = read_inputs(X)
    return {
        key: _route(own, column_of(inputs, key, own), (baseline or {}).get(key), own)
        for key, own in trunk.inputs_.items()
    }


def _route(trunk: Trunk, X: RowsLike, baseline: Any, owner: Any) -> Route:
    # exact types: a subclass may encode otherwise
    if type(trunk) not in _BY_TRUNK:
        known = ", ".join(each.__name__ for each in _BY_TRUNK)
        raise TypeError(
            f"integrated_gradients does not support the trunk {type(trunk).__name__}; it supports {known} and "
            "MultiInput of these. task_importances works with every trunk that reads columns."
        )
    route: Route = _BY_TRUNK[type(trunk)](trunk, X, baseline, owner)
    return route
