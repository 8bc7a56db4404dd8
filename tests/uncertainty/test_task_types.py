"""Sets for every type of task whose rows have labels."""

import numpy as np
import pandas as pd
import pytest

from sklearn_mtl import Targets, load_model, save_model
from sklearn_mtl.tasks import BoundingBox, Classification, Count, MultilabelClassification, Ordinal, Regression
from sklearn_mtl.uncertainty import ConformalMultiTask, selective_curve

from .._helpers import column, inputs
from ._nets import net

N_ROWS = 400
X = inputs(N_ROWS)
GRADE = np.digitize(X[:, 0], [-0.5, 0.5])
CORNERS = np.column_stack([X[:, 1], X[:, 2], X[:, 1] + 1, X[:, 2] + 2])
TEXTS = np.array(["low", "mid", "high"])[GRADE]
TASKS = {
    "number": (X[:, 0], Regression()),
    "numbers": (X[:, :2], Regression(loss="absolute_error")),
    "count": (np.round(np.exp(X[:, 0])), Count()),
    "counts": (np.round(np.exp(X[:, :2])), Count()),
    "truth": (X[:, 1] > 0, Classification()),
    "text": (TEXTS, Classification()),
    "category": (pd.Categorical(TEXTS, categories=["mid", "low", "high"]), Classification()),
    "probability": (np.eye(3)[GRADE] * 0.8 + 0.2 / 3, Classification()),
    "grade": (column(TEXTS), Ordinal(classes=["low", "mid", "high"])),
    "indicator": ((X[:, :3] > 0).astype(float), MultilabelClassification()),
    "sets": (
        column([{name for name in "abc" if x["abc".index(name)] > 0} for x in X]),
        MultilabelClassification(),
    ),
    "box": (CORNERS, BoundingBox()),
    "tuples": (column([tuple(corner) for corner in CORNERS.tolist()]), BoundingBox()),
}
SHAPES = {
    "number": (2,),
    "numbers": (2, 2),
    "count": (2,),
    "counts": (2, 2),
    "truth": (2,),
    "box": (4, 2),
    "tuples": (4, 2),
}
Y = Targets({name: labels for name, (labels, _) in TASKS.items()})


@pytest.fixture(scope="module")
def fitted():
    specs = {name: task for name, (_, task) in TASKS.items()}
    return net(tasks=specs, n_members=2, max_epochs=8, early_stopping=False).fit(X[:100], Y[:100])


@pytest.mark.parametrize("joint", [None, "bonferroni", "max"])
def test_every_type_has_sets(fitted, joint, tmp_path):
    conformal = ConformalMultiTask(fitted, 0.75, joint=joint).conformalize(X[100:360], Y[100:360])
    sets = conformal.predict_set(X[360:])
    for name in TASKS:
        assert sets[name].shape == (40, *SHAPES.get(name, (3,))), name
    table = conformal.score_sets(X[360:], Y[360:])
    assert (table["coverage"] > 0.6).all()
    assert (table.loc[list(TASKS), "n_rows"] == 40).all()
    save_model(conformal, tmp_path / "model.mtl")
    assert load_model(tmp_path / "model.mtl").predict_set(X[360:]) == sets


def test_every_type_has_sets_by_held_out_rows():
    specs = {name: task for name, (_, task) in TASKS.items()}
    conformal = ConformalMultiTask(net(tasks=specs, n_members=2, max_epochs=5), 0.8).fit(X, Y)
    assert {name: values.shape[1:] for name, values in conformal.predict_set(X[:4]).items()} == {
        name: SHAPES.get(name, (3,)) for name in TASKS
    }


def test_columns_follow_the_classes(fitted):
    conformal = ConformalMultiTask(fitted, 0.8).conformalize(X[100:360], Y[100:360])
    sets, proba = conformal.predict_set(X[360:], confidence_level=0.5), fitted.predict_proba(X[360:])
    for name in ("truth", "text", "category", "grade"):
        chosen = np.where(sets[name], proba[name], np.inf).min(axis=1)
        left_out = np.where(sets[name], -np.inf, proba[name]).max(axis=1)
        assert (chosen >= left_out).all()
        assert fitted.classes_[name].shape == sets[name].shape[1:]


def test_every_type_but_boxes_has_a_selective_curve(fitted):
    with pytest.warns(UserWarning, match="'box'"):
        curves = selective_curve(fitted, X[360:], Y[360:])
    assert set(curves) == set(TASKS) - {"box", "tuples"}
