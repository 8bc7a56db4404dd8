"""Export of a fitted model to ONNX."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._version import __version__
from ..columns._columns import plain, read_column
from ..columns._frame import Frame, as_frame
from ..estimator._estimator import MultiTaskNetEstimator
from ..files._atomic import replaced_file
from ..utils._modes import own_modes
from ..utils._optional import import_optional
from ..utils._repeated import repeated
from ..utils._types import RowsLike
from ._graph import Surrounding
from ._names import ARRAY
from ._trace import trace
from ._whole import WholeModel

# Types of ONNX tensors of numbers, as numpy's.
_NUMBERS = {"tensor(double)": np.float64, "tensor(float)": np.float32}


@own_modes()
def to_onnx(
    net: MultiTaskNetEstimator, path: str | os.PathLike[str] | None = None, tasks: Sequence[str] | None = None
) -> Any:
    """Convert a fitted estimator to an ONNX model, which runs without Python, torch and this package.

    The graph is the whole model: categories, missing values, scaling, bins, all networks of an ensemble or a
    portfolio with their weights, classes and units. Its outputs equal those of ``predict`` and ``predict_proba``
    up to rounding, for any number of rows. It uses opset 18 of ONNX and, for text, version 2 of ``ai.onnx.ml``.

    Parameters
    ----------
    net : MultiTaskNetEstimator, MultiTaskNetClassifier or MultiTaskNetRegressor
        Fitted, with the trunk `MLP <sklearn_mtl.trunks.MLP>` or `ConvNet <sklearn_mtl.trunks.ConvNet>`.
    path : path-like or None, default=None
        File to write or replace, atomically; its folder exists. None writes none.
    tasks : sequence of str or None, default=None
        Tasks to export, of the types `Classification <sklearn_mtl.tasks.Classification>`, `Regression
        <sklearn_mtl.tasks.Regression>` of one number or quantile per column, `MultilabelClassification
        <sklearn_mtl.tasks.MultilabelClassification>`, `Ordinal <sklearn_mtl.tasks.Ordinal>` and `Count
        <sklearn_mtl.tasks.Count>` without dispersion. None exports all.

    Returns
    -------
    onnx.ModelProto
        Its inputs, for n rows:

        - of a frame, one per column by its name, (n, 1): strings for categories of text, with ``""`` for a missing
          value, and doubles for all others, with NaN for a missing value;
        - of an array, one named ``X``: doubles (n, n_columns), or images of the shape and range of ``fit``, as
          bytes if they were bytes there and otherwise as floats. Grey images are (n, height, width).

        Its outputs, by the name of the task:

        - ``<task>_label`` (n,) and ``<task>_probabilities`` (n, n_classes) of a classification or ordinal task,
          with columns in the order of ``classes_``;
        - ``<task>_labels``, indicators (n, n_labels) of 0 and 1, and ``<task>_probabilities`` of sets of labels;
        - ``<task>`` of numbers, (n,), or (n, n_columns) if y has several columns; doubles.

        Its metadata has the classes of each task, as JSON under ``classes``.

    Raises
    ------
    TypeError
        If the estimator, its trunk, a task or a column is of a kind that is not supported; the message names it.
    ValueError
        If names of columns and outputs collide, a category of text is empty, or a task is unknown.
    ImportError
        If onnx or onnxscript is not installed; the extra ``onnx`` installs them.
    OSError
        If the file cannot be written.

    See Also
    --------
    onnx_inputs : Convert X to the inputs of the model.

    Notes
    -----
    The graph does not check its inputs as ``predict`` does: an infinite number gives numbers without meaning.
    Heads that read labels of other tasks (``label_inputs=True``) are exported as for rows without known labels.

    Examples
    --------
    >>> import onnxruntime
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_mtl import MultiTaskNetEstimator
    >>> from sklearn_mtl.export import onnx_inputs, to_onnx
    >>> X, species = load_iris(return_X_y=True, as_frame=True)
    >>> kinds = species.map({0: "setosa", 1: "versicolor", 2: "virginica"})
    >>> y = {"species": kinds, "width": X.pop("petal width (cm)")}
    >>> net = MultiTaskNetEstimator(n_members=1, max_epochs=30, random_state=0).fit(X, y)
    >>> model = to_onnx(net)
    >>> session = onnxruntime.InferenceSession(model.SerializeToString())
    >>> [output.name for output in session.get_outputs()]
    ['species_label', 'species_probabilities', 'width']
    >>> label, probabilities, width = session.run(None, onnx_inputs(session, X[:2]))
    >>> label.tolist(), probabilities.shape, width.shape
    (['setosa', 'setosa'], (2, 3), (2,))
    """
    import_optional("onnx", "onnx", "to_onnx")
    names = _tasks_of(net, tasks)
    whole = WholeModel(net._model, names).eval()
    answers = [answer for task in whole.answering for answer in task.answers]
    _require_different(whole.reader.input_names(ARRAY), answers)
    numbered = [f"answer {number}" for number in range(len(answers))]
    around = Surrounding(trace(whole, whole.examples, whole.axes, numbered))
    whole.reader.surround(around, ARRAY)
    around.answer(answers, {name: texts for task in whole.answering for name, texts in task.texts.items()})
    exported = around.whole()
    _describe(exported, net, names)
    if path is not None:
        with replaced_file(path) as file:
            file.write(exported.SerializeToString())
    return exported


def _tasks_of(net: Any, tasks: Sequence[str] | None) -> list[str]:
    if not isinstance(net, MultiTaskNetEstimator):
        raise TypeError(
            f"to_onnx takes a MultiTaskNetEstimator, MultiTaskNetClassifier or MultiTaskNetRegressor; got "
            f"{type(net).__name__}. Export the estimator within it, and its other steps by other means."
        )
    check_is_fitted(net)
    names = net._chosen(tasks)
    other = next((name for name in names if name in net.task_predictors_), None)
    if other is not None:
        raise TypeError(
            f"task {other!r}: to_onnx does not export the predictor that takes the place of the network; leave "
            "the task out by tasks=[...]."
        )
    return names


def _require_different(inputs: Sequence[str], answers: Sequence[str]) -> None:
    twice = repeated([*inputs, *answers])
    if twice:
        raise ValueError(
            f"to_onnx: the names {twice} would stand for several inputs and outputs, but ONNX requires different "
            "ones; rename the columns of X or the tasks before fit."
        )


def _describe(model: Any, net: MultiTaskNetEstimator, names: Sequence[str]) -> None:
    classes = {name: net.tasks_[name].classes_.tolist() for name in names if hasattr(net.tasks_[name], "classes_")}
    model.producer_name, model.producer_version = "sklearn_mtl", __version__
    for key, value in {"tasks": list(names), "classes": classes}.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, json.dumps(value, default=str)


def onnx_inputs(session: Any, X: RowsLike) -> dict[str, np.ndarray]:
    """Convert X to the inputs of a session of onnxruntime with a model of `to_onnx`.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
    X : frame of pandas, polars or pyarrow, or array-like
        Rows with the columns of ``fit``; further columns are ignored.

    Returns
    -------
    dict of str to ndarray
        Of a frame, (n, 1) for each column: strings, with ``""`` for missing ones, or numbers, with NaN. Of an
        array, ``X``.

    Raises
    ------
    ValueError
        If columns are missing, or have text in the place of numbers or numbers in the place of text.

    Examples
    --------
    See `to_onnx`.
    """
    types = {each.name: each.type for each in session.get_inputs()}
    X = plain(X)
    frame = as_frame(X)
    if frame is None or (list(types) == [ARRAY] and ARRAY not in frame.names):
        return {ARRAY: _array(X, types)}
    lacking = [name for name in types if name not in frame.names]
    if lacking:
        raise ValueError(f"X lacks the columns {lacking} of the model; it has {frame.names}.")
    position = {name: place for place, name in enumerate(frame.names)}
    return {
        name: _texts(frame, position[name])
        if of == "tensor(string)"
        else frame.numbers([position[name]]).astype(_NUMBERS[of])
        for name, of in types.items()
    }


def _array(X: RowsLike, types: dict[str, str]) -> np.ndarray:
    if list(types) != [ARRAY]:
        raise ValueError(
            f"X is an array, but the model has an input for each column: {list(types)}; pass a frame."
        )
    if types[ARRAY] != "tensor(uint8)":
        return np.ascontiguousarray(X, dtype=_NUMBERS[types[ARRAY]])
    images = np.asarray(X)
    held = images.astype(np.uint8)
    if not np.array_equal(held, images):
        raise ValueError("X should hold images of whole numbers from 0 to 255, as in fit.")
    return held


def _texts(frame: Frame, position: int) -> np.ndarray:
    column = read_column(frame.column(position))
    texts = column.values.astype(object)
    texts[column.missing] = ""
    other = next((value for value in texts.tolist() if not isinstance(value, str)), None)
    if other is not None:
        raise ValueError(f"column {frame.names[position]!r} of X should hold text, but has {other!r}.")
    return texts[:, None]
