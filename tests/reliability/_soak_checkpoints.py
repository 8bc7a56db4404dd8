"""Fits that are killed with SIGKILL and resume from their checkpoints."""

import os
import random
import signal
import tempfile
import time
from collections import Counter
from pathlib import Path

from sklearn_mtl import EarlyStopping
from sklearn_mtl.training._net import MultiTaskNet
from sklearn_mtl.trunks import MLP

from ._fits import X, Y, small
from ._processes import answer_of, apart, fingerprint, preload, start

EPOCHS = 25
# Its checkpoint takes longer to write than an epoch takes to train.
WIDE = {
    "trunk": MLP((300, 300), dropout=0.2),
    "weighting": "uncertainty",
    "schedule": "cosine",
    "early_stopping": EarlyStopping(True, n_iter_no_change=EPOCHS),
    "max_epochs": EPOCHS,
}


def finished(folder, seed):
    """Fit to the end, from the checkpoint if any; return the model and the number of epochs in the checkpoint."""
    train_epoch, epochs = MultiTaskNet._train_epoch, []

    def counted(self, *args):
        epochs.append(len(self.history))
        return train_epoch(self, *args)

    MultiTaskNet._train_epoch = counted
    begin = time.perf_counter()
    estimator = small(**WIDE, checkpoint=folder, random_state=seed).fit(X, Y, resume=folder is not None)
    seconds = time.perf_counter() - begin
    return {"model": fingerprint(estimator), "found": EPOCHS - len(epochs), "seconds": seconds}


def kills_while_training(scale):
    """Kill fits that write a checkpoint after each epoch at random moments, 200 times."""
    trials, rng = max(1, round(200 * scale)), random.Random(0)
    preload(lambda: small(**{**WIDE, "max_epochs": 1}).fit(X, Y))
    expected = {seed: apart(finished, None, seed)["model"] for seed in range(3)}
    with tempfile.TemporaryDirectory() as folder:
        seconds = apart(finished, folder, 0)["seconds"]
    outcomes: Counter = Counter()
    found = set()
    place, seed = None, 0
    for trial in range(trials):
        if place is None:
            place = tempfile.TemporaryDirectory()
            seed = rng.randrange(3)
        # every second time when a checkpoint is being written, a few milliseconds later than it is seen
        wait = rng.uniform(0, 0.003) if trial % 2 else rng.uniform(0, seconds / 4)
        outcomes["ended before"] += not _killed(place.name, seed, wait, in_the_midst=trial % 2 == 1)
        outcomes["in the midst"] += any(Path(place.name).glob(".*.tmp"))
        with tempfile.TemporaryDirectory() as copied:
            for path in Path(place.name).glob("*.checkpoint"):
                Path(copied, path.name).write_bytes(path.read_bytes())
            answer = answer_of(*start(finished, copied, seed))
        outcomes["unreadable"] += answer is None
        outcomes["same"] += answer is not None and answer["model"] == expected[seed]
        outcomes["afresh"] += answer is not None and answer["found"] == 0
        found.add(None if answer is None else answer["found"])
        for path in Path(place.name).glob(".*.tmp"):
            path.unlink()
        # the next fit resumes there and is killed in turn, unless little of it is left
        if answer is None or answer["found"] > EPOCHS - 5:
            place.cleanup()
            place = None
    if place is not None:
        place.cleanup()
    rows = {
        "kills": trials,
        "while a checkpoint was written": outcomes["in the midst"],
        "after the fit had ended": outcomes["ended before"],
        "before the first checkpoint": outcomes["afresh"],
        "different epochs that a fit went on from": len(found),
        "checkpoint could not be read": outcomes["unreadable"],
        "model of the whole fit, bit by bit": outcomes["same"],
    }
    for what, number in rows.items():
        print(f"   {what:44}{number:>6}")
    return outcomes["same"] == trials


def _killed(folder, seed, seconds, in_the_midst):
    """Fit in another process and kill it after some time; return whether it was still running."""
    number, read = start(finished, folder, seed)
    deadline = time.perf_counter() + 5
    while in_the_midst and time.perf_counter() < deadline:
        if any(name.endswith(".tmp") for name in os.listdir(folder)):
            break
    time.sleep(seconds)
    os.kill(number, signal.SIGKILL)
    return answer_of(number, read) is None


# -- every epoch

TEN = {
    "trunk": MLP((8, 6), dropout=0.3),
    "learning_rate": 0.06,
    "schedule": "cosine",
    "early_stopping": EarlyStopping(True, n_iter_no_change=10),
    "max_epochs": 10,
}


def killed_in(folder, epoch):
    """Fit, and die in the second step of an epoch."""
    train_step, steps = MultiTaskNet.train_step, []

    def deadly(self, *args, **kwargs):
        if len(self.history) == epoch:
            steps.append(1)
            if len(steps) == 2:
                os.kill(os.getpid(), signal.SIGKILL)
        return train_step(self, *args, **kwargs)

    MultiTaskNet.train_step = deadly
    small(**TEN, checkpoint=folder).fit(X, Y)


def whole(folder=None):
    estimator = small(**TEN, checkpoint=folder).fit(X, Y, resume=folder is not None)
    best = 1 + int(estimator.history_["valid_loss"].argmin())
    return {"model": fingerprint(estimator), "epochs": estimator.n_iter_, "best": best}


def resume_after_every_epoch(scale):
    """Kill a fit of ten epochs with dropout, shuffling, schedule and early stopping in each of them."""
    preload(lambda: small(**{**TEN, "max_epochs": 1}).fit(X, Y))
    uninterrupted = apart(whole)
    print(f"   {'killed in epoch':>16}{'epochs in all':>16}{'best epoch':>12}{'model and history':>20}")
    print(f"   {'-':>16}{uninterrupted['epochs']:>16}{uninterrupted['best']:>12}{'':>20}")
    equal = []
    for epoch in range(1, uninterrupted["epochs"] + 1):
        with tempfile.TemporaryDirectory() as folder:
            died = answer_of(*start(killed_in, folder, epoch)) is None
            resumed = apart(whole, folder)
        equal.append(died and resumed == uninterrupted)
        said = "equal" if equal[-1] else "OTHERS"
        print(f"   {epoch:>16}{resumed['epochs']:>16}{resumed['best']:>12}{said:>20}")
    return all(equal)
