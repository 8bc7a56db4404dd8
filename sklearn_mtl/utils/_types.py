"""Names for the arguments of users, which are read by their values, whatever their types."""

from __future__ import annotations

from typing import Any

#: inputs: an array, a sparse matrix, a frame, a list of rows or of sequences, or a mapping of several inputs
RowsLike = Any
#: targets: an array, a frame, a structured array, a mapping of arrays, or `Targets`
TargetsLike = Any
#: weights of rows: an array, or a frame or mapping of arrays by task, or None
WeightsLike = Any
#: which columns are categorical: "from_dtype", None, or positions, a mask or names
ColumnsLike = Any
#: axes of matplotlib, which is optional
AxesLike = Any
