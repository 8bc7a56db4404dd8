"""Base class and assertions of the conformance suites."""

from __future__ import annotations

import copy
import inspect
import pickle
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Generic, TypeVar
from unittest import SkipTest

import numpy as np
import torch
from sklearn.base import BaseEstimator, clone
from torch import Tensor

Case = TypeVar("Case")


class Conformance(Generic[Case]):
    """Tests that every implementation of one base class must pass.

    Subclass one of the suites and override ``cases``. pytest collects the subclass if its name begins with
    "Test", and runs each method ``test_*`` on each case. ``failures`` runs them without pytest.
    """

    #: name of the argument of the tests
    argument: ClassVar[str] = "case"

    def cases(self) -> Mapping[str, Case]:
        """Return the objects to test, by the names that test reports show."""
        raise NotImplementedError(
            f"{type(self).__name__} has nothing to test: override `cases` to return the objects to test, by name."
        )

    def failures(self) -> dict[str, Exception]:
        """Run each test on each case, without pytest.

        Returns
        -------
        dict of str to Exception
            The exception of each failed test, by "test[case]".
        """
        raised = {}
        for case_name, case in self.cases().items():
            for test_name, test in self._tests():
                try:
                    test(case)
                except SkipTest:
                    continue
                except Exception as error:
                    raised[f"{test_name}[{case_name}]"] = error
        return raised

    def _tests(self) -> Iterator[tuple[str, Callable[[Case], None]]]:
        """List the tests whose only argument is a case; tests of a subclass may use fixtures."""
        for name, test in inspect.getmembers(self, inspect.ismethod):
            if name.startswith("test_") and list(inspect.signature(test).parameters) == [self.argument]:
                yield name, test

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """Parametrize the tests by the cases, for pytest."""
        if self.argument in metafunc.fixturenames:
            cases = self.cases()
            metafunc.parametrize(self.argument, list(cases.values()), ids=list(cases))


def assert_is_spec(spec: BaseEstimator, base: type, has_defaults: bool = True) -> None:
    """Check that an object can be cloned and pickled, and with defaults also built without arguments."""
    kind = type(spec)
    assert isinstance(spec, base), f"{kind.__name__} does not inherit from {base.__name__}."
    for copied, how in [(clone(spec), "clone"), (through_pickle(spec, kind), "pickle")]:
        assert repr(copied) == repr(spec), f"a copy by {how} is {copied!r}; expected {spec!r}."
    if has_defaults:
        kind()


def assert_unchanged(before: Mapping[str, Any], spec: BaseEstimator, call: str) -> None:
    """Check that a call has not changed a spec."""
    added = set(vars(spec)) - set(before)
    assert not added, f"{call} set {added} on the spec; do not store on it what is built or learned."
    assert_same_params(before, vars(spec), call)


def through_pickle(value: Any, kind: type) -> Any:
    """Copy a value that contains an instance of ``kind``, by pickle.

    pickle cannot find a class that is not defined in a module, but for instance in a function. The value is then
    copied by `copy.deepcopy`.
    """
    module = sys.modules.get(kind.__module__)
    if getattr(module, kind.__qualname__, None) is not kind:
        return copy.deepcopy(value)
    return pickle.loads(pickle.dumps(value))


def assert_refused(call: Callable[[], object], what: str) -> None:
    """Check that a call raises a ValueError or a TypeError."""
    try:
        call()
    except (ValueError, TypeError):
        return
    raise AssertionError(f"{what} must be refused with a ValueError that says what is wrong.")


def assert_equal_arrays(one: Any, other: Any, what: str) -> None:
    """Compare arrays exactly."""
    if getattr(one, "dtype", None) is not None and one.dtype.names:  # numpy finds NaN in fields unequal
        assert one.dtype == other.dtype, f"{what} The dtype was {other.dtype}, and is {one.dtype}."
        for name in one.dtype.names:
            np.testing.assert_array_equal(one[name], other[name], err_msg=what)
        return
    np.testing.assert_array_equal(one, other, err_msg=what)


def assert_close(one: Tensor, other: Tensor, what: str) -> None:
    """Compare tensors up to rounding."""
    torch.testing.assert_close(one, other, msg=lambda difference: f"{what}\n{difference}")


def assert_same_params(before: Mapping[str, Any], after: Mapping[str, Any], call: str) -> None:
    """Check that hyperparameters are still the same objects."""
    changed = [name for name, value in before.items() if after.get(name) is not value]
    assert not changed, f"{call} changed the parameters {changed}; store what is learned in other attributes."
