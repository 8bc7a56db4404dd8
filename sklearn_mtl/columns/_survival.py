"""Read times that may be censored: structured arrays, pairs, and two columns."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ._missing import is_missing

_FORMS = (
    "a structured array with a bool field (event) and a field of numbers (time), pairs of these, or two columns "
    "(time, event)"
)


class CensoredTimes(NamedTuple):
    """Times and events of rows.

    Parameters
    ----------
    time : ndarray of float of shape (n_samples,)
        Time of the event, or of the end of observation; 0 where there is no label.
    event : ndarray of bool of shape (n_samples,)
        Whether the event happened at that time; False where there is no label.
    labelled : ndarray of bool of shape (n_samples,)
        Which rows have a label.
    """

    time: np.ndarray
    event: np.ndarray
    labelled: np.ndarray

    def of(self, rows: np.ndarray) -> CensoredTimes:
        """Return some of the rows."""
        return CensoredTimes(self.time[rows], self.event[rows], self.labelled[rows])


def read_survival(y: Any) -> CensoredTimes:
    """Read times and events.

    Parameters
    ----------
    y : array-like of n_samples rows
        A structured array as of scikit-survival, whose bool field is the event and whose other field is the time;
        a column of pairs, of which the bool is the event, or (time, event) without a bool; or two columns (time,
        event), where a column of bool is the event. The time of a row without a label is NaN or None.

    Raises
    ------
    ValueError
        If y has another form, a time is negative or infinite, or an event is not 0 or 1; the message names
        the row.
    """
    y = y if isinstance(y, np.ndarray) else np.asarray(y)
    if y.ndim > 2:
        raise ValueError(f"censored times are 1-D or 2-D, got shape {y.shape}; expected {_FORMS}")
    if y.dtype.names:
        return _checked(*_fields(y))
    if y.ndim == 1:
        y = _columns_of_pairs(y)
    if y.shape[1] != 2:
        raise ValueError(f"censored times have a time and an event, got shape {y.shape}; expected {_FORMS}")
    time, event = (y[:, 1], y[:, 0]) if _is_bool(y[:, 0]) else (y[:, 0], y[:, 1])
    return _checked(time, event)


def are_fields_of_one_label(y: np.ndarray) -> bool:
    """Return whether the fields of a structured array are a bool, the event, and a number, the time."""
    kinds = sorted(y.dtype[name].kind for name in y.dtype.names or ())
    return len(kinds) == 2 and kinds[0] == "b" and kinds[1] in "iuf"


def are_survival(y: np.ndarray) -> bool:
    """Return whether labels can only be times with events: a structured array, or pairs with one bool."""
    if y.dtype.names:
        return are_fields_of_one_label(y)
    if y.ndim != 1 or y.dtype.kind != "O":
        return False
    known = y[~is_missing(y)]
    return len(known) > 0 and all(
        isinstance(pair, tuple) and len(pair) == 2 and sum(map(_is_flag, pair)) == 1 for pair in known
    )


def _fields(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    kinds = {name: y.dtype[name].kind for name in y.dtype.names or ()}
    events = [name for name, kind in kinds.items() if kind == "b"]
    times = [name for name, kind in kinds.items() if kind in "iuf"]
    if len(kinds) != 2 or not events or not times:
        raise ValueError(f"the structured array has the fields {y.dtype.descr}; expected {_FORMS}")
    return y[times[0]], y[events[0]]


def _columns_of_pairs(y: np.ndarray) -> np.ndarray:
    """Return a column of pairs as objects (n_samples, 2), (time, event); None where there is no pair."""
    columns = np.full((len(y), 2), None, dtype=object)
    missing = is_missing(y)
    for row in np.flatnonzero(~missing):
        pair = y[row]
        if isinstance(pair, str) or not hasattr(pair, "__len__") or len(pair) != 2:
            pair = pair.item() if isinstance(pair, np.generic) else pair
            raise ValueError(f"row {row}: a censored time is a time and an event, got {pair!r}; expected {_FORMS}")
        first, second = pair
        columns[row] = [second, first] if _is_flag(first) and not _is_flag(second) else [first, second]
    return columns


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool | np.bool_)


def _is_bool(column: np.ndarray) -> bool:
    if column.dtype.kind != "O":
        return column.dtype.kind == "b"
    known = column[~is_missing(column)]
    return len(known) > 0 and all(map(_is_flag, known))


def _checked(time: np.ndarray, event: np.ndarray) -> CensoredTimes:
    labelled = ~is_missing(time)
    times, events = _numbers(time, labelled, "time"), _numbers(event, labelled & ~is_missing(event), "event")
    _refuse(labelled & is_missing(event), times, "a time has an event (0 or 1), got none for the time")
    _refuse(labelled & ~np.isfinite(times), times, "times must be finite, got")
    _refuse(labelled & (times < 0), times, "times must be at least 0, got")
    wrong = labelled & (events != 0) & (events != 1)
    _refuse(wrong, events, "the event must be 0 (censored) or 1, and two columns are (time, event); got")
    return CensoredTimes(np.where(labelled, times, 0.0), labelled & (events == 1), labelled)


def _numbers(values: np.ndarray, known: np.ndarray, what: str) -> np.ndarray:
    numbers = np.zeros(len(values))
    given = values[known]
    if values.dtype.kind in "cmMSU" or any(isinstance(value, str) for value in given.tolist()):
        raise ValueError(f"the {what} must be a number, got dtype {values.dtype}; expected {_FORMS}")
    try:
        numbers[known] = given.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"the {what} must be a number: {error}; expected {_FORMS}") from error
    return numbers


def _refuse(wrong: np.ndarray, values: np.ndarray, expected: str) -> None:
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise ValueError(f"row {row}: {expected} {values[row]:g}")
