import json
import os
import time

import numpy as np
import pandas as pd
import pytest
from _other_libraries import one_for_all
from _peers import boosting, constant, encoded, forest, linear, mlp
from _quality_report import read as read_all
from _quality_run import Options, _in_a_process, is_done, read, store
from _rows import Rows
from _single_targets import Predicted, Unsuited, one_per_task, pooled
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

pytestmark = [
    pytest.mark.filterwarnings("ignore:Stochastic Optimizer"),
    pytest.mark.filterwarnings("ignore:lbfgs failed"),
    # a process with threads is forked here; the benchmark forks one that has none
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]

MAKERS = {"constant": constant, "linear": linear, "forest": forest, "boosting": boosting, "mlp": mlp}


def some_rows(n: int = 60) -> Rows:
    """Make inputs with gaps and categories, and a number, a class and a set of labels that they determine."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, n))
    b_with_gaps = np.where(rng.random(n) < 0.2, np.nan, b)
    X = pd.DataFrame({"a": a, "b": b_with_gaps, "c": pd.Categorical(rng.choice([*"uv"], n))})
    y = pd.DataFrame({"number": 3 * a + b, "class": np.where(a > 0, "yes", "no").astype(object)})
    y.loc[::7, "number"] = np.nan
    y.loc[::5, "class"] = None
    y["set"] = pd.Series([tuple(np.array(["p", "q"])[[u > 0, v > 0]]) for u, v in zip(a, b, strict=True)])
    return Rows(X, y)


@pytest.mark.parametrize("name", MAKERS)
def test_peers_take_gaps_categories_and_sets(name):
    rows = some_rows()
    found = one_per_task(MAKERS[name])(rows, 0)(rows.X)
    assert found["number"].values.shape == (60,)
    assert found["class"].classes.tolist() == ["no", "yes"]
    assert found["set"].classes.tolist() == ["p", "q"]
    for task in ("class", "set"):
        assert found[task].values.shape == (60, 2)
        assert ((found[task].values >= 0) & (found[task].values <= 1)).all()
    np.testing.assert_allclose(found["class"].values.sum(axis=1), 1)
    if name not in ("constant", "mlp"):
        truth = [("p" in labels) for labels in rows.y["set"]]
        assert np.corrcoef(found["set"].values[:, 0], truth)[0, 1] > 0.8


@pytest.mark.parametrize("make", [forest, linear, boosting])
@pytest.mark.filterwarnings("ignore:Label .* is present in all training examples")
def test_a_label_that_all_training_rows_have_is_predicted_for_all(make):
    rows = some_rows()
    rows.y["set"] = pd.Series([(*labels, "always") for labels in rows.y["set"]])
    found = one_per_task(make)(rows, 0)(rows.X)["set"]
    assert (found.values[:, found.classes.tolist().index("always")] == 1).all()


def test_labels_of_one_class_are_predicted_as_they_are():
    rows = some_rows()
    rows.y["class"] = rows.y["class"].where(rows.y["class"].isna(), "yes")
    found = one_per_task(linear)(rows, 0)(rows.X)["class"]
    assert found.classes.tolist() == ["yes"]
    assert (found.values == 1).all()


def own_rows() -> Rows:
    """Make three tasks that differ in an offset, with ten rows each."""
    x = np.tile(np.arange(10.0), 3)
    owner = pd.Series(np.repeat(["a", "b", "c"], 10))
    labels = x + owner.map({"a": 0.0, "b": 100.0, "c": 200.0}).to_numpy()
    y = pd.DataFrame({task: np.where(owner == task, labels, np.nan) for task in "abc"})
    return Rows(pd.DataFrame({"x": x}), y, owner=owner)


def test_a_pooled_model_knows_the_task_of_a_row():
    rows = own_rows()
    found = pooled(lambda kind, seed: _with_one_hot(LinearRegression()))(rows, 0)(rows.X)
    np.testing.assert_allclose(found["a"].values, rows.X["x"], atol=1e-8)
    np.testing.assert_allclose(found["c"].values, rows.X["x"] + 200, atol=1e-8)


def test_a_pooled_model_chooses_among_the_classes_of_the_task():
    rows = own_rows()
    y = pd.DataFrame(index=rows.X.index)
    for task in "abc":
        large = np.where(rows.X["x"] > 4, f"{task} large", f"{task} small")
        y[task] = pd.Series(np.where(rows.owner == task, large, None), dtype=object)
    found = pooled(lambda kind, seed: _with_one_hot(KNeighborsClassifier(30)))(rows._replace(y=y), 0)(rows.X)
    assert found["b"].classes.tolist() == ["b large", "b small"]
    np.testing.assert_allclose(found["b"].values, 0.5)


def _with_one_hot(model):
    return make_pipeline(encoded(OneHotEncoder()), model)


def test_pooled_models_refuse_tasks_that_share_rows():
    with pytest.raises(Unsuited, match="rows of their own"):
        pooled(linear)(some_rows(), 0)


class Echo:
    """Return the targets of ``fit``."""

    def fit(self, X, y):
        self.y = np.asarray(y)
        return self

    def predict(self, X):
        return self.y

    predict_proba = predict


def test_one_model_for_all_targets():
    rows = some_rows()
    contender = one_for_all(lambda kind, seed, missing: Echo())
    numbers = rows._replace(y=pd.DataFrame({"a": [1.0] * 60, "b": [2.0] * 60}))
    assert {name: set(found.values) for name, found in contender(numbers, 0)(rows.X).items()} == {
        "a": {1.0},
        "b": {2.0},
    }
    two = rows._replace(y=pd.DataFrame({"a": ["0", "1"] * 30, "b": ["1"] * 60}, dtype=object))
    found = contender(two, 0)(rows.X)
    assert found["a"].values[:2].tolist() == [[1, 0], [0, 1]]
    assert (found["b"].values[:, 1] == 1).all()
    sets = contender(rows._replace(y=rows.y[["set"]]), 0)(rows.X)["set"]
    assert sets.values[:, 0].tolist() == [int("p" in labels) for labels in rows.y["set"]]


@pytest.mark.parametrize(
    ("columns", "message"), [(["number", "class"], "numbers and classes"), (["class"], "missing")]
)
def test_one_model_for_all_targets_says_what_it_cannot_learn(columns, message):
    rows = some_rows()
    with pytest.raises(Unsuited, match=message):
        one_for_all(lambda kind, seed, missing: Echo())(rows._replace(y=rows.y[columns]), 0)


def test_results_are_found_again(tmp_path):
    records = [
        {"split": 0, "task": "t", "score": 0.5, "fit_s": 1.0},
        {"split": 1, "task": "t", "score": 0.7, "fit_s": 1.0},
    ]
    store(tmp_path, "d", "a", {"environment": {"busy": True}, "records": records})
    store(tmp_path, "d", "b", {"environment": {}, "limit_s": 3.0, "records": []})
    assert read(tmp_path, "d")["a"] == {"environment": {"busy": True}, "records": records}
    assert json.loads((tmp_path / "d.json").read_text()).keys() == {"a", "b"}
    assert [path.name for path in tmp_path.iterdir()] == ["d.json"]
    # a contender without records has no score, and does not disturb others
    assert read_all(tmp_path)["score"].tolist() == [0.5, 0.7]


def test_files_of_earlier_runs_are_read(tmp_path):
    old = {"a": {"environment": {}, "records": [{"split": 0, "task": "t", "score": 0.5}]}}
    (tmp_path / "d.json").write_text(json.dumps(old, indent=1))
    assert is_done(tmp_path, "d", "a", Options())
    store(tmp_path, "d", "b", {"environment": {}, "records": []})
    assert read(tmp_path, "d")["a"] == old["a"]


def test_what_has_a_result_or_took_too_long_is_done(tmp_path):
    assert not is_done(tmp_path, "d", "a", Options())
    store(tmp_path, "d", "a", {"limit_s": 10.0, "records": []})
    assert is_done(tmp_path, "d", "a", Options(limit_s=10.0))
    assert not is_done(tmp_path, "d", "a", Options(limit_s=20.0))


def numbers(rows: Rows, seed: int):
    return lambda X: {"y": Predicted(np.arange(len(X), dtype=float))}


SCORES = ("score", "rmse", "mae", "n")


def table_of_numbers() -> Rows:
    x = np.arange(40.0)
    return Rows(pd.DataFrame({"x": x}), pd.DataFrame({"y": x}))


def test_a_contender_gives_a_record_for_each_split_and_task():
    found = _in_a_process(table_of_numbers(), numbers, Options())
    assert [record["split"] for record in found["records"]] == list(range(5))
    assert found["records"][0].keys() == {*SCORES, "split", "task", "fit_s", "fit_cpu_s", "predict_s"}
    assert found["peak_mb"] > 0


def test_a_contender_that_takes_too_long_is_ended():
    def forever(rows, seed):
        time.sleep(60)

    start = time.perf_counter()
    found = _in_a_process(table_of_numbers(), forever, Options(limit_s=0.5))
    assert found == {"limit_s": 0.5, "records": []}
    assert time.perf_counter() - start < 30


def test_a_contender_that_fails_is_told():
    def fails(rows, seed):
        raise RuntimeError("no way")

    def not_for_this(rows, seed):
        raise Unsuited("such rows")

    def dies(rows, seed):
        os._exit(1)

    assert "RuntimeError: no way" in _in_a_process(table_of_numbers(), fails, Options())["error"]
    assert _in_a_process(table_of_numbers(), not_for_this, Options()) == {"unsuited": "such rows"}
    assert "died" in _in_a_process(table_of_numbers(), dies, Options())["error"]
