"""Conformance suite of tasks."""

from __future__ import annotations

import copy
import math
from typing import ClassVar

import numpy as np
import torch
from sklearn.base import clone
from torch import nn

from ..tasks import Encoded, Task
from ..utils._random import Streams
from ._conformance import (
    Conformance,
    assert_close,
    assert_equal_arrays,
    assert_refused,
    assert_same_params,
    through_pickle,
)
from ._task_case import TaskCase, as_tensor, outputs_of_smallest_loss


class TaskConformance(Conformance[TaskCase]):
    """Tests that every `Task <sklearn_mtl.tasks.Task>` must pass.

    Override ``cases`` to return a `TaskCase` of each kind of labels and of each option, by name.

    Attributes
    ----------
    largest_output : float
        Size of outputs for which loss and gradient must be finite.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl.tasks import Regression
    >>> from sklearn_mtl.testing import TaskCase, TaskConformance
    >>> class TestRegression(TaskConformance):
    ...     def cases(self):
    ...         return {"a number": TaskCase(Regression(), np.arange(12.0))}
    >>> TestRegression().failures()
    {}
    """

    largest_output: ClassVar[float] = 1e4

    # -- a spec

    def test_can_be_made_without_arguments(self, case: TaskCase) -> None:
        assert isinstance(type(case.task)(), Task), f"{type(case.task).__name__} does not inherit from Task."

    def test_names_its_kind_level_and_metric(self, case: TaskCase) -> None:
        task = case.task
        assert task.kind in ("classification", "regression"), f"kind is {task.kind!r}."
        assert task.level in ("sample", "token", "pixel"), f"level is {task.level!r}."
        metrics = case.fitted().metrics(case.labels, case.predictions)
        assert task.metric in metrics, f"metric is {task.metric!r}, but `metrics` returns {list(metrics)}."
        unknown = set(case.fitted().metric_names) - set(metrics)
        assert not unknown, f"metric_names has {sorted(unknown)}, but `metrics` returns {list(metrics)}."

    def test_fit_returns_itself_and_keeps_its_parameters(self, case: TaskCase) -> None:
        task = case.spec()
        before = task.get_params()
        assert task.fit(case.labels) is task, "`fit` must return self."
        assert_same_params(before, task.get_params(), "`fit`")

    def test_clone_forgets_what_was_learned(self, case: TaskCase) -> None:
        learned = [name for name in vars(clone(case.fitted())) if name.endswith("_")]
        assert not learned, f"`clone` keeps {learned}; the constructor must store its parameters and nothing else."

    def test_copies_behave_alike(self, case: TaskCase) -> None:
        task = case.fitted()
        output = case.output(task, len(case.labels)).numpy()
        for other in (copy.deepcopy(task), through_pickle(task, type(task))):
            assert_same_encoding(other.encode(case.partly), task.encode(case.partly), "changes after a copy")
            assert_predictions(other.decode(output), task.decode(output))

    # -- labels to targets

    def test_encoded_shapes(self, case: TaskCase) -> None:
        task = case.fitted()
        target, weight = task.encode(case.labels)
        n_rows, n_axes = len(case.labels), 2 + len(case.positions)
        assert len(target) == n_rows, f"the target of {n_rows} rows has {len(target)}."
        assert target.ndim <= n_axes, f"the target has shape {target.shape}; expected at most {n_axes} axes."
        expected = (n_rows, *case.positions, task.n_elements_)
        assert weight.shape == expected, f"the weight has shape {weight.shape}; expected {expected}."

    def test_labels_are_not_written_to(self, case: TaskCase) -> None:
        labels = case.partly
        case.spec().fit(labels).encode(labels)
        assert_equal_arrays(labels, case.partly, "`fit` or `encode` changed the labels; copy them first.")

    def test_weight_is_zero_where_a_label_is_missing_and_only_there(self, case: TaskCase) -> None:
        task = case.fitted()
        weight = task.encode(case.partly).weight
        missing = case.missing_elements(task.n_elements_)
        assert_equal_arrays(weight == 0, missing, "the weight must be 0 where a label is missing, and only there.")
        assert (weight >= 0).all(), "a weight is negative."

    def test_targets_are_finite_where_labels_are_missing(self, case: TaskCase) -> None:
        target = case.spec().fit(case.partly).encode(case.partly).target
        assert np.isfinite(target).all(), "the target must be finite everywhere: put 0 where a label is missing."

    def test_missing_labels_do_not_change_the_others(self, case: TaskCase) -> None:
        task = case.fitted()
        rows = case.with_all_labels
        complete, partly = task.encode(case.labels), task.encode(case.partly)
        assert_same_encoding(select(partly, rows), select(complete, rows), "depends on labels of other rows")

    def test_rows_are_encoded_one_by_one(self, case: TaskCase) -> None:
        task = case.fitted()
        whole, order = task.encode(case.partly), shuffled(case)
        what = "of a row must not depend on other rows"
        assert_same_encoding(task.encode(case.partly[order]), select(whole, order), what)
        for row in range(len(case.labels)):
            one = slice(row, row + 1)
            assert_same_encoding(task.encode(case.partly[one]), select(whole, one), what)

    def test_order_of_rows_does_not_matter_to_fit(self, case: TaskCase) -> None:
        task, other = case.spec().fit(case.partly), case.spec().fit(case.partly[shuffled(case)])
        encoded = other.encode(case.partly), task.encode(case.partly)
        assert_same_encoding(*encoded, "depends on the order of rows in `fit`")

    def test_fit_leaves_out_rows_without_a_label(self, case: TaskCase) -> None:
        task, other = case.spec().fit(case.partly), case.spec().fit(case.partly[~case.without_label])
        encoded = task.encode(case.partly), other.encode(case.partly)
        assert_same_encoding(*encoded, "depends on rows without a label in `fit`")

    def test_sample_weights_are_multiplicities(self, case: TaskCase) -> None:
        times = np.arange(len(case.labels)) % 3 + 1
        weighted = case.spec().fit(case.partly, times.astype(float))
        repeated = case.spec().fit(np.repeat(case.partly, times, axis=0))
        encoded = weighted.encode(case.partly), repeated.encode(case.partly)
        assert_same_encoding(*encoded, "must be equal after `fit` with a weight of 2 and with a repeated row")

    def test_no_label_at_all_is_refused(self, case: TaskCase) -> None:
        assert_refused(lambda: case.spec().fit(case.no_labels()), "`fit` without any label")

    # -- head and loss

    def test_head_maps_a_representation_to_outputs(self, case: TaskCase) -> None:
        task = case.fitted()
        head = task.head(5, Streams(0).generator("a"), case.grid)
        assert isinstance(head, nn.Module), f"`head` returned {type(head).__name__}; expected a module."
        # a linear head receives single tokens, others receive all positions of a map
        places = () if case.grid is None else (math.prod(case.grid),)
        positions = () if case.grid is None else case.positions
        for axes in [(7,), (2, 7), (3, 2, 7)]:
            shape, given = (*axes, *positions, task.n_outputs_), (*axes, *places, 5)
            found = tuple(head(torch.ones(*given)).shape)
            assert found == shape, f"the head turns {given} into {found}; expected {shape}."

    def test_head_starts_from_its_generator_only(self, case: TaskCase) -> None:
        task = case.fitted()
        before = torch.get_rng_state()
        one, other = (task.head(5, Streams(0).generator("a"), case.grid).state_dict() for _ in range(2))
        same = all(torch.equal(one[name], other[name]) for name in one)
        assert same, "two heads of equal generators differ; draw their weights from the generator."
        unmoved = torch.equal(torch.get_rng_state(), before)
        assert unmoved, "`head` draws from torch's global generator; draw from the argument `generator`."

    def test_loss_has_the_shape_of_the_elements(self, case: TaskCase) -> None:
        task = case.fitted()
        target = as_tensor(task.encode(case.labels))
        for members in [(), (1,), (3,), (2, 3)]:
            axes = (*members, len(target))
            loss = task.elementwise_loss(case.output(task, *axes), target)
            expected = (*axes, *case.positions, task.n_elements_)
            assert loss.shape == expected, f"the loss has shape {tuple(loss.shape)}; expected {expected}."

    def test_loss_of_each_member_is_its_own(self, case: TaskCase) -> None:
        task = case.fitted()
        target = as_tensor(task.encode(case.labels))
        output = case.output(task, 2, 3, len(target))
        stacked = task.elementwise_loss(output, target)
        for i, j in np.ndindex(2, 3):
            alone = task.elementwise_loss(output[i, j], target)
            assert_close(stacked[i, j], alone, "the loss of a member depends on the others.")

    def test_members_may_have_rows_of_their_own(self, case: TaskCase) -> None:
        task = case.fitted()
        target = as_tensor(task.encode(case.labels))
        targets = torch.stack([target, target.flip(0), target.roll(1, 0)])
        output = case.output(task, 3, len(target))
        stacked = task.elementwise_loss(output, targets)
        for member in range(3):
            alone = task.elementwise_loss(output[member], targets[member])
            assert_close(stacked[member], alone, "the loss changes if targets have a member axis.")

    def test_loss_of_each_row_is_its_own(self, case: TaskCase) -> None:
        task = case.fitted()
        if task.compares_rows:
            return  # `test_loss_that_compares_rows` is about these
        target = as_tensor(task.encode(case.labels))
        output = case.output(task, len(target))
        whole = task.elementwise_loss(output, target)
        for row in range(len(target)):
            one = slice(row, row + 1)
            alone = task.elementwise_loss(output[one], target[one])
            assert_close(whole[one], alone, "the loss of a row depends on the other rows.")

    def test_loss_that_compares_rows(self, case: TaskCase) -> None:
        task, order = case.fitted(), torch.from_numpy(shuffled(case))
        if not task.compares_rows:
            return  # `test_loss_of_each_row_is_its_own` is about these
        target, known = as_tensor(task.encode(case.partly)), torch.from_numpy(~case.without_label)
        output = case.output(task, len(target))
        whole = task.elementwise_loss(output, target)
        turned = task.elementwise_loss(output[order], target[order])
        assert_close(turned, whole[order], "the loss depends on the order of the rows.")
        some = task.elementwise_loss(output[known], target[known])
        assert_close(some, whole[known], "the loss of a row depends on rows without a label.")
        weight = known.to(target)[:, None] * torch.ones(task.n_elements_).to(target)
        without = task.elementwise_loss(output, task.weigh(as_tensor(task.encode(case.labels)), weight))
        assert_close(without[known], some, "`weigh`: the loss of a row depends on rows of weight 0.")

    def test_loss_and_gradient_are_finite_for_large_outputs(self, case: TaskCase) -> None:
        task = case.fitted()
        target = as_tensor(task.encode(case.partly))
        output = (self.largest_output * case.output(task, len(target))).requires_grad_()
        loss = task.elementwise_loss(output, target)
        about = f"for outputs about {self.largest_output:g}"
        assert torch.isfinite(loss).all(), f"the loss is not finite {about}; bound arguments of exponentials."
        assert (loss >= 0).all(), f"the loss is negative {about}; some weightings take its logarithm."
        (gradient,) = torch.autograd.grad(loss.sum(), output)
        assert torch.isfinite(gradient).all(), f"the gradient of the loss is not finite {about}."

    def test_fused_loss_equals_each_alone(self, case: TaskCase) -> None:
        task = case.fitted()
        if task.fusion_key() is None:
            return  # the task is never fused
        target = as_tensor(task.encode(case.labels))
        for what, width in {"outputs": task.n_outputs_, "columns of the target": target.shape[-1]}.items():
            assert width % task.n_elements_ == 0, (
                f"`fusion_key` requires equally many {what} for each element, but there are {width} for "
                f"n_elements_={task.n_elements_}."
            )
        outputs = [case.output(task, 3, len(target), seed=seed) for seed in range(3)]
        targets = [target, target.flip(0), target.roll(1, 0)]
        fused = task.elementwise_loss(torch.cat(outputs, -1), torch.cat(targets, -1))
        alone = [task.elementwise_loss(o, t) for o, t in zip(outputs, targets, strict=True)]
        what = "`fusion_key` requires that the loss of each column is independent; otherwise return None."
        assert_close(fused, torch.cat(alone, -1), what)

    def test_equal_specs_have_equal_fusion_keys(self, case: TaskCase) -> None:
        one, other = case.fitted().fusion_key(), case.fitted().fusion_key()
        assert one == other, f"equal tasks have the fusion keys {one!r} and {other!r}."
        hash(one)

    # -- outputs to predictions

    def test_smallest_loss_decodes_to_the_labels(self, case: TaskCase) -> None:
        task = case.fitted()
        target, weight = task.encode(case.labels)
        output = outputs_of_smallest_loss(task, as_tensor(Encoded(target, weight)), case.positions)
        finished = task.finish(output, target, weight) if task.learns_after_training else task
        assert_predictions(finished.decode(output), case.predictions)

    def test_finish_does_not_change_the_task(self, case: TaskCase) -> None:
        task = case.fitted()
        output = case.output(task, len(case.labels)).numpy()
        before = task.decode(output)
        finished = task.finish(output, *task.encode(case.labels))
        assert isinstance(finished, type(task)), f"`finish` returned {type(finished).__name__}; expected a task."
        assert_predictions(task.decode(output), before)
        assert_same_encoding(finished.encode(case.partly), task.encode(case.partly), "changes after `finish`")

    def test_rows_are_decoded_one_by_one(self, case: TaskCase) -> None:
        task, order = case.fitted(), shuffled(case)
        output = case.output(task, len(case.labels)).numpy()
        assert_predictions(task.decode(output[order]), task.decode(output)[order])

    def test_perfect_predictions_have_the_best_score(self, case: TaskCase) -> None:
        task = case.fitted()
        best = task.score(case.labels, case.predictions)
        worse = task.score(case.labels, case.predictions[shuffled(case)])
        assert worse < best, f"shuffled predictions score {worse:g}, right ones {best:g}; greater must be better."

    def test_probabilities(self, case: TaskCase) -> None:
        task = case.fitted()
        for dtype in (np.float32, np.float64):
            proba = task.decode_proba(case.output(task, 9).numpy().astype(dtype))
            if proba is None:
                assert task.kind == "regression", "a classification must have probabilities."
                return
            expected = (9, *case.positions, len(task.classes_))
            assert proba.shape == expected, f"the probabilities have shape {proba.shape}; expected {expected}."
            assert ((proba >= 0) & (proba <= 1)).all(), "a probability is below 0 or above 1."

    def test_few_rows(self, case: TaskCase) -> None:
        task = case.fitted()
        for n_rows in (0, 1):
            n_encoded = len(task.encode(case.partly[:n_rows]).target)
            n_decoded = len(task.decode(case.output(task, n_rows).numpy()))
            assert n_encoded == n_rows, f"`encode` returned {n_encoded} rows for {n_rows}."
            assert n_decoded == n_rows, f"`decode` returned {n_decoded} rows for {n_rows}."

    # -- scores

    def test_score_is_among_the_metrics(self, case: TaskCase) -> None:
        task = case.fitted()
        predicted = task.decode(case.output(task, len(case.labels)).numpy())
        weight = np.linspace(1, 2, len(case.labels))
        metrics = task.metrics(case.partly, predicted, weight)
        score = task.score(case.partly, predicted, weight)
        assert metrics[task.metric] == score, f"`score` is {score}, {task.metric!r} is {metrics[task.metric]}."
        finite = all(isinstance(value, float) and math.isfinite(value) for value in metrics.values())
        assert finite, f"metrics must be finite floats, got {metrics}."

    def test_rows_without_labels_do_not_count(self, case: TaskCase) -> None:
        weight = np.linspace(1, 2, len(case.labels))
        assert_rows_count(case, case.partly, ~case.without_label, weight, weight, "without a label")

    def test_equal_sample_weights_do_not_matter(self, case: TaskCase) -> None:
        rows, weight = np.full(len(case.labels), True), np.full(len(case.labels), 2.5)
        assert_rows_count(case, case.partly, rows, weight, None, "of equal weights")

    def test_rows_of_weight_zero_do_not_count_in_scores(self, case: TaskCase) -> None:
        weight = (np.arange(len(case.labels)) % 3 > 0).astype(float)
        assert_rows_count(case, case.labels, weight > 0, weight, None, "of weight 0")

    def test_without_weights_every_metric_is_nan(self, case: TaskCase) -> None:
        assert_all_nan(case, case.labels, np.zeros(len(case.labels)))

    def test_without_labels_every_metric_is_nan(self, case: TaskCase) -> None:
        assert_all_nan(case, case.no_labels(), None)


def shuffled(case: TaskCase) -> np.ndarray:
    """Return a random order of the rows."""
    return np.random.default_rng(0).permutation(len(case.labels))


def select(encoded: Encoded, rows: np.ndarray | slice) -> Encoded:
    """Select rows of an encoded target."""
    return Encoded(encoded.target[rows], encoded.weight[rows])


def assert_same_encoding(one: Encoded, other: Encoded, what: str) -> None:
    """Compare two encoded targets up to rounding."""
    for name in one._fields:
        parts = getattr(one, name), getattr(other, name)
        np.testing.assert_allclose(*parts, rtol=1e-10, atol=1e-12, err_msg=f"the {name} of `encode` {what}")


def assert_predictions(predicted: np.ndarray, expected: np.ndarray) -> None:
    """Compare predictions: floats approximately, all others exactly, and their types."""
    found = f"predictions of shape {predicted.shape} and dtype {predicted.dtype}"
    assert predicted.shape == expected.shape, f"{found}; expected shape {expected.shape}."
    assert predicted.dtype.kind == expected.dtype.kind, f"{found}; expected dtype {expected.dtype}."
    if expected.dtype.kind == "f":
        what = "`decode` returns other predictions than expected"
        np.testing.assert_allclose(predicted, expected, atol=0.02 * expected.std(), err_msg=what)
        return
    assert predicted.tolist() == expected.tolist(), f"the predictions are {predicted}; expected {expected}."
    types = [[type(label).__name__ for label in labels] for labels in (predicted, expected)]
    assert types[0] == types[1], f"the predictions are of the types {set(types[0])}; expected {set(types[1])}."


def assert_rows_count(
    case: TaskCase,
    labels: np.ndarray,
    rows: np.ndarray,
    weight: np.ndarray,
    weight_of_rows: np.ndarray | None,
    which: str,
) -> None:
    """Check that metrics depend only on the given rows."""
    task = case.fitted()
    predicted = task.decode(case.output(task, len(labels)).numpy())
    kept = None if weight_of_rows is None else weight_of_rows[rows]
    of_all, of_some = task.metrics(labels, predicted, weight), task.metrics(labels[rows], predicted[rows], kept)
    assert list(of_all) == list(of_some)
    for name, value in of_all.items():
        same = np.isclose(value, of_some[name], rtol=1e-6, atol=1e-12)
        assert same, f"{name!r} must not depend on rows {which}: {value:g} with them, {of_some[name]:g} without."


def assert_all_nan(case: TaskCase, labels: np.ndarray, weight: np.ndarray | None) -> None:
    """Check that every metric is NaN without labels or weights."""
    task = case.fitted()
    metrics = task.metrics(labels, case.predictions, weight)
    without = "a label" if weight is None else "a weight above 0"
    nan = all(math.isnan(value) for value in metrics.values())
    assert nan, f"without {without} every metric must be NaN, got {metrics}."
    score = task.score(labels, case.predictions, weight)
    assert math.isnan(score), f"without {without} `score` must return NaN, got {score:g}."
