"""What every task type must hold: subclass `TaskConformance` and override its fixture ``case``."""

import copy
import math
import pickle
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from sklearn_mtl.tasks import Task
from sklearn_mtl.utils._random import Streams


@dataclass(frozen=True)
class TaskCase:
    """An unfitted task and labels of its kind.

    Parameters
    ----------
    task : Task
    labels : ndarray of n rows
        All labels are there.
    partly : ndarray of n rows
        The same, some of them missing.
    absent : ndarray of bool of shape (n, positions, C)
        Which elements are missing in ``partly``.
    predictions : ndarray of n rows or None, default=None
        What a perfect network predicts; None for the labels themselves.
    grid : (int, int) or None, default=None
        Height and width of the map that a head of pixels reads.
    """

    task: Task
    labels: np.ndarray
    partly: np.ndarray
    absent: np.ndarray
    predictions: np.ndarray | None = None
    grid: tuple[int, int] | None = None
    expected: np.ndarray = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "expected", self.labels if self.predictions is None else self.predictions)

    def fitted(self):
        return clone(self.task).fit(self.labels)

    @property
    def positions(self):
        """Sizes of the axes between rows and elements."""
        return self.absent.shape[1:-1]

    @property
    def beyond_rows(self):
        return tuple(range(1, self.absent.ndim))

    def output(self, task, *axes, seed=0):
        """Draw outputs (*axes, positions, K)."""
        generator = torch.Generator().manual_seed(seed)
        return torch.randn(*axes, *self.positions, task.n_outputs_, generator=generator, dtype=torch.float64)


def as_tensors(encoded):
    """Make tensors of an encoded target as training does: class numbers stay integers."""
    target = torch.from_numpy(encoded.target)
    return target.long() if encoded.target.dtype.kind in "iu" else target.double()


def minimiser(task, target, positions=(), steps=200):
    """Find the outputs with the smallest loss, from zeros."""
    output = torch.zeros(len(target), *positions, task.n_outputs_, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([output], lr=0.2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        optimizer.zero_grad()
        task.elementwise_loss(output, target).sum().backward()
        optimizer.step()
        schedule.step()
    return output.detach().numpy()


def assert_same_encoding(one, other, **tolerance):
    np.testing.assert_allclose(one.target, other.target, **tolerance)
    np.testing.assert_allclose(one.weight, other.weight, **tolerance)


def assert_predictions(predicted, expected):
    """Compare predictions: numbers nearly, everything else exactly, and always their kind."""
    assert predicted.shape == expected.shape
    assert predicted.dtype.kind == expected.dtype.kind
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(predicted, expected, atol=0.02 * expected.std())
    else:
        assert predicted.tolist() == expected.tolist()
        assert [type(label) for label in predicted] == [type(label) for label in expected]


class TaskConformance:
    """The contract of `sklearn_mtl.tasks.Task`."""

    @pytest.fixture
    def case(self):
        raise NotImplementedError("override the fixture with a TaskCase")

    # -- a spec

    def test_can_be_made_without_arguments(self, case):
        assert isinstance(type(case.task)(), Task)

    def test_names_its_kind_level_and_metric(self, case):
        assert case.task.kind in ("classification", "regression")
        assert case.task.level in ("sample", "token", "pixel")
        assert case.task.metric in case.fitted().metrics(case.labels, case.expected)

    def test_fit_returns_itself_and_keeps_its_parameters(self, case):
        task = clone(case.task)
        before = task.get_params()
        assert task.fit(case.labels) is task
        after = task.get_params()
        assert all(after[name] is value for name, value in before.items())

    def test_clone_forgets_what_was_learned(self, case):
        assert not [name for name in vars(clone(case.fitted())) if name.endswith("_")]

    @pytest.mark.parametrize("copied", [copy.deepcopy, lambda task: pickle.loads(pickle.dumps(task))])
    def test_copies_behave_alike(self, case, copied):
        task = case.fitted()
        other = copied(task)
        assert_same_encoding(other.encode(case.partly), task.encode(case.partly))
        output = case.output(task, len(case.labels)).numpy()
        assert_predictions(other.decode(output), task.decode(output))

    # -- labels to targets

    def test_encoded_shapes(self, case):
        task = case.fitted()
        target, weight = task.encode(case.labels)
        assert len(target) == len(case.labels)
        assert target.ndim <= 2 + len(case.positions)
        assert len(case.positions) == task.position_axes
        assert weight.shape == (len(case.labels), *case.positions, task.n_elements_)

    def test_labels_are_not_written_to(self, case):
        before = copy.deepcopy(case.partly)
        clone(case.task).fit(case.partly).encode(case.partly)
        np.testing.assert_array_equal(case.partly, before)

    def test_weight_is_zero_where_a_label_is_missing_and_only_there(self, case):
        weight = case.fitted().encode(case.partly).weight
        np.testing.assert_array_equal(weight == 0, case.absent)
        assert (weight >= 0).all()

    def test_targets_are_finite_where_labels_are_missing(self, case):
        assert np.isfinite(clone(case.task).fit(case.partly).encode(case.partly).target).all()

    def test_missing_labels_do_not_change_the_others(self, case):
        task = case.fitted()
        rows = ~case.absent.any(axis=case.beyond_rows)
        complete, partly = task.encode(case.labels), task.encode(case.partly)
        np.testing.assert_array_equal(partly.target[rows], complete.target[rows])
        np.testing.assert_array_equal(partly.weight[rows], complete.weight[rows])

    def test_order_of_rows_does_not_matter(self, case):
        order = np.random.default_rng(0).permutation(len(case.partly))
        task, shuffled = clone(case.task).fit(case.partly), clone(case.task).fit(case.partly[order])
        assert_same_encoding(shuffled.encode(case.partly), task.encode(case.partly), rtol=1e-10, atol=1e-12)

    def test_fit_leaves_out_rows_without_a_label(self, case):
        kept = ~case.absent.all(axis=case.beyond_rows)
        task, other = clone(case.task).fit(case.partly), clone(case.task).fit(case.partly[kept])
        assert_same_encoding(task.encode(case.partly), other.encode(case.partly), rtol=1e-10, atol=1e-12)

    def test_sample_weights_are_multiplicities(self, case):
        times = np.arange(len(case.labels)) % 3 + 1
        weighted = clone(case.task).fit(case.partly, times.astype(float))
        repeated = clone(case.task).fit(np.repeat(case.partly, times, axis=0))
        assert_same_encoding(weighted.encode(case.partly), repeated.encode(case.partly), rtol=1e-10, atol=1e-12)

    def test_no_label_at_all_is_refused(self, case):
        nothing = np.full(case.labels.shape, None if case.labels.dtype.kind == "O" else np.nan)
        with pytest.raises(ValueError, match="all labels are missing"):
            clone(case.task).fit(nothing)

    def test_more_dimensions_are_refused(self, case):
        message = "1-D or 2-D" if case.task.level == "sample" else r"\(n_samples, \w+"
        with pytest.raises(ValueError, match=message):
            clone(case.task).fit(np.zeros((4, *[2] * max(2, len(case.positions) + 1))))

    # -- head and loss

    def test_head_maps_a_representation_to_outputs(self, case):
        task = case.fitted()
        head = task.head(5, Streams(0).generator("a"), case.grid)
        assert isinstance(head, nn.Module)
        # a head that is one affine map is given each token; others are given all positions of a map
        places = () if case.grid is None else (math.prod(case.grid),)
        positions = () if case.grid is None else case.positions
        for axes in [(7,), (2, 7), (3, 2, 7)]:
            assert head(torch.ones(*axes, *places, 5)).shape == (*axes, *positions, task.n_outputs_)

    def test_head_starts_from_its_generator_only(self, case):
        task = case.fitted()
        before = torch.get_rng_state()
        one, other = (task.head(5, Streams(0).generator("a"), case.grid).state_dict() for _ in range(2))
        assert all(torch.equal(one[name], other[name]) for name in one)
        assert torch.equal(torch.get_rng_state(), before)

    @pytest.mark.parametrize("members", [(), (1,), (3,), (2, 3)])
    def test_loss_has_the_shape_of_the_elements(self, case, members):
        task = case.fitted()
        target = as_tensors(task.encode(case.labels))
        loss = task.elementwise_loss(case.output(task, *members, len(target)), target)
        assert loss.shape == (*members, len(target), *case.positions, task.n_elements_)

    def test_loss_of_each_member_is_its_own(self, case):
        task = case.fitted()
        target = as_tensors(task.encode(case.labels))
        output = case.output(task, 2, 3, len(target))
        stacked = task.elementwise_loss(output, target)
        for i, j in np.ndindex(2, 3):
            torch.testing.assert_close(stacked[i, j], task.elementwise_loss(output[i, j], target))

    def test_members_may_have_rows_of_their_own(self, case):
        task = case.fitted()
        target = as_tensors(task.encode(case.labels))
        targets = torch.stack([target, target.flip(0), target.roll(1, 0)])
        output = case.output(task, 3, len(target))
        stacked = task.elementwise_loss(output, targets)
        for member in range(3):
            alone = task.elementwise_loss(output[member], targets[member])
            torch.testing.assert_close(stacked[member], alone)

    def test_loss_of_each_row_is_its_own(self, case):
        task = case.fitted()
        target = as_tensors(task.encode(case.labels))
        output = case.output(task, len(target))
        whole = task.elementwise_loss(output, target)
        for row in range(len(target)):
            one = slice(row, row + 1)
            torch.testing.assert_close(whole[one], task.elementwise_loss(output[one], target[one]))

    def test_loss_and_gradient_are_finite_for_large_outputs(self, case):
        task = case.fitted()
        target = as_tensors(task.encode(case.partly))
        output = (1e4 * case.output(task, len(target))).requires_grad_()
        loss = task.elementwise_loss(output, target)
        assert torch.isfinite(loss).all()
        assert (loss >= 0).all()
        (gradient,) = torch.autograd.grad(loss.sum(), output)
        assert torch.isfinite(gradient).all()

    def test_fused_loss_equals_each_alone(self, case):
        task = case.fitted()
        if task.fusion_key() is None:
            return  # nothing is promised
        assert task.n_outputs_ == task.n_elements_
        target = as_tensors(task.encode(case.labels))
        outputs = [case.output(task, 3, len(target), seed=seed) for seed in range(3)]
        targets = [target, target.flip(0), target.roll(1, 0)]
        fused = task.elementwise_loss(torch.cat(outputs, -1), torch.cat(targets, -1))
        alone = [task.elementwise_loss(o, t) for o, t in zip(outputs, targets, strict=True)]
        torch.testing.assert_close(fused, torch.cat(alone, -1))

    def test_equal_specs_have_equal_fusion_keys(self, case):
        assert case.fitted().fusion_key() == case.fitted().fusion_key()
        hash(case.fitted().fusion_key())

    # -- outputs to predictions

    def test_smallest_loss_decodes_to_the_labels(self, case):
        task = case.fitted()
        output = minimiser(task, as_tensors(task.encode(case.labels)), case.positions)
        assert_predictions(task.decode(output), case.expected)

    def test_perfect_predictions_have_the_best_score(self, case):
        task = case.fitted()
        best = task.score(case.labels, case.expected)
        rows = np.random.default_rng(0).permutation(len(case.labels))
        assert best == pytest.approx(1)
        assert task.score(case.labels, case.expected[rows]) < best

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_probabilities(self, case, dtype):
        task = case.fitted()
        output = case.output(task, 9).numpy().astype(dtype)
        proba = task.decode_proba(output)
        if proba is None:
            assert task.kind == "regression"
            return
        # small probabilities of one class are large ones of the others; pixels are too many for float64
        assert proba.dtype == (dtype if task.level == "pixel" else np.float64)
        assert proba.shape == (9, *case.positions, len(task.classes_))
        assert ((proba >= 0) & (proba <= 1)).all()

    @pytest.mark.parametrize("rows", [0, 1])
    def test_few_rows(self, case, rows):
        task = case.fitted()
        assert len(task.encode(case.partly[:rows]).target) == rows
        assert len(task.decode(case.output(task, rows).numpy())) == rows

    # -- scores

    def test_score_is_among_the_metrics(self, case):
        task = case.fitted()
        predicted = task.decode(case.output(task, len(case.labels)).numpy())
        weight = np.linspace(1, 2, len(case.labels))
        metrics = task.metrics(case.partly, predicted, weight)
        assert metrics[task.metric] == task.score(case.partly, predicted, weight)
        assert all(isinstance(value, float) and math.isfinite(value) for value in metrics.values())

    def test_rows_without_labels_do_not_count(self, case):
        task = case.fitted()
        predicted = task.decode(case.output(task, len(case.labels)).numpy())
        kept = ~case.absent.all(axis=case.beyond_rows)
        weight = np.linspace(1, 2, len(case.labels))
        assert task.metrics(case.partly, predicted, weight) == pytest.approx(
            task.metrics(case.partly[kept], predicted[kept], weight[kept])
        )

    def test_equal_sample_weights_do_not_matter(self, case):
        task = case.fitted()
        predicted = task.decode(case.output(task, len(case.labels)).numpy())
        weight = np.full(len(case.labels), 2.5)
        assert task.metrics(case.partly, predicted, weight) == pytest.approx(task.metrics(case.partly, predicted))

    def test_rows_of_weight_zero_do_not_count_in_scores(self, case):
        task = case.fitted()
        predicted = task.decode(case.output(task, len(case.labels)).numpy())
        weight = (np.arange(len(case.labels)) % 3 > 0).astype(float)
        kept = weight > 0
        assert task.metrics(case.labels, predicted, weight) == pytest.approx(
            task.metrics(case.labels[kept], predicted[kept])
        )

    def test_without_weights_every_metric_is_nan(self, case):
        task, nothing = case.fitted(), np.zeros(len(case.labels))
        assert all(math.isnan(value) for value in task.metrics(case.labels, case.expected, nothing).values())
        assert math.isnan(task.score(case.labels, case.expected, nothing))

    def test_without_labels_every_metric_is_nan(self, case):
        task = case.fitted()
        nothing = np.full(case.labels.shape, None if case.labels.dtype.kind == "O" else np.nan)
        assert all(math.isnan(value) for value in task.metrics(nothing, case.expected).values())
        assert math.isnan(task.score(nothing, case.expected))
