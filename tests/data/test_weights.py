import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sklearn_mtl import EarlyStopping, Targets
from sklearn_mtl.data._weights import check_sample_weight, check_weights
from sklearn_mtl.tasks import Classification

from .._helpers import inputs, net

NAN = float("nan")
TASKS = ["a", "b"]


# -- weights of tasks


@pytest.mark.parametrize(
    ("weights", "complete"),
    [
        (None, {"a": 1.0, "b": 1.0}),
        ({}, {"a": 1.0, "b": 1.0}),
        ({"b": 3}, {"a": 1.0, "b": 3.0}),
        ({"b": np.float32(0.5), "a": np.int64(2)}, {"a": 2.0, "b": 0.5}),
        ({"a": 0}, {"a": 0.0, "b": 1.0}),
    ],
)
def test_tasks_that_are_not_named_weigh_one(weights, complete):
    checked = check_weights(weights, TASKS, "task_weights")
    assert checked == complete
    assert list(checked) == TASKS
    assert all(type(weight) is float for weight in checked.values())


@pytest.mark.parametrize("weight", [-1, NAN, np.inf, True, np.True_, "heavy", None, 1j, [1]], ids=repr)
def test_bad_weights_are_refused_with_the_task(weight):
    with pytest.raises(ValueError, match=r"task_weights\['a'\]=.* finite number of at least 0"):
        check_weights({"a": weight}, TASKS, "task_weights")


def test_unknown_tasks_are_refused():
    with pytest.raises(ValueError, match=r"score_weights names unknown tasks \['c'\]; the tasks are \['a', 'b'\]"):
        check_weights({"c": 1.0}, TASKS, "score_weights")


def test_nothing_to_train_is_refused():
    with pytest.raises(ValueError, match="all tasks have weight 0"):
        check_weights({"a": 0, "b": 0.0}, TASKS, "task_weights")


@pytest.mark.parametrize("weights", [[1.0, 2.0], 3.0, "ab"])
def test_other_things_than_mappings_are_refused(weights):
    with pytest.raises(TypeError, match="task_weights should be a mapping"):
        check_weights(weights, TASKS, "task_weights")


# -- weights of rows


@pytest.mark.parametrize("weight", [[1, 2, 3], np.array([1.0, 2, 3]), pd.Series([1, 2, 3])])
def test_one_weight_per_row_is_for_all_tasks(weight):
    checked = check_sample_weight(weight, TASKS, 3)
    assert {name: values.tolist() for name, values in checked.items()} == {"a": [0.5, 1, 1.5], "b": [0.5, 1, 1.5]}


@pytest.mark.parametrize("make", [dict, Targets, pd.DataFrame])
def test_weights_by_task(make):
    checked = check_sample_weight(make({"b": [0.0, 2.0, 1.0]}), TASKS, 3)
    assert {name: values.tolist() for name, values in checked.items()} == {"a": [1, 1, 1], "b": [0, 1, 0.5]}


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=5), st.integers(-1040, 1000))
def test_only_the_ratios_of_weights_remain(weights, exponent):
    plain, scaled = np.array([*weights, 0.0]), np.ldexp([*weights, 0.0], exponent)
    checked = check_sample_weight(scaled, TASKS, len(plain))["a"]
    assert 1 <= checked.max() < 2
    assert checked[-1] == 0
    if exponent > -1000:  # smaller numbers have fewer digits
        np.testing.assert_array_equal(checked, check_sample_weight(plain, TASKS, len(plain))["a"])


SCALES = [1e-300, 1e-30, 1e-12, 1e12, 1e30, 1e300]


def weighted_fit(weight, **params):
    X = inputs()
    y = Targets(mass=5 * X[:, 0], kind=np.where(X[:, 1] > 0, "b", "a"), tags=(X[:, :2] > 0).astype(int))
    return net(**{"max_epochs": 2, "early_stopping": True, **params}).fit(X, y, weight), X, y


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(
    "params",
    [{}, {"n_members": 2}, {"early_stopping": EarlyStopping(True, "score")}, {"dtype": "float64"}],
    ids=str,
)
def test_the_unit_of_weights_does_not_matter(scale, params):
    weight = np.where(np.arange(80) % 5, 0.1 + np.arange(80) % 7, 0.0)
    (one, X, y), (other, _, _) = weighted_fit(weight, **params), weighted_fit(weight * scale, **params)
    np.testing.assert_allclose(other.predict(X)["mass"], one.predict(X)["mass"], rtol=1e-4)
    for score, expected in zip(
        other.score_tasks(X, y, weight * scale).values(), one.score_tasks(X, y, weight).values(), strict=True
    ):
        assert score == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("scale", SCALES)
def test_the_unit_of_weights_by_task_does_not_matter(scale):
    weight = {"mass": 0.1 + np.arange(80) % 7, "kind": np.where(np.arange(80) % 3, 1.0, 0.0)}
    one, X, _ = weighted_fit(weight)
    other, _, _ = weighted_fit({"mass": weight["mass"] * scale, "kind": weight["kind"] / scale})
    np.testing.assert_allclose(other.predict(X)["mass"], one.predict(X)["mass"], rtol=1e-4)


@pytest.mark.parametrize("scale", [1e-40, 1e30])
def test_the_unit_of_class_weights_does_not_matter(scale):
    def fitted(unit):
        task = Classification(class_weight={"a": unit, "b": 3 * unit})
        return weighted_fit(None, tasks={"kind": task})

    (one, X, _), (other, _, _) = fitted(1.0), fitted(scale)
    np.testing.assert_allclose(other.predict_proba(X)["kind"], one.predict_proba(X)["kind"], rtol=1e-4)


@pytest.mark.parametrize("scale", SCALES)
def test_portions_may_be_weighed_in_different_units(scale):
    X = inputs()
    weight = 0.1 + np.arange(80) % 7
    one, other = (net().partial_fit(X, X[:, 0], sample_weight=weight) for _ in range(2))
    one.partial_fit(X, X[:, 0], sample_weight=weight)
    other.partial_fit(X, X[:, 0], sample_weight=weight * scale)
    np.testing.assert_allclose(other.predict(X), one.predict(X), rtol=1e-4)


def test_no_weights():
    assert check_sample_weight(None, TASKS, 3) is None


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1, 2], "n_samples|shape"),
        ([1, NAN, 2], "NaN"),
        ([1, np.inf, 2], "infinity"),
        ([1, -1, 2], "[Nn]egative"),
        ([0, 0, 0], r"sample_weight: .* at least one non-zero"),
        ({"a": [0, 0, 0]}, r"sample_weight\['a'\]: .* at least one non-zero"),
        ({"c": [1, 2, 3]}, r"sample_weight names unknown tasks \['c'\]"),
        ({"a": [1, 2]}, "shape|n_samples"),
        (np.ones((3, 2)), "1D|shape"),
    ],
)
def test_bad_weights_of_rows_are_refused(weight, message):
    with pytest.raises(ValueError, match=message):
        check_sample_weight(weight, TASKS, 3)
