import functools
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import KFold

from sklearn_mtl.metrics import multitask_scorer
from sklearn_mtl.model_selection import TaskWeightRandomSearchCV, TaskWeightSearchCV, task_weight_simplex
from sklearn_mtl.model_selection._journal import _checksum

from .._helpers import assert_same_model, inputs, mixed_targets, net
from . import killed_search

grid_search = functools.partial(TaskWeightSearchCV, stacked=False)

N_FITS = 12  # four candidates, three folds


@pytest.fixture
def fits(tmp_path):
    """Folder with a file for every fit."""
    folder = tmp_path / "fits"
    folder.mkdir()
    return folder


def forget(folder):
    for path in folder.iterdir():
        path.unlink()


def count(folder):
    """Count the fits to each set of rows; return the counts, the largest first."""
    return sorted(Counter(path.name.partition("_")[0] for path in folder.iterdir()).values(), reverse=True)


def assert_same_results(search, expected, times=False):
    """Compare all columns of ``cv_results_`` bit for bit."""
    assert search.cv_results_.keys() == expected.cv_results_.keys()
    for name, values in expected.cv_results_.items():
        if name == "params":
            assert search.cv_results_[name] == values
        elif times or not name.endswith("_time"):
            np.testing.assert_array_equal(np.asarray(search.cv_results_[name]), np.asarray(values), err_msg=name)
    assert search.best_index_ == expected.best_index_
    best, other = search.best_estimator_, expected.best_estimator_
    assert_same_model(*((best[-1], other[-1]) if hasattr(best, "steps") else (best, other)))


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills a process as POSIX does")
def test_killed_search_goes_on_where_it_was(tmp_path, fits):
    journal = tmp_path / "journal"
    code = f"from tests.model_selection.killed_search import search; search({str(journal)!r}, {str(fits)!r})"
    root = Path(__file__).parents[2]
    environment = {**os.environ, killed_search.KILLED_AFTER: "7"}
    killed = subprocess.run([sys.executable, "-c", code], cwd=root, env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(list(journal.iterdir())) == sum(count(fits)) == 7
    resumed = killed_search.search(journal, fits)
    assert count(fits) == [4, 4, 4, 1]  # candidates of each fold, and the refit
    assert_same_results(resumed, killed_search.search(None, fits))


OPTIONS = {
    "one metric": {},
    "several": {"scoring": multitask_scorer, "refit": "score"},
    "by name": {"scoring": {"a": "r2", "b": "neg_mean_squared_error"}, "refit": "b", "return_train_score": True},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_finished_search_is_not_trained_again(tmp_path, fits, name):
    X, options = inputs(60), {**OPTIONS[name], "journal": tmp_path / "journal", "cv": KFold(3)}
    y = np.nan_to_num(mixed_targets(X)["size"]) if name == "by name" else mixed_targets(X, missing=0.1)
    weight = "0" if name == "by name" else "mass"
    grid = {f"net__task_weights__{weight}": [0.1, 1.0]}
    estimator = killed_search.counted(fits)
    first = grid_search(estimator, grid, **options).fit(X, y)
    forget(fits)
    again = grid_search(estimator, grid, **options).fit(X, y)
    assert count(fits) == [1]
    assert_same_results(again, first, times=True)


@pytest.mark.slow
def test_journal_of_two_processes(tmp_path, fits):
    two = killed_search.search(tmp_path / "journal", fits, n_jobs=2)
    assert count(fits) == [4, 4, 4, 1]
    assert len(list((tmp_path / "journal").iterdir())) == N_FITS
    forget(fits)
    for n_jobs in (1, 2):
        again = killed_search.search(tmp_path / "journal", fits, n_jobs=n_jobs)
        assert_same_results(again, two, times=True)
    assert count(fits) == [2]


X = inputs(60)
Y = mixed_targets(X, missing=0.1)
GRID = {"task_weights__mass": [0.1, 1.0]}


def journaled(folder, estimator=None, grid=GRID, **options):
    return grid_search(estimator or net(), grid, cv=KFold(3), journal=folder, **options)


@pytest.mark.parametrize("stacked", [True, "auto"])
def test_what_is_finished_is_not_trained_side_by_side(tmp_path, stacked):
    first = journaled(tmp_path).fit(X, Y)
    again = journaled(tmp_path, stacked=stacked).fit(X, Y)
    assert_same_results(again, first, times=True)
    assert len(list(tmp_path.iterdir())) == 6


def test_journal_of_fits_side_by_side(tmp_path):
    first = journaled(tmp_path, stacked=True).fit(X, Y)
    assert_same_results(journaled(tmp_path).fit(X, Y), first, times=True)


def test_frames_are_recognised(tmp_path):
    frame = pd.DataFrame(X[:, :3], columns=list("abc")).assign(d=np.where(X[:, 3] > 0, "yes", "no"))
    for _ in range(2):
        journaled(tmp_path, net(trunk="auto")).fit(
            frame.copy(), pd.DataFrame({"mass": Y["mass"], "sick": Y["sick"]})
        )
    assert len(list(tmp_path.iterdir())) == 6


@pytest.mark.parametrize(
    "change",
    [
        {"scoring": multitask_scorer, "refit": "mass_r2"},
        {"estimator": net(learning_rate=2e-3)},
        {"X": X + 1},
        {"y": mixed_targets(X, missing=0.2)},
        {"sample_weight": np.linspace(1, 2, len(X))},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_changed_is_trained_anew(tmp_path, change):
    journaled(tmp_path).fit(X, Y)
    change = dict(change)
    rows = (change.pop("X", X), change.pop("y", Y))
    params = {"sample_weight": change.pop("sample_weight")} if "sample_weight" in change else {}
    changed = journaled(tmp_path, **change).fit(*rows, **params)
    assert len(list(tmp_path.iterdir())) == 12
    assert_same_results(changed, journaled(None, **change).fit(*rows, **params))


def test_train_scores_that_the_journal_lacks_are_computed(tmp_path):
    journaled(tmp_path).fit(X, Y)
    with_train = journaled(tmp_path, return_train_score=True).fit(X, Y)
    assert_same_results(with_train, journaled(None, return_train_score=True).fit(X, Y))


def test_refit_on_the_rows_of_a_fold_is_a_fit(tmp_path):
    everything = [(np.arange(60), np.arange(60))]
    for _ in range(2):
        search = grid_search(net(), GRID, cv=everything, journal=tmp_path).fit(X, Y)
        assert search.best_estimator_.n_features_in_ == search.n_features_in_ == 4
        assert np.isfinite(search.predict(X)["mass"]).all()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite:UserWarning")
def test_failed_candidates_are_tried_again(tmp_path):
    grid = {"learning_rate": [1e-3, 1e30]}
    first = journaled(tmp_path, grid=grid).fit(X, Y)
    assert len(list(tmp_path.iterdir())) == 3
    assert_same_results(journaled(tmp_path, grid=grid).fit(X, Y), first)


def test_random_search_keeps_a_journal(tmp_path):
    distributions = {"task_weights": task_weight_simplex(Y)}
    options = {"n_iter": 2, "cv": KFold(3), "random_state": 0, "journal": str(tmp_path), "stacked": False}
    first, again = (TaskWeightRandomSearchCV(net(), distributions, **options).fit(X, Y) for _ in range(2))
    assert len(list(tmp_path.iterdir())) == 6
    assert_same_results(again, first, times=True)


def with_records(record, records):
    """Return a file of other records with a valid checksum."""
    return json.dumps({**record, "records": records, "checksum": _checksum(records)}).encode()


@pytest.mark.parametrize(
    "damage",
    [
        "truncated",
        "changed",
        "emptied",
        "another layout",
        "a list",
        "nested",
        "no records",
        "no scores",
        "no tasks",
    ],
)
def test_damaged_files_are_trained_again_with_a_warning(tmp_path, damage):
    first = journaled(tmp_path).fit(X, Y)
    path = min(tmp_path.iterdir())
    content = path.read_bytes()
    record = json.loads(content)
    scores = next(iter(record["records"].values()))
    path.write_bytes(
        {
            "truncated": content[:-20],
            "changed": content.replace(repr(scores["scores"]).encode(), b"0.99"),
            "emptied": b"",
            "another layout": json.dumps({**record, "layout": 99}).encode(),
            "a list": b"[]",
            "nested": b"[" * 100_000,
            "no records": with_records(record, [1]),
            "no scores": with_records(record, {"rows": {**scores, "scores": "high"}}),
            "no tasks": with_records(record, {"rows": {**scores, "tasks": 3}}),
        }[damage]
    )
    with pytest.warns(UserWarning, match=f"{path.name} is damaged"):
        again = journaled(tmp_path).fit(X, Y)
    assert_same_results(again, first)
    assert_same_results(journaled(tmp_path).fit(X, Y), first)  # it was written anew


@pytest.mark.parametrize("stacked", [True, False])
def test_file_that_cannot_be_read_fails_the_search(tmp_path, stacked):
    search = journaled(tmp_path, stacked=stacked).fit(X, Y)
    path = min(tmp_path.iterdir())
    path.unlink()
    path.mkdir()
    with pytest.raises(OSError, match=path.name):  # and is not a score of NaN
        search.fit(X, Y)


def test_foreign_files_are_left_alone(tmp_path):
    (tmp_path / "notes.json").write_text("mine")
    (tmp_path / ".0.json.tmp").write_text("half")
    search = journaled(tmp_path).fit(X, Y)
    assert (tmp_path / "notes.json").read_text() == "mine"
    assert_same_results(search, journaled(None).fit(X, Y))


def test_folder_is_made(tmp_path):
    journaled(tmp_path / "a" / "b").fit(X, Y)
    assert len(list((tmp_path / "a" / "b").iterdir())) == 6


def test_journal_that_is_a_file_is_refused(tmp_path):
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(NotADirectoryError, match="should be a folder"):
        journaled(path).fit(X, Y)


def test_scoring_without_a_name_is_refused(tmp_path):
    with pytest.raises(ValueError, match="cannot be pickled"):
        journaled(tmp_path, scoring=lambda estimator, X, y: 1.0).fit(X, Y)


@pytest.mark.parametrize("journal", [3, ["folder"]])
def test_journal_is_a_path(journal):
    with pytest.raises(ValueError, match="'journal' parameter"):
        journaled(journal).fit(X, Y)
