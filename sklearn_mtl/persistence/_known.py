"""Which classes a file may name: those of this package, and those that the caller trusts."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np
import torch
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.pipeline import FeatureUnion, Pipeline
from torch import nn

from ..estimator._companions import MultiTaskNetClassifier, MultiTaskNetRegressor
from ..estimator._estimator import MultiTaskNetEstimator
from ..exceptions import ModelFileError
from ..model import Blueprint
from ..targets._targets import Container

PACKAGE = __name__.partition(".")[0]
#: the module of what a script that is run defines
SCRIPT = "__main__"
#: whose classes are specs, or what fitted specs are made of
ROOMS = ("trunks", "tasks", "architectures", "weighting", "penalties", "sampling")
ESTIMATORS = (MultiTaskNetEstimator, MultiTaskNetClassifier, MultiTaskNetRegressor)
#: of scikit-learn: what holds other estimators, ours among them, and little else
CONTAINERS: dict[str, type] = {
    "sklearn.pipeline.Pipeline": Pipeline,
    "sklearn.pipeline.FeatureUnion": FeatureUnion,
    "sklearn.compose.ColumnTransformer": ColumnTransformer,
    "sklearn.compose.TransformedTargetRegressor": TransformedTargetRegressor,
}


def _public(name: str, module: ModuleType, base: type) -> dict[str, type]:
    classes = {f"{name}.{key}": value for key, value in vars(module).items() if inspect.isclass(value)}
    return {key: cls for key, cls in classes.items() if issubclass(cls, base)}


# Classes that a parameter or a fitted attribute may be, as opposed to have an instance of.
_BUILTINS = (bool, bytes, dict, float, frozenset, int, list, object, set, str, tuple)
VALUES: dict[str, Any] = {
    **{f"builtins.{cls.__name__}": cls for cls in _BUILTINS},
    **{
        f"numpy.{cls.__name__}": cls
        for cls in vars(np).values()
        if inspect.isclass(cls) and issubclass(cls, np.generic)
    },
    **{f"numpy.{ufunc.__name__}": ufunc for ufunc in vars(np).values() if isinstance(ufunc, np.ufunc)},
    **_public("torch.optim", torch.optim, torch.optim.Optimizer),
    **_public("torch.nn", nn, nn.Module),
}


def known_classes() -> Mapping[str, type]:
    """List the classes whose instances a file may hold, by a name that does not depend on the file they are in."""
    # a module may have been imported since the last time
    return _known_classes(tuple(sorted(name for name in list(sys.modules) if name.startswith(f"{PACKAGE}."))))


@lru_cache(maxsize=1)
def _known_classes(modules: tuple[str, ...]) -> Mapping[str, type]:
    named: list[tuple[str, type]] = [
        *((f"{PACKAGE}.{cls.__name__}", cls) for cls in ESTIMATORS),
        (f"{PACKAGE}.Container", Container),
        (f"{PACKAGE}.training.Blueprint", Blueprint),
        ("sklearn.compose.make_column_selector", make_column_selector),
        *CONTAINERS.items(),
    ]
    for name in modules:
        room = name.split(".")[1]
        if room in ROOMS:
            named += [(f"{PACKAGE}.{room}.{cls.__name__}", cls) for cls in _classes_of(sys.modules[name])]
    known = dict(named)
    if len(known) < len(named):
        names = [name for name, _ in named]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise RuntimeError(f"two classes of one subpackage have one name: {twice}.")
    return MappingProxyType(known)


def _classes_of(module: ModuleType) -> list[type]:
    """List the plain classes that a module defines: specs, and what fitted specs hold."""
    classes = [value for value in vars(module).values() if inspect.isclass(value)]
    return [cls for cls in classes if cls.__module__ == module.__name__ and _is_plain(cls)]


def _is_plain(cls: type) -> bool:
    modules_and_faults = nn.Module, BaseException, torch.autograd.Function
    return not (cls.__name__.startswith("_") or inspect.isabstract(cls) or issubclass(cls, modules_and_faults))


def has_name(value: Any) -> bool:
    """Return whether a class or function is what its name stands for, as far as that can be told.

    A function that stands in for another one, as `functools.wraps` makes it, bears the name of that one.
    """
    name = getattr(value, "__qualname__", getattr(value, "__name__", None))
    if not isinstance(name, str) or "<lambda>" in name:
        return False
    if not inspect.isfunction(value) or value.__code__.co_name == value.__name__ or "<locals>" in name:
        return True
    found: Any = sys.modules.get(value.__module__)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found is value


def full_name(value: Any) -> str:
    """Return module and name of a class or function."""
    name = getattr(value, "__qualname__", value.__name__)
    return f"{getattr(value, '__module__', None) or 'numpy'}.{name}"  # a ufunc has no module


def may_be_attribute(cls: type, name: Any) -> bool:
    """Return whether objects of a class may have an attribute; it would not take the place of a method, for one."""
    if type(name) is not str or name.startswith("__"):
        return False
    taken = inspect.getattr_static(cls, name, None)
    return not (inspect.isroutine(taken) or isinstance(taken, property | classmethod | staticmethod))


class Registry:
    """Names of classes and functions, and what they stand for.

    Parameters
    ----------
    trusted : iterable of classes and functions, default=()
        What a file may name besides that which is known.

    Raises
    ------
    TypeError
        If something is neither a class nor a function.
    """

    def __init__(self, trusted: Iterable[Any] = ()) -> None:
        self.trusted = list(_checked(trusted))
        self._known = known_classes()
        self._names = {cls: name for name, cls in self._known.items()}
        self._trusted = {full_name(value): value for value in self.trusted}

    def is_known(self, cls: type) -> bool:
        """Return whether instances of a class are saved without being asked for."""
        return cls in self._names

    def name_of(self, cls: type) -> str:
        """Return the name of the class of an object."""
        return self._names.get(cls) or full_name(cls)

    def name_of_value(self, value: Any) -> str:
        """Return the name of a class, or function, that is a value itself."""
        known = next((name for name, cls in VALUES.items() if cls is value), None)
        return known or full_name(value)

    def class_of(self, name: str) -> type:
        """Return the class of an object.

        Raises
        ------
        ModelFileError
            If it is neither known nor trusted.
        """
        cls = self._known.get(name) or self._trusted_by(name)
        if not inspect.isclass(cls):
            raise ModelFileError(_not_known(name))
        return cls

    def value_of(self, name: str) -> Any:
        """Return a class or function that is a value itself.

        Raises
        ------
        ModelFileError
            If it is neither known nor trusted.
        """
        value = VALUES.get(name) or self._trusted_by(name)
        if value is None:
            raise ModelFileError(_not_known(name))
        return value

    def _trusted_by(self, name: str) -> Any:
        return self._trusted.get(name) or self._of_script(name)

    def _of_script(self, name: str) -> Any:
        """Find what a script defined, which is of ``__main__`` where it is run, and of a module where imported."""
        found = [value for value in self.trusted if _is_of_script(name, full_name(value))]
        return found[0] if len(found) == 1 else None


def _is_of_script(*names: str) -> bool:
    """Return whether two names are the same, but for the module, which is ``__main__`` in one of them."""
    pairs = (names, names[::-1])
    return any(one.startswith(f"{SCRIPT}.") and other.endswith(one.removeprefix(SCRIPT)) for one, other in pairs)


def _not_known(name: str) -> str:
    if name.startswith(f"{PACKAGE}."):
        return f"it holds a {name[:200]}, which this version of {PACKAGE} does not know"
    short = name[:200].rpartition(".")[2]
    return (
        f"it holds a {name[:200]}, which is none of {PACKAGE}'s own; if you trust the file and that class, pass "
        f"trusted=[{short}]"
    )


def _checked(trusted: Iterable[Any]) -> Iterable[Any]:
    if isinstance(trusted, str) or not isinstance(trusted, Iterable):
        raise TypeError(f"trusted={trusted!r} should be a sequence of classes.")
    for value in trusted:
        if not (inspect.isclass(value) or inspect.isroutine(value) or isinstance(value, np.ufunc)):
            raise TypeError(f"trusted should hold classes and functions themselves, got {value!r} in it.")
        yield value
