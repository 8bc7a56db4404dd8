"""The most probable valid sequence of tags, in torch."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ..tasks._bio import IMPOSSIBLE, LARGEST, Grammar
from ._scan import scan


class BestPaths(nn.Module):
    """Compute what ``best_paths`` of a grammar computes in numpy, by a scan over the positions.

    Parameters
    ----------
    grammar : Grammar
        Of K labels.
    """

    start: Tensor
    end: Tensor
    before: Tensor
    place: Tensor

    def __init__(self, grammar: Grammar) -> None:
        super().__init__()
        self.n_labels = len(grammar.start)
        # labels with the same predecessors share one search, which is limited to these
        sets, set_of = np.unique(grammar.transition.T, axis=0, return_inverse=True)
        sizes = sets.sum(axis=1)
        self.sizes = [int(size) for size in np.unique(sizes[sizes > 0])]
        order: list[int] = []
        for size in self.sizes:
            own = np.flatnonzero(sizes == size)
            self.register_buffer(f"labels_{size}", torch.from_numpy(np.nonzero(sets[own])[1].reshape(-1, size)))
            order += own.tolist()
        self.n_without = int((sizes == 0).sum())
        order += np.flatnonzero(sizes == 0).tolist()
        self.register_buffer("place", torch.from_numpy(np.argsort(order)[set_of]))
        self.register_buffer("start", torch.from_numpy(np.where(grammar.start, 0.0, IMPOSSIBLE)))
        self.register_buffer("end", torch.from_numpy(np.array(grammar.end)))

    def forward(self, scores: Tensor, lengths: Tensor) -> Tensor:
        """Return the labels (B, L) of scores (B, L, K); those behind the lengths (B,) have no meaning."""
        scores = scores.double().clamp(-LARGEST, LARGEST)
        n_rows, n_steps, _ = scores.shape
        steps = torch.arange(n_steps)
        inside = steps.unsqueeze(1) < lengths  # (L, B)
        same = torch.arange(self.n_labels).expand(n_rows, -1)
        begin = self.start.expand(n_rows, -1).clone()

        def ahead(reached: Tensor, given: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
            score, there, is_first = given
            label, best = self._predecessors(reached)
            there = there.unsqueeze(1)
            came_from = torch.where(there & ~is_first, label, same)
            total = torch.where(is_first, reached, best) + score
            return torch.where(there, total, reached), came_from

        def back(label: Tensor, came_from: Tensor) -> tuple[Tensor, Tensor]:
            return came_from.gather(1, label), label.clone()

        reached, came_from = scan(ahead, begin, (scores.movedim(1, 0), inside, steps == 0))
        last = torch.where(self.end, reached, -torch.inf).argmax(dim=1, keepdim=True)
        _, path = scan(back, last, came_from.flip(0))
        return path.flip(0).squeeze(2).movedim(0, 1)

    def _predecessors(self, scores: Tensor) -> tuple[Tensor, Tensor]:
        """Return the best previous label of each label, and its score, for scores (B, K)."""
        n_rows = scores.shape[0]
        labels, reached = [], []
        for size in self.sizes:
            known = self.get_buffer(f"labels_{size}")
            best, place = scores.index_select(1, known.flatten()).unflatten(1, known.shape).max(dim=2)
            labels.append(known.expand(n_rows, -1, -1).gather(2, place.unsqueeze(2)).squeeze(2))
            reached.append(best)
        if self.n_without:
            labels.append(torch.zeros(n_rows, self.n_without, dtype=torch.int64))
            reached.append(torch.full((n_rows, self.n_without), IMPOSSIBLE, dtype=torch.float64))
        found = torch.cat(labels, dim=1).index_select(1, self.place)
        return found, torch.cat(reached, dim=1).index_select(1, self.place)
