"""Scores of whole divisions of tasks into groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..metrics import weighted_mean
from ._affinity import Study
from ._stack import last_step
from ._task_fits import Scores, TaskFits, score_fits

#: the tasks that a network predicts, and its auxiliary ones
Group = tuple[tuple[str, ...], tuple[str, ...]]


def score_choices(study: Study, choices: Mapping[str, Sequence[Group]]) -> dict[str, float]:
    """Score divisions of tasks into groups: the means over folds of their mean scores over tasks.

    Parameters
    ----------
    study : Study
        Its folds should not be those that the groups were found on.
    choices : mapping of str to sequence of Group
        Each predicts every task once.
    """
    different = list(dict.fromkeys(group for choice in choices.values() for group in choice))
    parts = [
        TaskFits(served + others, fold.train, fold.test) for served, others in different for fold in study.folds
    ]
    found = [
        scores
        for (scores,) in score_fits(study.net, parts, study.X, study.y, study.fit_params, n_jobs=study.n_jobs)
    ]
    n_folds = len(study.folds)
    by_group = {group: found[i * n_folds : (i + 1) * n_folds] for i, group in enumerate(different)}
    given = last_step(study.net)[0].score_weights or {}

    def score_of(choice: Sequence[Group], fold: int) -> float:
        scores: Scores = {name: by_group[group][fold][name] for group in choice for name in group[0]}
        return weighted_mean(scores, {name: given.get(name, 1.0) for name in scores})

    return {
        kind: float(np.mean([score_of(choice, fold) for fold in range(n_folds)]))
        for kind, choice in choices.items()
    }
