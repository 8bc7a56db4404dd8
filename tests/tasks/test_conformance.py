import pytest

from sklearn_mtl import tasks
from sklearn_mtl.tasks import Task

from .cases import TASK_CASES
from .conformance import TaskConformance


class TestExportedTasks(TaskConformance):
    @pytest.fixture(params=TASK_CASES.values(), ids=TASK_CASES.keys())
    def case(self, request):
        return request.param


def test_every_exported_task_has_a_case():
    exported = {getattr(tasks, name) for name in tasks.__all__}
    types = {item for item in exported if isinstance(item, type) and issubclass(item, Task) and item is not Task}
    assert types == {type(case.task) for case in TASK_CASES.values()}
