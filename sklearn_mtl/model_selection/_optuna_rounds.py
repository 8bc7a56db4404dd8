"""Rounds of trials of a search by Optuna: asked together, trained as stacks, and told together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import clone

from ..utils._types import RowsLike, TargetsLike
from ._optuna_study import EPOCHS, TrialRecords, Trials, set_scores
from ._pruned_stacks import Pruning, train_pruned
from ._stack import TrainedFits, fits_of_rows, last_step, name_of, rows_of_fit, train_stacks


@dataclass
class Rounds:
    """The present round of a search, and what the next ones need.

    Parameters
    ----------
    source : Trials
    records : TrialRecords or None
        Scores in the storage; None without a storage.
    estimator : estimator
        With the types of all tasks.
    X, y, fit_params : object
        Arguments of ``fit`` of the search.
    splits : list of (train, test)
    options : dict
        ``stacked``, ``max_members``, ``n_jobs`` and ``verbose`` of the search.
    prunes : bool
        Whether fits report their epochs to the pruner of the study.
    objectives : list of str
        Names of the scores that are maximised; empty for the score of the search.
    """

    source: Trials
    records: TrialRecords | None
    estimator: Any
    X: RowsLike
    y: TargetsLike
    fit_params: Mapping[str, Any]
    splits: Sequence[tuple[Any, Any]]
    options: dict[str, Any]
    prunes: bool
    objectives: list[str]
    trained: TrainedFits = field(default_factory=lambda: TrainedFits({}))
    report: list[dict[str, Any]] = field(default_factory=list)
    trials: list[Any] = field(default_factory=list)
    pruned: set[int] = field(default_factory=set)
    n_epochs: dict[int, int] = field(default_factory=dict)

    def start(self) -> None:
        """Ask the trials of a round, and train those of their fits that can be stacked."""
        self.trained.forget()
        self.trials, self.pruned, self.n_epochs = self.source.ask(), set(), {}
        if not self.trials:
            return
        if self.options["stacked"] is False:
            return
        trained, report = self._train_pruned() if self.prunes else self._train()
        self.trained.add(trained)
        self.report += report
        if not self.prunes:
            for number, trial in enumerate(self.trials):
                name = name_of(clone(self.estimator).set_params(**trial.params))
                keys = [key for key in trained if key.partition("-")[0] == name]
                self.n_epochs[number] = sum(trained.epochs(key) for key in keys)

    def _train(self) -> tuple[TrainedFits, list[dict[str, Any]]]:
        records = self.records
        return train_stacks(
            self.estimator,
            [trial.params for trial in self.trials],
            self.splits,
            self.X,
            self.y,
            self.fit_params,
            is_done=lambda key: records is not None and bool(records.read(key)),
            **self.options,
        )

    def _train_pruned(self) -> tuple[TrainedFits, list[dict[str, Any]]]:
        monitor = last_step(self.estimator)[0]._config().early_stopping.monitor
        pruning = Pruning(self.trials, monitor, self.pruned, self.n_epochs)
        options = {name: self.options[name] for name in ("stacked", "max_members", "verbose")}
        return train_pruned(self._fits_of_fold, len(self.splits), pruning, **options)

    def _fits_of_fold(self, fold: int, positions: Sequence[int]) -> list[Any]:
        rows = rows_of_fit(self.X, self.y, self.fit_params, self.splits[fold][0])
        return fits_of_rows(self.estimator, [self.trials[position].params for position in positions], *rows)

    def to_score(self) -> list[Any]:
        """Return the trials of the round that were not pruned."""
        return [trial for number, trial in enumerate(self.trials) if number not in self.pruned]

    def keep_scores(self, trials: Sequence[Any], scores: Sequence[Any]) -> None:
        """Keep the scores of the fits of some trials, as `carry` has returned them, in the study."""
        if self.records is not None:
            for trial, carried in zip(trials, scores, strict=True):
                set_scores(trial, carried)

    def tell(self, values: np.ndarray | None) -> None:
        """End the trials of the round, with the values (n_trials, n_objectives) of those that were scored.

        None means that all of these have failed.
        """
        rows = iter([None] * len(self.trials) if values is None else values)
        for number, trial in enumerate(self.trials):
            trial.set_user_attr(EPOCHS, self.n_epochs.get(number, 0))
            if number in self.pruned:
                self.source.tell(trial, pruned=True)
            else:
                self.source.tell(trial, next(rows))
        self.source.keep()
