"""Classes that a file may name: those of this package, and those that the caller trusts."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np
import torch
from sklearn import metrics, model_selection
from sklearn.calibration import CalibratedClassifierCV, _CalibratedClassifier
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.frozen import FrozenEstimator
from sklearn.metrics._scorer import _CurveScorer, _Scorer
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.pipeline import FeatureUnion, Pipeline
from torch import nn

from ..config import Auxiliary, BatchEnsemble, Checkpoint, DeepEnsemble, EarlyStopping, Optimizer, Portfolio
from ..estimator._companions import MultiTaskNetClassifier, MultiTaskNetRegressor
from ..estimator._estimator import MultiTaskNetEstimator
from ..estimator._task_view import TaskViewClassifier, TaskViewRegressor
from ..exceptions import ModelFileError
from ..model import Blueprint
from ..model_selection import LastRows, MultiTaskStratifiedGroupKFold, MultiTaskStratifiedKFold, TaskGrouping
from ..semi_supervised import SelfTrainingMultiTask
from ..targets import Container
from ..uncertainty import CalibratedMultiTask, ConformalMultiTask
from ..uncertainty._calibration import Calibration
from ..uncertainty._dirichlet import DirichletCalibrated, DirichletMap
from ..uncertainty._scorers import Scores
from ..utils._repeated import repeated

PACKAGE = __name__.partition(".")[0]
#: the module of definitions in a running script
SCRIPT = "__main__"
#: subpackages whose classes are specs or parts of fitted specs
ROOMS = ("trunks", "tasks", "architectures", "weighting", "penalties", "sampling")
#: other specs
SPECS = (Auxiliary, BatchEnsemble, Checkpoint, DeepEnsemble, EarlyStopping, Optimizer, Portfolio)
VIEWS = (TaskViewClassifier, TaskViewRegressor)
#: estimators that hold a network
HOLDERS = (*VIEWS, SelfTrainingMultiTask, TaskGrouping, CalibratedMultiTask, ConformalMultiTask)
ESTIMATORS = (MultiTaskNetEstimator, MultiTaskNetClassifier, MultiTaskNetRegressor, *HOLDERS)
#: what calibrated networks are made of
PARTS_OF_UNCERTAINTY = (Calibration, DirichletCalibrated, DirichletMap, Scores)
#: splitters of this package
SPLITTERS = (LastRows, MultiTaskStratifiedGroupKFold, MultiTaskStratifiedKFold)
#: classes of scikit-learn that mainly hold other estimators
CONTAINERS: dict[str, type] = {
    "sklearn.pipeline.Pipeline": Pipeline,
    "sklearn.pipeline.FeatureUnion": FeatureUnion,
    "sklearn.compose.ColumnTransformer": ColumnTransformer,
    "sklearn.compose.TransformedTargetRegressor": TransformedTargetRegressor,
    "sklearn.frozen.FrozenEstimator": FrozenEstimator,
    "sklearn.calibration.CalibratedClassifierCV": CalibratedClassifierCV,
    "sklearn.calibration._CalibratedClassifier": _CalibratedClassifier,
    "sklearn.model_selection.FixedThresholdClassifier": FixedThresholdClassifier,
    "sklearn.model_selection.TunedThresholdClassifierCV": TunedThresholdClassifierCV,
}
#: scorers, which a tuned threshold keeps
SCORERS: dict[str, type] = {f"sklearn.metrics.{cls.__name__}": cls for cls in (_CurveScorer, _Scorer)}


def _public(name: str, module: ModuleType, base: type) -> dict[str, type]:
    classes = {f"{name}.{key}": value for key, value in vars(module).items() if inspect.isclass(value)}
    return {key: cls for key, cls in classes.items() if issubclass(cls, base)}


# Classes that may themselves be a parameter or a fitted attribute, not only their instances.
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
    **{f"sklearn.metrics.{key}": value for key, value in vars(metrics).items() if inspect.isfunction(value)},
}


def known_classes() -> Mapping[str, type]:
    """Return the classes whose instances a file may hold, by a name that does not depend on their module."""
    # a module may have been imported since the last call
    return _known_classes(tuple(sorted(name for name in list(sys.modules) if name.startswith(f"{PACKAGE}."))))


@lru_cache(maxsize=1)
def _known_classes(modules: tuple[str, ...]) -> Mapping[str, type]:
    named: list[tuple[str, type]] = [
        *((f"{PACKAGE}.{cls.__name__}", cls) for cls in ESTIMATORS),
        (f"{PACKAGE}.Container", Container),
        (f"{PACKAGE}.training.Blueprint", Blueprint),
        *((f"{PACKAGE}.uncertainty.{cls.__name__}", cls) for cls in PARTS_OF_UNCERTAINTY),
        ("sklearn.compose.make_column_selector", make_column_selector),
        *((f"{PACKAGE}.config.{cls.__name__}", cls) for cls in SPECS),
        *((f"{PACKAGE}.model_selection.{cls.__name__}", cls) for cls in SPLITTERS),
        *((f"sklearn.model_selection.{cls.__name__}", cls) for cls in _splitters_of_sklearn()),
        *CONTAINERS.items(),
        *SCORERS.items(),
    ]
    for name in modules:
        room = name.split(".")[1]
        if room in ROOMS:
            named += [(f"{PACKAGE}.{room}.{cls.__name__}", cls) for cls in _classes_of(sys.modules[name])]
    known = dict(named)
    if len(known) < len(named):
        twice = repeated(name for name, _ in named)
        raise RuntimeError(f"two classes of one subpackage have the same name: {twice}.")
    return MappingProxyType(known)


def _splitters_of_sklearn() -> list[type]:
    """Return scikit-learn's splitters, which may be a parameter."""
    found = [vars(model_selection).get(name) for name in model_selection.__all__]
    classes = [value for value in found if inspect.isclass(value) and not inspect.isabstract(value)]
    return [cls for cls in classes if hasattr(cls, "split")]


def _classes_of(module: ModuleType) -> list[type]:
    """Return the plain classes that a module defines: specs and parts of fitted specs."""
    classes = [value for value in vars(module).values() if inspect.isclass(value)]
    return [cls for cls in classes if cls.__module__ == module.__name__ and _is_plain(cls)]


def _is_plain(cls: type) -> bool:
    modules_and_faults = nn.Module, BaseException, torch.autograd.Function
    return not (cls.__name__.startswith("_") or inspect.isabstract(cls) or issubclass(cls, modules_and_faults))


def has_name(value: Any) -> bool:
    """Return whether a class or function can be found by its name.

    A wrapper made with `functools.wraps` has the name of the wrapped function.
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
    """Return whether objects of a class may have an attribute, which for instance must not hide a method."""
    if type(name) is not str or name.startswith("__"):
        return False
    taken = inspect.getattr_static(cls, name, None)
    return not (inspect.isroutine(taken) or isinstance(taken, property | classmethod | staticmethod))


class Registry:
    """Names of the classes and functions that a file may contain.

    Parameters
    ----------
    trusted : iterable of classes and functions, default=()
        What a file may name in addition to the known classes.

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
        """Return whether instances of a class can be saved and loaded without ``trusted``."""
        return cls in self._names

    def name_of(self, cls: type) -> str:
        """Return the name of the class of an object."""
        return self._names.get(cls) or full_name(cls)

    def name_of_value(self, value: Any) -> str:
        """Return the name of a class or function that is a value itself."""
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
        """Find a definition of a script, which is in ``__main__`` if run, and in another module if imported."""
        found = [value for value in self.trusted if _is_of_script(name, full_name(value))]
        return found[0] if len(found) == 1 else None


def _is_of_script(*names: str) -> bool:
    """Return whether two names are equal except for the module, which is ``__main__`` in one of them."""
    pairs = (names, names[::-1])
    return any(one.startswith(f"{SCRIPT}.") and other.endswith(one.removeprefix(SCRIPT)) for one, other in pairs)


def _not_known(name: str) -> str:
    if name.startswith(f"{PACKAGE}."):
        return f"it holds a {name[:200]}, which this version of {PACKAGE} does not know"
    short = name[:200].rpartition(".")[2]
    return (
        f"it holds a {name[:200]}, which is not part of {PACKAGE}; if you trust the file and that class, pass "
        f"trusted=[{short}]"
    )


def _checked(trusted: Iterable[Any]) -> Iterable[Any]:
    if isinstance(trusted, str) or not isinstance(trusted, Iterable):
        raise TypeError(f"trusted={trusted!r} should be a sequence of classes.")
    for value in trusted:
        if not (inspect.isclass(value) or inspect.isroutine(value) or isinstance(value, np.ufunc)):
            raise TypeError(f"trusted should contain classes and functions, got {value!r}.")
        yield value
