"""The trunk of one input, by name or by the shape and dtype of X."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from scipy.sparse import issparse
from torch import nn

from ..utils._params import resolve_spec
from ._base import Trunk
from ._conv_net import ConvNet
from ._mlp import MLP
from ._module_trunk import ModuleTrunk
from ._sequence_encoder import SequenceEncoder
from ._video_encoder import VideoEncoder


def table_trunk() -> Trunk:
    """Build the recipe for tables: squashed numbers and their bins, embedded categories, three layers, dropout."""
    return MLP(hidden_sizes=(128, 128, 128), dropout=0.2, scaling="squash", n_bins="auto")


def resolve_single(trunk: Any, further: Mapping[str, Callable[[], Trunk]] = MappingProxyType({})) -> Trunk:
    """Turn a shorthand, one of `SHORTHAND` or a further one, into a trunk; a trunk stays what it is."""
    if isinstance(trunk, type) and issubclass(trunk, Trunk):
        raise ValueError(f"trunk={trunk!r} should be a Trunk; write {trunk.__name__}().")
    if isinstance(trunk, nn.Module) or (callable(trunk) and not isinstance(trunk, Trunk)):
        return ModuleTrunk(trunk)
    return resolve_spec("trunk", trunk, Trunk, {**SHORTHAND, **further})


def choose_single(X: Any) -> Trunk:
    """Choose by the shape and dtype of one input.

    Images, 4-D or grey ones in bytes, have `ConvNet`; videos, 5-D, `VideoEncoder`; sentences, and 3-D arrays or
    rows of steps, `SequenceEncoder`; everything else the recipe for tables.
    """
    if issparse(X):
        return table_trunk()
    native = nw.from_native(X, allow_series=True, pass_through=True)
    if isinstance(native, nw.DataFrame):
        return table_trunk()
    if isinstance(X, np.ndarray) and (X.dtype.kind != "O" or X.ndim != 1):
        return _by_axes(X.ndim, X.dtype)
    return _by_rows(native.to_list() if isinstance(native, nw.Series) else X)


def holds_objects(series: nw.Series) -> bool:
    """Tell whether a column of a frame holds lists or arrays."""
    if isinstance(series.dtype, nw.List | nw.Array):
        return True
    known = series.drop_nulls() if series.dtype == nw.Object else series[:0]
    return len(known) > 0 and isinstance(known.to_list()[0], list | tuple | np.ndarray)


def _by_axes(n_axes: int, dtype: np.dtype) -> Trunk:
    if n_axes == 1 and dtype.kind == "U":
        return SequenceEncoder()
    if n_axes == 3:
        return ConvNet() if dtype == np.uint8 else SequenceEncoder()
    return {4: ConvNet, 5: VideoEncoder}.get(n_axes, table_trunk)()


def _by_rows(rows: Any) -> Trunk:
    """Choose by the first row of a list, a Series or an array of objects."""
    try:
        first = rows[0]
    except (TypeError, IndexError, KeyError):  # a table, or what its checks refuse
        return table_trunk()
    if isinstance(first, np.ndarray) and first.dtype.kind not in "OU":
        return _by_axes(first.ndim + 1, first.dtype)
    if isinstance(first, str) or (isinstance(first, list | tuple | np.ndarray) and len(first) and _is_text(first)):
        return SequenceEncoder()
    return table_trunk()


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
