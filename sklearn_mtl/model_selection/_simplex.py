"""Random task weights."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import check_random_state


def task_weight_simplex(tasks: Iterable[str], alpha: float = 1.0) -> Any:
    """Make a distribution of task weights, all of the same sum, for a random search.

    The weights are those of a Dirichlet distribution times the number of tasks, so that their mean is 1: the
    candidates differ in how the tasks share the loss and not in its size.

    Parameters
    ----------
    tasks : iterable of str
        Names of the tasks.
    alpha : float > 0, default=1.0
        Concentration. 1 is uniform; above, weights are more equal; below, few tasks take most of the weight. At
        0.1 and less a weight may well be so small that its task is hardly trained.

    Returns
    -------
    object
        With a method ``rvs(random_state=None)``, as distributions of `scipy.stats` have it, that returns a dict
        from task to weight. It goes into ``param_distributions`` as the value of ``task_weights``.

    Examples
    --------
    >>> from sklearn_mtl.model_selection import task_weight_simplex
    >>> weights = task_weight_simplex(["a", "b", "c"]).rvs(random_state=0)
    >>> list(weights), round(sum(weights.values()), 6)
    (['a', 'b', 'c'], 3.0)
    """
    names = tuple(str(name) for name in tasks)
    if isinstance(tasks, str) or not names or len(set(names)) < len(names):
        raise ValueError(f"tasks={tasks!r} should be different names of tasks.")
    if not (math.isfinite(alpha) and alpha > 0):
        raise ValueError(f"alpha={alpha!r} should be a finite number above 0.")
    return _Simplex(names, float(alpha))


@dataclass(frozen=True)
class _Simplex:
    tasks: tuple[str, ...]
    alpha: float

    def rvs(self, random_state: Any = None) -> dict[str, float]:
        """Sample the weights of one candidate."""
        # unlike RandomState's, a Generator's Dirichlet takes any alpha
        generator = np.random.default_rng(check_random_state(random_state).randint(2**32, dtype=np.uint32))
        shares = generator.dirichlet(np.full(len(self.tasks), self.alpha))
        return {name: float(share * len(self.tasks)) for name, share in zip(self.tasks, shares, strict=True)}
