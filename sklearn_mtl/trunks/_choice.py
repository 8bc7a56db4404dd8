"""Choice of the trunk of one input, by name or by the shape and dtype of X."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from scipy.sparse import issparse
from torch import nn

from ..columns._arrays import as_array, holds_arrays, is_array_like
from ..columns._columns import plain
from ..utils._params import resolve_spec
from ..utils._types import RowsLike
from ..utils._warn import warn
from ._base import Trunk
from ._conv_net import ConvNet
from ._image_range import is_channels_first
from ._mlp import MLP
from ._module_trunk import ModuleTrunk
from ._sequence_encoder import SequenceEncoder
from ._tokens import first_row
from ._video_encoder import VideoEncoder

# Arrays of three axes are not images if height or width is below this.
SMALLEST_IMAGE = 6
# Number of rows that are checked for negative numbers.
SEEN = 100


def table_trunk() -> Trunk:
    """Build the default trunk for tables: squashed and binned numbers, embeddings, three layers, dropout."""
    return MLP(hidden_sizes=(128, 128, 128), dropout=0.2, scaling="squash", n_bins="auto")


def resolve_single(
    trunk: Trunk | str | Callable[..., Any], further: Mapping[str, Callable[[], Trunk]] = MappingProxyType({})
) -> Trunk:
    """Return the trunk for a shorthand, one of `SHORTHAND` or ``further``; return a trunk unchanged."""
    if isinstance(trunk, type) and issubclass(trunk, Trunk):
        raise ValueError(f"trunk={trunk!r} should be a Trunk; write {trunk.__name__}().")
    if isinstance(trunk, nn.Module) or (callable(trunk) and not isinstance(trunk, Trunk)):
        return ModuleTrunk(trunk)
    return resolve_spec("trunk", trunk, Trunk, {**SHORTHAND, **further})


def choose_single(X: RowsLike) -> Trunk:
    """Choose a trunk by the shape and dtype of one input.

    `ConvNet` for images: 4-D, or 3-D of bytes or square; `VideoEncoder` for videos, 5-D; `SequenceEncoder` for
    sentences, and other 3-D arrays or rows of steps; the default trunk for tables otherwise. A warning is issued
    for 3-D numbers that may be images or steps.
    """
    if issparse(X):
        return table_trunk()
    X = plain(X)
    native = nw.from_native(X, allow_series=True, pass_through=True)
    if isinstance(native, nw.DataFrame):
        if native.shape[1] != 1 or not holds_arrays(native[:, 0]):
            return table_trunk()
        native = native[:, 0]
    if isinstance(native, nw.Series):
        is_category = isinstance(native.dtype, nw.Categorical | nw.Enum)
        return table_trunk() if is_category else _by_rows(native.to_list())
    if isinstance(X, np.ndarray) and (X.dtype.kind != "O" or X.ndim != 1):
        return _by_axes(X)
    return _by_rows(X)


def _by_axes(X: np.ndarray) -> Trunk:
    if X.ndim == 1 and X.dtype.kind == "U":
        return SequenceEncoder()
    if X.ndim == 3:
        return ConvNet() if X.dtype == np.uint8 else _steps_or_images(X)
    if X.ndim == 4:
        return ConvNet(channels_first=is_channels_first(X.shape[1:]))
    return VideoEncoder() if X.ndim == 5 else table_trunk()


def _steps_or_images(X: np.ndarray) -> Trunk:
    """Choose a trunk for numbers of three axes, with a warning if they are ambiguous."""
    images, steps = ("grey images", "conv_net"), ("sequences of steps with features", "sequence_encoder")
    is_square = X.shape[1] == X.shape[2]
    is_small = min(X.shape[1:]) < SMALLEST_IMAGE
    # images without negative numbers need not be square
    if is_small or not (is_square or np.min(X[:SEEN], initial=0) >= 0):
        return SequenceEncoder()
    (kind, trunk), other = (images, steps) if is_square else (steps, images)
    warn(
        f"X of shape {X.shape} is treated as {kind}; pass trunk={trunk!r} to confirm, or trunk={other[1]!r} if "
        f"its rows are {other[0]}.",
        UserWarning,
    )
    return ConvNet() if is_square else SequenceEncoder()


def _by_rows(rows: Any) -> Trunk:
    """Choose a trunk by the first row of a list, a Series or an object array."""
    try:
        first = first_row(rows)
    except (TypeError, IndexError, KeyError):  # a table, or input that its checks reject
        return table_trunk()
    if isinstance(first, str):
        return SequenceEncoder()
    if isinstance(first, list | tuple) or not is_array_like(first):
        return SequenceEncoder() if is_array_like(first) and len(first) and _is_text(first) else table_trunk()
    first = as_array(first)
    if first.dtype.kind in "OU":
        return SequenceEncoder() if len(first) and _is_text(first) else table_trunk()
    if first.ndim == 2 and first.dtype != np.uint8 and len({np.shape(row) for row in rows}) > 1:
        return SequenceEncoder()
    return _by_axes(np.broadcast_to(first, (len(rows), *first.shape)))


def _is_text(tokens: Any) -> bool:
    return all(isinstance(token, str) for token in tokens)


SHORTHAND = {
    "auto": table_trunk,
    "mlp": MLP,
    "conv_net": ConvNet,
    "sequence_encoder": SequenceEncoder,
    "video_encoder": VideoEncoder,
    "module_trunk": ModuleTrunk,
}
