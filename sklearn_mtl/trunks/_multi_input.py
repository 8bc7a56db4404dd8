"""Several inputs of the same rows, each with its own trunk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Integral
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_consistent_length
from torch import nn

from ..nn._layers import Linear
from ..utils._params import Interval, NestedParamsMixin
from ..utils._random import Streams
from ..utils._types import ColumnsLike, RowsLike
from ._base import Inputs, Representation, Trunk, forget_columns
from ._choice import resolve_single
from ._mlp import MLP
from ._named_inputs import column_of, inputs_of, names_of, read_inputs, trunk_and_column
from ._stem_output import StemOutputs


class MultiInput(NestedParamsMixin, Trunk):
    """Merge several inputs of the same rows, such as an image and its title, into one representation.

    X is a mapping from name to input, a `Targets` of inputs, which scikit-learn can split into folds, or a frame.
    Each input has a trunk; the concatenated representations go through one layer with ReLU.

    Parameters
    ----------
    inputs : mapping of str, or tuple of str, to Trunk or str, or None, default=None
        The trunk of each input, by its name in X; a tuple of column names of a frame is a table. "auto" chooses by
        shape and dtype. None uses all inputs of X, with the columns of numbers, texts or categories of a frame as
        one table. Parameters of inner trunks are ``inputs__<name>__<parameter>``.
    hidden_size : int, default=128
        Width of the representation.
    tokens : str or None, default=None
        The input whose tokens (words, frames, positions of an image) may have labels. None uses the only input
        that has tokens; if several have tokens, no tokens can have labels.

    Attributes
    ----------
    inputs_ : dict of str or tuple to Trunk
        Fitted.
    tokens_ : str or None
        The input whose tokens can have labels.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl import MultiTaskNetClassifier, Targets
    >>> from sklearn_mtl.trunks import ConvNet, MultiInput
    >>> rng = np.random.default_rng(0)
    >>> X = Targets(image=rng.integers(256, size=(20, 8, 8), dtype=np.uint8), sizes=rng.normal(size=(20, 3)))
    >>> trunk = MultiInput({"image": ConvNet(channels=(8,)), "sizes": "mlp"}, hidden_size=16)
    >>> net = MultiTaskNetClassifier(trunk=trunk, max_epochs=2).fit(X, np.arange(20) % 2)
    >>> net.transform(X).shape
    (20, 16)
    """

    spec_mapping_params = {"inputs": resolve_single}
    allows_nan = True  # those of tables
    # models of older versions do not record the inputs of fit
    seen_: list[str] | None = None

    _parameter_constraints: dict = {
        "inputs": [Mapping, None],
        "hidden_size": [Interval(Integral, 1, None, closed="left")],
        "tokens": [str, None],
    }

    def __init__(
        self, inputs: Mapping[Any, Any] | None = None, hidden_size: int = 128, tokens: str | None = None
    ) -> None:
        self.inputs = inputs
        self.hidden_size = hidden_size
        self.tokens = tokens

    @property
    def not_stackable(self) -> str | None:  # type: ignore[override]
        """Return why fits cannot be stacked; None if they can."""
        known = getattr(self, "inputs_", None) or {k: v for k, v in (self.inputs or {}).items() if v != "auto"}
        reasons = [resolve_single(trunk).not_stackable for trunk in known.values()]
        return next((reason for reason in reasons if reason is not None), None)

    def fit(
        self,
        X: RowsLike,
        *,
        owner: BaseEstimator,
        dtype: str = "float32",
        categorical_features: ColumnsLike = "from_dtype",
        sample_weight: np.ndarray | None = None,
    ) -> MultiInput:
        self._validate_params()
        X = read_inputs(X)
        chosen = self.inputs if self.inputs is not None else inputs_of(X)
        if not chosen:
            raise ValueError("MultiInput needs at least one input.")
        self.inputs_: dict[Any, Trunk] = {}
        for key, given in chosen.items():
            with _named(key):
                trunk, column = trunk_and_column(X, key, given)
                trunk = clone(trunk)
                # each trunk has the attributes that scikit-learn's checks of its input set
                self.inputs_[key] = trunk.fit(
                    column,
                    owner=trunk,
                    dtype=dtype,
                    categorical_features=categorical_features if isinstance(trunk, MLP) else "from_dtype",
                    sample_weight=sample_weight,
                )
        forget_columns(owner)
        self.seen_ = names_of(X)
        self.stem_width_ = sum(trunk.stem_width_ for trunk in self.inputs_.values())
        self.width_ = self.hidden_size
        self.tokens_ = self._with_tokens()
        return self

    def _with_tokens(self) -> Any:
        have = [key for key, trunk in self.inputs_.items() if trunk.has_tokens]
        if self.tokens is not None and self.tokens not in have:
            raise ValueError(f"tokens={self.tokens!r} of MultiInput should be one of {have}, which have tokens.")
        chosen = self.tokens if self.tokens is not None else have[0] if len(have) == 1 else None
        self.has_tokens = chosen is not None
        self.grid_ = None if chosen is None else self.inputs_[chosen].grid_
        return chosen

    def lengths(self, X: RowsLike) -> np.ndarray | None:
        if self.tokens_ is None:
            return None
        return self.inputs_[self.tokens_].lengths(
            column_of(read_inputs(X), self.tokens_, self.inputs_[self.tokens_])
        )

    def encode(self, X: RowsLike, *, owner: BaseEstimator) -> Inputs:
        X = read_inputs(X)
        self._refuse_unseen(X)
        encoded: dict[str, Any] = {}
        for position, key in enumerate(self.inputs_):
            inputs = self._encode_one(X, key)
            encoded |= {f"{position}/{name}": values for name, values in inputs.items()}
            if key == self.tokens_ and "lengths" in inputs:
                encoded["lengths"] = inputs["lengths"]
        check_consistent_length(*encoded.values())
        return encoded

    def _refuse_unseen(self, X: RowsLike) -> None:
        unseen = [name for name in names_of(X) if self.seen_ is not None and name not in self.seen_]
        if unseen:
            raise ValueError(f"X has the inputs {unseen}, which were not seen in fit; fit saw {self.seen_}.")

    def _encode_one(self, X: RowsLike, key: Any) -> Inputs:
        trunk = self.inputs_[key]
        with _named(key):
            return trunk.encode(column_of(X, key, trunk), owner=trunk)

    def stem(self, streams: Streams) -> nn.Module:
        stems = [trunk.stem(_streams_of(streams, key)) for key, trunk in self.inputs_.items()]
        return _Stem(stems)

    def body(self, streams: Streams, name: str = "body") -> nn.Module:
        bodies = [trunk.body(_streams_of(streams, key), name) for key, trunk in self.inputs_.items()]
        widths = [trunk.width_ for trunk in self.inputs_.values()]
        generator = streams.generator("trunk", f"{name} merged")
        merge = Linear(sum(widths), self.hidden_size, generator)
        position = None if self.tokens_ is None else list(self.inputs_).index(self.tokens_)
        of_tokens = None
        if position is not None:
            of_tokens = Linear(sum(widths) + widths[position], self.hidden_size, generator)
        return _Body(bodies, merge, of_tokens, position)


class _Stem(nn.Module):
    def __init__(self, stems: Sequence[nn.Module]) -> None:
        super().__init__()
        self.stems = nn.ModuleList(stems)

    def forward(self, inputs: Inputs) -> StemOutputs:
        by_stem: list[dict[str, Any]] = [{} for _ in self.stems]
        for name, values in inputs.items():
            position, _, own = name.partition("/")
            if own:
                by_stem[int(position)][own] = values
        return StemOutputs(tuple(stem(own) for stem, own in zip(self.stems, by_stem, strict=True)))


class _Body(nn.Module):
    """A body for each input, and layers that merge the rows, and the tokens with their row."""

    def __init__(
        self,
        bodies: Sequence[nn.Module],
        merge: nn.Module,
        of_tokens: nn.Module | None,
        position: int | None,
    ) -> None:
        super().__init__()
        self.bodies = nn.ModuleList(bodies)
        self.merge = merge
        self.of_tokens = of_tokens
        self.position = position

    def forward(self, outputs: StemOutputs) -> Representation:
        found = [body(part) for body, part in zip(self.bodies, outputs.parts, strict=True)]
        rows = torch.cat([one.sample for one in found], dim=-1)
        sample = self.merge(rows).relu()
        if self.position is None or self.of_tokens is None:
            return Representation(sample)
        _, token, mask = found[self.position]
        beside = rows.unsqueeze(-2).expand(*token.shape[:-1], -1)
        merged = self.of_tokens(torch.cat([token, beside], dim=-1).flatten(-3, -2)).relu()
        return Representation(sample, merged.unflatten(-2, token.shape[-3:-1]), mask)


def _streams_of(streams: Streams, key: Any) -> Streams:
    return Streams(streams.derive("input", str(key)))


@contextmanager
def _named(key: Any) -> Iterator[None]:
    """Name the input in errors."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise type(error)(f"input {key!r}: {error}") from error
