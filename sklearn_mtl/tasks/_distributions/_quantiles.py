"""Several quantiles of one label, which cannot cross."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

from .._members import mean_of_members
from ._family import Family

# Levels such as (1 - 0.9) / 2 are not quite 0.05.
_ROUNDING = 1e-9


class Quantiles(Family):
    """Quantiles at increasing levels: the outputs are the one nearest to the median, and steps to its neighbours.

    Steps are at least 0, so the quantiles of a row never cross.

    Parameters
    ----------
    shift, scale : ndarray of shape (n_columns,)
    levels : ndarray of shape (n_quantiles,)
        Increasing, each above 0 and below 1.
    """

    def __init__(self, shift: np.ndarray, scale: np.ndarray, levels: np.ndarray) -> None:
        super().__init__(shift, scale)
        self.levels, self.n_parameters = levels, len(levels)
        self.middle = int(np.abs(levels - 0.5).argmin())

    def value_and_gradient(self, parameters: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the mean of the pinball losses of all levels, and its gradient."""
        at = self.middle
        parameters = parameters.movedim(-1, 0).contiguous()  # sums over a last axis of a few numbers are slow
        middle, steps = parameters[at : at + 1], softplus(parameters)
        below, above = _sums_from(steps[:at]), steps[at + 1 :].cumsum(0)
        error = target - torch.cat([middle - below, middle, middle + above])
        levels = torch.as_tensor(self.levels, dtype=error.dtype, device=error.device)
        levels = levels.reshape(-1, *[1] * (error.dim() - 1))
        slopes = (error < 0).to(error.dtype).sub_(levels)  # by each quantile
        value = error.mul_(slopes).mean(dim=0).neg_()
        slopes.div_(len(self.levels))
        by_below, by_above = slopes[:at].cumsum(0).neg_(), _sums_from(slopes[at + 1 :])
        gradient = torch.cat([by_below, slopes.sum(dim=0, keepdim=True), by_above])
        rises = torch.sigmoid(parameters)
        rises[at] = 1.0
        return value, gradient.mul_(rises).movedim(0, -1)

    def location(self, parameters: np.ndarray) -> np.ndarray:
        return self._in_units(parameters[..., self.middle])

    def average(self, parameters: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """Return outputs of the mean of the members' quantiles at each level."""
        averaged = mean_of_members(parameters, shares)
        steps = np.maximum(mean_of_members(np.logaddexp(parameters, 0.0), shares), 1e-12)
        raw = steps + np.log(-np.expm1(-steps))
        raw[..., self.middle] = averaged[..., self.middle]
        return raw

    def quantiles(self, parameters: np.ndarray, q: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """Interpolate linearly between the learned levels.

        Raises
        ------
        ValueError
            If a level is outside of the learned ones.
        """
        low, high = self.levels[0], self.levels[-1]
        q = np.where((q < low) & (q > low - _ROUNDING), low, q)
        q = np.where((q > high) & (q < high + _ROUNDING), high, q)
        outside = q[(q < low) | (q > high)]
        if len(outside):
            raise ValueError(
                f"q={outside[0]:g} is outside of the learned quantiles, from {low:g} to {high:g}; add it to "
                "`quantile` of the task and fit again"
            )
        learned = self._levels_of(self.average(parameters, shares))
        if len(self.levels) == 1:
            return np.repeat(self._in_units(learned[..., 0])[..., None], len(q), axis=-1)
        right = np.clip(np.searchsorted(self.levels, q), 1, len(self.levels) - 1)
        share = (q - self.levels[right - 1]) / (self.levels[right] - self.levels[right - 1])
        between = learned[..., right - 1] + share * (learned[..., right] - learned[..., right - 1])
        return np.moveaxis(self._in_units(np.moveaxis(between, -1, 0)), 0, -1)

    def _levels_of(self, parameters: np.ndarray) -> np.ndarray:
        """Return the quantiles (..., C, P) in standard units."""
        middle = parameters[..., self.middle : self.middle + 1]
        steps = np.logaddexp(parameters, 0.0)
        below = np.cumsum(steps[..., : self.middle][..., ::-1], axis=-1)[..., ::-1]
        above = np.cumsum(steps[..., self.middle + 1 :], axis=-1)
        return np.concatenate([middle - below, middle, middle + above], axis=-1)

    def _in_units(self, values: np.ndarray) -> np.ndarray:
        return np.asarray(values * self.scale + self.shift)


def _sums_from(values: Tensor) -> Tensor:
    """Sum each element and those behind it, along the first axis."""
    return values.flip(0).cumsum(0).flip(0)
