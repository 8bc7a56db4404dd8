import numpy as np
import pytest

from sklearn_mtl import tasks
from sklearn_mtl.tasks import Task
from sklearn_mtl.testing import TaskConformance

from .cases import TASK_CASES


class TestExportedTasks(TaskConformance):
    def cases(self):
        return TASK_CASES

    # -- what the tasks of the package promise besides

    def test_all_labels_missing_is_said(self, case):
        with pytest.raises(ValueError, match="all labels are missing"):
            case.spec().fit(case.no_labels())

    def test_more_dimensions_are_refused(self, case):
        message = "1-D or 2-D" if case.task.level == "sample" else r"\(n_samples, \w+"
        with pytest.raises(ValueError, match=message):
            case.spec().fit(np.zeros((4, *[2] * max(2, len(case.positions) + 1))))

    def test_perfect_predictions_score_one(self, case):
        assert case.fitted().score(case.labels, case.predictions) == pytest.approx(1)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_dtype_of_probabilities(self, case, dtype):
        task = case.fitted()
        proba = task.decode_proba(case.output(task, 9).numpy().astype(dtype))
        # small probabilities of one class are large ones of the others; pixels are too many for float64
        assert proba is None or proba.dtype == (dtype if task.level == "pixel" else np.float64)


def test_every_exported_task_has_a_case():
    exported = {getattr(tasks, name) for name in tasks.__all__}
    types = {item for item in exported if isinstance(item, type) and issubclass(item, Task) and item is not Task}
    assert types == {type(case.task) for case in TASK_CASES.values()}
