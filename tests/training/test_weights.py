import numpy as np
import pandas as pd
import pytest

from sklearn_mtl import Targets
from sklearn_mtl.training._weights import check_sample_weight, check_weights

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
    assert {name: values.tolist() for name, values in checked.items()} == {"a": [1, 2, 3], "b": [1, 2, 3]}


@pytest.mark.parametrize("make", [dict, Targets, pd.DataFrame])
def test_weights_by_task(make):
    checked = check_sample_weight(make({"b": [0.0, 2.0, 1.0]}), TASKS, 3)
    assert {name: values.tolist() for name, values in checked.items()} == {"a": [1, 1, 1], "b": [0, 2, 1]}


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
