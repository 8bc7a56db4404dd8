"""The steps of a pipeline before the network, converted by skl2onnx."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline

from ..columns._columns import plain, read_column
from ..columns._frame import as_frame
from ..utils._optional import import_optional
from ..utils._types import RowsLike
from ._impute import convert_imputer, shape_of_imputed
from ._names import ARRAY, INNER
from ._read_arrays import RowsReader
from ._read_table import TableReader
from ._reader import Reader

# Opsets that skl2onnx uses.
_OPSETS = {"": 18, "ai.onnx.ml": 3}
# Prefix of its names.
_STEPS = f"{INNER}steps/"


class StepsBefore:
    """All steps of a pipeline but the last one.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted.
    X : RowsLike or None
        Some rows of its X.

    Attributes
    ----------
    last : object
        The last step.
    names : list of str
        Names of the inputs.

    Raises
    ------
    ValueError
        If X is None.
    """

    def __init__(self, pipeline: Pipeline, X: RowsLike | None) -> None:
        if X is None:
            raise ValueError(
                "to_onnx: a Pipeline needs to_onnx(..., X=X[:1]), from which the names and types of its columns "
                "are read."
            )
        self.steps, self.last = Pipeline(pipeline.steps[:-1]), pipeline.steps[-1][1]
        self.types = _types_of(X)
        self.names = [name for name, _ in self.types]

    def converted(self, reader: Reader) -> tuple[Any, str, str]:
        """Return the steps as an ONNX model, the prefix of its names, and the tensor of the network that it makes.

        Raises
        ------
        TypeError
            If skl2onnx cannot convert a step, or the network reads something else than a table of numbers.
        """
        if not isinstance(reader, TableReader | RowsReader):
            raise TypeError("to_onnx: steps before a network are supported if they make a table of numbers.")
        if isinstance(reader, TableReader) and reader.columns.texts:
            raise TypeError(
                "to_onnx: the steps before the network leave columns of text, which skl2onnx cannot return beside "
                "numbers; encode them in a step, or leave the network without steps, which reads texts itself."
            )
        (tensor,) = reader.examples()
        return self._model(), _STEPS, reader.inner(tensor)

    def _model(self) -> Any:
        skl2onnx = import_optional("skl2onnx", "onnx", "to_onnx of a Pipeline")
        try:
            return skl2onnx.convert_sklearn(
                self.steps,
                initial_types=self.types,
                target_opset=_OPSETS,
                custom_conversion_functions={SimpleImputer: convert_imputer},
                custom_shape_calculators={SimpleImputer: shape_of_imputed},
            )
        except Exception as error:  # those of skl2onnx have no common class
            names = [type(step).__name__ for _, step in self.steps.steps]
            raise TypeError(f"to_onnx: skl2onnx cannot convert the steps {names}: {error}") from error


def _types_of(X: RowsLike) -> list[tuple[str, Any]]:
    """Return the name and the type of skl2onnx of each input."""
    types = import_optional("skl2onnx.common.data_types", "onnx", "to_onnx of a Pipeline")
    X = plain(X)
    frame = as_frame(X)
    if frame is None:
        n_columns = np.shape(X)[1]
        return [(ARRAY, types.DoubleTensorType([None, n_columns]))]
    texts = [_is_text(frame.column(position)) for position in range(len(frame.names))]
    of = {True: types.StringTensorType, False: types.DoubleTensorType}
    return [(name, of[text]([None, 1])) for name, text in zip(frame.names, texts, strict=True)]


def _is_text(column: Any) -> bool:
    values = read_column(column)
    known = values.values[~values.missing].tolist()
    return any(isinstance(value, str) for value in known)
