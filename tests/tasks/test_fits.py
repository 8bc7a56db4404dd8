"""Ordinal classes, counts, boxes, pixels and the focal loss, through whole fits."""

import io

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV, KFold

from sklearn_mtl import MultiTaskNetClassifier, MultiTaskNetEstimator, MultiTaskNetRegressor, Optimizer, Targets
from sklearn_mtl.metrics import multitask_scorer
from sklearn_mtl.model_selection import TaskWeightSearchCV
from sklearn_mtl.tasks import BoundingBox, Classification, Count, Ordinal, Segmentation
from sklearn_mtl.trunks import MLP, ConvNet

from .._helpers import assert_same

SIZES = ["small", "middle", "large"]
TABLE_TASKS = {
    "size": Ordinal(classes=SIZES),
    "visits": "count",
    "sales": Count(),
    "rare": Classification(loss="focal"),
    "which": Classification(loss="focal", label_smoothing=0.05),
}
IMAGE_TASKS = {"box": "bounding_box", "pixels": Segmentation(loss="focal")}


def table(n_rows=160, missing=0.2):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 4))
    size = np.array(SIZES, dtype=object)[np.digitize(X[:, 0], [-0.5, 0.5])]
    visits = rng.poisson(np.exp(X[:, 1] + 4)).astype(float)
    sales = rng.poisson(np.exp(X[:, 1:3] + 1)).astype(float)
    which = np.array(list("abc"), dtype=object)[np.digitize(X[:, 2], [-0.5, 0.5])]
    y = Targets(size=size, visits=visits, sales=sales, rare=X[:, 3] > 1, which=which)
    for values in (y["size"], y["visits"], y["sales"], y["which"]):
        gone = rng.random(values.shape) < missing
        values[gone] = None if values.dtype == object else np.nan
    return X, y


def images(n_rows=60, size=11):
    """Draw a bright or a very bright box on noise; some rows have none, some no labels of their pixels."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 60, size=(n_rows, size, size)).astype(np.uint8)
    box, pixels = np.full((n_rows, 4), np.nan), np.zeros((n_rows, size, size), dtype=int)
    for row in range(n_rows):
        if row % 7 == 0:
            continue
        x0, y0 = rng.integers(0, size - 5, size=2)
        x1, y1 = np.array([x0, y0]) + rng.integers(3, 6, size=2)
        kind = rng.integers(1, 3)
        X[row, y0:y1, x0:x1], pixels[row, y0:y1, x0:x1] = 120 * kind, kind
        box[row] = x0, y0, x1, y1
    pixels[::5] = -1
    return X, Targets(box=box, pixels=pixels, bright=X.max(axis=(1, 2)) > 200)


def table_net(**params):
    defaults = {"trunk": MLP(hidden_sizes=(16,), scaling="standard"), "batch_size": 16, "max_epochs": 3}
    return MultiTaskNetEstimator(**{"tasks": TABLE_TASKS, "random_state": 0, **defaults, **params})


def image_net(**params):
    defaults = {"trunk": ConvNet(channels=(8, 16), hidden_size=16), "batch_size": 16, "max_epochs": 3}
    return MultiTaskNetEstimator(**{"tasks": IMAGE_TASKS, "random_state": 0, **defaults, **params})


CASES = {"table": (table, table_net), "images": (images, image_net)}


@pytest.fixture(params=CASES)
def case(request):
    data, net = CASES[request.param]
    return *data(), net


def assert_probabilities(predicted):
    for values in predicted.values():
        np.testing.assert_allclose(values.sum(axis=-1), 1, atol=1e-5)


def test_tables_are_learned():
    X, y = table(400)
    net = table_net(max_epochs=60, learning_rate=5e-3).fit(X[:300], y[:300])
    scores = net.score_tasks(X[300:], y[300:])
    assert min(scores["size"], scores["rare"], scores["which"]) > 0.75
    assert scores["visits"] > 0.8
    assert scores["sales"] > 0.3
    metrics = multitask_scorer(net, X[300:], y[300:])
    assert metrics["size_neg_mean_absolute_error"] > -0.25
    assert metrics["score"] == pytest.approx(np.mean(list(scores.values())))


def test_boxes_and_pixels_are_learned():
    X, y = images(300)
    net = image_net(
        max_epochs=40,
        learning_rate=3e-3,
        task_weights={"pixels": 3},
        early_stopping=False,
        optimizer=Optimizer(schedule="constant"),
    ).fit(X[:240], y[:240])
    scores = net.score_tasks(X[240:], y[240:])
    assert scores["box"] > 0.6
    assert scores["pixels"] > 0.85


def test_what_comes_back(case):
    X, y, make = case
    net = make().fit(X, y)
    predicted = net.predict(X)
    for name, values in y.items():
        assert predicted[name].shape == values.shape
        labels_are_numbers = values.dtype.kind == "f"
        assert predicted[name].dtype == (np.float64 if labels_are_numbers else values.dtype)
        alone = net.predict(X, tasks=[name])[name]
        if labels_are_numbers:  # a product of fewer outputs rounds otherwise
            np.testing.assert_allclose(alone, predicted[name], rtol=1e-4, atol=1e-4)
        else:
            assert_same(alone, predicted[name])
    assert_probabilities(net.predict_proba(X))
    assert net.history_.filter(like="train_loss").map(np.isfinite).all(axis=None)


def test_saved_and_loaded_it_predicts_the_same(case):
    X, y, make = case
    net, file = make().fit(X, y), io.BytesIO()
    joblib.dump(net, file)
    file.seek(0)
    assert_same(joblib.load(file).predict(X), net.predict(X))


def test_ensembles_predict_the_same_kinds(case):
    X, y, make = case
    net = make(n_members=2).fit(X, y)
    assert_probabilities(net.predict_proba(X))
    one, several = make().fit(X, y).predict(X), net.predict(X)
    for name in y:
        assert (several[name].shape, several[name].dtype) == (one[name].shape, one[name].dtype)


def test_members_that_share_weights_predict_the_same_kinds():
    X, y = table()
    net = table_net(n_members=2, ensemble="batch").fit(X, y)
    assert_probabilities(net.predict_proba(X))
    one = table_net().fit(X, y).predict(X)
    for name, values in net.predict(X).items():
        assert (values.shape, values.dtype) == (one[name].shape, one[name].dtype)


@pytest.mark.parametrize(
    ("data", "net", "grid"),
    [
        (table, table_net, {"tasks__rare__gamma": [0.0, 3.0], "tasks__which__gamma": [0.5, 2.0]}),
        (table, table_net, {"task_weights__visits": [0.1, 1.0], "task_weights__size": [0.5, 2.0]}),
        (images, image_net, {"tasks__pixels__gamma": [0.0, 2.0], "task_weights__box": [0.5, 1.0]}),
        (images, image_net, {"tasks__box": [BoundingBox(l1_weight=0.5), BoundingBox(l1_weight=2.0)]}),
    ],
)
def test_side_by_side_the_scores_are_those_of_fits_alone(data, net, grid):
    X, y = data()
    estimator = net(dtype="float64", early_stopping=False)
    options = {"cv": KFold(2), "scoring": multitask_scorer, "refit": False, "error_score": "raise"}
    ours = TaskWeightSearchCV(estimator, grid, stacked=True, **options).fit(X, y)
    theirs = GridSearchCV(estimator, grid, **options).fit(X, y)
    assert all(entry["stacked"] for entry in ours.stack_report_)
    names = [name for name in theirs.cv_results_ if "_test_" in name and not name.startswith("rank")]
    assert len(names) > 10
    for name in names:
        np.testing.assert_allclose(ours.cv_results_[name], theirs.cv_results_[name], atol=1e-8, err_msg=name)


def test_a_grid_of_their_parameters_in_two_processes():
    X, y = table()
    grid = {"tasks__rare__loss": ["cross_entropy", "focal"], "tasks__size__class_weight": [None, "balanced"]}
    search = GridSearchCV(table_net(max_epochs=1), grid, cv=2, n_jobs=2, error_score="raise").fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_frames_with_a_column_of_boxes():
    X, y = table()
    boxes = [None if row % 4 == 0 else (0.0, 0.0, 1.0 + row, 2.0) for row in range(len(X))]
    frame = pd.DataFrame({"size": y["size"], "visits": y["visits"], "box": pd.Series(boxes, dtype=object)})
    tasks = {"size": TABLE_TASKS["size"], "visits": "count", "box": "bounding_box"}
    predicted = table_net(tasks=tasks).fit(X, frame).predict(X)
    assert list(predicted.columns) == ["size", "visits", "box"]
    assert all(len(box) == 4 and isinstance(box, tuple) for box in predicted["box"])


def test_companions_take_the_tasks_of_their_kind():
    X, y = table()
    regressor = MultiTaskNetRegressor(tasks={"visits": "count"}, max_epochs=2, n_members=1)
    assert (regressor.fit(X, Targets(visits=y["visits"])).predict(X)["visits"] > 0).all()
    with pytest.raises(ValueError, match="is not a regression task"):
        MultiTaskNetRegressor(tasks={"size": TABLE_TASKS["size"]}, n_members=1).fit(X, Targets(size=y["size"]))
    classifier = MultiTaskNetClassifier(tasks={"size": TABLE_TASKS["size"]}, max_epochs=2, n_members=1)
    assert classifier.fit(X, Targets(size=y["size"])).classes_["size"].tolist() == SIZES
    with pytest.raises(ValueError, match="is not a classification task"):
        MultiTaskNetClassifier(tasks={"visits": "count"}, n_members=1).fit(X, Targets(visits=y["visits"]))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"visits": -np.ones(160)}, "task 'visits': counts must be at least 0"),
        ({"size": np.array(["huge"] * 160)}, r"task 'size': labels \['huge'\] are not among the classes"),
        ({"box": np.tile([[1.0, 0, 0, 1]], (160, 1))}, r"task 'box': row 0: a box is .* x0 <= x1"),
        ({"pixels": np.zeros((160, 2, 2), dtype=int)}, "labels each pixel"),
    ],
)
def test_bad_labels_are_refused_with_the_name_of_the_task(bad, message):
    tasks = {name: {**TABLE_TASKS, **IMAGE_TASKS}[name] for name in bad}
    with pytest.raises(ValueError, match=message):
        table_net(tasks=tasks).fit(table()[0], Targets(bad))
