"""Softmax over very many classes, of which a step computes only the groups that its labels are in."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from ..utils._random import lend_global_generator

# Share of the classes, the most frequent ones, up to which the first groups reach; the last group has the others.
BOUNDS = (0.02, 0.1)
# A group has fewer dimensions than the one before, by this factor, and at least LEAST_WIDTH; with a representation
# that is too narrow for that, all groups have its width.
SHRINKS, LEAST_WIDTH = 4, 4
# Numbers that are computed at once for the most probable class.
AT_ONCE = 4_000_000
# Fewer classes than this have no use for groups.
FEWEST_CLASSES = 16


class AdaptiveSoftmax(nn.Module):
    """Head of a classification with very many classes: torch's adaptive softmax.

    Parameters
    ----------
    in_features : int
        Width D of the representation.
    order : ndarray of int of shape (n_classes,)
        The classes from the most frequent to the rarest.
    generator : torch.Generator
        Source of the initial weights.
    """

    classes: Tensor
    rank: Tensor

    def __init__(self, in_features: int, order: np.ndarray, generator: torch.Generator) -> None:
        super().__init__()
        self.out_features = len(order)
        bounds, shrinks = cutoffs(len(order), in_features), in_features // SHRINKS >= LEAST_WIDTH
        with lend_global_generator(generator.initial_seed()):
            self.softmax = nn.AdaptiveLogSoftmaxWithLoss(
                in_features, len(order), bounds, SHRINKS if shrinks else 1
            )
        classes = torch.from_numpy(np.ascontiguousarray(order)).long()
        self.register_buffer("classes", classes, persistent=False)
        self.register_buffer("rank", torch.argsort(classes), persistent=False)

    def forward(self, x: Tensor) -> AdaptiveOutputs:
        return AdaptiveOutputs(self, x)


def cutoffs(n_classes: int, in_features: int) -> list[int]:
    """Return the ends of all groups but the last; if the groups would become too narrow, there are fewer."""
    n_groups = sum(in_features // SHRINKS**number >= LEAST_WIDTH for number in range(1, 1 + len(BOUNDS)))
    ends = sorted({max(2, round(share * n_classes)) for share in BOUNDS[: n_groups or None]})
    return [end for end in ends if end < n_classes - 1]


class AdaptiveOutputs:
    """Outputs (B, K) of a head of very many classes, log probabilities, computed as far as they are asked for.

    Parameters
    ----------
    head : AdaptiveSoftmax
    x : Tensor of shape (B, D)
    """

    def __init__(self, head: AdaptiveSoftmax, x: Tensor) -> None:
        if x.dim() != 2:
            raise TypeError("softmax='adaptive' works for one network only")
        self.head, self.x = head, x

    @property
    def shape(self) -> torch.Size:
        """Shape (B, K) of all outputs."""
        return torch.Size([len(self.x), self.head.out_features])

    @cached_property
    def all(self) -> Tensor:
        """Log probabilities (B, K) of all classes."""
        return self.head.softmax.log_prob(self.x).index_select(-1, self.head.rank)

    def loss(self, target: Tensor) -> Tensor:
        """Compute the cross-entropy (B, 1) to classes (B,)."""
        return -self.head.softmax(self.x, self.head.rank[target]).output[:, None]

    def best(self) -> Tensor:
        """Return the most probable class and its log probability, (B, 2).

        A group is computed for the rows in which it is more probable than the best class so far. (torch's
        ``predict`` computes all classes for these.)
        """
        softmax = self.head.softmax
        first = torch.log_softmax(softmax.head(self.x), dim=1)
        value, rank = first[:, : softmax.shortlist_size].max(dim=1)
        for number, tail in enumerate(softmax.tail):
            start, end = softmax.cutoffs[number : number + 2]
            of_group = first[:, softmax.shortlist_size + number]
            for rows in torch.nonzero(of_group > value)[:, 0].split(max(1, AT_ONCE // (end - start))):
                logits = tail(self.x[rows])
                inside, place = logits.max(dim=1)
                inside = inside - logits.logsumexp(dim=1) + of_group[rows]
                better = inside > value[rows]
                value[rows[better]], rank[rows[better]] = inside[better], place[better] + start
        return torch.stack([self.head.classes[rank].to(value), value], dim=1)


class KnownLosses:
    """Outputs of rows whose losses (B, 1) were computed before.

    Parameters
    ----------
    values : Tensor of shape (B, 1)
    n_classes : int
    """

    def __init__(self, values: Tensor, n_classes: int) -> None:
        self.values, self.n_classes = values, n_classes

    @property
    def shape(self) -> torch.Size:
        """Shape (B, K) that the outputs would have."""
        return torch.Size([len(self.values), self.n_classes])

    @property
    def all(self) -> Tensor:
        """The outputs, which were not computed."""
        raise TypeError("only the losses are known.")

    def loss(self, target: Tensor) -> Tensor:
        """Return the losses."""
        return self.values
