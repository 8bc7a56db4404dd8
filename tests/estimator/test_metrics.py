"""The parameter ``metrics``: in scores, in the history, and in early stopping."""

import math
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import average_precision_score, make_scorer, max_error, roc_auc_score
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_mtl import (
    DeepEnsemble,
    EarlyStopping,
    MultiTaskNetClassifier,
    MultiTaskNetEstimator,
    Targets,
    load_model,
    save_model,
)
from sklearn_mtl.metrics import make_multitask_scorer, multitask_scorer

from .._helpers import assert_same_model, inputs, mixed_targets, net

X = inputs(200)
Y = mixed_targets(X, missing=0.1)
METRICS = {"sick": ["roc_auc", "average_precision"], "species": "roc_auc", "mass": "neg_max_error"}


@pytest.fixture(scope="module")
def fitted():
    return net(metrics=METRICS, early_stopping=True, max_epochs=6).fit(X, Y)


def test_scores_of_tasks_are_by_the_first_metric(fitted):
    scores = fitted.score_tasks(X, Y)
    expected = make_multitask_scorer(METRICS)(fitted, X, Y)
    assert scores == {
        "species": expected["species_roc_auc"],
        "sick": expected["sick_roc_auc"],
        "mass": expected["mass_neg_max_error"],
        "size": expected["size_r2"],
        "tags": expected["tags_f1_samples"],
    }
    assert fitted.score(X, Y) == expected["score"] == multitask_scorer(fitted, X, Y)["score"]
    assert fitted.main_metrics() == {
        "species": "roc_auc", "sick": "roc_auc", "mass": "neg_max_error", "size": "r2", "tags": "f1_samples",
    }  # fmt: skip
    rows = ~np.isnan(Y["sick"])
    proba = fitted.predict_proba(X)["sick"]
    assert scores["sick"] == pytest.approx(roc_auc_score(Y["sick"][rows], proba[rows, 1]))


def test_the_scorer_without_metrics_takes_those_of_the_estimator(fitted):
    scores = make_multitask_scorer({"sick": "accuracy"})(fitted, X, Y)
    assert [name for name in scores if name.startswith(("species", "sick", "mass"))] == [
        "species_roc_auc", "sick_accuracy", "mass_neg_max_error",
    ]  # fmt: skip


def test_chosen_metrics_are_added_to_all_metrics(fitted):
    scores = multitask_scorer(fitted, X, Y)
    assert scores["mass_neg_max_error"] == fitted.score_tasks(X, Y)["mass"]
    assert "mass_r2" in scores


def test_without_metrics_nothing_changes():
    plain = net(early_stopping=True).fit(X, Y)
    own = net(early_stopping=True, metrics={"sick": "accuracy", "mass": "r2", "tags": "f1_samples"}).fit(X, Y)
    assert_same_model(plain, own)
    assert plain.history_.drop(columns="dur").equals(own.history_.drop(columns="dur"))
    assert plain.score_tasks(X, Y) == own.score_tasks(X, Y)


def validated_rows(estimator, Y):
    """Return the validation rows of a fit, and the scores of the epochs, by a callback that scores them."""
    from skorch.callbacks import EpochScoring

    seen = []

    def record(net, X, y):
        seen.append((X, y, net.score_tasks(X, y), make_multitask_scorer(METRICS)(net, X, y)))
        return 0.0

    estimator.set_params(callbacks=[EpochScoring(record, name="seen")]).fit(X, Y)
    return seen


def test_history_has_the_values_on_the_validation_rows():
    estimator = net(metrics=METRICS, early_stopping=True, max_epochs=4)
    seen = validated_rows(estimator, Y)
    history = estimator.history_
    assert len(seen) == len(history) == 4
    for (_, _, by_task, by_metric), (_, row) in zip(seen, history.iterrows(), strict=True):
        for name, score in by_task.items():
            assert row[f"valid_score__{name}"] == pytest.approx(score, abs=1e-6)
        assert row["valid_average_precision__sick"] == pytest.approx(by_metric["sick_average_precision"], abs=1e-6)
        assert row["valid_score"] == pytest.approx(np.mean(list(by_task.values())), abs=1e-6)
    assert "valid_roc_auc__sick" not in history


def test_early_stopping_by_auc_keeps_its_best_epoch():
    options = {"early_stopping": EarlyStopping(True, "score", 3), "learning_rate": 0.05, "max_epochs": 60}
    y = {"sick": Y["sick"], "mass": Y["mass"]}
    options |= {"metrics": {"sick": "roc_auc"}, "score_weights": {"mass": 0.0}}
    estimator = net(**options)
    stopped = estimator.fit(X, y)
    history = stopped.history_
    scores = history["valid_score__sick"].to_numpy()
    assert history["valid_score"].tolist() == scores.tolist()
    best = int(scores.argmax())
    assert len(scores) == min(60, best + 1 + 3)
    # the weights are those of a training that ends at the best epoch
    assert_same_model(stopped, clone(estimator).set_params(max_epochs=best + 1).fit(X, y))
    other = clone(estimator).set_params(metrics=None).fit(X, y)
    assert other.history_["valid_score"].tolist()[:3] != scores.tolist()[:3]


@pytest.mark.parametrize("kind", ["deep", "batch", "one by one"])
def test_ensembles(kind):
    ensemble = {"batch": "batch"}.get(kind, DeepEnsemble())
    options = {"task_sampling": "round_robin"} if kind == "one by one" else {}
    y = {"sick": Y["sick"], "mass": Y["mass"]}
    estimator = net(
        n_members=3,
        ensemble=ensemble,
        metrics={"sick": ["roc_auc", "neg_log_loss"]},
        early_stopping=True,
        **options,
    ).fit(X, y)
    rows = ~np.isnan(y["sick"])
    proba = estimator.predict_proba(X)["sick"][rows, 1]
    assert estimator.score_tasks(X, y)["sick"] == pytest.approx(roc_auc_score(y["sick"][rows], proba))
    history = estimator.history_
    assert history["valid_score__sick"].between(0, 1).all()
    assert (history["valid_neg_log_loss__sick"] < 0).all()
    if kind == "deep":
        assert set(history["member"]) == {0, 1, 2}
        alone = net(metrics={"sick": "roc_auc"}, early_stopping=True, random_state=int(estimator.member_seeds_[0]))
        assert len(alone.fit(X, y).history_) == (history["member"] == 0).sum()


def test_members_of_an_ensemble_stop_by_the_mean_auc():
    options = {"early_stopping": EarlyStopping(True, "score", 2), "n_members": 3}
    y = {"sick": Y["sick"]}
    estimator = net(**options, max_epochs=40, learning_rate=0.05, metrics={"sick": "roc_auc"}).fit(X, y)
    means = estimator.history_.groupby("epoch")["valid_score__sick"].mean()
    assert len(means) == min(40, int(means.to_numpy().argmax()) + 1 + 2)


@pytest.mark.parametrize(
    ("metrics", "error", "message"),
    [
        ({"weight": "r2"}, ValueError, r"metrics names unknown tasks \['weight'\]"),
        ({"mass": "roc_auc"}, ValueError, r"metrics\['mass'\]: metric 'roc_auc' does not suit the task 'mass'"),
        ({"mass": "r3"}, ValueError, r"metrics\['mass'\]='r3' is not a metric: .*'r2'"),
        ({"mass": roc_auc_score}, ValueError, "pass the name of a scorer"),
        ({"mass": 3}, TypeError, r"metrics\['mass'\]=3 is not a metric"),
        ("roc_auc", ValueError, "'metrics' parameter of MultiTaskNetEstimator"),
    ],
)
def test_metrics_are_checked_before_training(metrics, error, message):
    estimator = net(metrics=metrics)
    with pytest.raises(error, match=message):
        estimator.fit(X, Y)
    with pytest.raises(error, match=message):
        estimator.partial_fit(X, Y)
    assert not hasattr(estimator, "tasks_")


def test_a_fit_with_validation_rows_of_one_class_warns_once():
    rare = {"sick": (np.arange(200) == 7).astype(float), "mass": Y["mass"]}
    rare["sick"][11] = 1.0
    estimator = MultiTaskNetEstimator(
        metrics={"sick": "roc_auc"},
        max_epochs=4,
        early_stopping=True,
        random_state=1,
        n_members=1,
    )
    with pytest.warns(UndefinedMetricWarning) as told:
        estimator.fit(X, rare)
    assert len([one for one in told if one.category is UndefinedMetricWarning]) == 1
    history = estimator.history_
    assert history["valid_score__sick"].isna().all()
    assert history["valid_score"].tolist() == history["valid_score__mass"].tolist()


def test_parameters_by_name_clone_and_pickle():
    estimator = net(metrics={"sick": "roc_auc"})
    assert estimator.get_params()["metrics__sick"] == "roc_auc"
    estimator.set_params(metrics__mass="neg_max_error")
    fitted = clone(estimator).fit(X, Y)
    assert pickle.loads(pickle.dumps(fitted)).score_tasks(X, Y) == fitted.score_tasks(X, Y)
    scored = fitted.score_tasks(X, Y)["mass"]
    rows = ~np.isnan(Y["mass"])
    assert scored == pytest.approx(-max_error(Y["mass"][rows], fitted.predict(X)["mass"][rows]))
    assert fitted.set_params(metrics=None).score_tasks(X, Y)["mass"] != scored


def share_right(y_true, y_pred):
    return float(np.mean(y_true == y_pred))


def test_metrics_are_saved(tmp_path):
    fitted = net(metrics={"sick": ["roc_auc", "f1"]}).fit(X, Y)
    save_model(fitted, tmp_path / "model")
    assert load_model(tmp_path / "model").score_tasks(X, Y) == fitted.score_tasks(X, Y)
    fitted.set_params(metrics={"sick": share_right})
    save_model(fitted, tmp_path / "own")
    assert load_model(tmp_path / "own", trusted=[share_right]).score_tasks(X, Y) == fitted.score_tasks(X, Y)


def test_a_checkpoint_is_that_of_its_metrics(tmp_path):
    options = {"checkpoint": tmp_path, "early_stopping": EarlyStopping(True, "score"), "max_epochs": 4}
    net(**options, metrics={"sick": "roc_auc"}).fit(X, Y)
    net(**options, metrics={"sick": "roc_auc"}).fit(X, Y, resume=True)
    assert len(list(tmp_path.iterdir())) == 1
    net(**options).fit(X, Y, resume=True)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_task_that_is_added_has_its_own_metric(fitted):
    other = clone(fitted).fit(X, Y)
    other.add_task("late", X, X[:, 0] > 0)
    assert "late" in other.score_tasks(X, {**Y, "late": X[:, 0] > 0})
    assert other.main_metrics()["late"] == "accuracy"


def test_cross_validation_in_a_pipeline():
    classifier = MultiTaskNetClassifier(
        metrics={"y": "average_precision"}, max_epochs=3, random_state=0, n_members=1
    )
    pipeline = make_pipeline(StandardScaler(), classifier)
    y = X[:, 0] > 0.5
    pipeline.fit(X, y)
    proba = pipeline.predict_proba(X)[:, 1]
    assert pipeline.score(X, y) == pytest.approx(average_precision_score(y, proba))
    assert not np.isnan(cross_val_score(pipeline, X, y, cv=2)).any()


def test_scorers_with_arguments():
    metric = make_scorer(average_precision_score, pos_label="no", response_method="predict_proba")
    y = np.where(X[:, 0] > 0, "yes", "no")
    classifier = MultiTaskNetClassifier(
        metrics={"y": {"of no": metric}}, max_epochs=3, random_state=0, n_members=1
    ).fit(X, y)
    expected = average_precision_score(y == "no", classifier.predict_proba(X)[:, 0])
    assert classifier.score(X, y) == pytest.approx(expected)
    assert list(classifier.metrics_of_tasks(X, y, metrics={"y": {"of no": metric}})["y"]) == ["of no"]


def test_sample_weights_reach_the_history():
    weight = np.random.default_rng(0).choice([0.0, 1.0, 5.0], len(X))
    both = {"sick": Y["sick"]}
    options = {"metrics": {"sick": "roc_auc"}, "early_stopping": True}
    weighted = net(**options).fit(X, both, sample_weight=weight).history_["valid_score__sick"]
    kept = weight > 0
    only = (
        net(**options).fit(X[kept], Targets(both)[kept], sample_weight=weight[kept]).history_["valid_score__sick"]
    )
    assert weighted.between(0, 1).all()
    assert len(only) == len(weighted)
    assert not math.isnan(weighted.iloc[0])
