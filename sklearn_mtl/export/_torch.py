"""Export of a fitted model to a program of torch."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..files._atomic import replaced_file
from ..utils._modes import own_modes
from ._exported import net_and_tasks, remarks_of
from ._memories import ScannedMemory
from ._trace import dynamic_shapes, quiet
from ._whole import WholeModel

#: name of the metadata in a file
METADATA = "sklearn_mtl.json"


class _Named(nn.Module):
    """A whole model whose answers have names."""

    def __init__(self, whole: WholeModel) -> None:
        super().__init__()
        self.whole = whole
        self.names = [answer for task in whole.answering for answer in task.answers]

    def forward(self, *tensors: Tensor) -> dict[str, Tensor]:
        return dict(zip(self.names, self.whole(*tensors), strict=True))


@own_modes()
def to_torch(net: Any, path: str | os.PathLike[str] | None = None, tasks: Sequence[str] | None = None) -> Any:
    """Convert a fitted estimator to a program of ``torch.export``, which runs without this package.

    The program is the whole model, as of `to_onnx`: missing values, scaling, bins, all networks with their
    weights, and units. It takes numbers only: a table of numbers, images, videos, or sequences of numbers. Torch
    runs it in Python, and AOTInductor compiles it for C++.

    Parameters
    ----------
    net : MultiTaskNetEstimator, MultiTaskNetClassifier, MultiTaskNetRegressor or view of a task
        Fitted.
    path : path-like or None, default=None
        File to write or replace, atomically, such as ``"net.pt2"``; its folder exists. None writes none.
    tasks : sequence of str or None, default=None
        Tasks to export; None exports all. Supported are those of `to_onnx`.

    Returns
    -------
    torch.export.ExportedProgram
        Its arguments are tensors with the rows first, any number of them: of a table, doubles (n, n_columns); of
        other arrays those of `to_onnx`; one for each input of a `MultiInput <sklearn_mtl.trunks.MultiInput>`. It
        returns a dict of tensors by the names of the outputs of `to_onnx`. Classes of text are positions in
        ``classes_``.

        The file has the metadata of `to_onnx` as JSON, in the extra file ``sklearn_mtl.json``.

    Raises
    ------
    TypeError
        If the estimator, its trunk or a task is of a kind that is not supported, or X has text; the message names
        it.
    ValueError
        If a task is unknown.
    OSError
        If the file cannot be written.

    See Also
    --------
    to_onnx : Export to a graph, also with texts.

    Examples
    --------
    >>> import torch
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_mtl import MultiTaskNetEstimator
    >>> from sklearn_mtl.export import to_torch
    >>> X, species = load_iris(return_X_y=True)
    >>> net = MultiTaskNetEstimator(n_members=1, max_epochs=30, random_state=0).fit(X, {"species": species})
    >>> program = to_torch(net)
    >>> answers = program.module()(torch.tensor(X[:2]))
    >>> answers["species_label"].tolist(), tuple(answers["species_probabilities"].shape)
    ([0, 0], (2, 3))
    """
    net, names = net_and_tasks(net, tasks, "to_torch")
    whole = WholeModel(net._model, names, ScannedMemory).eval()
    whole.reader.refuse_text()
    arguments = tuple(whole.examples.values())
    with quiet(), torch.no_grad():
        program = torch.export.export(
            _Named(whole).eval(), arguments, dynamic_shapes=dynamic_shapes(whole.examples, whole.axes)
        )
    if path is not None:
        remarks = json.dumps(remarks_of(net, names, whole.answering), default=str)
        content = io.BytesIO()
        torch.export.save(program, content, extra_files={METADATA: remarks})
        with replaced_file(path) as file:
            file.write(content.getvalue())
    return program
