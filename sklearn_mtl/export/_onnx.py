"""Export of a fitted model to ONNX."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from sklearn.pipeline import Pipeline

from .._version import __version__
from ..files._atomic import replaced_file
from ..utils._modes import own_modes
from ..utils._optional import import_optional
from ..utils._repeated import repeated
from ..utils._types import RowsLike
from ._exported import net_and_tasks, remarks_of
from ._graph import Surrounding
from ._names import ARRAY
from ._steps_before import StepsBefore
from ._trace import trace
from ._whole import WholeModel


@own_modes()
def to_onnx(
    net: Any,
    path: str | os.PathLike[str] | None = None,
    tasks: Sequence[str] | None = None,
    *,
    X: RowsLike | None = None,
) -> Any:
    """Convert a fitted estimator to an ONNX model, which runs without Python, torch and this package.

    The graph is the whole model: categories, words, missing values, scaling, bins, all networks of an ensemble or
    a portfolio with their weights, classes, valid tags and units. Its outputs equal those of ``predict`` and
    ``predict_proba`` up to rounding, for any number of rows, and sequences of any length. It uses opset 18 of ONNX
    and, for text, version 2 of ``ai.onnx.ml``. For tokens it also uses the operator Tokenizer of onnxruntime.

    Parameters
    ----------
    net : MultiTaskNetEstimator, MultiTaskNetClassifier, MultiTaskNetRegressor, view of a task, or Pipeline
        Fitted, with a trunk of this package. The last step of a pipeline is one of the others; its other steps are
        transformers of scikit-learn, which skl2onnx converts.
    path : path-like or None, default=None
        File to write or replace, atomically; its folder exists. None writes none.
    tasks : sequence of str or None, default=None
        Tasks to export, of the types of this package. None exports all.
    X : frame or array-like, or None, default=None
        Some rows for a pipeline, from which the names and types of its columns are read; one row suffices.

    Returns
    -------
    onnx.ModelProto
        Its inputs, for n rows:

        - of a frame, one per column by its name, (n, 1): strings for categories of text, with ``""`` for a missing
          value, and doubles for all others, with NaN for a missing value;
        - of an array, one named ``X``: doubles (n, n_columns), or images or videos of the shape and range of
          ``fit``, as bytes if they were bytes there and otherwise as floats. Grey images are (n, height, width);
        - of tokens, one named ``X``: strings (n, n_tokens), with ``""`` after the last token of a row. A text is
          split at white space before;
        - of sequences of numbers, one named ``X``: doubles (n, n_tokens, n_features), with NaN after the last
          step;
        - of several inputs, these for each of them: columns by their names, the others by the name of the input;
        - of a pipeline, those of its first step.

        Its outputs, by the name of the task:

        - ``<task>_label`` (n,) and ``<task>_probabilities`` (n, n_classes) of a classification or ordinal task,
          with columns in the order of ``classes_``;
        - ``<task>_labels``, indicators (n, n_labels) of 0 and 1, and ``<task>_probabilities`` of sets of labels;
        - ``<task>_labels`` and ``<task>_probabilities`` of tags (n, n_tokens) and of pixels (n, height, width).
          After the last token of a row, tags are ``""``, or -1 if they are numbers, and probabilities are 0. Tags
          that are bools are 0 and 1;
        - ``<task>`` of numbers, (n,), or (n, n_columns) if y has several columns; doubles. With it come
          ``<task>_std`` of tasks that learn a distribution, and ``<task>_quantiles``, with one more axis, of those
          that learn several quantiles;
        - ``<task>`` (n, 4) of boxes;
        - ``<task>``, the median time, ``<task>_risk`` (n,) and ``<task>_survival`` (n, n_times) of survival.

        Its metadata has, as JSON, the ``classes`` of each task, the ``quantiles`` and the ``times`` of curves.

    Raises
    ------
    TypeError
        If the estimator, its trunk, a task or a column is of a kind that is not supported; the message names it.
    ValueError
        If names of columns and outputs collide, a category of text is empty, a task is unknown, or a pipeline
        comes without X.
    ImportError
        If onnx, onnxscript or, for a pipeline, skl2onnx is not installed; the extra ``onnx`` installs them.
    OSError
        If the file cannot be written.

    See Also
    --------
    onnx_inputs : Convert X to the inputs of the model.
    to_torch : Export to a program of torch.

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
    before = StepsBefore(net, X) if isinstance(net, Pipeline) else None
    net, names = net_and_tasks(net if before is None else before.last, tasks, "to_onnx")
    whole = WholeModel(net._model, names).eval()
    answers = [answer for task in whole.answering for answer in task.answers]
    _require_different(whole.reader.input_names(ARRAY) if before is None else before.names, answers)
    steps = None if before is None else before.converted(whole.reader)
    numbered = [f"answer {number}" for number in range(len(answers))]
    around = Surrounding(trace(whole, whole.examples, whole.axes, numbered))
    if steps is None:
        whole.reader.surround(around, ARRAY)
    else:
        around.add_before(*steps)
    around.answer(answers, {name: texts for task in whole.answering for name, texts in task.texts.items()})
    exported = around.whole()
    _describe(exported, remarks_of(net, names, whole.answering))
    if path is not None:
        with replaced_file(path) as file:
            file.write(exported.SerializeToString())
    return exported


def _require_different(inputs: Sequence[str], answers: Sequence[str]) -> None:
    twice = repeated([*inputs, *answers])
    if twice:
        raise ValueError(
            f"to_onnx: the names {twice} would stand for several inputs and outputs, but ONNX requires different "
            "ones; rename the columns of X or the tasks before fit."
        )


def _describe(model: Any, remarks: Mapping[str, Any]) -> None:
    model.producer_name, model.producer_version = "sklearn_mtl", __version__
    for key, value in remarks.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, json.dumps(value, default=str)
