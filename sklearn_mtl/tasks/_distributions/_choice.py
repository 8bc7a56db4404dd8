"""Losses by name whose outputs are the parameters of a distribution, or quantiles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ._family import Distribution, Family
from ._location_scale import Laplace, LogNormal, Normal, StudentT
from ._mixture import NormalMixture
from ._quantiles import Quantiles

_SIMPLE: dict[str, type[Distribution]] = {
    "normal": Normal,
    "student_t": StudentT,
    "laplace": Laplace,
}
#: losses of a regression that learn a distribution
DISTRIBUTIONS = frozenset({*_SIMPLE, "lognormal", "mixture"})


def family_of(
    loss: str,
    shift: np.ndarray,
    scale: np.ndarray,
    highest: np.ndarray,
    levels: Sequence[float] | None,
    n_components: int,
) -> Family:
    """Return what several outputs of a label mean.

    Parameters
    ----------
    loss : str
        One of `DISTRIBUTIONS`, or "quantile" with several levels.
    shift, scale : ndarray of shape (n_columns,)
        As of `Family`.
    highest : ndarray of shape (n_columns,)
        The largest label, as it is learned.
    levels : sequence of float or None
        Levels of several quantiles.
    n_components : int
        Number of components of a mixture.
    """
    if loss == "mixture":
        return NormalMixture(shift, scale, n_components)
    if loss == "lognormal":
        return LogNormal(shift, scale, highest)
    if loss == "quantile" and levels is not None:
        return Quantiles(shift, scale, np.asarray(levels, dtype=np.float64))
    return _SIMPLE[loss](shift, scale)
