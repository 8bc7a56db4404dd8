"""A worker of a Dask cluster is killed while it trains a stack of a search."""

import signal

import pytest
from cluster import WORKERS, n_stacks, search, with_a_killed_worker
from distributed import Client, LocalCluster
from grid_search import Shape

SIZE = Shape((8, 8), 32), 1, 600


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills a process as POSIX does")
def test_killed_worker_costs_its_own_stack():
    alone = search(*SIZE)
    options = {"n_workers": WORKERS, "threads_per_worker": 1, "dashboard_address": ":0"}
    with LocalCluster(**options) as cluster, Client(cluster) as client:
        found = with_a_killed_worker(client, alone, *SIZE, after=0.0)
    assert found["equal"]
    assert found["stacks"] == n_stacks(alone) == found["started"] - found["repeated"]
    assert found["repeated"] <= 1
