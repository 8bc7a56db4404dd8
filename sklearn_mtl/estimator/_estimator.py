"""The estimator: several targets of the same rows, learned by one network."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import torch
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import ClassifierTags

from ..architectures import Architecture, resolve_architecture
from ..config import (
    OPTIMIZERS,
    Auxiliary,
    Checkpoint,
    EarlyStopping,
    Ensemble,
    Optimizer,
    resolve_auxiliary,
    resolve_early_stopping,
    resolve_ensemble,
    resolve_optimizer,
)
from ..model import complete_params, current_state, stamped
from ..penalties import Penalty, penalty_name, resolve_penalty
from ..sampling import TaskSampling, resolve_task_sampling
from ..tasks import resolve_task
from ..training import CallbackList, restored
from ..trunks import Trunk, allows_nan, resolve_trunk
from ..utils._device import resolve_device
from ..utils._params import Interval, NestedParamsMixin, SpecList, Splitter, StrOptions, SubclassOf
from ..utils._ranks import own_device
from ..utils._types import ColumnsLike
from ..weighting import Weighting, resolve_weighting
from ._html import diagram_html
from ._learning import LearningMixin
from ._old_params import current_params
from ._task_predictors import attach, detached


class MultiTaskNetEstimator(
    LearningMixin,
    NestedParamsMixin,
    CallbackSupportMixin,
    BaseEstimator,
):
    """Multi-task network: several targets of the same rows, learned by one network with a shared trunk.

    Targets may be classes, numbers and sets of labels, mixed, and labels may be missing. The network is written in
    PyTorch and trained with skorch. The estimator follows scikit-learn: it works in pipelines, searches and
    cross-validation.

    Parameters
    ----------
    tasks : mapping of str to Task or str, or None, default=None
        Type of each task: a `sklearn_mtl.tasks.Task`, or "classification", "regression" or "multilabel". Other
        tasks are inferred from y. Bool, string and categorical labels, integers of at most 20 different values,
        and floats that are all 0 or 1, are classification. Other numbers are regression. A 2-D block of 0 and 1
        within a mapping is multilabel. Parameters of an inferred task are set by
        ``set_params(tasks__<task>__<parameter>=...)``.
    task_weights : mapping of str to float, or None, default=None
        Weight of the loss of each task; 1.0 for tasks that are not named. A task of weight 0 is not trained, and
        the others are trained as if it did not exist. Entries are parameters by name: ``task_weights__a``.
    score_weights : mapping of str to float, or None, default=None
        Weight of each task in ``score`` and in early stopping; 1.0 for tasks that are not named.
    metrics : mapping of str to {str, callable, list, mapping}, or None, default=None
        Metrics of each task in ``score``, ``score_tasks``, ``history_`` and early stopping by score: any scorer of
        scikit-learn by its name, a scorer that ``make_scorer`` returned, or a function ``metric(y_true, y_pred)``;
        greater is better. The first one of a list, or of a mapping with names, is the score of the task, and the
        others are in ``history_``. Tasks that are not named have their own metric: accuracy, R2, samples F1, ...
        `make_multitask_scorer <sklearn_mtl.metrics.make_multitask_scorer>` describes the choices.
    auxiliary : sequence of str, Auxiliary or None, default=None
        Tasks that are trained only because they help the others. Everything that answers for tasks leaves them
        out, and predictions have the container that y has without them: for a frame with columns "a" and "b" and
        ``auxiliary=("b",)``, a frame with the column "a". Early stopping and recipes watch the other tasks only,
        and ``history_`` has the losses of all. An `Auxiliary` also lowers their weight during training.
    label_inputs : bool, default=False
        Whether the tasks read the labels of each other where these are known: ``predict(X, given={"a": labels})``.
        In training, labels are hidden at random, so that one network predicts with any of them, and with none. A
        task never reads its own label. Labels of tokens and pixels, boxes, and labels of tasks that are added or
        have weight 0, are not read.
    trunk : {"auto", "mlp", "conv_net", "sequence_encoder", "video_encoder", "multi_input"}, Trunk, class or \
            function, default="auto"
        Part from the inputs to the shared representation; see `sklearn_mtl.trunks`. "auto" chooses by X: for
        tables an `MLP` with smoothly clipped and binned numbers, embedded categories and dropout; `ConvNet`
        for images, `SequenceEncoder` for sentences and steps, `VideoEncoder` for videos, and `MultiInput` for a
        mapping of inputs. A class or function that makes a `torch.nn.Module` is also accepted.
    architecture : {"auto", "hard_sharing", "independent", "cross_stitch", "subspace_sharing", "mmoe", "ple", \
            "adatt"} or Architecture, default="auto"
        How the tasks share the trunk; see `sklearn_mtl.architectures`. "auto" is "hard_sharing", except within the
        recommended recipes, see ``ensemble``.
    weighting : {"static", "uncertainty", "geometric_mean", "dynamic_weight_average", "random_weighting", "famo", \
            "stch", "grad_norm", "pcgrad", "cagrad", "imtlg", "aligned_mtl", "nash_mtl", "mgda", "upgrad"} or \
            Weighting, default="static"
        How the losses of the tasks are combined in a step, in addition to the task weights; see
        `sklearn_mtl.weighting`.
    optimizer : {"adamw", "adam", "sgd"}, class or Optimizer, default="adamw"
        The optimiser, by name or as a class of `torch.optim` that computes the loss once in a step. An
        `Optimizer` also sets the schedule of the learning rate, the clipping of gradients and mixed precision.
        Parameters of the algorithm go to ``net_params``, for instance ``{"optimizer__momentum": 0.9}``.
    learning_rate : float > 0, default=1e-3
        Step size of the optimiser.
    weight_decay : float >= 0, default=1e-2
        Weight decay of the optimiser.
    max_epochs : int >= 1, default=100
        Maximum number of passes over the training rows.
    batch_size : int >= 1 or "auto", default="auto"
        Rows per step. "auto" is about a twentieth of the rows, as a power of 2 from 16 to 256; of thousands of
        tasks of `Targets.from_sparse` up to 2,048, so that a step has some labels of each task.
    early_stopping : bool, "auto", "per_task" or EarlyStopping, default="auto"
        Whether to hold out rows for validation, stop when they no longer improve, and restore the best epoch.
        "auto" does so from 100 labelled rows on, and for an ensemble from 10 rows on. "per_task" removes each task
        from training when its validation loss no longer improves, and stops with the last task. An `EarlyStopping`
        also sets what is watched, loss or score, and for how many epochs it may fail to improve.
    validation : float in (0, 1) or splitter, default=0.1
        Rows that early stopping holds out: a share of them, stratified by all tasks, or the first split of a
        splitter of scikit-learn, with ``split(X, y, groups)``. Member i of a deep ensemble uses split i; if
        there are fewer splits, they are used again. Of a `TimeSeriesSplit` the last split is used first. A
        splitter whose ``random_state`` is None gets its seed from the fit. `LastRows` holds out the last rows.
        With ``groups`` in ``fit``, a share consists of whole groups.
    n_members : int >= 1 or "auto", default="auto"
        Number of networks of an ensemble. ``predict`` averages numbers and the probabilities of classes,
        ``predict_std`` returns the spread, and ``transform`` concatenates the representations. "auto" is 8 for the
        ensembles "deep" and "batch", and a few for each recipe of a portfolio; see ``ensemble``.
    ensemble : {"auto", "deep", "batch", "portfolio"} or Ensemble, default="auto"
        Kind of ensemble. "deep" is `DeepEnsemble`: independent networks, which hold out different rows for early
        stopping and stop at the epoch that is best in their mean. "batch" is `BatchEnsemble`: networks that share
        weights. "portfolio" is `Portfolio`: several recipes, weighted for each task. The kind has no effect with
        ``n_members=1``, except for a portfolio, whose recipes then have one network each.

        "auto" is the portfolio of the recipes that are recommended for a table (`recommended_recipes`), as long as
        nothing is set that describes one network and its training: ``trunk``, ``architecture``, ``n_members``,
        ``weighting``, ``optimizer``, ``penalties``, ``task_sampling``, ``callbacks``, ``net_params``,
        ``label_inputs`` or ``warm_start``; for a stream it is a network of the first of these recipes. Otherwise,
        for inputs other than dense tables, and for ``partial_fit``, it is a single network, or with ``n_members``
        a `DeepEnsemble`. A learning rate, batch size and so on that is set is that of all recipes, and
        ``max_epochs`` bounds each of them. ``n_members=1`` gives a single network.
    penalties : sequence of {"trace_norm", "group_lasso", "orthogonality", "representation_dropout"} or of \
            Penalty, default=()
        Regularisation across tasks, added to the objective; see `sklearn_mtl.penalties`. Penalties are parameters
        by name: ``penalties__trace_norm__strength``.
    task_sampling : {"all", "proportional", "temperature", "round_robin", "loss_driven"} or TaskSampling, \
            default="all"
        Tasks that a step trains: all, or a single one on its labelled rows; see `sklearn_mtl.sampling`.
    dtype : {"float32", "float64"}, default="float32"
        Dtype of parameters, computation and representations. Predicted numbers are float64, and so are
        probabilities, except those of pixels.
    categorical_features : "from_dtype", None or array-like of int, bool or str, default="from_dtype"
        Categorical columns of X. "from_dtype" are the columns of a frame with string, categorical or enum dtype.
        Otherwise positions, a mask or names of columns; None for no column. Missing categories, and categories
        that ``fit`` did not see, are allowed.
    device : {"auto", "cpu", "cuda", "cuda:<index>", "mps", "cpu:*", "cuda:*"}, default="auto"
        Device of the network. "auto" is a GPU if one is available; with several GPUs, the workers of a parallel
        search use them in turn. With "cpu:*" or "cuda:*" all processes of the initialised process group of
        `torch.distributed` train one network together, each on its own CPU or GPU; ``batch_size`` is then the rows
        of each process in a step, and "auto" those of all of them. See :ref:`several-processes`.
    callbacks : list of skorch callbacks or None, default=None
        Callbacks of the training, for instance `skorch.callbacks.Checkpoint`: instances, classes, or pairs of a
        name and one of these; a pair with None is switched off. Their parameters are set by
        ``callbacks__<name>__<parameter>``, with the name of the pair or of the class. A function ``scoring(net, X,
        y)`` of `skorch.callbacks.EpochScoring` gets the estimator as it is after the epoch, and rows as ``fit``
        got them. In an ensemble, callbacks see the means over the members, and the batches of the first member.
        Callbacks of scikit-learn are set with ``set_callbacks``.
    checkpoint : path-like, Checkpoint or None, default=None
        Folder for the state of training after each epoch, from which ``fit(..., resume=True)`` can continue after
        the process has died. A `Checkpoint` also sets how often to write. None writes nothing.
    net_params : mapping or None, default=None
        Further parameters of the optimiser, as in ``{"optimizer__betas": (0.9, 0.99)}``, and of callbacks, as in
        ``{"callbacks__lr__step_size": 5}``. Entries without effect raise an error.
    random_state : int, RandomState instance or None, default=None
        Seed of initial weights, order of rows, dropout and validation rows. With an int the fit is the same in any
        process, thread or number of workers.
    warm_start : bool, default=False
        Whether ``fit`` continues from the fitted weights, with the classes and scales of the first fit.
    verbose : int, default=0
        Above 0, a line is printed for each epoch; for an ensemble, with the means over its members.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained net; ``net_.module_`` is the network. Of a `Portfolio`, that of the first recipe.
    tasks_ : dict of str to Task
        The fitted tasks, without auxiliary ones.
    task_names_ : list of str
        Names of the tasks, in the order of y, without auxiliary ones.
    classes_ : ndarray, list of ndarray or dict of str to ndarray
        Classes of the tasks: an array for 1-D y, a list for a 2-D array (None for a regression), otherwise a dict
        of the tasks that have classes. A `MultiTaskNetClassifier` has an array for a frame or 2-D array of one
        column too.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of str of shape (`n_features_in_`,)
        Names of the columns of X, if it was a frame with string names.
    n_iter_ : int
        Number of trained epochs; of a `Portfolio`, of the recipe with the most.
    device_ : torch.device
        Device of the network.
    validation_rows_ : ndarray of int, list of ndarray of int, or None
        Positions of the held-out rows in the last ``fit`` or ``add_task``; for a `DeepEnsemble` a list with one
        array per member, for a `Portfolio` with one per recipe and member. None if no rows were held out, as with
        ``X_val``, or for a stream.
    member_seeds_ : ndarray of int of shape (n_members,)
        Seeds of the members of a `DeepEnsemble`: a fit of one network with such a ``random_state`` equals the
        member. It does not exist for other fits.
    recipe_weights_ : dict of str to dict of str to float
        Weight of each recipe of a `Portfolio` by task, of sum 1. It does not exist for other fits.
    shared_weights_ : dict of str to float
        By task, the weight of the recipes of a `Portfolio` in which the tasks share layers. It does not exist for
        other fits.
    history_ : DataFrame
        One row per epoch: ``train_loss__<task>``, and with early stopping ``valid_loss__<task>`` and
        ``valid_score__<task>``. Columns without a task are means under ``score_weights``. A `DeepEnsemble` has one
        row per member and epoch, with a column ``member``, and scores only if early stopping watches them or
        with ``metrics``. A `Portfolio` also has a column ``recipe``. The second and later metrics of a task are
        ``valid_<metric>__<task>``.

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

    mapping_params = ("task_weights", "score_weights", "metrics")
    spec_mapping_params: ClassVar[dict] = {"tasks": resolve_task}
    spec_params: ClassVar[dict] = {
        "auxiliary": resolve_auxiliary,
        "trunk": resolve_trunk,
        "architecture": resolve_architecture,
        "weighting": resolve_weighting,
        "task_sampling": resolve_task_sampling,
        "optimizer": resolve_optimizer,
        "early_stopping": resolve_early_stopping,
        "ensemble": resolve_ensemble,
    }
    spec_list_params: ClassVar[dict] = {
        "penalties": SpecList(resolve_penalty, penalty_name),
        "callbacks": CallbackList(),
    }

    _parameter_constraints: ClassVar[dict] = {
        "tasks": [Mapping, None],
        "task_weights": [Mapping, None],
        "score_weights": [Mapping, None],
        "metrics": [Mapping, None],
        "auxiliary": [list, tuple, Auxiliary, None],
        "label_inputs": ["boolean"],
        "trunk": [str, Trunk, callable],
        "architecture": [str, Architecture],
        "weighting": [str, Weighting],
        "optimizer": [StrOptions(set(OPTIMIZERS)), SubclassOf(torch.optim.Optimizer), Optimizer],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "early_stopping": [StrOptions({"auto", "per_task"}), "boolean", EarlyStopping],
        "validation": [Interval(Real, 0, 1, closed="neither"), Splitter()],
        "n_members": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "ensemble": [StrOptions({"auto", "deep", "batch", "portfolio"}), Ensemble],
        "penalties": [list, tuple],
        "task_sampling": [str, TaskSampling],
        "dtype": [StrOptions({"float32", "float64"})],
        "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
        "checkpoint": [str, os.PathLike, Checkpoint, None],
        "net_params": [Mapping, None],
        "random_state": ["random_state"],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
    }

    #: the only kind of task that the class accepts; None for any
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
        metrics: Mapping[str, Any] | None = None,
        auxiliary: Sequence[str] | Auxiliary | None = None,
        label_inputs: bool = False,
        trunk: str | Trunk = "auto",
        architecture: str | Architecture = "auto",
        weighting: str | Weighting = "static",
        optimizer: str | type[torch.optim.Optimizer] | Optimizer = "adamw",
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-2,
        max_epochs: int = 100,
        batch_size: int | str = "auto",
        early_stopping: bool | str | EarlyStopping = "auto",
        validation: Any = 0.1,
        n_members: int | str = "auto",
        ensemble: str | Ensemble = "auto",
        penalties: Sequence[str | Penalty] = (),
        task_sampling: str | TaskSampling = "all",
        dtype: str = "float32",
        categorical_features: ColumnsLike = "from_dtype",
        device: str | torch.device = "auto",
        callbacks: Sequence[Any] | None = None,
        checkpoint: str | os.PathLike[str] | Checkpoint | None = None,
        net_params: Mapping[str, Any] | None = None,
        random_state: Any = None,
        warm_start: bool = False,
        verbose: int = 0,
    ) -> None:
        self.tasks = tasks
        self.task_weights = task_weights
        self.score_weights = score_weights
        self.metrics = metrics
        self.auxiliary = auxiliary
        self.label_inputs = label_inputs
        self.trunk = trunk
        self.architecture = architecture
        self.weighting = weighting
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.early_stopping = early_stopping
        self.validation = validation
        self.n_members = n_members
        self.ensemble = ensemble
        self.penalties = penalties
        self.task_sampling = task_sampling
        self.dtype = dtype
        self.categorical_features = categorical_features
        self.device = device
        self.callbacks = callbacks
        self.checkpoint = checkpoint
        self.net_params = net_params
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose

    # -- scikit-learn's conventions

    def __copy__(self) -> Any:
        return self._twin()

    def _html_repr(self) -> str:
        return super()._html_repr() + diagram_html(self)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_model")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = allows_nan(self.trunk)
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
        if self.task_predictors_:
            state["_task_predictors"] = detached(self.task_predictors_, model)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        saved = state.pop("_state", None)
        super().__setstate__(current_params(state))
        complete_params(self)
        if saved is not None:
            self._publish(restored(current_state(saved), _device_or_cpu(self.device)))
            attach(self.task_predictors_, self._without_predictors())


def _device_or_cpu(device: Any) -> torch.device:
    """Resolve a device; use the CPU if this machine does not have it."""
    try:
        return resolve_device(own_device(device))
    except ValueError:
        return torch.device("cpu")
