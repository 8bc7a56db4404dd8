"""Import of optional dependencies."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


def import_optional(module: str, extra: str, purpose: str) -> ModuleType:
    """Import a module that an extra of this package installs.

    Parameters
    ----------
    module : str
        Module to import.
    extra : str
        The extra that installs it.
    purpose : str
        Feature that needs it, for the message.

    Raises
    ------
    ImportError
        If the module is missing; the message names the extra.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.split(".")[0]
        raise ImportError(
            f"{purpose} needs {package}; install it with: pip install 'sklearn-mtl[{extra}]'"
        ) from error
