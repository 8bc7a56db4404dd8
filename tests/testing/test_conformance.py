"""The suites as classes that pytest collects, and without pytest."""

import subprocess
import sys
from unittest import SkipTest

import pytest

from sklearn_mtl import testing
from sklearn_mtl.sampling import ProportionalSampling
from sklearn_mtl.testing import Conformance, TaskSamplingConformance


class Numbers(Conformance):
    argument = "number"

    def cases(self):
        return {"one": 1, "two": 2}

    def test_is_odd(self, number):
        assert number % 2, "not odd"

    def test_is_small(self, number):
        if number > 1:
            raise SkipTest("too large to ask")

    def test_wants_a_fixture(self, number, tmp_path):
        raise AssertionError("only pytest can run this")

    def helper(self, number):
        raise AssertionError("no test")


def test_failures_are_by_test_and_case():
    failures = Numbers().failures()
    assert list(failures) == ["test_is_odd[two]"]
    assert str(failures["test_is_odd[two]"]).startswith("not odd")


@pytest.mark.parametrize("name", [name for name in testing.__all__ if name.endswith("Conformance")])
def test_a_suite_without_cases_says_what_to_do(name):
    with pytest.raises(NotImplementedError, match=f"{name} has nothing to test: override `cases`"):
        getattr(testing, name)().failures()


def test_every_exported_suite_has_tests():
    suites = [getattr(testing, name) for name in testing.__all__ if name.endswith("Conformance")]
    for suite in {*suites} - {Conformance}:
        assert [name for name in vars(suite) if name.startswith("test_")]


def run(*args, **kwargs):
    return subprocess.run([sys.executable, *args], capture_output=True, text=True, **kwargs)


def test_the_suites_can_be_imported_without_pytest():
    code = "import sys, sklearn_mtl.testing; print({'pytest', 'pandas'} & {*sys.modules})"
    assert run("-c", code).stdout in ("set()\n", "{'pandas'}\n")


OF_A_USER = """
import torch
from sklearn_mtl.sampling import ProportionalSampling, TaskSampling
from sklearn_mtl.testing import TaskSamplingConformance


class AlwaysTheFirst(TaskSampling):
    def plan(self, sizes, progress, n_steps, generator):
        return torch.zeros(n_steps, dtype=torch.int64)


class TestSamplings(TaskSamplingConformance):
    def cases(self):
        return {"right": ProportionalSampling(), "wrong": AlwaysTheFirst()}
"""


def test_pytest_collects_a_subclass_and_runs_each_case(tmp_path):
    file = tmp_path / "test_of_a_user.py"
    file.write_text(OF_A_USER)
    lines = run("-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", str(file), cwd=tmp_path).stdout.splitlines()
    tests = [name for name in vars(TaskSamplingConformance) if name.startswith("test_")]
    results = [line.split()[:2] for line in lines if line.startswith(("PASSED", "FAILED"))]
    failed = [name.partition("::TestSamplings::")[2] for result, name in results if result == "FAILED"]
    assert len(results) == 2 * len(tests)
    assert sorted(failed) == [
        "test_a_task_without_rows_is_never_planned[wrong]",
        "test_every_task_with_rows_is_planned[wrong]",
    ]
    assert any("the plan has the tasks {0}, which have no rows" in line for line in lines)


def test_a_class_that_pickle_cannot_find_can_be_tested():
    class OfAFunction(ProportionalSampling):
        pass

    class Suite(TaskSamplingConformance):
        def cases(self):
            return {"it": OfAFunction()}

    assert Suite().failures() == {}
