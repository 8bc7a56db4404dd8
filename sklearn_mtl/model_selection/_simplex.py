"""Random task weights."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import check_random_state


def task_weight_simplex(tasks: Iterable[str], alpha: float = 1.0) -> Any:
    """Return a distribution of task weights with a fixed sum, for a random search.

    The weights have a Dirichlet distribution times the number of tasks, so their mean is 1: the candidates differ
    in the balance of the tasks and not in the size of the loss.

    Parameters
    ----------
    tasks : iterable of str
        Names of the tasks.
    alpha : float > 0, default=1.0
        Concentration. 1 is uniform; above 1, weights are more equal; below 1, few tasks have most of the weight.
        At 0.1 or less, a weight may be so small that its task is hardly trained.

    Returns
    -------
    object
        Has a method ``rvs(random_state=None)``, like the distributions of `scipy.stats`, that returns a dict from
        task to weight. Pass it in ``param_distributions`` as the value of ``task_weights``.

    Examples
    --------
    >>> from sklearn_mtl.model_selection import task_weight_simplex
    >>> weights = task_weight_simplex(["a", "b", "c"]).rvs(random_state=0)
    >>> list(weights), round(sum(weights.values()), 6)
    (['a', 'b', 'c'], 3.0)
    """
    names = tuple(str(name) for name in tasks)
    if isinstance(tasks, str) or not names or len(set(names)) < len(names):
        raise ValueError(f"tasks={tasks!r} should be unique names of tasks.")
    if not (math.isfinite(alpha) and alpha > 0):
        raise ValueError(f"alpha={alpha!r} should be a finite number above 0.")
    return _Simplex(names, float(alpha))


@dataclass(frozen=True)
class _Simplex:
    tasks: tuple[str, ...]
    alpha: float

    def rvs(self, random_state: Any = None) -> dict[str, float]:
        """Sample the weights of one candidate."""
        # the Dirichlet of a Generator supports any alpha, unlike that of RandomState
        generator = np.random.default_rng(check_random_state(random_state).randint(2**32, dtype=np.uint32))
        shares = generator.dirichlet(np.full(len(self.tasks), self.alpha))
        return {name: float(share * len(self.tasks)) for name, share in zip(self.tasks, shares, strict=True)}
