"""Digests of everything a fit depends on: equal digests mean equal fits."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import joblib
from sklearn.base import BaseEstimator

from ._same import is_spec
from ._types import RowsLike, TargetsLike


def digest(*parts: Any) -> str:
    """Compute a digest of parameters, specs, rows or anything that can be pickled.

    It depends on values only, not on shared objects, and is the same in every process. Functions and classes are
    identified by name.

    Parameters
    ----------
    *parts : object
        Estimators are identified by class and parameters, fitted or not.

    Raises
    ------
    ValueError
        If a part cannot be pickled, for instance a lambda.

    Examples
    --------
    >>> from sklearn_mtl.utils._digest import digest
    >>> from sklearn_mtl.trunks import MLP
    >>> digest(MLP((8,)), {"a": 1.0}) == digest(MLP((8,)), {"a": 1.0})
    True
    >>> digest(MLP((8,)), {"a": 1.0}) == digest(MLP((8,)), {"a": 2.0})
    False
    """
    return hashlib.sha256(repr([_describe(part) for part in parts]).encode()).hexdigest()


def fit_key(estimator: BaseEstimator, X: RowsLike, y: TargetsLike, params: Mapping[str, Any]) -> str:
    """Compute the digest of a fit of an estimator to rows.

    Parameters
    ----------
    estimator : estimator
        With the parameters of the candidate.
    X, y : object
        Training rows and targets.
    params : mapping of str to object
        Other arguments of ``fit``, such as ``sample_weight``. ``resume`` is left out, because a resumed fit is the
        same fit.
    """
    kept = {name: value for name, value in params.items() if name.rpartition("__")[2] != "resume"}
    return f"{digest(estimator)}-{digest(X, y, kept)}"


def _describe(value: Any) -> Any:
    if value is None or type(value) in (bool, int, float, str):
        return type(value).__name__, value
    if is_spec(value):
        name = f"{type(value).__module__}.{type(value).__qualname__}"
        return name, _describe(value.get_params(deep=False))
    if isinstance(value, dict):
        return [(_describe(key), _describe(entry)) for key, entry in value.items()]
    if isinstance(value, list | tuple):
        return type(value).__name__, [_describe(entry) for entry in value]
    try:
        return joblib.hash(value, coerce_mmap=True)
    except Exception as error:  # pickle may raise any exception
        raise ValueError(
            f"{value!r} cannot be pickled, so the fit that uses it has no digest; replace it by something that "
            "pickle supports, such as a function of a module."
        ) from error
