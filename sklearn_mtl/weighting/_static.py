"""Fixed weights: the tuned sum of losses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ._base import Weighting


class Static(Weighting):
    r"""Weight every task by its task weight only: :math:`\sum_t w_t L_t` [1]_.

    Tuned fixed weights match the specialised methods in careful comparisons [2]_, [3]_; they are the default.

    References
    ----------
    .. [1] Caruana, "Multitask Learning", Machine Learning, 1997.
    .. [2] Kurin et al., "In Defense of the Unitary Scalarization for Deep Multi-Task Learning", NeurIPS 2022.
    .. [3] Xin et al., "Do Current Multi-Task Optimization Methods in Deep Learning Even Help?", NeurIPS 2022.

    Examples
    --------
    >>> import torch
    >>> from sklearn_mtl.weighting import Static
    >>> module = Static().build({"a": None, "b": None})
    >>> module(torch.tensor([0.3, 2.0]), torch.tensor([True, True]), None).tolist()
    [1.0, 1.0]
    """

    not_stackable = None

    def build(self, tasks: Mapping[str, Any]) -> nn.Module:
        return _Ones(len(tasks))


class _Ones(nn.Module):
    weights: Tensor

    def __init__(self, n_tasks: int) -> None:
        super().__init__()
        self.register_buffer("weights", torch.ones(n_tasks))

    def forward(self, losses: Tensor, present: Tensor | None, gramian: Tensor | None) -> Tensor:
        return self.weights
