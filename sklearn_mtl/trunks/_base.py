"""The seam between inputs and representations."""

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


class Representation(NamedTuple):
    """What a trunk gives to the heads, for B rows of L tokens.

    Parameters
    ----------
    sample : Tensor of shape (..., B, D)
        One vector per row.
    token : Tensor of shape (..., B, L, D) or None, default=None
        One vector per token, where the input has tokens.
    token_mask : Tensor of bool of shape (B, L) or None, default=None
        Which tokens are there.
    """

    sample: Tensor
    token: Tensor | None = None
    token_mask: Tensor | None = None


class SparseRows:
    """Rows of a sparse matrix that become a dense tensor batch by batch.

    Parameters
    ----------
    matrix : csr_matrix of shape (n_samples, n_features)
    encode : callable or None, default=None
        What is made of the dense rows of a batch; None leaves them as they are.
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
    """From one kind of input to a representation.

    A trunk is a spec: its constructor stores hyperparameters, ``fit`` learns the schema of X (widths,
    categories, a vocabulary). It builds two modules: a ``stem``, which turns encoded inputs into one tensor and
    is built once, and a ``body``, from that tensor to a `Representation`, which an architecture may build more
    than once (experts, independent nets). One file that subclasses `Trunk` adds a trunk.

    Attributes
    ----------
    stem_width_ : int
        Width of what the stem returns, as ``summarize`` gives it.
    width_ : int
        D, the width of the representation.
    """

    #: whether all modules take a leading member axis; those of others are mapped by `torch.func.vmap`.
    #: A subclass does not inherit this: it says so itself.
    member_axis: ClassVar[bool] = False
    #: why fits cannot be trained side by side at all; None if nothing speaks against it
    not_stackable: ClassVar[str | None] = None

    #: axes between the rows and the width of what the stem returns: 0 for a table, 1 for tokens, 2 for images
    stem_axes: ClassVar[int] = 0
    #: whether the last entry of the stem's tensor tells which tokens are there: 1 there, and 0 in padding, where
    #: all other entries are 0 too
    stem_has_mask: ClassVar[bool] = False
    #: whether the representation has tokens: those of a sequence, or the positions of an image
    has_tokens: bool = False
    #: hyperparameters in which fits that are trained side by side may differ
    stackable_params: ClassVar[tuple[str, ...]] = ()

    stem_width_: int
    width_: int
    #: height and width of the map of an image, whose positions in row-major order are the tokens; None for others
    grid_: tuple[int, int] | None = None

    @abstractmethod
    def fit(
        self,
        X: Any,
        *,
        owner: BaseEstimator,
        categorical_features: Any = "from_dtype",
        sample_weight: np.ndarray | None = None,
    ) -> Trunk:
        """Learn the schema of X.

        Parameters
        ----------
        X : object
            What the user passed to ``fit``.
        owner : BaseEstimator
            The estimator in whose name scikit-learn's checks speak, and on which they set ``n_features_in_``
            and ``feature_names_in_``.
        categorical_features : object, default="from_dtype"
            Which columns are categorical; see `MultiTaskNetEstimator`.
        sample_weight : ndarray of shape (n_samples,) or None, default=None
            Weight of each row in what is learned.
        """

    @abstractmethod
    def encode(self, X: Any, *, owner: BaseEstimator) -> Inputs:
        """Turn X into tensors (or `SparseRows`, or `RaggedRows`) that are indexed by rows, after checking it.

        Where rows are of different lengths, "lengths" is the number of tokens of each, (n_samples,).

        Raises
        ------
        ValueError, TypeError
            If X is not what ``fit`` learned.
        """

    def lengths(self, X: Any) -> np.ndarray | None:
        """Count the tokens of each row of X, (n_samples,), such as its frames; None if rows are no sequences."""
        return None

    @abstractmethod
    def stem(self, streams: Streams) -> nn.Module:
        """Build the module from a batch of inputs to a tensor (B, ..., `stem_width_`)."""

    @abstractmethod
    def body(self, streams: Streams, name: str = "body") -> nn.Module:
        """Build a module from the stem's tensor to a `Representation`; ``name`` seeds its weights."""

    def summarize(self, x: Tensor) -> Tensor:
        """Return a vector (..., B, `stem_width_`) for each row of the stem's tensor: the mean over its positions."""
        return mean_over_positions(x, self.stem_axes, self.stem_has_mask)

    def stem_mask(self, columns: Sequence[int | str]) -> np.ndarray:
        """Return which entries of the stem's tensor come from some columns of X, bool of shape (`stem_width_`,).

        Raises
        ------
        ValueError
            If X has no such column.
        TypeError
            If X has no columns at all.
        """
        raise TypeError(f"{type(self).__name__} knows no columns of X.")


def forget_columns(owner: BaseEstimator) -> None:
    """Take from an estimator what an earlier fit to a table has set on it."""
    for attribute in ("n_features_in_", "feature_names_in_"):
        vars(owner).pop(attribute, None)


def mean_over_positions(x: Tensor, axes: int, has_mask: bool) -> Tensor:
    """Average (..., B, positions, W) over positions; with a mask in the last entry, over those that are there.

    Parameters
    ----------
    x : Tensor
    axes : int
        Axes of positions.
    has_mask : bool
        Whether the last entry of W tells which positions are there; all entries of the others are 0.
    """
    if not axes:
        return x
    positions = tuple(range(-1 - axes, -1))
    if not has_mask:
        return x.mean(dim=positions)
    return x.sum(dim=positions) / x[..., -1:].sum(dim=positions).clamp(min=1)


class Staged(nn.Module):
    """A body that is a chain of stages, between which an architecture may exchange what tasks know.

    Parameters
    ----------
    stages : sequence of nn.Module
        Each from a tensor (..., B, D) to the next one; the last one gives the representation of each row.
    """

    def __init__(self, stages: Sequence[nn.Module]) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)

    def forward(self, x: Tensor) -> Representation:
        for stage in self.stages:
            # a Sequential costs a call of its own, which small networks feel
            for layer in stage if isinstance(stage, nn.Sequential) else (stage,):
                x = layer(x)
        return Representation(x)
