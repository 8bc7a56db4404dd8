"""Metrics of a task that a user can choose: names, scorers of scikit-learn and functions."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property, lru_cache
from typing import Any

from sklearn.metrics import get_scorer, get_scorer_names
from sklearn.metrics._scorer import _Scorer

from ..utils._signature import parameters_of

#: names of metrics that are reserved for columns of `history_`
TAKEN = ("loss", "score")
# Names of the second parameter of functions that do not take predicted labels.
_SCORES = {"y_score", "y_scores", "y_proba", "y_prob", "proba", "probabilities", "pred_decision"}
# Suffixes of the names of functions for which smaller is better.
_ERRORS = ("_error", "_loss", "_deviance")


@dataclass(frozen=True, eq=False)
class Metric:
    """One metric of a task; greater is better.

    Parameters
    ----------
    name : str
        Its name in results.
    asked : str or None, default=None
        The chosen name, which may be one of the task's own metrics; None for a scorer or function.
    function : callable or None, default=None
        ``function(y_true, y_pred, **kwargs)``; None if only the task knows the metric.
    sign : {1, -1}, default=1
    kwargs : mapping of str to object
        Further arguments of the function.
    responses : tuple of str
        Methods of scikit-learn's estimators whose result the function takes, the preferred one first.
    """

    name: str
    asked: str | None = None
    function: Callable[..., Any] | None = None
    sign: int = 1
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    responses: tuple[str, ...] = ("predict",)

    @cached_property
    def parameters(self) -> Mapping[str, inspect.Parameter]:
        """The parameters of the function; empty if it has no signature."""
        return parameters_of(self.function)

    @property
    def is_of_scikit_learn(self) -> bool:
        """Whether the function is one of scikit-learn's."""
        return _is_of_scikit_learn(self.function)

    @property
    def takes_probabilities(self) -> bool:
        """Whether the function takes probabilities rather than predicted labels or numbers."""
        known = [name for name in self.responses if name in ("predict", "predict_proba")]
        return known[:1] == ["predict_proba"]

    def takes(self, argument: str) -> bool:
        """Return whether the function takes an argument that the user has not set."""
        of_any_name = any(p.kind is p.VAR_KEYWORD for p in self.parameters.values())
        return argument not in self.kwargs and (argument in self.parameters or of_any_name)


def read_metrics(given: Any, where: str) -> tuple[Metric, ...]:
    """Read the metrics of one task.

    Parameters
    ----------
    given : str, callable, sequence of these, or mapping of str to these
        The name of a scorer of scikit-learn, or of one of the task's own metrics; a scorer that
        `sklearn.metrics.make_scorer` returned; or a function ``metric(y_true, y_pred)`` of labels or numbers, for
        which greater is better. A mapping has names as keys.
    where : str
        The parameter that holds it, for messages.

    Raises
    ------
    TypeError, ValueError
        If it is none of these, or two metrics have the same name.
    """
    if isinstance(given, Mapping):
        metrics = tuple(_read(each, where, _checked_name(name, where)) for name, each in given.items())
    elif isinstance(given, list | tuple):
        metrics = tuple(_read(each, where) for each in given)
    else:
        metrics = (_read(given, where),)
    names = [metric.name for metric in metrics]
    if not names:
        raise ValueError(f"{where} has no metric; leave the task out for its own metric.")
    if len(set(names)) < len(names):
        raise ValueError(f"{where} has the metrics {names}; each name may occur once. Use a mapping to name them.")
    return metrics


def unknown_metric(name: str, where: str, own: Collection[str]) -> ValueError:
    """Return the error for a name that is neither scikit-learn's nor the task's own."""
    known = [*own, *get_scorer_names()]
    close = get_close_matches(name, known, n=3)
    hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else "."
    return ValueError(
        f"{where}={name!r} is not a metric: it should be a metric of the task, {sorted(own)}, a name in "
        f"sklearn.metrics.get_scorer_names(), a scorer or a function{hint}"
    )


def _checked_name(name: Any, where: str) -> str:
    if not isinstance(name, str) or not name or name in TAKEN:
        raise ValueError(f"{where}: the name of a metric should be a str other than {list(TAKEN)}, got {name!r}.")
    return name


def _read(given: Any, where: str, name: str | None = None) -> Metric:
    if isinstance(given, str):
        if given not in _scorer_names():
            return Metric(name or given, given)
        return _of_scorer(get_scorer(given), name or given, given)
    if isinstance(given, _Scorer):
        of_function = getattr(given._score_func, "__name__", "")
        return _of_scorer(given, name or _named(f"{'neg_' if given._sign < 0 else ''}{of_function}", where))
    if not callable(given) or isinstance(given, type):
        raise TypeError(
            f"{where}={given!r} is not a metric: it should be a name, a scorer of sklearn.metrics.make_scorer, a "
            "function metric(y_true, y_pred), or a list or mapping of these."
        )
    _check_function(given, where)
    return Metric(name or _named(getattr(given, "__name__", ""), where), function=given)


def _of_scorer(scorer: Any, name: str, asked: str | None = None) -> Metric:
    method = scorer._response_method
    responses = (method,) if isinstance(method, str) else tuple(method)
    return Metric(name, asked, scorer._score_func, scorer._sign, dict(scorer._kwargs), responses)


def _named(name: str, where: str) -> str:
    if not name.removeprefix("neg_") or "<lambda>" in name:
        raise ValueError(f"{where}: a function without a name needs one, as in {{'cost': function}}.")
    return _checked_name(name, where)


def _check_function(function: Callable[..., Any], where: str) -> None:
    """Refuse functions whose values would be misunderstood."""
    name = getattr(function, "__name__", repr(function))
    if _is_of_scikit_learn(function):
        raise ValueError(
            f"{where}: {name} of scikit-learn does not say whether greater is better, nor whether it needs "
            "probabilities; pass the name of a scorer, such as 'roc_auc', or sklearn.metrics.make_scorer"
            f"({name}, ...)."
        )
    if name.endswith(_ERRORS):
        raise ValueError(
            f"{where}: smaller values of {name} seem to be better; pass sklearn.metrics.make_scorer({name}, "
            "greater_is_better=False)."
        )
    positional = [
        p for p in parameters_of(function).values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    required = [parameter.name for parameter in positional if parameter.default is parameter.empty]
    if len(required) != 2 and positional:
        raise ValueError(
            f"{where}: the function {name} takes {required}; it should be metric(y_true, y_pred), of the labels "
            "and predictions of the task."
        )
    if any(parameter.name in _SCORES for parameter in positional[1:2]):
        raise ValueError(
            f"{where}: the function {name} takes {positional[1].name}; pass sklearn.metrics.make_scorer({name}, "
            "response_method='predict_proba')."
        )


def _is_of_scikit_learn(function: Any) -> bool:
    return (getattr(function, "__module__", None) or "").partition(".")[0] == "sklearn"


@lru_cache(maxsize=1)
def _scorer_names() -> frozenset[str]:
    return frozenset(get_scorer_names())
