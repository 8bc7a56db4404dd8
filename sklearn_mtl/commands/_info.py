"""What a model file holds, as text."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from typing import Any

from ..persistence import model_info

# Classes and columns that are listed; of more, the number is given.
MOST_CLASSES, MOST_COLUMNS = 8, 40


def print_info(asked: argparse.Namespace) -> None:
    """Print the facts of a model file; the networks are not built."""
    info = model_info(asked.model)
    print(json.dumps(info, indent=1) if asked.json else "\n".join(_lines(info)))


def _lines(info: Mapping[str, Any]) -> Iterator[str]:
    steps = f" of {', '.join(info['steps'])}" if info["steps"] else ""
    yield f"{info['estimator']}{steps}, {_size(info['bytes'])}"
    versions = ", ".join(f"{name} {version}" for name, version in info["versions"].items())
    yield f"written by {versions or 'an unknown version'}"
    if not info["networks"]:
        yield "not fitted"
        return
    yield f"\ntasks ({len(info['tasks'])})"
    for name, task in info["tasks"].items():
        yield f"  {name}: {task['type']}{_classes(task)}{', auxiliary' if task['auxiliary'] else ''}"
    yield f"\ncolumns ({len(info['columns'])})" if info["columns"] else "\ncolumns: those of the first step"
    for column in info["columns"][:MOST_COLUMNS]:
        yield f"  {column['name']}{_kind(column)}"
    if len(info["columns"]) > MOST_COLUMNS:
        yield f"  and {len(info['columns']) - MOST_COLUMNS} more"
    for network in info["networks"]:
        yield from _network(network)


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.2f} MB" if n_bytes >= 1e5 else f"{n_bytes} bytes"


def _classes(task: Mapping[str, Any]) -> str:
    classes = task.get("classes")
    if not classes:
        return ""
    more = f" and {len(classes) - MOST_CLASSES} more" if len(classes) > MOST_CLASSES else ""
    return f" of {', '.join(map(str, classes[:MOST_CLASSES]))}{more}"


def _kind(column: Mapping[str, Any]) -> str:
    if column["kind"] is None:
        return ""
    many = f" of {column['n_categories']}" if "n_categories" in column else ""
    return f": {column['kind']}{many}"


def _network(network: Mapping[str, Any]) -> Iterator[str]:
    name = "network" if network["recipe"] is None else f"recipe {network['recipe']!r}"
    members = f"{network['members']} members, " if network["members"] > 1 else ""
    yield (
        f"\n{name}: {network['trunk']}, {network['architecture']}, {members}{network['parameters']} parameters, "
        f"{network['epochs']} epochs"
    )
    if "weights" in network:
        yield f"  weight: {_by_task(network['weights'])}"
    for what, values in network.get("validation", {}).items():
        yield f"  validation {what}: {_by_task(values)}"


def _by_task(values: Mapping[str, float | None]) -> str:
    return ", ".join(f"{name} {'unknown' if v is None else format(v, '.3f')}" for name, v in values.items())
