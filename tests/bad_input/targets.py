"""y, ``sample_weight``, and arguments of the methods of a fitted estimator."""

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix
from sklearn.exceptions import NotFittedError

from sklearn_mtl import MultiTaskNetClassifier, MultiTaskNetRegressor

from .._helpers import inputs, net
from .case import (
    INFINITE,
    INFINITE_CLASS,
    MISSING,
    BadInput,
    N,
    fit,
    labels,
    one_bad,
    partial_fit_with_new_class,
    predict,
    spoiled,
    weighted,
    with_bad_y,
)

Y_ROWS = [
    BadInput("y is None", lambda: net().fit(inputs(N), None), ValueError, "requires y to be passed.*y is None"),
    BadInput(
        "y and targets are both given",
        lambda: net().fit(inputs(N), labels(), targets=labels()),
        ValueError,
        "y and targets are alternatives",
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
        "task 'kind': labels of one task must have one type.*'int', 'str'",
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
    BadInput("X is None at predict", predict(None), ValueError, "Expected 2D array"),
    BadInput("infinity at predict", predict(spoiled(np.inf)), ValueError, "Input X contains infinity"),
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
        "classes has 1 entries, but there are 2 tasks",
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
