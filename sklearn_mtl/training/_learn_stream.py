"""Training on a stream: rows that are read in blocks, because they do not fit into memory.

The first pass surveys the rows. Trunk and tasks are fitted to a sample that has a row for each category, class and
missing value, and take over exact moments. Then each epoch reads the blocks again, encodes them in a thread, and
goes through the same loop as rows in memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from skorch.callbacks import BatchScoring
from skorch.callbacks.scoring import ScoringBase

from ..columns._missing import has_label
from ..config import FitConfig
from ..data._dataset import Dataset, DataSplit, ValidationRows, lengths_of
from ..data._streamed import Pool, StreamedRows
from ..data._survey import Survey, each_block, survey
from ..model._blueprint import Blueprint
from ..streaming._hash import hash_rows, shares_of
from ..streaming._prefetch import prefetched
from ..streaming._stream import Block, Reader, Stream
from ..targets import Targets, align_targets
from ..tasks._rating import chosen_metrics
from ..utils._device import resolve_device
from ..utils._modes import own_modes
from ..utils._random import Streams
from ..utils._types import RowsLike, TargetsLike, WeightsLike
from ..utils._warn import warn
from ._caller import Caller
from ._finish import finish
from ._learn import assemble, train_fit
from ._model import Model
from ._plan import Plan, plan_fit
from ._prepare import encode_rows
from ._stack import Stack
from ._validation import NOTHING, ValidationData, encoded_apart, validates
from .callbacks._callback_list import callbacks_of

# With fewer rows than this to hold out, their number may differ much from the share that is asked for.
FEWEST_EXPECTED = 100


@own_modes()
def learn_stream(
    config: FitConfig,
    caller: Caller,
    X: Stream,
    y: TargetsLike,
    sample_weight: WeightsLike,
    *,
    given: ValidationData,
    previous: Model | None,
    resume: bool = False,
) -> Model:
    """Fit trunk and tasks to a survey of a stream, and train; for the parameters see `learn`."""
    given.check(config)
    fit = _StreamedFit(config, caller, X, y, sample_weight, given, previous)
    stops = validates(config, fit.plan, given)
    anneals = previous is None and (not stops or config.early_stopping.is_off)
    identity = [fit.survey.fingerprint, X.get_params(deep=False) | {"source": None}, fit.labels, *given]
    set_up = partial(fit.set_up, stops=stops, anneals=anneals)
    return train_fit(config, caller, fit.plan, identity, previous, anneals, resume, set_up)


@own_modes()
def learn_stream_batch(
    config: FitConfig,
    caller: Caller,
    X: Stream,
    y: TargetsLike,
    sample_weight: WeightsLike,
    *,
    previous: Model | None,
    classes: Any,
) -> Model:
    """Train for one epoch on all rows of a stream; for the parameters see `learn_batch`."""
    config = config.with_stopping(False)  # no rows are held out
    fit = _StreamedFit(config, caller, X, y, sample_weight, NOTHING, previous, classes)
    model, stacks = fit.set_up(fit.plan, stops=False, anneals=False, keep_optimizer=True, warns=False)
    model.net.train(stacks, epochs=1)
    finish(model, stacks[0].members[0].data.train)
    return model


class _StreamedFit:
    """A fit to a stream, up to its training.

    Attributes
    ----------
    survey : Survey
    plan : Plan
        Of the sample.
    """

    def __init__(
        self,
        config: FitConfig,
        caller: Caller,
        stream: Stream,
        y: TargetsLike,
        sample_weight: WeightsLike,
        given: ValidationData,
        previous: Model | None,
        classes: Any = None,
    ) -> None:
        _refuse_what_needs_all_rows(config, sample_weight, given)
        self.config, self.caller, self.given, self.previous = config, caller, given, previous
        self.reader = _opened(stream, y)
        self.labels = self.reader.labels or y
        holds_out = given.X is None and not config.early_stopping.is_off
        share = float(config.validation) if holds_out else 0.0
        self.survey: Survey = survey(self.reader, y, share, config.categorical_features)
        sample, weight = self.survey.sample, self.survey.sample_weight
        plan = plan_fit(config, caller.owner, sample.X, sample.y, None if previous else weight, previous, classes)
        blueprint = plan.blueprint if previous or self.survey.is_exact else _exact(plan.blueprint, self.survey)
        self.plan = plan._replace(blueprint=blueprint, sample_weight=None)

    def set_up(self, plan: Plan, *, stops: bool, anneals: bool, **details: Any) -> tuple[Model, list[Stack]]:
        """Build the networks; for the parameters see `assemble`."""
        chosen_metrics(self.config.metrics, plan.blueprint.tasks)
        device = resolve_device(self.config.device)
        sample = self._encoded(plan, self.survey.sample.X, plan.targets).to(device)
        _refuse_ragged(sample)
        valid = self._validation_rows(plan, sample) if stops else None
        holds_out = stops and self.given.X is None
        rows = StreamedRows(
            sample.inputs,
            sample.targets,
            sample.weights,
            device=device,
            pools=partial(self._pools, plan, sample, 0.0 if not holds_out else self.survey.threshold),
            count=self._count(plan.blueprint.seed, holds_out),
        )

        def split(*_: Any, **__: Any) -> list[DataSplit]:
            return [DataSplit(rows, valid)]

        X = self.survey.sample.X
        return assemble(self.config, self.caller, plan, rows, X, split, self.previous, anneals=anneals, **details)

    def _encoded(self, plan: Plan, X: RowsLike, targets: Targets) -> Dataset:
        owner = self.caller.owner
        return encode_rows(plan.blueprint, X, targets, None, owner=owner, device=torch.device("cpu"))

    def _validation_rows(self, plan: Plan, sample: Dataset) -> ValidationRows:
        """Return the rows that the user passed, or those of the stream that are held out."""
        owner, given = self.caller.owner, self.given
        if given.X is not None:
            return encoded_apart(plan, given, owner, sample, ("X_val, y_val", "y_val", "sample_weight_val"))
        held, n_rows = self.survey.held_out, self.survey.n_rows
        if not len(held) or len(held) == n_rows:
            raise ValueError(
                f"validation={self.config.validation!r} holds out {len(held)} of {n_rows} rows of the stream, by "
                "a hash of their values: too few rows differ. Pass X_val and y_val, or set early_stopping=False."
            )
        expected = self.survey.threshold * n_rows
        if expected >= FEWEST_EXPECTED and not expected / 2 < len(held) < 2 * expected:
            warn(
                f"{len(held)} rows of the stream are held out instead of some {expected:.0f}: equal rows, which "
                "are held out together, are frequent. Pass X_val and y_val to choose them."
            )
        self._warn_of_lost_classes(plan, align_targets(held.y, list(plan.targets))[0])
        said = "held-out rows", "the set of held-out rows", ""
        return encoded_apart(plan, ValidationData(None, held.X, held.y), owner, sample, said)

    def _warn_of_lost_classes(self, plan: Plan, held: Targets) -> None:
        """Warn of classes of which all rows are held out."""
        lost = []
        for name, task in plan.blueprint.tasks.items():
            known = self.survey.labels[name].counts if name in self.survey.labels else None
            if task.has_strata and known is not None:
                labels = held[name][has_label(held[name])].tolist()
                lost += [f"{label!r} of {name!r}" for label, n in Counter(labels).items() if n == known.get(label)]
        if lost:
            warn(
                f"all rows with the classes {', '.join(lost)} are held out: they are not trained. Pass X_val and "
                "y_val to choose other rows, or set early_stopping=False."
            )

    # -- the rows of an epoch

    def _count(self, seed: int, holds_out: bool) -> Callable[[int], int]:
        n_rows = self.survey.training_rows if holds_out else self.survey.chunk_rows
        return lambda epoch: int(n_rows[self._chunks(seed, epoch)].sum())

    def _chunks(self, seed: int, epoch: int) -> np.ndarray:
        """Return the chunks of an epoch in the order in which they are read.

        With ``epoch_rows``, a pass over all chunks takes several epochs of about as many rows.
        """
        n_chunks, wanted = len(self.survey.chunk_rows), self.reader.stream.epoch_rows
        n_epochs = 1 if wanted is None else min(max(1, round(self.survey.n_rows / wanted)), n_chunks)
        generator = Streams(seed).generator("chunks", epoch // n_epochs)
        order = torch.randperm(n_chunks, generator=generator).numpy()
        return np.array_split(order, n_epochs)[epoch % n_epochs]

    def _pools(self, plan: Plan, sample: Dataset, threshold: float, epoch: int) -> Iterator[Dataset]:
        return prefetched(self._collected(plan, sample, threshold, epoch))

    def _collected(self, plan: Plan, sample: Dataset, threshold: float, epoch: int) -> Iterator[Dataset]:
        """Yield the encoded rows of several blocks together, of those that are not held out."""
        room = self.reader.block_rows * self.reader.stream.shuffle_blocks
        pool: Pool | None = None
        for chunk, block in each_block(self.reader, self._chunks(plan.blueprint.seed, epoch).tolist()):
            data = self._block(plan, chunk, block)
            train = torch.arange(len(data))
            if threshold:
                train = torch.from_numpy(np.flatnonzero(shares_of(hash_rows(block.X)) >= threshold))
            if pool is not None and not pool.has_room(len(data)):
                yield pool.rows()
                pool = None
            pool = Pool(sample, max(room, len(data))) if pool is None else pool
            pool.add(data, train)
        if pool is not None:
            yield pool.rows()

    def _block(self, plan: Plan, chunk: int, block: Block) -> Dataset:
        try:
            if block.y is None:
                assert block.start is not None
                targets = self._targets[block.start : block.start + len(block.X)]
            else:
                targets, _ = align_targets(block.y, list(plan.blueprint.tasks))
            return self._encoded(plan, block.X, targets)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{self.reader.source.name_of(chunk)} of the stream: {error}") from error

    @property
    def _targets(self) -> Targets:
        """The targets of an array, which are not in the stream."""
        if not hasattr(self, "_read"):
            self._read: Targets = align_targets(self.labels, list(self.plan.blueprint.tasks))[0]
        return self._read


def _opened(stream: Stream, y: TargetsLike) -> Reader:
    """Open a stream to fit to it."""
    reader = stream.open(y)
    if reader.source.names and not reader.labels:
        raise ValueError(f"y should be the names of columns of the stream, which are {reader.source.names}.")
    if stream.epoch_rows is not None and reader.n_chunks == 1:
        raise ValueError(
            f"epoch_rows={stream.epoch_rows!r}: {reader.source.name_of(0)} of the stream can only be read as a "
            "whole. Write it to Parquet files of several row groups, or leave out epoch_rows."
        )
    return reader


def _exact(blueprint: Blueprint, found: Survey) -> Blueprint:
    """Replace what was learned from a sample by exact statistics, where these are known."""
    trunk = blueprint.trunk.with_moments(found.moments.mean, found.moments.deviation)
    tasks = {
        name: task.with_statistics(found.labels[name]) if name in found.labels else task
        for name, task in blueprint.tasks.items()
    }
    return replace(blueprint, trunk=trunk, tasks=tasks)


def _refuse_what_needs_all_rows(config: FitConfig, sample_weight: WeightsLike, given: ValidationData) -> None:
    """Raise ValueError for parameters and arguments that a stream does not support."""
    if sample_weight is not None:
        raise ValueError("sample_weight is not supported for a stream; leave it out.")
    if given.groups is not None:
        raise ValueError("groups is not supported for a stream; pass X_val and y_val of groups that X lacks.")
    if hasattr(config.validation, "split"):
        raise ValueError(
            f"validation={config.validation!r} splits rows in memory; for a stream it should be a share, or pass "
            "X_val and y_val."
        )
    if config.is_deep_ensemble:
        raise ValueError(
            f"n_members={config.n_members} networks of a DeepEnsemble would each read a stream of their own; use "
            "n_members=1, or ensemble='batch', whose members share their rows."
        )
    if not config.task_sampling.trains_all:
        raise ValueError(
            f"task_sampling={config.task_sampling!r} draws from all labelled rows of a task; a stream trains all "
            "tasks in each step, task_sampling='all'."
        )
    scoring = [each for each in callbacks_of(config.callbacks) if isinstance(each, ScoringBase)]
    on_train = [each for each in scoring if each.on_train or isinstance(each, BatchScoring)]
    if on_train:
        raise ValueError(
            f"callbacks: {type(on_train[0]).__name__} scores training rows, which are not in memory for a stream."
        )


def _refuse_ragged(sample: Dataset) -> None:
    if lengths_of(sample.inputs) is not None or not all(
        isinstance(v, torch.Tensor) for v in sample.inputs.values()
    ):
        raise ValueError("a stream has rows of one length, such as those of tables and images, but no sequences.")
