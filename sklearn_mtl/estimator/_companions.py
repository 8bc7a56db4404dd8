"""Estimators for tasks of one kind: classifications or regressions."""

from __future__ import annotations

from typing import Any, ClassVar

from sklearn.base import ClassifierMixin, RegressorMixin

from ._estimator import MultiTaskNetEstimator


class MultiTaskNetClassifier(ClassifierMixin, MultiTaskNetEstimator):
    """Multi-task network for classification tasks.

    The same as `MultiTaskNetEstimator`, and a classifier for scikit-learn: 1-D y is one task, each column of a 2-D
    y is one task, and cross-validation stratifies 1-D y. Numbers are classes, whatever their dtype.

    Parameters are those of `MultiTaskNetEstimator`.

    See Also
    --------
    MultiTaskNetEstimator : For tasks of any kinds, with all parameters.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_mtl import MultiTaskNetClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = MultiTaskNetClassifier(max_epochs=30, random_state=0).fit(X, y)
    >>> classifier.predict_proba(X[:2]).shape
    (2, 3)
    """

    _kind: ClassVar[str | None] = "classification"
    _may_have_regressions: ClassVar[bool] = False
    _one_column_is_plain: ClassVar[bool] = True
    # the accuracy of scikit-learn's mixin needs one label per row
    score = MultiTaskNetEstimator.score

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class MultiTaskNetRegressor(RegressorMixin, MultiTaskNetEstimator):
    """Multi-task network for regression tasks.

    The same as `MultiTaskNetEstimator`, and a regressor for scikit-learn: 1-D y is one task, each column of a 2-D
    y is one task, and integers are numbers.

    Parameters are those of `MultiTaskNetEstimator`.

    See Also
    --------
    MultiTaskNetEstimator : For tasks of any kinds, with all parameters.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from sklearn_mtl import MultiTaskNetRegressor
    >>> X, y = load_linnerud(return_X_y=True)
    >>> regressor = MultiTaskNetRegressor(max_epochs=30, random_state=0).fit(X, y)
    >>> regressor.predict(X).shape
    (20, 3)
    """

    _kind: ClassVar[str | None] = "regression"
    _may_have_probabilities: ClassVar[bool] = False
    score = MultiTaskNetEstimator.score
