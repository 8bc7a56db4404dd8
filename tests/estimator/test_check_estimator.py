"""scikit-learn's checks, and one property that they cannot check here."""

import inspect

import numpy as np
import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from sklearn_mtl import (
    MultiTaskNetClassifier,
    MultiTaskNetEstimator,
    MultiTaskNetRegressor,
    Optimizer,
    Targets,
    architectures,
    penalties,
    sampling,
    weighting,
)
from sklearn_mtl.architectures import Architecture
from sklearn_mtl.penalties import Penalty
from sklearn_mtl.sampling import TaskSampling
from sklearn_mtl.tasks import Classification, Regression
from sklearn_mtl.trunks import MLP
from sklearn_mtl.weighting import Weighting

from .._helpers import inputs, mixed_targets
from ..checks import ESTIMATORS, EXPECTED_FAILURES, MAX_EPOCHS, options

# Epochs after which a portfolio, whose steps are larger, has the scores that the checks require.
PORTFOLIO_EPOCHS = 12
# Fast checks that are useful for every option.
FEW = (
    "check_estimators_pickle", "check_fit_idempotent", "check_n_features_in", "check_dict_unchanged",
    "check_methods_sample_order_invariance",
)  # fmt: skip
SHORT = {name: {**params, "max_epochs": 2} for name, params in options().items() if params}
#: options that train or predict with other code than the defaults
WHOLE = ("n_members=4", "n_members=4, ensemble='batch'", "early_stopping=False", "dtype='float64'")


def named(check):
    return check.func.__name__ if hasattr(check, "func") else check.__name__


def cheap_checks():
    """List whole sets of checks for some options, and a few checks for each, of the estimators in turn."""
    for number, (option, params) in enumerate(SHORT.items()):
        cls = MultiTaskNetEstimator if option in WHOLE else ESTIMATORS[number % len(ESTIMATORS)]
        for estimator, check in estimator_checks_generator(cls(**params)):
            name = named(check)
            if name not in EXPECTED_FAILURES and (option in WHOLE or name in FEW):
                yield pytest.param(estimator, check, id=f"{option}-{cls.__name__}-{name}")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn_mtl.exceptions.SingleClassWarning")  # asked for by two checks
@parametrize_with_checks(
    [
        *(cls(max_epochs=PORTFOLIO_EPOCHS) for cls in ESTIMATORS),
        *(cls(max_epochs=MAX_EPOCHS, n_members=1) for cls in ESTIMATORS),
    ],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES,
    xfail_strict=True,
)
def test_sklearn_check(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore::sklearn_mtl.exceptions.SingleClassWarning")
@pytest.mark.parametrize(("estimator", "check"), list(cheap_checks()))
def test_sklearn_check_of_an_option(estimator, check):
    check(estimator)


def test_options_are_all_that_is_exported():
    names = set(options())
    exported = (
        ("architecture", architectures, Architecture), ("weighting", weighting, Weighting),
        ("task_sampling", sampling, TaskSampling), ("penalty", penalties, Penalty),
    )  # fmt: skip
    for kind, package, base in exported:
        classes = [getattr(package, name) for name in package.__all__]
        specs = [cls for cls in classes if inspect.isclass(cls) and issubclass(cls, base) and cls is not base]
        made = {f"{kind}: {cls.__name__}" for cls in specs if not inspect.isabstract(cls)}
        assert made - {"architecture: Grouped"} <= names  # its groups name the tasks of a data set
    assert {"n_members=4", "n_members=4, ensemble='batch'", "dtype='float64'"} <= names
    assert {"early_stopping=True", "early_stopping=False"} <= names


def test_only_a_few_checks_may_fail():
    assert len(EXPECTED_FAILURES) == 2
    assert all(EXPECTED_FAILURES.values())


N_ROWS = 40
WEIGHTS = np.random.default_rng(3).integers(0, 4, size=N_ROWS)


def numbers(X):
    return np.column_stack([X[:, 0] + X[:, 1] ** 2, 10 * X[:, 2]])


def classes(X):
    return np.column_stack([X[:, 0] > 0, np.digitize(X[:, 1], [-0.5, 0.5])]).astype(int)


CASES = {
    "regressor, 1-D y": (MultiTaskNetRegressor, {}, lambda X: numbers(X)[:, 0]),
    "regressor": (MultiTaskNetRegressor, {}, numbers),
    "classifier, 1-D y": (MultiTaskNetClassifier, {}, lambda X: classes(X)[:, 1]),
    "classifier": (MultiTaskNetClassifier, {}, classes),
    "mixed": (MultiTaskNetEstimator, {}, mixed_targets),
    "mixed, labels missing": (MultiTaskNetEstimator, {}, lambda X: mixed_targets(X, missing=0.2)),
    "balanced classes": (
        MultiTaskNetEstimator,
        {"tasks": {"species": Classification(class_weight="balanced"), "mass": Regression(loss="huber")}},
        mixed_targets,
    ),
    "sgd": (MultiTaskNetEstimator, {"optimizer": Optimizer("sgd", clip_norm=0.5)}, mixed_targets),
}


def exact(estimator_class, n_rows, **params):
    trunk = MLP(hidden_sizes=(8,), scaling="standard")
    settings = {"dtype": "float64", "batch_size": n_rows, "early_stopping": False, "max_epochs": 20}
    return estimator_class(trunk=trunk, learning_rate=0.05, random_state=0, **settings, **params)


def proba_or_predict(estimator, X):
    """Return everything that the estimator predicts as one matrix of numbers."""
    outputs = estimator._model.outputs(X, estimator.task_names_, estimator._fitted_view())
    decoded = {
        name: values if estimator.tasks_[name].kind == "classification" else estimator.tasks_[name].decode(values)
        for name, values in outputs.items()
    }
    return np.column_stack(list(decoded.values()))


@pytest.mark.parametrize(("estimator_class", "params", "targets"), CASES.values(), ids=CASES)
@pytest.mark.parametrize("weights", [WEIGHTS, (WEIGHTS > 1).astype(int)], ids=["integers", "0 and 1"])
def test_weight_is_repetition(estimator_class, params, targets, weights):
    X = inputs(N_ROWS)
    y = targets(X)
    repeated = np.repeat(np.arange(N_ROWS), weights)

    weighted = exact(estimator_class, N_ROWS, **params).fit(X, y, sample_weight=weights)
    copied = exact(estimator_class, len(repeated), **params).fit(X[repeated], y[repeated])

    np.testing.assert_allclose(proba_or_predict(weighted, X), proba_or_predict(copied, X), rtol=1e-7, atol=1e-7)


def test_weight_changes_the_fit():
    X = inputs(N_ROWS)
    y = mixed_targets(X)
    plain = exact(MultiTaskNetEstimator, N_ROWS).fit(X, y)
    weighted = exact(MultiTaskNetEstimator, N_ROWS).fit(X, y, sample_weight=WEIGHTS)
    assert np.abs(proba_or_predict(plain, X) - proba_or_predict(weighted, X)).max() > 1e-2


def test_class_only_in_rows_of_weight_zero_is_as_if_absent():
    X = inputs(N_ROWS)
    kind = np.where(X[:, 0] > 0, "b", "a").astype(object)
    kind[:5] = "rare"
    y = Targets(kind=kind, mass=X[:, 1])
    weights = np.ones(N_ROWS)
    weights[:5] = 0

    weighted = exact(MultiTaskNetEstimator, N_ROWS).fit(X, y, sample_weight=weights)
    removed = exact(MultiTaskNetEstimator, N_ROWS - 5).fit(X[5:], y[5:])

    assert list(weighted.classes_["kind"]) == ["a", "b"]
    np.testing.assert_allclose(proba_or_predict(weighted, X), proba_or_predict(removed, X), rtol=1e-7, atol=1e-7)
