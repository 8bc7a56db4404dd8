"""The estimator: several targets of the same rows, learned by one network."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils import ClassifierTags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from ..architectures import Architecture, resolve_architecture
from ..columns._frame import refuse_lazy
from ..data import check_sample_weight, check_weights
from ..metrics import weighted_mean
from ..model import complete_params, current_state, stamped
from ..penalties import Penalty, penalty_name, resolve_penalty
from ..sampling import TaskSampling, resolve_task_sampling
from ..targets import Targets, align_targets, name_of
from ..tasks import resolve_task
from ..tasks._checks import decode
from ..training import (
    OPTIMIZERS,
    SCHEDULES,
    CallbackList,
    Model,
    SklearnCallbacks,
    learn,
    learn_batch,
    learn_ensemble,
    learn_further_task,
)
from ..trunks import InputRows, Trunk, resolve_trunk
from ..utils._device import resolve_device
from ..utils._optional import import_optional
from ..utils._params import ArrayLike, Interval, NestedParamsMixin, SpecList, StrOptions, SubclassOf
from ..weighting import Weighting, resolve_weighting
from ._html import picture_html


def _has_probabilities(estimator: MultiTaskNetEstimator) -> bool:
    tasks = getattr(estimator, "tasks_", None)
    if tasks is None:
        return estimator._may_have_probabilities
    return any(task.has_probabilities for task in tasks.values())


def _has_gates(estimator: MultiTaskNetEstimator) -> bool:
    if isinstance(estimator.n_members, Integral) and estimator.n_members > 1:
        raise AttributeError(
            f"n_members={estimator.n_members}: the networks of an ensemble have experts of their own."
        )
    return resolve_architecture(estimator.architecture).has_gates


def _has_spread(estimator: MultiTaskNetEstimator) -> bool:
    return estimator.n_members > 1 and estimator._may_have_regressions


def _has_one_network(estimator: MultiTaskNetEstimator) -> bool:
    return not _has_members(estimator, "a task can be added to one network, not to an ensemble.")


def _goes_on(estimator: MultiTaskNetEstimator) -> bool:
    reason = "an ensemble is trained by fit, without partial_fit; one with ensemble='batch' has it."
    return estimator.ensemble == "batch" or not _has_members(estimator, reason)


def _has_members(estimator: MultiTaskNetEstimator, reason: str) -> bool:
    """Tell whether there is an ensemble; the error says why a method is not there."""
    if isinstance(estimator.n_members, Integral) and estimator.n_members > 1:
        raise AttributeError(f"n_members={estimator.n_members}: {reason}")
    return False


class MultiTaskNetEstimator(
    NestedParamsMixin,
    CallbackSupportMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
):
    """Multi-task network: several targets of the same rows, learned by one network with a shared trunk.

    Targets may be classes, numbers and sets of labels, mixed, and some labels may be missing. The network is
    written in PyTorch and trained with skorch; the estimator is one of scikit-learn's, for pipelines, searches
    and cross-validation.

    Parameters
    ----------
    tasks : mapping of str to Task or str, or None, default=None
        The type of each task: a `sklearn_mtl.tasks.Task`, or "classification", "regression" or "multilabel".
        Tasks that it does not name, and all with None, are inferred from y: bool, text and category labels,
        integers of at most 20 different values, and floats that are all 0 or 1, are classification; other numbers
        are regression; a 2-D block of 0 and 1 within a mapping is multilabel. Parameters of a task that is
        inferred are set by ``set_params(tasks__<task>__<parameter>=...)``.
    task_weights : mapping of str to float, or None, default=None
        How much the loss of each task counts; 1.0 for those not named. A task of weight 0 is not trained, and
        the others are trained as if it were not there. Entries are parameters by name: ``task_weights__a``.
    score_weights : mapping of str to float, or None, default=None
        How much each task counts in ``score`` and in early stopping; 1.0 for those not named.
    trunk : {"auto", "mlp", "conv_net", "sequence_encoder", "video_encoder", "multi_input"}, Trunk, class or \
            function, default="auto"
        From inputs to the representation that the tasks share; see `sklearn_mtl.trunks`. "auto" chooses by X: for
        tables an `MLP` with smoothly clipped and binned numbers, embedded categories and dropout; `ConvNet`
        for images, `SequenceEncoder` for sentences and steps, `VideoEncoder`, and `MultiInput` for a mapping of
        inputs. A class or function that makes a `torch.nn.Module` is a trunk too.
    architecture : {"hard_sharing", "independent", "cross_stitch", "subspace_sharing", "mmoe", "ple", "adatt"} or \
            Architecture, default="hard_sharing"
        How the tasks share the trunk; see `sklearn_mtl.architectures`.
    weighting : {"static", "uncertainty", "geometric_mean", "dynamic_weight_average", "random_weighting", "famo", \
            "stch", "grad_norm", "pcgrad", "cagrad", "imtlg", "aligned_mtl", "nash_mtl", "mgda", "upgrad"} or \
            Weighting, default="static"
        How the losses of the tasks become one step; the task weights multiply on top. See
        `sklearn_mtl.weighting`.
    optimizer : {"adamw", "adam", "sgd"} or class, default="adamw"
        The optimiser, by name or as a class of `torch.optim` that computes the loss once in a step. Its further
        parameters go to ``net_params``, for instance ``{"optimizer__momentum": 0.9}``.
    learning_rate : float > 0, default=1e-3
        Step size of the optimiser.
    learning_rate_schedule : {"auto", "constant", "cosine", "one_cycle"}, default="auto"
        How the learning rate changes from step to step: it stays; falls to 0 along a half cosine; rises over
        the first tenth of the steps and then falls. "auto" is "cosine" for a fit without early stopping, and
        "constant" with it, with skorch's ``LRScheduler`` in ``callbacks``, for ``partial_fit`` and where
        ``warm_start`` goes on.
    weight_decay : float >= 0, default=1e-2
        Weight decay of the optimiser.
    clip_norm : float > 0 or None, default=None
        Largest norm of the gradient of all parameters; None does not clip.
    max_epochs : int >= 1, default=100
        Most passes over the training rows.
    batch_size : int >= 1 or "auto", default="auto"
        Rows per step. "auto" takes about a twentieth of the rows, in powers of 2 from 16 to 256.
    early_stopping : bool, "auto" or "per_task", default="auto"
        Whether to hold out rows for validation, stop when they no longer improve, and restore the best epoch.
        "auto" does so from 100 rows on, and for an ensemble from 10 rows on. "per_task" takes each task out of
        training when its own validation loss no longer improves, while the others go on, and stops with the last
        one.
    monitor : {"loss", "score"}, default="loss"
        What early stopping watches: the mean over trained tasks, under ``score_weights``, of the validation
        loss or score.
    validation_fraction : float in (0, 1), default=0.1
        Share of the rows that early stopping holds out.
    n_iter_no_change : int >= 1, default=10
        Epochs without improvement after which training stops.
    tol : float >= 0, default=0.0
        How much better an epoch must be to count as an improvement.
    n_members : int >= 1, default=1
        Networks of an ensemble, trained side by side as one [2]_. Each holds out other rows for early stopping,
        and all stop at the epoch that is the best in their mean. ``predict`` averages numbers and the
        probabilities of classes, ``predict_std`` gives the spread, ``transform`` puts their representations
        side by side.
    bootstrap : bool, default=False
        Whether each network of an ensemble trains on rows of its own, drawn with replacement.
    ensemble : {"deep", "batch"}, default="deep"
        Whether the networks of an ensemble are independent of each other, or share the weights of what the tasks
        share, of which each scales the inputs and outputs of every layer, and adds biases, of its own [3]_ [4]_;
        heads are each network's own. "batch" is trained as one network, by the mean of the losses: its networks
        see the same batches and hold out the same rows, ``warm_start``, ``partial_fit``, ``checkpoint`` and all
        weightings can be had, and the model of 8 is a quarter to a third larger than that of one. Without
        ``n_members`` it does nothing.
    penalties : sequence of {"trace_norm", "group_lasso", "orthogonality", "representation_dropout"} or of \
            Penalty, default=()
        What regularises across tasks; see `sklearn_mtl.penalties`. Each is added to the objective. They are
        parameters by name: ``penalties__trace_norm__strength``.
    task_sampling : {"all", "proportional", "temperature", "round_robin", "loss_driven"} or TaskSampling, \
            default="all"
        Which tasks a step trains: all, or one, on rows that have a label for it; see `sklearn_mtl.sampling`.
    dtype : {"float32", "float64"}, default="float32"
        Of parameters, computation and representations. Predictions of numbers, and probabilities but for those of
        pixels, are float64: they hold what float32 would round off large numbers and small probabilities.
    mixed_precision : bool, default=False
        Whether to compute the training steps in bfloat16 where the device is a CUDA GPU; elsewhere it does
        nothing.
    categorical_features : "from_dtype", None or array-like of int, bool or str, default="from_dtype"
        Columns of X that are categories: those of a frame with text, category or enum dtype; none; or the
        positions, a mask or the names of columns. A category that was not seen in ``fit`` is allowed, and so is
        a missing one.
    device : {"auto", "cpu", "cuda", "cuda:<index>", "mps"}, default="auto"
        Where the network runs. "auto" takes a GPU where there is one; with several, the workers of a parallel
        search take them in turn.
    callbacks : list of skorch callbacks or None, default=None
        Called during training, for instance `skorch.callbacks.Checkpoint`; instances, classes, or pairs of a name
        and one of them, of which None switches one off. ``callbacks__<name>__<parameter>`` reaches into them, by
        the name of the pair or of the class. A function ``scoring(net, X, y)`` of `skorch.callbacks.EpochScoring`
        gets the estimator as it is after the epoch, and validation rows as ``fit`` got them. An ensemble of
        separate networks takes none. Callbacks of scikit-learn are set with ``set_callbacks``.
    checkpoint : path-like or None, default=None
        Folder to keep the training in, in a file for each fit, so that ``fit(..., resume=True)`` goes on after the
        process has died. None keeps nothing.
    checkpoint_every : int >= 1, default=1
        Epochs from one writing of the checkpoint to the next; the last epoch is always written.
    keep_interrupted : bool, default=False
        Whether Ctrl-C during ``fit`` leaves the model of the last epoch that was done, with early stopping that of
        the best one, and not the model before; KeyboardInterrupt reaches the caller in either case.
    net_params : mapping or None, default=None
        Further parameters of the optimiser, as in ``{"optimizer__betas": (0.9, 0.99)}``, and of callbacks by their
        names, as in ``{"callbacks__lr__step_size": 5}``. What would have no effect is refused.
    random_state : int, RandomState instance or None, default=None
        Seed of initial weights, order of rows, dropout and the validation split. With an int the fit is the
        same in any process, thread or number of workers.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the fitted weights, with the classes and scales of the first fit.
    verbose : int, default=0
        Above 0 prints a line per epoch; for an ensemble of the means over its networks.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net; ``net_.module_`` is the network.
    tasks_ : dict of str to Task
        The fitted tasks.
    task_names_ : list of str
        Names of the tasks, in the order of y.
    classes_ : ndarray, list of ndarray or dict of str to ndarray
        Classes of the tasks, as scikit-learn keeps them: an array for 1-D y, a list for a 2-D array (None for a
        regression), otherwise a dict of the tasks that have classes. A `MultiTaskNetClassifier` has an array for
        a frame or 2-D array of one column too.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of str of shape (`n_features_in_`,)
        Names of the columns of X, if it was a frame with text for names.
    n_iter_ : int
        Epochs trained.
    device_ : torch.device
        Where the network is.
    history_ : DataFrame
        One row per epoch: ``train_loss__<task>``, and with early stopping ``valid_loss__<task>`` and
        ``valid_score__<task>``; the same without a task is their mean under ``score_weights``. For an ensemble
        of independent networks one row per network and epoch, with a column ``member``, and scores only where
        ``monitor`` watches them.

    See Also
    --------
    MultiTaskNetClassifier : All tasks are classifications.
    MultiTaskNetRegressor : All tasks are regressions.

    Notes
    -----
    The objective is the sum over tasks of task weight times task loss, and a task's loss is the weighted mean
    over its labelled rows of the batch [1]_. The loss of a regression is that of the standardised target, so the
    losses of tasks in different units are comparable. The sum is not normalised: doubling all task weights
    doubles the step of plain SGD.

    References
    ----------
    .. [1] Caruana, "Multitask Learning", Machine Learning, 1997.
    .. [2] Lakshminarayanan, Pritzel and Blundell, "Simple and Scalable Predictive Uncertainty Estimation using
       Deep Ensembles", NeurIPS 2017.
    .. [3] Wen, Tran and Ba, "BatchEnsemble: An Alternative Approach to Efficient Ensemble and Lifelong Learning",
       ICLR 2020.
    .. [4] Gorishniy, Kotelnikov and Babenko, "TabM: Advancing Tabular Deep Learning with Parameter-Efficient
       Ensembling", ICLR 2025.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_mtl import MultiTaskNetEstimator, Targets
    >>> X, species = load_iris(return_X_y=True)
    >>> y = Targets(species=species, petal_width=X[:, 3])
    >>> y["petal_width"][::2] = np.nan  # every second label is missing
    >>> net = MultiTaskNetEstimator(max_epochs=50, random_state=0).fit(X[:, :3], y)
    >>> {name: score > 0.9 for name, score in net.score_tasks(X[:, :3], y).items()}
    {'species': True, 'petal_width': True}
    """

    mapping_params = ("task_weights", "score_weights")
    spec_mapping_params: ClassVar[dict] = {"tasks": resolve_task}
    spec_params: ClassVar[dict] = {
        "trunk": resolve_trunk,
        "architecture": resolve_architecture,
        "weighting": resolve_weighting,
        "task_sampling": resolve_task_sampling,
    }
    spec_list_params: ClassVar[dict] = {
        "penalties": SpecList(resolve_penalty, penalty_name),
        "callbacks": CallbackList(),
    }

    _parameter_constraints: ClassVar[dict] = {
        "tasks": [Mapping, None],
        "task_weights": [Mapping, None],
        "score_weights": [Mapping, None],
        "trunk": [str, Trunk, callable],
        "architecture": [str, Architecture],
        "weighting": [str, Weighting],
        "optimizer": [StrOptions(set(OPTIMIZERS)), SubclassOf(torch.optim.Optimizer)],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "learning_rate_schedule": [StrOptions({"auto", *SCHEDULES})],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "clip_norm": [Interval(Real, 0, None, closed="neither"), None],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "early_stopping": [StrOptions({"auto", "per_task"}), "boolean"],
        "monitor": [StrOptions({"loss", "score"})],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "n_members": [Interval(Integral, 1, None, closed="left")],
        "bootstrap": ["boolean"],
        "ensemble": [StrOptions({"deep", "batch"})],
        "penalties": [list, tuple],
        "task_sampling": [str, TaskSampling],
        "dtype": [StrOptions({"float32", "float64"})],
        "mixed_precision": ["boolean"],
        "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
        "checkpoint": [str, os.PathLike, None],
        "checkpoint_every": [Interval(Integral, 1, None, closed="left")],
        "keep_interrupted": ["boolean"],
        "net_params": [Mapping, None],
        "random_state": ["random_state"],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
    }

    #: the only kind of tasks that a subclass takes; None for any
    _kind: ClassVar[str | None] = None
    #: whether its tasks may have probabilities
    _may_have_probabilities: ClassVar[bool] = True
    #: whether its tasks may be regressions, whose predictions have a spread over an ensemble
    _may_have_regressions: ClassVar[bool] = True
    #: whether classes and probabilities of a y of one column are plain arrays, as those of classifiers are
    _one_column_is_plain: ClassVar[bool] = False

    def __init__(
        self,
        tasks: Mapping[str, Any] | None = None,
        task_weights: Mapping[str, float] | None = None,
        score_weights: Mapping[str, float] | None = None,
        trunk: str | Trunk = "auto",
        architecture: str | Architecture = "hard_sharing",
        weighting: str | Weighting = "static",
        optimizer: str | type[torch.optim.Optimizer] = "adamw",
        learning_rate: float = 1e-3,
        learning_rate_schedule: str = "auto",
        weight_decay: float = 1e-2,
        clip_norm: float | None = None,
        max_epochs: int = 100,
        batch_size: int | str = "auto",
        early_stopping: bool | str = "auto",
        monitor: str = "loss",
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 0.0,
        n_members: int = 1,
        bootstrap: bool = False,
        ensemble: str = "deep",
        penalties: Sequence[str | Penalty] = (),
        task_sampling: str | TaskSampling = "all",
        dtype: str = "float32",
        mixed_precision: bool = False,
        categorical_features: Any = "from_dtype",
        device: str | torch.device = "auto",
        callbacks: Sequence[Any] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: int = 1,
        keep_interrupted: bool = False,
        net_params: Mapping[str, Any] | None = None,
        random_state: Any = None,
        warm_start: bool = False,
        verbose: int = 0,
    ) -> None:
        self.tasks = tasks
        self.task_weights = task_weights
        self.score_weights = score_weights
        self.trunk = trunk
        self.architecture = architecture
        self.weighting = weighting
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.learning_rate_schedule = learning_rate_schedule
        self.weight_decay = weight_decay
        self.clip_norm = clip_norm
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.early_stopping = early_stopping
        self.monitor = monitor
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.n_members = n_members
        self.bootstrap = bootstrap
        self.ensemble = ensemble
        self.penalties = penalties
        self.task_sampling = task_sampling
        self.dtype = dtype
        self.mixed_precision = mixed_precision
        self.categorical_features = categorical_features
        self.device = device
        self.callbacks = callbacks
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.keep_interrupted = keep_interrupted
        self.net_params = net_params
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose

    # -- learning

    @with_callbacks
    def fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, targets: Any = None, resume: bool = False
    ) -> Any:
        """Fit the network to rows and their targets.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs. Columns of a pandas or polars frame with text or category dtype are embedded.
        y : array-like, frame, mapping, structured array or Targets with n_samples rows
            Targets; a missing label is NaN, None or pandas' NA. A row may have no label at all.
        sample_weight : array-like of shape (n_samples,), or a frame or `Targets` of such by task, default=None
            Weight of each row in the loss of each task.
        targets : like y, default=None
            Another place for y, which scikit-learn passes on as it is: `cross_val_predict` with
            ``method="predict_proba"`` would turn the columns of y into class numbers.
        resume : bool, default=False
            Whether to go on from the ``checkpoint`` of a fit with the same parameters and rows; the model is that
            of a fit that was never interrupted. Without one it starts afresh, and after a fit that was finished it
            trains only the epochs by which ``max_epochs`` has grown; where a schedule stretches the fall of the
            learning rate over all epochs, more of them are another fit, which starts afresh.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If a parameter, X, y or a weight is not what it should be; the message names it.
        DivergenceError
            If a loss or a parameter becomes NaN or infinite.
        OutOfMemoryError
            If the memory does not hold a step of training.
        ModelFileError
            If the checkpoint to go on from is damaged.
        OSError
            If the checkpoint cannot be written, for instance because the disk is full.
        """
        self._validate_params()
        self._check_resume(resume)
        X, y = _indexed_by_rows(X), self._one_target(y, targets)
        context = self._init_callback_context(max_subtasks=self.max_epochs)
        data = {"X": X, "y": y, "metadata": {"sample_weight": sample_weight}}
        context.call_on_fit_task_begin(estimator=self, **data)
        previous = self._previous() if self.warm_start else None
        learner = self._twin()

        def watch(model: Model) -> SklearnCallbacks:
            return SklearnCallbacks(self, context, data, functools.partial(learner._snapshot, model))

        def publish(model: Model) -> None:
            learner._publish(model)
            # everything is swapped in at once, and only now that it has succeeded
            self.__dict__ = learner.__dict__

        if self._has_separate_networks:
            model = learn_ensemble(learner, X, y, sample_weight)
        else:
            model = learn(
                learner, X, y, sample_weight,
                previous=previous, epochs=self.max_epochs, watch=watch,
                resume=bool(resume), keep=publish if self.keep_interrupted else None,
            )  # fmt: skip
        publish(model)
        context.call_on_fit_task_end(
            estimator=self, **data, reconstruction_attributes=functools.partial(self._attributes_of, model)
        )
        return self

    @available_if(_goes_on)
    def partial_fit(self, X: Any, y: Any = None, classes: Any = None, sample_weight: Any = None) -> Any:
        """Train for one epoch on a batch of rows, without validation rows.

        The first call learns scales, categories and classes from its batch; later calls keep them.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        y : array-like, frame, mapping, structured array or Targets with n_samples rows
            Targets.
        classes : array-like, list of array-like or mapping of str to array-like, default=None
            All classes, for 1-D y, for 2-D y, or by task; only the first call looks at it. None takes those
            of the first batch.
        sample_weight : array-like of shape (n_samples,), or a frame or `Targets` of such by task, default=None
            Weight of each row.

        Returns
        -------
        self
        """
        self._validate_params()
        X, y = _indexed_by_rows(X), self._one_target(y, None)
        previous = self._previous()
        learner = self._twin()
        model = learn_batch(learner, X, y, sample_weight, previous=previous, classes=classes)
        learner._publish(model)
        self.__dict__ = learner.__dict__
        return self

    @available_if(_has_one_network)
    def add_task(
        self, name: str, X: Any, y: Any, *, task: Any = None, sample_weight: Any = None, freeze: bool = True
    ) -> Any:
        """Add a task to the fitted network and train it, for ``max_epochs`` or until it stops early.

        The head of the new task reads the representation that ``transform`` gives. The rows may be others than
        those of ``fit``.

        Parameters
        ----------
        name : str
            Name of the new task.
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs, of the columns that ``fit`` saw.
        y : array-like of shape (n_samples,) or (n_samples, n_elements)
            Target of the new task; some labels may be missing.
        task : Task or str, default=None
            Its type; None infers it from y.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.
        freeze : bool, default=True
            Whether everything that is fitted already stays as it is: the other tasks then predict exactly what
            they did before. Otherwise the network goes on to learn, for the new task only.

        Returns
        -------
        self
            Predictions of a 1-D or 2-D y, or of a structured array, are `Targets` from now on, as the tasks have
            names now.

        Raises
        ------
        ValueError
            If there is a task of that name.
        """
        check_is_fitted(self)
        self._validate_params()
        learner = self._twin()
        model = learn_further_task(learner, name, _indexed_by_rows(X), y, task, sample_weight, freeze=freeze)
        learner._publish(model)
        self.__dict__ = learner.__dict__
        return self

    @property
    def _has_separate_networks(self) -> bool:
        return isinstance(self.n_members, Integral) and self.n_members > 1 and self.ensemble == "deep"

    def _previous(self) -> Model | None:
        """Give the model to go on from, if there is one."""
        if self._has_separate_networks:
            raise ValueError(f"n_members={self.n_members}: an ensemble is trained by fit, without warm_start.")
        return self._model if self.__sklearn_is_fitted__() else None

    def _check_resume(self, resume: Any) -> None:
        if not isinstance(resume, bool | np.bool_):
            raise TypeError(f"resume={resume!r} should be True or False.")
        if resume and self.checkpoint is None:
            raise ValueError("resume=True goes on from a checkpoint, but checkpoint=None; it should be a folder.")
        if self._has_separate_networks and (self.checkpoint is not None or self.keep_interrupted):
            raise ValueError(
                f"n_members={self.n_members}: checkpoint and keep_interrupted are for one network, not for an "
                "ensemble."
            )

    def _attributes_of(self, model: Model) -> dict[str, Any]:
        return model.attributes(one_column_is_plain=self._one_column_is_plain)

    def _publish(self, model: Model) -> None:
        self.__dict__.pop("classes_", None)
        self.__dict__.update(self._attributes_of(model))

    def _snapshot(self, model: Model) -> dict[str, Any]:
        """Give the fitted attributes as if training had stopped now."""
        attributes = self._attributes_of(Model.from_state(model.state(), model.device))
        names = {k: v for k, v in vars(self).items() if k in ("n_features_in_", "feature_names_in_")}
        return {**names, **attributes}

    def _one_target(self, y: Any, targets: Any) -> Any:
        if y is not None and targets is not None:
            raise ValueError("y and targets are two places for the same thing; pass one of them.")
        if y is None and targets is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y is None."
            )
        return y if y is not None else targets

    # -- using what was learned

    def predict(self, X: Any, tasks: Sequence[str] | None = None) -> Any:
        """Predict the targets.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        tasks : sequence of str or None, default=None
            Tasks to predict; only what they need is run. None predicts all.

        Returns
        -------
        array, frame, structured array or Targets
            The kind of y in ``fit``: a frame has X's index.
        """
        predictions, model = self._predictions(X, tasks)
        return model.container.wrap(predictions, X)

    @available_if(_has_probabilities)
    def predict_proba(self, X: Any, tasks: Sequence[str] | None = None) -> Any:
        """Predict the probabilities of classes or labels.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        tasks : sequence of str or None, default=None
            Tasks to predict; None predicts all that have probabilities.

        Returns
        -------
        ndarray, list of ndarray or Targets
            For each task ``(n_samples, n_classes)``, columns in the order of ``classes_``: an array for 1-D y, a
            list for a 2-D array, otherwise `Targets`. Tasks without probabilities are left out. A
            `MultiTaskNetClassifier` gives an array for a frame or 2-D array of one column too.
        """
        view = self._fitted_view()
        model = view._model
        outputs = model.outputs(X, view._chosen(tasks), view)
        by_task = {name: view.tasks_[name].decode_proba(output) for name, output in outputs.items()}
        known = {name: proba for name, proba in by_task.items() if proba is not None}
        if not known:
            raise ValueError(f"tasks={tasks!r}: none of these tasks has probabilities.")
        return model.container.arrange(known, Targets, one_column_is_plain=self._one_column_is_plain)

    @available_if(_has_spread)
    def predict_std(self, X: Any, tasks: Sequence[str] | None = None) -> Any:
        """Compute how much the networks of an ensemble differ in their predictions of numbers.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        tasks : sequence of str or None, default=None
            Tasks to predict; None predicts all regressions.

        Returns
        -------
        array, frame, structured array or Targets
            Standard deviation over the networks, in the units of the target; the kind of y in ``fit``. Tasks
            that are no regressions are left out.
        """
        view = self._fitted_view()
        model = view._model
        numbers = [name for name in view._chosen(tasks) if view.tasks_[name].is_regression]
        if not numbers:
            raise ValueError(f"tasks={tasks!r}: none of these tasks is a regression.")
        outputs = model.member_outputs(X, numbers, view)
        spread = {
            name: np.std([view.tasks_[name].decode(output) for output in members], axis=0)
            for name, members in outputs.items()
        }
        return model.container.wrap(spread, X)

    def transform(self, X: Any) -> np.ndarray:
        """Compute the representation that the tasks share.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.

        Returns
        -------
        ndarray of shape (n_samples, n_hidden)
            Of the estimator's dtype.
        """
        view = self._fitted_view()
        return view._model.representation(X, view)

    @available_if(_has_gates)
    def gate_weights(self, X: Any, tasks: Sequence[str] | None = None) -> Any:
        """Compute how much each row takes from each expert, by task.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        tasks : sequence of str or None, default=None
            Tasks whose gates to give; None gives those of all tasks that have gates.

        Returns
        -------
        DataFrame of shape (n_samples, n_weights)
            With X's index, and columns by task, level and expert. The weights of a task and level sum to 1.

        Raises
        ------
        AttributeError
            For an ensemble, whose networks have experts of their own.
        """
        view = self._fitted_view()
        weights, columns = view._model.gate_weights(X, view._chosen(tasks), view)
        pandas = import_optional("pandas", "frames", "gate_weights")
        names = pandas.MultiIndex.from_tuples(columns, names=["task", "level", "expert"])
        return pandas.DataFrame(weights, columns=names, index=X.index if isinstance(X, pandas.DataFrame) else None)

    def score_tasks(self, X: Any, y: Any, sample_weight: Any = None) -> dict[str, float]:
        """Score each task: accuracy, R2 or samples-F1, over the rows whose label is there.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        y : array-like, frame, mapping, structured array or Targets with n_samples rows
            True targets.
        sample_weight : array-like of shape (n_samples,), or a frame or `Targets` of such by task, default=None
            Weight of each row.

        Returns
        -------
        dict of str to float
            NaN for a task without any label of a weight above 0.
        """
        return {
            name: task.score(true, predicted, weight)
            for name, task, true, predicted, weight in self._compared(X, y, sample_weight)
        }

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Compute the mean of the task scores under ``score_weights``.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        y : array-like, frame, mapping, structured array or Targets with n_samples rows
            True targets.
        sample_weight : array-like of shape (n_samples,), or a frame or `Targets` of such by task, default=None
            Weight of each row.

        Returns
        -------
        float
            NaN if no task has a label.
        """
        return self.mean_score(self.score_tasks(X, y, sample_weight))

    def metrics_of_tasks(self, X: Any, y: Any, sample_weight: Any = None) -> dict[str, dict[str, float]]:
        """Compute all metrics of each task with one prediction; greater is better.

        Parameters
        ----------
        X : {array-like, sparse matrix, frame, list, mapping} with n_samples rows
            Inputs.
        y : array-like, frame, mapping, structured array or Targets with n_samples rows
            True targets.
        sample_weight : array-like of shape (n_samples,), or a frame or `Targets` of such by task, default=None
            Weight of each row.

        Returns
        -------
        dict of str to dict of str to float
            By task, by metric; NaN for a task without any label.
        """
        return {
            name: task.metrics(true, predicted, weight)
            for name, task, true, predicted, weight in self._compared(X, y, sample_weight)
        }

    def _compared(self, X: Any, y: Any, sample_weight: Any) -> Iterator[tuple]:
        """Give name, task, true and predicted targets and weights of each task."""
        predictions, model = self._predictions(X, None)
        tasks = model.blueprint.tasks
        true, _ = align_targets(y, list(tasks))
        check_consistent_length(next(iter(predictions.values())), true)
        weights = check_sample_weight(sample_weight, list(tasks), len(true), may_be_zero=True)
        for name, task in tasks.items():
            yield name, task, true[name], predictions[name], None if weights is None else weights[name]

    def mean_score(self, scores: Mapping[str, float]) -> float:
        """Average scores by task under ``score_weights``, leaving out those that are NaN."""
        return weighted_mean(scores, check_weights(self.score_weights, self.task_names_, "score_weights"))

    @property
    def history_(self) -> Any:
        """DataFrame of one row per epoch: losses and scores of each task, and their means."""
        check_is_fitted(self)
        pandas = import_optional("pandas", "frames", "history_")
        epochs = [{k: v for k, v in epoch.items() if k != "batches"} for epoch in self.net_.history]
        return pandas.DataFrame(epochs).set_index("epoch")

    def _predictions(self, X: Any, tasks: Sequence[str] | None) -> tuple[dict[str, np.ndarray], Model]:
        view = self._fitted_view()
        model: Model = view._model
        outputs = model.outputs(X, view._chosen(tasks), view)
        return {name: decode(view.tasks_[name], name, output) for name, output in outputs.items()}, model

    def _chosen(self, tasks: Sequence[str] | None) -> list[str]:
        if tasks is None:
            return self.task_names_
        given = list(tasks) if ArrayLike().is_satisfied_by(tasks) else []
        names = [name_of(name, self.tasks_) for name in given]
        if not names or not all(isinstance(name, str) and name in self.tasks_ for name in names):
            raise ValueError(f"tasks={tasks!r} should name some of the tasks {self.task_names_}.")
        tasks = names
        return [name for name in self.task_names_ if name in tasks]

    # -- scikit-learn's conventions

    def _twin(self) -> Any:
        """Make another object with the same attributes, to be changed or read while this one may change."""
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        return twin

    def _fitted_view(self) -> Any:
        check_is_fitted(self)
        return self._twin()

    def __copy__(self) -> Any:
        return self._twin()

    def _html_repr(self) -> str:
        return super()._html_repr() + picture_html(self)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_model")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = not self._has_separate_networks
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.transformer_tags.preserves_dtype = [self.dtype]
        if self._kind is None:  # scikit-learn's checks of predict_proba ask for these
            tags.classifier_tags = ClassifierTags(multi_label=True)
        return tags

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        model = state.pop("_model", None)
        if model is not None:
            for name in self._attributes_of(model):
                state.pop(name, None)
            state["_state"] = stamped(model.state())
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        saved = state.pop("_state", None)
        super().__setstate__(state)
        complete_params(self)
        if saved is not None:
            self._publish(Model.from_state(current_state(saved), _device_or_cpu(self.device)))


def _indexed_by_rows(X: Any) -> Any:
    """Give a mapping of inputs the length and the indexing of its rows."""
    if X is None:
        raise ValueError("X is None; it should be the inputs, with a row for each row of y.")
    refuse_lazy(X)
    is_mapping = isinstance(X, Mapping) and not issparse(X)  # some sparse matrices are mappings
    return InputRows(X) if is_mapping else X


def _device_or_cpu(device: Any) -> torch.device:
    """Resolve a device; a model that was trained on one that is not here is used on the CPU."""
    try:
        return resolve_device(device)
    except ValueError:
        return torch.device("cpu")
