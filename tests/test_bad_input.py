"""What is refused before training, and that a fit that fails leaves no trace.

The table `BAD_INPUT` is plain data: what is wrong, how it happens, and which error says so. The table of the user
guide can be made from it.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy.sparse import csr_matrix
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_validate
from skorch.callbacks import Callback, EarlyStopping

from sklearn_mtl import MultiTaskNetClassifier, MultiTaskNetEstimator, MultiTaskNetRegressor, Targets
from sklearn_mtl.exceptions import DivergenceError, SingleClassWarning
from sklearn_mtl.tasks import Classification, MultilabelClassification, Regression
from sklearn_mtl.trunks import MLP

from ._helpers import assert_same, assert_same_model, inputs, net

N = 24


class BadInput(NamedTuple):
    """One mistake: what it is, code that makes it, and the error that names what was expected."""

    what: str
    build: Callable[[], Any]
    error: type[Exception] | tuple[type[Exception], ...]
    message: str


# -- what the rows are made of


def labels(**tasks):
    """Make two good tasks, and replace or add some."""
    X = inputs(N)
    return {"kind": np.where(X[:, 0] > 0, "b", "a"), "mass": X[:, 1].copy(), **tasks}


def spoiled(value, dtype=float):
    X = inputs(N).astype(dtype)
    X[3, 1] = value
    return X


def fit(X=None, y=None, sample_weight=None, **params):
    return net(**params).fit(inputs(N) if X is None else X, labels() if y is None else y, sample_weight)


def with_bad_X(X):
    return lambda: net().fit(X, labels())


def with_bad_y(estimator=MultiTaskNetEstimator, **tasks):
    return lambda: net_of(estimator).fit(inputs(N), labels(**tasks))


def net_of(estimator):
    return estimator(trunk=MLP(hidden_sizes=(4,)), max_epochs=1, random_state=0)


def with_params(**params):
    return lambda: fit(**params)


def frame(columns="abcd"):
    return pd.DataFrame(inputs(N)[:, : len(columns)], columns=list(columns))


def fitted_on_frame():
    return fit(X=frame())


def predict(X):
    return lambda: fit().predict(X)


def weighted(weight):
    return lambda: fit(sample_weight=weight)


def one_bad(value):
    weight = np.ones(N)
    weight[2] = value
    return weight


def partial_fit_with_new_class():
    estimator = net().partial_fit(inputs(N), labels())
    return estimator.partial_fit(inputs(N), labels(kind=np.where(inputs(N)[:, 0] > 0, "b", "new")))


def float_columns(**changed):
    return pd.DataFrame({"a": 1.0, "b": np.arange(N, dtype=float), **changed})


MISSING = np.full(N, np.nan)
INFINITE = np.where(np.arange(N) == 2, np.inf, 1.5)
INFINITE_CLASS = np.where(np.arange(N) == 2, np.inf, 1.0)
RAGGED = [[1.0, 2.0]] * (N - 1) + [[1.0]]
DATES = np.full((N, 2), np.datetime64("2020-01-01"))

X_ROWS = [
    BadInput("X contains NaN", with_bad_X(spoiled(np.nan)), ValueError, "Input X contains NaN"),
    BadInput("X contains infinity", with_bad_X(spoiled(np.inf)), ValueError, "Input X contains infinity"),
    BadInput("X is beyond float32", with_bad_X(spoiled(1e300)), ValueError, "too large for dtype.'float32'"),
    BadInput("X contains text", with_bad_X(spoiled("red", object)), ValueError, "contains text; pass a frame"),
    BadInput("X is numeric text", with_bad_X(inputs(N).astype(str)), ValueError, "X is text.*pass numbers"),
    BadInput(
        "X is a list of text", with_bad_X(inputs(N).astype(str).tolist()), ValueError, "X is text.*pass numbers"
    ),
    BadInput("X contains None", with_bad_X(spoiled(None, object)), ValueError, "Input X contains NaN"),
    BadInput("X is complex", with_bad_X(spoiled(1j, complex)), ValueError, "Complex data not supported"),
    BadInput("X is of dates", with_bad_X(DATES), ValueError, "encode dates and durations as numbers"),
    BadInput("X is 1-D", with_bad_X(np.arange(float(N))), ValueError, "Expected 2D array, got 1D"),
    BadInput(
        "X is 3-D",
        with_bad_X(np.ones((N, 2, 2))),
        ValueError,
        "Found array with dim 3, while dim <= 2 is required",
    ),
    BadInput("X has 0 rows", lambda: net().fit(np.ones((0, 2)), np.ones(0)), ValueError, r"0 sample\(s\)"),
    BadInput("X has 0 columns", with_bad_X(np.ones((N, 0))), ValueError, r"0 feature\(s\)"),
    BadInput("X is ragged", with_bad_X(RAGGED), ValueError, "inhomogeneous"),
    BadInput("X is None", lambda: net().fit(None, labels()), (TypeError, ValueError), "X|NoneType"),
    BadInput("sparse X contains NaN", with_bad_X(csr_matrix(spoiled(np.nan))), ValueError, "Input X contains NaN"),
    BadInput(
        "sparse X has categories",
        lambda: fit(X=csr_matrix(inputs(N)), categorical_features=[0]),
        ValueError,
        "categorical_features of a sparse X are not supported",
    ),
]

FRAME_ROWS = [
    BadInput(
        "a frame repeats a column",
        lambda: fit(X=frame("aabc")),
        ValueError,
        "(?s)X names a column more than once.*'a'",
    ),
    BadInput(
        "a frame has other columns at predict",
        lambda: fitted_on_frame().predict(frame("abce")),
        ValueError,
        "(?s)feature names should match.*unseen at fit time.*e",
    ),
    BadInput(
        "a frame lacks a column at predict",
        lambda: fitted_on_frame().predict(frame("abc")),
        ValueError,
        "(?s)feature names should match.*missing.*d",
    ),
    BadInput(
        "a frame has its columns in another order",
        lambda: fitted_on_frame().predict(frame()[list("badc")]),
        ValueError,
        "must be in the same order",
    ),
    BadInput(
        "a polars frame has its columns in another order",
        lambda: fitted_on_frame().predict(pl.DataFrame(frame()[list("badc")].to_dict("list"))),
        ValueError,
        "must be in the same order",
    ),
    BadInput(
        "a number of a frame is missing",
        lambda: fit(X=float_columns(b=MISSING)),
        ValueError,
        "Input X contains NaN",
    ),
    BadInput(
        "a frame has infinity",
        lambda: fit(X=float_columns(b=INFINITE)),
        ValueError,
        "Input X contains infinity",
    ),
    BadInput(
        "a column of a frame is of dates",
        lambda: fit(X=float_columns(b=DATES[:, 0])),
        ValueError,
        "column 'b' of X is Datetime",
    ),
    BadInput(
        "a column of a frame is complex",
        lambda: fit(X=float_columns(b=np.full(N, 1j))),
        ValueError,
        "column 'b' of X|Complex data not supported",
    ),
    BadInput(
        "a column of numbers holds text at predict",
        lambda: fitted_on_frame().predict(frame().astype({"b": str})),
        ValueError,
        "column 'b' of X should be numeric",
    ),
    BadInput(
        "a text column is left out of categorical_features",
        lambda: fit(X=float_columns(b=["x"] * N), categorical_features=["a"]),
        ValueError,
        r"columns \['b'\] of X are text; name them in categorical_features",
    ),
    BadInput(
        "categorical_features names no column",
        lambda: fit(X=frame(), categorical_features=["nope"]),
        ValueError,
        "categorical_features=.*nope.*X has 4 features",
    ),
    BadInput(
        "categorical_features is out of range",
        with_params(categorical_features=[7]),
        ValueError,
        "categorical_features=.*7.*X has 4 features",
    ),
]

Y_ROWS = [
    BadInput("y is None", lambda: net().fit(inputs(N), None), ValueError, "requires y to be passed.*y is None"),
    BadInput(
        "y and targets are both given",
        lambda: net().fit(inputs(N), labels(), targets=labels()),
        ValueError,
        "y and targets are two places",
    ),
    BadInput(
        "y has another length than X",
        lambda: net().fit(inputs(N), inputs(N)[1:, 0]),
        ValueError,
        "inconsistent numbers of samples",
    ),
    BadInput(
        "y has another length, with weights",
        lambda: net().fit(inputs(N), inputs(N)[1:, 0], np.ones(N)),
        ValueError,
        "inconsistent numbers of samples",
    ),
    BadInput(
        "one task has another length",
        with_bad_y(mass=np.ones(N + 1)),
        ValueError,
        "same number of rows; got .*'mass': 25",
    ),
    BadInput("y has no tasks", lambda: net().fit(inputs(N), {}), ValueError, "at least one task"),
    BadInput(
        "y is sparse",
        lambda: net().fit(inputs(N), csr_matrix(np.ones((N, 2)))),
        TypeError,
        "Sparse y is not supported",
    ),
    BadInput("y is 3-D", lambda: net().fit(inputs(N), np.ones((N, 2, 2))), ValueError, "y should be a 1d or 2d"),
    BadInput(
        "labels are text and numbers",
        with_bad_y(kind=["a", 1] * (N // 2)),
        ValueError,
        "task 'kind': labels of one task must be of one type.*'int', 'str'",
    ),
    BadInput(
        "a classifier gets a continuous target",
        with_bad_y(MultiTaskNetClassifier),
        ValueError,
        "task 'mass': Unknown label type: continuous",
    ),
    BadInput(
        "a regressor gets text",
        with_bad_y(MultiTaskNetRegressor),
        ValueError,
        "task 'kind': the target of a regression must be numbers",
    ),
    BadInput(
        "a number to learn is infinite",
        with_bad_y(mass=INFINITE),
        ValueError,
        "task 'mass': the target contains infinity",
    ),
    BadInput(
        "a class is infinite",
        with_bad_y(MultiTaskNetClassifier, mass=INFINITE_CLASS),
        ValueError,
        "task 'mass': the target contains infinity",
    ),
    BadInput(
        "a task has no label",
        with_bad_y(mass=MISSING),
        ValueError,
        "task 'mass': all labels are missing; at least one is needed",
    ),
    BadInput(
        "a task is named twice",
        lambda: net().fit(inputs(N), {1: np.ones(N), "1": np.ones(N)}),
        ValueError,
        "more than once.*1",
    ),
    BadInput(
        "a frame names a task twice",
        lambda: net().fit(inputs(N), pd.DataFrame(inputs(N)[:, :2], columns=["a", "a"])),
        ValueError,
        "(?s)y names a task more than once.*'a'",
    ),
    BadInput(
        "probabilities do not sum to 1",
        lambda: fit(tasks={"kind": "classification"}, y=labels(kind=np.full((N, 3), 0.7))),
        ValueError,
        "task 'kind': .*sum of 1 in each row",
    ),
    BadInput(
        "an indicator matrix holds a 2", with_bad_y(kind=np.full((N, 3), 2)), ValueError, "task 'kind': .*0 and 1"
    ),
    BadInput(
        "score gets other tasks",
        lambda: fit().score(inputs(N), {"kind": labels()["kind"]}),
        ValueError,
        r"y lacks the tasks \['mass'\]",
    ),
    BadInput(
        "score gets another length",
        lambda: fit().score(inputs(N), {k: v[1:] for k, v in labels().items()}),
        ValueError,
        "inconsistent numbers of samples",
    ),
]
PREDICT_ROWS = [
    BadInput("predict before fit", lambda: net().predict(inputs(N)), NotFittedError, "not fitted yet"),
    BadInput("predict_proba before fit", lambda: net().predict_proba(inputs(N)), NotFittedError, "not fitted yet"),
    BadInput("transform before fit", lambda: net().transform(inputs(N)), NotFittedError, "not fitted yet"),
    BadInput("score before fit", lambda: net().score(inputs(N), labels()), NotFittedError, "not fitted yet"),
    BadInput("history_ before fit", lambda: net().history_, NotFittedError, "not fitted yet"),
    BadInput("wrong width at predict", predict(inputs(N)[:, :3]), ValueError, "X has 3 features.*expecting 4"),
    BadInput("1-D X at predict", predict(np.ones(4)), ValueError, "Expected 2D array, got 1D"),
    BadInput("0 rows at predict", predict(np.ones((0, 4))), ValueError, r"0 sample\(s\)"),
    BadInput("NaN at predict", predict(spoiled(np.nan)), ValueError, "Input X contains NaN"),
    BadInput(
        "predict of an unknown task",
        lambda: fit().predict(inputs(N), tasks=["nope"]),
        ValueError,
        r"tasks=\['nope'\] should name some of the tasks \['kind', 'mass'\]",
    ),
    BadInput(
        "predict of a task as text",
        lambda: fit().predict(inputs(N), tasks="kind"),
        ValueError,
        "tasks='kind' should name some of",
    ),
    BadInput("predict of no task", lambda: fit().predict(inputs(N), tasks=[]), ValueError, "should name some of"),
    BadInput(
        "a new class in partial_fit",
        partial_fit_with_new_class,
        ValueError,
        r"task 'kind': labels \['new'\] are not among the classes \['a', 'b'\]",
    ),
    BadInput(
        "classes of an unknown task in partial_fit",
        lambda: net().partial_fit(inputs(N), labels(), classes={"nope": [0, 1]}),
        ValueError,
        r"classes names unknown tasks \['nope'\]",
    ),
    BadInput(
        "classes for another number of columns in partial_fit",
        lambda: net().partial_fit(inputs(N), np.ones((N, 2), int), classes=[[0, 1]]),
        ValueError,
        "classes has 1 entries for the 2 tasks",
    ),
]

SAMPLE_WEIGHT_ROWS = [
    BadInput("sample_weight contains NaN", weighted(one_bad(np.nan)), ValueError, "sample_weight contains NaN"),
    BadInput(
        "sample_weight contains infinity", weighted(one_bad(np.inf)), ValueError, "sample_weight contains inf"
    ),
    BadInput(
        "sample_weight is negative", weighted(one_bad(-1.0)), ValueError, "[Nn]egative values.*sample_weight"
    ),
    BadInput(
        "sample_weight is all zero",
        weighted(np.zeros(N)),
        ValueError,
        "sample_weight: .*at least one non-zero number",
    ),
    BadInput("sample_weight has another length", weighted(np.ones(N - 1)), ValueError, "sample_weight.shape == "),
    BadInput(
        "sample_weight names an unknown task",
        weighted({"nope": np.ones(N)}),
        ValueError,
        r"sample_weight names unknown tasks \['nope'\]; the tasks are \['kind', 'mass'\]",
    ),
    BadInput(
        "the weights of one task are all zero",
        weighted({"mass": np.zeros(N)}),
        ValueError,
        r"sample_weight\['mass'\]: .*at least one non-zero number",
    ),
    BadInput(
        "the weights of one task contain NaN",
        weighted({"mass": one_bad(np.nan)}),
        ValueError,
        r"sample_weight\['mass'\]: .*contains NaN",
    ),
    BadInput(
        "the labelled rows of a task weigh nothing",
        lambda: fit(
            y=labels(mass=np.where(np.arange(N) < 3, 1.5, np.nan)),
            sample_weight=np.where(np.arange(N) < 3, 0.0, 1.0),
        ),
        ValueError,
        "task 'mass': all labels",
    ),
]

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
        lambda: fit(tasks=None).set_params(tasks__mass__loss="huber").fit(inputs(N), labels()),
        ValueError,
        "tasks names .*'mass__loss'",
    ),
    BadInput(
        "a classifier gets a regression task",
        lambda: MultiTaskNetClassifier(tasks={"kind": "regression"}).fit(inputs(N), labels()),
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
        r"task 'kind': class_weight names classes that do not occur: \['z'\]",
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
    NotInRange("learning_rate_schedule", ("linear", None), "a str among .*cosine"),
    NotInRange("batch_size", (0, -8, 2.5, "large"), r"'auto'.*int in the range \[1, inf\)"),
    NotInRange("weight_decay", (-1e-3, "none"), r"float in the range \[0.0, inf\)"),
    NotInRange("clip_norm", (0, -1.0), r"float in the range \(0.0, inf\)"),
    NotInRange("early_stopping", ("yes", 3), "'auto'.*'bool'"),
    NotInRange("monitor", ("accuracy",), "'loss'.*'score'|'score'.*'loss'"),
    NotInRange("validation_fraction", (0, 1, -0.5), r"float in the range \(0.0, 1.0\)"),
    NotInRange("n_iter_no_change", (0, 2.5), r"int in the range \[1, inf\)"),
    NotInRange("tol", (-1e-3,), r"float in the range \[0.0, inf\)"),
    NotInRange("dtype", ("float16", np.float32), "'float32'.*'float64'|'float64'.*'float32'"),
    NotInRange("optimizer", ("rmsprop", 3), "'adamw'"),
    NotInRange("random_state", ("seed", -1), "an int in the range.*RandomState.*None"),
    NotInRange("mixed_precision", ("yes",), "'bool'"),
    NotInRange("warm_start", ("yes",), "'bool'"),
    NotInRange("verbose", (-1, "loud"), r"an int in the range \[0, inf\)"),
    NotInRange("tasks", (["regression"], "regression"), "Mapping.*None"),
    NotInRange("categorical_features", ("all", 3), "'from_dtype'"),
    NotInRange("net_params", ([1],), "Mapping.*None"),
]
PARAMETER_ROWS = [
    BadInput(f"{name}={value!r}", with_params(**{name: value}), ValueError, f"'{name}' parameter.*{expected}")
    for name, values, expected in OUT_OF_RANGE
    for value in values
] + [
    BadInput("an unknown parameter", lambda: MultiTaskNetEstimator(epochs=3), TypeError, "'epochs'"),
    BadInput(
        "an unknown parameter to set", lambda: net().set_params(epochs=3), ValueError, "Invalid parameter 'epochs'"
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
        "a module as trunk", with_params(trunk=torch.nn.Linear(4, 4)), TypeError, "got the module Linear itself"
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
        r"net_params sets \['lr'\], which are set by parameters of the estimator",
    ),
    BadInput(
        "net_params has a name that skorch does not know",
        with_params(net_params={"colour": 1}),
        ValueError,
        "net_params=.*colour.* is not what skorch's NeuralNet takes",
    ),
    BadInput(
        "net_params has a name that the optimiser does not know",
        with_params(net_params={"optimizer__colour": 1}),
        ValueError,
        "net_params=.*colour",
    ),
    BadInput(
        "callbacks are no callbacks",
        with_params(callbacks=["early"]),
        TypeError,
        "callbacks should be a list of skorch callbacks, got 'early' in it",
    ),
]

DEVICE_ROWS = [
    BadInput(
        f"device={device!r}",
        with_params(device=device),
        ValueError,
        rf"device={device!r} is not available here; choose 'auto' or one of \['cpu'",
    )
    for device in ("gpu", -1, "cuda:77", None, "cpu:3", "")
]

BAD_INPUT = [
    *X_ROWS,
    *FRAME_ROWS,
    *Y_ROWS,
    *PREDICT_ROWS,
    *SAMPLE_WEIGHT_ROWS,
    *TASK_WEIGHT_ROWS,
    *PARAMETER_ROWS,
    *DEVICE_ROWS,
]


@pytest.mark.parametrize("row", BAD_INPUT, ids=[row.what for row in BAD_INPUT])
def test_bad_input_is_refused(row):
    with pytest.raises(row.error, match=row.message):
        row.build()


def test_every_mistake_is_listed_once():
    names = [row.what for row in BAD_INPUT]
    assert len(set(names)) == len(names)


# -- what is accepted, with a warning or without


@pytest.mark.parametrize("classes", [["no", "yes"], [1, 2], [False, True], [-1.0, 1.0]], ids=str)
def test_labels_of_any_kind_are_accepted(classes):
    y = np.array(classes)[(inputs(N)[:, 0] > 0).astype(int)]
    estimator = MultiTaskNetClassifier(trunk=MLP((8,)), max_epochs=2, random_state=0).fit(inputs(N), y)
    assert estimator.classes_.tolist() == classes
    assert set(estimator.predict(inputs(N))) <= set(classes)


def test_one_class_is_a_warning():
    with pytest.warns(SingleClassWarning, match="task 'kind' has labels of one class only, 'a'"):
        estimator = fit(y=labels(kind=["a"] * N))
    assert set(estimator.predict(inputs(N))["kind"]) == {"a"}


def test_huge_batch_is_clipped_with_a_warning():
    with pytest.warns(UserWarning, match="batch_size=1000 is larger than the number of rows; 24 is taken"):
        huge = fit(batch_size=1000)
    assert_same_model(huge, fit(batch_size=N))


def test_array_after_frame_is_a_warning():
    estimator = fitted_on_frame()
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        predictions = estimator.predict(frame().to_numpy())
    np.testing.assert_allclose(predictions["mass"], estimator.predict(frame())["mass"], rtol=1e-4, atol=1e-6)


def test_frame_after_array_is_a_warning():
    estimator = fit(X=frame().to_numpy())
    with pytest.warns(UserWarning, match="X has feature names"):
        predictions = estimator.predict(frame())
    expected = estimator.predict(frame().to_numpy())
    np.testing.assert_allclose(predictions["mass"], expected["mass"], rtol=1e-4, atol=1e-6)


# -- a fold without a label names its task


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
def test_fold_without_labels_names_the_task():
    mass = np.full(N, np.nan)
    mass[: N // 2] = np.arange(N // 2) / 7  # the second fold has no label to train on in the other half
    with pytest.raises(ValueError, match="task 'mass': all labels are missing"):
        cross_validate(net(), inputs(N), Targets(labels(mass=mass)), cv=2, error_score="raise")


# -- a fit that fails leaves the fitted model as it was


def snapshot(estimator):
    kept = {k: v for k, v in vars(estimator).items() if k not in ("net_", "_model", "tasks_", "device_")}
    return dict(kept), estimator.net_, estimator._model, estimator.history_.copy()


def wide(y=None):
    return {"X": inputs(N, n_features=6), "y": labels() if y is None else y}


class BreaksOff(Callback):
    """Breaks training off at the end of an epoch."""

    def __init__(self, error=KeyboardInterrupt, epoch=2):
        self.error = error
        self.epoch = epoch

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) >= self.epoch:
            raise self.error("broken off")


class BreaksOffInBatch(Callback):
    def on_batch_end(self, net, **kwargs):
        raise KeyboardInterrupt("broken off")


class SpoilsWeights(Callback):
    """Makes a parameter NaN at the start of an epoch, as a broken kernel would."""

    def on_epoch_begin(self, net, **kwargs):
        if len(net.history) == 4:  # skorch counts the epoch that begins
            with torch.no_grad():
                next(net.module_.sharing.body.parameters()).fill_(float("nan"))


FAILURES = {
    "other X, bad labels": ({}, wide(labels(mass=INFINITE)), ValueError),
    "other X, bad weights": ({"task_weights": {"nope": 1}}, wide(), ValueError),
    "bad parameter": ({"max_epochs": -1}, wide(), ValueError),
    "absent device": ({"device": "cuda:77"}, wide(), ValueError),
    "other length": ({}, {"X": inputs(N, 6), "y": {k: v[1:] for k, v in labels().items()}}, ValueError),
    "other frame": ({}, {"X": frame(), "y": labels(kind=["a", 1] * (N // 2))}, ValueError),
    "diverges": ({"learning_rate": 1e30, "optimizer": "sgd", "max_epochs": 20}, wide(), DivergenceError),
    "Ctrl-C": ({"callbacks": [BreaksOff()]}, wide(), KeyboardInterrupt),
    "Ctrl-C in a batch": ({"callbacks": [BreaksOffInBatch()]}, wide(), KeyboardInterrupt),
    "error in a callback": ({"callbacks": [BreaksOff(RuntimeError)]}, wide(), RuntimeError),
}


@pytest.mark.parametrize(("params", "data", "error"), FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("warm_start", [False, True])
def test_failed_refit_changes_nothing(params, data, error, warm_start):
    estimator = fit(warm_start=warm_start)
    if warm_start:  # goes on from the same columns
        data = {**data, "X": inputs(N) if not isinstance(data["X"], pd.DataFrame) else inputs(N)[:, :3]}
    before, net_before, model_before, history_before = snapshot(estimator)
    predictions, weights = estimator.predict(inputs(N)), estimator.predict_proba(inputs(N))
    estimator.set_params(**params)

    with pytest.raises(error):
        estimator.fit(**data)

    estimator.set_params(**{name: before[name] for name in params})
    after, net_after, model_after, history_after = snapshot(estimator)
    assert after == before
    assert net_after is net_before
    assert model_after is model_before
    pd.testing.assert_frame_equal(history_after, history_before)
    assert_same(estimator.predict(inputs(N)), predictions)
    assert_same(estimator.predict_proba(inputs(N)), weights)


def test_failed_partial_fit_changes_nothing():
    estimator = net().partial_fit(inputs(N), labels())
    before = estimator.predict_proba(inputs(N))
    with pytest.raises(ValueError, match="task 'kind'"):
        estimator.partial_fit(inputs(N), labels(kind=["new"] * N))
    assert_same(estimator.predict_proba(inputs(N)), before)
    assert estimator.n_iter_ == 1
    estimator.partial_fit(inputs(N), labels())  # and it can go on
    assert estimator.n_iter_ == 2


def test_failed_first_fit_leaves_an_unfitted_estimator():
    estimator = net(callbacks=[BreaksOff(RuntimeError)])
    with pytest.raises(RuntimeError, match="broken off"):
        estimator.fit(inputs(N), labels())
    assert set(vars(estimator)) == set(vars(net()))
    with pytest.raises(NotFittedError):
        estimator.predict(inputs(N))


# -- divergence, Ctrl-C, and stopping on purpose


def test_divergence_names_task_epoch_and_batch():
    X = inputs(N)
    estimator = net(callbacks=[SpoilsWeights()], batch_size=10, max_epochs=9)
    with pytest.raises(DivergenceError, match="the loss of task 'mass' became nan in epoch 4, batch 1") as caught:
        estimator.fit(X, {"mass": X[:, 1], "size": X[:, 2]})
    assert (caught.value.task, caught.value.epoch, caught.value.batch) == ("mass", 4, 1)


def test_divergence_names_the_task_at_fault():
    X = inputs(N)
    estimator = net(
        tasks={"small": Regression(standardize=False), "huge": Regression(standardize=False)},
        optimizer="sgd",
        batch_size=N,
    )
    with pytest.raises(DivergenceError, match="loss of task 'huge' became inf in epoch 1, batch 1"):
        estimator.fit(X, {"small": X[:, 1], "huge": 1e25 * X[:, 2]})


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_absurd_learning_rate_diverges(optimizer):
    with pytest.raises(DivergenceError, match="a smaller learning_rate or a clip_norm may help"):
        fit(learning_rate=1e30, optimizer=optimizer, max_epochs=20)


def test_divergence_in_the_last_step_is_found():
    one_step = {"optimizer": "sgd", "learning_rate": 1e38, "weight_decay": 0.0, "max_epochs": 1, "batch_size": N}
    with pytest.raises(DivergenceError, match=r"the parameter .* is not finite after epoch 1"):
        net(trunk=MLP((8,)), **one_step).fit(1e4 * inputs(N), {"mass": inputs(N)[:, 1]})


def test_diverged_candidate_scores_nan():
    X, y = inputs(N), Targets(labels())
    with pytest.warns(Warning, match="DivergenceError"):
        results = cross_validate(
            _Alternating(learning_rate=1e30, optimizer="sgd", max_epochs=20),
            X,
            y,
            cv=[(range(9), range(9, N))] * 2,
        )
    assert np.isnan(results["test_score"][0])
    assert np.isfinite(results["test_score"][1])


class _Alternating(MultiTaskNetEstimator):
    """Diverges in every other fit: scikit-learn raises if all fits of a search fail."""

    calls = 0

    def fit(self, X, y=None, sample_weight=None, targets=None):
        type(self).calls += 1
        self.learning_rate = 1e30 if type(self).calls % 2 else 1e-3
        return super().fit(X, y, sample_weight, targets)


@pytest.mark.parametrize("callback", [BreaksOff(), BreaksOffInBatch()], ids=["epoch", "batch"])
def test_ctrl_c_reaches_the_caller(callback):
    with pytest.raises(KeyboardInterrupt, match="broken off"):
        fit(callbacks=[callback])


def test_ctrl_c_reaches_the_caller_of_a_search():
    with pytest.raises(KeyboardInterrupt, match="broken off"):
        cross_validate(net(callbacks=[BreaksOff()]), inputs(N), Targets(labels()), cv=2)


def test_early_stopping_of_skorch_stops_without_an_error():
    stopper = EarlyStopping(monitor="train_loss", patience=2, threshold=1e9, sink=lambda text: None)
    estimator = fit(callbacks=[stopper], max_epochs=50)
    assert estimator.n_iter_ < 10
    assert len(estimator.history_) == estimator.n_iter_
    assert np.isfinite(estimator.score(inputs(N), labels()))


def test_ctrl_c_beside_early_stopping_of_skorch_reaches_the_caller():
    stopper = EarlyStopping(monitor="train_loss", patience=30, sink=lambda text: None)
    with pytest.raises(KeyboardInterrupt, match="broken off"):
        fit(callbacks=[stopper, BreaksOff()], max_epochs=50)
