"""Architectures and penalties, folds, heads, checkpoints and ensembles."""

import tempfile
from pathlib import Path

import numpy as np
import torch
from sklearn.base import clone
from sklearn.model_selection import cross_validate

from sklearn_mtl import Targets
from sklearn_mtl.architectures import Grouped, TaskGraph
from sklearn_mtl.exceptions import DivergenceError, ModelFileError
from sklearn_mtl.tasks import Regression

from .._helpers import inputs, net
from .case import BadInput, N, fit, labels, with_params


def graph(**dependencies):
    return with_params(architecture=TaskGraph(dependencies))


def groups(*groups):
    return with_params(architecture=Grouped(list(groups)))


def fold_without_labels():
    # the second fold has no label to train on in the other half
    mass = np.where(np.arange(N) < N // 2, np.arange(N) / 7, np.nan)
    cross_validate(net(), inputs(N), Targets(labels(mass=mass)), cv=2, error_score="raise")


class NoHead(Regression):
    """A task without a head."""

    def head(self, in_features, generator, grid=None):
        return None


class WideHead(Regression):
    """A task whose head has one output too many."""

    def head(self, in_features, generator, grid=None):
        return torch.nn.Linear(in_features, self.n_outputs_ + 1)


def in_a_folder(function):
    def build():
        with tempfile.TemporaryDirectory() as folder:
            function(Path(folder))

    return build


def resume_damaged(folder):
    estimator = fit(checkpoint=folder)
    next(folder.iterdir()).write_bytes(b"damaged")
    clone(estimator).fit(inputs(N), labels(), resume=True)


def checkpoint_in_a_file(folder):
    (folder / "file").touch()
    fit(checkpoint=folder / "file")


ARCHITECTURE_ROWS = [
    BadInput(
        "a graph of unknown tasks", graph(kind=["nope"]), ValueError, r"TaskGraph names unknown tasks \['nope'\]"
    ),
    BadInput(
        "a graph that contains a cycle",
        graph(kind=["mass"], mass=["kind"]),
        ValueError,
        "dependencies of TaskGraph contain a cycle: 'kind' -> 'mass' -> 'kind'",
    ),
    BadInput(
        "a group of an unknown task",
        groups(["mass", "kind"], ["weight"]),
        ValueError,
        r"groups of Grouped names unknown tasks \['weight'\]; the tasks are \['kind', 'mass'\]",
    ),
    BadInput(
        "a task without a group",
        groups(["mass"]),
        ValueError,
        r"groups of Grouped lacks the tasks \['kind'\]; each task should be in a group",
    ),
    BadInput(
        "a task in two groups",
        groups(["mass", "kind"], ["mass"]),
        ValueError,
        r"groups of Grouped names the tasks \['mass'\] more than once",
    ),
    BadInput(
        "an empty group",
        groups(["mass", "kind"], []),
        ValueError,
        r"groups of Grouped has \[\]; it should be a list of",
    ),
    BadInput(
        "groups as text",
        groups("mass", "kind"),
        ValueError,
        r"groups of Grouped has 'mass'; it should be a list of",
    ),
    BadInput("an unknown penalty", with_params(penalties=["ridge"]), ValueError, "penalties='ridge' should be"),
    BadInput("penalties as text", with_params(penalties="trace_norm"), ValueError, "'penalties' parameter"),
    BadInput(
        "a penalty twice",
        with_params(penalties=["trace_norm", "trace_norm"]),
        ValueError,
        "penalties contains a class more than once",
    ),
    BadInput(
        "an unknown task_sampling",
        with_params(task_sampling="sometimes"),
        ValueError,
        "task_sampling='sometimes' should be",
    ),
    BadInput(
        "gradients of tasks that are trained one by one",
        with_params(weighting="nash_mtl", task_sampling="round_robin"),
        ValueError,
        r"weighting=NashMTL\(\) compares the gradients of several tasks, but task_sampling=RoundRobin\(\)",
    ),
    BadInput(
        "a task that makes no head",
        with_params(tasks={"mass": NoHead()}),
        TypeError,
        "task 'mass' has no head: head returned None, expected a module",
    ),
    BadInput(
        "a head of another width than its task",
        with_params(tasks={"mass": WideHead()}),
        ValueError,
        "the head of task 'mass' has 2 outputs, expected 1",
    ),
]

TRAINING_ROWS = [
    BadInput(
        "a fold has no label of a task", fold_without_labels, ValueError, "task 'mass': all labels are missing"
    ),
    BadInput(
        "a loss becomes NaN or infinite",
        lambda: fit(learning_rate=1e30, optimizer="sgd", max_epochs=20),
        DivergenceError,
        "in epoch .*, batch .*; a smaller learning_rate or a clip_norm may help|is not finite after epoch",
    ),
    BadInput(
        "resume without a checkpoint",
        lambda: net().fit(inputs(N), labels(), resume=True),
        ValueError,
        "resume=True continues a checkpoint, but checkpoint=None; it should be a folder",
    ),
    BadInput(
        "resume is neither True nor False",
        lambda: net(checkpoint="never").fit(inputs(N), labels(), resume="yes"),
        TypeError,
        "resume='yes' should be True or False",
    ),
    BadInput(
        "the checkpoint is damaged",
        in_a_folder(resume_damaged),
        ModelFileError,
        r"the checkpoint .* cannot be used: .* Remove the file, or fit without resume=True",
    ),
    BadInput(
        "checkpoint is a file", in_a_folder(checkpoint_in_a_file), NotADirectoryError, "should be a folder, but is"
    ),
    BadInput(
        "networks that share weights of tasks that share nothing",
        with_params(n_members=2, ensemble="batch", architecture="independent"),
        ValueError,
        r"ensemble='batch' shares weights between members, .* in Independent\(\) cannot: its tasks share no layer",
    ),
    BadInput(
        "a task that is there is added",
        lambda: fit().add_task("mass", inputs(N), inputs(N)[:, 0]),
        ValueError,
        "name='mass' should be a str other than the names of the tasks",
    ),
]
