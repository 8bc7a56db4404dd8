"""Pickling: equal predictions in this process and in another, and no torch objects in the file."""

import functools
import io
import pickle
import pickletools
import subprocess
import sys
import tempfile

import cloudpickle
import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from skorch.callbacks import EarlyStopping

from sklearn_mtl import MultiTaskNetClassifier, MultiTaskNetEstimator, MultiTaskNetRegressor
from sklearn_mtl.trunks import MLP

from .._helpers import assert_same, assert_same_model, inputs, mixed_targets, net

X = inputs(40)
FRAME = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "kind": np.where(X[:, 2] > 0, "x", "y")})
SMALL = {"trunk": MLP((6,), dropout=0.2, scaling="standard"), "max_epochs": 3, "random_state": 0}

MODELS = {
    "mixed": lambda: net().fit(X, mixed_targets(X, missing=0.1)),
    "frame": lambda: net().fit(FRAME, pd.DataFrame({"mass": X[:, 0], "kind": FRAME["kind"]})),
    "early stopping": lambda: net(early_stopping=True, max_epochs=8).fit(X, mixed_targets(X)),
    "dropout, float64": lambda: net(trunk=SMALL["trunk"], dtype="float64").fit(X, mixed_targets(X)),
    "idle task": lambda: net(task_weights={"mass": 0}).fit(X, mixed_targets(X)),
    "odd names": lambda: net().fit(X, {"a.b": X[:, 0], "type": X[:, 1], "rate__2": X[:, 2] > 0}),
    "classifier": lambda: MultiTaskNetClassifier(**SMALL).fit(X, X[:, 0] > 0),
    "regressor": lambda: MultiTaskNetRegressor(**SMALL).fit(X, X[:, :2]),
    "partial": lambda: net().partial_fit(X, mixed_targets(X)),
}


def through_joblib(estimator, **options):
    file = io.BytesIO()
    joblib.dump(estimator, file, **options)
    file.seek(0)
    return joblib.load(file)


def through_mapped_file(estimator):
    with tempfile.TemporaryDirectory() as folder:
        joblib.dump(estimator, f"{folder}/model")
        return joblib.load(f"{folder}/model", mmap_mode="r")


ROUND_TRIPS = {
    "joblib": through_joblib,
    "compressed": functools.partial(through_joblib, compress=3),
    "mapped": through_mapped_file,
    "pickle": lambda estimator: pickle.loads(pickle.dumps(estimator)),
    "cloudpickle": lambda estimator: pickle.loads(cloudpickle.dumps(estimator)),
    "twice": lambda estimator: pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(estimator)))),
}


def rows_for(estimator):
    return FRAME if hasattr(estimator, "feature_names_in_") else X


def everything(estimator):
    """Return all predictions of a fitted estimator for some rows."""
    rows = rows_for(estimator)
    said = {"predict": estimator.predict(rows), "transform": estimator.transform(rows)}
    return said | ({"proba": estimator.predict_proba(rows)} if hasattr(estimator, "predict_proba") else {})


@pytest.fixture(scope="module", params=MODELS.values(), ids=MODELS)
def fitted(request):
    return request.param()


@pytest.mark.parametrize("round_trip", ROUND_TRIPS.values(), ids=ROUND_TRIPS)
def test_round_trip(fitted, round_trip):
    loaded = round_trip(fitted)
    assert_same(everything(loaded), everything(fitted))
    assert_same_model(loaded, fitted)
    assert loaded.n_iter_ == fitted.n_iter_
    assert loaded.task_names_ == fitted.task_names_
    assert loaded.n_features_in_ == fitted.n_features_in_
    pd.testing.assert_frame_equal(loaded.history_, fitted.history_)
    assert set(vars(loaded)) == set(vars(fitted))
    assert hasattr(loaded, "classes_") == hasattr(fitted, "classes_")


LOAD_AND_PREDICT = """
import sys, joblib
assert "sklearn_mtl" not in sys.modules
estimator, rows = joblib.load(sys.argv[1])
said = {"predict": estimator.predict(rows), "transform": estimator.transform(rows)}
if hasattr(estimator, "predict_proba"):
    said["proba"] = estimator.predict_proba(rows)
joblib.dump(said, sys.argv[2])
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mixed", "frame", "classifier"])
def test_round_trip_into_another_process(name, tmp_path):
    estimator = MODELS[name]()
    joblib.dump((estimator, rows_for(estimator)), tmp_path / "model.joblib")
    command = [sys.executable, "-W", "error", "-c", LOAD_AND_PREDICT, "model.joblib", "said.joblib"]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert_same(joblib.load(tmp_path / "said.joblib"), everything(estimator))


class Recorder(pickle.Unpickler):
    """Loads a pickle and keeps the names of what it refers to."""

    def __init__(self, pickled):
        super().__init__(io.BytesIO(pickled))
        self.modules = set()

    def find_class(self, module, name):
        self.modules.add(module)
        return super().find_class(module, name)


def texts_in(pickled):
    """List all texts of a pickle: names of modules, classes and attributes among them."""
    return [argument for _, argument, _ in pickletools.genops(pickled) if isinstance(argument, str)]


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("foreign", ["torch", "skorch", "cuda", "Module", "exp_avg"])
def test_pickle_holds_nothing_of_torch_or_skorch(fitted, foreign, protocol):
    texts = texts_in(pickle.dumps(fitted, protocol))
    texts.remove("torch")  # the name beside its version
    assert not [text for text in texts if foreign in text]


def test_pickle_refers_to_few_packages(fitted):
    recorder = Recorder(pickle.dumps(fitted))
    recorder.load()
    packages = {module.partition(".")[0] for module in recorder.modules}
    assert "sklearn_mtl" in packages
    assert packages <= {"sklearn_mtl", "numpy", "sklearn", "builtins", "copyreg", "_codecs"}


def test_pickle_is_about_as_large_as_the_weights():
    wide = net(trunk=MLP((200, 200))).fit(X, X[:, 0])
    n_weights = sum(parameter.numel() for parameter in wide.net_.module_.parameters())
    assert len(pickle.dumps(wide)) < 4 * n_weights + 20_000


def test_pickle_does_not_grow_with_the_rows():
    few = net(max_epochs=1).fit(X, X[:, 0])
    many = net(max_epochs=1, batch_size=16).fit(inputs(2000), inputs(2000)[:, 0])
    assert len(pickle.dumps(many)) < len(pickle.dumps(few)) + 500


def test_unfitted_estimator_is_pickled():
    estimator = net(task_weights={"mass": 2.0})
    loaded = pickle.loads(pickle.dumps(estimator))
    assert loaded.task_weights == {"mass": 2.0}
    assert not hasattr(loaded, "net_")


@pytest.mark.parametrize("callbacks", [None, [EarlyStopping(monitor="train_loss")]], ids=["none", "skorch"])
def test_refit_after_loading(callbacks):
    y = mixed_targets(X)
    estimator = net(callbacks=callbacks).fit(X, y)
    loaded = pickle.loads(pickle.dumps(estimator))
    assert_same_model(loaded.fit(X, y), estimator)
    narrow = loaded.fit(X[:, :2], {"mass": y["mass"]})
    assert narrow.predict(X[:, :2])["mass"].shape == (40,)


def test_partial_fit_goes_on_after_loading():
    y = mixed_targets(X)
    sgd = {"optimizer": "sgd", "trunk": MLP((6,), dropout=0.2)}  # has no state of its own, which is not saved
    estimator = net(**sgd).partial_fit(X, y)
    loaded = pickle.loads(pickle.dumps(estimator)).partial_fit(X, y)
    assert loaded.n_iter_ == 2
    assert_same_model(loaded, estimator.partial_fit(X, y))


def test_partial_fit_with_a_stateful_optimiser_goes_on_after_loading():
    y = mixed_targets(X)
    loaded = pickle.loads(pickle.dumps(net().partial_fit(X, y)))
    before = loaded.history_["train_loss"].iloc[-1]
    for _ in range(20):
        loaded.partial_fit(X, y)
    assert loaded.n_iter_ == 21
    assert loaded.history_["train_loss"].iloc[-1] < before


def test_warm_start_goes_on_after_loading():
    y = mixed_targets(X)
    estimator = net(warm_start=True).fit(X, y)
    loaded = pickle.loads(pickle.dumps(estimator)).fit(X, y)
    assert loaded.n_iter_ == 6
    assert_same_model(loaded, estimator.fit(X, y))


def test_loading_neither_reads_nor_writes_the_global_generator():
    pickled = pickle.dumps(net().fit(X, mixed_targets(X)))
    before = torch.get_rng_state()
    pickle.loads(pickled).predict(X)
    assert torch.equal(torch.get_rng_state(), before)


def test_loading_shares_nothing():
    estimator = net().fit(X, mixed_targets(X))
    pickled = pickle.dumps(estimator)
    said = everything(estimator)
    estimator.fit(-X, mixed_targets(X))
    loaded = pickle.loads(pickled)
    loaded.partial_fit(-X, mixed_targets(X))
    assert_same(everything(pickle.loads(pickled)), said)


def test_model_of_an_absent_device_is_used_on_the_cpu():
    estimator = MultiTaskNetEstimator(trunk=MLP((6,)), max_epochs=1, random_state=0).fit(X, X[:, 0])
    elsewhere = pickle.loads(pickle.dumps(estimator.set_params(device="cuda:77")))
    assert elsewhere.device_ == torch.device("cpu")
    assert elsewhere.device == "cuda:77"
    assert_same(elsewhere.predict(X), estimator.predict(X))
    with pytest.raises(ValueError, match="device='cuda:77' is not available here"):  # not replaced in silence
        elsewhere.fit(X, X[:, 0])
    assert_same_model(elsewhere.set_params(device="cpu").fit(X, X[:, 0]), estimator)
