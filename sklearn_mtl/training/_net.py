"""The skorch net that trains a network of several tasks."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping, EpochTimer, LRScheduler, PrintLog
from skorch.utils import TeeGenerator
from torch import Tensor, nn

from ..architectures import Outputs
from ..config import SCHEDULES
from ..config._optimizer import step_of
from ..data._dataset import (
    Batch,
    BatchIterator,
    Dataset,
    OfAllTasks,
    ValidationRows,
    fewest_rows,
    positions_per_row,
)
from ..model._blueprint import Blueprint
from ..model._objective import Step, TaskLosses
from ..model._predict import average_members, by_row, predict_outputs
from ..nn._layers import set_draws
from ..sampling import AllTasks, TaskSampling
from ..utils._memory import explain_out_of_memory
from ..utils._random import Streams
from ..utils._threads import threads_for
from ..weighting import UnsolvableError
from ._backward import backward
from ._balance import read_balance
from ._divergence import diverged, refuse_non_finite, unsolved
from ._gramian import gramian_of
from ._log import read_losses, record
from ._lr_scheduler import end_schedule
from ._notify import tell, watches_batches
from ._sampled import SampledBatches
from ._stopping import BestEpoch
from ._watching import record_best, watch_validation, watched_step

if TYPE_CHECKING:
    from ._scoring_view import ScoringView

# What may help where the memory does not hold a step.
HELPS = "a smaller batch_size, a smaller trunk, or on a GPU mixed_precision=True, needs less"


class MultiTaskNet(NeuralNet):
    """A skorch net whose batches are slices of tensors and whose losses come by task.

    It keeps skorch's callbacks, history, optimiser set-up and epochs. It replaces what costs time or hides
    faults: per-sample fetching, reading the loss after each batch, recording each batch (unless a callback
    watches batches), swallowing Ctrl-C and NaN.

    Parameters
    ----------
    blueprint : Blueprint
        What the network was built from; its seed gives the orders and masks of all epochs.
    schedule : str
        How the learning rate changes over the epochs.
    schedule_yields : bool
        Whether the schedule leaves the learning rate to a callback that sets it; otherwise that is an error.
    clip_norm : float or None
        Largest norm of the gradient.
    stopping : BestEpoch or None
        When to stop; None trains all epochs.
    monitor : {"loss", "score"}
        What ``stopping`` watches on the validation rows.
    mixed_precision : bool
        Whether to train in bfloat16 where the device is a GPU.
    sampling : TaskSampling or None
        Which task a step trains; None trains all in every step.
    **kwargs : dict
        Parameters of `skorch.NeuralNet`.
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
        mixed_precision: bool = False,
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
        self.mixed_precision = mixed_precision
        self.sampling = AllTasks() if sampling is None else sampling
        self.stop_training = False
        self.scoring: ScoringView | None = None
        self.origin = 0
        self.validates = False
        self.watchers: list[tuple[str, Callback]] = []

    @property
    def _default_callbacks(self) -> list[tuple[str, Callback]]:
        return [("epoch_timer", EpochTimer()), ("print_log", PrintLog())]

    # -- the epochs

    def train(
        self,
        train: Dataset,
        valid: ValidationRows | None,
        epochs: int,
        watchers: Iterable[tuple[str, Callback]] = (),
        keepers: Sequence[Callable[[MultiTaskNet, bool], None]] = (),
        start: int | None = None,
        origin: int = 0,
    ) -> None:
        """Train for some epochs, or until stopped, and restore the best epoch.

        Parameters
        ----------
        train : Dataset
            Rows to learn from.
        valid : ValidationRows or None
            Rows to watch.
        epochs : int
            Most epochs to train.
        watchers : iterable of (str, Callback), default=()
            Callbacks of this training only.
        keepers : sequence of callable, default=()
            Called after each epoch, when everything else of it is done, with the net and whether it is the last.
        start : int or None, default=None
            First epoch of this training, from 0; some of its epochs may be done already. None for the next one.
        origin : int, default=0
            First epoch of the history that this training goes on from: best losses and schedulers of callbacks
            begin there.

        Raises
        ------
        DivergenceError
            If a loss or a parameter is not finite.
        OutOfMemoryError
            If the memory does not hold a step.
        """
        self.stop_training = False
        self.watchers = list(watchers)
        self.callbacks_: list[tuple[str, Callback]] = [*self.callbacks_, *self.watchers]
        self.watched = any(watches_batches(callback) for _, callback in self.users_callbacks())
        self.origin, self.validates = origin, valid is not None
        start = len(self.history) if start is None else start
        if start == len(self.history):
            self.rates = [group["lr"] for group in self.optimizer_.param_groups]
        self.current_rates = [group["lr"] for group in self.optimizer_.param_groups]
        doing = f"training with batch_size={min(self.batch_size, len(train))}"
        with threads_for(self._work_per_step(train)), explain_out_of_memory(doing, HELPS):
            try:
                history = self.history
                self.notify("on_train_begin", X=train, y=None)
                if self.history is not history:  # a callback has loaded another training, to go on from
                    start = len(self.history)
                self._run_epochs(train, valid, start, epochs, keepers)
                if self.stopping is not None:
                    self.stopping.restore(self.module_)
                self.notify("on_train_end", X=train, y=None)
            finally:
                self._let_go()
        self.finish()

    def _let_go(self) -> None:
        """Keep nothing alive that only a training needs."""
        self.scoring = None
        for _, callback in self.callbacks_:
            if isinstance(callback, LRScheduler):
                end_schedule(callback, self)

    def users_callbacks(self) -> list[tuple[str, Callback]]:
        """Give the callbacks that the user has set, by name."""
        ours = {name for name, _ in self._default_callbacks}
        return [entry for entry in self._without_watchers() if entry[0] not in ours]

    def finish(self) -> None:
        """Put away what only a training needs, and refuse parameters that are not finite."""
        refuse_non_finite(self.module_.state_dict(), len(self.history))
        set_draws(self.module_, None)
        set_draws(self.criterion_, None)
        self._set_training(False)
        self.callbacks_ = self._without_watchers()
        self.watchers = []

    def go_on_from(self, previous: MultiTaskNet, with_optimizer: bool) -> None:
        """Take over weights and history of another net, and on request what its optimiser has accumulated."""
        self.module_.load_state_dict(previous.module_.state_dict())
        # task weights are those that the estimator has now
        now = {"task_weights": self.criterion_.task_weights}
        self.criterion_.load_state_dict({**previous.criterion_.state_dict(), **now})
        self.history.extend(previous.history)
        for ours, theirs in zip(self.module_.parameters(), previous.module_.parameters(), strict=True):
            ours.requires_grad_(theirs.requires_grad)  # a callback may have frozen some
        if with_optimizer and _accumulate_alike(self.optimizer_, previous.optimizer_):
            accumulated = copy.deepcopy(previous.optimizer_.state_dict())
            # learning rate and decay are those that the parameters of the estimator have now
            accumulated["param_groups"] = self.optimizer_.state_dict()["param_groups"]
            self.optimizer_.load_state_dict(accumulated)

    def _run_epochs(
        self, train: Dataset, valid: ValidationRows | None, start: int, epochs: int, keepers: Sequence[Callable]
    ) -> None:
        data = {"dataset_train": train, "dataset_valid": None if valid is None else valid.data}
        for number in range(len(self.history), start + epochs):
            self.notify("on_epoch_begin", **data)
            self._train_epoch(train, Streams(self.blueprint.seed), number, start, epochs)
            if valid is not None:
                self._validate(valid)
            self.notify("on_epoch_end", **data)
            is_last = self.stop_training or number + 1 == start + epochs
            for keep in keepers:
                keep(self, is_last)
            if is_last:
                break

    def _train_epoch(self, data: Dataset, streams: Streams, number: int, start: int, epochs: int) -> None:
        self._set_training(True)
        masks = streams.generator("dropout", number, device=data.device)
        set_draws(self.module_, masks)
        set_draws(self.criterion_, streams.generator("weighting", number, device=data.device))
        batches = self._batches(data, streams, number)
        log: list[Step] = []
        sizes: list[int] = []
        for index, (task, batch) in enumerate(batches):
            self._set_learning_rate((number - start + index / len(batches)) / epochs)
            try:
                step = (
                    watched_step(self, batch, task) if self.watched else self.train_step(batch, task=task)["step"]
                )
            except UnsolvableError as error:
                raise unsolved(error, log, self.criterion_.names, number + 1) from error
            log.append(step)
            sizes.append(len(batch.targets[0]))
        if self.watched:
            self.history.record("train_batch_count", len(sizes))
        self._record_losses(log, sizes, number)
        record_best(self, "train_loss")

    def _batches(self, data: Dataset, streams: Streams, number: int) -> Any:
        """Give the batches of an epoch, each with the only task that it trains, or None."""
        if self.sampling.trains_all:
            order = streams.generator("shuffle", number)
            return OfAllTasks(BatchIterator(data, self.batch_size, order, fewest_rows(self.module_)))
        return SampledBatches(
            data, self.criterion_, self.sampling, self.batch_size, self._progress(), streams, number,
            fewest_rows(self.module_),
        )  # fmt: skip

    def _progress(self) -> np.ndarray:
        """Give the last known training loss of each task over its first one."""
        ratios = []
        for name in self.criterion_.names:
            losses = [epoch.get(f"train_loss__{name}", np.nan) for epoch in self.history]
            known = [loss for loss in losses if np.isfinite(loss)]
            ratios.append(known[-1] / known[0] if known and known[0] > 0 else 1.0)
        return np.array(ratios)

    def train_step(self, batch: Batch, task: str | None = None, **fit_params: Any) -> dict[str, Any]:
        """Make one step, for all tasks or for one: outputs, task losses, objective, gradient, update."""
        self._zero_grad_optimizer()
        wants_gramian = self.criterion_.wants_gramian
        outputs, task_losses = self._losses(batch, task, with_cut=self.criterion_.weighs_gradients)
        gramian = gramian_of(self.criterion_, self.module_, outputs, task_losses) if wants_gramian else None
        weights = self.criterion_.weigh(task_losses, gramian)
        backward(self.criterion_, self.module_, outputs, task_losses, weights)
        if self.watched:
            parameters = TeeGenerator(self.get_all_learnable_params())
            self.notify("on_grad_computed", named_parameters=parameters, batch=batch, training=True)
        if self.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.module_.parameters(), self.clip_norm)
        step_of(self.optimizer_)
        step = Step(
            task_losses.losses.detach(), task_losses.mass, weights if self.criterion_.learns else None, gramian
        )
        if self.criterion_.learns_from_steps:
            self.criterion_.after_step(step, self._losses_again(batch, task))
        # without a callback that watches batches, nobody reads it
        loss = self.criterion_.value(task_losses, weights, outputs.penalty) if self.watched else None
        return {"loss": loss, "y_pred": outputs, "step": step}

    def _losses(self, batch: Batch, task: str | None = None, with_cut: bool = False) -> tuple[Outputs, TaskLosses]:
        """Compute outputs and task losses of a batch, on request with the place where gradients are compared."""
        names = self.criterion_.names if task is None else [task]
        with self._autocast():
            at_cut = with_cut and self.criterion_.grad_at == "representation"
            outputs = (self.module_.forward_cut if at_cut else self.module_)(batch.inputs, names)
            if task is None:
                return outputs, self.criterion_(outputs, batch.targets, batch.weights)
            return outputs, self.criterion_.of_task(task, outputs[task], batch.targets, batch.weights)

    @torch.no_grad()
    def _losses_again(self, batch: Batch, task: str | None) -> Tensor | None:
        return self._losses(batch, task)[1].losses if self.criterion_.looks_twice else None

    # -- the validation rows

    def _validate(self, valid: ValidationRows) -> None:
        """Record loss and score on the validation rows, and tell the stopping rule."""
        data = valid.data
        self._set_training(False)
        if self.watched:
            watch_validation(self, data)
        tasks = {name: self.criterion_.tasks[name] for name in self.criterion_.names}
        outputs = predict_outputs(self.module_, data.inputs, tasks, data.device, data.rows)
        everything = data.everything()
        with torch.inference_mode():
            losses, mass = self.criterion_(valid.as_batch(outputs, tasks), everything.targets, everything.weights)
        present = np.ones(len(losses), dtype=bool) if mass is None else (mass > 0).cpu().numpy()
        self._record("valid", np.where(present, losses.double().cpu().numpy(), np.nan))
        if self.blueprint.n_members > 1:
            outputs = average_members(outputs, tasks)
        scores = [
            valid.score(name, task, by_row(outputs[name], task, valid.lengths)) for name, task in tasks.items()
        ]
        self._record("valid", np.array(scores), what="score")
        record_best(self, "valid_loss")
        if self.stopping is not None:
            sign = 1 if self.monitor == "loss" else -1
            value = sign * self.history[-1, f"valid_{self.monitor}"]
            by_task = {name: sign * self.history[-1, f"valid_{self.monitor}__{name}"] for name in outputs}
            self.stop_training |= self.stopping.update(value, len(self.history), self.module_, by_task)
            self.criterion_.take_out(self.stopping.over)

    # -- what is recorded, and what is refused

    def _record_losses(self, log: list[Step], sizes: list[int], number: int) -> None:
        """Record the losses of an epoch, and refuse those that are not finite."""
        losses, means = read_losses(log, sizes)
        if not np.isfinite(losses).all():
            raise diverged(losses, self.criterion_.names, number + 1)
        self._record("train", means)
        for entries in read_balance(log, self.criterion_.names):
            for name, value in entries.items():
                self.history.record(name, value)
        self.criterion_.after_epoch(means)

    def _record(self, prefix: str, values: np.ndarray, what: str = "loss") -> None:
        entries = record(prefix, what, self.criterion_.names, values, self.criterion_.score_weights)
        for name, value in entries.items():
            self.history.record(name, value)

    # -- details of a step

    def _set_learning_rate(self, progress: float) -> None:
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
        for group, rate in zip(groups, self.rates, strict=True):
            group["lr"] = rate * SCHEDULES[self.schedule](progress)
        self.current_rates = [group["lr"] for group in groups]

    def _autocast(self) -> Any:
        if self.mixed_precision and torch.device(self.device).type == "cuda":
            return torch.autocast("cuda", dtype=torch.bfloat16)
        return nullcontext()

    def _work_per_step(self, data: Dataset) -> float:
        # forward, gradient of weights, gradient of inputs: three products per weight and row, or position of it
        n_weights = sum(parameter.numel() for parameter in self.module_.parameters())
        return 3.0 * n_weights * min(self.batch_size, len(data)) * positions_per_row(data.inputs)

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
        passing: dict[str, Any] = {"scoring": None, "watchers": []}
        return {**super().__getstate__(), **passing, "callbacks_": self._without_watchers()}

    def _without_watchers(self) -> list[tuple[str, Callback]]:
        return [entry for entry in self.callbacks_ if entry not in self.watchers]


def _accumulate_alike(optimizer: torch.optim.Optimizer, other: torch.optim.Optimizer) -> bool:
    """Tell whether an optimiser can go on with what another one has accumulated."""
    groups = optimizer.param_groups, other.param_groups
    if type(optimizer) is not type(other) or len(groups[0]) != len(groups[1]):
        return False
    # what is switched on, such as amsgrad or momentum, has something of its own
    passing = ("params", "lr", "initial_lr", "weight_decay", "maximize")
    switches = [[{k: bool(v) for k, v in group.items() if k not in passing} for group in all_] for all_ in groups]
    sizes = [[len(group["params"]) for group in all_] for all_ in groups]
    return switches[0] == switches[1] and sizes[0] == sizes[1]
