"""Several inputs of the same rows, as passed by the user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

from ..columns._columns import plain
from ..targets import Targets


class InputRows(Mapping[str, Any]):
    """Inputs by name, each in its original form: a frame, a sparse matrix, a list of sentences.

    Parameters
    ----------
    inputs : mapping of str to input
        Inputs with the same number of rows. Frames in `Targets` keep their original form.

    Raises
    ------
    ValueError
        If there is no input, two inputs have the same name, or they differ in length.
    TypeError
        If an input has no rows.
    """

    def __init__(self, inputs: Mapping[Any, Any]) -> None:
        given = {key: inputs.as_given(key) if isinstance(inputs, Targets) else inputs[key] for key in inputs}
        self._inputs = {str(key): plain(values) for key, values in given.items()}
        if len(self._inputs) < len(given):
            raise ValueError(f"X names an input more than once: {list(given)}.")
        if not self._inputs:
            raise ValueError("X is a mapping without any input; at least one is needed.")
        lengths = {name: _n_rows(name, values) for name, values in self._inputs.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"The inputs of X need the same number of rows; got {lengths}.")
        self._n_rows = next(iter(lengths.values()))

    @property
    def shape(self) -> tuple[int, int]:
        """Return the numbers of rows and of inputs."""
        return len(self), len(self._inputs)

    def __len__(self) -> int:
        return self._n_rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._inputs)

    def __contains__(self, name: object) -> bool:
        return name in self._inputs

    def keys(self) -> Any:
        """Return the names of the inputs."""
        return self._inputs.keys()

    def __getitem__(self, name: str) -> Any:
        return self._inputs[name]

    def take(self, rows: np.ndarray) -> InputRows:
        """Return the given rows of each input."""
        return InputRows({name: _safe_indexing(values, rows) for name, values in self._inputs.items()})


def rows_of(X: Any, rows: np.ndarray) -> Any:
    """Return some rows of inputs of any kind, given their positions."""
    if isinstance(X, InputRows):
        return X.take(rows)
    is_only_array = not hasattr(X, "__getitem__") and hasattr(X, "__array__")
    return _safe_indexing(np.asarray(X) if is_only_array else X, rows)


def _n_rows(name: str, values: Any) -> int:
    if isinstance(values, str | Mapping) and not hasattr(values, "shape"):  # some sparse matrices are mappings
        raise TypeError(f"input {name!r} of X should have a row for each sample, got {type(values).__name__}.")
    try:
        return int(_num_samples(values))
    except TypeError as error:
        raise TypeError(f"input {name!r} of X should have a row for each sample: {error}") from error
