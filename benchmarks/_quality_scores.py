"""Splits, and scores of predictions: R2 of a number, and AUC, accuracy, log loss and calibration of classes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from _contenders import Predicted
from _datasets import Rows
from sklearn.metrics import accuracy_score, log_loss, r2_score, roc_auc_score
from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit

# Bins of the calibration error.
N_BINS = 15


def halves(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows for choosing defaults, and the rows for tests.

    The first half is never used for tests, and the second half never for choosing defaults.
    """
    return next(_splitter(rows, 1, 0.5, 0).split(*rows))


def splits(rows: Rows) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Return training and test rows: each test is a different half of the second half, the rest for training."""
    _, second = halves(rows)
    pool = rows.take(second)
    for _, test in _splitter(rows, n_splits(len(rows.X)), 0.5, 1).split(*pool):
        yield np.setdiff1d(np.arange(len(rows.X)), second[test]), second[test]


def inner_splits(rows: Rows, n: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Return training rows and comparison rows, both of the first half."""
    first, _ = halves(rows)
    for train, test in _splitter(rows, n, 0.25, 2).split(*rows.take(first)):
        yield first[train], first[test]


def n_splits(n_rows: int) -> int:
    """Return the number of repetitions, more for small data sets."""
    return 10 if n_rows < 1000 else 5 if n_rows < 10_000 else 2


def _splitter(rows: Rows, n: int, test_size: float, seed: int) -> ShuffleSplit | GroupShuffleSplit:
    kind = ShuffleSplit if rows.groups is None else GroupShuffleSplit
    return kind(n_splits=n, test_size=test_size, random_state=seed)


def score(y_true: np.ndarray, predicted: Predicted) -> dict[str, float]:
    """Score the rows that have a label; "score" is R2 or the AUC."""
    if predicted.classes is None:
        y_true = np.asarray(y_true, dtype=float)
        known = ~np.isnan(y_true)
        return {"score": r2_score(y_true[known], predicted.values[known])}
    codes, proba = labelled(y_true, predicted)
    return {
        "score": _auc(codes, proba),
        "accuracy": accuracy_score(codes, proba.argmax(axis=1)),
        "log_loss": log_loss(codes, proba, labels=range(proba.shape[1])),
        "ece": calibration_error(codes, proba),
    }


def labelled(y_true: np.ndarray, predicted: Predicted) -> tuple[np.ndarray, np.ndarray]:
    """Return class numbers and probabilities of the rows that have a label."""
    labels = np.array([None if label is None or label != label else str(label) for label in y_true], dtype=object)
    known = np.isin(labels, predicted.classes)  # classes that are missing in the training rows are not scored
    proba = predicted.values[known]
    codes = np.searchsorted(predicted.classes, labels[known].astype(str))
    return codes, proba / proba.sum(axis=1, keepdims=True)


def _auc(codes: np.ndarray, proba: np.ndarray) -> float:
    if proba.shape[1] == 2:
        return float(roc_auc_score(codes, proba[:, 1]))
    found = np.unique(codes)
    return float(np.mean([roc_auc_score(codes == code, proba[:, code]) for code in found]))


def calibration_error(codes: np.ndarray, proba: np.ndarray) -> float:
    """Compute the expected calibration error of the largest probability (Guo et al., ICML 2017)."""
    confidence, correct = proba.max(axis=1), proba.argmax(axis=1) == codes
    bins = np.minimum((confidence * N_BINS).astype(int), N_BINS - 1)
    gaps = [abs((confidence - correct)[bins == number].sum()) for number in range(N_BINS)]
    return float(np.sum(gaps) / len(codes))
