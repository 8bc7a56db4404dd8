"""The checkpoint file of a fit, and the parameter ``checkpoint`` in other places."""

import shutil

import numpy as np
import pytest
import sklearn
import torch
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback, LRScheduler
from torch.optim.lr_scheduler import StepLR

from sklearn_mtl import EarlyStopping
from sklearn_mtl.exceptions import ModelFileError
from sklearn_mtl.files._archive import pack_archive, read_archive
from sklearn_mtl.files._tree import pack_tree, unpack_tree
from sklearn_mtl.model_selection import TaskWeightSearchCV
from sklearn_mtl.trunks import MLP
from sklearn_mtl.utils import _digest

from .._helpers import assert_same, assert_same_model
from ._fits import X, Y, assert_same_fit, epochs_of, killed, small, watched_epochs

DROPOUT = MLP(hidden_sizes=(8, 6), dropout=0.3)
STOPS = {"early_stopping": EarlyStopping(True, n_iter_no_change=3), "validation": 0.3}
MEMBERS = ["state.json", "tensors.safetensors"]


@pytest.mark.parametrize("task", ["../../outside", "a/b", "{net}", "%s", "C:\\x", "a\x00b", ".."])
def test_names_of_tasks_are_in_no_path(tmp_path, task):
    folder = tmp_path / "inner" / "checkpoints"
    small(checkpoint=folder, max_epochs=2).fit(X, {task: X[:, 0], "other": X[:, 1]})
    names = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(names) == 1
    name = names[0].removeprefix("inner/checkpoints/").removesuffix(".checkpoint")
    assert len(name) == 40
    assert set(name) <= set("0123456789abcdef")


def test_checkpoint_holds_no_pickle(tmp_path):
    small(checkpoint=tmp_path, **STOPS).fit(X, Y)
    members = read_archive(next(tmp_path.iterdir()), MEMBERS)
    tree = unpack_tree(*members.values())
    assert set(tree["training"]) == {
        "seed", "stopped", "network", "objective", "optimizer", "rates", "stopping", "history",
        "members",
    }  # fmt: skip


DAMAGES = {
    "truncated": lambda content: content[:-100],
    "emptied": lambda content: b"",
    "changed": lambda content: content.replace(content[2000:2008], b"12345678"),
    "a byte more": lambda content: content[:3000] + b"x" + content[3000:],
    "another file": lambda content: b"notes of mine",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_checkpoint_is_refused(tmp_path, damage):
    estimator = killed(small(checkpoint=tmp_path), 4)
    path = next(tmp_path.iterdir())
    path.write_bytes(damage(path.read_bytes()))
    fitted = small().fit(X, Y).set_params(checkpoint=tmp_path)
    before = fitted.predict(X)
    for other in (estimator, fitted):
        with pytest.raises(ModelFileError, match=r"the checkpoint .* cannot be used: .* damaged.* Remove"):
            other.fit(X, Y, resume=True)
    assert not hasattr(estimator, "net_")
    assert_same(fitted.predict(X), before)
    assert_same_fit(estimator.fit(X, Y), small().fit(X, Y))  # without resume it is written anew
    assert epochs_of(small(checkpoint=tmp_path), resume=True) == []


def rewrite(path, change):
    members = read_archive(path, MEMBERS)
    tree = unpack_tree(*(members[name] for name in MEMBERS))
    change(tree)
    path.write_bytes(pack_archive(dict(zip(MEMBERS, pack_tree(tree), strict=True))))


LIES = {
    "of another fit": lambda tree: tree.update(fit="0" * 64),
    "of another layout": lambda tree: tree.update(layout=99),
    "of another kind": lambda tree: tree.update(kind="model"),
    "other shapes": lambda tree: tree["training"]["network"].update(
        {name: torch.zeros(3, 3) for name in tree["training"]["network"]}
    ),
    "weights lacking": lambda tree: tree["training"]["network"].popitem(),
    "no optimiser": lambda tree: tree["training"].pop("optimizer"),
    "no history": lambda tree: tree["training"].pop("history"),
    "a history of nothing": lambda tree: tree["training"].update(history=[{}] * 3),
    "a number as history": lambda tree: tree["training"].update(history=3),
    "not said whether it stopped": lambda tree: tree["training"].pop("stopped"),
    "no training": lambda tree: tree.pop("training"),
    "no stopping rule": lambda tree: tree["training"].update(stopping=None),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_checkpoint_that_does_not_fit_is_refused(tmp_path, lie):
    estimator = killed(small(checkpoint=tmp_path, **STOPS), 4)
    rewrite(next(tmp_path.iterdir()), lie)
    with pytest.raises(ModelFileError, match=r"the checkpoint .* cannot be used"):
        estimator.fit(X, Y, resume=True)
    assert not hasattr(estimator, "net_")


def test_renamed_checkpoint_is_refused(tmp_path):
    killed(small(checkpoint=tmp_path), 4)
    one = next(tmp_path.iterdir())
    killed(small(checkpoint=tmp_path, random_state=1), 4)
    other = next(path for path in tmp_path.iterdir() if path != one)
    shutil.copy(one, other)
    with pytest.raises(ModelFileError, match="it is not the checkpoint of this fit"):
        small(checkpoint=tmp_path, random_state=1).fit(X, Y, resume=True)


def test_other_files_of_the_folder_are_left_alone(tmp_path):
    (tmp_path / "notes").write_text("mine")
    (tmp_path / ".notes.1.tmp").write_text("half")
    killed(small(checkpoint=str(tmp_path)), 3)
    small(checkpoint=str(tmp_path)).fit(X, Y, resume=True)
    assert len(list(tmp_path.iterdir())) == 3
    assert (tmp_path / "notes").read_text() == "mine"


# -- where else it is set


def test_pipeline_passes_resume_on(tmp_path):
    pipeline = make_pipeline(StandardScaler(), small(trunk=DROPOUT, checkpoint=tmp_path))
    killed(clone(pipeline), 4)
    resumed = pipeline.fit(X, Y, multitasknetestimator__resume=True)
    uninterrupted = make_pipeline(StandardScaler(), small(trunk=DROPOUT)).fit(X, Y)
    assert_same_fit(resumed[-1], uninterrupted[-1])


def test_resume_is_routed(tmp_path):
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = small(trunk=DROPOUT, checkpoint=tmp_path).set_fit_request(resume=True, sample_weight=True)
        estimator.set_score_request(sample_weight=True)
        options = {"cv": 3, "error_score": "raise", "params": {"resume": True, "sample_weight": np.ones(len(X))}}
        first = cross_validate(estimator, X, Y, **options)
        assert len(list(tmp_path.iterdir())) == 3
        with watched_epochs() as epochs:
            again = cross_validate(estimator, X, Y, **options)
    assert epochs == []
    np.testing.assert_array_equal(again["test_score"], first["test_score"])


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_candidates_of_a_search_do_not_meet(tmp_path, n_jobs):
    grid = {"task_weights__mass": [0.1, 1.0], "learning_rate": [0.01, 0.02]}
    plain = GridSearchCV(small(trunk=DROPOUT), grid, cv=3).fit(X, Y)
    kept = GridSearchCV(small(trunk=DROPOUT, checkpoint=tmp_path), grid, cv=3, n_jobs=n_jobs)
    for _ in range(2):
        kept.fit(X, Y, resume=True)
        np.testing.assert_array_equal(kept.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"])
        assert len(list(tmp_path.iterdir())) == 4 * 3 + 1
    assert_same_model(kept.best_estimator_, plain.best_estimator_)


def test_search_trains_fits_with_checkpoints_one_by_one(tmp_path):
    grid = {"task_weights__mass": [0.1, 1.0]}
    search = TaskWeightSearchCV(small(checkpoint=tmp_path), grid, cv=3, stacked=True).fit(X, Y)
    assert [entry["reason"] for entry in search.stack_report_] == ["a checkpoint keeps the state of one fit"]
    plain = TaskWeightSearchCV(small(), grid, cv=3, stacked=False).fit(X, Y)
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"])


def test_journal_counts_resumed_fits_as_what_they_are():
    assert _digest.fit_key(small(), X, Y, {"net__resume": True}) == _digest.fit_key(small(), X, Y, {})


def test_other_ways_to_train_keep_no_checkpoint(tmp_path):
    estimator = small(checkpoint=tmp_path).partial_fit(X, Y).partial_fit(X, Y)
    estimator.add_task("new", X, X[:, 0])
    assert list(tmp_path.iterdir()) == []


def test_callbacks_of_sklearn_see_the_epochs_that_are_trained(tmp_path):
    killed(small(checkpoint=tmp_path), 4)
    estimator = small(checkpoint=tmp_path)
    estimator.set_callbacks(ProgressBar())
    assert_same_fit(estimator.fit(X, Y, resume=True), small().fit(X, Y))


def test_callbacks_that_start_anew_are_a_warning(tmp_path):
    params = {"checkpoint": tmp_path, "callbacks": [LRScheduler(StepLR, step_size=2)]}
    killed(small(**params), 3)
    with pytest.warns(UserWarning, match="after epoch 2, but a checkpoint does not hold the state of callbacks"):
        small(**params).fit(X, Y, resume=True)


# -- errors


def test_checkpoint_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match=r"checkpoint='.*file' should be a folder, but is a file"):
        small(checkpoint=str(tmp_path / "file")).fit(X, Y)


def test_fit_that_cannot_be_recognised_is_refused(tmp_path):
    estimator = small(checkpoint=tmp_path, net_params={"optimizer__betas": lambda x: x})
    with pytest.raises(ValueError, match=r"checkpoint='.*' cannot be used: .* cannot be pickled"):
        estimator.fit(X, Y)


class RecordsAnObject(Callback):
    def on_epoch_end(self, net, **kwargs):
        net.history.record("thing", object())


def test_history_that_no_file_can_hold_is_refused(tmp_path):
    with pytest.raises(TypeError, match=r"checkpoint='.*' cannot hold history or optimiser: <object"):
        small(checkpoint=tmp_path, callbacks=[RecordsAnObject()]).fit(X, Y)
