"""Numbers that are known only to be above or below a limit, such as ">10"."""

from __future__ import annotations

import re

import numpy as np
import torch
from torch import Tensor

from ..columns._missing import is_missing

_BOUND = re.compile(r"\s*(<=|>=|<|>|≤|≥)?\s*(\S.*?)\s*")
_SIDES = {"<": -1.0, "<=": -1.0, "≤": -1.0, ">": 1.0, ">=": 1.0, "≥": 1.0}
_EXPECTED = 'expected a number, or a text such as "<0.5" or ">10"'


def read_bounds(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Read numbers and limits.

    Parameters
    ----------
    y : ndarray of any shape
        Numbers, texts of numbers, and limits such as "<0.5" and ">= 10"; missing labels are NaN, None or "nan".

    Returns
    -------
    values : ndarray of float, of the same shape
        The numbers, and the limits themselves; NaN where the label is missing.
    sides : ndarray of float, of the same shape
        1 where the label is at least its value, -1 where it is at most its value, 0 where it is exact or missing.

    Raises
    ------
    ValueError
        If a text is neither a number nor a limit; the message names the row.
    """
    values, sides = np.full(y.shape, np.nan), np.zeros(y.shape)
    if y.dtype.kind not in "OU":
        return y, sides
    for place in zip(*np.nonzero(~is_missing(y)), strict=True):
        label = y[place]
        if isinstance(label, str):
            values[place], sides[place] = _parsed(label, int(place[0]))
        else:
            try:
                values[place] = float(label)
            except (TypeError, ValueError) as error:
                raise ValueError(f"row {place[0]}: {_EXPECTED}, got {label!r}") from error
    return values, np.where(np.isnan(values), 0.0, sides)


def _parsed(label: str, row: int) -> tuple[float, float]:
    found = _BOUND.fullmatch(label)
    try:
        if found is None:
            raise ValueError("empty")
        return float(found[2]), _SIDES.get(found[1] or "", 0.0)
    except ValueError as error:
        raise ValueError(f"row {row}: {_EXPECTED}, got {label!r}") from error


def within_bounds(output: Tensor, target: Tensor) -> Tensor:
    """Return the target (..., B, C), replaced by the output where that is beyond a limit on its right side.

    Parameters
    ----------
    output : Tensor of shape (..., B, C)
    target : Tensor of shape (..., B, 2 C)
        Values, then their sides as of `read_bounds`.
    """
    values, sides = target.chunk(2, dim=-1)
    return torch.where(sides * (output - values) > 0, output, values)
