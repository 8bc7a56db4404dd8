"""Groups of tasks by the scores of networks that are trained for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
from scipy.cluster.hierarchy import average
from scipy.spatial.distance import squareform

from ._affinity import Study, mean_of_known, subset_scores
from ._partition import auxiliary_tasks, best_groups

#: positions of the tasks of a group, sorted
Block = tuple[int, ...]
#: scores (n_folds,) of each task of a block, by task
BlockScores = dict[int, np.ndarray]
#: trains networks for blocks, and returns their scores by block
Scorer = Callable[[Sequence[Block]], dict[Block, BlockScores]]

# Passes in which tasks may change their groups.
PASSES = 4


def groups_of(study: Study, affinity: np.ndarray, n_groups: int) -> list[tuple[list[int], list[int]]]:
    """Find at most ``n_groups`` groups, and the auxiliary tasks of each, as positions of tasks."""
    search = GroupSearch(partial(_scores_of_blocks, study), n_groups)
    proposal = [tuple(served) for served, _ in best_groups(affinity, n_groups)]
    blocks = search.groups(affinity, [proposal])
    return [(list(block), search.helpers(block, auxiliary_tasks(affinity, block))) for block in blocks]


def _scores_of_blocks(study: Study, blocks: Sequence[Block]) -> dict[Block, dict[int, np.ndarray]]:
    """Train a network for each block of tasks, and return the scores of its tasks by fold."""
    subsets = {block: tuple(study.names[task] for task in block) for block in blocks}
    scores = subset_scores(study, list(subsets.values()))
    return {
        block: {task: scores[subset][study.names[task]] for task in block} for block, subset in subsets.items()
    }


class GroupSearch:
    """Search for the groups whose networks score best.

    Affinities are noisy, so they only propose groups: those of a tree, which merges the tasks that are most alike.
    Networks are trained for each branch of the tree, and the best cut of the tree is chosen by their scores: more
    groups where they score better by more than a standard error. Then a task moves to another group, or is left
    alone, where both groups together score better by as much. Networks of all proposals of a step are trained
    together.

    Parameters
    ----------
    scorer : callable
        Trains networks for blocks of tasks.
    n_groups : int
        Maximum number of groups.
    """

    def __init__(self, scorer: Scorer, n_groups: int) -> None:
        self.scorer = scorer
        self.n_groups = n_groups
        self.known: dict[Block, BlockScores] = {}

    def groups(self, affinity: np.ndarray, proposals: Iterable[Sequence[Block]] = ()) -> list[Block]:
        """Return the best groups that are found, sorted.

        Parameters
        ----------
        affinity : ndarray of shape (T, T)
            Row i says what helps task i.
        proposals : iterable of sequences of blocks
            Further divisions of the tasks to start from.
        """
        divisions = [list(division) for division in proposals]
        tree = branches(affinity)
        self._train([*tree, *(block for division in divisions for block in division)])
        best = max([self._best_cut(tree), *divisions], key=self.value_of)
        for _ in range(PASSES):
            moved = self._moved(best)
            if moved == best or self.value_of(moved) <= self.value_of(best):
                break
            best = moved
        return best

    def helpers(self, block: Block, candidates: Sequence[int]) -> list[int]:
        """Return the candidates if a network that also trains them predicts the block better, or nothing."""
        if not candidates:
            return []
        wider = tuple(sorted((*block, *candidates)))
        self._train([block, wider])
        with_them, without = (
            np.mean([self.known[trained][task] for task in block], axis=0) for trained in (wider, block)
        )
        return list(candidates) if exceeds(with_them, without) else []

    def value_of(self, blocks: Iterable[Block]) -> float:
        """Return the sum of the mean scores of all tasks."""
        return float(sum(mean_of_known(scores) for block in blocks for scores in self.known[block].values()))

    def _totals(self, blocks: Iterable[Block]) -> np.ndarray:
        """Return the sums (n_folds,) of the scores of all tasks; NaN counts as 0."""
        return np.nansum([scores for block in blocks if block for scores in self.known[block].values()], axis=0)

    def _train(self, blocks: Iterable[Block]) -> None:
        new = [block for block in dict.fromkeys(blocks) if block not in self.known]
        if new:
            self.known |= self.scorer(new)

    def _best_cut(self, tree: dict[Block, tuple[Block, Block] | None]) -> list[Block]:
        """Choose at most ``n_groups`` branches; more of them only if their tasks score better."""
        best: dict[Block, list[list[Block]]] = {}  # the best cut of a branch into 1, 2, ... groups
        for block, parts in tree.items():  # parts come before what they are merged to
            cuts = [[block]]
            if parts is not None:
                left, right = (best[part] for part in parts)
                for count in range(2, min(len(block), self.n_groups) + 1):
                    pairs = [
                        sorted(left[i - 1] + right[count - i - 1])
                        for i in range(max(1, count - len(right)), min(len(left), count - 1) + 1)
                    ]
                    if pairs:
                        cuts.append(max(pairs, key=self.value_of))
            best[block] = cuts
        chosen, *more = best[max(tree, key=len)]
        for cut in more:
            if exceeds(self._totals(cut), self._totals(chosen)):
                chosen = cut
        return chosen

    def _moved(self, blocks: Sequence[Block]) -> list[Block]:
        """Move tasks to other groups, the greatest gain of both groups first; a group changes once."""
        may_leave = len(blocks) < self.n_groups
        options = [
            (home, place, *_after(home, place, task))
            for home in blocks
            for task in home
            for place in [*blocks, ()]
            if place != home and (place or (may_leave and len(home) > 1))
        ]
        self._train(block for option in options for block in option if block)
        gains = [(self._totals(option[2:]) - self._totals(option[:2]), option) for option in options]
        moved = set(blocks)
        for gain, (home, place, left, wider) in sorted(gains, key=lambda one: -mean_of_known(one[0])):
            touched = {home, place} - {()}
            fits = touched <= moved and len(moved) + (not place) <= self.n_groups  # others were judged for others
            if fits and exceeds(gain, np.zeros(len(gain))):
                moved = (moved - touched) | ({left, wider} - {()})
        return sorted(moved)


def _after(home: Block, place: Block, task: int) -> tuple[Block, Block]:
    """Return both groups after a task has moved."""
    return tuple(other for other in home if other != task), tuple(sorted((*place, task)))


def branches(affinity: np.ndarray) -> dict[Block, tuple[Block, Block] | None]:
    """Merge tasks by their mean affinity, and return all branches: single tasks first, all tasks last.

    Parameters
    ----------
    affinity : ndarray of shape (T, T)

    Returns
    -------
    dict
        The two parts of each branch; None for a single task.
    """
    n_tasks = len(affinity)
    alike = (affinity + affinity.T) / 2
    apart = alike.max() - alike
    np.fill_diagonal(apart, 0.0)
    nodes: list[Block] = [(task,) for task in range(n_tasks)]
    tree: dict[Block, tuple[Block, Block] | None] = dict.fromkeys(nodes)
    merges: Any = average(squareform(apart, checks=False))
    for one, other in merges[:, :2].astype(int):
        merged = tuple(sorted(nodes[one] + nodes[other]))
        tree[merged] = (nodes[one], nodes[other])
        nodes.append(merged)
    return tree


def exceeds(scores: np.ndarray, others: np.ndarray) -> bool:
    """Return whether scores on the same folds are better in the mean, by more than its standard error."""
    differences = (scores - others)[np.isfinite(scores - others)]
    if not len(differences):
        return False
    error = differences.std(ddof=1) / np.sqrt(len(differences)) if len(differences) > 1 else 0.0
    return bool(differences.mean() > error)
