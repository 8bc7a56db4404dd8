"""Base classes of trunks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator
from torch import Tensor, nn

from ..utils._random import Streams
from ..utils._types import ColumnsLike, RowsLike
from ._stem_output import StemOutput


class Representation(NamedTuple):
    """Output of a trunk for B rows of L tokens.

    Parameters
    ----------
    sample : Tensor of shape (..., B, D)
        One vector per row.
    token : Tensor of shape (..., B, L, D) or None, default=None
        One vector per token, if the input has tokens.
    token_mask : Tensor of bool of shape (B, L) or None, default=None
        Which tokens are not padding.
    """

    sample: Tensor
    token: Tensor | None = None
    token_mask: Tensor | None = None


class SparseRows:
    """Rows of a sparse matrix that are converted to dense tensors batch by batch.

    Parameters
    ----------
    matrix : csr_matrix of shape (n_samples, n_features)
    encode : callable or None, default=None
        Applied to the dense rows of a batch; None leaves them unchanged.
    """

    def __init__(self, matrix: csr_matrix, encode: Callable[[np.ndarray], np.ndarray] | None = None) -> None:
        self.matrix = matrix
        self.encode = encode

    def __len__(self) -> int:
        return int(self.matrix.shape[0])

    def __getitem__(self, rows: Tensor | slice) -> Tensor:
        picked = self.matrix[rows if isinstance(rows, slice) else rows.numpy()]
        dense = picked.toarray()
        return torch.from_numpy(dense if self.encode is None else self.encode(dense))


Inputs = Mapping[str, Any]


class Trunk(BaseEstimator, ABC):
    """Base class of trunks, which compute a representation from one kind of input.

    A trunk is a spec: its constructor stores hyperparameters, and ``fit`` learns the schema of X (widths,
    categories, a vocabulary). It builds two modules. The ``stem`` maps encoded inputs to a `StemOutput` and is
    built once. The ``body`` maps that to a `Representation`; an architecture may build it more than once
    (experts, independent networks).

    Attributes
    ----------
    stem_width_ : int
        Width of `StemOutput.mean` of the stem's output.
    width_ : int
        D, the width of the representation.
    """

    #: whether all modules support a leading member axis; other modules are mapped by `torch.func.vmap`. A subclass
    #: does not inherit this: it must set it itself.
    member_axis: ClassVar[bool] = False
    #: why fits cannot be stacked at all; None if they can
    not_stackable: ClassVar[str | None] = None

    #: whether numbers of X may be NaN, which means missing
    allows_nan: ClassVar[bool] = False
    #: whether the representation has tokens: those of a sequence, or the positions of an image
    has_tokens: bool = False
    #: hyperparameters that may differ between stacked fits
    stackable_params: ClassVar[tuple[str, ...]] = ()

    stem_width_: int
    width_: int
    #: height and width of an image's feature map, whose positions in row-major order are the tokens; else None
    grid_: tuple[int, int] | None = None

    @abstractmethod
    def fit(
        self,
        X: RowsLike,
        *,
        owner: BaseEstimator,
        dtype: str = "float32",
        categorical_features: ColumnsLike = "from_dtype",
        sample_weight: np.ndarray | None = None,
    ) -> Trunk:
        """Learn the schema of X.

        Parameters
        ----------
        X : object
            X of ``fit``.
        owner : BaseEstimator
            The estimator for scikit-learn's checks, which name it in messages and set ``n_features_in_`` and
            ``feature_names_in_`` on it.
        dtype : {"float32", "float64"}, default="float32"
            Of the network, and of encoded numbers.
        categorical_features : object, default="from_dtype"
            Which columns are categorical; see `MultiTaskNetEstimator`.
        sample_weight : ndarray of shape (n_samples,) or None, default=None
            Weight of each row.
        """

    @abstractmethod
    def encode(self, X: RowsLike, *, owner: BaseEstimator) -> Inputs:
        """Check X and convert it to tensors (or `SparseRows`, or `RaggedRows`) that are indexed by rows.

        If rows have different lengths, "lengths" is the number of tokens of each row, (n_samples,).

        Raises
        ------
        ValueError, TypeError
            If X does not match the schema of ``fit``.
        """

    def with_moments(self, mean: np.ndarray, deviation: np.ndarray) -> Trunk:
        """Return this trunk, fitted to a sample, with exact moments of the columns of X; self is not changed.

        By default nothing is taken over: the sample decides.

        Parameters
        ----------
        mean, deviation : ndarray of float64 of shape (``n_features_in_``,)
            Of all rows; NaN for a column without numbers.
        """
        return self

    def encodes_like(self, other: Trunk) -> bool:
        """Return whether another fitted trunk encodes all rows to the same inputs."""
        return self is other

    def lengths(self, X: RowsLike) -> np.ndarray | None:
        """Return the number of tokens of each row of X, (n_samples,); None if rows are not sequences."""
        return None

    @abstractmethod
    def stem(self, streams: Streams) -> nn.Module:
        """Build the module that maps a batch of inputs to a `StemOutput`."""

    @abstractmethod
    def body(self, streams: Streams, name: str = "body") -> nn.Module:
        """Build a module that maps a `StemOutput` to a `Representation`; ``name`` seeds its weights."""

    def stem_mask(self, columns: Sequence[int | str]) -> np.ndarray:
        """Return which entries of the stem's output come from some columns of X, bool of shape (`stem_width_`,).

        Raises
        ------
        ValueError
            If X has no such column.
        TypeError
            If X has no columns at all.
        """
        raise TypeError(f"{type(self).__name__} does not support columns of X.")


def forget_columns(owner: BaseEstimator) -> None:
    """Remove the column attributes of an earlier fit from an estimator."""
    for attribute in ("n_features_in_", "feature_names_in_"):
        vars(owner).pop(attribute, None)


class Staged(nn.Module):
    """A body that is a chain of stages; an architecture may mix the activations of tasks between stages.

    Parameters
    ----------
    stages : sequence of nn.Module
        Each maps a tensor (..., B, D) to the next one; the last one returns the representation of each row.
    """

    def __init__(self, stages: Sequence[nn.Module]) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)

    def layers(self) -> list[nn.Module]:
        """Return the modules of all stages, in their order."""
        # the call of a Sequential is noticeable in small networks
        return [
            layer for stage in self.stages for layer in (stage if isinstance(stage, nn.Sequential) else (stage,))
        ]

    def forward(self, given: StemOutput) -> Representation:
        x = given.values
        for layer in self.layers():
            x = layer(x)
        return Representation(x)
