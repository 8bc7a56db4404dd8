"""Where the stacks of a search are trained: processes of this machine, or the workers of a cluster."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from joblib import Parallel, delayed

from ..utils._threads import share_of_threads

# How often Ray starts a call again whose worker has died; Dask's scheduler has a limit of its own, also three.
RETRIES = 3


class Workers:
    """What joblib's backend runs calls on.

    Parameters
    ----------
    n_jobs : int or None
        Number of processes; a cluster uses all its workers.
    """

    def __init__(self, n_jobs: int | None) -> None:
        self.n_jobs = n_jobs

    @property
    def count(self) -> int:
        """Number of calls that run at the same time."""
        return int(Parallel(n_jobs=self.n_jobs)._effective_n_jobs())

    def put(self, value: Any) -> Any:
        """Send a value that several calls take, once; return what stands for it in their arguments."""
        return value

    def run(self, function: Callable[..., Any], calls: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
        """Call a function with each tuple of arguments; yield positions and results as calls finish."""
        pool = Parallel(n_jobs=self.n_jobs)
        if pool._backend.supports_return_generator:
            pool = Parallel(n_jobs=self.n_jobs, return_as="generator_unordered")
        yield from pool(delayed(_numbered)(position, function, *call) for position, call in enumerate(calls))


class DaskWorkers(Workers):
    """Workers of a Dask cluster, from ``joblib.parallel_config("dask")``.

    Dask's scheduler runs the calls of a worker that died on another one. A value that was scattered would be lost
    with the worker that holds it, and with it all calls that need it. So a value is put as a task that loads it:
    the scheduler keeps its bytes, and has it loaded again.
    """

    def __init__(self, n_jobs: int | None, client: Any) -> None:
        super().__init__(n_jobs)
        self.client = client

    def put(self, value: Any) -> Any:
        """Send the bytes of a value to the scheduler, from which each worker has them at most once."""
        import dask
        from distributed.protocol import pickle

        # Dask warns of large values in the graph, because they usually are there by mistake
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": sys.maxsize}):
            return self.client.submit(pickle.loads, pickle.dumps(value), pure=False)

    def run(self, function: Callable[..., Any], calls: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
        """Call the function on the cluster, each call as one task.

        Raises
        ------
        RuntimeError
            If a call ended one worker after the other.
        """
        from distributed.scheduler import KilledWorker

        pool = Parallel(batch_size=1, pre_dispatch="all", return_as="generator_unordered")
        tasks = (delayed(_numbered)(position, _on_dask, function, *call) for position, call in enumerate(calls))
        try:
            yield from pool(tasks)
        except KilledWorker as error:
            raise _died(error) from error


class RayWorkers(Workers):
    """Workers of a Ray cluster, from ``joblib.parallel_config("ray", n_jobs=-1)``.

    The calls are tasks of Ray, and not of its pool of actors: Ray starts a task again whose worker died, and keeps
    values in its store.
    """

    def __init__(self, n_jobs: int | None, options: dict[str, Any]) -> None:
        super().__init__(n_jobs)
        self.options = {"num_cpus": 1, "max_retries": RETRIES, **options}

    @property
    def count(self) -> int:
        """Number of processors of the cluster, which is started if there is none."""
        import ray

        if not ray.is_initialized():
            ray.init()
        return int(ray.cluster_resources()["CPU"])

    def put(self, value: Any) -> Any:
        """Put a value into Ray's store."""
        import ray

        return ray.put(value)

    def run(self, function: Callable[..., Any], calls: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
        """Call the function on the cluster, each call as one task.

        Raises
        ------
        RuntimeError
            If a call ended one worker after the other.
        """
        import ray

        task = ray.remote(**self.options)(_numbered)
        waiting = [task.remote(position, function, *call) for position, call in enumerate(calls)]
        try:
            while waiting:
                done, waiting = ray.wait(waiting)
                yield from ray.get(done)
        except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError) as error:
            raise _died(error) from error
        finally:
            for left in waiting:
                ray.cancel(left)


def workers_of(n_jobs: int | None) -> Workers:
    """Return the workers of the backend of ``joblib.parallel_config``."""
    backend = Parallel(n_jobs=n_jobs)._backend
    name = type(backend).__name__
    if name == "DaskDistributedBackend":
        return DaskWorkers(n_jobs, backend.client)
    if name == "RayBackend":
        return RayWorkers(n_jobs, dict(backend.ray_remote_args or {}))
    return Workers(n_jobs)


def _numbered(position: int, function: Callable[..., Any], *args: Any) -> tuple[int, Any]:
    return position, function(*args)


def _on_dask(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function with the share of threads of one slot of a Dask worker."""
    from distributed import get_worker

    with share_of_threads(get_worker().state.nthreads):
        return function(*args)


def _died(error: Exception) -> RuntimeError:
    return RuntimeError(
        "A stack of the search ended one worker of the cluster after the other; probably its memory is too "
        "small. Reduce max_members or batch_size, give the workers more memory, and see their logs. "
        f"({type(error).__name__}: {error})"
    )
