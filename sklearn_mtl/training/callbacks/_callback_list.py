"""The list of skorch callbacks of an estimator: names and checks."""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any

from skorch.callbacks import (
    Callback,
    InputShapeSetter,
    LoadInitState,
    LRScheduler,
    MlflowLogger,
    NeptuneLogger,
    ParamMapper,
    TrainEndCheckpoint,
)

from ...utils._params import SpecList
from ._lr_scheduler import with_policy_class

# These write to their own parameters, so a copy is run.
_WRITE_TO_THEMSELVES = (LRScheduler, ParamMapper, NeptuneLogger, MlflowLogger)


class CallbackList(SpecList):
    """Callbacks by their names in skorch: the name of the pair, or of the class, numbered if needed."""

    def __init__(self) -> None:
        super().__init__(lambda callback: callback, _class_name)

    def names(self, entries: Any) -> list[str]:
        plain = [entry[0] if _is_pair(entry) else _class_name(entry) for entry in entries]
        unnamed = Counter(name for name, entry in zip(plain, entries, strict=True) if not _is_pair(entry))
        seen: Counter[str] = Counter()
        names = []
        for name, entry in zip(plain, entries, strict=True):
            seen[name] += not _is_pair(entry)
            names.append(name if _is_pair(entry) or unnamed[name] == 1 else f"{name}_{seen[name]}")
        return names

    def read(self, entry: Any) -> Any:
        return entry[1] if _is_pair(entry) else entry

    def replaced(self, entries: Any, name: str, value: Any) -> list[Any]:
        # numbered names depend on the other callbacks, so all names are made explicit
        pairs = zip(self.names(entries), map(self.read, entries), strict=True)
        return [(known, value if known == name else entry) for known, entry in pairs]

    def changed(self, value: Any, param: str, to: Any) -> Any:
        if value is None:
            raise ValueError(f"callbacks has None where {param!r} was to be set to {to!r}.")
        changed = value() if isinstance(value, type) else copy.copy(value)
        changed.set_params(**{param: to})
        return changed


def callbacks_of(callbacks: Any) -> list[Any]:
    """Return the callbacks of a list, instances or classes, without names and without None."""
    entries = [entry[1] if _is_pair(entry) else entry for entry in _listed(callbacks)]
    return [entry for entry in entries if entry is not None]


def has_callback(callbacks: Any, kind: type[Callback]) -> bool:
    """Return whether a list of callbacks, instances or classes, contains one of a class."""
    return any(
        issubclass(entry if isinstance(entry, type) else type(entry), kind) for entry in callbacks_of(callbacks)
    )


def callbacks_to_run(callbacks: Any) -> list[Any] | None:
    """Check a list of callbacks and return those to run; callbacks that change themselves are copied.

    Raises
    ------
    TypeError
        If it is not a list of skorch callbacks.
    ValueError
        If a callback has no effect.
    """
    if callbacks is None:
        return None
    callbacks = _listed(callbacks)
    for entry in callbacks:
        callback = entry[1] if _is_pair(entry) else entry
        if not (
            (callback is None and _is_pair(entry))
            or isinstance(callback, Callback)
            or (isinstance(callback, type) and issubclass(callback, Callback))
        ):
            raise TypeError(f"callbacks should be a list of skorch callbacks, got {entry!r} in it.")
    if has_callback(callbacks, InputShapeSetter):
        raise ValueError(
            "callbacks holds an InputShapeSetter, which has no effect: fit determines the number of inputs and "
            "passes it to the trunk. Remove it."
        )
    return [(entry[0], _to_run(entry[1])) if _is_pair(entry) else _to_run(entry) for entry in callbacks]


def _listed(callbacks: Any) -> list[Any]:
    if isinstance(callbacks, str) or not (callbacks is None or hasattr(callbacks, "__iter__")):
        raise TypeError(f"callbacks={callbacks!r} should be a list of skorch callbacks or None.")
    return list(callbacks or ())


def _to_run(callback: Any) -> Any:
    if isinstance(callback, LoadInitState) and isinstance(callback.checkpoint, TrainEndCheckpoint):
        callback.checkpoint.initialize()  # a clone is not the one in the list, which skorch initialises
    if not isinstance(callback, _WRITE_TO_THEMSELVES):
        return callback
    copied = copy.copy(callback)
    return with_policy_class(copied) if isinstance(copied, LRScheduler) else copied


def _is_pair(entry: Any) -> bool:
    return isinstance(entry, tuple | list) and len(entry) == 2


def _class_name(entry: Any) -> str:
    return entry.__name__ if isinstance(entry, type) else type(entry).__name__
