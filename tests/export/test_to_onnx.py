import copy
import logging
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from sklearn_mtl import BatchEnsemble, MultiTaskNetEstimator, Portfolio, load_model, save_model
from sklearn_mtl.architectures import (
    PLE,
    AdaTT,
    CrossStitch,
    Grouped,
    HardSharing,
    Independent,
    MMoE,
    SubspaceSharing,
    TaskGraph,
)
from sklearn_mtl.export import onnx_inputs, to_onnx
from sklearn_mtl.export._exported import net_and_tasks
from sklearn_mtl.tasks import (
    Classification,
    Count,
    MultilabelClassification,
    Ordinal,
    Regression,
)
from sklearn_mtl.trunks import MLP, ConvNet
from sklearn_mtl.uncertainty import CalibratedMultiTask, ConformalMultiTask

from .answers import answers_of, assert_same_answers, session_of

onnx = pytest.importorskip("onnx")

ROWS = 60
TRUNK = MLP((8,), scaling="squash", ranks=True, n_bins=3, embedding_size=2)
SMALL = MLP((4,), scaling="standard")


def table(rows=ROWS, seed=0):
    """Make a frame with numbers, whole numbers, categories of text and of numbers, and missing values."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "size": rng.normal(size=rows),
            "colour": rng.choice(["blue", "green", "red"], rows).astype(object),
            "time": 1.7e9 + 1000 * rng.normal(size=rows),
            "code": pd.Categorical(rng.choice([1, 5, 7], rows)),
            "room": rng.integers(9, size=rows),
            "kind": pd.Categorical(rng.choice(["a", "b"], rows)),
        }
    )
    X.loc[3, "size"], X.loc[5, "colour"], X.loc[6, "code"] = np.nan, None, np.nan
    return X


def later_rows():
    """Make rows with categories that fit has not seen, and values that are missing only here."""
    X = table(40, seed=1)
    X.loc[0, "colour"], X.loc[1, "time"], X.loc[2, "size"] = "pink", np.nan, np.nan
    X["code"] = X["code"].cat.add_categories([99])
    X.loc[4, "code"], X.loc[7, "kind"] = 99, np.nan
    return X


def labels(rows=ROWS):
    rng = np.random.default_rng(2)
    return {
        "sold": rng.choice(["no", "yes"], rows),
        "kind": rng.integers(3, 6, size=rows),
        "price": 1e6 + 10 * rng.normal(size=rows),
        "sides": rng.normal(size=(rows, 2)),
        "grade": rng.choice(["low", "middle", "high"], rows).astype(object),
        "is_new": rng.random(rows) > 0.5,
        "visits": rng.poisson(3, rows),
        "tags": rng.integers(2, size=(rows, 3)),
        "level": rng.choice([10.0, 20.0, 30.0], rows),
    }


TYPES = {
    "sides": Regression("quantile", quantile=0.3),
    "grade": Ordinal(classes=["low", "middle", "high"]),
    "is_new": Classification(),
    "visits": Count(),
    "tags": MultilabelClassification(threshold=0.4),
    "level": Ordinal(),
}


def few(names=("sold", "price")):
    return {name: y for name, y in labels().items() if name in names}


def fitted(X=None, y=None, **params):
    settings = {"n_members": 1, "trunk": TRUNK, "max_epochs": 3, "random_state": 0, **params}
    return MultiTaskNetEstimator(**settings).fit(table() if X is None else X, few() if y is None else y)


# -- equal to predict


def test_every_supported_task_on_a_table_with_unknown_and_missing_values():
    assert_same_answers(fitted(y=labels(), tasks=TYPES), later_rows())


@pytest.mark.parametrize(
    "architecture",
    [
        HardSharing(tower_sizes=(4,)),
        Independent(),
        CrossStitch(),
        MMoE(n_experts=3, top_k=2),
        PLE(),
        AdaTT(),
        SubspaceSharing(),
        Grouped([["sold"], ["price"]]),
        TaskGraph({"price": ["sold"]}, transfer="attention"),
    ],
    ids=lambda architecture: type(architecture).__name__,
)
def test_every_architecture(architecture):
    columns = ["size", "colour"]
    net = fitted(table()[columns], trunk=MLP((8, 4), scaling="standard"), architecture=architecture, max_epochs=1)
    assert_same_answers(net, later_rows()[columns])


@pytest.mark.parametrize("ensemble", ["deep", BatchEnsemble()], ids=["deep", "batch"])
def test_ensembles_average_as_predict_does(ensemble):
    y = few(["kind", "grade", "visits"])
    types = {name: TYPES[name] for name in ("grade", "visits")}
    assert_same_answers(fitted(y=y, tasks=types, trunk=SMALL, n_members=2, ensemble=ensemble), later_rows())


def test_portfolio_weighs_its_recipes_as_predict_does():
    recipes = {
        "deep": {"trunk": MLP((4,), scaling="squash"), "n_members": 2, "architecture": "mmoe"},
        "linear": {"trunk": MLP(()), "architecture": "independent"},
    }
    net = MultiTaskNetEstimator(ensemble=Portfolio(recipes), max_epochs=5, random_state=0)
    X = table().drop(columns="time")  # too large to be read unscaled
    assert_same_answers(net.fit(X, few()), later_rows().drop(columns="time"))


def test_array_of_numbers_and_of_categories_in_float64():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=(ROWS, 2)), rng.integers(3, size=ROWS)])
    X[4, 0] = np.nan
    net = fitted(X, trunk=MLP((8,), ranks=True), categorical_features=[2], dtype="float64")
    X[:3, 2], X[3, 1] = (7, np.nan, 1), np.nan
    assert_same_answers(net, X)


@pytest.mark.parametrize("kind", ["colours first", "numbers"])  # test_tasks has those of bytes
def test_images(kind):
    rng = np.random.default_rng(0)
    shape = {"colours first": (3, 7, 7), "numbers": (6, 6, 2)}[kind]
    X = rng.integers(256, size=(ROWS, *shape)).astype(np.uint8)
    X = X / 255 if kind == "colours first" else X / 20
    trunk = ConvNet((4, 8), hidden_size=8, channels_first=kind == "colours first")
    n_members = 2 if kind == "numbers" else 1
    assert_same_answers(fitted(X, trunk=trunk, max_epochs=1, n_members=n_members), X[:20])


def test_sets_of_labels_are_indicators_of_the_classes_in_the_metadata():
    rng = np.random.default_rng(0)
    X, tags = rng.normal(size=(ROWS, 3)), [{"new", "red"}, {"red"}, set()] * (ROWS // 3)
    net = fitted(X, {"tags": tags}, trunk=MLP((8,)))
    found = answers_of(to_onnx(net), X)["tags_labels"]
    classes = net.tasks_["tags"].classes_
    assert [set(classes[row > 0]) for row in found] == list(net.predict(X)["tags"])


@pytest.mark.skipif("SKLEARN_MTL_DATA" not in os.environ, reason="SKLEARN_MTL_DATA is not set")
def test_census_with_categories_and_missing_values():
    path = Path(os.environ["SKLEARN_MTL_DATA"]) / "adult" / "census-income.data"
    rows = pd.read_csv(path, header=None, skipinitialspace=True, na_values="?", nrows=2000)
    X = rows.drop(columns=[5, 14]).set_axis(list("abcdefghijklm"), axis=1)
    assert X.isna().any().sum() == 3
    y = {"income": rows[14], "married": rows[5]}
    net = fitted(X[:1000], {name: labels[:1000] for name, labels in y.items()}, max_epochs=2)
    assert_same_answers(net, X[1000:])


# -- the file


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Return a network of two tasks, and the file of one of them, which was written without a word."""
    folder = tmp_path_factory.mktemp("onnx")
    net = fitted(trunk=SMALL)
    save_model(net, folder / "net.mtl")
    to_onnx(load_model(folder / "net.mtl"), folder / "net.onnx", tasks=["sold"])
    return net, folder


def test_some_tasks_of_a_loaded_model_into_a_file(exported):
    net, folder = exported
    assert sorted(path.name for path in folder.iterdir()) == ["net.mtl", "net.onnx"]
    found = answers_of(onnx.load(folder / "net.onnx"), later_rows())
    assert list(found) == ["sold_label", "sold_probabilities"]
    np.testing.assert_allclose(found["sold_probabilities"], net.predict_proba(later_rows())["sold"], atol=1e-6)


def test_a_view_is_its_task(exported):
    net = exported[0]
    view = net.task_view("sold")
    assert net_and_tasks(view, None, "to_onnx") == (view.net_, ["sold"])
    with pytest.raises(ValueError, match="the view shows the task 'sold'"):
        to_onnx(net.task_view("sold"), tasks=["price"])


def test_inputs_are_the_columns_in_their_order(exported):
    session = session_of(onnx.load(exported[1] / "net.onnx"))
    types = {each.name: (each.type, each.shape) for each in session.get_inputs()}
    assert list(types) == list(table().columns)
    assert types["colour"] == ("tensor(string)", ["n_rows", 1])
    assert types["code"] == ("tensor(double)", ["n_rows", 1])
    assert session.get_modelmeta().custom_metadata_map["classes"] == '{"sold": ["no", "yes"]}'


def test_file_has_no_paths_of_the_machine_and_a_stated_opset(exported):
    assert b".py" not in (exported[1] / "net.onnx").read_bytes()
    opsets = {opset.domain: opset.version for opset in onnx.load(exported[1] / "net.onnx").opset_import}
    assert opsets == {"": 18, "ai.onnx.ml": 2}


def test_export_is_silent_and_leaves_the_estimator_as_it_is(caplog, capfd):
    net = fitted(label_inputs=True, trunk=SMALL)  # read as if all labels were missing
    before, state = net.predict(later_rows()), copy.deepcopy(net.net_.module_.state_dict())
    with caplog.at_level(logging.WARNING):
        model = to_onnx(net)
    assert not caplog.records
    assert capfd.readouterr() == ("", "")
    assert (net.predict(later_rows())["price"] == before["price"]).all()
    assert all((state[name] == values).all() for name, values in net.net_.module_.state_dict().items())
    assert_same_answers(net, later_rows(), model)


# -- refusals


def test_estimators_of_other_kinds_are_refused():
    with pytest.raises(TypeError, match="got LinearRegression"):
        to_onnx(LinearRegression())


class OwnTrunk(MLP):
    """It may read X in another way."""


class OwnTask(Regression):
    """It may decode in another way."""


def test_a_trunk_of_ones_own_is_refused_by_name():
    with pytest.raises(TypeError, match="trunk OwnTrunk"):
        to_onnx(fitted(trunk=OwnTrunk((4,), scaling="standard"), max_epochs=1))


def test_a_task_of_ones_own_is_refused_by_name_and_can_be_left_out():
    net = fitted(
        y={"odd": np.arange(ROWS), **few(["price"])}, tasks={"odd": OwnTask()}, trunk=MLP((4,)), max_epochs=1
    )
    with pytest.raises(TypeError, match=r"task 'odd': a OwnTask.*tasks="):
        to_onnx(net)


@pytest.mark.parametrize("wrapper", [CalibratedMultiTask, ConformalMultiTask])
def test_calibrated_and_conformal_estimators_are_refused_by_name(wrapper, exported):
    with pytest.raises(TypeError, match=f"got {wrapper.__name__}.*the estimator within it"):
        to_onnx(wrapper(exported[0]))


def test_a_predictor_in_the_place_of_a_task_is_refused_by_name(exported):
    net = exported[0]
    calibrated = CalibratedMultiTask(net).calibrate(table(), few())
    with pytest.raises(TypeError, match=r"task 'sold'.*the place of the network.*tasks="):
        to_onnx(calibrated.net_)


def test_names_that_collide_are_refused():
    X = table().rename(columns={"size": "price", "room": "sold_label"})
    with pytest.raises(ValueError, match=r"names \['price', 'sold_label'\]"):
        to_onnx(fitted(X))


def test_an_empty_text_as_a_category_is_refused():
    X = table().assign(colour=["", "red"] * (ROWS // 2))
    with pytest.raises(ValueError, match="empty text is a category of column 'colour'"):
        to_onnx(fitted(X))


def test_texts_in_an_array_are_refused():
    X = table()[["size", "colour"]].to_numpy()
    with pytest.raises(TypeError, match="fit to a frame"):
        to_onnx(fitted(X, categorical_features=[1]))


# -- onnx_inputs


def test_inputs_of_other_frames_are_equal(exported):
    polars = pytest.importorskip("polars")
    X = table()
    session = session_of(onnx.load(exported[1] / "net.onnx"))
    found, other = onnx_inputs(session, X), onnx_inputs(session, polars.from_pandas(X))
    assert found["colour"].tolist() == other["colour"].tolist()
    assert found["colour"][5, 0] == ""
    np.testing.assert_array_equal(found["code"], other["code"])
    with pytest.raises(ValueError, match=r"lacks the columns \['room'\]"):
        onnx_inputs(session, X.drop(columns="room"))
    with pytest.raises(ValueError, match="'colour' of X should hold text"):
        onnx_inputs(session, X.assign(colour=1))
    with pytest.raises(ValueError, match="pass a frame"):
        onnx_inputs(session, X.to_numpy())
