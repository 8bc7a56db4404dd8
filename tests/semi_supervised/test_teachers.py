"""Teachers that read the labels of other tasks."""

import numpy as np
import pytest

from sklearn_mtl import MultiTaskNetEstimator, Targets
from sklearn_mtl.architectures import TaskGraph
from sklearn_mtl.semi_supervised._teachers import known_to, reading_teacher

from .._helpers import assert_same_model, column, inputs, net
from ._data import learner, without

X = inputs(100)


def told_by_another_task():
    """Make a class that X says nothing of, and a number that gives it away."""
    kind = np.random.default_rng(0).integers(0, 2, size=len(X)).astype(float)
    return Targets(kind=without(kind, every=4), mass=50.0 + 10.0 * kind + X[:, 0]), kind


def reading(**params):
    return learner(max_epochs=40, learning_rate=0.03, threshold=0.7, n_folds=2, read_labels=True, **params)


def test_teachers_know_what_the_other_labels_say():
    y, _ = told_by_another_task()
    missing = int(np.isnan(y["kind"]).sum())
    read, alone = (reading(margin=0.0).set_params(read_labels=value).fit(X, y) for value in (True, False))
    n_labels = [each.rounds_.query("task == 'kind'")["n_labels"].sum() for each in (read, alone)]
    assert n_labels[0] > 0.8 * missing
    assert n_labels[1] < 0.6 * missing


def test_a_network_that_reads_labels_is_its_own_teacher():
    y, kind = told_by_another_task()
    fitted = reading(label_inputs=True).fit(X, y)
    assert fitted.rounds_.query("task == 'kind'")["n_labels"].iloc[0] > 0.8 * np.isnan(y["kind"]).sum()
    given = fitted.estimator_.predict(X, given={"mass": y["mass"]})["kind"]
    assert (given == kind).mean() > 0.9


@pytest.mark.parametrize(
    "params",
    [{"architecture": TaskGraph({"mass": ["kind"]})}, {"ensemble": "batch", "n_members": 2}],
    ids=["task graph", "batch ensemble"],
)
def test_networks_that_cannot_read_labels_teach_themselves(params):
    y, _ = told_by_another_task()
    fits = [
        learner(read_labels=value, max_epochs=3, n_folds=2, threshold=0.5, margin=0.0, **params).fit(X, y)
        for value in (True, False)
    ]
    assert_same_model(*(each.estimator_ for each in fits))
    assert fits[0].rounds_.equals(fits[1].rounds_)


def test_a_single_task_has_no_labels_to_read():
    y = told_by_another_task()[0]["kind"]
    student = net()
    assert reading_teacher(student, student.fit(X, {"kind": y})) is None


def test_the_teacher_of_a_portfolio_is_an_ensemble_whose_numbers_have_a_spread():
    student = MultiTaskNetEstimator(max_epochs=1, random_state=0)
    teacher = reading_teacher(student, student.fit(X[:20], told_by_another_task()[0][:20]))
    assert teacher.label_inputs
    assert teacher.n_members > 1
    assert not hasattr(teacher, "net_")


def test_classes_that_a_teacher_does_not_know_are_as_missing():
    kind = column(["ape", "bee"] * 50)
    teacher = net(label_inputs=True).fit(X, {"kind": kind, "mass": X[:, 0]})
    known = known_to(teacher, Targets(kind=column(["bee", "cat", None]), mass=np.array([1.0, np.nan, 2.0])))
    assert known["kind"].tolist() == ["bee", None, None]
    assert np.isfinite(teacher.predict(X[:3], given=known)["mass"]).all()
    assert known_to(net().fit(X, {"kind": kind}), Targets(kind=kind)) is None
