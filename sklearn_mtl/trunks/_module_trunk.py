"""Any module as a trunk."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, validate_data
from torch import Tensor, nn

from ..utils._layers import Dropout
from ..utils._params import HasMethods
from ..utils._random import Streams
from ._base import Inputs, Representation, Trunk, forget_columns


class ModuleTrunk(Trunk):
    """A module of one's own as the trunk.

    ``trunk=MyModule`` is short for ``trunk=ModuleTrunk(MyModule)``. Initial weights come from the seed of the fit,
    and so do the masks of `torch.nn.Dropout`, which is replaced by a layer that draws them from there. What else
    a module draws at random in training comes from torch's global generator.

    Parameters
    ----------
    module : class or callable, default=torch.nn.Flatten
        Makes the module. It is called with ``params``, and with those of ``in_features``, the number of columns of
        X, and ``input_shape``, the shape of a row, that it takes by name.

        The module maps a batch ``(B, *input_shape)`` to a tensor (B, D), a vector for each row; or to (B, L, D), a
        vector for each token, of which the row is the mean; or to a `Representation`.
    params : mapping or None, default=None
        What else ``module`` is called with.

    Attributes
    ----------
    input_shape_ : tuple of int
        Shape of a row of X.

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

    _parameter_constraints: dict = {"module": [HasMethods("__call__")], "params": [Mapping, None]}

    def __init__(
        self, module: Callable[..., nn.Module] = nn.Flatten, params: Mapping[str, Any] | None = None
    ) -> None:
        self.module = module
        self.params = params

    def fit(
        self,
        X: Any,
        *,
        owner: BaseEstimator,
        categorical_features: Any = "from_dtype",
        sample_weight: np.ndarray | None = None,
    ) -> ModuleTrunk:
        if isinstance(self.module, nn.Module):
            raise TypeError(
                "module of ModuleTrunk should be a class or a function that makes a module, got the module "
                f"{type(self.module).__name__} itself: every fit starts from a new one."
            )
        self._validate_params()
        rows = self._read(X, owner, reset=True)
        self.input_shape_ = rows.shape[1:]
        self.stem_axes = len(self.input_shape_) - 1  # type: ignore[misc]
        self.stem_width_ = self.input_shape_[-1]
        # a probe tells what comes out
        probe = self.body(Streams(0)).to(self._torch_dtype(owner)).eval()
        with torch.no_grad():
            found = probe(torch.zeros(1, *self.input_shape_, dtype=self._torch_dtype(owner)))
        self.width_ = found.sample.shape[-1]
        self.has_tokens = found.token is not None
        self.n_tokens_ = None if found.token is None else found.token.shape[-2]
        return self

    def encode(self, X: Any, *, owner: BaseEstimator) -> Inputs:
        rows = self._read(X, owner, reset=False)
        if rows.shape[1:] != self.input_shape_:
            raise ValueError(
                f"X has rows of shape {rows.shape[1:]}, but {type(owner).__name__} was fitted to rows of shape "
                f"{self.input_shape_}."
            )
        return {"rows": torch.from_numpy(rows if rows.flags.writeable else rows.copy())}

    def _read(self, X: Any, owner: BaseEstimator, reset: bool) -> np.ndarray:
        dtype = np.dtype(getattr(owner, "dtype", "float32"))
        if np.ndim(X) > 2:
            forget_columns(owner)
            rows = check_array(X, dtype=dtype, allow_nd=True, estimator=owner, input_name="X")
            return np.ascontiguousarray(rows)
        reset = reset or len(self.input_shape_) > 1
        return np.ascontiguousarray(validate_data(owner, X, dtype=dtype, reset=reset))

    def _torch_dtype(self, owner: BaseEstimator) -> torch.dtype:
        return {"float32": torch.float32, "float64": torch.float64}[str(getattr(owner, "dtype", "float32"))]

    def lengths(self, X: Any) -> np.ndarray | None:
        return None if self.n_tokens_ is None else np.full(len(X), self.n_tokens_)

    def stem(self, streams: Streams) -> nn.Module:
        return _Rows()

    def body(self, streams: Streams, name: str = "body") -> nn.Module:
        with streams.global_generator("trunk", name):
            module = self.module(**self._shapes(), **(self.params or {}))
        if not isinstance(module, nn.Module):
            raise TypeError(
                f"module={self.module!r} of ModuleTrunk should make a torch.nn.Module, got {module!r}."
            )
        return _Body(with_our_dropout(module))

    def _shapes(self) -> dict[str, Any]:
        """Give what the factory takes of the shape of a row."""
        known = {"in_features": self.input_shape_[-1], "input_shape": tuple(self.input_shape_)}
        taken = inspect.signature(self.module).parameters
        given = self.params or {}
        return {name: value for name, value in known.items() if name in taken and name not in given}


class _Rows(nn.Module):
    def forward(self, inputs: Inputs) -> Tensor:
        rows: Tensor = inputs["rows"]
        return rows


class _Body(nn.Module):
    """Make a representation of what a module gives."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Representation:
        found = self.module(x)
        if isinstance(found, Representation):
            return found
        if not isinstance(found, Tensor) or found.dim() not in (2, 3):
            shape = f"of shape {tuple(found.shape)}" if isinstance(found, Tensor) else f"{type(found).__name__}"
            raise ValueError(f"the module of ModuleTrunk should give (B, D) or (B, L, D), got a result {shape}.")
        if found.dim() == 2:
            return Representation(found)
        return Representation(found.mean(dim=-2), found, torch.ones_like(found[..., 0], dtype=torch.bool))


def with_our_dropout(module: nn.Module) -> nn.Module:
    """Replace `torch.nn.Dropout` in a module by a layer whose masks come from the fit's own random numbers."""
    if type(module) is nn.Dropout:
        return Dropout(module.p)
    for name, child in module.named_children():
        setattr(module, name, with_our_dropout(child))
    return module
