"""Any module as a trunk."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, validate_data
from torch import Tensor, nn

from ..columns._arrays import as_tensor
from ..columns._columns import plain
from ..utils._params import HasMethods
from ..utils._random import Streams, lend_global_generator
from ..utils._signature import parameters_of
from ..utils._types import ColumnsLike, RowsLike
from ._base import Inputs, Representation, Trunk, forget_columns
from ._foreign_module import (
    ForeignModule,
    draws_from_global_generator,
    is_unfinished,
    naming,
    shares_tensors,
    with_our_dropout,
)
from ._stem_output import StemOutput


class ModuleTrunk(Trunk):
    """Use your own module as the trunk.

    ``trunk=MyModule`` is short for ``trunk=ModuleTrunk(MyModule)``. Initial weights follow from the seed of the
    fit, and so do random numbers that the module draws with torch: `torch.nn.Dropout` is replaced by a layer that
    uses the generators of the fit. For other modules that draw, torch's global generator is seeded for each call,
    one at a time, and its state is restored afterwards.

    A module that exists before the fit, for instance a pretrained one, is copied, and the fit trains the copy.
    Parameters that require no gradient are not changed, and neither are the statistics of batch normalisation in
    parts whose parameters are all frozen.

    Parameters
    ----------
    module : class, callable or torch.nn.Module, default=torch.nn.Flatten
        Makes the module. It is called with ``params``. If it has parameters of these names, it also receives
        ``in_features``, the number of columns of X, and ``input_shape``, the shape of a row. A module instance is
        copied by each fit. Lazy layers, such as `torch.nn.LazyLinear`, are supported. If X has only whole numbers,
        a module that fails for floats but not for integers receives integers, for instance `torch.nn.Embedding`.

        The module maps a batch ``(B, *input_shape)`` to a tensor (B, D), a vector for each row; or to (B, L, D), a
        vector for each token, of which the row is the mean; or to a `Representation`.
    params : mapping or None, default=None
        Other arguments of ``module``.

    Attributes
    ----------
    input_shape_ : tuple of int
        Shape of a row of X.
    integers_ : bool
        Whether the module receives integers.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from torch import nn
    >>> from sklearn_mtl import MultiTaskNetRegressor
    >>> def small_net(in_features, width=4):
    ...     return nn.Sequential(nn.Linear(in_features, width), nn.Tanh())
    >>> X, y = load_linnerud(return_X_y=True)
    >>> net = MultiTaskNetRegressor(trunk=small_net, max_epochs=5).fit(X, y)
    >>> net.transform(X).shape
    (20, 4)
    """

    #: of the numbers of X
    dtype_: str = "float32"

    _parameter_constraints: dict = {"module": [HasMethods("__call__")], "params": [Mapping, None]}

    # defaults for models of older versions, which did not copy modules or seed their random numbers
    is_copied_ = draws_in_training_ = draws_in_prediction_ = integers_ = False

    def __init__(
        self, module: Callable[..., nn.Module] | nn.Module = nn.Flatten, params: Mapping[str, Any] | None = None
    ) -> None:
        self.module = module
        self.params = params

    def fit(
        self,
        X: RowsLike,
        *,
        owner: BaseEstimator,
        dtype: str = "float32",
        categorical_features: ColumnsLike = "from_dtype",
        sample_weight: np.ndarray | None = None,
    ) -> ModuleTrunk:
        self._validate_params()
        if isinstance(self.module, nn.Module) and self.params is not None:
            raise ValueError(f"params={self.params!r} of ModuleTrunk has no effect on a module instance.")
        self.dtype_ = dtype
        rows = self._read(X, owner, reset=True)
        self.input_shape_ = rows.shape[1:]
        self.stem_width_ = self.input_shape_[-1]
        self.is_copied_ = self.draws_in_training_ = self.draws_in_prediction_ = self.integers_ = False
        with Streams(0).global_generator("trunk", "probe"):
            self.is_copied_ = isinstance(self.module, nn.Module) or shares_tensors(self._made(), self._made())
        found = self._probe(rows)
        self.width_ = found.sample.shape[-1]
        self.has_tokens = found.token is not None
        self.n_tokens_ = None if found.token is None else found.token.shape[-2]
        return self

    def _probe(self, rows: np.ndarray) -> Representation:
        """Run the module on two rows; find its output, and whether it takes integers and draws random numbers."""
        x = torch.from_numpy(np.repeat(rows[:1], 2, axis=0))
        try:
            body, found = self._called(x)
        except ValueError as error:
            # whole numbers may be indices for a look-up
            self.integers_ = _are_whole(rows)
            try:
                body, found = self._called(x)
            except ValueError:
                raise error from error.__cause__
        draws = {mode: draws_from_global_generator(body, x, mode) for mode in (False, True)}
        self.draws_in_training_, self.draws_in_prediction_ = draws[True], draws[False]
        return found

    def _called(self, x: Tensor) -> tuple[ForeignModule, Representation]:
        body = self.body(Streams(0)).to(x.dtype).eval()
        with lend_global_generator(0), torch.no_grad():
            return body, body(StemOutput(x))

    def encode(self, X: RowsLike, *, owner: BaseEstimator) -> Inputs:
        rows = self._read(X, owner, reset=False)
        if rows.shape[1:] != self.input_shape_:
            raise ValueError(
                f"X has rows of shape {rows.shape[1:]}, but {type(owner).__name__} was fitted to rows of shape "
                f"{self.input_shape_}."
            )
        if self.integers_ and not _are_whole(rows):
            raise ValueError(
                f"X has numbers that are not whole, but the module {self._name} of ModuleTrunk requires integers."
            )
        return {"rows": as_tensor(rows)}

    def _read(self, X: RowsLike, owner: BaseEstimator, reset: bool) -> np.ndarray:
        X = plain(X)
        if np.ndim(X) > 2:
            forget_columns(owner)
            rows = check_array(X, dtype=self.dtype_, allow_nd=True, estimator=owner, input_name="X")
            return np.ascontiguousarray(rows)
        reset = reset or len(self.input_shape_) > 1
        return np.ascontiguousarray(validate_data(owner, X, dtype=self.dtype_, reset=reset))

    def lengths(self, X: RowsLike) -> np.ndarray | None:
        return None if self.n_tokens_ is None else np.full(len(X), self.n_tokens_)

    def stem(self, streams: Streams) -> nn.Module:
        return _Rows()

    def body(self, streams: Streams, name: str = "body") -> ForeignModule:
        with streams.global_generator("trunk", name):
            module = self._made()
            if is_unfinished(module):
                self._finish(module)
        return ForeignModule(
            with_our_dropout(module),
            self._name,
            integers=self.integers_,
            draws_in_training=self.draws_in_training_,
            draws_in_prediction=self.draws_in_prediction_,
            seed=streams.derive("trunk", name, "draws"),
        )

    @property
    def _name(self) -> str:
        """Return the name of the module in messages."""
        own = None if isinstance(self.module, nn.Module) else getattr(self.module, "__name__", None)
        return str(own or type(self.module).__name__)

    def _made(self) -> nn.Module:
        """Build the module, or copy the given instance."""
        module: Any = self.module
        if not isinstance(module, nn.Module):
            module = self._from_factory(module)
        if not isinstance(module, nn.Module):
            raise TypeError(
                f"module={self.module!r} of ModuleTrunk should make a torch.nn.Module, got {module!r}."
            )
        if not self.is_copied_:
            return module
        try:
            return copy.deepcopy(module)
        except Exception as error:  # external code may raise any exception
            raise TypeError(
                f"the module {self._name} of ModuleTrunk exists before the fit, which needs a copy of it, "
                f"but it cannot be copied: {error}"
            ) from error

    def _finish(self, module: nn.Module) -> None:
        """Initialise lazy layers with a first batch."""
        x = torch.zeros(2, *self.input_shape_, dtype=torch.int64 if self.integers_ else torch.float32)
        module.eval()
        with torch.no_grad(), naming(self._name, x):
            module(x)
        module.train()

    def _from_factory(self, factory: Callable[..., Any]) -> Any:
        """Call the factory; errors name its arguments."""
        given = {**self._shapes(), **(self.params or {})}
        try:
            return factory(**given)
        except TypeError as error:
            raise TypeError(
                f"module={factory!r} of ModuleTrunk cannot be made with the parameters {sorted(given)}: {error}. "
                "Pass parameters other than in_features and input_shape in params."
            ) from error

    def _shapes(self) -> dict[str, Any]:
        """Return the arguments of the factory for the shape of a row."""
        known = {"in_features": self.input_shape_[-1], "input_shape": tuple(self.input_shape_)}
        taken = parameters_of(self.module)
        given = self.params or {}
        return {name: value for name, value in known.items() if name in taken and name not in given}


def _are_whole(rows: np.ndarray) -> bool:
    """Return whether numbers are whole, and small enough to be exact as floats."""
    largest = 2.0 ** (np.finfo(rows.dtype).nmant + 1)
    return bool((rows == np.rint(rows)).all() and (np.abs(rows) <= largest).all())


class _Rows(nn.Module):
    def forward(self, inputs: Inputs) -> StemOutput:
        rows: Tensor = inputs["rows"]
        return StemOutput(rows, rows.dim() - 2)
