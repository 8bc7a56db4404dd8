"""Splits, and scores of predictions.

Scores are R2 and errors of a number; AUC, accuracy, log loss and calibration of classes; and the mean AUC, the
Hamming loss and F1 of sets of labels.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from _contenders import Predicted
from _rows import Rows, kind_of, shuffled
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    hamming_loss,
    log_loss,
    mean_absolute_error,
    r2_score,
    roc_auc_score,
    root_mean_squared_error,
)
from sklearn.preprocessing import MultiLabelBinarizer

# Bins of the calibration error.
N_BINS = 15


def halves(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows for choosing settings on inner splits, and the rows for tests.

    Inner splits never use the second half. Where the split is given, it is the test rows.
    """
    if rows.part is not None:
        tests = (rows.part == 2).to_numpy()
        return np.flatnonzero(~tests), np.flatnonzero(tests)
    return next(shuffled(rows, 1, 0.5, 0))


def splits(rows: Rows) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Return training and test rows: each test is a different half of the second half, the rest for training.

    A given split is repeated as it is: only the seeds of the contenders differ.
    """
    first, second = halves(rows)
    n = n_splits(rows)
    if rows.part is not None:
        yield from [(first, second)] * n
        return
    for _, test in shuffled(rows.take(second), n, 0.5, 1):
        yield np.setdiff1d(np.arange(len(rows.X)), second[test]), second[test]


def inner_splits(rows: Rows, n: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Return training rows and comparison rows, both of the first half."""
    first, _ = halves(rows)
    if rows.part is not None:
        valid = rows.part.to_numpy()[first] == 1
        yield from [(first[~valid], first[valid])] * n
        return
    for train, test in shuffled(rows.take(first), n, 0.25, 2):
        yield first[train], first[test]


def n_splits(rows: Rows) -> int:
    """Return the number of repetitions, more for small data sets."""
    n_rows = len(rows.X)
    if rows.part is not None:
        return 2
    return 5 if n_rows < 1000 else 3 if n_rows < 10_000 else 2


def scored(target: pd.Series, train: np.ndarray, test: np.ndarray) -> bool:
    """Tell whether a task has a score: classes need two in the training rows, and two in the test rows."""
    if kind_of(target) != "classification":
        return True
    return all(target.iloc[rows].dropna().nunique() > 1 for rows in (train, test))


def score(y_true: np.ndarray, predicted: Predicted) -> dict[str, float]:
    """Score the rows that have a label; "score" is R2 or the AUC."""
    if predicted.classes is None:
        y_true = np.asarray(y_true, dtype=float)
        known = ~np.isnan(y_true)
        return _score_numbers(y_true[known], predicted.values[known])
    if isinstance(y_true[0], tuple):
        return _score_sets(y_true, predicted)
    codes, proba = labelled(y_true, predicted)
    return {
        "score": _auc(codes, proba),
        "accuracy": accuracy_score(codes, proba.argmax(axis=1)),
        "log_loss": log_loss(codes, proba, labels=range(proba.shape[1])),
        "ece": calibration_error(codes, proba),
    }


def _score_numbers(y_true: np.ndarray, values: np.ndarray) -> dict[str, float]:
    return {
        "score": r2_score(y_true, values),
        "rmse": root_mean_squared_error(y_true, values),
        "mae": mean_absolute_error(y_true, values),
        "n": len(y_true),
    }


def _score_sets(y_true: np.ndarray, predicted: Predicted) -> dict[str, float]:
    """Score sets of labels; "score" is the mean AUC over labels that some test rows have, but not all."""
    truth = MultiLabelBinarizer(classes=predicted.classes).fit_transform(y_true)
    guess = predicted.values > 0.5
    known = (truth.min(axis=0) != truth.max(axis=0)) & np.isfinite(predicted.values).all(axis=0)
    return {
        "score": roc_auc_score(truth[:, known], predicted.values[:, known]),
        "hamming_loss": hamming_loss(truth, guess),
        "f1_samples": f1_score(truth, guess, average="samples", zero_division=0),
        "f1_macro": f1_score(truth, guess, average="macro", zero_division=0),
    }


def labelled(y_true: np.ndarray, predicted: Predicted) -> tuple[np.ndarray, np.ndarray]:
    """Return class numbers and probabilities of the rows that have a label."""
    labels = np.array([None if label is None or label != label else str(label) for label in y_true], dtype=object)
    known = np.isin(labels, predicted.classes)  # classes that are missing in the training rows are not scored
    proba = predicted.values[known]
    codes = pd.Index(predicted.classes).get_indexer(labels[known])
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
