"""How an estimator learns: the methods that train its network."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, ClassVar

import numpy as np
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.callback import with_callbacks
from sklearn.utils.validation import check_is_fitted

from ..architectures import resolve_architecture
from ..columns._frame import refuse_lazy
from ..config import (
    FitConfig,
    Portfolio,
    resolve_auxiliary,
    resolve_checkpoint,
    resolve_early_stopping,
    resolve_ensemble,
    resolve_optimizer,
)
from ..penalties import resolve_penalties
from ..sampling import resolve_task_sampling
from ..streaming._stream import Stream, refuse_stream, stream_of
from ..training import (
    Caller,
    Model,
    SklearnCallbacks,
    ValidationData,
    learn,
    learn_added_task,
    learn_batch,
    learn_portfolio,
    learn_portfolio_batch,
    learn_portfolio_task,
    learn_stream,
    learn_stream_batch,
    restored,
)
from ..trunks import InputRows
from ..utils._params import validate_spec
from ..utils._types import RowsLike, TargetsLike, WeightsLike
from ..utils._warn import warn
from ..weighting import resolve_weighting
from ._fitted import FittedMixin
from ._recipes import recipes_of_fit

# Parameters with shorthands, and the functions that resolve them to specs.
_RESOLVE: dict[str, Callable[[Any], Any]] = {
    "auxiliary": resolve_auxiliary,
    "architecture": resolve_architecture,
    "weighting": resolve_weighting,
    "optimizer": resolve_optimizer,
    "early_stopping": resolve_early_stopping,
    "ensemble": resolve_ensemble,
    "checkpoint": resolve_checkpoint,
    "task_sampling": resolve_task_sampling,
}


class LearningMixin(FittedMixin):
    """The methods that train the network of an estimator.

    A fit changes a twin of the estimator, which replaces it only after success.
    """

    max_epochs: int
    early_stopping: Any
    penalties: Any
    warm_start: bool
    _kind: ClassVar[str | None]
    _init_callback_context: Callable[..., Any]
    _validate_params: Callable[[], None]

    @with_callbacks
    def fit(
        self,
        X: RowsLike,
        y: TargetsLike = None,
        sample_weight: WeightsLike = None,
        targets: Any = None,
        resume: bool = False,
        *,
        groups: Any = None,
        X_val: RowsLike = None,
        y_val: TargetsLike = None,
        sample_weight_val: WeightsLike = None,
    ) -> Any:
        """Fit the network to rows and their targets.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping, Stream} with n_samples rows
            Inputs. Columns of a pandas or polars frame with text or category dtype are embedded. Rows that do not
            fit into memory are a `Stream <sklearn_mtl.streaming.Stream>`, or what it takes: a path of Parquet
            files, a `pyarrow.dataset.Dataset`, a LazyFrame, a Dask frame, or an IterableDataset.
        y : array-like, frame, mapping, structured array or Targets with n_samples rows, or list of str
            Targets; a missing label is NaN, None or pandas' NA. A row may have no label at all. For a stream, the
            names of the columns of the tasks.
        sample_weight : array-like of shape (n_samples,), or a frame or `Targets` of such by task, default=None
            Weight of each row in the loss of each task.
        targets : like y, default=None
            Used instead of y. scikit-learn passes it unchanged, whereas `cross_val_predict` with
            ``method="predict_proba"`` converts the columns of y to class numbers.
        resume : bool, default=False
            Whether to continue from the ``checkpoint`` of a fit with the same parameters and rows. The model
            equals that of an uninterrupted fit. Without a checkpoint the fit starts from the beginning. After a
            finished fit, only the epochs by which ``max_epochs`` has grown are trained; with a schedule that
            depends on ``max_epochs``, the fit starts from the beginning.
        groups : array-like of shape (n_samples,), default=None
            The group of each row, for instance a patient. Early stopping holds out whole groups; a splitter in
            ``validation`` gets them.
        X_val : like X with n_val rows, default=None
            Rows to validate on, instead of some of X. They are encoded with what was learned from X. In a
            `Pipeline` with ``transform_input=["X_val"]`` they are transformed as X is.
        y_val : like y with n_val rows, default=None
            Targets of ``X_val``.
        sample_weight_val : like sample_weight with n_val rows, default=None
            Weights of ``X_val``.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If a parameter, X, y or a weight is invalid; the message names it.
        DivergenceError
            If a loss or a parameter becomes NaN or infinite.
        OutOfMemoryError
            If a training step does not fit into memory.
        ModelFileError
            If the checkpoint is damaged.
        OSError
            If the checkpoint cannot be written, for instance because the disk is full.
        """
        y = one_target(self, y, targets)
        X = stream_of(X, y) or indexed_by_rows(X)
        previous = self._previous() if self.warm_start else None
        configs = self._configs(X, y, previous)
        _check_resume(self.checkpoint, resume)
        resolve_early_stopping(self.early_stopping).warn_if_idle()
        X_val = None if X_val is None else indexed_by_rows(X_val)
        given = ValidationData(groups, X_val, y_val, sample_weight_val)
        context = self._init_callback_context(max_subtasks=len(configs) * self.max_epochs)
        data = {"X": X, "y": y, "metadata": {"sample_weight": sample_weight}}
        context.call_on_fit_task_begin(estimator=self, **data)
        learner = self._learner()

        def watch(model: Model) -> SklearnCallbacks:
            return SklearnCallbacks(self, context, data, functools.partial(learner._snapshot, model))

        become = functools.partial(self._become, learner)
        caller = Caller(learner, learner._as_fitted, watch, become)
        train = functools.partial(learn_portfolio, weighted=_is_weighted(self.ensemble))
        model = self._trained(learn_stream if isinstance(X, Stream) else learn, train, configs)(
            caller, X, y, sample_weight, given=given, previous=previous, resume=bool(resume)
        )
        _warn_of_idle_tasks(model)
        become(model)
        context.call_on_fit_task_end(
            estimator=self, **data, reconstruction_attributes=functools.partial(self._attributes_of, model)
        )
        return self

    def partial_fit(
        self, X: RowsLike, y: TargetsLike = None, classes: Any = None, sample_weight: WeightsLike = None
    ) -> Any:
        """Train for one epoch on a batch of rows, without validation rows.

        The first call learns scales, categories and classes from its batch; later calls keep them.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping, Stream} with n_samples rows
            Inputs. A stream is read twice, and trained on once; see ``fit``.
        y : array-like, frame, mapping, structured array or Targets with n_samples rows, or list of str
            Targets; for a stream, the names of the columns of the tasks.
        classes : array-like, list of array-like or mapping of str to array-like, default=None
            All classes, for 1-D y, for 2-D y, or by task; used only by the first call. None uses the classes
            of the first batch.
        sample_weight : array-like of shape (n_samples,), or a frame or `Targets` of such by task, default=None
            Weight of each row.

        Returns
        -------
        self
        """
        y = one_target(self, y, None)
        X = stream_of(X, y) or indexed_by_rows(X)
        previous = self._previous()
        configs = self._configs(None, y, previous)
        learner = self._learner()
        caller = Caller(learner, learner._as_fitted)
        learn_one = learn_stream_batch if isinstance(X, Stream) else learn_batch
        train = self._trained(learn_one, learn_portfolio_batch, configs)
        model = train(caller, X, y, sample_weight, previous=previous, classes=classes)
        return self._become(learner, model)

    def add_task(
        self,
        name: str,
        X: RowsLike,
        y: TargetsLike,
        *,
        task: Any = None,
        sample_weight: WeightsLike = None,
        freeze: bool = True,
        groups: Any = None,
    ) -> Any:
        """Add a task to the fitted network and train it, for ``max_epochs`` or until it stops early.

        The head of the new task reads the representation that ``transform`` returns. The rows may differ from
        those of ``fit``.

        Parameters
        ----------
        name : str
            Name of the new task.
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs, with the columns of ``fit``.
        y : array-like of shape (n_samples,) or (n_samples, n_elements)
            Target of the new task; some labels may be missing.
        task : Task or str, default=None
            Its type; None infers it from y.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.
        freeze : bool, default=True
            Whether to train only the layers of the new task, so that predictions of other tasks do not change.
            Otherwise the whole network is trained further, on the new task only.
        groups : array-like of shape (n_samples,), default=None
            The group of each row; early stopping holds out whole groups.

        Returns
        -------
        self
            Predictions of a 1-D or 2-D y, or of a structured array, are `Targets` from now on, because
            the tasks now have names.

        Raises
        ------
        ValueError
            If there is a task of that name.
        """
        check_is_fitted(self)
        refuse_stream(X, "add_task")
        configs = self._configs(None, None, self._model)
        resolve_early_stopping(self.early_stopping).warn_if_idle()
        learner = self._learner()
        caller, X = Caller(learner, learner._as_fitted), indexed_by_rows(X)
        train = self._trained(learn_added_task, learn_portfolio_task, configs)
        model = train(caller, self._model, name, X, y, task, sample_weight, groups, freeze=freeze)
        return self._become(learner, model)

    def _configs(self, X: RowsLike, y: TargetsLike, previous: Model | None) -> dict[str, FitConfig]:
        """Check the parameters, and return the config of each training: of a portfolio by recipe."""
        self._validate_params()
        configs = {}
        for name, recipe in recipes_of_fit(self, X, y, previous).items():
            twin = self._twin()
            vars(twin).update(recipe)
            if name:
                longest = min(self.max_epochs, recipe.get("max_epochs", self.max_epochs))
                vars(twin).update(ensemble="deep", max_epochs=longest)
            try:
                configs[name] = twin._config()
            except (TypeError, ValueError) as error:
                raise error if not name else type(error)(f"recipe {name!r}: {error}") from error
        return configs

    def _trains_once(self, X: RowsLike, y: TargetsLike) -> bool:
        """Return whether ``fit`` trains the parameters as they are, and not several recipes."""
        return "" in recipes_of_fit(self, X, y, None)

    def _trained(self, train: Any, train_portfolio: Any, configs: Mapping[str, FitConfig]) -> Any:
        """Return the function that trains one config, or the recipes of a portfolio."""
        if "" in configs:
            return functools.partial(train, configs[""])
        return functools.partial(train_portfolio, configs)

    def _config(self) -> FitConfig:
        """Check the parameters, and return them as the config of one training with copies of specs."""
        self._validate_params()
        values = {entry.name: getattr(self, entry.name) for entry in fields(FitConfig) if entry.name != "kind"}
        if values["n_members"] == "auto":
            values["n_members"] = 1
        for name, resolve in _RESOLVE.items():
            values[name] = _checked(resolve(values[name]))
        values["penalties"] = tuple(map(_checked, resolve_penalties(self.penalties)))
        return FitConfig(kind=self._kind, **values)

    def _previous(self) -> Model | None:
        """Return the model whose training continues, if any."""
        return self._model if self.__sklearn_is_fitted__() else None

    def _attributes_of(self, model: Model) -> dict[str, Any]:
        return model.attributes(one_column_is_plain=self._one_column_is_plain)

    def _become(self, learner: Any, model: Model) -> Any:
        """Take over a learner and its trained model, in one assignment and only after success."""
        learner._publish(model)
        self.__dict__ = learner.__dict__
        return self

    def _publish(self, model: Model) -> None:
        """Set the fitted attributes to those of a model."""
        self.__dict__.pop("classes_", None)
        self.__dict__.update(self._attributes_of(model))

    def _as_fitted(self, model: Model) -> Any:
        """Return the estimator as if it had been fitted to a model."""
        view = self._twin()
        view._publish(model)
        return view

    def _snapshot(self, model: Model) -> dict[str, Any]:
        """Return the fitted attributes as if training had stopped now."""
        attributes = self._attributes_of(restored(model.state(), model.device))
        names = {k: v for k, v in vars(self).items() if k in ("n_features_in_", "feature_names_in_")}
        return {**names, **attributes}


def one_target(estimator: Any, y: TargetsLike, targets: Any) -> Any:
    """Return y or targets, whichever is passed to ``fit`` of an estimator.

    Raises
    ------
    ValueError
        If both are passed, or none.
    """
    if y is not None and targets is not None:
        raise ValueError("y and targets are alternatives; pass only one of them.")
    if y is None and targets is None:
        raise ValueError(
            f"This {type(estimator).__name__} estimator requires y to be passed, but the target y is None."
        )
    return y if y is not None else targets


def _checked(spec: Any) -> Any:
    """Return a copy of a spec whose parameters have been checked; None stays None."""
    if spec is None:
        return None
    copied = clone(spec)
    validate_spec(copied)
    return copied


def _warn_of_idle_tasks(model: Model) -> None:
    """Warn of auxiliary tasks that cannot help, because no task shares layers with them."""
    blueprint = model.blueprint
    linked = model.shares_layers or blueprint.penalties or blueprint.label_inputs
    if blueprint.auxiliary and not linked:
        warn(
            f"auxiliary={blueprint.auxiliary!r} has no effect: with architecture={blueprint.architecture!r} the "
            "tasks share nothing.",
        )


def _is_weighted(ensemble: Any) -> bool:
    return ensemble.weighted if isinstance(ensemble, Portfolio) else True


def _check_resume(checkpoint: Any, resume: Any) -> None:
    if not isinstance(resume, bool | np.bool_):
        raise TypeError(f"resume={resume!r} should be True or False.")
    if resume and checkpoint is None:
        raise ValueError("resume=True continues a checkpoint, but checkpoint=None; it should be a folder.")


def indexed_by_rows(X: RowsLike) -> Any:
    """Convert a mapping of inputs to a type with the length and the indexing of its rows."""
    if X is None:
        raise ValueError("X is None; it should be the inputs, with a row for each row of y.")
    refuse_lazy(X)
    is_mapping = isinstance(X, Mapping) and not issparse(X)  # some sparse matrices are mappings
    return InputRows(X) if is_mapping else X
