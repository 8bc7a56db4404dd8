"""The conventions of scikit-learn and of this package: containers, pipelines, copies and files."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_mtl import MultiTaskNetClassifier, MultiTaskNetRegressor, Targets, load_model, save_model
from sklearn_mtl.semi_supervised import SelfTrainingMultiTask
from sklearn_mtl.trunks import MLP
from sklearn_mtl.uncertainty import CalibratedMultiTask, ConformalMultiTask

from .._helpers import assert_same
from ._nets import net
from ._stand_in import made

X, Y = made(200, seed=1)
Y = Targets({name: Y[name] for name in ("mass", "kind")})
REST, LABELS = made(150, seed=2)
LABELS = Targets({name: LABELS[name] for name in ("mass", "kind")})
SMALL = {"n_members": 2, "tasks": None}


@pytest.fixture(scope="module")
def fitted():
    return net(**SMALL).fit(X, Y)


@pytest.fixture(scope="module")
def in_pipeline():
    return make_pipeline(StandardScaler(), net(**SMALL)).fit(X, Y)


def test_parameters_of_the_network_are_nested(fitted):
    conformal = ConformalMultiTask(fitted, 0.8, joint="max").set_params(net__max_epochs=2)
    assert clone(conformal).get_params()["net__max_epochs"] == 2
    assert clone(conformal).joint == "max"
    fitted.set_params(max_epochs=6)


def test_a_clone_needs_a_frozen_net(fitted):
    conformal = ConformalMultiTask(fitted).conformalize(REST, LABELS)
    with pytest.raises(NotFittedError, match="FrozenEstimator"):
        clone(conformal).conformalize(REST, LABELS)
    kept = clone(ConformalMultiTask(FrozenEstimator(fitted))).conformalize(REST, LABELS)
    assert kept.predict_set(REST) == conformal.predict_set(REST)


def test_it_predicts_what_its_network_predicts(fitted):
    conformal = ConformalMultiTask(fitted).conformalize(REST, LABELS)
    assert_same(conformal.predict(REST), fitted.predict(REST))
    assert_same(conformal.predict(REST, ["mass"]), fitted.predict(REST, ["mass"]))
    assert_same(conformal.predict_proba(REST), fitted.predict_proba(REST))
    assert_same(conformal.predict_std(REST), fitted.predict_std(REST))
    assert conformal.score(REST, LABELS) == fitted.score(REST, LABELS)
    assert conformal.score_tasks(REST, LABELS) == fitted.score_tasks(REST, LABELS)
    assert conformal.task_names_ == ["mass", "kind"]
    assert conformal.n_features_in_ == 3
    assert conformal.classes_["kind"].tolist() == ["ape", "bee", "cat"]
    regressor = MultiTaskNetRegressor(n_members=1)
    assert not hasattr(ConformalMultiTask(regressor), "predict_proba")
    assert not hasattr(ConformalMultiTask(regressor), "predict_std")


def test_pipelines_are_as_their_network(in_pipeline):
    scaled = in_pipeline[0].transform(REST)
    alone = ConformalMultiTask(in_pipeline[-1]).conformalize(scaled, LABELS).predict_set(scaled)
    for whole in (in_pipeline, FrozenEstimator(in_pipeline), make_pipeline(in_pipeline)):
        conformal = ConformalMultiTask(whole).conformalize(REST, LABELS)
        assert conformal.predict_set(REST) == alone
        assert_same(conformal.predict(REST), in_pipeline.predict(REST))
        assert conformal.score(REST, LABELS) == in_pipeline.score(REST, LABELS)


def test_a_later_fit_of_the_net_does_not_change_the_sets():
    learner = net(**SMALL).fit(X, Y)
    for whole in (learner, make_pipeline(StandardScaler().fit(X), learner)):
        conformal = ConformalMultiTask(whole).conformalize(REST, LABELS)
        before = conformal.predict_set(REST)
        learner.set_params(random_state=5).fit(X[:100], Y[:100])
        assert conformal.predict_set(REST) == before
        assert pickle.loads(pickle.dumps(conformal)).predict_set(REST) == before


@pytest.mark.parametrize("container", ["frame", "matrix", "records", "dict"])
def test_containers_of_targets(container):
    kinds = {name: code for code, name in enumerate(("ape", "bee", "cat"))}

    def contained(y):
        codes = np.array([kinds[label] for label in y["kind"]])
        if container == "matrix":
            return np.column_stack([y["mass"], codes])
        if container == "records":
            return np.array(list(zip(y["mass"], codes, strict=True)), dtype=[("mass", float), ("kind", float)])
        return {"mass": y["mass"], "kind": codes} if container == "dict" else y.to_frame()

    tasks = {"1" if container == "matrix" else "kind": "classification"}
    learner = net(n_members=2, tasks=tasks).fit(X, contained(Y))
    sets = ConformalMultiTask(learner).conformalize(REST, contained(LABELS)).predict_set(REST)
    mass, kind = sets.values()
    plain = ConformalMultiTask(net(**SMALL).fit(X, Y)).conformalize(REST, LABELS).predict_set(REST)
    np.testing.assert_allclose(mass, plain["mass"], rtol=1e-5)
    np.testing.assert_array_equal(kind, plain["kind"])


def test_one_task_without_a_name():
    params = {"trunk": MLP((8,)), "n_members": 2, "max_epochs": 3, "random_state": 0}
    numbers = MultiTaskNetRegressor(**params).fit(X, Y["mass"])
    sets = ConformalMultiTask(numbers).conformalize(REST, LABELS["mass"]).predict_set(REST)
    assert {name: values.shape for name, values in sets.items()} == {"y": (150, 2)}
    classes = MultiTaskNetClassifier(**params).fit(X, Y["kind"])
    sets = ConformalMultiTask(classes).conformalize(REST, LABELS["kind"]).predict_set(REST)
    assert {name: values.shape for name, values in sets.items()} == {"y": (150, 3)}


def test_frames_and_groups_by_a_column():
    frame = pd.DataFrame(X, columns=list("abc")).assign(site=np.where(X[:, 2] == 1, "north", "south"))
    rest = pd.DataFrame(REST, columns=list("abc")).assign(site=np.where(REST[:, 2] == 1, "north", "south"))
    learner = net(**SMALL).fit(frame, Y)
    conformal = ConformalMultiTask(learner, by="site").conformalize(rest, LABELS)
    part = rest["site"] == "north"
    alone = ConformalMultiTask(learner).conformalize(rest[part], LABELS[part.to_numpy()])
    # of other numbers of rows, the products are rounded otherwise
    ours, theirs = conformal.predict_set(rest[part]), alone.predict_set(rest[part])
    for task in ours:
        np.testing.assert_allclose(ours[task].astype(float), theirs[task].astype(float), rtol=1e-6, atol=1e-9)
    polars = pytest.importorskip("polars")
    assert conformal.predict_set(polars.DataFrame(rest.to_dict("list"))) == conformal.predict_set(rest)
    assert conformal.feature_names_in_.tolist() == ["a", "b", "c", "site"]


def conformals(fitted, in_pipeline):
    return {
        "plain": lambda: ConformalMultiTask(fitted).conformalize(REST, LABELS),
        "frozen": lambda: ConformalMultiTask(FrozenEstimator(fitted), joint="max").conformalize(REST, LABELS),
        "pipeline": lambda: ConformalMultiTask(in_pipeline, by=2).conformalize(REST, LABELS, weights=np.ones(150)),
        "classes": lambda: ConformalMultiTask(fitted, by="kind").conformalize(
            REST, LABELS, groups=np.arange(150) // 2
        ),
        "members": lambda: ConformalMultiTask(net(**SMALL), 0.8).fit(X, Y),
        "folds": lambda: ConformalMultiTask(net(**SMALL), cv=2, random_state=0).fit(X, Y),
        "calibrated": lambda: ConformalMultiTask(CalibratedMultiTask(fitted).calibrate(X, Y)).conformalize(
            REST, LABELS
        ),
    }


KINDS = ("plain", "frozen", "pipeline", "classes", "members", "folds", "calibrated")


@pytest.mark.parametrize("kind", KINDS)
def test_pickles_and_files_are_equal(fitted, in_pipeline, kind, tmp_path):
    conformal = conformals(fitted, in_pipeline)[kind]()
    sets = conformal.predict_set(REST)
    save_model(conformal, tmp_path / "model.mtl")
    for loaded in (pickle.loads(pickle.dumps(conformal)), load_model(tmp_path / "model.mtl")):
        assert loaded.predict_set(REST) == sets
        assert_same(loaded.predict(REST), conformal.predict(REST))
        assert loaded.methods_ == conformal.methods_
        assert loaded.n_calibration_ == conformal.n_calibration_
        assert loaded.get_params().keys() == conformal.get_params().keys()


def test_a_file_holds_a_net_once(fitted, tmp_path):
    conformal = ConformalMultiTask(fitted).conformalize(REST, LABELS)
    save_model(conformal, tmp_path / "once.mtl")
    conformal.net = net(**SMALL).fit(X, Y)
    save_model(conformal, tmp_path / "twice.mtl")
    once, twice = ((tmp_path / name).stat().st_size for name in ("once.mtl", "twice.mtl"))
    save_model(fitted, tmp_path / "net.mtl")
    assert twice - once > 0.5 * (tmp_path / "net.mtl").stat().st_size


def test_it_is_of_the_kind_of_its_network():
    assert is_classifier(ConformalMultiTask(MultiTaskNetClassifier()))
    assert is_regressor(ConformalMultiTask(make_pipeline(StandardScaler(), MultiTaskNetRegressor())))


def test_networks_of_self_training_have_sets():
    kind = Y["kind"].astype(object)
    kind[::2] = None
    taught = SelfTrainingMultiTask(net(**SMALL), n_folds=2, max_iter=1).fit(X, Targets({**Y, "kind": kind}))
    conformal = ConformalMultiTask(taught).conformalize(REST, LABELS)
    assert conformal.predict_set(REST) == ConformalMultiTask(taught.estimator_).conformalize(
        REST, LABELS
    ).predict_set(REST)


def test_calibrated_networks_are_not_fitted(fitted):
    with pytest.raises(TypeError, match="cannot be fitted"):
        ConformalMultiTask(CalibratedMultiTask(fitted)).fit(X, Y)
