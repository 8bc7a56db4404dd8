"""The skorch net that trains networks of several tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping, EpochTimer, LRScheduler, PrintLog
from skorch.utils import TeeGenerator
from torch import nn

from ..config import SCHEDULES
from ..config._optimizer import step_of
from ..data._dataset import Batch
from ..model._blueprint import Blueprint
from ..model._objective import Step
from ..nn._layers import set_draws
from ..nn._stacked_optimizer import clip_members
from ..sampling import AllTasks, TaskSampling
from ..utils._memory import explain_out_of_memory
from ..utils._ranks import Ranks
from ..utils._threads import TRAINING_WORK_PER_THREAD, threads_for
from ..weighting import UnsolvableError
from ._divergence import refuse_non_finite, unsolved
from ._log import mean_entries, progress_in
from ._parallel import refuse_unequal
from ._stack import Pass, Stack
from ._stopping import BestEpoch
from .callbacks._batches import record_best, watch_validation, watched_step
from .callbacks._lr_scheduler import end_schedule
from .callbacks._notify import tell, watches_batches
from .callbacks._protocols import ScoresRows

# Tasks of sparse labels whose scores on validation rows are computed after each epoch without being asked for.
MOST_SCORED = 200
# Advice if a step does not fit into memory.
HELPS = "a smaller batch_size, a smaller trunk, or on a GPU mixed precision, needs less"


class _Log(PrintLog):
    """skorch's table of epochs, which is not formatted if it is not shown: thousands of tasks take a second."""

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        if net.verbose or self.sink is not print:
            super().on_epoch_end(net, **kwargs)


class MultiTaskNet(NeuralNet):
    """A skorch net that trains one or several networks of one structure, with losses by task.

    It keeps skorch's callbacks, history, optimiser set-up and epochs. Unlike skorch, it fetches rows by batch,
    reads losses once per epoch, records batches only for callbacks that watch them, and raises on Ctrl-C and NaN.
    Several networks are the members of an ensemble: their steps are common, and the history has the means.

    Parameters
    ----------
    blueprint : Blueprint
        What the network was built from; its seed determines the row orders and dropout masks of all epochs.
    schedule : str
        How the learning rate changes over the epochs.
    schedule_yields : bool
        Whether a callback that sets the learning rate replaces the schedule; otherwise it is an error.
    clip_norm : float or None
        Maximum norm of the gradient of a network.
    stopping : BestEpoch or None
        When to stop; None trains all epochs.
    monitor : {"loss", "score"}
        What ``stopping`` watches on the validation rows.
    sampling : TaskSampling or None
        Chooses the task that a step trains; None trains all in every step.
    **kwargs : dict
        Parameters of `skorch.NeuralNet`.

    Attributes
    ----------
    stacks : list of Stack
        The networks, grouped into stacks, during training.
    member_history : list of list of dict
        The history of each of several networks.
    """

    def __init__(
        self,
        *args: Any,
        blueprint: Blueprint,
        schedule: str = "constant",
        schedule_yields: bool = False,
        clip_norm: float | None = None,
        stopping: BestEpoch | None = None,
        monitor: str = "loss",
        sampling: TaskSampling | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.blueprint = blueprint
        self.schedule = schedule
        self.schedule_yields = schedule_yields
        self.clip_norm = clip_norm
        self.stopping = stopping
        self.monitor = monitor
        self.sampling = AllTasks() if sampling is None else sampling
        self.stop_training = False
        self.scoring: ScoresRows | None = None
        self.ranks: Ranks | None = None
        self.origin = 0
        self.validates = False
        self.watchers: list[tuple[str, Callback]] = []
        self.stacks: list[Stack] = []
        self.member_history: list[list[dict[str, Any]]] = []

    @property
    def _default_callbacks(self) -> list[tuple[str, Callback]]:
        return [("epoch_timer", EpochTimer()), ("print_log", _Log())]

    # -- the epochs

    def train(
        self,
        stacks: Sequence[Stack],
        epochs: int,
        watchers: Iterable[tuple[str, Callback]] = (),
        keepers: Sequence[Callable[[MultiTaskNet, bool], None]] = (),
        start: int | None = None,
        origin: int = 0,
    ) -> None:
        """Train for some epochs, or until stopped, and restore the best epoch.

        Parameters
        ----------
        stacks : sequence of Stack
            The networks with their rows.
        epochs : int
            Maximum number of epochs to train.
        watchers : iterable of (str, Callback), default=()
            Callbacks of this training only.
        keepers : sequence of callable, default=()
            Called at the end of each epoch, with the net and whether the epoch is the last.
        start : int or None, default=None
            First epoch of this training, from 0; some epochs may be finished. None for the next epoch.
        origin : int, default=0
            Epoch of the history from which best losses and schedulers of callbacks are computed.

        Raises
        ------
        DivergenceError
            If a loss or a parameter is not finite.
        OutOfMemoryError
            If a step does not fit into memory.
        """
        self.stop_training = False
        self.stacks = list(stacks)
        self.watchers = list(watchers)
        self.callbacks_: list[tuple[str, Callback]] = [*self.callbacks_, *self.watchers]
        self.watched = any(watches_batches(callback) for _, callback in self.users_callbacks())
        first = self.stacks[0].members[0]
        self.origin, self.validates = origin, first.data.valid is not None
        start = len(self.history) if start is None else start
        if start == len(self.history):
            self.rates = [group["lr"] for group in self.optimizer_.param_groups]
        self.current_rates = [group["lr"] for group in self.optimizer_.param_groups]
        several = "" if len(self.blueprint.members) == 1 else f" n_members={len(self.blueprint.members)} networks"
        doing = f"training{several} with batch_size={min(self.stacks[0].batch_size, len(first.data.train))}"
        with (
            threads_for(self.stacks[0].work_per_step, TRAINING_WORK_PER_THREAD),
            explain_out_of_memory(doing, HELPS),
        ):
            try:
                history = self.history
                self.notify("on_train_begin", X=first.data.train, y=None)
                if self.history is not history:  # a callback has loaded another training
                    start = len(self.history)
                self._run_epochs(start, epochs, keepers)
                if self.ranks is not None:
                    refuse_unequal(self.ranks, self.module_)
                if self.stopping is not None:
                    self.stopping.restore(self.module_)
                self.notify("on_train_end", X=first.data.train, y=None)
            finally:
                self._let_go()
        self.finish()

    def _let_go(self) -> None:
        """Release objects that are needed only during training."""
        self.scoring, self.ranks = None, None
        self.stacks = []
        for _, callback in self.callbacks_:
            if isinstance(callback, LRScheduler):
                end_schedule(callback, self)

    def users_callbacks(self) -> list[tuple[str, Callback]]:
        """Return the callbacks that the user has set, by name."""
        ours = {name for name, _ in self._default_callbacks}
        return [entry for entry in self._without_watchers() if entry[0] not in ours]

    def finish(self) -> None:
        """Release what is needed only during training, and check that parameters are finite."""
        refuse_non_finite(self.module_.state_dict(), len(self.history))
        set_draws(self.module_, None)
        set_draws(self.criterion_, None)
        self._set_training(False)
        self.callbacks_ = self._without_watchers()
        self.watchers = []

    def take_history(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Take over the history of a model, of one entry per epoch, or per member and epoch."""
        members = sorted({entry["member"] for entry in entries if "member" in entry})
        if not members:
            self.history.extend({**entry, "batches": []} for entry in entries)
            return
        self.member_history = [
            [{k: v for k, v in entry.items() if k != "member"} for entry in entries if entry["member"] == member]
            for member in members
        ]
        for epoch in zip(*self.member_history, strict=True):
            self.history.append({**mean_entries(epoch), "epoch": epoch[0]["epoch"], "batches": []})

    def _run_epochs(self, start: int, epochs: int, keepers: Sequence[Callable]) -> None:
        split = self.stacks[0].members[0].data
        data = {"dataset_train": split.train, "dataset_valid": None if split.valid is None else split.valid.data}
        for number in range(len(self.history), start + epochs):
            self.notify("on_epoch_begin", **data)
            failed = self._train_epoch(number, start, epochs)
            if self.validates:
                self._validate(failed)
            self.notify("on_epoch_end", **data)
            self._end_epoch(number, failed)
            if self.ranks is not None:  # a callback of one process may have stopped
                self.stop_training = self.ranks.any([self.stop_training])[0]
            is_last = self.stop_training or number + 1 == start + epochs
            for keep in keepers:
                keep(self, is_last)
            if is_last:
                break

    def _train_epoch(self, number: int, start: int, epochs: int) -> dict[int, Exception]:
        """Train for one epoch; return the errors of members that diverged if others continue."""
        self._set_training(True)
        progress = [] if self.sampling.trains_all else self._progress()
        for stack in self.stacks:
            stack.start_epoch(number, self.watched)
            stack.weigh_tasks(number - start)
        batches = [stack.batches(number, self.sampling, progress[i:]) for i, stack in enumerate(self.stacks)]
        logs: list[list[Step]] = [[] for _ in self.stacks]
        sizes: list[int] = []
        n_batches = len(batches[0])
        for index, chosen in enumerate(zip(*batches, strict=True)):
            self._set_learning_rate(number - start + index / n_batches, epochs)
            try:
                passes = watched_step(self, chosen) if self.watched else self.step(chosen)
            except UnsolvableError as error:
                raise unsolved(error, logs[0], self.criterion_.names, number + 1) from error
            for log, made in zip(logs, passes, strict=True):
                log.append(made.step)
            sizes.append(chosen[0][1].n_rows)
        if self.watched:
            self.history.record("train_batch_count", len(sizes))
        entries, failed = self._read(logs, sizes, number)
        self._refuse(failed)
        self._record(entries, {"epoch": number + 1})
        record_best(self, "train_loss")
        return failed

    def _read(
        self, logs: Sequence[Sequence[Step]], sizes: Sequence[int], number: int
    ) -> tuple[list[dict[str, float]], dict[int, Exception]]:
        """Read the losses and weights of the steps of an epoch, for each member."""
        entries: list[dict[str, float]] = []
        failed: dict[int, Exception] = {}
        for stack, log in zip(self.stacks, logs, strict=True):
            found, wrong = stack.read(log, sizes, number)
            failed |= {len(entries) + position: error for position, error in wrong.items()}
            entries += found
        return entries, failed

    def _refuse(self, failed: dict[int, Exception]) -> None:
        for error in failed.values():
            raise error

    def _end_epoch(self, number: int, failed: dict[int, Exception]) -> None:
        """Finish an epoch; a hook for subclasses."""

    def _progress(self) -> list[np.ndarray]:
        """Return for each member the last known training loss of each task over its first one."""
        histories: Any = self.member_history or [self.history] * len(self.stacks)
        return [progress_in(entries, self.criterion_.names) for entries in histories]

    def step(self, batches: Sequence[tuple[str | None, Batch]]) -> list[Pass]:
        """Train all networks for one step, with a batch for each stack: gradients, clipping, update."""
        self.optimizer_.zero_grad()
        passes = [stack.backward(batch, task) for stack, (task, batch) in zip(self.stacks, batches, strict=True)]
        if self.ranks is not None:
            self.ranks.sum_gradients(list(self.module_.parameters()))
        if self.watched:
            parameters = TeeGenerator(self.get_all_learnable_params())
            shown = self.stacks[0].shown(batches[0][1])
            self.notify("on_grad_computed", named_parameters=parameters, batch=shown, training=True)
        self._clip()
        step_of(self.optimizer_)
        for stack, made, (task, batch) in zip(self.stacks, passes, batches, strict=True):
            stack.after_step(made, batch, task)
        return passes

    def _clip(self) -> None:
        if self.clip_norm is None:
            return
        for stack in self.stacks:
            if stack.has_axis:
                largest = torch.full((len(stack.alive),), self.clip_norm, device=stack.device)
                clip_members(list(stack.network.parameters()), largest)
            else:
                nn.utils.clip_grad_norm_(stack.network.parameters(), self.clip_norm)

    # -- the validation rows

    def _validate(self, failed: dict[int, Exception]) -> None:
        """Record losses and scores of the validation rows, and update the stopping rule."""
        self._set_training(False)
        if self.watched:
            watch_validation(self)
        entries = self._validated() if self.ranks is None else self.ranks.by_first(self._validated)
        self._record(entries)
        record_best(self, "valid_loss")
        self._stop(entries, failed)

    def _validated(self) -> list[dict[str, float]]:
        """Compute losses and scores of the validation rows."""
        parts = [stack.validate(self._with_scores) for stack in self.stacks]
        entries = []
        for stack, part in zip(self.stacks, parts, strict=True):
            for position, losses in enumerate(part.losses):
                of_member = stack.entries("valid", "loss", position, losses)
                if part.scores is not None:
                    of_member |= stack.entries("valid", "score", position, part.scores[position])
                    of_member |= part.further[position]
                entries.append(of_member)
        return entries

    @property
    def _with_scores(self) -> bool:
        # the scores of several networks take time for each of them
        asked = self.monitor == "score" or bool(self.stacks[0].members[0].config.metrics)
        # and so do those of many tasks with few labels
        many = self.stacks[0].has_pairs and len(self.criterion_.names) > MOST_SCORED
        return asked or (len(self.blueprint.members) == 1 and not many)

    def _stop(self, entries: Sequence[dict[str, float]], failed: dict[int, Exception]) -> None:
        """Update the stopping rule with the results of an epoch."""
        if self.stopping is None:
            return
        sign = 1 if self.monitor == "loss" else -1
        value = sign * self.history[-1, f"valid_{self.monitor}"]
        by_task = {
            name: sign * self.history[-1, f"valid_{self.monitor}__{name}"]
            for name in self.criterion_.names
            if name not in self.blueprint.auxiliary
        }
        self.stop_training |= self.stopping.update(value, len(self.history), self.module_, by_task)
        self.criterion_.take_out(self.stopping.over)

    # -- what is recorded

    def _record(self, entries: Sequence[dict[str, Any]], first: dict[str, Any] | None = None) -> None:
        """Record entries of the history: of each member and their means; ``first`` begins an epoch."""
        if len(entries) == 1 and not self.stacks[0].has_axis:
            means = entries[0]
        else:
            self.member_history = self.member_history or [[] for _ in entries]
            for history, entry in zip(self.member_history, entries, strict=True):
                if first is not None:
                    history.append(dict(first))
                history[-1] |= entry
            means = mean_entries(entries)
        for name, value in means.items():
            self.history.record(name, value)

    # -- details of a step

    def _set_learning_rate(self, epochs_done: float, epochs: int) -> None:
        if self.schedule == "constant":
            return  # the callbacks of the user may have set it
        groups = self.optimizer_.param_groups
        if [group["lr"] for group in groups] != self.current_rates:
            if not self.schedule_yields:
                raise ValueError(
                    f"a callback has set the learning rate, and the schedule {self.schedule!r} of the optimizer "
                    "sets it in each step; use optimizer=Optimizer(schedule='constant')."
                )
            self.schedule = "constant"
            return
        factor = SCHEDULES[self.schedule](epochs_done / epochs)
        self.current_rates = [rate * factor for rate in self.rates]
        for group, rate in zip(groups, self.current_rates, strict=True):
            group["lr"] = rate

    def notify(self, method_name: str, **cb_kwargs: Any) -> None:
        """Call a method of all callbacks.

        skorch's `EarlyStopping` raises KeyboardInterrupt to stop; that is told apart from the user's Ctrl-C,
        which reaches the caller.
        """
        getattr(self, method_name)(self, **cb_kwargs)
        for _, callback in self.callbacks_:
            try:
                tell(self, callback, method_name, cb_kwargs)
            except KeyboardInterrupt:
                if not (isinstance(callback, EarlyStopping) and callback.misses_ == callback.patience):
                    raise
                self.stop_training = True

    def __getstate__(self) -> dict[str, Any]:
        # a callback may pickle the net while it is trained
        passing: dict[str, Any] = {"scoring": None, "watchers": [], "stacks": [], "ranks": None}
        return {**super().__getstate__(), **passing, "callbacks_": self._without_watchers()}

    def _without_watchers(self) -> list[tuple[str, Callback]]:
        return [entry for entry in self.callbacks_ if entry not in self.watchers]
