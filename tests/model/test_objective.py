from types import MappingProxyType

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from sklearn_mtl.architectures import Outputs
from sklearn_mtl.data._encode_labels import encode_targets
from sklearn_mtl.model._objective import Objective, TaskLosses
from sklearn_mtl.tasks import Classification, MultilabelClassification, Regression, group_tasks
from sklearn_mtl.weighting import Static

ROWS = 11
TASK_WEIGHTS = {"number": 1.0, "three": 0.5, "pair": 2.0, "binary": 3.0, "labels": 0.25}


def labels(missing):
    rng = np.random.default_rng(0)
    y = {
        "number": rng.normal(size=ROWS),
        "three": (np.arange(ROWS) % 3).astype(float),
        "pair": rng.normal(size=(ROWS, 2)),
        "binary": (np.arange(ROWS) % 2).astype(float),
        "labels": rng.integers(0, 2, size=(ROWS, 3)).astype(float),
    }
    for values in y.values():
        values[rng.random(values.shape) < missing] = np.nan
    return y


def fitted_tasks(y, class_weight=MappingProxyType({0: 2.0, 1: 0.5})):
    tasks = {
        "number": Regression(standardize=False),
        "three": Classification(class_weight=class_weight),
        "pair": Regression(standardize=False),
        "binary": Classification(),
        "labels": MultilabelClassification(),
    }
    return {name: task.fit(y[name]) for name, task in tasks.items()}


def random_outputs(tasks, *members, seed=1):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=(*members, ROWS, task.n_outputs_)) for name, task in tasks.items()}


def as_outputs(arrays):
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    return Outputs([([name], [tensor.shape[-1]], tensor) for name, tensor in tensors.items()])


def make(tasks, weights=TASK_WEIGHTS):
    return Objective(tasks, weights, dict.fromkeys(tasks, 1.0), Static()).double()


def compute(tasks, y, arrays, sample_weight=None, only=None):
    """Return the loss and the mass of each task, by name."""
    tasks = {name: tasks[name] for name in only or tasks}
    objective = make(tasks)
    targets, weights = encode_targets(objective.groups, tasks, y, sample_weight, torch.float64)
    losses, mass = objective(as_outputs(arrays), targets, weights)
    total = objective.total(TaskLosses(losses, mass))
    present = [None] * len(objective.names) if mass is None else mass.unbind(-1)
    named = dict(zip(objective.names, losses.unbind(-1), strict=True))
    return named, dict(zip(objective.names, present, strict=True)), total


def pick(by_task, rows):
    return {name: array[rows] for name, array in by_task.items()}


# -- a reference without torch


def softplus(x):
    return np.logaddexp(0, x)


REFERENCE = {
    "number": lambda y, out: (out[:, 0] - y) ** 2,
    "pair": lambda y, out: (out - y) ** 2,
    "binary": lambda y, out: softplus(out[:, 0]) - y * out[:, 0],
    "labels": lambda y, out: softplus(out) - y * out,
    "three": lambda y, out: -log_softmax(out, axis=1)[np.arange(len(y)), np.nan_to_num(y).astype(int)],
}


def reference(y, arrays, sample_weight):
    result = {}
    for name, elementwise in REFERENCE.items():
        loss = elementwise(y[name], arrays[name]).reshape(ROWS, -1)
        weight = sample_weight[name][:, None] * ~np.isnan(y[name].reshape(ROWS, -1))
        if name == "three":
            weight = weight * np.array([2.0, 0.5, 1.0])[np.nan_to_num(y[name]).astype(int)][:, None]
        result[name] = np.nansum(loss * weight) / weight.sum()
    return result


ONES = {name: np.ones(ROWS) for name in TASK_WEIGHTS}
WEIGHTS = {name: np.random.default_rng(i).random(ROWS) for i, name in enumerate(TASK_WEIGHTS)}


@pytest.mark.parametrize("missing", [0.0, 0.4])
@pytest.mark.parametrize("sample_weight", [None, WEIGHTS], ids=["no weights", "weights by task"])
def test_losses_and_objective_against_numpy(missing, sample_weight):
    y = labels(missing)
    tasks = fitted_tasks(labels(0))
    arrays = random_outputs(tasks)
    losses, _, total = compute(tasks, y, arrays, sample_weight)
    expected = reference(y, arrays, sample_weight or ONES)
    assert {name: loss.item() for name, loss in losses.items()} == pytest.approx(expected)
    assert total.item() == pytest.approx(sum(TASK_WEIGHTS[name] * loss for name, loss in expected.items()))


@pytest.mark.parametrize("missing", [0.0, 0.4])
@pytest.mark.parametrize("sample_weight", [None, WEIGHTS])
def test_fused_tasks_have_the_losses_they_have_alone(missing, sample_weight):
    y = labels(missing)
    tasks = fitted_tasks(labels(0))
    arrays = random_outputs(tasks)
    together, _, _ = compute(tasks, y, arrays, sample_weight)
    for name in tasks:
        alone, _, _ = compute(tasks, y, arrays, sample_weight, only=[name])
        torch.testing.assert_close(together[name], alone[name])


@pytest.mark.parametrize("missing_in", [(), ("pair",), ("three",), tuple(TASK_WEIGHTS)], ids=str)
@pytest.mark.parametrize("members", [(3,), (2, 2)])
def test_every_member_has_the_losses_it_has_alone(missing_in, members):
    complete, partly = labels(0), labels(0.4)
    y = {name: (partly if name in missing_in else complete)[name] for name in complete}
    # without weights of classes a complete group of tasks has no weights at all
    tasks = fitted_tasks(complete, class_weight=None)
    arrays = random_outputs(tasks, *members)
    stacked, _, totals = compute(tasks, y, arrays)
    assert totals.shape == members
    for member in np.ndindex(members):
        alone, _, total = compute(tasks, y, {name: array[member] for name, array in arrays.items()})
        torch.testing.assert_close(totals[member], total)
        for name in tasks:
            torch.testing.assert_close(stacked[name][member], alone[name])


def test_order_of_tasks_does_not_matter():
    y = labels(0.4)
    tasks = fitted_tasks(labels(0))
    arrays = random_outputs(tasks)
    one, _, total = compute(tasks, y, arrays)
    other, _, same = compute(tasks, y, arrays, only=list(tasks)[::-1])
    torch.testing.assert_close(same, total)
    for name in tasks:
        torch.testing.assert_close(other[name], one[name])


def test_order_of_rows_does_not_matter():
    y = labels(0.4)
    tasks = fitted_tasks(labels(0))
    arrays = random_outputs(tasks)
    _, _, total = compute(tasks, y, arrays, WEIGHTS)
    order = np.random.default_rng(0).permutation(ROWS)
    _, _, shuffled = compute(tasks, pick(y, order), pick(arrays, order), pick(WEIGHTS, order))
    torch.testing.assert_close(shuffled, total)


# -- elements that do not count


def test_a_row_of_weight_zero_is_as_good_as_absent():
    y, kept = labels(0.3), np.arange(ROWS) % 3 > 0
    tasks = fitted_tasks(labels(0))
    arrays = random_outputs(tasks)
    zeroed, _, total = compute(tasks, y, arrays, dict.fromkeys(tasks, kept.astype(float)))
    without, _, expected = compute(tasks, pick(y, kept), pick(arrays, kept))
    torch.testing.assert_close(total, expected)
    for name in tasks:
        torch.testing.assert_close(zeroed[name], without[name])


@pytest.mark.parametrize("name", TASK_WEIGHTS)
@pytest.mark.parametrize("size", [1e200, -1e200, np.inf, np.nan])
def test_the_loss_of_a_missing_label_changes_nothing_however_large(name, size):
    y = labels(0)
    tasks = fitted_tasks(y)
    y[name][4] = np.nan
    arrays = random_outputs(tasks)
    expected, mass, total = compute(tasks, y, arrays)
    arrays[name][4] = size
    losses, same_mass, same_total = compute(tasks, y, arrays)
    assert torch.equal(losses[name], expected[name])
    assert torch.equal(same_mass[name], mass[name])
    assert torch.equal(same_total, total)


@pytest.mark.parametrize("name", TASK_WEIGHTS)
@pytest.mark.parametrize("size", [1e200, -1e200])
def test_the_output_of_a_missing_label_gets_no_gradient_however_large(name, size):
    y = labels(0)
    tasks = fitted_tasks(y)
    y[name][4] = np.nan
    objective = make({name: tasks[name]})
    targets, weights = encode_targets(objective.groups, tasks, y, None, torch.float64)
    array = random_outputs(tasks)[name]
    array[4] = size
    output = torch.from_numpy(array).requires_grad_()
    block = Outputs([([name], [output.shape[-1]], output)])
    objective.total(objective(block, targets, weights)).backward()
    assert not output.grad[4].any()
    assert torch.isfinite(output.grad).all()
    assert output.grad.any()


def test_a_task_without_a_label_in_the_batch_contributes_nothing():
    y = labels(0.2)
    tasks = fitted_tasks(labels(0))
    for name in ("pair", "three"):
        y[name][:] = np.nan
    arrays = random_outputs(tasks)
    losses, mass, total = compute(tasks, y, arrays)
    rest = [name for name in tasks if name not in ("pair", "three")]
    _, _, expected = compute(tasks, y, arrays, only=rest)
    assert losses["pair"] == losses["three"] == mass["pair"] == mass["three"] == 0
    torch.testing.assert_close(total, expected)


def test_a_batch_without_any_label_has_no_gradient():
    tasks = fitted_tasks(labels(0))
    objective = make(tasks)
    nothing = {name: np.full_like(values, np.nan) for name, values in labels(0).items()}
    targets, weights = encode_targets(objective.groups, tasks, nothing, None, torch.float64)
    tensors = {name: torch.from_numpy(a).requires_grad_() for name, a in random_outputs(tasks).items()}
    total = objective.total(
        objective(Outputs([([n], [t.shape[-1]], t) for n, t in tensors.items()]), targets, weights)
    )
    total.backward()
    assert total == 0
    assert not any(tensor.grad.any() for tensor in tensors.values())


def test_scaling_all_sample_weights_changes_no_loss():
    y = labels(0.3)
    tasks = fitted_tasks(labels(0))
    arrays = random_outputs(tasks)
    _, _, total = compute(tasks, y, arrays, WEIGHTS)
    _, _, scaled = compute(tasks, y, arrays, {name: 7 * weight for name, weight in WEIGHTS.items()})
    torch.testing.assert_close(scaled, total)


# -- the way to the objective


def test_complete_targets_have_no_weights():
    tasks = {name: task for name, task in fitted_tasks(labels(0)).items() if name != "three"}
    groups = group_tasks(tasks)
    assert encode_targets(groups, tasks, labels(0), None, torch.float32)[1] == [None] * len(groups)
    assert encode_targets(groups, tasks, labels(0), ONES, torch.float32)[1] == [None] * len(groups)
    assert all(weight is not None for weight in encode_targets(groups, tasks, labels(0.5), None, torch.float32)[1])


def test_targets_are_of_the_dtype_but_classes_are_integers():
    tasks = fitted_tasks(labels(0))
    groups = group_tasks(tasks)
    targets, weights = encode_targets(groups, tasks, labels(0.3), None, torch.float32)
    for group, target, weight in zip(groups, targets, weights, strict=True):
        assert target.dtype == (torch.int64 if group.names == ("three",) else torch.float32)
        assert weight.dtype == torch.float32


def test_labels_of_rows_of_weight_zero_may_be_unknown():
    tasks = {"a": Classification().fit(np.array([0, 1, 2]))}
    y, sample_weight = {"a": np.array([0, 9, 2])}, {"a": np.array([1.0, 0.0, 1.0])}
    (target,), (weight,) = encode_targets(group_tasks(tasks), tasks, y, sample_weight, torch.float32)
    assert target[[0, 2]].tolist() == [0, 2]
    assert weight[:, 0].tolist() == [1, 0, 1]


def test_an_error_names_the_task():
    tasks = {"a": Classification().fit(np.array([0, 1, 2]))}
    with pytest.raises(ValueError, match=r"task 'a': labels \[9\] are not among the classes"):
        encode_targets(group_tasks(tasks), tasks, {"a": np.array([9])}, None, torch.float32)


def test_weights_of_the_weighting_multiply_those_of_the_user():
    class Doubled(Static):
        def build(self, tasks):
            weights = super().build(tasks)
            weights.weights *= 2
            return weights

    y = labels(0)
    tasks = fitted_tasks(y)
    plain = make(tasks)
    doubled = Objective(tasks, TASK_WEIGHTS, dict.fromkeys(tasks, 1.0), Doubled()).double()
    targets, weights = encode_targets(plain.groups, tasks, y, None, torch.float64)
    losses = plain(as_outputs(random_outputs(tasks)), targets, weights)
    torch.testing.assert_close(doubled.total(losses), 2 * plain.total(losses))
