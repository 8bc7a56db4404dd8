"""The rounds of self-training: what is proposed, what helps, and what is taught in the end."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..targets import Container
from ..trunks import rows_of
from ._answers import Answers, Taught, best_temperature
from ._folds import Comparison, compare
from ._rows import FitRows, PseudoLabels, fitted
from ._teachers import known_to

Proposals = Mapping[str, PseudoLabels]

# Standard errors by which a task may at most be predicted worse. At one, chance alone rejects a round of three
# tasks in two of five cases.
_HARM = 2.0


@dataclass(frozen=True)
class Teaching:
    """How networks are taught from predictions.

    Parameters
    ----------
    estimator : MultiTaskNetEstimator
        The student, cloned for each fit.
    teacher : MultiTaskNetEstimator or None
        What is fitted to propose pseudo-labels, and reads labels of other tasks; None if the student proposes
        them.
    compared : dict of str to Taught
        The tasks whose held-out labels are compared.
    open_tasks : list of str
        Those of them that get pseudo-labels.
    threshold : float
        Smallest certainty of a pseudo-label.
    pseudo_weight : float
        Weight of a pseudo-label of certainty 1.
    margin : float
        Standard errors by which a round must help; a harm is one of as many, and of two at least.
    max_iter : int
        Most rounds.
    """

    estimator: Any
    teacher: Any
    compared: Mapping[str, Taught]
    open_tasks: Sequence[str]
    threshold: float
    pseudo_weight: float
    margin: float
    max_iter: int

    def propose(
        self, net: Any, rows: FitRows, tasks: Collection[str], temperatures: Mapping[str, float]
    ) -> Proposals:
        """Return the predictions of a network that are certain enough, for rows without a label of the task."""
        proposed = {}
        for name in tasks:
            unlabelled = np.flatnonzero(~rows.labelled(name))
            if not len(unlabelled):
                continue
            known = known_to(net, rows.y[unlabelled])
            answers = self.compared[name].answers(net, rows_of(rows.X, unlabelled), known)
            certainty = self.compared[name].certainty(answers, temperatures[name])
            sure = certainty >= self.threshold
            if sure.any():
                weights = self.pseudo_weight * certainty[sure]
                proposed[name] = PseudoLabels(unlabelled[sure], answers.labels[sure], weights)
        return proposed

    def in_fold(self, rows: FitRows, held: FitRows, pseudo: Proposals) -> Fold:
        """Fit a network to rows and pseudo-labels, and let it predict the held-out rows."""
        net = fitted(self.estimator, rows, pseudo)
        answers = {name: how.answers(net, held.X) for name, how in self.compared.items()}
        return Fold(rows, held, net, pseudo, answers)

    def proposer(self, net: Any, rows: FitRows, pseudo: Proposals) -> Any:
        """Return what proposes pseudo-labels beside a student that learned some rows and pseudo-labels."""
        return net if self.teacher is None else fitted(self.teacher, rows, pseudo)

    def proposing(self, fold: Fold) -> Fold:
        """Return a fold with the network that proposes pseudo-labels, and its predictions with known labels."""
        net = self.proposer(fold.net, fold.rows, fold.pseudo)
        known = known_to(net, fold.held.y)
        if known is None:
            return fold
        answers = {name: self.compared[name].answers(net, fold.held.X, known) for name in self.open_tasks}
        return fold._replace(net=net, answers=answers)

    def temperatures(self, folds: Sequence[Fold]) -> dict[str, float]:
        """Return the temperature of each task that gets pseudo-labels, for the held-out rows of some folds."""
        return {
            name: best_temperature(
                [
                    each
                    for fold in folds
                    for each in self.compared[name].calibrations(fold.net, fold.held, fold.answers[name])
                ]
            )
            for name in self.open_tasks
        }

    def compare(self, before: Sequence[Fold], after: Sequence[Fold]) -> dict[str, Comparison]:
        """Compare the losses of all held-out rows before and after a round, by task."""
        known = [fold.held.groups for fold in before if fold.held.groups is not None]
        groups = np.concatenate(known) if known else None
        return {
            name: compare(
                self._losses(before, name),
                self._losses(after, name),
                np.concatenate([fold.held.weight(name) for fold in before]),
                groups,
            )
            for name in self.compared
        }

    def _losses(self, folds: Sequence[Fold], task: str) -> np.ndarray:
        """Return the losses of a task for the held-out rows of all folds, NaN for rows without a label."""
        how = self.compared[task]
        return np.concatenate([how.losses(fold.net, fold.held, fold.answers[task]) for fold in folds])


class Fold(NamedTuple):
    """A network that has not learned some rows with real labels.

    Parameters
    ----------
    rows : FitRows
        The rows that it learns.
    held : FitRows
        The rows that it does not.
    net : MultiTaskNetEstimator
        Fitted.
    pseudo : mapping of str to PseudoLabels
        The pseudo-labels that it learned, by task.
    answers : dict of str to Answers
        Its predictions for ``held``, by task.
    """

    rows: FitRows
    held: FitRows
    net: Any
    pseudo: Proposals
    answers: dict[str, Answers]


class Step(NamedTuple):
    """A round that was accepted.

    Parameters
    ----------
    tasks : list of str
        The tasks whose pseudo-labels help.
    temperatures : dict of str to float
        By task.
    """

    tasks: list[str]
    temperatures: dict[str, float]


@dataclass
class Decision:
    """What the rounds on held-out rows say.

    Parameters
    ----------
    steps : list of Step
        The accepted rounds, in order.
    records : list of dict
        One for each round and task.
    termination : {"no_change", "no_gain", "max_iter"}
    """

    steps: list[Step] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)
    termination: str = "max_iter"


def decide(teaching: Teaching, rows: FitRows, folds: np.ndarray) -> Decision:
    """Find the rounds that help held-out real labels.

    Parameters
    ----------
    teaching : Teaching
    rows : FitRows
        All rows.
    folds : ndarray of int of shape (n_rows,)
        The fold that holds out each row; -1 for none.
    """
    decision = Decision()
    split = [(np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)) for fold in range(folds.max() + 1)]
    now = [teaching.in_fold(rows.take(train), rows.take(held), {}) for train, held in split]
    tasks = list(teaching.open_tasks)
    for number in range(1, teaching.max_iter + 1):
        proposing = [teaching.proposing(fold) for fold in now]
        # a fold's own held-out labels have no part in what it is taught
        proposals = [
            teaching.propose(
                fold.net, fold.rows, tasks, teaching.temperatures([*proposing[:i], *proposing[i + 1 :]])
            )
            for i, fold in enumerate(proposing)
        ]
        tried = [name for name in tasks if any(name in each for each in proposals)]
        if not tried:
            decision.termination = "no_change"
            break
        tasks, after, compared = _helpful(teaching, now, proposals, tried)
        decision.records += [_record(number, name, proposals, compared[name], name in tasks) for name in compared]
        if not tasks:
            decision.termination = "no_gain"
            break
        decision.steps.append(Step(tasks, teaching.temperatures(proposing)))
        now = after
    return decision


def _helpful(
    teaching: Teaching, now: Sequence[Fold], proposals: Sequence[Proposals], tried: list[str]
) -> tuple[list[str], list[Fold], dict[str, Comparison]]:
    """Drop the tasks whose pseudo-labels do not help, until those of all others help together.

    Returns
    -------
    tasks : list of str
        The tasks that are left; none if a task is harmed.
    after : list of Fold
        The folds that learned the pseudo-labels of these tasks.
    compared : dict of str to Comparison
        Of all tasks; of those that were dropped, as they were then.
    """
    tasks, after, dropped = tried, list(now), set[str]()
    compared: dict[str, Comparison] = {}
    while tasks:
        after = [
            teaching.in_fold(fold.rows, fold.held, {**fold.pseudo, **_only(each, tasks)})
            for fold, each in zip(now, proposals, strict=True)
        ]
        latest = teaching.compare(now, after)
        compared |= {name: latest[name] for name in latest if name not in dropped}
        helped = [name for name in tasks if latest[name].is_gain(teaching.margin)]
        if helped == tasks:
            is_harmed = any(each.is_harm(max(teaching.margin, _HARM)) for each in latest.values())
            return [] if is_harmed else tasks, after, compared
        dropped |= set(tasks) - set(helped)
        tasks = helped
    return tasks, after, compared


def teach(
    teaching: Teaching, net: Any, rows: FitRows, steps: Sequence[Step], container: Container
) -> tuple[Any, Proposals]:
    """Repeat the accepted rounds with all rows; return the last network and the pseudo-labels that it learned."""
    pseudo: Proposals = {}
    for step in steps:
        proposer = teaching.proposer(net, rows, pseudo)
        pseudo = {**pseudo, **teaching.propose(proposer, rows, step.tasks, step.temperatures)}
        net = fitted(teaching.estimator, rows, pseudo, container)
    return net, pseudo


def _only(proposals: Proposals, tasks: Collection[str]) -> Proposals:
    return {name: each for name, each in proposals.items() if name in tasks}


def _record(
    number: int, task: str, proposals: Sequence[Proposals], compared: Comparison, accepted: bool
) -> dict[str, Any]:
    """Describe what a round did for a task; numbers of labels are means over the folds."""
    weights = [each[task].weights for each in proposals if task in each]
    return {
        "round": number,
        "task": task,
        "n_labels": sum(map(len, weights)) / len(proposals),
        "mean_weight": float(np.concatenate(weights).mean()) if weights else float("nan"),
        "loss_before": compared.before,
        "loss_after": compared.after,
        "standard_error": compared.standard_error,
        "accepted": accepted,
    }
