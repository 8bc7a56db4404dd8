"""Callback that reports epochs to a trial of Optuna, and ends the fit of a trial that is pruned."""

from __future__ import annotations

from typing import Any

from skorch.callbacks import Callback

from ...utils._optional import import_optional


class PruningCallback(Callback):
    """Report each epoch of a fit to a trial of Optuna, and end the fit when the pruner of the study says so.

    It is an entry of ``callbacks`` of the estimator, for an objective of your own. `MultiTaskOptunaSearchCV` has
    pruning of its own. Several fits of one trial, such as those of the folds in
    `sklearn.model_selection.cross_val_score`, report one after the other: steps are counted from 0, and the k-th
    fit begins at step k times ``max_epochs``. Pass ``error_score="raise"`` there, because scikit-learn takes a
    pruned fit for one that failed, and leave ``n_jobs`` at None.

    A clone of the estimator has the same callback and the same trial: a copy of the trial would report to a copy
    of the study. The extra is ``optuna``.

    Parameters
    ----------
    trial : optuna.Trial
        Of a study with one objective.
    monitor : str or None, default=None
        The entry of the history that is reported, for instance "valid_loss" or "valid_score__income". None
        reports "valid_score" to a study that maximises, and "valid_loss" to one that minimises.

    Raises
    ------
    optuna.TrialPruned
        By ``fit``, at the end of an epoch.
    ValueError
        By ``fit``: if no validation rows are held out for ``monitor``, it is not in the history, it is better in
        the other direction than that of the study, or the study has several objectives.

    See Also
    --------
    sklearn_mtl.model_selection.MultiTaskOptunaSearchCV : Trains and prunes several trials as one stack.

    Examples
    --------
    >>> import optuna
    >>> from sklearn.datasets import load_linnerud
    >>> from sklearn_mtl import MultiTaskNetRegressor
    >>> from sklearn_mtl.model_selection import PruningCallback
    >>> X, y = load_linnerud(return_X_y=True)
    >>> def objective(trial):
    ...     net = MultiTaskNetRegressor(
    ...         learning_rate=trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True), early_stopping=True,
    ...         callbacks=[PruningCallback(trial)], n_members=1, max_epochs=5, random_state=0,
    ...     )
    ...     return net.fit(X, y).history_["valid_score"].max()
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))
    >>> study.optimize(objective, n_trials=3)
    >>> [len(trial.intermediate_values) for trial in study.trials]
    [5, 5, 5]
    """

    def __init__(self, trial: Any, monitor: str | None = None) -> None:
        self.trial = trial
        self.monitor = monitor

    def __sklearn_clone__(self) -> PruningCallback:
        return self

    def __deepcopy__(self, memo: Any) -> PruningCallback:
        return self

    @property
    def watched(self) -> str:
        """The entry of the history that is reported."""
        directions = [direction.name.lower() for direction in self.trial.study.directions]
        if len(directions) > 1:
            raise ValueError(
                "callbacks: PruningCallback needs a study with one objective; Optuna prunes no others."
            )
        best = "score" if directions == ["maximize"] else "loss"
        monitor = f"valid_{best}" if self.monitor is None else self.monitor
        other = "loss" if best == "score" else "score"
        if monitor.partition("__")[0].endswith(f"_{other}"):
            raise ValueError(
                f"callbacks: PruningCallback reports monitor={monitor!r} to a study that {directions[0]}s; "
                f"create the study with the other direction, or monitor {monitor.replace(other, best, 1)!r}."
            )
        return monitor

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        """Begin the steps of a fit after those of earlier fits of the trial."""
        if net.history:  # it continues
            return
        self._fits = getattr(self, "_fits", -1) + 1

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Report the epoch, and raise TrialPruned if the trial is pruned."""
        optuna = import_optional("optuna", "optuna", "PruningCallback")
        epoch = len(net.history)
        # pruners count steps from 0
        self.trial.report(
            float(net.history[-1, self.watched]), getattr(self, "_fits", 0) * net.max_epochs + epoch - 1
        )
        if self.trial.should_prune():
            raise optuna.TrialPruned(f"The trial {self.trial.number} was pruned after epoch {epoch} of a fit.")
