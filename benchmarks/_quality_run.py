"""Runs of the quality benchmark: one process for each data set, one for each contender, and a time limit.

Results of a data set are one file, whose contenders are stored as soon as they are done.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import suppress
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from _datasets import ROWS
from _harness import environment
from _quality_scores import score, scored, splits
from _rows import Rows
from _single_targets import Contender, Unsuited

OTHER_LIBRARIES = ("pytabkit", "xgboost", "catboost")


class Options(NamedTuple):
    """How contenders are run."""

    #: results that are there are made again
    again: bool = False
    #: seconds of a fit and its predictions, after which a contender is ended
    limit_s: float = 600.0
    #: other programs run on the machine: times are not to be published
    busy: bool = False
    #: data sets at a time
    jobs: int = 1


#: what a process finds by name, since functions are not sent to it: the contenders, and the folder of each
Registry = Callable[[], Mapping[str, tuple[Contender, Path]]]


def run_all(names: Sequence[str], contenders: Sequence[str], registry: Registry, options: Options) -> list[str]:
    """Run contenders on data sets, and return what failed."""
    failed = []
    # a fresh process for each data set: memory is given back, and a process that dies ends one data set only
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.jobs, context, max_tasks_per_child=1) as pool:
        one = partial(run, contenders=contenders, registry=registry, options=options)
        runs = {pool.submit(one, name): name for name in names}
        for done in as_completed(runs):
            failed += done.result()
    return failed


def run(name: str, contenders: Sequence[str], registry: Registry, options: Options) -> list[str]:
    """Run the contenders that have no result for a data set, and return those that failed."""
    known = registry()
    todo = [one for one in contenders if options.again or not is_done(known[one][1], name, one, options)]
    if not todo:
        return []
    rows, failed = ROWS[name](), []
    for contender in todo:
        function, folder = known[contender]
        result = _in_a_process(rows, function, options)
        if "error" in result:
            print(f"{name:20s}{contender:26s}failed\n{result['error']}", flush=True)
            failed.append(f"{name}: {contender}")
        elif "unsuited" in result:
            print(f"{name:20s}{contender:26s}is not for {result['unsuited']}", flush=True)
        else:
            described = {**environment(), **other_versions(), "busy": options.busy}
            store(folder, name, contender, {"environment": described, **result})
            _print(name, contender, result)
    return failed


def other_versions() -> dict[str, str]:
    """Return the versions of the libraries of other contenders, where they are installed."""
    found = {}
    for library in OTHER_LIBRARIES:
        with suppress(PackageNotFoundError):
            found[library] = version(library)
    return found


def is_done(folder: Path, name: str, contender: str, options: Options) -> bool:
    """Tell whether there is a result, or the contender has reached a time limit that is no shorter."""
    result = read(folder, name).get(contender)
    return result is not None and (bool(result["records"]) or result["limit_s"] >= options.limit_s)


def read(folder: Path, name: str) -> dict[str, Any]:
    path = folder / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def store(folder: Path, name: str, contender: str, result: Mapping[str, Any]) -> None:
    """Add a result to the file of a data set: one line for each record."""
    kept = read(folder, name) | {contender: result}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    new = path.with_suffix(".new")
    new.write_text(
        "{\n" + ",\n".join(f"{json.dumps(key)}: {_written(value)}" for key, value in kept.items()) + "\n}\n"
    )
    new.replace(path)


def _written(result: Mapping[str, Any]) -> str:
    facts = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in result.items() if key != "records"]
    records = ",\n".join(f"  {json.dumps(record)}" for record in result["records"])
    return "{\n " + ",\n ".join([*facts, f'"records": [\n{records}\n ]']) + "\n}"


def _print(name: str, contender: str, result: Mapping[str, Any]) -> None:
    records = result["records"]
    if not records:
        print(f"{name:20s}{contender:26s}ended after {result['limit_s']:g} s", flush=True)
        return
    mean = np.mean([record["score"] for record in records])
    seconds = np.median([record["fit_s"] for record in records])
    print(f"{name:20s}{contender:26s}{mean:10.4f}{seconds:10.2f} s", flush=True)


def _in_a_process(rows: Rows, contender: Contender, options: Options) -> dict[str, Any]:
    """Fit a contender to all splits in a process that can be ended at any time, also in compiled code."""
    context = multiprocessing.get_context("fork")  # the rows are not copied
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(theirs, rows, contender))
    process.start()
    theirs.close()
    records: list[dict[str, Any]] = []
    try:
        while ours.poll(options.limit_s):
            kind, content = ours.recv()
            if kind == "records":
                records += content
            elif kind == "end":
                return {"peak_mb": content, "records": records}
            else:
                return {kind: content}
    except EOFError:
        return {"error": "the process died, for instance of too little memory"}
    finally:
        process.kill()
        process.join()
    return {"limit_s": options.limit_s, "records": []}


def _send(connection: Connection, rows: Rows, contender: Contender) -> None:
    warnings.simplefilter("ignore")  # the defaults are compared as they are
    try:
        for split, (train, test) in enumerate(splits(rows)):
            connection.send(("records", list(_records(rows, contender, split, train, test))))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        connection.send(("end", peak))
    except Unsuited as unsuited:
        connection.send(("unsuited", str(unsuited)))
    except Exception:
        connection.send(("error", traceback.format_exc()))


def _records(
    rows: Rows, contender: Contender, split: int, train: np.ndarray, test: np.ndarray
) -> Iterator[dict[str, Any]]:
    start, cpu = time.perf_counter(), time.process_time()
    predict = contender(rows.take(train), split)
    fitted, used = time.perf_counter(), time.process_time() - cpu  # the latter is the same on a machine in use
    predictions = predict(rows.X.iloc[test])
    done = time.perf_counter()
    times = {"fit_s": fitted - start, "fit_cpu_s": used, "predict_s": done - fitted}
    times = {name: round(seconds, 4) for name, seconds in times.items()}
    for task, predicted in predictions.items():
        if scored(rows.y[task], train, test):
            scores = score(rows.y[task].iloc[test].to_numpy(), predicted)
            rounded = {key: round(float(value), 5) for key, value in scores.items()}
            yield {"split": split, "task": task, **rounded, **times}
