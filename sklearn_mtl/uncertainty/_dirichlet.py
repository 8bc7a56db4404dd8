"""Dirichlet calibration: a multinomial logistic regression of the logarithms of probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.utils.validation import check_is_fitted

# Penalties that are compared by cross-validation, as the paper does. The largest one leaves a temperature.
_PENALTIES = tuple(10.0**power for power in range(-3, 4))
_N_FOLDS = 5
# Probabilities below this count as this.
_SMALLEST = float(np.finfo(np.float32).eps)


class DirichletMap(ClassifierMixin, BaseEstimator):
    """Probabilities softmax(W log p + b) of probabilities p, with W near a multiple of the identity.

    The mean log loss is minimised, plus ``penalty`` times the mean squares of the off-diagonal entries of W, of
    the distances of the diagonal ones from their mean, and of b. The paper leaves the diagonal free, which for few
    rows of many classes has losses far above those of a temperature. With a penalty of 0 it is a logistic
    regression without penalty, and with a large one it divides the logits by a temperature.

    Parameters
    ----------
    penalty : float >= 0, default=0.01
        Strength of the penalty.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted; column i of the probabilities is that of class i.
    coef_ : ndarray of shape (n_classes, n_classes)
        W.
    intercept_ : ndarray of shape (n_classes,)
        b.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl.uncertainty._dirichlet import DirichletMap
    >>> rng = np.random.default_rng(0)
    >>> p = rng.dirichlet(np.ones(3), size=4000)
    >>> y = (rng.random((4000, 1)) > p.cumsum(axis=1)).sum(axis=1)
    >>> bool(abs(DirichletMap(1.0).fit(p, y).predict_proba(p) - p).max() < 0.1)
    True
    """

    def __init__(self, penalty: float = 0.01) -> None:
        self.penalty = penalty

    def fit(self, X: np.ndarray, y: np.ndarray) -> DirichletMap:
        self.classes_, codes = np.unique(y, return_inverse=True)
        logs, n_classes = _logs(X), len(self.classes_)
        if X.shape[1] != n_classes:
            raise ValueError(f"The labels have {n_classes} classes, and there are probabilities of {X.shape[1]}.")
        truth = np.eye(n_classes)[codes]
        start = np.hstack([np.eye(n_classes), np.zeros((n_classes, 1))])
        off, diagonal = start == 0, np.diag_indices(n_classes)
        counts = np.append(np.full(n_classes, n_classes * (n_classes - 1)), n_classes)
        strength = self.penalty / np.where(off, counts, n_classes)
        design = np.column_stack([logs, np.ones(len(logs))])

        def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
            weights = flat.reshape(start.shape)
            fitted = log_softmax(design @ weights.T, axis=1)
            away = weights.copy()
            away[diagonal] -= weights[diagonal].mean()
            value = -(truth * fitted).sum() / len(truth) + (strength * away**2).sum()
            gradient = (np.exp(fitted) - truth).T @ design / len(truth) + 2 * strength * away
            return float(value), gradient.ravel()

        best = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 1000, "gtol": 1e-7})
        weights = best.x.reshape(start.shape)
        self.coef_, self.intercept_ = weights[:, :-1], weights[:, -1]
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        check_is_fitted(self)
        proba: np.ndarray = softmax(_logs(X) @ self.coef_.T + self.intercept_, axis=1)
        return proba

    def predict(self, X: np.ndarray) -> np.ndarray:
        chosen: np.ndarray = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return chosen


class DirichletCalibrated(ClassifierMixin, BaseEstimator):
    """A fitted classifier with a `DirichletMap` of its probabilities, whose penalty is chosen by cross-validation.

    Parameters
    ----------
    estimator : classifier
        Fitted, with ``predict_proba``.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    map_ : DirichletMap
    """

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, X: Any, y: np.ndarray) -> DirichletCalibrated:
        classes = self.estimator.classes_
        codes = np.searchsorted(classes, y)
        probabilities = self.estimator.predict_proba(X)
        n_folds = min(_N_FOLDS, int(np.bincount(codes, minlength=len(classes)).min()))
        one = DirichletMap(max(_PENALTIES))  # with too few rows to compare, a temperature
        if n_folds > 1:
            search = GridSearchCV(
                one,
                {"penalty": _PENALTIES},
                scoring="neg_log_loss",
                cv=StratifiedKFold(n_folds, shuffle=True, random_state=0),
                refit=False,
            ).fit(probabilities, codes)
            one = clone(one).set_params(**search.best_params_)
        self.map_ = one.fit(probabilities, codes)
        self.classes_ = classes
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        return self.map_.predict_proba(self.estimator.predict_proba(X))

    def predict(self, X: Any) -> np.ndarray:
        chosen: np.ndarray = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return chosen


def _logs(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(probabilities, _SMALLEST))
