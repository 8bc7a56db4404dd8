"""What tasks learn from the outputs of the trained network, such as a baseline hazard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from ..architectures import LABELS
from ..data._dataset import Dataset
from ..model._blueprint import Blueprint
from ..tasks import Task
from ._model import Model


def learners(blueprint: Blueprint) -> list[str]:
    """Return the trained tasks that learn after training."""
    return [name for name in blueprint.active if blueprint.tasks[name].learns_after_training]


def finish(model: Model, data: Dataset, trained: Blueprint | None = None) -> None:
    """Let the tasks of a trained model learn from its outputs for the rows of ``fit``.

    Parameters
    ----------
    model : Model
        Its blueprint gets the tasks with what they have learned.
    data : Dataset
        Rows of the fit, encoded; all of them are used, whatever rows the set has.
    trained : Blueprint or None, default=None
        Blueprint whose active tasks have targets in the data; None for that of the model.
    """
    trained = model.blueprint if trained is None else trained
    names = learners(trained)
    if names:
        # labels of other tasks are not known when predicting
        inputs = {name: values for name, values in data.inputs.items() if name != LABELS}
        learned = finished_tasks(trained, model.outputs_of(inputs, names), data)
        model.blueprint = replace(model.blueprint, tasks={**model.blueprint.tasks, **learned})


def finished_tasks(trained: Blueprint, outputs: Mapping[str, Any], data: Dataset) -> dict[str, Task]:
    """Return the tasks that have outputs, with what they learn from them; parameters as of `finish`."""
    learned = {}
    for group, target, weight in zip(trained.one_objective().groups, data.targets, data.weights, strict=True):
        for position, name in enumerate(group.names):
            if name in outputs:
                one = group.part(position, _array(target))
                if weight is None:
                    known = np.ones((*one.shape[:1], trained.tasks[name].n_elements_))
                else:
                    known = group.part(position, _array(weight))
                learned[name] = trained.tasks[name].finish(outputs[name], one, known)
    return learned


def _array(values: Any) -> Any:
    return values.cpu().numpy() if isinstance(values, Tensor) else values
