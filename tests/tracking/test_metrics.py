"""What is logged of a history, and how a logged model predicts; MLflow is not needed."""

import numpy as np
import pytest

from sklearn_mtl import Portfolio, save_model
from sklearn_mtl.tracking._flavor import _load_pyfunc
from sklearn_mtl.tracking._mlflow import _metrics_of
from tests._helpers import inputs, mixed_targets, net
from tests.serving._model import FITTED, X, targets


def test_metrics_of_an_epoch_are_those_of_the_history():
    found = {(name, epoch): value for name, value, epoch in _metrics_of(FITTED)}
    assert found["train_loss__price", 2] == FITTED.history_.loc[2, "train_loss__price"]
    assert {epoch for _, epoch in found} == set(FITTED.history_.index)


def test_metrics_of_ensembles_are_means_over_members():
    recipes = {"one": {}, "two, wide": {"architecture": "independent"}}
    model = net(ensemble=Portfolio(recipes), early_stopping=True, n_members=2).fit(X, targets(X))
    found = {(name, epoch): value for name, value, epoch in _metrics_of(model)}
    history = model.history_.loc[2]
    of_one = history[history["recipe"] == "two, wide"]["valid_loss__sold"]
    assert len(of_one) == 2
    assert found["two_ wide/valid_loss__sold", 2] == pytest.approx(of_one.mean())


def test_names_that_mlflow_would_mix_up_are_refused():
    model = net().fit(inputs(), {"a+b": inputs()[:, 0], "a*b": inputs()[:, 1]})
    with pytest.raises(ValueError, match="same name in MLflow, 'train_loss__a_b'"):
        list(_metrics_of(model))


def test_a_logged_file_predicts_a_frame(tmp_path):
    save_model(FITTED, tmp_path / "net.mtl")
    found = _load_pyfunc(str(tmp_path / "net.mtl")).predict(X)
    labels, probabilities = FITTED.predict_all(X)
    assert list(found) == ["price", "sold", "sold__no", "sold__yes"]
    assert found["price"].tolist() == labels["price"].tolist()
    np.testing.assert_array_equal(found[["sold__no", "sold__yes"]], probabilities["sold"])


def test_tasks_of_several_columns_are_lists(tmp_path):
    model = net().fit(inputs(), mixed_targets(inputs()))
    save_model(model, tmp_path / "net.mtl")
    found = _load_pyfunc(str(tmp_path / "net.mtl")).predict(inputs(5))
    np.testing.assert_array_equal(np.stack(found["size"]), model.predict(inputs(5))["size"])
