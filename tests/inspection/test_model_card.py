"""Model cards: tables of tasks, columns and scores, the verdict on sharing, and limits."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.metrics import accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_mtl import MultiTaskNetEstimator
from sklearn_mtl.inspection import card_html, model_card
from tests._helpers import mixed_targets, net
from tests.serving._model import FITTED, table, targets

pytest.importorskip("skops")

X = table(200, seed=4)
Y = targets(X)
Y.loc[:49, "sold"] = None


def scores_of(card):
    lines = card.render().partition("# Scores")[2].partition("# Sharing")[0].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return {cells[i][0]: dict(zip(cells[0], cells[i], strict=True)) for i in range(2, len(cells))}


def test_scores_and_intervals():
    found = scores_of(model_card(FITTED, X, Y, n_bootstraps=2000))
    expected = FITTED.score_tasks(X, Y)
    assert {name: float(row["score"]) for name, row in found.items()} == pytest.approx(expected, abs=5e-4)
    assert {name: int(row["labels"]) for name, row in found.items()} == {"price": 200, "sold": 150}
    known = Y["sold"].notna()
    right = (FITTED.predict(X)["sold"] == Y["sold"])[known].to_numpy()
    drawn = np.random.default_rng(1).choice(right, (2000, len(right))).mean(axis=1)
    edges = [float(found["sold"][edge]) for edge in ("from", "to")]
    np.testing.assert_allclose(edges, np.quantile(drawn, [0.025, 0.975]), atol=0.01)
    assert accuracy_score(Y["sold"][known], FITTED.predict(X)["sold"][known]) == pytest.approx(expected["sold"])


def test_intervals_follow_the_level_and_the_seed():
    wide, narrow = (scores_of(model_card(FITTED, X, Y, level=level))["price"] for level in (0.95, 0.5))
    assert float(wide["from"]) < float(narrow["from"]) < float(narrow["to"]) < float(wide["to"])
    assert model_card(FITTED, X, Y).render() == model_card(FITTED, X, Y).render()


def test_sections():
    row = {"shared": 0.9, "separate": 0.8, "searched": 0.9, "dummy": 0.5, "linear": 0.7}
    comparison = pd.DataFrame([{**row, "difference": 0.1, "std_error": 0.01, "verdict": "gains"}], index=["price"])
    text = model_card(FITTED, X, Y, comparison=comparison, limits="Only for *flats*.", n_bootstraps=5).render()
    for part in (
        "predicts 2 tasks from 3 columns", "Classification | no, yes", "categories: Bonn, Cologne",
        "Sharing helps 1 task (price)", "Only for *flats*.", "sold: 50 of 200 test rows have no label", "torch ",
    ):  # fmt: skip
        assert part in text
    assert "was not compared" in model_card(FITTED, X, Y, n_bootstraps=5).render()


def test_html_shows_markup_of_names_and_does_not_run_it():
    rows = pd.DataFrame({"<script>|a": [0.0, 1.0] * 10})
    model = net().fit(rows, pd.DataFrame({"b": [0.0, 1.0] * 10}))
    page = card_html(model_card(model, rows, pd.DataFrame({"b": [0.0, 1.0] * 10}), n_bootstraps=5), title="<b>")
    assert "&lt;script&gt;|a" in page
    assert "<script" not in page
    assert "<title>&lt;b&gt;</title>" in page


def test_pipelines_and_tasks_of_all_kinds():
    rows = np.random.default_rng(0).normal(size=(60, 4))
    y = mixed_targets(rows, missing=0.2)
    pipeline = make_pipeline(StandardScaler(), net()).fit(rows, y)
    found = scores_of(model_card(pipeline, rows, y, n_bootstraps=20))
    expected = pipeline[-1].score_tasks(pipeline[:-1].transform(rows), y)
    assert {name: float(row["score"]) for name, row in found.items()} == pytest.approx(expected, abs=5e-4)
    assert all(float(row["from"]) <= float(row["to"]) for row in found.values())


def test_bad_input_is_refused():
    with pytest.raises(TypeError, match="LinearRegression"):
        model_card(LinearRegression().fit([[0.0], [1.0]], [0, 1]), X, Y)
    with pytest.raises(NotFittedError):
        model_card(MultiTaskNetEstimator(), X, Y)
    for wrong in ({"level": 1.0}, {"level": True}, {"n_bootstraps": 0}, {"n_bootstraps": 2.5}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            model_card(FITTED, X, Y, **wrong)
    with pytest.raises(ValueError, match=r"samples|rows"):
        model_card(FITTED, X, Y[:10])
