"""Failures during a fit or a write: nothing is lost, and an error is raised."""

import errno
import gc
import os
import signal
import subprocess
import sys
import warnings
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch
from joblib import parallel_config
from joblib.externals.loky import get_reusable_executor
from joblib.externals.loky.process_executor import TerminatedWorkerError
from sklearn.model_selection import GridSearchCV, KFold
from skorch.callbacks import Callback

from sklearn_mtl import EarlyStopping, MultiTaskNetEstimator
from sklearn_mtl.exceptions import OutOfMemoryError
from sklearn_mtl.files import _atomic
from sklearn_mtl.model_selection import TaskWeightSearchCV
from sklearn_mtl.training import _stack
from sklearn_mtl.trunks import MLP

from .._helpers import assert_same, assert_same_model
from ._fits import X, Y, assert_same_fit, epochs_of, small
from .killed_worker import KILLED, killed_worker

DROPOUT = MLP(hidden_sizes=(8, 6), dropout=0.3)
STOPS = {"early_stopping": EarlyStopping(True, n_iter_no_change=50), "validation": 0.3}


# -- memory


class AsksForTooMuch(Callback):
    """Asks for a petabyte in the second epoch, and holds a tensor in the frame that fails."""

    held_ = None

    def on_batch_end(self, net, **kwargs):
        if len(net.history) == 2:
            tensor = torch.ones(1000)
            self.held_ = weakref.ref(tensor)
            torch.empty(2**50)


def test_memory_that_is_full_is_explained():
    callback = AsksForTooMuch()
    fitted = small().fit(X, Y)
    before = fitted.predict(X)
    with pytest.raises(OutOfMemoryError, match="batch_size=16 ran out of memory; a smaller batch_size") as caught:
        fitted.set_params(callbacks=[callback]).fit(X, Y)
    assert "allocate" in str(caught.value)
    assert isinstance(caught.value, MemoryError)
    assert isinstance(caught.value.__cause__, RuntimeError)
    gc.collect()
    assert callback.held_() is None  # although the error, with its frames, is still there
    assert_same(fitted.predict(X), before)


def test_candidate_that_needs_too_much_memory_fails_alone():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search = GridSearchCV(small(), {"callbacks": [None, [AsksForTooMuch()]]}, cv=2).fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"][0])
    assert np.isnan(search.cv_results_["mean_test_score"][1])
    assert any("OutOfMemoryError" in str(warning.message) for warning in caught)


def test_ensemble_says_what_needs_the_memory(monkeypatch):
    def too_much(*args, **options):
        torch.empty(2**50)

    monkeypatch.setattr(_stack.Stack, "backward", too_much)
    with pytest.raises(OutOfMemoryError, match="training n_members=3 networks with batch_size=81"):
        MultiTaskNetEstimator(n_members=3, batch_size=90, trunk="mlp").fit(X, Y)


# -- the disk


class FullDisk:
    """Simulate a full disk from the n-th file on."""

    def __init__(self, monkeypatch, after):
        self.after = after
        self.fsync = os.fsync
        monkeypatch.setattr(_atomic.os, "fsync", self)

    def __call__(self, descriptor):
        if not os.path.isdir(f"/proc/self/fd/{descriptor}"):
            self.after -= 1
            if self.after < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self.fsync(descriptor)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="asks Linux what is a folder")
def test_full_disk_fails_the_fit_and_leaves_the_checkpoint(tmp_path, monkeypatch):
    fitted = small().fit(X, Y).set_params(checkpoint=tmp_path, trunk=DROPOUT)
    before = fitted.predict(X)
    with monkeypatch.context() as patch:
        FullDisk(patch, after=3)
        with pytest.raises(OSError, match=r"No space left .*checkpoint could not be written; the old") as e:
            fitted.fit(X, Y)
    assert e.value.errno == errno.ENOSPC
    assert_same(fitted.predict(X), before)
    assert [path.suffix for path in tmp_path.iterdir()] == [".checkpoint"]
    assert epochs_of(fitted, resume=True) == [4, 5, 6]
    assert_same_fit(fitted, small(trunk=DROPOUT).fit(X, Y))


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="limits of POSIX")
def test_disk_that_is_really_full(tmp_path):
    # the limit applies to the process, and is reached in the middle of a file
    code = """if True:
        import resource, signal, sys
        from tests.reliability._fits import X, Y, small
        from sklearn_mtl.trunks import MLP
        estimator = small(checkpoint=sys.argv[1]).fit(X, Y)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
        estimator.set_params(trunk=MLP((400,))).fit(X, Y)
    """
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "checkpoint could not be written; no file was created" in done.stderr
    assert len(list(tmp_path.iterdir())) == 1
    assert epochs_of(small(checkpoint=tmp_path), resume=True) == []


GRID = {"task_weights__mass": [0.1, 1.0, 5.0]}


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="asks Linux what is a folder")
@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize("scoring", [None, ["r2", "neg_mean_squared_error"]], ids=["one", "several"])
def test_full_disk_fails_the_search_and_leaves_the_journal(tmp_path, monkeypatch, n_jobs, scoring):
    y = np.column_stack([Y["mass"], X[:, 0]]) if scoring else Y
    y = np.nan_to_num(y) if scoring else y
    grid = {"task_weights__0": GRID["task_weights__mass"]} if scoring else GRID
    options = {"cv": KFold(2), "stacked": False, "scoring": scoring, "refit": "r2" if scoring else True}
    search = TaskWeightSearchCV(small(), grid, journal=tmp_path, **options)
    with monkeypatch.context() as patch, parallel_config("threading", n_jobs=n_jobs):
        FullDisk(patch, after=3)
        with pytest.raises(OSError, match=r"No space left .*json could not be written"):
            search.fit(X, y)
    assert not hasattr(search, "cv_results_")
    assert len(list(tmp_path.iterdir())) == 3
    search.fit(X, y)
    plain = TaskWeightSearchCV(small(), grid, **options).fit(X, y)
    name = "mean_test_r2" if scoring else "mean_test_score"
    np.testing.assert_array_equal(search.cv_results_[name], plain.cv_results_[name])


# -- a worker that is killed


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills a process as POSIX does")
def test_journal_keeps_what_was_done_before_a_worker_was_killed(tmp_path, monkeypatch):
    fits, journal = tmp_path / "fits", tmp_path / "journal"
    fits.mkdir()
    monkeypatch.setenv(KILLED, "1")
    get_reusable_executor().shutdown(wait=True)  # workers that stand by do not see the variable
    with pytest.raises(TerminatedWorkerError):
        killed_worker(journal, fits, n_jobs=2)
    done = len(list(journal.iterdir()))
    assert 0 < done < 6
    monkeypatch.delenv(KILLED)
    for path in fits.iterdir():
        path.unlink()
    search = killed_worker(journal, fits, n_jobs=2)
    assert len(list(fits.iterdir())) == 6 - done + 1  # what was not done, and the refit
    plain = killed_worker(None, fits)
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"])
    assert_same_model(search.best_estimator_[-1], plain.best_estimator_[-1])


# -- no warnings otherwise


@pytest.mark.parametrize("params", [{}, STOPS, {"weighting": "grad_norm"}, {"n_members": 2}], ids=str)
def test_fit_without_faults_says_nothing(tmp_path, params, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        estimator = small(**params, checkpoint=None if "n_members" in params else tmp_path).fit(X, Y)
        estimator.score(X, Y)
        estimator.predict_proba(X)
    assert capsys.readouterr() == ("", "")
