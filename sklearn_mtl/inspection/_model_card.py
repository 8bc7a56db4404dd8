"""Model cards: what a fitted model predicts, how well, and where its limits are."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..columns._missing import is_missing
from ..estimator import MultiTaskNetEstimator
from ..model._state import versions
from ..model_selection import sharing_report
from ..tasks._rating import Reference
from ..uncertainty._said import inner_net, inner_rows, is_holder
from ..utils._optional import import_optional
from ..utils._types import RowsLike, TargetsLike

# Classes and columns that a card lists; of more, the number is given.
MOST_CLASSES, MOST_COLUMNS = 10, 100


class TaskScore(NamedTuple):
    """The score of a task on test rows, with a bootstrap interval.

    Parameters
    ----------
    metric : str
    n_labels : int
        Number of rows with a label.
    score, lower, upper : float
    """

    metric: str
    n_labels: int
    score: float
    lower: float
    upper: float


def model_card(
    net: Any,
    X_test: RowsLike,
    y_test: TargetsLike,
    *,
    comparison: Any = None,
    limits: str | None = None,
    level: float = 0.95,
    n_bootstraps: int = 200,
    random_state: int | None = 0,
) -> Any:
    """Write a model card: tasks, columns, scores with intervals, what sharing gains, and limits.

    Parameters
    ----------
    net : MultiTaskNetEstimator, or a Pipeline that ends in one
        Fitted.
    X_test : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
        Rows that the model has not been fitted to.
    y_test : array-like, frame, mapping, structured array or Targets with n_samples rows
        Their targets; labels may be missing.
    comparison : DataFrame or None, default=None
        Result of `compare_sharing <sklearn_mtl.model_selection.compare_sharing>`; the card then has its verdicts.
    limits : str or None, default=None
        What only you know, in Markdown: where the rows are from, and what the model should not be used for.
    level : float in (0, 1), default=0.95
        Coverage of the intervals.
    n_bootstraps : int >= 1, default=200
        Number of times that the test rows are drawn with replacement. An interval is between percentiles of the
        scores [1]_. It shows how the score varies with the test rows, not with the fit.
    random_state : int or None, default=0
        Seed of the draws, which are the same for all tasks.

    Returns
    -------
    skops.card.Card
        ``render()`` returns Markdown, ``save(path)`` writes it, and ``add`` and ``add_table`` add sections of your
        own. `card_html` converts it to HTML.

    Raises
    ------
    TypeError
        If ``net`` is no network of tasks.
    NotFittedError
        If it is not fitted.
    ValueError
        If ``level`` or ``n_bootstraps`` is out of range, or there are no test rows.
    ImportError
        If skops or pandas is not installed; the extra is ``tracking``.

    References
    ----------
    .. [1] Efron and Tibshirani, "An Introduction to the Bootstrap", 1993.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_mtl import MultiTaskNetEstimator
    >>> from sklearn_mtl.inspection import model_card
    >>> X, species = load_iris(return_X_y=True, as_frame=True)
    >>> y = {"species": species, "petal_width": X.pop("petal width (cm)")}
    >>> net = MultiTaskNetEstimator(n_members=1, max_epochs=20, random_state=0)
    >>> net = net.fit(X[::2], {name: labels[::2] for name, labels in y.items()})
    >>> card = model_card(net, X[1::2], {name: labels[1::2] for name, labels in y.items()})
    >>> print(card.select("Tasks").content.splitlines()[0])
    The model predicts 2 tasks from 3 columns.
    """
    cards = import_optional("skops.card", "tracking", "model_card")
    pandas = import_optional("pandas", "tracking", "model_card")
    _check(net, level, n_bootstraps)
    inner, X = inner_net(net), inner_rows(net, X_test)
    scores = _scores_of(inner, X, y_test, level, n_bootstraps, random_state)
    n_rows = len(next(iter(scores.values())).present)
    card = cards.Card(net, model_diagram=False, template=None)
    tasks = pandas.DataFrame(list(map(_task, inner.task_names_, inner.tasks_.values())))
    columns = pandas.DataFrame(_columns(net, inner))
    card.add_table(description=_about_tasks(net, inner), Tasks=tasks)
    card.add_table(description=_about_columns(net), Columns=columns)
    rated = pandas.DataFrame([_score(name, of.score) for name, of in scores.items()])
    card.add_table(description=_about_scores(n_rows, level, n_bootstraps), Scores=rated)
    card.add(Sharing=_about_sharing(inner, comparison), Limits=_limits(inner, scores, n_rows, limits))
    card.add(Versions="\n".join(f"- {name} {version}" for name, version in versions().items()))
    return card


def card_html(card: Any, title: str = "Model card") -> str:
    """Convert a model card to a page of HTML.

    Text of the card is escaped: HTML in it is shown, not run.

    Parameters
    ----------
    card : skops.card.Card
        Returned by `model_card`.
    title : str, default="Model card"
        Title of the page.

    Returns
    -------
    str

    Raises
    ------
    ImportError
        If markdown-it-py is not installed; the extra is ``tracking``.

    Examples
    --------
    >>> from skops.card import Card
    >>> from sklearn_mtl.inspection import card_html
    >>> card = Card(None, template=None).add(Limits="Only for *flats*.")
    >>> "<p>Only for <em>flats</em>.</p>" in card_html(card)
    True
    """
    markdown = import_optional("markdown_it", "tracking", "card_html")
    body = markdown.MarkdownIt("commonmark", {"html": False}).enable("table").render(card.render())
    style = "body{font-family:sans-serif;max-width:60em;margin:2em auto}td,th{padding:.2em .8em;text-align:left}"
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{style}</style>'
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>\n{body}</body></html>\n'


def _check(net: Any, level: float, n_bootstraps: int) -> None:
    inner = inner_net(net)
    if is_holder(net) or not isinstance(inner, MultiTaskNetEstimator):
        raise TypeError(
            f"net should be a MultiTaskNetEstimator, or a pipeline that ends in one; got {type(net).__name__}."
        )
    check_is_fitted(inner)
    if isinstance(level, bool) or not isinstance(level, Real) or not 0 < level < 1:
        raise ValueError(f"level={level!r} should be a number between 0 and 1.")
    if isinstance(n_bootstraps, bool) or not isinstance(n_bootstraps, Integral) or n_bootstraps < 1:
        raise ValueError(f"n_bootstraps={n_bootstraps!r} should be a whole number above 0.")


# -- scores


class _Rated(NamedTuple):
    score: TaskScore
    present: np.ndarray


def _scores_of(
    net: Any, X: RowsLike, y: TargetsLike, level: float, n_bootstraps: int, random_state: int | None
) -> dict[str, _Rated]:
    """Score each task on the test rows, and on rows drawn from them with replacement."""
    metrics = {name: chosen[:1] for name, chosen in net._fitted_view()._chosen_metrics().items()}
    true, rng, rated = net._true_labels(y), np.random.RandomState(random_state), {}
    n_rows = len(true)
    counts = rng.multinomial(n_rows, np.full(n_rows, 1 / n_rows), size=n_bootstraps).astype(np.float64)
    for name, reference, answer in net._compared(X, true, None):
        score = next(iter(reference.rate(metrics[name], answer).values()))
        present = np.array([not np.all(is_missing(np.asarray(row))) for row in true[name]])
        draws = [
            next(iter(Reference(name, reference.task, true[name], weight).rate(metrics[name], answer).values()))
            for weight in counts
            if weight[present].any()
        ]
        known = np.array([value for value in draws if np.isfinite(value)])
        edges = np.quantile(known, [(1 - level) / 2, (1 + level) / 2]) if len(known) else (np.nan, np.nan)
        task_score = TaskScore(metrics[name][0].name, int(present.sum()), float(score), *map(float, edges))
        rated[name] = _Rated(task_score, present)
    return rated


def _score(name: str, of: TaskScore) -> dict[str, Any]:
    numbers = {"score": of.score, "from": of.lower, "to": of.upper}
    return {
        "task": _escaped(name),
        "metric": of.metric,
        "labels": of.n_labels,
        **{key: "unknown" if np.isnan(value) else f"{value:.3f}" for key, value in numbers.items()},
    }


# -- sections


def _task(name: str, task: Any) -> dict[str, Any]:
    classes = getattr(task, "classes_", None)
    listed = "" if classes is None else ", ".join(map(str, list(classes)[:MOST_CLASSES]))
    more = (
        f" and {len(classes) - MOST_CLASSES} more" if classes is not None and len(classes) > MOST_CLASSES else ""
    )
    return {"task": _escaped(name), "type": type(task).__name__, "classes": _escaped(listed + more)}


def _about_tasks(net: Any, inner: Any) -> str:
    n_tasks = len(inner.task_names_)
    return f"The model predicts {n_tasks} task{'s' * (n_tasks != 1)} from {net.n_features_in_} columns."


def _columns(net: Any, inner: Any) -> list[dict[str, Any]]:
    names = list(map(str, getattr(net, "feature_names_in_", range(net.n_features_in_))))
    table = getattr(inner._model.blueprint.trunk, "table_", None) if net is inner else None
    categories = {} if table is None else dict(zip(table.categorical_, table.categories_, strict=True))
    described = [
        {"column": _escaped(name), "values": _values(categories.get(position), table)}
        for position, name in enumerate(names[:MOST_COLUMNS])
    ]
    more = len(names) - MOST_COLUMNS
    return [*described, {"column": f"and {more} more", "values": ""}] if more > 0 else described


def _values(categories: Any, table: Any) -> str:
    if categories is None:
        return "unknown" if table is None else "numbers"
    listed = ", ".join(map(str, categories.values[:MOST_CLASSES]))
    more = len(categories.values) - MOST_CLASSES
    return _escaped(f"categories: {listed}{f' and {more} more' if more > 0 else ''}")


def _about_columns(net: Any) -> str:
    named = "by name" if hasattr(net, "feature_names_in_") else "by position"
    return (
        f"The inputs, {named}. Values may be missing, and categories that fit did not see are accepted, in tables."
    )


def _about_scores(n_rows: int, level: float, n_bootstraps: int) -> str:
    return (
        f"Scores on {n_rows} test rows; greater is better. Intervals of {100 * level:g} % are percentiles of the "
        f"scores of {n_bootstraps} bootstrap samples of these rows."
    )


def _about_sharing(net: Any, comparison: Any) -> str:
    shares = net._model.shares
    together = ", ".join(f"{_escaped(name)} {100 * of['shared']:.0f} %" for name, of in shares.items())
    lines = [f"Part of each prediction that comes from networks that all tasks share: {together}."]
    if comparison is None:
        lines.append("Whether sharing helps was not compared with a network for each task.")
    else:
        lines += [
            "Compared with a network for each task, on the same folds:",
            f"```\n{sharing_report(comparison)}\n```",
        ]
    return "\n\n".join(lines)


def _limits(net: Any, scores: Mapping[str, _Rated], n_rows: int, limits: str | None) -> str:
    said = [] if limits is None else [limits]
    return "\n\n".join([*said, "\n".join(f"- {line}" for line in _found_limits(net, scores, n_rows))])


def _found_limits(net: Any, scores: Mapping[str, _Rated], n_rows: int) -> Iterator[str]:
    """Yield what limits the scores, as far as it follows from the model and the test rows."""
    for name, of in scores.items():
        if of.score.n_labels < n_rows:
            yield f"{_escaped(name)}: {n_rows - of.score.n_labels} of {n_rows} test rows have no label."
        if np.isnan(of.score.score):
            yield f"{_escaped(name)}: the score could not be computed on the test rows."
    if net.auxiliary is not None:
        yield "Auxiliary tasks were trained with these, and are not predicted."
    n_networks = net._model.n_members
    yield f"Trained for at most {net.n_iter_} epochs; {n_networks} network{'s' * (n_networks != 1)}."
    yield "The scores hold for rows like the test rows; shifts of the inputs are not detected."


def _escaped(text: str) -> str:
    """Escape what Markdown would read as the border of a cell."""
    return str(text).replace("|", "\\|").replace("\n", " ")
