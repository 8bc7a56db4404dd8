"""Training time per token: the estimator compared with a lean loop over the same modules and batches.

The loop has the trunk's modules, a linear head for the intent and one for the slots, the same batches of rows of
similar lengths, the same masks and the same optimiser. Both learn vocabulary and classes, encode once, and train.
The data set is SNIPS.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable

import torch
from _harness import run_in_turn, save
from _texts import Sentences, snips
from sklearn.base import BaseEstimator
from torch import nn
from torch.nn.functional import cross_entropy

from sklearn_mtl import MultiTaskNetEstimator
from sklearn_mtl.data._dataset import bucketed
from sklearn_mtl.nn._layers import set_draws
from sklearn_mtl.tasks import Classification, SequenceTagging
from sklearn_mtl.trunks import SequenceEncoder
from sklearn_mtl.utils._random import Streams

# Maximum training time with the convolutional encoder, relative to the lean loop.
LIMIT = 1.2
BATCH = 32


def ours(rows: Sentences, encoder: str, epochs: int) -> Callable[[], object]:
    estimator = MultiTaskNetEstimator(
        trunk=SequenceEncoder(encoder=encoder),
        batch_size=BATCH,
        max_epochs=epochs,
        early_stopping=False,
        device="cpu",
        random_state=0,
    )
    return lambda: estimator.fit(rows.X, rows.y)


def lean(rows: Sentences, encoder: str, epochs: int) -> Callable[[], object]:
    def fit() -> None:
        trunk = SequenceEncoder(encoder=encoder).fit(rows.X, owner=BaseEstimator())
        inputs = trunk.encode(rows.X, owner=BaseEstimator())
        intent = torch.from_numpy(Classification().fit(rows.y["intent"]).encode(rows.y["intent"]).target)
        task = SequenceTagging().fit(rows.y["slots"])
        slots = task.encode(rows.y["slots"]).target
        stem, body = trunk.stem(Streams(0)), trunk.body(Streams(0))
        widths = int(intent.max()) + 1, task.n_outputs_
        heads = nn.ModuleList([nn.Linear(trunk.width_, width) for width in widths])
        net = nn.ModuleList([stem, body, heads])
        optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, fused=True)
        generator = torch.Generator().manual_seed(0)
        set_draws(net, generator)
        for _ in range(epochs):
            order = torch.randperm(len(rows.X), generator=generator)
            for batch in bucketed(order, inputs["lengths"], BATCH, generator):
                optimizer.zero_grad()
                sample, token, mask = body(stem({name: values[batch] for name, values in inputs.items()}))
                loss = cross_entropy(heads[0](sample), intent[batch])
                loss = loss + cross_entropy(heads[1](token)[mask], slots[batch][mask])
                loss.backward()
                optimizer.step()

    return fit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    X, y = snips("train")
    rows = Sentences(X[: arguments.rows], y[: arguments.rows])
    n_tokens = arguments.epochs * sum(len(row) for row in rows.X)
    print(f"{'encoder':16s}{'ours us/token':>14s}{'lean us/token':>14s}{'ratio':>8s}")
    results = []
    for encoder in ("convolutional", "recurrent", "transformer"):
        contenders = {"ours": ours(rows, encoder, arguments.epochs), "lean": lean(rows, encoder, arguments.epochs)}
        seconds = run_in_turn(contenders, arguments.rounds)
        one, other = (statistics.median(seconds[name]) / n_tokens * 1e6 for name in ("ours", "lean"))
        limit = LIMIT if encoder == "convolutional" else None
        met = "met" if one / other <= LIMIT else "not met"
        verdict = "" if limit is None else f"  at most {limit} is wanted: {met}"
        print(f"{encoder:16s}{one:14.1f}{other:14.1f}{one / other:8.2f}{verdict}", flush=True)
        results.append({"encoder": encoder, "seconds": seconds, "ratio": one / other, "limit": limit})
    save("sequence_speed", {"rows": results})


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
