"""Files of models under damage, forgery and kill -9."""

import collections
import contextlib
import os
import signal
import tempfile
import time
import warnings
from pathlib import Path

import joblib
import numpy as np
import torch

from sklearn_mtl import load_model, save_model
from sklearn_mtl.exceptions import ModelFileError, ModelVersionWarning
from sklearn_mtl.trunks import MLP

from .._helpers import assert_same, inputs, mixed_targets, net
from ..persistence.mutants import DAMAGE, MUTANTS, mutant
from ..persistence.watching import resident_peak, watched

X = inputs(40)
ROWS = X[:5]
Y = mixed_targets(X)

COLUMNS = ("refused", "the same", "another model", "another error", "ran code")


def mutants(scale):
    """Load 10,000 damaged and forged copies of a file."""
    model = net(max_epochs=2).fit(X, Y)
    expected = model.predict(ROWS)
    outcomes: dict[str, collections.Counter] = {kind: collections.Counter() for kind in MUTANTS}
    errors = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        save_model(model, path)
        content = path.read_bytes()
        load_model(path).predict(ROWS)
        for number in range(round(10_000 * scale)):
            kind, changed = mutant(content, number)
            path.write_bytes(changed)
            try:
                outcomes[kind][_outcome(path, expected)] += 1
            except Exception as error:
                errors.append(f"{kind} {number}: {type(error).__name__}: {error}")
                outcomes[kind]["another error"] += 1
    _print_outcomes(outcomes, len(content))
    print(*errors[:10], sep="\n")
    wrong = sum(outcomes[kind]["another model"] for kind in DAMAGE)
    return not wrong and not any(found["another error"] + found["ran code"] for found in outcomes.values())


def _outcome(path, expected):
    with watched() as seen, warnings.catch_warnings():
        warnings.simplefilter("ignore", ModelVersionWarning)  # a forged version
        try:
            loaded = load_model(path)
        except ModelFileError:
            loaded = None
    if seen:
        return "ran code"
    if loaded is None:
        return "refused"
    try:
        assert_same(loaded.predict(ROWS), expected)
    except Exception:
        return "another model"
    return "the same"


def _print_outcomes(outcomes, size):
    print(f"   a file of {size} bytes; damaged copies have the old checksums, forged ones have new ones that fit")
    print(f"   {'':28}{'copies':>8}" + "".join(f"{column:>15}" for column in COLUMNS))
    rows = [(kind, kind in DAMAGE, found) for kind, found in outcomes.items()]
    for is_damage in (True, False):
        total: collections.Counter = collections.Counter()
        for kind, of_damage, found in rows:
            if of_damage == is_damage:
                total += found
                _print_row(kind, found)
        _print_row("ALL DAMAGED" if is_damage else "ALL FORGED", total)


def _print_row(name, found):
    print(f"   {name:28}{found.total():>8}" + "".join(f"{found[column]:>15}" for column in COLUMNS))


def memory(scale):
    """Measure how much memory damaged and forged copies of a large file take."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        save_model(net(trunk=MLP((1500, 2500)), max_epochs=1).fit(X, Y), path)
        content = path.read_bytes()

        def load():
            with contextlib.suppress(ModelFileError), warnings.catch_warnings():
                warnings.simplefilter("ignore", ModelVersionWarning)
                load_model(path)

        if resident_peak(load) is None:
            print("   not on this system")
            return True
        print(f"   a file of {len(content) / 1e6:.1f} MB; growth of the process at most, in sizes of the file")
        print(f"   {'as it was written':28}{resident_peak(load) / len(content):>8.2f}")
        largest = 0.0
        for kind, change in MUTANTS.items():
            peaks = []
            for number in range(max(1, round(10 * scale))):
                changed = bytes(change(content, np.random.default_rng([5, number])))
                path.write_bytes(changed)
                load()  # the first use of code takes memory too
                # a bomb is a file of some kilobytes, and takes less than a megabyte
                peaks.append(resident_peak(load) / max(len(changed), 10**6))
            largest = max(largest, *peaks)
            print(f"   {kind:28}{max(peaks):>8.2f}")
    return largest < 3


def kills_while_saving(scale):
    """Kill processes at random moments of saving, and load the file; also with joblib, for comparison."""
    torch.set_num_threads(1)  # a process that is forked has none of the other threads
    models = [net(trunk=MLP((300, 400)), max_epochs=1, random_state=seed).fit(X, Y) for seed in (0, 1)]
    said = [model.predict(ROWS) for model in models]
    rounds = max(1, round(200 * scale))
    print(f"   {'':14}{'kills':>8}{'old or new':>12}{'unreadable':>12}{'wrong':>8}{'in the midst':>14}")
    found = {}
    for name, save, load in (("save_model", save_model, load_model), ("joblib.dump", joblib.dump, joblib.load)):
        with tempfile.TemporaryDirectory() as folder:
            found[name] = _kill_often(Path(folder) / "model", models, said, save, load, rounds)
        outcomes = found[name]
        widths = {"old or new": 12, "unreadable": 12, "wrong": 8, "in the midst": 14}
        print(f"   {name:14}{rounds:>8}" + "".join(f"{outcomes[what]:>{width}}" for what, width in widths.items()))
    return found["save_model"]["old or new"] == rounds


def _kill_often(path, models, said, save, load, rounds):
    rng = np.random.default_rng(0)
    outcomes: collections.Counter = collections.Counter()
    save(models[0], path)
    for _ in range(rounds):
        _save_until_killed(path, models, save, rng.uniform(0, 0.05))
        left = list(path.parent.glob(".*.tmp"))
        outcomes["in the midst"] += bool(left)
        for temporary in left:
            temporary.unlink()
        try:
            predicted = load(path).predict(ROWS)
        except Exception:
            outcomes["unreadable"] += 1
            save(models[0], path)
            continue
        outcomes["old or new" if any(_is_same(predicted, other) for other in said) else "wrong"] += 1
    return outcomes


def _save_until_killed(path, models, save, seconds):
    """Let another process save one model over the other again and again, and kill it after some time."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, b"x")
        while True:
            for model in models:
                save(model, path)
    os.read(reader, 1)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(reader)
    os.close(writer)


def _is_same(predicted, expected):
    try:
        assert_same(predicted, expected)
    except AssertionError:
        return False
    return True
