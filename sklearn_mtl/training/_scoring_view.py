"""Arguments of skorch's scoring callbacks: the estimator after the epoch, and the user's rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from skorch.callbacks import BatchScoring, EpochScoring
from skorch.callbacks.scoring import ScoringBase
from skorch.utils import to_numpy
from torch import Tensor

from ..architectures import without_labels
from ..columns._missing import is_missing
from ..data._dataset import Batch, Dataset, DataSplit, ValidationRows, lengths_of
from ..model._predict import average_members, by_row
from ..targets import Container
from ..trunks import rows_of
from ..utils._types import RowsLike, TargetsLike
from ..utils._warn import warn
from ._caller import Caller
from ._model import Model


@dataclass
class _Rows:
    """Some rows of the fit, and cached outputs of the network for them."""

    X: RowsLike
    y: TargetsLike
    data: Dataset
    rows: Tensor
    outputs: dict[str, Any] | None = None
    stamp: Any = None


class ScoringView:
    """The rows of a fit, for callbacks that score them.

    ``scoring(net, X, y)`` gets the estimator as if it had been fitted by the epochs so far, with ``history``,
    ``module_``, ``criterion_``, ``optimizer_`` and ``callbacks_`` of the skorch net, and rows of X and y in
    the containers that `fit` got.

    Parameters
    ----------
    caller : Caller
        The estimator that is fitted.
    model : Model
        The model in training.
    X : object
        What the user passed to ``fit``.
    targets : mapping of str to ndarray
        Labels by task.
    data : DataSplit
        The encoded rows, numbered as those of X.
    warns : bool, default=True
        Whether to warn if there are no validation rows to score.
    """

    def __init__(
        self,
        caller: Caller,
        model: Model,
        X: RowsLike,
        targets: Mapping[str, np.ndarray],
        data: DataSplit,
        warns: bool = True,
    ) -> None:
        self.caller, self.model, self.X, self.targets, self.data = caller, model, X, targets, data
        self.warns = warns
        self.names = [name for name in model.container.names if name in targets]
        self.sets: dict[bool, _Rows] = {}

    def tell(self, callback: ScoringBase, method: str, kwargs: Mapping[str, Any]) -> None:
        """Call a method of a scoring callback, with the user's rows instead of encoded ones."""
        net, kind = self.model.net, type(callback)
        if method == "on_train_begin":
            self._begin(callback)
        elif method == "on_epoch_end" and getattr(kind, method) is EpochScoring.on_epoch_end:
            self._score_epoch(callback)
        elif method == "on_batch_end" and getattr(kind, method) is BatchScoring.on_batch_end:
            self._score_batch(callback, **kwargs)
        elif method != "on_batch_end" or getattr(kind, method) is not EpochScoring.on_batch_end:
            getattr(callback, method)(net, **kwargs)

    def _begin(self, callback: ScoringBase) -> None:
        callback.on_train_begin(self.model.net, X=np.empty((0, 1)), y=None)
        if self.warns and self.data.valid is None and not callback.on_train:
            warn(
                f"callbacks: {type(callback).__name__} {callback.name_!r} scores validation rows, but none are "
                "held out; set early_stopping=True to hold some out, or on_train=True to score the others.",
            )

    def _score_epoch(self, callback: EpochScoring) -> None:
        if not callback.on_train and self.data.valid is None:
            return
        if callback.on_train not in self.sets:
            valid = None if callback.on_train else self.data.valid
            known = self._rows_of(self.data.train) if valid is None else self._rows_of(valid.data, valid)
            self.sets[callback.on_train] = known
        score = self._score(callback, self.sets[callback.on_train])
        callback._record_score(self.model.net.history, score)

    def _score_batch(self, callback: BatchScoring, batch: Batch, training: bool, **kwargs: Any) -> None:
        if training != callback.on_train:
            return
        assert batch.rows is not None
        rows = self._rows_of(self.data.train.subset(batch.rows))
        if callback.use_caching and len(rows.rows) == len(batch.rows) and not self.model.net.member_history:
            rows.outputs, rows.stamp = self._outputs_of_step(kwargs["y_pred"], batch.rows), self._stamp()
        self.model.net.history.record_batch(callback.name_, self._score(callback, rows))

    def _rows_of(self, data: Dataset, valid: ValidationRows | None = None) -> _Rows:
        """Return rows of the user's X and y; for a single task, only labelled rows."""
        X, targets = (self.X, self.targets) if valid is None or valid.X is None else (valid.X, valid.labels)
        rows = torch.arange(len(data)) if data.rows is None else data.rows.cpu()
        if len(self.names) == 1:
            missing = is_missing(targets[self.names[0]][rows.numpy()])
            rows = rows[~torch.from_numpy(missing if missing.ndim == 1 else missing.any(axis=1))]
        X = rows_of(X, rows.numpy())
        y = self._container().wrap({k: v[rows.numpy()] for k, v in targets.items()}, X)
        return _Rows(X, y, data, rows)

    def _container(self) -> Container:
        """Return the container of y; for an added task, a container of this task alone."""
        container = self.model.container
        if len(self.names) == 1 < len(container.names):
            return Container.of_one_task(self.names[0])
        return container

    def _score(self, callback: ScoringBase, rows: _Rows) -> float:
        net = self.model.net
        was_training = net.module_.training
        net._set_training(False)
        y = rows.y if callback.target_extractor is to_numpy else callback.target_extractor(rows.y)
        try:
            score = callback._scoring(self._estimator(rows), rows.X, y)
        except (AttributeError, TypeError, ValueError) as error:
            raise self._refused(callback, str(error)) from error
        finally:
            net._set_training(was_training)
        if isinstance(score, Tensor | np.ndarray | np.generic):
            score = score.item() if np.size(score) == 1 else score
        if not isinstance(score, float | int):
            raise self._refused(callback, f"it returned {type(score).__name__} instead of a number")
        return float(score)

    def _refused(self, callback: ScoringBase, reason: str) -> ValueError:
        return ValueError(
            f"callbacks: {type(callback).__name__}(scoring={callback.scoring!r}) failed for the tasks "
            f"{self.names}: {reason}. A function scoring(net, X, y) that returns a number works for any tasks: "
            "net predicts as the estimator does, and y has the container that fit got."
        )

    def _estimator(self, rows: _Rows) -> Any:
        """Return the estimator as if training had stopped now."""
        model, net = self.model, self.model.net
        tasks = {name: model.blueprint.tasks[name] for name in self.names}
        blueprint = replace(model.blueprint, tasks=tasks, auxiliary=())
        live = _LiveModel(Model(blueprint, self._container(), net), self, rows)
        view = self.caller.as_fitted(live)
        for name in ("history", "module_", "criterion_", "optimizer_", "callbacks_"):
            setattr(view, name, getattr(net, name))
        return view

    def outputs(self, rows: _Rows, model: Model) -> dict[str, Any]:
        """Compute the outputs of rows for all tasks, once for all callbacks of the epoch."""
        if rows.outputs is None or rows.stamp != self._stamp():
            inputs = without_labels(rows.data.inputs)  # scores are those of predictions without known labels
            rows.outputs = model.outputs_of(inputs, self.names, rows.rows)
            rows.stamp = self._stamp()
        return rows.outputs

    def _stamp(self) -> tuple[int, int]:
        history = self.model.net.history
        return len(history), len(history[-1]["batches"])

    def _outputs_of_step(self, outputs: Mapping[str, Tensor], rows: Tensor) -> dict[str, Any] | None:
        """Convert the outputs of a step to those of a prediction; None if it lacks tasks or read labels."""
        tasks = {name: self.model.blueprint.tasks[name] for name in self.names}
        if self.model.blueprint.label_inputs or not set(tasks) <= set(outputs):
            return None
        lengths = lengths_of(self.data.train.inputs)
        lengths = None if lengths is None else lengths[rows.cpu()]
        known = {name: outputs[name].detach().to("cpu", self.model.blueprint.torch_dtype) for name in tasks}
        if lengths is not None:
            known = {k: _flat(v, lengths) if tasks[k].labels_tokens else v for k, v in known.items()}
        if self.model.blueprint.n_members > 1:
            known = average_members(known, tasks)
        return {name: by_row(output, tasks[name], lengths) for name, output in known.items()}


def _flat(output: Tensor, lengths: Tensor) -> Tensor:
    """Concatenate the outputs (..., B, L, K) of the tokens of padded rows, without padding."""
    return output[..., torch.arange(output.shape[-2]) < lengths[:, None], :]


class _LiveModel(Model):
    """A model in training with cached outputs of some rows.

    Parameters
    ----------
    model : Model
        With the tasks and the container of the rows.
    view : ScoringView
    scored : _Rows
    """

    def __init__(self, model: Model, view: ScoringView, scored: _Rows) -> None:
        super().__init__(model.blueprint, model.container, model.net)
        self.view, self.scored = view, scored

    def outputs(self, X: RowsLike, tasks: Any, owner: BaseEstimator, given: TargetsLike = None) -> dict[str, Any]:
        if X is not self.scored.X or given is not None:
            return super().outputs(X, tasks, owner, given)
        known = self.view.outputs(self.scored, self)
        return {name: known[name] for name in tasks}


def scoring_view(
    caller: Caller,
    model: Model,
    X: RowsLike,
    targets: Mapping[str, np.ndarray],
    data: DataSplit,
    warns: bool = True,
) -> ScoringView | None:
    """Build the view of a fit if a callback scores rows; for the parameters see `ScoringView`."""
    scores = any(isinstance(callback, ScoringBase) for _, callback in model.net.callbacks_)
    return ScoringView(caller, model, X, targets, data, warns) if scores else None
