"""Processes that are forked from this one, and the models that they make."""

import hashlib
import json
import os
import sys
import traceback
from pathlib import Path


def preload(function):
    """Initialise what each process would need first, without threads, which would not survive the fork."""
    function()
    # the allocator of pyarrow has a thread, which it restarts when a process forks
    threads = [task.read_text() for task in Path("/proc/self/task").glob("*/comm")]
    if len([name for name in threads if not name.startswith("jemalloc")]) > 1:
        raise RuntimeError(f"there are threads, {threads}; set OMP_NUM_THREADS=1")


def start(function, *args):
    """Run a function in a forked process; return its id and the file of its result."""
    read, write = os.pipe()
    number = os.fork()
    if number:
        os.close(write)
        return number, read
    status = 1
    try:  # never back into the code of the parent
        os.close(read)
        answer = function(*args)
        with os.fdopen(write, "w") as file:
            json.dump(answer, file)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def answer_of(number, read):
    """Wait for a process; return the result of its function, or None if it died."""
    with os.fdopen(read) as file:
        text = file.read()
    _, status = os.waitpid(number, 0)
    return json.loads(text) if status == 0 else None


def apart(function, *args):
    """Run a function in a forked process; return its result."""
    answer = answer_of(*start(function, *args))
    if answer is None:
        raise RuntimeError(f"{function.__name__}{args} failed")
    return answer


def fingerprint(estimator):
    """Return a digest of everything that a fit has learned, including its history."""
    net = estimator.net_
    digest = hashlib.sha256()
    for name, tensor in [*net.module_.state_dict().items(), *net.criterion_.state_dict().items()]:
        digest.update(name.encode() + tensor.numpy().tobytes())
    digest.update(repr(estimator.history_.drop(columns="dur").to_dict("list")).encode())
    return digest.hexdigest()
