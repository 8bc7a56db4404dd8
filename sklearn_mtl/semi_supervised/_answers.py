"""What a fitted network says of a task: how certain it is, and how far it is from the labels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from ..columns._missing import is_missing
from ..tasks import Survival, Task
from ..tasks._answers import Answer
from ..tasks._classification import class_numbers
from ._rows import FitRows

#: known labels by task, where the network reads some
Known: TypeAlias = Mapping[str, np.ndarray] | None

# Largest temperature: at 20 the odds of 10**6 to 1 are 2 to 1.
_HOTTEST = 20.0
# Probabilities below this one are as unlikely.
_SMALLEST = 1e-12


class Answers(NamedTuple):
    """Predictions of one task for some rows.

    Parameters
    ----------
    labels : ndarray of shape (n_rows, ...)
        In the form of the labels of ``fit``.
    evidence : ndarray
        Of classes their probabilities (n_rows, n_elements, n_classes), where each label of a set is an element of
        two classes; of numbers the spread over the networks in standard deviations of the labels, (n_rows,).
    """

    labels: np.ndarray
    evidence: np.ndarray


class Calibration(NamedTuple):
    """Probabilities of rows that a network did not learn, (n, n_classes), their classes and weights, (n,)."""

    probabilities: np.ndarray
    codes: np.ndarray
    weights: np.ndarray


class Taught(ABC):
    """How one kind of tasks is taught from its own predictions.

    Parameters
    ----------
    name : str
        The task.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @classmethod
    def has_certainty(cls, n_members: int) -> bool:
        """Return whether so many networks say how certain they are."""
        return True

    @abstractmethod
    def answers(self, net: Any, X: Any, known: Known = None) -> Answers:
        """Predict the task for some rows, by a fitted network, with known labels of other tasks."""

    @abstractmethod
    def losses(self, net: Any, held: FitRows, answers: Answers) -> np.ndarray:
        """Compute the loss of the predictions for each row, of shape (n_rows,); NaN where there is no label."""

    @abstractmethod
    def calibrations(self, net: Any, held: FitRows, answers: Answers) -> list[Calibration]:
        """Return what shows how much too certain a network is; nothing if the task has no probabilities."""

    @abstractmethod
    def certainty(self, answers: Answers, temperature: float) -> np.ndarray:
        """Return how certain the predictions are, from 0 to 1, of shape (n_rows,)."""


class TaughtClasses(Taught):
    """Classes and sets of labels: the certainty is the calibrated probability.

    Of a set it is that of its least certain label. Probabilities are calibrated by one temperature [1]_.

    References
    ----------
    .. [1] Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", ICML 2017.
    """

    def answers(self, net: Any, X: Any, known: Known = None) -> Answers:
        answer = _answer(net, X, self.name, known)
        assert answer.probabilities is not None
        return Answers(answer.predictions, _by_element(net.tasks_[self.name], answer.probabilities))

    def losses(self, net: Any, held: FitRows, answers: Answers) -> np.ndarray:
        """Compute the Brier score of each row, for a set the mean over its labels."""
        codes = self._codes(net, held)
        hits = codes[..., None] == np.arange(answers.evidence.shape[-1])
        return _mean_of_known(((answers.evidence - hits) ** 2).sum(axis=-1), codes >= 0)

    def calibrations(self, net: Any, held: FitRows, answers: Answers) -> list[Calibration]:
        codes, weight = self._codes(net, held), held.weight(self.name)
        known = (codes >= 0) & (weight > 0)[:, None]
        weights = np.broadcast_to(weight[:, None], known.shape)
        return [Calibration(answers.evidence[known], codes[known], weights[known])]

    def certainty(self, answers: Answers, temperature: float) -> np.ndarray:
        return np.asarray(at_temperature(answers.evidence, temperature).max(axis=-1).min(axis=-1))

    def _codes(self, net: Any, held: FitRows) -> np.ndarray:
        """Return the class of each element (n_rows, n_elements); -1 if it is missing or unknown to the network."""
        task = net.tasks_[self.name]
        labels, labelled = task.true_labels(held.y[self.name])
        if task.has_one_label:
            return np.where(labelled, class_numbers(task.predicted_labels(labels), task.classes_), -1)[:, None]
        n_known = len(task.classes_)  # labels of sets that the network does not know have further columns
        return np.where(labelled, labels, -1)[:, :n_known]


class TaughtNumbers(Taught):
    """Numbers: the certainty is 1 minus the spread over the networks, in standard deviations of the labels.

    Parameters
    ----------
    name : str
        The task.
    labels : ndarray of shape (n_samples,) or (n_samples, n_columns)
        All labels of the fit, whose standard deviations are the units of spread and loss.
    """

    @classmethod
    def has_certainty(cls, n_members: int) -> bool:
        """Return whether there are several networks, whose predictions have a spread."""
        return n_members > 1

    def __init__(self, name: str, labels: np.ndarray) -> None:
        super().__init__(name)
        deviation = np.nanstd(_as_numbers(labels), axis=0)
        # a column of one number is predicted without error and without spread, whatever the unit
        self.units = np.where(deviation > 0, deviation, 1.0)

    def answers(self, net: Any, X: Any, known: Known = None) -> Answers:
        labels = _answer(net, X, self.name, known).predictions
        spread = _as_numbers(net._fitted_view()._spread(X, [self.name], known)[self.name]) / self.units
        return Answers(labels, np.sqrt((spread**2).mean(axis=1)))

    def losses(self, net: Any, held: FitRows, answers: Answers) -> np.ndarray:
        """Compute the squared error of each row, in variances of the labels, the mean over columns."""
        numbers = _as_numbers(held.y[self.name])
        errors = (_as_numbers(answers.labels) - numbers) / self.units
        return _mean_of_known(errors**2, ~np.isnan(numbers))

    def calibrations(self, net: Any, held: FitRows, answers: Answers) -> list[Calibration]:
        """Return nothing: the spread is what the networks disagree in, and not an estimate of their error."""
        return []

    def certainty(self, answers: Answers, temperature: float) -> np.ndarray:
        return np.clip(1 - answers.evidence, 0, 1)


def how_taught(name: str, task: Task, labels: np.ndarray) -> Taught | None:
    """Return how a task is taught from its predictions; None for positions, probabilities, and what is censored.

    Parameters
    ----------
    name : str
    task : Task
        Fitted.
    labels : ndarray of shape (n_samples, ...)
    """
    if task.labels_positions or isinstance(task, Survival) or getattr(task, "bounds", False):
        return None
    if task.is_regression:
        return TaughtNumbers(name, labels)
    holds_probabilities = task.has_one_label and labels.ndim > 1
    return None if holds_probabilities else TaughtClasses(name)


def at_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Divide the logits of probabilities (..., n_classes) by a temperature.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl.semi_supervised._answers import at_temperature
    >>> at_temperature(np.array([0.9, 0.1]), temperature=2.0).round(2)
    array([0.75, 0.25])
    """
    return np.asarray(softmax(np.log(np.maximum(probabilities, _SMALLEST)) / temperature, axis=-1))


def best_temperature(calibrations: Sequence[Calibration]) -> float:
    """Find the temperature of least log loss, from 1 to 20; 1 without any row.

    Below 1 it would make predictions more certain, which a few labels that all happen to be right would ask for.

    Parameters
    ----------
    calibrations : sequence of Calibration
        Of several networks, which may know different classes.
    """

    def log_loss(log_temperature: float) -> float:
        total = 0.0
        for probabilities, codes, weights in calibrations:
            calibrated = at_temperature(probabilities, np.exp(log_temperature))
            hit = np.take_along_axis(calibrated, codes[:, None], axis=1)[:, 0]
            total -= float(weights @ np.log(np.maximum(hit, _SMALLEST)))
        return total

    found = minimize_scalar(log_loss, bounds=(0.0, np.log(_HOTTEST)), method="bounded")
    return float(np.exp(found.x)) if found.fun < log_loss(0.0) else 1.0


def _answer(net: Any, X: Any, task: str, known: Known) -> Answer:
    answers: dict[str, Answer] = net._answers(X, [task], known)[0]
    return answers[task]


def _by_element(task: Task, probabilities: np.ndarray) -> np.ndarray:
    """Return probabilities as (n_rows, n_elements, n_classes)."""
    if task.has_one_label:
        return probabilities[:, None]
    return np.stack([1 - probabilities, probabilities], axis=-1)


def _mean_of_known(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the mean over the known columns of each row; NaN for a row without any."""
    counts = known.sum(axis=1)
    sums = np.where(known, values, 0.0).sum(axis=1)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _as_numbers(values: np.ndarray) -> np.ndarray:
    """Return numbers as float64 of shape (n_rows, n_columns), with NaN for missing ones."""
    numbers = np.where(is_missing(values), np.nan, values).astype(np.float64)
    return numbers.reshape(len(numbers), -1)
