"""Faults planted in tasks, which the suite must find."""

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_mtl.tasks import Classification, Encoded, Regression
from sklearn_mtl.testing import TaskCase, TaskConformance

from .suites import failing_tests

LABELS = np.random.default_rng(0).normal(size=12)
CLASSES = np.array(["ape", "bee", "cat"], dtype=object)[np.arange(12) % 3]


class WrongLossShape(Regression):
    def elementwise_loss(self, output, target):
        return super().elementwise_loss(output, target).squeeze(-1)


class LossOfTheBatch(Regression):
    def elementwise_loss(self, output, target):
        loss = super().elementwise_loss(output, target)
        return loss - loss.mean(dim=-2, keepdim=True)


class LossOfMissingRows(LossOfTheBatch):
    """It says that it compares rows, but also compares those without a label."""

    compares_rows = True


class FinishInPlace(Regression):
    def finish(self, output, target, weight):
        self.mean_ = self.mean_ + 1.0
        return self


class LossThatOverflows(Regression):
    def elementwise_loss(self, output, target):
        return torch.expm1((output - target).square())


class RelativeToTheFirstRow(Regression):
    def encode(self, y):
        target, weight = super().encode(y)
        return Encoded(target - target[:1], weight)


class FitByTheFirstRow(Regression):
    def fit(self, y, sample_weight=None, classes=None):
        super().fit(y, sample_weight, classes)
        self.mean_ = self.mean_ - self.mean_ + y[0]
        return self


class NoWeightsInFit(Regression):
    def fit(self, y, sample_weight=None, classes=None):
        return super().fit(y, None, classes)


class MissingAsZero(Regression):
    def encode(self, y):
        return super().encode(np.nan_to_num(y))


class NaNInTargets(Regression):
    def encode(self, y):
        target, weight = super().encode(y)
        return Encoded(np.where(weight > 0, target, np.nan), weight)


class WritesToLabels(Regression):
    def encode(self, y):
        encoded = super().encode(y)
        y[np.isnan(y)] = 0.0
        return encoded


class HeadOfTheGlobalGenerator(Regression):
    def head(self, in_features, generator, grid=None):
        return nn.Linear(in_features, self.n_outputs_)


class NoInverse(Regression):
    def decode(self, output):
        return super().decode(output) + 1.0


class ErrorAsScore(Regression):
    def score(self, y_true, y_pred, sample_weight=None):
        return -super().score(y_true, y_pred, sample_weight)

    def metrics(self, y_true, y_pred, sample_weight=None):
        return {self.metric: self.score(y_true, y_pred, sample_weight)}


class ScoreWithoutWeights(Regression):
    def metrics(self, y_true, y_pred, sample_weight=None):
        return super().metrics(y_true, y_pred)


class ChangesItsParameter(Regression):
    def fit(self, y, sample_weight=None, classes=None):
        self.epsilon = float(self.epsilon) + 1.0
        return super().fit(y, sample_weight, classes)


class WeighedProbabilities(Classification):
    def decode_proba(self, output):
        return 2 * super().decode_proba(output)


class CodesAsPredictions(Classification):
    def decode(self, output):
        return output.argmax(axis=-1)


class FusedAcrossColumns(Regression):
    def elementwise_loss(self, output, target):
        loss = super().elementwise_loss(output, target)
        return loss + loss.mean(dim=-1, keepdim=True)


FAULTS = [
    (WrongLossShape, "test_loss_has_the_shape_of_the_elements"),
    (LossOfTheBatch, "test_loss_of_each_row_is_its_own"),
    (LossOfMissingRows, "test_loss_that_compares_rows"),
    (FinishInPlace, "test_finish_does_not_change_the_task"),
    (LossThatOverflows, "test_loss_and_gradient_are_finite_for_large_outputs"),
    (RelativeToTheFirstRow, "test_rows_are_encoded_one_by_one"),
    (FitByTheFirstRow, "test_order_of_rows_does_not_matter_to_fit"),
    (NoWeightsInFit, "test_sample_weights_are_multiplicities"),
    (MissingAsZero, "test_weight_is_zero_where_a_label_is_missing_and_only_there"),
    (NaNInTargets, "test_targets_are_finite_where_labels_are_missing"),
    (WritesToLabels, "test_labels_are_not_written_to"),
    (HeadOfTheGlobalGenerator, "test_head_starts_from_its_generator_only"),
    (NoInverse, "test_smallest_loss_decodes_to_the_labels"),
    (ErrorAsScore, "test_perfect_predictions_have_the_best_score"),
    (ScoreWithoutWeights, "test_rows_of_weight_zero_do_not_count_in_scores"),
    (ChangesItsParameter, "test_fit_returns_itself_and_keeps_its_parameters"),
    (WeighedProbabilities, "test_probabilities"),
    (CodesAsPredictions, "test_smallest_loss_decodes_to_the_labels"),
    (FusedAcrossColumns, "test_fused_loss_equals_each_alone"),
]


@pytest.mark.parametrize(("task", "test"), FAULTS, ids=[task.__name__ for task, _ in FAULTS])
def test_faults_are_found(task, test):
    labels = CLASSES if issubclass(task, Classification) else LABELS.copy()
    assert test in failing_tests(TaskConformance, TaskCase(task(), labels))


@pytest.mark.parametrize(("task", "labels"), [(Regression(), LABELS), (Classification(), CLASSES)], ids=str)
def test_what_the_faults_are_planted_in_passes(task, labels):
    assert failing_tests(TaskConformance, TaskCase(task, labels)) == set()


def test_missing_rows_and_elements():
    case = TaskCase(Classification(), CLASSES)
    assert case.partly.tolist()[:3] == ["ape", None, "cat"]
    assert case.without_label.nonzero()[0].tolist() == [1, 5, 9]
    pairs = np.array([[True, False], [True, True], [False, False]])
    case = TaskCase(Regression(), np.arange(6.0).reshape(3, 2), missing=pairs)
    np.testing.assert_array_equal(case.partly, [[np.nan, 1], [np.nan, np.nan], [4, 5]])
    assert case.without_label.tolist() == [False, True, False]
    assert case.with_all_labels.tolist() == [False, False, True]
    assert case.missing_elements(2).tolist() == pairs.tolist()
