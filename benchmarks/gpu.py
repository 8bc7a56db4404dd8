"""One GPU: fits, an ensemble, a search, predictions, images and texts, beside lean torch loops and the CPU.

The lean loops train the same layers with the same batches, and keep the rows on the device. Their variants are
what torch offers: bfloat16, a CUDA graph of the step, and ``torch.compile``. ``python benchmarks/gpu.py`` needs a
CUDA device. It has not been run on one yet. Only ``--device cpu --small`` has, which runs all that a CPU can
run, at a size that says nothing about speed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from _harness import RESULTS, run_in_turn, save, table
from _texts import Sentences, column, snips
from fit_speed import SHAPES, FusedNet, Shape
from grid_search import GRID, targets
from grid_search import SHAPES as GRID_SHAPES
from grid_search import data as grid_data
from grid_search import estimator as grid_estimator
from sklearn.base import BaseEstimator
from sklearn.model_selection import KFold
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from sklearn_mtl import MultiTaskNetClassifier, MultiTaskNetEstimator, MultiTaskNetRegressor, Optimizer, Targets
from sklearn_mtl.data import _dataset
from sklearn_mtl.model_selection import TaskWeightSearchCV
from sklearn_mtl.nn._layers import set_draws
from sklearn_mtl.tasks import Classification, SequenceTagging
from sklearn_mtl.trunks import MLP, ConvNet, SequenceEncoder
from sklearn_mtl.utils._random import Streams

Contenders = dict[str, Callable[[], Any]]


@dataclass(frozen=True)
class Sizes:
    """How large everything is."""

    shapes: Mapping[str, Shape]
    grid: str
    folds: int
    members: int
    predicted: Sequence[int]
    images: int
    sentences: int


LARGE = Shape(1_000_000, 64, 4, (512, 512, 512), 4096, 1)
FULL = Sizes({**SHAPES, "C": LARGE}, "64", 3, 8, (1, 1_000, 1_000_000), 20_000, 13_084)
SMALL = Sizes(
    {
        **{name: replace(shape, rows=1_000, epochs=1) for name, shape in SHAPES.items()},
        "C": replace(LARGE, rows=2_000, hidden=(32, 32, 32), batch=512),
    },
    "32", 2, 2, (1, 100, 2_000), 40, 100,
)  # fmt: skip


# -- lean loops


def eager(step: Callable[..., Tensor], batch: Sequence[Tensor]) -> Callable[..., Any]:
    return step


def compiled(step: Callable[..., Tensor], batch: Sequence[Tensor]) -> Callable[..., Any]:
    """Compile the step; on a CPU only as far as no compiler of C++ is needed."""
    return torch.compile(step, backend="inductor" if batch[0].is_cuda else "aot_eager")


class Captured:
    """A step that is captured once as a CUDA graph; batches of another size, and a CPU, run it as it is."""

    def __init__(self, step: Callable[..., Tensor], batch: Sequence[Tensor]) -> None:
        self.step = step
        self.graph: torch.cuda.CUDAGraph | None = None
        if not batch[0].is_cuda:
            return
        self.static = [part.clone() for part in batch]
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):  # the optimiser makes its state before the capture
            for _ in range(3):
                step(*self.static)
        torch.cuda.current_stream().wait_stream(aside)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            step(*self.static)

    def __call__(self, *batch: Tensor) -> None:
        if self.graph is None or batch[0].shape != self.static[0].shape:
            self.step(*batch)
            return
        for there, values in zip(self.static, batch, strict=True):
            there.copy_(values)
        self.graph.replay()


def lean(
    shape: Shape, device: torch.device, prepare: Callable[..., Any] = eager, bf16: bool = False
) -> Callable[[], None]:
    """Return a fit by a loop of torch; ``prepare`` makes the step faster."""
    X, y = (torch.from_numpy(values).to(device) for values in shape.data())

    def fit() -> None:
        net = deep_net(shape).to(device)
        optimizer = torch.optim.AdamW(
            net.parameters(), lr=1e-3, fused=True, capturable=device.type == "cuda" and prepare is Captured
        )

        def step(rows: Tensor, labels: Tensor) -> Tensor:
            optimizer.zero_grad(set_to_none=prepare is not Captured)
            with torch.autocast(device.type, dtype=torch.bfloat16) if bf16 else nullcontext():
                loss = ((net(rows) - labels) ** 2).mean(0).sum()
            loss.backward()
            optimizer.step()
            return loss

        ready = prepare(step, (X[: shape.batch], y[: shape.batch]))
        for _ in range(shape.epochs):
            for rows in torch.randperm(shape.rows, device=device).split(shape.batch):
                ready(X[rows], y[rows])

    return waited(fit, device)


def deep_net(shape: Shape) -> nn.Module:
    if len(shape.hidden) == 2:
        return FusedNet(shape)
    sizes = [shape.inputs, *shape.hidden]
    layers = [layer for i, width in enumerate(shape.hidden) for layer in (nn.Linear(sizes[i], width), nn.ReLU())]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], shape.tasks))


def lean_modules(
    trunk: Any, X: Any, batches: Callable[[], Sequence[Tensor]], losses: Any, widths: Sequence[int], device: Any
) -> Callable[[], None]:
    """Return a fit of a trunk's own modules with two linear heads; ``losses`` computes the loss of a batch."""
    trunk.fit(X, owner=BaseEstimator())
    rows_of = {name: values.to(device) for name, values in trunk.encode(X, owner=BaseEstimator()).items()}

    def fit() -> None:
        stem, body = trunk.stem(Streams(0)), trunk.body(Streams(0))
        heads = nn.ModuleList(nn.Linear(trunk.width_, width) for width in widths)
        net = nn.ModuleList([stem, body, heads]).to(device, torch.float32)
        set_draws(net, torch.Generator(device=device).manual_seed(0))
        optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, fused=True)
        for rows in batches():
            optimizer.zero_grad()
            inputs = {name: _dataset.take(values, rows, device) for name, values in rows_of.items()}
            losses(body(stem(inputs)), heads, rows).backward()
            optimizer.step()

    return waited(fit, device)


# -- timing


def waited(call: Callable[[], Any], device: torch.device) -> Callable[[], None]:
    """Return the call with the time until the device has finished."""

    def run() -> None:
        call()
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return run


def both(make: Callable[[str], Callable[[], Any]], device: torch.device) -> Contenders:
    """Return a fit of the estimator on the device, and on the CPU if that is another one."""
    found = {"sklearn_mtl": waited(make(str(device)), device)}
    return found if device.type == "cpu" else {**found, "sklearn_mtl, CPU": make("cpu")}


def measure(title: str, contenders: Contenders, rounds: int) -> list[dict[str, Any]]:
    """Time the contenders in turn; one that fails in its first run is left out, with the reason."""
    works, failed = {}, []
    for name, contender in contenders.items():
        try:
            contender()
        except Exception as error:
            failed.append({"contender": name, "failed": f"{type(error).__name__}: {str(error).splitlines()[0]}"})
        else:
            works[name] = contender
    rows = table(title, run_in_turn(works, rounds)) if works else []
    for row in failed:
        print(f"{row['contender']:44s}failed: {row['failed']}")
    return rows + failed


@contextmanager
def rows_on_the_host() -> Iterator[None]:
    """Let a fit believe that the rows do not fit into the memory of the GPU."""
    with patch.object(_dataset, "_fits", lambda *_: False):
        yield


# -- questions


def fits(sizes: Sizes, device: torch.device, rounds: int) -> dict[str, Any]:
    """Fit networks of two sizes with small steps, and a large one."""
    results = {}
    for name, shape in sizes.shapes.items():
        X, y = shape.data()

        def ours(on: str, shape: Shape = shape, X: Any = X, y: Any = y, **step: Any) -> Callable[[], Any]:
            estimator = MultiTaskNetRegressor(
                trunk=MLP(shape.hidden), n_members=1, batch_size=shape.batch, max_epochs=shape.epochs,
                early_stopping=False, optimizer=Optimizer(**step), device=on, random_state=0,
            )  # fmt: skip
            return lambda: estimator.fit(X, y)

        on_device = ours(str(device))

        def from_host(fit: Callable[[], Any] = on_device) -> None:
            with rows_on_the_host():
                fit()

        contenders = {
            **both(ours, device),
            "sklearn_mtl, bf16": waited(ours(str(device), mixed_precision=True), device),
            "sklearn_mtl, rows on the host": waited(from_host, device),
            "lean loop": lean(shape, device),
            "lean loop, bf16": lean(shape, device, bf16=True),
            "lean loop, CUDA graph": lean(shape, device, Captured),
            "lean loop, torch.compile": lean(shape, device, compiled),
        }
        results[name] = measure(f"fit, shape {name}: {shape}", contenders, rounds)
    return results


def ensembles(sizes: Sizes, device: torch.device, rounds: int) -> dict[str, Any]:
    """Fit several networks as one stack, beside one network."""
    shape = sizes.shapes["B"]
    X, y = shape.data()

    def of(members: int) -> Callable[[str], Callable[[], Any]]:
        def make(on: str) -> Callable[[], Any]:
            estimator = MultiTaskNetRegressor(
                trunk=MLP(shape.hidden), n_members=members, ensemble="deep", batch_size=shape.batch,
                max_epochs=shape.epochs, early_stopping=False, device=on, random_state=0,
            )  # fmt: skip
            return lambda: estimator.fit(X, y)

        return make

    many = {f"{name}, {sizes.members} networks": fit for name, fit in both(of(sizes.members), device).items()}
    one = {f"{name}, one network": fit for name, fit in both(of(1), device).items()}
    return {"B": measure(f"ensemble, shape B: {shape}", {**many, **one}, rounds)}


def grids(sizes: Sizes, device: torch.device, rounds: int) -> dict[str, Any]:
    """Search task weights, stacked."""
    X, y = grid_data()
    grid = GRID
    if sizes is SMALL:
        X, y, grid = X[:300], y[:300], {name: values[:2] for name, values in list(GRID.items())[:1]}

    def make(on: str, stacked: bool = True) -> Callable[[], Any]:
        estimator = grid_estimator(GRID_SHAPES[sizes.grid]).set_params(device=on, n_members=1)
        if sizes is SMALL:
            estimator.set_params(max_epochs=1)
        search = TaskWeightSearchCV(estimator, grid, cv=KFold(sizes.folds), refit=False, stacked=stacked)
        return lambda: search.fit(X, targets(y))

    contenders = {**both(make, device), "sklearn_mtl, one by one": waited(make(str(device), False), device)}
    return {sizes.grid: measure(f"search, width {sizes.grid}, {sizes.folds} folds", contenders, rounds)}


def predictions(sizes: Sizes, device: torch.device, rounds: int) -> dict[str, Any]:
    """Predict one row, and many."""
    shape, results = sizes.shapes["A"], {}
    X, y = shape.data()
    params = {"trunk": MLP(shape.hidden), "n_members": 1, "max_epochs": 1, "early_stopping": False}
    nets = {on: MultiTaskNetRegressor(device=on, **params).fit(X, y) for on in (str(device), "cpu")}
    bare = deep_net(shape).to(device)
    for n_rows in sizes.predicted:
        rows = np.random.default_rng(1).standard_normal((n_rows, shape.inputs), dtype=np.float32)

        def predict(on: str, rows: np.ndarray = rows) -> Callable[[], Any]:
            return lambda: nets[on].predict(rows)

        @torch.inference_mode()
        def forward(rows: np.ndarray = rows) -> np.ndarray:
            return bare(torch.from_numpy(rows).to(device)).cpu().numpy()

        contenders = {**both(predict, device), "bare forward pass": forward}
        results[str(n_rows)] = measure(f"predict, {n_rows} rows x {shape.inputs}", contenders, rounds)
    return results


def images(sizes: Sizes, device: torch.device, rounds: int) -> dict[str, Any]:
    """Fit a ConvNet with two classifications."""
    batch, rng = min(128, sizes.images), np.random.default_rng(0)
    X = rng.standard_normal((sizes.images, 32, 32, 3), dtype=np.float32)
    y = np.column_stack([rng.integers(10, size=len(X)), rng.integers(2, size=len(X))])
    codes = torch.from_numpy(y).to(device)

    def make(on: str, **step: Any) -> Callable[[], Any]:
        estimator = MultiTaskNetClassifier(
            trunk=ConvNet(), n_members=1, batch_size=batch, max_epochs=1, early_stopping=False, device=on,
            optimizer=Optimizer(**step), random_state=0,
        )  # fmt: skip
        return lambda: estimator.fit(X, y)

    def losses(representation: Any, heads: nn.ModuleList, rows: Tensor) -> Tensor:
        sample, labels = representation.sample, codes[rows]
        return cross_entropy(heads[0](sample), labels[:, 0]) + cross_entropy(heads[1](sample), labels[:, 1])

    def batches() -> Sequence[Tensor]:
        return torch.randperm(len(X), device=device).split(batch)

    contenders = {
        **both(make, device),
        "sklearn_mtl, bf16": waited(make(str(device), mixed_precision=True), device),
        "lean loop": lean_modules(ConvNet(), X, batches, losses, (10, 2), device),
    }
    return {"images": measure(f"ConvNet, {len(X)} images 32 x 32 x 3", contenders, rounds)}


def texts(sizes: Sizes, device: torch.device, rounds: int) -> dict[str, Any]:
    """Fit a SequenceEncoder to SNIPS: the intent of a sentence, and the slot of each word."""
    batch, rows = 32, sentences(sizes)
    intent = torch.from_numpy(Classification().fit(rows.y["intent"]).encode(rows.y["intent"]).target).to(device)
    task = SequenceTagging().fit(rows.y["slots"])
    slots = task.encode(rows.y["slots"]).target
    trunk = SequenceEncoder("convolutional")
    lengths = torch.tensor([len(row) for row in rows.X])

    def make(on: str) -> Callable[[], Any]:
        estimator = MultiTaskNetEstimator(
            trunk=SequenceEncoder("convolutional"), n_members=1, batch_size=batch, max_epochs=1,
            early_stopping=False, device=on, random_state=0,
        )  # fmt: skip
        return lambda: estimator.fit(rows.X, rows.y)

    def losses(representation: Any, heads: nn.ModuleList, chosen: Tensor) -> Tensor:
        sample, token, mask = representation
        loss = cross_entropy(heads[0](sample), intent[chosen.to(device)])
        return loss + cross_entropy(heads[1](token)[mask], slots[chosen].to(device)[mask])

    def batches() -> Sequence[Tensor]:
        generator = torch.Generator().manual_seed(0)
        return _dataset.bucketed(torch.randperm(len(lengths), generator=generator), lengths, batch, generator)

    widths = int(intent.max()) + 1, task.n_outputs_
    contenders = {
        **both(make, device),
        "lean loop": lean_modules(trunk, rows.X, batches, losses, widths, device),
    }
    return {"texts": measure(f"SequenceEncoder, {len(rows.X)} sentences", contenders, rounds)}


def sentences(sizes: Sizes) -> Sentences:
    """Read SNIPS, or for a small run make sentences."""
    if sizes is not SMALL:
        X, y = snips("train")
        return Sentences(X[: sizes.sentences], y[: sizes.sentences])
    rng = np.random.default_rng(0)
    rows = [rng.integers(50, size=length) for length in rng.integers(3, 15, size=sizes.sentences)]
    words = column([[f"w{word}" for word in row] for row in rows])
    slots = column([[f"s{word % 4}" for word in row] for row in rows])
    return Sentences(words, Targets(intent=np.array([f"i{len(row) % 3}" for row in rows]), slots=slots))


QUESTIONS: dict[str, Callable[[Sizes, torch.device, int], dict[str, Any]]] = {
    "fits": fits,
    "ensembles": ensembles,
    "grids": grids,
    "predictions": predictions,
    "images": images,
    "texts": texts,
}


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true", help="tiny sizes, to see that everything runs")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", choices=QUESTIONS, default=list(QUESTIONS))
    given = parser.parse_args(arguments)
    device = torch.device(given.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        sys.exit("There is no CUDA device. To see that everything runs: benchmarks/gpu.py --device cpu --small")
    results = {name: QUESTIONS[name](SMALL if given.small else FULL, device, given.rounds) for name in given.only}
    if device.type == "cuda" and not given.small:
        save("gpu", results)
    else:
        print(f"\nnot stored in {RESULTS.name}/gpu.json: that is for a GPU, at full size")
    return results


if __name__ == "__main__":
    main()
