"""Single tasks of an estimator: views, and predictors in the place of the network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sklearn.utils.validation import check_is_fitted

from ..utils._warn import warn
from ._task_predictors import check_predictor
from ._task_view import require_known, view_of


class OneTaskMixin:
    """The methods of an estimator that deal with one of its tasks."""

    def task_view(self, task: str) -> Any:
        """View one task as a classifier or regressor of scikit-learn.

        The view of a fitted network is fitted. It shares the network's tensors and runs only what the task needs.
        The view of an unfitted network fits all tasks: its ``fit(X, y, targets=...)`` gets the 1-D target of its
        task, and the other targets by name.

        Parameters
        ----------
        task : str
            Its name. Before ``fit``, its kind must be stated in the parameter ``tasks``, except for a
            `MultiTaskNetClassifier` or `MultiTaskNetRegressor`.

        Returns
        -------
        TaskViewClassifier or TaskViewRegressor

        Raises
        ------
        ValueError
            If there is no such task, it has several labels or positions per row, or its kind is not known yet.

        See Also
        --------
        with_task : Put a predictor in the place of a task.

        Examples
        --------
        >>> from sklearn.datasets import load_linnerud
        >>> from sklearn_mtl import MultiTaskNetRegressor
        >>> X, y = load_linnerud(return_X_y=True, as_frame=True)
        >>> view = MultiTaskNetRegressor(max_epochs=5, random_state=0).fit(X, y).task_view("Pulse")
        >>> view.predict(X).shape
        (20,)
        """
        return view_of(self, task)

    def with_task(self, task: str, predictor: Any) -> Any:
        """Predict one task by a predictor of its own, such as a calibrated or thresholded view of it.

        Parameters
        ----------
        task : str
            Name of the task.
        predictor : fitted classifier or regressor
            Of the same inputs and classes.

        Returns
        -------
        estimator
            Another estimator with the same network, whose ``predict``, ``predict_proba`` and scores take this task
            from the predictor. This one does not change. Training it drops its predictors, with a warning, and so
            does ``clone``.

        Raises
        ------
        ValueError, TypeError
            If there is no such task, or the predictor is not fitted, of another kind, or has other classes or
            inputs.

        See Also
        --------
        task_view : View a task as a classifier or regressor.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.frozen import FrozenEstimator
        >>> from sklearn.model_selection import FixedThresholdClassifier
        >>> from sklearn_mtl import MultiTaskNetEstimator, Targets
        >>> X, species = load_iris(return_X_y=True)
        >>> y = Targets(virginica=species == 2, petal_width=X[:, 3])
        >>> net = MultiTaskNetEstimator(max_epochs=30, random_state=0).fit(X[:, :3], y)
        >>> cautious = FixedThresholdClassifier(FrozenEstimator(net.task_view("virginica")), threshold=0.1)
        >>> thresholded = net.with_task("virginica", cautious.fit(X[:, :3], y["virginica"]))
        >>> found, more = (one.predict(X[:, :3])["virginica"].sum() for one in (net, thresholded))
        >>> bool(more > found)
        True
        """
        check_is_fitted(self)
        name = require_known(self, task)
        check_predictor(self, name, predictor)
        changed = self._twin()
        changed._task_predictors = {**self.task_predictors_, name: predictor}
        return changed

    @property
    def task_predictors_(self) -> Mapping[str, Any]:
        """The predictors that were set by `with_task`, by task."""
        return getattr(self, "_task_predictors", {})

    def _twin(self) -> Any:
        """Return a shallow copy, to be changed, or to be read while this one changes."""
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        return twin

    def _without_predictors(self) -> Any:
        """Return a twin that predicts all tasks by the network."""
        twin = self._twin()
        twin.__dict__.pop("_task_predictors", None)
        return twin

    def _learner(self) -> Any:
        """Return a twin to be trained, without predictors, which were made for the present network."""
        if self.task_predictors_:
            warn(
                f"The predictors of the tasks {list(self.task_predictors_)} are dropped: they were made for the "
                "network before this training. Call with_task again."
            )
        return self._without_predictors()

    def __sklearn_clone__(self) -> Any:
        if self.task_predictors_:
            warn(
                f"A clone predicts all tasks by the network, also {list(self.task_predictors_)}, whose predictors "
                "are fitted; call with_task again after its fit."
            )
        return super().__sklearn_clone__()  # type: ignore[misc]
