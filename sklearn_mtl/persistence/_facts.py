"""What a file says of its model, read from its values without making the objects."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from ..exceptions import ModelFileError
from ._decode import Tagged
from ._values import LEAVES

_SEQUENCES = ("tuple", "set", "frozenset")


class Described(NamedTuple):
    """An object of the file: the name of its class, and its attributes."""

    name: str
    attributes: dict[Any, Any]

    @property
    def short(self) -> str:
        """The name without modules."""
        return self.name.rpartition(".")[2]


def as_values(encoded: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """Convert parsed JSON to plain values: objects become `Described`, tuples and sets lists.

    Parameters
    ----------
    encoded : object
        Output of `parse`.
    arrays : mapping of str to ndarray
        The numeric arrays of the file.

    Raises
    ------
    KeyError, TypeError, ValueError, RecursionError
        If the values have another form.
    """
    if type(encoded) is list:
        return [as_values(entry, arrays) for entry in encoded]
    if type(encoded) is not Tagged:
        return encoded
    tag, value = encoded
    if tag == "tensor":
        return arrays[value[0]]
    if tag == "object":
        return Described(value[0], as_values(value[1], arrays))
    if tag == "objects":
        return as_values(value[1], arrays)
    if tag == "records":
        return dict(zip(*as_values(value, arrays), strict=True))
    if tag in LEAVES:
        return LEAVES[tag].unpack(as_values(value, arrays))
    if tag in ("dict", "ordered_dict"):
        entries = as_values(value, arrays)
        return dict(zip(map(_key, entries[::2]), entries[1::2], strict=True))
    return as_values(value, arrays) if tag in _SEQUENCES else None


def _key(value: Any) -> Any:
    return tuple(value) if type(value) is list else value


def facts_of(saved: Any) -> dict[str, Any]:
    """Return the facts of a model; see `model_info`.

    Raises
    ------
    ModelFileError
        If it is no estimator.
    """
    if type(saved) is not Described:
        raise ModelFileError("it does not hold an estimator")
    nets = list(_nets_in(saved))
    states = [each for net in nets for each in _states_of(net.attributes["_state"])]
    versions = nets[0].attributes["_state"]["versions"] if nets else {}
    return {
        "estimator": saved.short,
        "steps": [entry.short for _, entry in _steps_of(saved) if type(entry) is Described],
        "versions": {str(name): str(version) for name, version in versions.items()},
        "columns": _columns_of(nets[0]) if nets and _reads_x(saved) else [],
        "tasks": {str(name): of for _, state, _ in states for name, of in _tasks_of(state).items()},
        "networks": [_network_of(*each) for each in states],
    }


def _nets_in(value: Any) -> Iterator[Described]:
    """Yield the fitted networks of a model, from the outside in."""
    if type(value) is Described:
        if type(value.attributes.get("_state")) is dict:
            yield value
            return
        value = value.attributes
    entries = value.values() if isinstance(value, dict) else value if type(value) is list else ()
    for entry in entries:
        yield from _nets_in(entry)


def _steps_of(saved: Described) -> list[list[Any]]:
    return list(saved.attributes.get("steps", ()))


def _reads_x(value: Any) -> bool:
    """Return whether the first network reads X itself, and not the output of other steps."""
    if type(value) is not Described or type(value.attributes.get("_state")) is dict:
        return type(value) is Described
    if len(_steps_of(value)) > 1 or value.short in ("FeatureUnion", "ColumnTransformer"):
        return False
    inside = [each for each in value.attributes.values() if any(True for _ in _nets_in(each))]
    first = inside[0] if inside else None
    while type(first) is list and first:
        first = next(entry for entry in first if any(True for _ in _nets_in(entry)))
    return _reads_x(first)


def _states_of(state: dict[str, Any]) -> list[tuple[str | None, dict[str, Any], dict[str, float]]]:
    """Return the name, the state and the weights by task of each recipe, or of the only network."""
    recipes = state.get("recipes")
    if recipes is None:
        return [(None, state, {})]
    by_task = state["by_task"]
    return [
        (name, of, {str(task): float(weights[number]) for task, weights in by_task.items()})
        for number, (name, of) in enumerate(recipes.items())
    ]


def _columns_of(net: Described) -> list[dict[str, Any]]:
    names = net.attributes.get("feature_names_in_")
    names = range(net.attributes.get("n_features_in_", 0)) if names is None else names
    (_, state, _), *_ = _states_of(net.attributes["_state"])
    found = state["blueprint"].attributes["trunk"].attributes.get("table_")
    table = {} if found is None else found.attributes
    categories = dict(zip(table.get("categorical_", ()), table.get("categories_", ()), strict=True))
    return [_column(position, str(name), categories, bool(table)) for position, name in enumerate(names)]


def _column(position: int, name: str, categories: Mapping[int, Any], is_known: bool) -> dict[str, Any]:
    if position in categories:
        n_categories = sum(value is not None for value in categories[position])
        return {"name": name, "kind": "category", "n_categories": n_categories}
    return {"name": name, "kind": "number" if is_known else None}


def _tasks_of(state: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    blueprint = state["blueprint"].attributes
    auxiliary = blueprint.get("auxiliary", [])
    return {name: _task(task, name in auxiliary) for name, task in blueprint["tasks"].items()}


def _task(task: Described, is_auxiliary: bool) -> dict[str, Any]:
    classes = task.attributes.get("classes_")
    known = {} if classes is None else {"classes": [_plain(value) for value in classes]}
    return {"type": task.short, **known, "auxiliary": is_auxiliary}


def _plain(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _network_of(recipe: str | None, state: Mapping[str, Any], weights: dict[str, float]) -> dict[str, Any]:
    blueprint, history = state["blueprint"].attributes, state["history"]
    history = history if type(history) is dict else _columns(history)
    facts = {
        "recipe": recipe,
        **({"weights": weights} if weights else {}),
        "architecture": blueprint["architecture"].short,
        "trunk": blueprint["trunk"].short,
        "members": int(blueprint["n_members"]),
        "parameters": sum(int(array.size) for array in state["weights"].values()),
        "epochs": int(max(history.get("epoch", [0]), default=0)),
    }
    validation = _validation(history, [str(name) for name in blueprint["tasks"]])
    return {**facts, "validation": validation} if validation else facts


def _columns(history: Any) -> dict[str, list[Any]]:
    """Return the columns of rows, which a history of different keys, or of one epoch, is saved as."""
    names = dict.fromkeys(name for epoch in history for name in epoch)
    return {name: [epoch.get(name, math.nan) for epoch in history] for name in names}


def _validation(history: Mapping[str, Any], tasks: list[str]) -> dict[str, dict[str, float | None]]:
    if "valid_loss" not in history:
        return {}
    columns = {name: np.asarray(values, dtype=np.float64) for name, values in history.items() if name != "recipe"}
    members = columns.get("member", np.zeros(len(columns["epoch"])))
    best = []
    for member in np.unique(members):
        rows = np.flatnonzero((members == member) & np.isfinite(columns["valid_loss"]))
        best += [rows[columns["valid_loss"][rows].argmin()]] if len(rows) else []
    found = {
        what: {name: _mean(columns[key][best]) for name in tasks if (key := f"valid_{what}__{name}") in columns}
        for what in ("loss", "score")
    }
    return {what: values for what, values in found.items() if values and best}


def _mean(values: np.ndarray) -> float | None:
    """Return the mean of the known values; None if there are none."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None
