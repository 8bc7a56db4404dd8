"""Ensembles with shared weights: one fit, whose predictions are means over the members."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sklearn_mtl import (
    EarlyStopping,
    MultiTaskNetClassifier,
    MultiTaskNetRegressor,
    Optimizer,
    Targets,
    load_model,
    save_model,
)
from sklearn_mtl.architectures import PLE
from sklearn_mtl.model_selection import TaskWeightSearchCV
from sklearn_mtl.trunks import MLP, ConvNet

from .._helpers import assert_same, assert_same_model, inputs, mixed_targets, net, weights_of

N = 60
NUMBERS = inputs(N)
X = pd.DataFrame(NUMBERS, columns=list("abcd")).assign(kind=pd.Categorical(list("uvwx") * (N // 4)))
Y = mixed_targets(NUMBERS, missing=0.2)


def batch(**params):
    return net(**{"n_members": 3, "ensemble": "batch", "trunk": trunk(), **params})


def trunk():
    return MLP((8,), dropout=0.2, scaling="standard")


# -- predictions


def test_predictions_are_means_over_the_members():
    fitted = batch(dtype="float64").fit(X, Y)
    outputs = fitted._model.member_outputs(X, list(Y), fitted)
    tasks, proba = fitted.tasks_, fitted.predict_proba(X)
    for name in ("species", "sick", "tags"):
        members = [tasks[name].decode_proba(output) for output in outputs[name]]
        np.testing.assert_allclose(proba[name], np.mean(members, axis=0), atol=1e-8)
    numbers = np.array([tasks["mass"].decode(output) for output in outputs["mass"]])
    np.testing.assert_allclose(fitted.predict(X)["mass"], numbers.mean(axis=0), atol=1e-8)
    np.testing.assert_allclose(fitted.predict_std(X)["mass"], numbers.std(axis=0), atol=1e-8)
    assert (fitted.predict_std(X)["mass"] > 0).all()
    assert fitted.transform(X).shape == (N, len(fitted.get_feature_names_out())) == (N, 24)


def test_history_is_that_of_one_network():
    fitted = batch(early_stopping=True).fit(X, Y)
    single = batch(early_stopping=True, n_members=1).fit(X, Y)
    assert list(fitted.history_) == list(single.history_)
    assert fitted.history_.index.tolist() == [1, 2, 3]
    assert np.isfinite(fitted.history_["valid_score"]).all()


def test_one_member_is_one_network():
    assert_same_model(batch(n_members=1).fit(X, Y), batch(n_members=1, ensemble="deep").fit(X, Y))


def test_it_learns():
    y = Targets(sign=NUMBERS[:, 0] > 0, sum=NUMBERS[:, 0] + NUMBERS[:, 1])
    fitted = batch(max_epochs=60, learning_rate=0.02).fit(NUMBERS, y)
    assert min(fitted.score_tasks(NUMBERS, y).values()) > 0.9


def test_companions_containers_and_sparse_rows():
    regressor = MultiTaskNetRegressor(n_members=2, ensemble="batch", max_epochs=2, random_state=0)
    assert regressor.fit(NUMBERS, NUMBERS[:, :2]).predict_std(NUMBERS).shape == (N, 2)
    classifier = MultiTaskNetClassifier(n_members=2, ensemble="batch", max_epochs=2, random_state=0)
    assert classifier.fit(csr_matrix(NUMBERS), NUMBERS[:, 0] > 0).predict_proba(csr_matrix(NUMBERS)).shape == (
        N,
        2,
    )


# -- the same fit again, and the same model again


def test_a_seed_gives_the_same_fit():
    fitted = batch().fit(X, Y)
    assert_same_model(fitted, clone(fitted).fit(X, Y))
    other = batch(random_state=1).fit(X, Y)
    assert not np.array_equal(fitted.predict(X)["mass"], other.predict(X)["mass"])


def test_a_task_of_weight_0_is_as_good_as_absent():
    others = Targets({name: values for name, values in Y.items() if name != "mass"})
    with_it, without = batch(task_weights={"mass": 0}).fit(X, Y), batch().fit(X, others)
    names = list(others)
    assert_same(with_it.predict(X, tasks=names), without.predict(X))
    assert_same(with_it.predict_proba(X, tasks=["tags"]), without.predict_proba(X, tasks=["tags"]))
    assert np.isfinite(with_it.predict(X)["mass"]).all()


@pytest.mark.parametrize("architecture", ["hard_sharing", "mmoe"])
def test_saved_and_pickled_it_predicts_the_same(architecture, tmp_path):
    fitted = batch(architecture=architecture).fit(X, Y)
    save_model(fitted, tmp_path / "model")
    for again in (pickle.loads(pickle.dumps(fitted)), load_model(tmp_path / "model")):
        assert_same_model(again, fitted)
        assert_same(again.predict(X), fitted.predict(X))
        assert_same(again.predict_std(X), fitted.predict_std(X))


def test_many_members_make_a_file_that_loads_and_is_small(tmp_path):
    wide = {"trunk": MLP((128, 128)), "n_members": 32, "max_epochs": 1}
    fitted = batch(**wide).fit(X, Y)
    save_model(fitted, tmp_path / "batch")
    assert_same(load_model(tmp_path / "batch").predict(X), fitted.predict(X))
    save_model(batch(**wide, ensemble="deep").fit(X, Y), tmp_path / "deep")
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert sizes["batch"] < sizes["deep"] / 4


@pytest.mark.parametrize("n_members", [1, 3])
def test_models_of_versions_without_the_parameter_load(n_members):
    fitted = batch(n_members=n_members, ensemble="deep").fit(X, Y)
    state = pickle.loads(pickle.dumps(fitted.__getstate__()))
    del state["ensemble"], vars(state["_state"]["blueprint"])["ensemble"]
    again = object.__new__(type(fitted))
    again.__setstate__(state)
    assert again.ensemble == "deep"
    assert_same(again.predict(X), fitted.predict(X))


# -- features of a single network


def test_warm_start_and_portions():
    fitted = batch(warm_start=True).fit(X, Y).fit(X, Y)
    assert fitted.n_iter_ == 6
    in_portions = batch().partial_fit(X, Y).partial_fit(X, Y)
    assert in_portions.n_iter_ == 2


@pytest.mark.parametrize("params", [{"n_members": 1}, {"n_members": 4}], ids=str)
def test_another_ensemble_takes_a_new_fit(params):
    fitted = batch(warm_start=True).fit(X, Y)
    with pytest.raises(ValueError, match=f"n_members={params['n_members']} and .* network has n_members=3"):
        fitted.set_params(**params).fit(X, Y)


def test_training_goes_on_from_a_checkpoint(tmp_path):
    batch(checkpoint=tmp_path).fit(X, Y)
    resumed = batch(checkpoint=tmp_path, max_epochs=6).fit(X, Y, resume=True)
    assert_same_model(resumed, batch(max_epochs=6).fit(X, Y))


@pytest.mark.parametrize(
    "params",
    [
        {"weighting": "uncertainty"},
        {"weighting": "famo"},
        {"weighting": "grad_norm"},
        {"weighting": "pcgrad", "penalties": ["trace_norm"]},
        {"weighting": "nash_mtl", "architecture": "mmoe"},
        {"task_sampling": "round_robin"},
        {"early_stopping": "per_task", "penalties": ["orthogonality", "representation_dropout"]},
        {"early_stopping": EarlyStopping(True, "score"), "optimizer": Optimizer(clip_norm=1.0)},
        {"optimizer": "sgd", "sample": True},
    ],
    ids=str,
)
def test_every_option_of_one_network(params):
    weight = np.linspace(0, 1, N) if params.pop("sample", False) else None
    fitted = batch(**params).fit(X, Y, sample_weight=weight)
    assert all(np.isfinite(values).all() for values in weights_of(fitted).values())
    assert np.isfinite(fitted.predict(X)["mass"]).all()


def test_searches_try_it():
    y = Y["mass"]
    X_known, y_known = NUMBERS[~np.isnan(y)], y[~np.isnan(y)]
    search = GridSearchCV(batch(), {"ensemble": ["deep", "batch"], "n_members": [1, 2]}, cv=2).fit(
        X_known, y_known
    )
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_.predict(X_known).shape == y_known.shape


def test_a_search_over_task_weights_fits_them_one_by_one():
    y = Targets(sign=NUMBERS[:, 0] > 0, sum=NUMBERS[:, 0] + NUMBERS[:, 1])
    grid = {"task_weights__sum": [0.5, 2.0]}
    searches = [
        TaskWeightSearchCV(batch(), grid, cv=2, stacked=stacked).fit(NUMBERS, y) for stacked in ("auto", False)
    ]
    scores = [search.cv_results_["mean_test_score"] for search in searches]
    np.testing.assert_array_equal(*scores)


# -- errors


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"architecture": "independent"}, r"ensemble='batch' .* Independent\(\) cannot: its tasks share no layer"),
        (
            {"architecture": "cross_stitch"},
            r"ensemble='batch' .* CrossStitch\(\) cannot: .* StitchedTrunks, but",
        ),
        (
            {"architecture": PLE(n_levels=2)},
            r"ensemble='batch' .* PLE\(n_levels=2\) cannot: .* LinearBank, but",
        ),
        ({"trunk": MLP(())}, r"ensemble='batch' .* MLP\(hidden_sizes=\(\)\) .* its tasks share no layer"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(params, message):
    with pytest.raises(ValueError, match=message):
        batch(**params).fit(NUMBERS, Y)
    # it has no effect with one network
    batch(**{**params, "n_members": 1}).fit(NUMBERS, Y)


def test_images_and_sequences_are_refused():
    images = np.random.default_rng(0).random((12, 8, 8, 1)).astype(np.float32)
    y = np.arange(12) % 2
    with pytest.raises(ValueError, match=r"ensemble='batch' .* ConvNet.*: its shared layers include"):
        batch(trunk=ConvNet(channels=(4,))).fit(images, y)
    with pytest.raises(
        ValueError, match=r"ensemble='batch' .* SequenceEncoder.*: not all of its layers support a member"
    ):
        batch(trunk="sequence_encoder").fit([["a", "b"], ["c"]] * 6, y)


def test_a_task_is_added():
    estimator = batch().fit(X, Y)
    before = estimator.predict(X)
    after = estimator.add_task("new", X, NUMBERS[:, 0]).predict(X)
    assert_same({name: after[name] for name in before}, dict(before))
    assert np.isfinite(after["new"]).all()
