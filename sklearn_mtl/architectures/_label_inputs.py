"""Labels of other tasks as inputs of heads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..nn._layers import DrawsAtRandom
from ..trunks import Representation
from ..utils._random import Streams
from ._units import LinearBank, positions
from ._views import Views, append, map_vectors

#: name of the encoded labels among the inputs of a network
LABELS = "label inputs"
# Width of the hidden layer between representation, labels and view of a task.
HIDDEN = 64
# Share of the rows of which no label is seen, in training and validation, beyond those in which chance hides all.
# With 0.25 predictions without any known label were worse than those of a network that reads none.
HIDDEN_ROWS = 0.5


def without_labels(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the inputs that the trunk reads."""
    return {name: values for name, values in inputs.items() if name != LABELS} if LABELS in inputs else inputs


def hide_at_random(labels: Tensor, widths: Sequence[int], draws: Tensor) -> Tensor:
    """Set a random subset of the labels of each row to unknown.

    A share of the rows keeps none. In each other row, a rate is drawn, and then each label is kept at this rate,
    so that all numbers of kept labels are about equally frequent.

    Parameters
    ----------
    labels : Tensor of shape (B, n)
        Blocks of the encoded labels of S tasks, in which 0 is unknown.
    widths : sequence of int
        Width of each block.
    draws : Tensor of shape (B, S + 2)
        Uniform random numbers.
    """
    seen, rate, kept = draws[:, :1] >= HIDDEN_ROWS, draws[:, 1:2], draws[:, 2:]
    blocks = torch.tensor(widths, device=labels.device)
    mask = ((kept < rate) & seen).repeat_interleave(blocks, dim=1)
    return labels * mask


class LabelReader(DrawsAtRandom, nn.Module):
    """Small networks that change the view of each task by the known labels of the other tasks.

    A task never sees its own label. Where no label of the others is known, its view is not changed: these rows are
    predicted as if there were no reader. Nothing is changed at the start of training either. In training, labels
    are hidden at random, so that one network predicts for every set of known labels, as denoising autoencoders
    do [1]_.

    Parameters
    ----------
    names : sequence of str
        The tasks that read labels.
    in_features : int
        Width of a view.
    widths : mapping of str to int
        Width of the encoded labels of each task that others read, with the flag that says that it is known.
    streams : Streams

    References
    ----------
    .. [1] Vincent, Larochelle, Bengio and Manzagol, "Extracting and Composing Robust Features with Denoising
       Autoencoders", ICML 2008.
    """

    others: Tensor

    def __init__(
        self, names: Sequence[str], in_features: int, widths: Mapping[str, int], streams: Streams
    ) -> None:
        super().__init__()
        self.names, self.widths = tuple(names), list(widths.values())
        others = [[float(name != task) for name, width in widths.items() for _ in range(width)] for task in names]
        self.register_buffer("others", torch.tensor(others), persistent=False)
        self.hidden = LinearBank(names, in_features + sum(self.widths), HIDDEN, streams, "label inputs", 0)
        self.change = LinearBank(names, HIDDEN, in_features, streams, "label inputs", 1)
        with torch.no_grad():
            for parameter in self.change.parameters():
                parameter.zero_()

    def forward(self, views: Views, labels: Tensor | None, tasks: Sequence[str]) -> Views:
        """Return the views of tasks, changed by labels (B, n); None if no label is known."""
        views = views.by_task(tasks)
        if labels is None:
            return views
        sample, token, mask = views.representation
        if self.training:
            labels = self._hidden(labels)
        chosen = positions(self.names, tasks)
        others = self.others if chosen is None else self.others[chosen.to(self.others.device)]
        read = labels * others.unsqueeze(-2)
        known = (read != 0).any(dim=-1, keepdim=True)  # a known label has a flag of 1
        change = map_vectors(
            append(views.representation, read),
            lambda x: self.change(torch.relu(self.hidden(x, tasks)), tasks),
        )
        sample = sample + torch.where(known, change.sample, 0.0)
        if token is not None and change.token is not None:
            token = token + torch.where(known.unsqueeze(-2), change.token, 0.0)
        return views._replace(representation=Representation(sample, token, mask))

    def _hidden(self, labels: Tensor) -> Tensor:
        if self.draws is None:
            raise RuntimeError("LabelReader has no random numbers; call set_draws before the forward pass.")
        return hide_at_random(labels, self.widths, self.draws.like(labels[:, :1].expand(-1, len(self.widths) + 2)))
