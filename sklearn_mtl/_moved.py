"""Names of modules that have moved, for models that were pickled before."""

from __future__ import annotations

import sys

from . import estimator, model, targets, tasks

PACKAGE = __name__.partition(".")[0]
#: the module that a pickle names, and the one that has its classes now
MOVED = {
    "_estimator": estimator,
    "_companions": estimator,
    "_targets": targets,
    "tasks._groups": tasks,
    "training._blueprint": model,
}


def register() -> None:
    """Let the old names stand for the modules of today."""
    for name, module in MOVED.items():
        sys.modules.setdefault(f"{PACKAGE}.{name}", module)
