"""Fitted models of every kind of trunk, task, architecture, weighting and container, with rows to predict."""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import torch
from scipy.sparse import csr_matrix
from sklearn.base import clone

from sklearn_mtl import MultiTaskNetClassifier, MultiTaskNetRegressor, Targets
from sklearn_mtl.architectures import Grouped, TaskGraph
from sklearn_mtl.exceptions import SingleClassWarning
from sklearn_mtl.tasks import Classification, MultilabelClassification, Regression
from sklearn_mtl.trunks import MLP, SequenceEncoder

from .._helpers import inputs, mixed_targets, net
from ..architectures.test_conformance import CASES as ARCHITECTURES
from ..inputs_cases import CASES as INPUTS
from ..penalties.test_conformance import CASES as PENALTIES
from ..tasks.cases import TASK_CASES
from ..trunks.cases import TRUNK_CASES
from ..weighting.test_conformance import WEIGHTINGS

X = inputs(40)
FRAME = pd.DataFrame(X, columns=list("abcd")).assign(d=np.where(X[:, 3] > 0, "u", None))
POLARS = pl.DataFrame({"a": X[:, 0], "b": ["u", "v"] * 20})
SMALL = {"trunk": MLP((6,)), "max_epochs": 1, "random_state": 0}
ROW_TASKS = {name: case for name, case in TASK_CASES.items() if case.task.level == "sample"}


class Saved(NamedTuple):
    """A fitted model and rows."""

    model: Any
    rows: Any


def named_targets():
    """Make targets of the tasks that the cases of architectures name."""
    y = mixed_targets(X)
    by_name = {"a.b": y["sick"], "type": y["size"], "forward": y["tags"], "rate__2": X[:, 0]}
    return Targets(by_name, species=y["species"], mass=y["mass"])


def of_architecture(architecture):
    architecture = clone(architecture)
    if isinstance(architecture, TaskGraph | Grouped) or "column_groups" in architecture.get_params():
        return Saved(net(architecture=architecture).fit(FRAME, named_targets()), FRAME)
    return Saved(net(architecture=architecture).fit(X, mixed_targets(X)), X)


def of_weighting(weighting):
    targets = mixed_targets(X, missing=0.1)
    y = {name: targets[name] for name in ("sick", "mass", "size")}
    return Saved(net(weighting=clone(weighting), batch_size=16).fit(X, y), X)


def of_trunk(case):
    y = Targets(sign=np.arange(case.n_rows) % 2, number=np.arange(case.n_rows) + 0.5)
    model = net(trunk=clone(case.trunk), categorical_features=case.categorical_features, max_epochs=1)
    return Saved(model.fit(case.X, y), case.X)


def of_task(case):
    rows = inputs(len(case.labels))
    y = Targets(labels=case.labels, other=rows[:, 0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SingleClassWarning)  # one column of labels
        return Saved(net(tasks={"labels": clone(case.task)}, max_epochs=1).fit(rows, y), rows)


def of_inputs(make):
    case = make()
    return Saved(case.net(max_epochs=1).fit(case.X, case.y), case.X)


def with_vectors():
    rows = [["play", "jazz"], ["stop", "it", "now"], ["play", "rock"], ["stop"]] * 5
    trunk = SequenceEncoder(
        "convolutional", 6, vocabulary=["play", "Ünknown"], vectors=np.eye(2, 4), character_size=2
    )
    y = Targets(verb=[row[0] for row in rows], tags=[["A", *"B" * (len(row) - 1)] for row in rows])
    return Saved(net(trunk=trunk, max_epochs=1).fit(rows, y), rows)


def with_an_added_task():
    y = mixed_targets(X)
    model = net().fit(X, {"mass": y["mass"], "sick": y["sick"]})
    return Saved(model.add_task("species", X, y["species"]).add_task("tags", X, y["tags"]), X)


def structured():
    y = np.empty(len(X), dtype=[("mass", float), ("kind", "U3")])
    y["mass"], y["kind"] = X[:, 0], np.where(X[:, 1] > 0, "ape", "b")
    return Saved(net().fit(X, y), X)


OTHERS: dict[str, Callable[[], Saved]] = {
    "vectors": with_vectors,
    "unfitted": lambda: Saved(net(task_weights={"mass": 2.0}), None),
    "array": lambda: Saved(MultiTaskNetClassifier(**SMALL).fit(X, X[:, 0] > 0), X),
    "matrix": lambda: Saved(MultiTaskNetRegressor(**SMALL).fit(X, X[:, :2]), X),
    "structured": structured,
    "pandas": lambda: Saved(net().fit(FRAME, pd.DataFrame({0: X[:, 0], 1: X[:, 1] > 0})), FRAME),
    "polars": lambda: Saved(net().fit(POLARS, pl.DataFrame({"m": X[:, 0]})), POLARS),
    "sparse": lambda: Saved(net().fit(csr_matrix(X), mixed_targets(X)), csr_matrix(X)),
    "ensemble": lambda: Saved(net(n_members=3).fit(X, mixed_targets(X)), X),
    "ensemble of experts": lambda: Saved(net(n_members=2, architecture="mmoe").fit(X, mixed_targets(X)), X),
    "ensemble that shares weights": lambda: Saved(
        net(n_members=3, ensemble="batch", weighting="uncertainty").fit(FRAME, mixed_targets(X)), FRAME
    ),
    "recipe": lambda: Saved(net(trunk="auto", max_epochs=1).fit(FRAME, mixed_targets(X)), FRAME),
    "added tasks": with_an_added_task,
    "float64": lambda: Saved(net(dtype="float64").fit(X, mixed_targets(X)), X),
    "idle task": lambda: Saved(net(task_weights={"mass": 0}).fit(X, mixed_targets(X)), X),
    "sampled tasks": lambda: Saved(net(task_sampling="loss_driven").fit(X, mixed_targets(X)), X),
    "stopped by task": lambda: Saved(net(early_stopping="per_task").fit(X, mixed_targets(X)), X),
    "parameters of all kinds": lambda: Saved(
        net(
            tasks={
                "species": "classification", "tags": MultilabelClassification(classes=np.array(["a", "b", "c"])),
                "sick": Classification(class_weight={0.0: 2.0}), "size": Regression("huber"),
            },
            task_weights={"species": np.float32(0.5)}, categorical_features=np.array([], int),
            optimizer=torch.optim.SGD, net_params={"optimizer__momentum": 0.9, "callbacks__print_log": None},
            device=torch.device("cpu"), random_state=np.random.RandomState(3), penalties=["trace_norm"],
        ).fit(X, mixed_targets(X)), X,
    ),
}  # fmt: skip

CASES: dict[str, Callable[[], Saved]] = {
    **{f"trunk: {name}": lambda case=case: of_trunk(case) for name, case in TRUNK_CASES.items()},
    **{f"task: {name}": lambda case=case: of_task(case) for name, case in ROW_TASKS.items()},
    **{f"inputs: {name}": lambda make=make: of_inputs(make) for name, make in INPUTS.items()},
    **{f"architecture: {name}": lambda spec=spec: of_architecture(spec) for name, spec in ARCHITECTURES.items()},
    **{f"weighting: {name}": lambda spec=spec: of_weighting(spec) for name, spec in WEIGHTINGS.items()},
    **{
        f"penalty: {name}": lambda spec=spec: Saved(net(penalties=[clone(spec)]).fit(X, mixed_targets(X)), X)
        for name, spec in PENALTIES.items()
    },
    **OTHERS,
}
