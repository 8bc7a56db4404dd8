"""Names of modules that have moved, for models that were pickled before."""

from __future__ import annotations

import sys
from importlib import import_module

PACKAGE = __name__.partition(".")[0]
#: the module that a pickle names, and the one that has its classes now
MOVED = {
    "_estimator": "estimator",
    "_companions": "estimator",
    "_targets": "targets",
    "tasks._groups": "tasks",
    "training._blueprint": "model",
}


def register() -> None:
    """Let the old names stand for the modules of today."""
    for old, new in MOVED.items():
        sys.modules.setdefault(f"{PACKAGE}.{old}", import_module(f"{PACKAGE}.{new}"))
