"""Two processes that fit together: what they fit, and what each reports. Run by `test_parallel.py`."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import torch
from scipy.sparse import coo_array
from skorch.callbacks import Callback, Checkpoint
from torch import distributed

from sklearn_mtl import EarlyStopping, MultiTaskNetEstimator, Optimizer, Targets
from sklearn_mtl.architectures import MMoE
from sklearn_mtl.exceptions import ParallelError
from sklearn_mtl.streaming import Stream
from sklearn_mtl.tasks import SequenceTagging, Survival
from sklearn_mtl.trunks import MLP, SequenceEncoder
from tests._helpers import inputs, mixed_targets

RANKS = 2
TIMEOUT = 2.0
# batches of 2 x 4 rows, and a last one of a single row: the second process has none of it
N, SHARE = 81, 4
X = inputs(N)


def uneven_targets():
    """Make tasks whose labels are missing mostly in some rows: one has three labels only."""
    targets = dict(mixed_targets(X, missing=0.1))
    rare = np.full(N, np.nan)
    rare[[3, 40, 41]] = [1.5, 2.5, 4.5]
    mass = np.where((np.arange(N) % 8 < 4) & (np.arange(N) > 10), np.nan, targets["mass"].astype(float))
    return Targets({**targets, "mass": mass, "rare": rare})


def sentences():
    rng = np.random.default_rng(0)
    rows = [rng.integers(0, 9, size=length) for length in rng.integers(1, 12, size=N)]
    words, tags = np.empty(N, dtype=object), np.empty(N, dtype=object)
    words[:] = [[f"w{word}" for word in row] for row in rows]
    tags[:] = [[["a", "b", "c"][word % 3] for word in row] for row in rows]
    return words, {"tags": tags, "long": np.array([len(row) + 0.5 for row in rows])}


def sparse_targets():
    rng = np.random.default_rng(1)
    values = X @ rng.normal(size=(X.shape[1], 5))
    known = rng.random(values.shape) < np.linspace(0.1, 0.9, N)[:, None]
    rows, tasks = np.nonzero(known)
    return Targets.from_sparse(coo_array((values[rows, tasks], (rows, tasks)), shape=values.shape))


def net(**params):
    given = {"trunk": MLP((8,), scaling="standard"), "n_members": 1, "max_epochs": 4, "batch_size": SHARE}
    return MultiTaskNetEstimator(**{**given, "dtype": "float64", "random_state": 0, "device": "cpu:*", **params})


WORDS, TAGS = sentences()
CONVOLUTIONS = SequenceEncoder("convolutional", dropout=0.0, token_dropout=0.0)
Y, STOP = uneven_targets(), EarlyStopping(when=True, n_iter_no_change=2)
FITS = {
    "missing labels": (net(early_stopping=STOP), X, Y, None),
    "all labelled": (net(), X, X[:, :2], None),
    "weights of rows": (net(early_stopping=False), X, Y, np.where(np.arange(N) < 30, 0.0, np.linspace(0.1, 2, N))),
    "uncertainty": (net(weighting="uncertainty"), X, Y, None),
    "famo": (net(weighting="famo"), X, Y, None),
    "random weights": (net(weighting="random_weighting"), X, Y, None),
    "penalty and clipping": (net(penalties=["trace_norm"], optimizer=Optimizer(clip_norm=0.1)), X, X[:, :2], None),
    "stops by task": (net(early_stopping="per_task", max_epochs=6), X, Y, None),
    "experts": (net(architecture=MMoE(n_experts=2)), X, Y, None),
    "automatic batch size": (net(batch_size="auto"), X, Y, None),
    "tags of tokens": (net(trunk=CONVOLUTIONS, tasks={"tags": SequenceTagging()}), WORDS, TAGS, None),
    "sparse labels": (net(early_stopping=False), X, sparse_targets(), None),
}  # fmt: skip


# what does not depend on the number of epochs, so that a fit of fewer can be continued
CONSTANT = {"early_stopping": False, "optimizer": Optimizer(schedule="constant")}


class StopsOnOne(Callback):
    """Stops in the second process only."""

    def on_epoch_end(self, net, **kwargs):
        if distributed.get_rank() == 1:
            net.stop_training = True


class ByRank:
    """A splitter that holds out other rows in each process."""

    def split(self, X, y=None, groups=None):
        held = np.arange(distributed.get_rank(), N, 5)
        yield np.setdiff1d(np.arange(N), held), held

    def get_n_splits(self, X=None, y=None, groups=None):
        return 1


class Counts(torch.nn.Module):
    """A module with a buffer that depends on the rows of a step."""

    def __init__(self, in_features):
        super().__init__()
        self.linear = torch.nn.Linear(in_features, 4)
        self.register_buffer("seen", torch.zeros(1, dtype=torch.float64))

    def forward(self, x):
        self.seen += x.detach().sum()
        return self.linear(x)


class Normalised(torch.nn.Sequential):
    def __init__(self, in_features):
        super().__init__(torch.nn.Linear(in_features, 4), torch.nn.BatchNorm1d(4))


def facts_of(fitted, X):
    """Return what a fitted network predicts, and its history."""
    outputs = fitted._model.outputs(X, fitted.task_names_, fitted._fitted_view())
    numbers = {name: np.asarray(getattr(output, "values", output)) for name, output in outputs.items()}
    return {"outputs": numbers, "history": fitted.history_.drop(columns="dur")}


def error_of(fit, *args, kind=Exception, **kwargs):
    """Return the message of the error of a call."""
    try:
        fit(*args, **kwargs)
    except kind as error:
        return f"{type(error).__name__}: {error}"
    return None


def refusals(rank):
    """Return the messages of fits that do not work in several processes."""
    time_of = np.column_stack([np.exp(X[:, 0]), np.ones(N)])
    survival = net(tasks={"time": Survival()})
    return {
        "ensemble": error_of(net(n_members=2).fit, X, Y),
        "portfolio": error_of(net(n_members="auto", ensemble="portfolio").fit, X, Y),
        "gradients": error_of(net(weighting="pcgrad").fit, X, Y),
        "sampling": error_of(net(task_sampling="proportional").fit, X, Y),
        "skorch's checkpoint": error_of(net(callbacks=[Checkpoint()]).fit, X, Y),
        "survival": error_of(survival.fit, X, Targets(time=time_of)),
        "penalty on rows": error_of(net(architecture=MMoE(load_balancing=0.1)).fit, X, Y),
        "batch norm": error_of(net(trunk=Normalised).fit, X.astype(np.float32), Y),
        "buffers": error_of(net(trunk=Counts).fit, X.astype(np.float32), Y),
        "other rows": error_of(net().fit, X[rank:], Y[rank:]),
        "other held-out rows": error_of(net(validation=ByRank(), early_stopping=STOP).fit, X, Y),
        "other parameters": error_of(net(learning_rate=0.1 + rank).fit, X, Y),
        "stream": error_of(net(trunk="mlp").fit, Stream(X), Y),
        "partial_fit": error_of(net().partial_fit, X, Y),
        "add_task": error_of(net(device="cpu").fit(X, Y).set_params(device="cpu:*").add_task, "more", X, X[:, 0]),
    }


def of_process(rank, folder):
    """Return what differs between processes, or must not."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        net(verbose=1, early_stopping=False).fit(X, Y)
    kept = Path(folder) / "kept"
    params = {**CONSTANT, "checkpoint": kept}
    net(**params, max_epochs=2).fit(X, Y)
    resumed = net(**params).fit(X, Y, resume=True)
    by_chance = net(random_state=None, trunk="auto", n_members="auto").fit(X, Y)
    return {
        "printed": printed.getvalue(),
        "files": sorted(path.name for path in kept.iterdir()),
        "resumed": facts_of(resumed, X),
        "by chance": facts_of(by_chance, X),
        "epochs of one that stops": net(callbacks=[StopsOnOne()], early_stopping=False).fit(X, Y).n_iter_,
        "loaded": pickle.loads(pickle.dumps(by_chance)).predict(X)["mass"],
    }


def join_group(rank, folder, name, timeout):
    distributed.init_process_group(
        "gloo",
        init_method=f"file://{folder}/{name}",
        rank=rank,
        world_size=RANKS,
        timeout=timedelta(seconds=timeout),
    )


def run(rank, folder):
    """Fit everything as one of two processes, and write what came of it."""
    torch.set_num_threads(1)
    os.environ.pop("LOCAL_RANK", None)
    join_group(rank, folder, "first", 60)
    found = {
        "fits": {name: facts_of(net.fit(X, y, sample_weight=w), X) for name, (net, X, y, w) in FITS.items()},
        "refusals": refusals(rank),
        **of_process(rank, folder),
    }
    distributed.destroy_process_group()
    join_group(rank, folder, "second", TIMEOUT)
    start = time.monotonic()
    if rank == 0:  # the other process does not come
        found["late"] = error_of(net().fit, X, Y, kind=ParallelError)
        found["waited"] = time.monotonic() - start
        (Path(folder) / "waited").touch()
    else:
        while not (Path(folder) / "waited").exists():
            time.sleep(0.05)
    distributed.destroy_process_group()
    join_group(rank, folder, "third", 60)
    if rank == 1:
        (Path(folder) / "1.pickle").write_bytes(pickle.dumps(found))
        net(callbacks=[Dies()]).fit(X, Y)
    start = time.monotonic()
    found["dead"] = error_of(net().fit, X, Y, kind=ParallelError)
    found["noticed"] = time.monotonic() - start
    (Path(folder) / "0.pickle").write_bytes(pickle.dumps(found))


class Dies(Callback):
    """Ends the process without a word in the second epoch."""

    def on_epoch_begin(self, net, **kwargs):
        if len(net.history) == 2:
            os._exit(3)
