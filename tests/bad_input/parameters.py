"""Weights of tasks, tasks, parameters and devices."""

from functools import partial
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
import torch
from sklearn.model_selection import KFold

from sklearn_mtl import (
    Checkpoint,
    DeepEnsemble,
    EarlyStopping,
    MultiTaskNetClassifier,
    MultiTaskNetEstimator,
    Optimizer,
)
from sklearn_mtl.tasks import Classification, MultilabelClassification, Regression
from sklearn_mtl.trunks import MLP

from .._helpers import inputs, net
from .case import BadInput, N, fit, labels, with_params

TASK_WEIGHT_ROWS = [
    BadInput(
        f"a task weight is {value!r}",
        with_params(task_weights={"mass": value}),
        ValueError,
        r"task_weights\['mass'\]=.* should be a finite number of at least 0",
    )
    for value in (-1.0, np.nan, np.inf, True, "2", None)
] + [
    BadInput(
        "all task weights are zero",
        with_params(task_weights={"kind": 0, "mass": 0}),
        ValueError,
        "task_weights: all tasks have weight 0",
    ),
    BadInput(
        "task_weights names an unknown task",
        with_params(task_weights={"nope": 1.0}),
        ValueError,
        r"task_weights names unknown tasks \['nope'\]; the tasks are \['kind', 'mass'\]",
    ),
    BadInput(
        "task_weights is a list",
        with_params(task_weights=[1.0, 2.0]),
        (TypeError, ValueError),
        "'task_weights' parameter",
    ),
    BadInput(
        "a score weight is negative",
        with_params(score_weights={"mass": -1.0}),
        ValueError,
        r"score_weights\['mass'\]=-1.0 should be a finite number",
    ),
    BadInput(
        "score_weights names an unknown task",
        with_params(score_weights={"nope": 1.0}),
        ValueError,
        r"score_weights names unknown tasks \['nope'\]",
    ),
    BadInput(
        "metrics names an unknown task",
        with_params(metrics={"nope": "r2"}),
        ValueError,
        r"metrics names unknown tasks \['nope'\]; the tasks are \['kind', 'mass'\]",
    ),
    BadInput(
        "a metric is unknown",
        with_params(metrics={"kind": "roc_acu"}),
        ValueError,
        r"metrics\['kind'\]='roc_acu' is not a metric: .*did you mean 'roc_auc'",
    ),
    BadInput(
        "a metric needs probabilities that the task has not",
        with_params(metrics={"mass": "roc_auc"}),
        ValueError,
        r"metrics\['mass'\]: metric 'roc_auc' does not suit the task 'mass'",
    ),
    BadInput(
        "tasks names an unknown task",
        with_params(tasks={"nope": "regression"}),
        ValueError,
        r"tasks names \['nope'\], but y has the targets \['kind', 'mass'\]",
    ),
    BadInput(
        "a task is of no known type",
        with_params(tasks={"kind": "clustering"}),
        ValueError,
        "task 'kind': expected a Task or one of .*'classification'.*got 'clustering'",
    ),
    BadInput(
        "a task is a class, no instance",
        with_params(tasks={"mass": Regression}),
        ValueError,
        "task 'mass': expected a Task or one of",
    ),
    BadInput(
        "a parameter of no task",
        lambda: fit(tasks=None).set_params(tasks__colour__loss="huber").fit(inputs(N), labels()),
        ValueError,
        "tasks names .*'colour__loss'",
    ),
    BadInput(
        "a classifier gets a regression task",
        lambda: MultiTaskNetClassifier(tasks={"kind": "regression"}, n_members=1).fit(inputs(N), labels()),
        ValueError,
        r"task 'kind': Regression\(\) is not a classification task",
    ),
    BadInput(
        "the loss of a task is unknown",
        with_params(tasks={"mass": Regression(loss="mse")}),
        ValueError,
        "task 'mass': The 'loss' parameter of Regression",
    ),
    BadInput(
        "class_weight names no class",
        with_params(tasks={"kind": Classification(class_weight={"z": 2})}),
        ValueError,
        r"task 'kind': class_weight has classes that do not occur: \['z'\]",
    ),
    BadInput(
        "a threshold is no probability",
        lambda: fit(
            y=labels(kind=np.eye(2, dtype=int)[[0, 1] * (N // 2)]),
            tasks={"kind": MultilabelClassification(threshold=1.5)},
        ),
        ValueError,
        "task 'kind': The 'threshold' parameter",
    ),
]


class NotInRange(NamedTuple):
    name: str
    values: tuple
    expected: str


OUT_OF_RANGE = [
    NotInRange("max_epochs", (0, -1, 1.5, "ten", None), r"int in the range \[1, inf\)"),
    NotInRange("learning_rate", (0, -1e-3, "fast", None), r"float in the range \(0.0, inf\)"),
    NotInRange("batch_size", (0, -8, 2.5, "large"), r"'auto'.*int in the range \[1, inf\)"),
    NotInRange("weight_decay", (-1e-3, "none"), r"float in the range \[0.0, inf\)"),
    NotInRange("early_stopping", ("yes", 3), "'auto'.*'bool'"),
    NotInRange("validation", (0, 1, -0.5, "last", None, KFold), r"float in the range \(0.0, 1.0\)"),
    NotInRange("dtype", ("float16", np.float32), "'float32'.*'float64'|'float64'.*'float32'"),
    NotInRange("random_state", ("seed", -1), "an int in the range.*RandomState.*None"),
    NotInRange("warm_start", ("yes",), "'bool'"),
    NotInRange("verbose", (-1, "loud"), r"an int in the range \[0, inf\)"),
    NotInRange("tasks", (["regression"], "regression"), "Mapping.*None"),
    NotInRange("categorical_features", ("all", 3), "'from_dtype'"),
    NotInRange("net_params", ([1],), "Mapping.*None"),
    NotInRange("n_members", (0, 2.5), r"int in the range \[1, inf\)"),
    NotInRange("ensemble", ("shared", 2), "'batch'.*'deep'|'deep'.*'batch'"),
    NotInRange("checkpoint", (3, ["folder"]), "'str'.*'os.PathLike'.*None"),
]
# parameters of the specs that a parameter of the estimator may be
OUT_OF_RANGE_IN_SPEC = [
    ("optimizer", Optimizer, NotInRange("schedule", ("linear", None), "a str among .*cosine")),
    ("optimizer", Optimizer, NotInRange("clip_norm", (0, -1.0), r"float in the range \(0.0, inf\)")),
    ("optimizer", Optimizer, NotInRange("mixed_precision", ("yes",), "'bool'")),
    ("optimizer", Optimizer, NotInRange("algorithm", ("rmsprop", 3), "'adamw'")),
    ("early_stopping", EarlyStopping, NotInRange("when", ("yes", 3), "'auto'.*'bool'")),
    ("early_stopping", EarlyStopping, NotInRange("monitor", ("accuracy",), "'loss'.*'score'|'score'.*'loss'")),
    ("early_stopping", EarlyStopping, NotInRange("n_iter_no_change", (0, 2.5), r"int in the range \[1, inf\)")),
    ("ensemble", DeepEnsemble, NotInRange("bootstrap", ("yes",), "'bool'")),
    ("checkpoint", partial(Checkpoint, "never"), NotInRange("every", (0, 1.5), r"int in the range \[1, inf\)")),
    ("checkpoint", Checkpoint, NotInRange("folder", (3, None), "'str'.*'os.PathLike'")),
]
PARAMETER_ROWS = (
    [
        BadInput(
            f"{owner}: {name}={value!r}",
            with_params(**{owner: make(**{name: value})}),
            ValueError,
            f"'{name}' parameter.*{expected}",
        )
        for owner, make, (name, values, expected) in OUT_OF_RANGE_IN_SPEC
        for value in values
    ]
    + [
        BadInput(f"{name}={value!r}", with_params(**{name: value}), ValueError, f"'{name}' parameter.*{expected}")
        for name, values, expected in OUT_OF_RANGE
        for value in values
    ]
    + [
        BadInput(
            "an unknown parameter", lambda: MultiTaskNetEstimator(epochs=3, n_members=1), TypeError, "'epochs'"
        ),
        BadInput(
            "an unknown parameter to set",
            lambda: net().set_params(epochs=3),
            ValueError,
            "Invalid parameter 'epochs'",
        ),
        BadInput(
            "an unknown parameter of the trunk",
            lambda: net().set_params(trunk__widths=3),
            ValueError,
            "Invalid parameter 'widths' for estimator MLP",
        ),
        BadInput(
            "an unknown parameter of a task",
            lambda: net(tasks={"mass": "regression"}).set_params(tasks__mass__slope=3),
            ValueError,
            "Invalid parameter 'slope' for estimator Regression",
        ),
        BadInput(
            "an unknown trunk",
            with_params(trunk="transformer"),
            ValueError,
            "trunk='transformer' should be a Trunk or one of .*'mlp'",
        ),
        BadInput(
            "an unknown architecture",
            with_params(architecture="tree"),
            ValueError,
            "architecture='tree' should be a Architecture or one of .*'hard_sharing'",
        ),
        BadInput(
            "an unknown weighting",
            with_params(weighting="fair"),
            ValueError,
            "weighting='fair' should be a Weighting or one of .*'static'",
        ),
        BadInput(
            "a module of another width as trunk",
            with_params(trunk=torch.nn.Linear(9, 4)),
            ValueError,
            "the module Linear of ModuleTrunk failed for a batch of float32 of shape",
        ),
        BadInput(
            "no hidden units",
            with_params(trunk=MLP(hidden_sizes=(0,))),
            ValueError,
            r"hidden_sizes=\(0,\) of MLP should be integers of at least 1",
        ),
        BadInput(
            "dropout of everything", with_params(trunk=MLP(dropout=1.0)), ValueError, "'dropout' parameter of MLP"
        ),
        BadInput(
            "net_params sets a parameter of the estimator",
            with_params(net_params={"lr": 0.1}),
            ValueError,
            r"net_params sets \['lr'\], which has no effect here\. It takes optimizer__<parameter>",
        ),
        BadInput(
            "net_params has a name that nothing takes",
            with_params(net_params={"colour": 1}),
            ValueError,
            r"net_params sets \['colour'\], which has no effect here",
        ),
        BadInput(
            "net_params has a name that the optimiser does not know",
            with_params(net_params={"optimizer__colour": 1}),
            ValueError,
            r"net_params sets \['optimizer__colour'\], which AdamW does not take",
        ),
        BadInput(
            "callbacks are no callbacks",
            with_params(callbacks=["early"]),
            TypeError,
            "callbacks should be a list of skorch callbacks, got 'early' in it",
        ),
    ]
)


def without_a_gpu(device):
    def build():
        with patch("torch.cuda.is_available", return_value=False):
            fit(device=device)

    return build


DEVICE_ROWS = [
    BadInput(
        f"device={device!r}",
        with_params(device=device),
        ValueError,
        rf"device={device!r} is not available here; choose 'auto' or one of \['cpu'",
    )
    for device in ("gpu", -1, "cuda:77", None, "cpu:3", "")
] + [
    BadInput(
        f"device={device!r} where there is no GPU",
        without_a_gpu(device),
        ValueError,
        rf"device='{device}' is not available here; choose 'auto' or one of \['cpu'",
    )
    for device in ("cuda", "cuda:7")
]
