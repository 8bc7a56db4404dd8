"""A resumed fit equals an uninterrupted fit, bit for bit."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone

from sklearn_mtl import Checkpoint, EarlyStopping, MultiTaskNetClassifier, MultiTaskNetRegressor
from sklearn_mtl.architectures import MMoE
from sklearn_mtl.trunks import MLP
from sklearn_mtl.weighting import CAGrad, NashMTL, PCGrad

from .._helpers import assert_same
from ..inputs_cases import CASES
from ._fits import X, Y, assert_same_fit, epochs_of, killed, small

DROPOUT = MLP(hidden_sizes=(8, 6), dropout=0.3)


def stops(when=True, monitor="loss", patience=3):
    """Return parameters that stop early."""
    return {"early_stopping": EarlyStopping(when, monitor, patience), "validation": 0.3}


SETTINGS = {
    "plain": {},
    "dropout, cosine, early stopping": {"trunk": DROPOUT, "schedule": "cosine", **stops()},
    "best epoch long ago": {**stops(patience=20), "learning_rate": 0.5},
    "score watched": stops(monitor="score"),
    "per task": {**stops("per_task", patience=1), "learning_rate": 0.1},
    "one cycle, clipping, sgd": {
        "schedule": "one_cycle",
        "clip_norm": 0.1,
        "optimizer": "sgd",
        "net_params": {"optimizer__momentum": 0.9},
    },
    "adam, float64": {"optimizer": "adam", "dtype": "float64"},
    "class of torch": {"optimizer": torch.optim.RMSprop, "net_params": {"optimizer__momentum": 0.5}},
    "amsgrad": {"net_params": {"optimizer__amsgrad": True, "optimizer__betas": (0.8, 0.9)}},
    "idle task": {"task_weights": {"mass": 0, "tags": 2.5}, "score_weights": {"tags": 3}},
    "experts": {"architecture": MMoE(n_experts=2), "trunk": DROPOUT},
    "cross-stitch": {"architecture": "cross_stitch"},
    "uncertainty": {"weighting": "uncertainty"},
    "dynamic weight average": {"weighting": "dynamic_weight_average"},
    "famo": {"weighting": "famo"},
    "random weighting": {"weighting": "random_weighting"},
    "grad norm": {"weighting": "grad_norm"},
    "nash, every fifth step": {"weighting": NashMTL(every=5)},
    "cagrad, every seventh step": {"weighting": CAGrad(every=7)},
    "pcgrad": {"weighting": PCGrad(every=4)},
    "loss driven": {"task_sampling": "loss_driven"},
    "temperature": {"task_sampling": "temperature"},
    "sampled, per task": {"task_sampling": "proportional", **stops("per_task")},
    "penalties": {"penalties": ["trace_norm", "representation_dropout"]},
}


@pytest.mark.parametrize("params", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("epoch", [2, 5])
def test_resumed_fit_is_the_uninterrupted_one(tmp_path, params, epoch):
    estimator = small(**params, checkpoint=tmp_path)
    killed(estimator, epoch)
    assert_same_fit(estimator.fit(X, Y, resume=True), small(**params).fit(X, Y))


def test_any_epoch_will_do(tmp_path):
    params = {"trunk": DROPOUT, "schedule": "cosine", **stops(patience=10), "max_epochs": 10}
    uninterrupted = small(**params, learning_rate=0.1).fit(X, Y)
    assert uninterrupted.n_iter_ == 10
    for epoch in range(1, 11):
        estimator = small(**params, learning_rate=0.1, checkpoint=tmp_path / str(epoch))
        killed(estimator, epoch)
        assert_same_fit(estimator.fit(X, Y, resume=True), uninterrupted)


def test_fit_may_be_killed_again_and_again(tmp_path):
    params = {"trunk": DROPOUT, **stops(), "schedule": "one_cycle"}
    estimator = small(**params, checkpoint=tmp_path)
    for epoch in range(2, 7):
        killed(estimator, epoch, resume=True)
    assert_same_fit(estimator.fit(X, Y, resume=True), small(**params).fit(X, Y))


@pytest.mark.parametrize("every", [1, 2, 4, 100])
def test_epochs_between_two_checkpoints(tmp_path, every):
    estimator = small(trunk=DROPOUT, checkpoint=Checkpoint(tmp_path, every))
    killed(estimator, 6)
    first = {1: 6, 2: 5, 4: 5, 100: 1}[every]
    assert epochs_of(estimator, resume=True) == list(range(first, 7))
    assert_same_fit(estimator, small(trunk=DROPOUT).fit(X, Y))
    assert epochs_of(estimator, resume=True) == []


@pytest.mark.parametrize("case", CASES)
def test_rows_of_every_kind(tmp_path, case):
    case = CASES[case]()
    estimator = case.net(checkpoint=tmp_path)
    killed(estimator, 3, case.X, case.y)
    assert_same_fit(estimator.fit(case.X, case.y, resume=True), case.net().fit(case.X, case.y))


@pytest.mark.parametrize("estimator_class", [MultiTaskNetClassifier, MultiTaskNetRegressor])
def test_companions(tmp_path, estimator_class):
    y = np.digitize(X[:, 0], [-0.5, 0.5])
    params = {"trunk": DROPOUT, "max_epochs": 4, "random_state": 0}
    estimator = killed(estimator_class(**params, checkpoint=tmp_path), 3, X, y)
    assert_same_fit(estimator.fit(X, y, resume=True), estimator_class(**params).fit(X, y))


def test_frames_weights_and_targets_are_recognised(tmp_path):
    frame = pd.DataFrame(X, columns=list("abcd")).assign(kind=np.where(X[:, 0] > 0, "x", "y"))
    y = pd.DataFrame({"mass": Y["mass"], "species": Y["species"]})
    weight = np.linspace(1, 2, len(X))
    params = {"trunk": MLP((6,), dropout=0.2)}
    killed(small(**params, checkpoint=tmp_path), 3, frame, y, sample_weight=weight)
    resumed = small(**params, checkpoint=tmp_path).fit(
        frame.copy(), targets=y.copy(), sample_weight=weight.copy(), resume=True
    )
    assert len(list(tmp_path.iterdir())) == 1
    assert_same_fit(resumed, small(**params).fit(frame, y, sample_weight=weight))


# -- what a fit finds


def test_without_a_checkpoint_it_starts_afresh(tmp_path):
    estimator = small(checkpoint=tmp_path / "new" / "folder")
    assert epochs_of(estimator, resume=True) == [1, 2, 3, 4, 5, 6]
    assert_same_fit(estimator, small().fit(X, Y))


@pytest.mark.parametrize("params", [{}, {**stops(patience=1), "learning_rate": 0.5, "max_epochs": 50}])
def test_finished_fit_is_not_trained_again(tmp_path, params):
    first = small(**params, checkpoint=tmp_path).fit(X, Y)
    content = next(tmp_path.iterdir()).read_bytes()
    again = small(**params, checkpoint=tmp_path)
    assert epochs_of(again, resume=True) == []
    assert_same_fit(again, first)
    assert_same(again.predict(X), first.predict(X))
    assert next(tmp_path.iterdir()).read_bytes() == content


def test_more_epochs_are_trained_on(tmp_path):
    params = {"trunk": DROPOUT, **stops(patience=20)}
    small(**params, max_epochs=3, checkpoint=tmp_path).fit(X, Y)
    estimator = small(**params, max_epochs=6, checkpoint=tmp_path)
    assert epochs_of(estimator, resume=True) == [4, 5, 6]
    assert_same_fit(estimator, small(**params, max_epochs=6).fit(X, Y))


def test_fit_that_stopped_early_stays_so_with_more_epochs(tmp_path):
    params = {**stops(patience=1), "learning_rate": 0.5}
    stopped = small(**params, max_epochs=50, checkpoint=tmp_path).fit(X, Y)
    assert stopped.n_iter_ < 50
    assert epochs_of(small(**params, max_epochs=90, checkpoint=tmp_path), resume=True) == []


def test_checkpoint_of_a_longer_fit_is_neither_used_nor_written_to(tmp_path):
    small(checkpoint=tmp_path).fit(X, Y)
    content = next(tmp_path.iterdir()).read_bytes()
    shorter = small(max_epochs=2, checkpoint=tmp_path).fit(X, Y, resume=True)
    assert_same_fit(shorter, small(max_epochs=2).fit(X, Y))
    assert next(tmp_path.iterdir()).read_bytes() == content


def test_other_number_of_epochs_is_another_fit_where_the_schedule_depends_on_it(tmp_path):
    params = {"schedule": "cosine", "checkpoint": tmp_path}
    small(**params, max_epochs=3).fit(X, Y)
    estimator = small(**params, max_epochs=6)
    assert epochs_of(estimator, resume=True) == [1, 2, 3, 4, 5, 6]
    assert_same_fit(estimator, small(schedule="cosine", max_epochs=6).fit(X, Y))


def test_without_resume_it_starts_afresh(tmp_path):
    killed(small(checkpoint=tmp_path), 4)
    estimator = small(checkpoint=tmp_path)
    assert epochs_of(estimator) == [1, 2, 3, 4, 5, 6]


CHANGES = {
    "a parameter": {"learning_rate": 0.02},
    "a weight of a task": {"task_weights": {"mass": 2.0}},
    "the seed": {"random_state": 1},
    "a parameter inside": {"trunk": MLP((8,), scaling="standard", dropout=0.1)},
    "the rows": {"X": X + 1},
    "the targets": {"y": Y[::-1]},
    "the weights": {"sample_weight": np.linspace(1, 2, len(X))},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_other_fits_have_files_of_their_own(tmp_path, change):
    killed(small(checkpoint=tmp_path), 4)
    data = {"X": X, "y": Y} | {k: v for k, v in change.items() if k in ("X", "y", "sample_weight")}
    params = {k: v for k, v in change.items() if k not in data}
    resumed = small(checkpoint=tmp_path, **params).fit(**data, resume=True)
    assert len(list(tmp_path.iterdir())) == 2
    assert_same_fit(resumed, small(**params).fit(**data))


NO_CHANGES = [{"verbose": 1}, {"device": "cpu"}, {"every": 3}]


@pytest.mark.parametrize("change", NO_CHANGES, ids=str)
def test_what_does_not_change_the_fit_is_not_in_the_name(tmp_path, change, capsys):
    killed(small(trunk=DROPOUT, checkpoint=tmp_path), 4)
    checkpoint = Checkpoint(tmp_path, change.pop("every", 1))
    resumed = small(trunk=DROPOUT, checkpoint=checkpoint, **change).fit(X, Y, resume=True)
    assert len(list(tmp_path.iterdir())) == 1
    assert_same_fit(resumed, small(trunk=DROPOUT).fit(X, Y))


def test_seed_that_was_drawn_is_in_the_checkpoint(tmp_path):
    estimator = killed(small(trunk=DROPOUT, random_state=None, checkpoint=tmp_path), 3)
    first = clone(estimator).fit(X, Y, resume=True)
    again = clone(estimator).fit(X, Y, resume=True)
    assert_same_fit(again, first)
    seed = first.net_.blueprint.seed
    uninterrupted = small(trunk=DROPOUT, random_state=_Seed(seed)).fit(X, Y)
    assert_same_fit(first, uninterrupted)


class _Seed(np.random.RandomState):
    """A generator that gives one seed."""

    def __init__(self, seed):
        super().__init__(0)
        self.seed_given = seed

    def randint(self, *args, **kwargs):
        return self.seed_given


def test_generator_is_recognised_by_where_it_stands(tmp_path):
    killed(small(trunk=DROPOUT, random_state=np.random.RandomState(5), checkpoint=tmp_path), 3)
    resumed = small(trunk=DROPOUT, random_state=np.random.RandomState(5), checkpoint=tmp_path)
    assert_same_fit(
        resumed.fit(X, Y, resume=True), small(trunk=DROPOUT, random_state=np.random.RandomState(5)).fit(X, Y)
    )


def test_fit_that_goes_on_from_a_model(tmp_path):
    params = {"trunk": DROPOUT, "warm_start": True, **stops(), "schedule": "cosine"}
    uninterrupted = small(**params).fit(X, Y).fit(X, Y)
    fitted = small(**params).fit(X, Y).set_params(checkpoint=tmp_path)
    killed(fitted, fitted.n_iter_ + 4)
    assert_same_fit(fitted.fit(X, Y, resume=True), uninterrupted)
    # from another model it is another fit
    other = small(**params, checkpoint=tmp_path).fit(X, Y, resume=True)
    assert_same_fit(other, small(**params).fit(X, Y))
