"""Multilayer perceptron over the columns of a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy, deepcopy
from functools import partial
from itertools import pairwise
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_matrix, issparse
from sklearn.base import BaseEstimator
from sklearn.utils import assert_all_finite
from torch import Tensor, nn

from ..columns._arrays import stack_vectors
from ..nn._layers import Dropout, Linear
from ..utils._params import Interval, StrOptions
from ..utils._random import Streams
from ..utils._same import same
from ..utils._types import ColumnsLike, RowsLike
from ..utils._warn import warn
from ._base import Inputs, SparseRows, Staged, Trunk
from ._missing_numbers import MissingNumbers, Numbers, filled, learn_by_column, medians
from ._scaling import (
    MOST_ROWS,
    PiecewiseLinear,
    Place,
    Ranks,
    Scaler,
    fit_bins,
    fit_place,
    fit_ranks,
    fit_scaler,
    lost_columns,
    place_numbers,
    place_sparse,
)
from ._stem_output import StemOutput
from ._table import Table

# Maximum number of rows to learn medians from, if nothing else is learned from the numbers: it should cost little.
FEW_ROWS = 2_500
# Limits of n_bins="auto": per column, and for all columns together; and the bins per column if there are many.
AUTO_BINS = (8, 64)
MOST_AUTO_BINS = 512
MANY_COLUMNS, BINS_OF_MANY_COLUMNS = 48, 2


class MLP(Trunk):
    """Multilayer perceptron over numeric and categorical columns.

    With its defaults it consists of Linear and ReLU for each hidden layer. Categorical columns are embedded;
    categories that were not seen in ``fit`` share one embedding, which starts at zero.

    Numbers may be missing (NaN, None, pandas' NA, null, or masked). They are replaced by the median of their
    column over the rows of ``fit``, weighted by ``sample_weight``. A column in which some were missing in ``fit``
    has one more input, an indicator, which is 1 where the number is missing [5]_. Other columns have none, so a
    number that is missing only later is treated as the median. A column without any number in ``fit`` is ignored.
    Medians are learned from at most 100,000 rows, or 2,500 if numbers are neither scaled, ranked nor binned.

    Parameters
    ----------
    hidden_sizes : sequence of int, default=(128, 128)
        Widths of the hidden layers; the last one is the width of the representation.
    dropout : float in [0, 1), default=0.0
        Probability of dropping a hidden unit, after each hidden layer [1]_.
    scaling : {"standard", "squash"} or None, default=None
        "standard" standardises each numeric column (a sparse X is divided by the standard deviation only).
        "squash" also clips the result z smoothly to (-3, 3), as z / sqrt(1 + (z / 3)^2), so that outliers do not
        dominate [3]_.
    ranks : bool, default=False
        Whether to add the rank of each numeric column, the empirical distribution function of the training rows
        (not for a sparse X). It resolves differences that the scale of a skewed column hides.
    n_bins : int or "auto", default=0
        Number of bins for the piecewise linear encoding of each numeric column, with about equally many training
        rows in each bin (not for a sparse X): entry t is the position of the number within bin t, from 0 to 1
        [4]_. The network can then bend its function of a column at the edges, where a tree would split. 0 means no
        bins. "auto" is about half the square root of the number of rows, as a power of 2 from 8 to 64, with at
        most 512 bins in total; with more than 48 columns, each has 2 bins.
    embedding_size : int, default=8
        Width of the embedding of each categorical column [2]_.

    References
    ----------
    .. [1] Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", JMLR 2014.
    .. [2] Guo and Berkhahn, "Entity Embeddings of Categorical Variables", 2016.
    .. [3] Holzmueller, Grinsztajn and Steinwart, "Better by Default: Strong Pre-Tuned MLPs and Boosted Trees on
       Tabular Data", NeurIPS 2024.
    .. [4] Gorishniy, Rubachev and Babenko, "On Embeddings for Numerical Features in Tabular Deep Learning",
       NeurIPS 2022.
    .. [5] Le Morvan, Josse, Scornet and Varoquaux, "What's a good imputation to predict with missing values?",
       NeurIPS 2021.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from sklearn_mtl import MultiTaskNetRegressor
    >>> from sklearn_mtl.trunks import MLP
    >>> X, y = load_linnerud(return_X_y=True)
    >>> net = MultiTaskNetRegressor(trunk=MLP(hidden_sizes=(16,), scaling="standard"), max_epochs=5)
    >>> net.fit(X, y).transform(X).shape
    (20, 16)
    """

    # models of older versions have no bins, and their networks read the original numbers
    bins_: np.ndarray | None = None
    place_: tuple[np.ndarray, np.ndarray] | None = None
    # nor values that replace missing numbers
    fill_: np.ndarray | None = None
    empty_: np.ndarray | None = None
    told_: np.ndarray = np.empty(0, dtype=int)

    member_axis = True
    allows_nan = True
    stackable_params = ("dropout",)

    _parameter_constraints: dict = {
        "hidden_sizes": ["array-like"],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "scaling": [StrOptions({"standard", "squash"}), None],
        "ranks": ["boolean"],
        "n_bins": [Interval(Integral, 0, None, closed="left"), StrOptions({"auto"})],
        "embedding_size": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        hidden_sizes: tuple[int, ...] = (128, 128),
        dropout: float = 0.0,
        scaling: str | None = None,
        ranks: bool = False,
        n_bins: int | str = 0,
        embedding_size: int = 8,
    ) -> None:
        self.hidden_sizes = hidden_sizes
        self.dropout = dropout
        self.scaling = scaling
        self.ranks = ranks
        self.n_bins = n_bins
        self.embedding_size = embedding_size

    def fit(
        self,
        X: RowsLike,
        *,
        owner: BaseEstimator,
        dtype: str = "float32",
        categorical_features: ColumnsLike = "from_dtype",
        sample_weight: np.ndarray | None = None,
    ) -> MLP:
        self._validate_params()
        self._check_hidden_sizes()
        X = stack_vectors(X)
        self.table_ = Table(categorical_features, np.dtype(dtype)).fit(X, owner)
        self._fit_numbers(X, owner, sample_weight)
        n_numbers = len(self.table_.numeric_) * self._copies
        self.stem_width_ = n_numbers + len(self.told_) + self.embedding_size * len(self.table_.categorical_)
        self.width_ = self.hidden_sizes[-1] if len(self.hidden_sizes) else self.stem_width_
        return self

    @property
    def _copies(self) -> int:
        """Return the number of stem columns for each numeric column."""
        return 1 + (self.ranks_ is not None) + (0 if self.bins_ is None else self.bins_.shape[1] - 1)

    def _fit_numbers(self, X: RowsLike, owner: BaseEstimator, sample_weight: np.ndarray | None) -> None:
        self.scaler_ = self.ranks_ = self.bins_ = self.place_ = self.fill_ = self.empty_ = None
        self.told_ = np.empty(0, dtype=int)
        if not self.table_.numeric_:
            return
        numbers, _ = self.table_.encode(X, owner)
        missing = MissingNumbers.of(numbers)
        if missing.incomplete.any() and sample_weight is not None and not sample_weight.all():
            numbers, sample_weight = numbers[sample_weight > 0], sample_weight[sample_weight > 0]
            missing = MissingNumbers.of(numbers)
        n_bins = 0 if issparse(numbers) else self.n_bins
        learn = partial(self._learn, n_bins=_auto_bins(*numbers.shape) if n_bins == "auto" else int(n_bins))
        self._warn_of_empty(missing)
        learned = learn_by_column(learn, numbers, sample_weight, missing)
        self.fill_, self.empty_, self.told_ = learned["fill"], missing.empty, missing.told
        if "scale" in learned:
            self.place_ = learned["middle"], learned["scale"]
            self._refuse_lost(numbers)
        if self.scaling:
            self.scaler_ = learned["mean"], learned["scale"]
        if "knots" in learned:
            self.ranks_ = learned["knots"], learned["shares"]
        self.bins_ = learned.get("bins")

    def _learn(self, numbers: Numbers, sample_weight: np.ndarray | None, n_bins: int) -> dict[str, np.ndarray]:
        """Learn statistics of columns without missing numbers."""
        learned = {}
        if self.scaling or self.ranks or self.n_bins:
            mean, scale = fit_scaler(numbers, sample_weight)
            # the scale of a column has no effect if the network reads the original numbers
            learned = {"mean": mean, "scale": scale, "middle": fit_place(numbers, scale, sample_weight).middle}
        if self.ranks and not issparse(numbers):
            learned["knots"], learned["shares"] = fit_ranks(numbers, sample_weight)
        if n_bins:
            learned["bins"] = fit_bins(numbers, n_bins, sample_weight)
        is_middle = "middle" in learned and sample_weight is None and not issparse(numbers)
        most_rows = MOST_ROWS if learned else FEW_ROWS
        learned["fill"] = learned["middle"] if is_middle else medians(numbers, sample_weight, most_rows)
        return learned

    def _warn_of_empty(self, missing: MissingNumbers) -> None:
        names = [self.table_.name_of_number(int(column)) for column in np.flatnonzero(missing.empty)]
        if names:
            warn(f"all numbers of the columns {names} of X are missing in fit; they are ignored.", UserWarning)

    def _check_hidden_sizes(self) -> None:
        sizes = list(self.hidden_sizes)
        if not all(isinstance(size, Integral) and not isinstance(size, bool) and size > 0 for size in sizes):
            raise ValueError(f"hidden_sizes={self.hidden_sizes!r} of MLP should be integers of at least 1.")

    def encode(self, X: RowsLike, *, owner: BaseEstimator) -> Inputs:
        numbers: Any = X
        codes = None
        if not self.table_.accepts(X):
            numbers, codes = self.table_.encode(stack_vectors(X), owner)
        inputs: dict[str, Any] = {}
        if self.table_.numeric_:
            numbers, missing = self._filled(numbers)
            if len(self.told_):
                inputs["missing"] = self._indicators(numbers, missing)
            is_placed = self.place_ is not None
            inputs["numeric"] = self._rows(numbers, is_placed and self.scaling is not None)
            if is_placed and self.scaling is None:
                inputs["placed"] = self._rows(numbers, True)
        if codes is not None:
            inputs["categorical"] = torch.from_numpy(codes)
        return inputs

    def with_moments(self, mean: np.ndarray, deviation: np.ndarray) -> MLP:
        if self.place_ is None:  # the network reads the original numbers
            return self
        mean, deviation = mean[self.table_.numeric_], deviation[self.table_.numeric_]
        is_known = np.isfinite(mean) & np.isfinite(deviation) & (deviation > 0)
        middle, scale = self.place_
        exact = copy(self)
        exact.place_ = middle, np.where(is_known, deviation, scale)
        if self.scaler_:
            exact.scaler_ = np.where(is_known, mean, self.scaler_[0]), exact.place_[1]
        return exact

    def encodes_like(self, other: Trunk) -> bool:
        if not isinstance(other, MLP):
            return False
        kept = [
            (trunk.scaling is None, trunk.place_, trunk.fill_, trunk.empty_, trunk.told_, vars(trunk.table_))
            for trunk in (self, other)
        ]
        return same(*kept)

    def _filled(self, numbers: Numbers) -> tuple[Numbers, Numbers | None]:
        """Replace missing numbers, and return which were missing; raise ValueError if the model cannot."""
        if self.fill_ is not None and self.empty_ is not None:
            return filled(numbers, self.fill_, self.empty_)
        assert_all_finite(numbers, input_name="X")
        return numbers, None

    def _indicators(self, numbers: Numbers, missing: Numbers | None) -> Tensor | SparseRows:
        """Return which numbers are missing, as 0 and 1, for the columns with an indicator."""
        shape = numbers.shape[0], len(self.told_)
        if issparse(numbers):
            told = csr_matrix(shape) if missing is None else missing[:, self.told_]
            return SparseRows(told.astype(self.table_.dtype))
        told = np.zeros(shape) if missing is None else missing[:, self.told_]
        return torch.from_numpy(told.astype(self.table_.dtype, order="C"))

    def _rows(self, numbers: np.ndarray | csr_matrix, is_placed: bool) -> Tensor | SparseRows:
        """Return numbers in the network's dtype, placed or unchanged."""
        if not issparse(numbers):
            return _as_tensor(self._held(numbers, is_placed))
        if is_placed and not self._keeps_zeros:
            return SparseRows(numbers, lambda rows: self._held(rows, True))
        unit = Place(*self.place_).unit if is_placed and self.place_ else np.ones(numbers.shape[1])
        placed = place_sparse(numbers, unit, self.table_.dtype)
        self._refuse_infinite(placed.data, placed.indices)
        return SparseRows(placed)

    @property
    def _keeps_zeros(self) -> bool:
        return self.place_ is not None and not self.place_[0].any()

    def _held(self, numbers: np.ndarray, is_placed: bool) -> np.ndarray:
        """Convert numbers to the network's dtype; raise ValueError for numbers that do not fit."""
        with np.errstate(over="ignore", invalid="ignore"):
            if is_placed and self.place_ is not None:
                held = place_numbers(numbers, Place(*self.place_), self.table_.dtype)
            else:
                held = np.ascontiguousarray(numbers, self.table_.dtype)
            if not math.isfinite(held.sum()):
                self._refuse_infinite(held)
        return held

    def _refuse_infinite(self, held: np.ndarray, columns: np.ndarray | None = None) -> None:
        if np.isfinite(held).all():
            return
        where = np.argwhere(~np.isfinite(held))[0]
        name = self.table_.name_of_number(int(where[-1] if columns is None else columns[where[0]]))
        scaled = "" if self.scaling is None else ", scaled by its deviation in fit,"
        raise ValueError(
            f"column {name!r} of X has a number that{scaled} is too large for dtype={str(self.table_.dtype)!r}."
        )

    def _refuse_lost(self, numbers: np.ndarray | csr_matrix) -> None:
        if issparse(numbers) or self.place_ is None:
            return
        for column in lost_columns(numbers, Place(*self.place_), self.table_.dtype):
            raise ValueError(
                f"column {self.table_.name_of_number(column)!r} of X has numbers, up to "
                f"{np.abs(numbers[:, column]).max():.3g}, next to which all others are equal: they are too large "
                f"for dtype={str(self.table_.dtype)!r}. Remove them, or clip or transform the column."
            )

    def stem(self, streams: Streams) -> nn.Module:
        numbers = self.table_.numeric_
        place = Place(*self.place_) if self.place_ else Place(np.zeros(len(numbers)), np.ones(len(numbers)))
        scaler = ranks = None
        if self.scaler_:
            mean, scale = self.scaler_
            scaler = Scaler(place.moved(mean), scale / place.unit, squashed=self.scaling == "squash")
        if self.ranks_:
            knots, shares = self.ranks_
            ranks = Ranks(place.moved(knots), shares)
        bins = None if self.bins_ is None else PiecewiseLinear(place.moved(self.bins_))
        categorical = self.table_.categorical_
        embedding = _Embedding(self.table_.cardinalities_, self.embedding_size, streams) if categorical else None
        return _Stem(scaler, ranks, bins, embedding)

    def stem_mask(self, columns: Sequence[int | str]) -> np.ndarray:
        wanted = self.table_.positions(columns)
        numeric = self.table_.numeric_ * (1 + (self.ranks_ is not None))
        if self.bins_ is not None:
            numeric += list(np.repeat(self.table_.numeric_, self.bins_.shape[1] - 1))
        numeric += [self.table_.numeric_[column] for column in self.told_]
        embedded = np.repeat(np.array(self.table_.categorical_, dtype=int), self.embedding_size)
        return np.isin([*numeric, *embedded], wanted)

    def body(self, streams: Streams, name: str = "body") -> nn.Module:
        return _Body(self.stem_width_, self.hidden_sizes, self.dropout, streams.generator("trunk", name))


def _auto_bins(n_rows: int, n_columns: int) -> int:
    """Choose the number of bins: more for more rows, fewer for many columns."""
    if n_columns > MANY_COLUMNS:
        return BINS_OF_MANY_COLUMNS
    fewest, most = AUTO_BINS
    by_rows = min(max(math.sqrt(n_rows) / 2, fewest), most)
    return 2 ** int(math.log2(min(by_rows, MOST_AUTO_BINS / n_columns)))


def _as_tensor(array: np.ndarray) -> Tensor:
    """Return a tensor that shares the memory of an array, even of a read-only one: it is never written to."""
    if not array.flags.writeable:
        view = array.view()
        try:
            view.flags.writeable = True
        except ValueError:
            return torch.from_numpy(array.copy())
        return torch.from_numpy(view)
    return torch.from_numpy(array)


class _Stem(nn.Module):
    """Scale and rank the numbers, embed the categories, and concatenate both."""

    def __init__(
        self,
        scaler: nn.Module | None,
        ranks: nn.Module | None,
        bins: nn.Module | None,
        embedding: nn.Module | None,
    ) -> None:
        super().__init__()
        self.scaler = scaler
        self.ranks = ranks
        self.bins = bins
        self.embedding = embedding

    def forward(self, inputs: Inputs) -> StemOutput:
        parts = []
        if "numeric" in inputs:
            numbers = inputs["numeric"]
            parts.append(numbers if self.scaler is None else self.scaler(numbers))
            placed = inputs.get("placed", numbers)
            if self.ranks is not None:
                parts.append(self.ranks(placed))
            if self.bins is not None:
                parts.append(self.bins(placed))
        if "missing" in inputs:
            parts.append(inputs["missing"])
        if self.embedding is not None:
            parts.append(self.embedding(inputs["categorical"]))
        if len(parts) == 1:
            return StemOutput(parts[0])
        # members share the numbers, but not the embeddings of the categories
        rows = torch.broadcast_shapes(*(part.shape[:-1] for part in parts))
        return StemOutput(torch.cat([part.expand(*rows, -1) for part in parts], dim=-1))


class _Embedding(nn.Module):
    """Embed all categorical columns by one look-up in one table."""

    #: whether members with shared weights can share this module unchanged
    shared_by_members = True

    starts: Tensor

    def __init__(self, cardinalities: list[int], size: int, streams: Streams) -> None:
        super().__init__()
        starts = np.cumsum([0, *cardinalities[:-1]])
        weight = torch.empty(sum(cardinalities), size)
        weight.normal_(generator=streams.generator("trunk", "embedding"))
        weight[starts] = 0.0  # the embedding of unseen categories gets no gradient
        self.weight = nn.Parameter(weight)
        self.register_buffer("starts", torch.from_numpy(starts))

    def forward(self, codes: Tensor) -> Tensor:
        rows = codes + self.starts.unsqueeze(-2)
        *axes, n_codes, _ = self.weight.shape
        if axes:  # the concatenated tables of all networks
            first = torch.arange(0, math.prod(axes) * n_codes, n_codes, device=rows.device)
            rows = rows + first.view(*axes, 1, 1)
        return nn.functional.embedding(rows, self.weight.flatten(0, -2)).flatten(-2)


class _Body(Staged):
    """Linear, ReLU and dropout, once per hidden layer."""

    def __init__(
        self, in_features: int, hidden_sizes: tuple[int, ...], dropout: float, generator: torch.Generator
    ) -> None:
        widths = [in_features, *(int(size) for size in hidden_sizes)]
        noise = [Dropout(dropout)] if dropout else []
        layers = [[Linear(*pair, generator), nn.ReLU(inplace=True), *deepcopy(noise)] for pair in pairwise(widths)]
        super().__init__([nn.Sequential(*layer) for layer in layers])
