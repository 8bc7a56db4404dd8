"""Searches on a cluster have the results of one process, to the last bit."""

import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from distributed import Client, LocalCluster
from distributed.scheduler import KilledWorker
from joblib import parallel_config
from sklearn.model_selection import GridSearchCV, KFold

from sklearn_mtl.model_selection import TaskWeightSearchCV, compare_sharing
from sklearn_mtl.model_selection import _workers as workers
from sklearn_mtl.utils import _device
from sklearn_mtl.utils._device import resolve_device

from .._helpers import inputs, mixed_targets, net

X = inputs(96)
Y = mixed_targets(X, missing=0.1)
CV = KFold(3)
GRID = {"task_weights__mass": [0.1, 0.3, 1.0, 3.0], "learning_rate": [1e-3, 1e-2]}


@pytest.fixture(scope="module")
def client():
    """Two workers of one thread."""
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with LocalCluster(**options) as cluster, Client(cluster) as client:
        yield client


@pytest.fixture
def put_and_run(monkeypatch):
    """Collect the values that are sent, and the arguments of calls."""
    sent, calls = [], []
    put, run = workers.DaskWorkers.put, workers.DaskWorkers.run
    monkeypatch.setattr(workers.DaskWorkers, "put", lambda pool, value: sent.append(value) or put(pool, value))
    monkeypatch.setattr(
        workers.DaskWorkers, "run", lambda pool, function, args: calls.extend(args) or run(pool, function, args)
    )
    return sent, calls


def assert_same_results(search, expected):
    assert search.cv_results_.keys() == expected.cv_results_.keys()
    for name, values in expected.cv_results_.items():
        if name != "params" and not name.endswith("_time"):
            np.testing.assert_array_equal(np.asarray(search.cv_results_[name]), np.asarray(values), err_msg=name)
    for task, predicted in expected.predict(X).items():
        np.testing.assert_array_equal(search.predict(X)[task], predicted)


def search(**options):
    return TaskWeightSearchCV(net(max_epochs=8), GRID, cv=CV, **options).fit(X, Y)


def n_stacks(search):
    return sum(entry["n_stacks"] for entry in search.stack_report_)


@pytest.mark.slow
def test_stacks_are_the_calls(client, put_and_run, capsys):
    with parallel_config("dask"):
        on_cluster = search(verbose=1)
    assert n_stacks(on_cluster) == len(put_and_run[1]) == 2
    assert_same_results(on_cluster, search())
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("[stack")]
    assert [line[: len("[stack 1/2] 12 fits")] for line in lines] == ["[stack 1/2] 12 fits", "[stack 2/2] 12 fits"]


@pytest.mark.slow
def test_search_whose_fits_are_not_stacked(client):
    with parallel_config("dask"):
        on_cluster = search(stacked=False)
    assert_same_results(on_cluster, search(stacked=False))


@pytest.mark.slow
def test_search_of_scikit_learn(client):
    grid = {"task_weights__mass": [0.1, 1.0]}
    with parallel_config("dask"):
        on_cluster = GridSearchCV(net(), grid, cv=CV).fit(X, Y)
    assert_same_results(on_cluster, GridSearchCV(net(), grid, cv=CV).fit(X, Y))


@pytest.mark.slow
def test_comparison_of_sharing(client):
    y = Y._select(["mass", "size"])
    with parallel_config("dask"):
        on_cluster = compare_sharing(net(), X, y, cv=2, n_weights=1)
    pd.testing.assert_frame_equal(on_cluster, compare_sharing(net(), X, y, cv=2, n_weights=1), check_exact=True)


@pytest.mark.slow
def test_rows_of_a_fold_are_sent_once(client, put_and_run):
    sent, calls = put_and_run
    with parallel_config("dask"):
        search(max_members=2, refit=False)
    assert [len(rows.train) for rows in sent] == [64, 64, 64]
    assert [len(members) for members, *_ in calls] == [2] * 12
    assert all(member.data is None for members, *_ in calls for member in members)


@pytest.mark.slow
def test_large_values_are_sent_without_a_warning(client):
    value = np.zeros(2_000_000)
    with parallel_config("dask"):
        pool = workers.workers_of(None)
        handle = pool.put(value)
        assert sorted(pool.run(np.size, [(handle,), (handle,)])) == [(0, value.size), (1, value.size)]


@pytest.mark.slow
def test_a_slot_of_a_worker_has_one_thread(client):
    with parallel_config("dask"):
        found = list(workers.workers_of(None).run(torch.get_num_threads, [(), ()]))
    assert sorted(found) == [(0, 1), (1, 1)]


def test_call_that_ends_every_worker_is_an_error(client, monkeypatch):
    def ends(tasks):
        raise KilledWorker("a", SimpleNamespace(address="tcp://here"), 3)

    monkeypatch.setattr(workers, "Parallel", lambda **options: ends)
    with pytest.raises(RuntimeError, match="ended one worker of the cluster after the other"):
        list(workers.DaskWorkers(None, client).run(len, [((),)]))


# -- devices


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_workers_of_a_host_have_their_turn(monkeypatch, device):
    names = {f"tcp://{host}:{port}": {"host": host, "name": name} for host, port, name in [
        ("one", 1, 0), ("one", 2, 2), ("one", 3, 10), ("two", 4, 1), ("two", 5, 3),
    ]}  # fmt: skip
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setitem(sys.modules, "distributed.worker", SimpleNamespace())
    taken = {}
    for address, worker in names.items():
        here = SimpleNamespace(address=address, name=worker["name"])
        fake = SimpleNamespace(
            get_worker=lambda here=here: here,
            get_client=lambda: SimpleNamespace(scheduler_info=lambda: {"workers": names}),
        )
        monkeypatch.setitem(sys.modules, "distributed", fake)
        taken[worker["name"]] = str(resolve_device(device))
    assert taken == {0: "cuda:0", 2: "cuda:1", 10: "cuda:0", 1: "cuda:0", 3: "cuda:1"}


def test_outside_a_worker_the_first_device_is_taken(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert _device._dask_worker() == 0


# -- stacks


def test_stacks_do_not_depend_on_the_number_of_processes():
    with parallel_config("threading"):
        one, two = (search(max_members=5, refit=False, n_jobs=n_jobs) for n_jobs in (1, 2))
    assert n_stacks(one) == n_stacks(two) == 5
    for name in ("mean_test_score", "mean_test_tasks_mass"):
        np.testing.assert_array_equal(one.cv_results_[name], two.cv_results_[name])


def test_few_fits_are_divided_among_processes(monkeypatch):
    monkeypatch.setattr(workers.Workers, "count", 6)
    assert n_stacks(search(refit=False)) == 6


# -- Ray


@pytest.mark.slow
def test_ray():
    ray = pytest.importorskip("ray")
    from ray.util.joblib import register_ray

    register_ray()
    # Ray replaces `print` once it passes on a log of a worker; skorch takes any other `print` for a sink of ours
    ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    try:
        with parallel_config("ray", n_jobs=-1):
            assert type(workers.workers_of(None)) is workers.RayWorkers
            on_cluster = search()
        assert_same_results(on_cluster, search())
    finally:
        ray.shutdown()
