"""X: arrays, sparse matrices and frames."""

import numpy as np
import polars as pl
from scipy.sparse import csr_matrix
from torch import nn

from .._helpers import inputs, net
from .case import (
    DATES,
    INFINITE,
    RAGGED,
    BadInput,
    N,
    fit,
    fitted_on_frame,
    float_columns,
    frame,
    labels,
    spoiled,
    with_bad_X,
    with_params,
)

X_ROWS = [
    BadInput(
        "X of a module of torch contains NaN",
        lambda: fit(X=spoiled(np.nan), trunk=nn.Linear(4, 2)),
        ValueError,
        "Input X contains NaN",
    ),
    BadInput("X contains infinity", with_bad_X(spoiled(np.inf)), ValueError, "Input X contains infinity"),
    BadInput("X is beyond float32", with_bad_X(spoiled(1e300)), ValueError, "too large for dtype.'float32'"),
    BadInput("X contains text", with_bad_X(spoiled("red", object)), ValueError, "contains text; pass a frame"),
    BadInput("X is numeric text", with_bad_X(inputs(N).astype(str)), ValueError, "X is text.*pass numbers"),
    BadInput(
        "X is a list of text", with_bad_X(inputs(N).astype(str).tolist()), ValueError, "X is text.*pass numbers"
    ),
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
    BadInput("X is None", lambda: net().fit(None, labels()), ValueError, "X is None; it should be the inputs"),
    BadInput(
        "sparse X contains infinity",
        with_bad_X(csr_matrix(spoiled(np.inf))),
        ValueError,
        "Input X contains infinity",
    ),
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
        "a column of a frame is of sentences",
        lambda: fit(X=float_columns(b=[f"a text of number {row}" for row in range(60)]), y=np.arange(60) % 7 / 7),
        ValueError,
        "column 'b' of X is text of many words, 60 different ones in 60 rows.* TableVectorizer",
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
