"""Parameter constraints: those of scikit-learn, and stricter ones where torch would fail later."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any

from sklearn.utils import _param_validation as constraints
from sklearn.utils._param_validation import HasMethods, Options, StrOptions

__all__ = ["ArrayLike", "HasMethods", "Interval", "Options", "Splitter", "StrOptions", "SubclassOf"]

# The largest integer that torch accepts as a number.
_LARGEST = 2**63


class Interval(constraints.Interval):
    """Numbers of an interval, excluding bools and integers that are too large for torch.

    Examples
    --------
    >>> from numbers import Integral
    >>> from sklearn_mtl.utils._constraints import Interval
    >>> counts = Interval(Integral, 1, None, closed="left")
    >>> [counts.is_satisfied_by(value) for value in (3, True, 0, 10**30)]
    [True, False, False, False]
    """

    def is_satisfied_by(self, val: Any) -> bool:
        if isinstance(val, bool) or (isinstance(val, Integral) and not -_LARGEST <= int(val) < _LARGEST):
            return False
        return bool(super().is_satisfied_by(val))


# scikit-learn identifies constraints by their class; this class supports any check
class ArrayLike(HasMethods):
    """Lists, arrays, series and similar objects, but not strings or mappings.

    Examples
    --------
    >>> from sklearn_mtl.utils._constraints import ArrayLike
    >>> [ArrayLike().is_satisfied_by(value) for value in ([1], (1,), {"a": 1}, "a", 1)]
    [True, True, False, False, False]
    """

    def __init__(self) -> None:
        super().__init__("__len__")

    def is_satisfied_by(self, val: Any) -> bool:
        if isinstance(val, Mapping | str | bytes | type):
            return False
        return hasattr(val, "__len__") and getattr(val, "ndim", 1) > 0

    def __str__(self) -> str:
        return "an array-like"


class Splitter(HasMethods):
    """Objects that split rows as scikit-learn's splitters do, but not strings, which have such a method too.

    Examples
    --------
    >>> from sklearn.model_selection import KFold
    >>> from sklearn_mtl.utils._constraints import Splitter
    >>> [Splitter().is_satisfied_by(value) for value in (KFold(), KFold, "last")]
    [True, False, False]
    """

    def __init__(self) -> None:
        super().__init__("split")

    def is_satisfied_by(self, val: Any) -> bool:
        return bool(super().is_satisfied_by(val)) and not isinstance(val, str | bytes | type)

    def __str__(self) -> str:
        return "a splitter with the method split(X, y, groups)"


class SubclassOf(HasMethods):
    """A class or its subclasses.

    Parameters
    ----------
    base : type

    Examples
    --------
    >>> from sklearn_mtl.utils._constraints import SubclassOf
    >>> [SubclassOf(int).is_satisfied_by(value) for value in (bool, str, 1)]
    [True, False, False]
    """

    def __init__(self, base: type) -> None:
        super().__init__("__call__")
        self.base = base

    def is_satisfied_by(self, val: Any) -> bool:
        return isinstance(val, type) and issubclass(val, self.base)

    def __str__(self) -> str:
        return f"a subclass of {self.base.__module__}.{self.base.__qualname__}"
