"""Multilayer perceptron over the columns of a table."""

from __future__ import annotations

from itertools import pairwise
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from torch import Tensor, nn

from ..utils._layers import Dropout, Linear
from ..utils._params import Interval, StrOptions
from ..utils._random import Streams
from ._base import Inputs, Representation, SparseRows, Trunk
from ._table import Table, fit_scaler


# What "squash" clips standardised numbers to.
LARGEST = 3.0


class MLP(Trunk):
    """Multilayer perceptron over numeric and categorical columns.

    With its defaults it is Linear and ReLU, once per hidden layer, and nothing else. Categorical columns are
    embedded; a category that ``fit`` did not see has a row of its own, which stays zero.

    Parameters
    ----------
    hidden_sizes : sequence of int, default=(128, 128)
        Widths of the hidden layers; the last one is the width of the representation.
    dropout : float in [0, 1), default=0.0
        Probability of dropping a hidden unit, after each hidden layer [1]_.
    scaling : {"standard", "squash"} or None, default=None
        "standard" gives each numeric column mean 0 and standard deviation 1, as learned at fit (a sparse X is
        divided by the standard deviation only). "squash" clips the result z smoothly to (-3, 3), as
        z / sqrt(1 + (z / 3)^2), so that outliers do not take over [3]_.
    embedding_size : int, default=8
        Width of the embedding of each categorical column [2]_.

    References
    ----------
    .. [1] Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", JMLR 2014.
    .. [2] Guo and Berkhahn, "Entity Embeddings of Categorical Variables", 2016.
    .. [3] Holzmueller, Grinsztajn and Steinwart, "Better by Default: Strong Pre-Tuned MLPs and Boosted Trees on
       Tabular Data", NeurIPS 2024.

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

    _parameter_constraints: dict = {
        "hidden_sizes": ["array-like"],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "scaling": [StrOptions({"standard", "squash"}), None],
        "embedding_size": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        hidden_sizes: tuple[int, ...] = (128, 128),
        dropout: float = 0.0,
        scaling: str | None = None,
        embedding_size: int = 8,
    ) -> None:
        self.hidden_sizes = hidden_sizes
        self.dropout = dropout
        self.scaling = scaling
        self.embedding_size = embedding_size

    def fit(
        self,
        X: Any,
        *,
        owner: BaseEstimator,
        categorical_features: Any = "from_dtype",
        sample_weight: np.ndarray | None = None,
    ) -> MLP:
        self._validate_params()
        self._check_hidden_sizes()
        dtype = np.dtype(getattr(owner, "dtype", "float32"))
        self.table_ = Table(categorical_features, dtype).fit(X, owner)
        self.scaler_ = None
        if self.scaling and self.table_.numeric_:
            numbers, _ = self.table_.encode(X, owner)
            self.scaler_ = fit_scaler(numbers, sample_weight)
        embedded = self.embedding_size * len(self.table_.categorical_)
        self.stem_width_ = len(self.table_.numeric_) + embedded
        self.width_ = self.hidden_sizes[-1] if len(self.hidden_sizes) else self.stem_width_
        return self

    def _check_hidden_sizes(self) -> None:
        sizes = list(self.hidden_sizes)
        if not all(isinstance(size, Integral) and not isinstance(size, bool) and size > 0 for size in sizes):
            raise ValueError(f"hidden_sizes={self.hidden_sizes!r} of MLP should be integers of at least 1.")

    def encode(self, X: Any, *, owner: BaseEstimator) -> Inputs:
        numbers, codes = self.table_.encode(X, owner)
        inputs: dict[str, Any] = {}
        if self.table_.numeric_:
            inputs["numeric"] = SparseRows(numbers) if issparse(numbers) else _as_tensor(numbers)
        if codes is not None:
            inputs["categorical"] = torch.from_numpy(codes)
        return inputs

    def stem(self, streams: Streams) -> nn.Module:
        cardinalities = self.table_.cardinalities_ if self.table_.categorical_ else []
        return _Stem(self.scaler_, self.scaling == "squash", cardinalities, self.embedding_size, streams)

    def body(self, streams: Streams, name: str = "body") -> nn.Module:
        return _Body(self.stem_width_, self.hidden_sizes, self.dropout, streams.generator("trunk", name))


def _as_tensor(array: np.ndarray) -> Tensor:
    """Share the memory of an array; a read-only one, which is never written to here, as well."""
    if not array.flags.writeable:
        view = array.view()
        try:
            view.flags.writeable = True
        except ValueError:
            return torch.from_numpy(array.copy())
        return torch.from_numpy(view)
    return torch.from_numpy(array)


class _Stem(nn.Module):
    """Scale the numbers, embed the categories, and put them side by side."""

    mean: Tensor
    inverse_scale: Tensor

    def __init__(
        self,
        scaler: tuple[np.ndarray, np.ndarray] | None,
        squashed: bool,
        cardinalities: list[int],
        embedding_size: int,
        streams: Streams,
    ) -> None:
        super().__init__()
        self.scaled = scaler is not None
        self.squashed = squashed
        if scaler is not None:
            mean, scale = scaler
            self.register_buffer("mean", torch.from_numpy(mean))
            self.register_buffer("inverse_scale", torch.from_numpy(1 / scale))
        self.embedding = _Embedding(cardinalities, embedding_size, streams) if cardinalities else None

    def forward(self, inputs: Inputs) -> Tensor:
        parts = []
        if "numeric" in inputs:
            parts.append(self._scale(inputs["numeric"]) if self.scaled else inputs["numeric"])
        if self.embedding is not None:
            parts.append(self.embedding(inputs["categorical"]))
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)

    def _scale(self, numbers: Tensor) -> Tensor:
        z = (numbers - self.mean) * self.inverse_scale
        return z * torch.rsqrt(1 + (z / LARGEST).square()) if self.squashed else z


class _Embedding(nn.Module):
    """Embed all categorical columns with one look-up in one table."""

    starts: Tensor

    def __init__(self, cardinalities: list[int], size: int, streams: Streams) -> None:
        super().__init__()
        starts = np.cumsum([0, *cardinalities[:-1]])
        weight = torch.empty(sum(cardinalities), size)
        weight.normal_(generator=streams.generator("trunk", "embedding"))
        weight[starts] = 0.0  # the row of unseen categories gets no gradient
        self.weight = nn.Parameter(weight)
        self.register_buffer("starts", torch.from_numpy(starts))

    def forward(self, codes: Tensor) -> Tensor:
        return nn.functional.embedding(codes + self.starts, self.weight).flatten(-2)


class _Body(nn.Module):
    """Linear, ReLU and dropout, once per hidden layer."""

    def __init__(
        self, in_features: int, hidden_sizes: tuple[int, ...], dropout: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        widths = [in_features, *(int(size) for size in hidden_sizes)]
        layers: list[nn.Module] = []
        for width_in, width_out in pairwise(widths):
            layers += [Linear(width_in, width_out, generator), nn.ReLU(inplace=True)]
            if dropout:
                layers.append(Dropout(dropout))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Representation:
        return Representation(self.layers(x))
