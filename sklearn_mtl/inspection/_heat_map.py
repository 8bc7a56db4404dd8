"""Common parts of the heat maps of displays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..diagram._layout import shortened
from ..utils._types import AxesLike


def write_numbers(ax: AxesLike, image: Any, values: np.ndarray, values_format: str) -> np.ndarray:
    """Write the numbers into the cells in a readable colour; return the texts, None for cells without a number."""
    texts = np.full(values.shape, None)
    for row, column in np.argwhere(~np.isnan(values)):
        shade = image.cmap(image.norm(values[row, column]))
        ink = "black" if np.dot(shade[:3], [0.3, 0.59, 0.11]) > 0.5 else "white"
        number = format(values[row, column], values_format)
        texts[row, column] = ax.text(column, row, number, ha="center", va="center", color=ink, fontsize=8)
    return texts


def name_cells(ax: AxesLike, rows: Sequence[Any], columns: Sequence[Any]) -> None:
    """Write the names of rows and columns, and separate the cells by white lines."""
    ax.set_yticks(range(len(rows)), [shortened(str(row)) for row in rows], parse_math=False)
    names = [shortened(str(column)) for column in columns]
    ax.set_xticks(range(len(columns)), names, rotation=45, ha="right", rotation_mode="anchor", parse_math=False)
    ax.set_xticks(np.arange(len(columns) + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(len(rows) + 1) - 0.5, minor=True)
    ax.grid(which="minor", color="white", linewidth=1.5)
    ax.tick_params(which="both", length=0)
    ax.spines[:].set_visible(False)
