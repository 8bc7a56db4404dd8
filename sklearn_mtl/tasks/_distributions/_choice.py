"""Losses by name whose outputs are the parameters of a distribution, or quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ._family import Distribution, Family
from ._location_scale import Laplace, LogNormal, Normal, StudentT
from ._mixture import NormalMixture
from ._quantiles import Quantiles

_SIMPLE: dict[str, type[Distribution]] = {
    "normal": Normal,
    "student_t": StudentT,
    "laplace": Laplace,
    "lognormal": LogNormal,
}
#: losses of a regression that learn a distribution
DISTRIBUTIONS = frozenset({*_SIMPLE, "mixture"})


def family_of(
    loss: Any, shift: np.ndarray, scale: np.ndarray, levels: Sequence[float] | None, n_components: int
) -> Family | None:
    """Return what the outputs of a regression mean; None if each is a prediction.

    Parameters
    ----------
    loss : str or callable
    shift, scale : ndarray of shape (n_columns,)
        As of `Family`.
    levels : sequence of float or None
        Levels of several quantiles.
    n_components : int
        Number of components of a mixture.
    """
    if not isinstance(loss, str):
        return None
    if loss == "mixture":
        return NormalMixture(shift, scale, n_components)
    if loss == "quantile" and levels is not None:
        return Quantiles(shift, scale, np.asarray(levels, dtype=np.float64))
    return _SIMPLE[loss](shift, scale) if loss in _SIMPLE else None
