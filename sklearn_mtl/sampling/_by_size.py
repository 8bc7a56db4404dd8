"""Tasks drawn by their number of rows."""

from __future__ import annotations

from numbers import Real

import torch
from torch import Tensor

from ..utils._params import Interval
from ._base import TaskSampling, draw


class ProportionalSampling(TaskSampling):
    r"""Draw a task with a probability proportional to its number of rows, :math:`p_t \propto n_t` [1]_.

    References
    ----------
    .. [1] Sanh, Wolf and Ruder, "A Hierarchical Multi-Task Approach for Learning Embeddings from Semantic Tasks",
       AAAI 2019.

    Examples
    --------
    >>> from sklearn_mtl import MultiTaskNetEstimator
    >>> MultiTaskNetEstimator(task_sampling="proportional")
    MultiTaskNetEstimator(task_sampling='proportional')
    """

    def plan(self, sizes: Tensor, progress: Tensor, n_steps: int, generator: torch.Generator) -> Tensor:
        return draw(sizes, n_steps, generator)


class TemperatureSampling(TaskSampling):
    r"""Draw a task with a probability between uniform and proportional, :math:`p_t \propto n_t^{1 / \tau}` [1]_.

    Parameters
    ----------
    temperature : float > 0, default=2.0
        :math:`\tau`; 1 is proportional to the rows, and higher values are more uniform.

    References
    ----------
    .. [1] Raffel et al., "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer",
       JMLR 2020.

    Examples
    --------
    >>> from sklearn_mtl import MultiTaskNetEstimator
    >>> from sklearn_mtl.sampling import TemperatureSampling
    >>> MultiTaskNetEstimator(task_sampling=TemperatureSampling(temperature=4.0))
    MultiTaskNetEstimator(task_sampling=TemperatureSampling(temperature=4.0))
    """

    _parameter_constraints: dict = {"temperature": [Interval(Real, 0, None, closed="neither")]}

    def __init__(self, temperature: float = 2.0) -> None:
        self.temperature = temperature

    def plan(self, sizes: Tensor, progress: Tensor, n_steps: int, generator: torch.Generator) -> Tensor:
        return draw((sizes.double() / sizes.max()) ** (1 / self.temperature), n_steps, generator)
