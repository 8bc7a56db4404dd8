"""Logging of fits to MLflow, and loading of logged models."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..estimator import MultiTaskNetEstimator
from ..inspection import card_html, model_card
from ..model._state import versions
from ..persistence import load_model, save_model
from ..serving._columns import columns_of
from ..uncertainty._said import inner_net
from ..utils._optional import import_optional
from ..utils._types import RowsLike, TargetsLike
from ._flavor import Predictor

# File of the model within the files that MLflow keeps for it.
FILE = "net.mtl"
# Metrics that MLflow takes in one call.
_BATCH = 1000
# Longest value of a parameter.
_LONGEST = 500
# Rows that the example of the inputs has.
_EXAMPLE_ROWS = 5


def log_to_mlflow(
    net: Any,
    X_test: RowsLike = None,
    y_test: TargetsLike = None,
    *,
    comparison: Any = None,
    limits: str | None = None,
    name: str = "model",
) -> Any:
    """Log a fit to the active run of MLflow, or to a new one.

    - Parameters of the network.
    - Metrics of each epoch and task, those of ``history_``: ``train_loss__<task>``, ``valid_score__<task>`` and so
      on. Those of an ensemble are means over its members; those of a `Portfolio` follow the name of the recipe and
      a slash.
    - With test rows, ``test_score__<task>`` and ``test_score``, and the model card as ``model_card.md`` and
      ``model_card.html``.
    - ``shares.json``: how much of a task comes from networks that share, and the weights of the recipes. Of a
      search, ``search.json``: its best parameters, and which of its fits were trained as one stack.
    - The model, as the file of `save_model`, with a signature for frames. Nothing in it is a pickle.

    Parameters
    ----------
    net : MultiTaskNetEstimator, Pipeline that ends in one, or a search of such
        Fitted. Of a search, ``best_estimator_`` is logged.
    X_test : {array-like, frame, list, mapping} with n_samples rows, or None, default=None
        Rows that the model has not been fitted to.
    y_test : targets with n_samples rows, or None, default=None
        Their targets; labels may be missing.
    comparison : DataFrame or None, default=None
        Result of `compare_sharing <sklearn_mtl.model_selection.compare_sharing>` for the card.
    limits : str or None, default=None
        Limits for the card; see `model_card <sklearn_mtl.inspection.model_card>`.
    name : str, default="model"
        Name of the model in MLflow.

    Returns
    -------
    mlflow.models.model.ModelInfo
        Its ``model_uri`` is what `load_from_mlflow` and ``mlflow.pyfunc.load_model`` take. The latter predicts a
        frame with a column for each task, and ``<task>__<class>`` for the probabilities.

    Raises
    ------
    TypeError
        If ``net`` is no network of tasks, or cannot be saved; see `save_model`.
    NotFittedError
        If it is not fitted.
    ValueError
        If only one of X_test and y_test is given, or two metrics have the same name in MLflow.
    ImportError
        If MLflow is not installed; the extra is ``tracking``.

    See Also
    --------
    load_from_mlflow : Load the model as it was.
    """
    mlflow = import_optional("mlflow", "tracking", "log_to_mlflow")
    model = getattr(net, "best_estimator_", net)
    inner = inner_net(model)
    if not isinstance(inner, MultiTaskNetEstimator):
        raise TypeError(f"net should be a MultiTaskNetEstimator or contain one; got {type(net).__name__}.")
    check_is_fitted(inner)
    if (X_test is None) != (y_test is None):
        raise ValueError("X_test and y_test are given together, or not at all.")
    metrics = list(_metrics_of(inner))
    run = mlflow.active_run() or mlflow.start_run()
    mlflow.log_params({key: repr(value)[:_LONGEST] for key, value in inner.get_params(deep=False).items()})
    mlflow.set_tags({"estimator": type(model).__name__, **{f"version of {k}": v for k, v in versions().items()}})
    _log_metrics(mlflow, run.info.run_id, metrics)
    if X_test is not None:
        _log_test(mlflow, model, X_test, y_test, comparison, limits)
    mlflow.log_dict(_shares_of(inner), "shares.json")
    if net is not model:
        report = getattr(net, "stack_report_", None)
        mlflow.log_dict(_plain({"best_params": net.best_params_, "stacks": report}), "search.json")
    return _log_model(mlflow, model, X_test, name)


def load_from_mlflow(model_uri: str) -> Any:
    """Load the estimator that `log_to_mlflow` logged.

    Parameters
    ----------
    model_uri : str
        ``model_uri`` of what `log_to_mlflow` returned, or any other URI of the model, as of the registry.

    Returns
    -------
    MultiTaskNetEstimator or Pipeline
        As `load_model` returns it.

    Raises
    ------
    FileNotFoundError
        If the model was not logged by `log_to_mlflow`.
    ModelFileError
        If its file is damaged.
    ImportError
        If MLflow is not installed; the extra is ``tracking``.
    """
    mlflow = import_optional("mlflow", "tracking", "load_from_mlflow")
    with tempfile.TemporaryDirectory() as folder:
        files = Path(mlflow.artifacts.download_artifacts(model_uri, dst_path=folder))
        found = sorted(files.rglob(FILE))
        if not found:
            raise FileNotFoundError(f"{model_uri} has no file {FILE}; it was not logged by log_to_mlflow.")
        return load_model(found[0])


# -- metrics


def _metrics_of(net: Any) -> Iterator[tuple[str, float, int]]:
    """Yield name, value and epoch of what the history has, as the mean over members.

    Raises
    ------
    ValueError
        If MLflow, which takes few characters in names, would mix two of them up.
    """
    history = net.history_.reset_index()
    by = [column for column in ("recipe", "epoch") if column in history]
    means = history.groupby(by, sort=False).mean(numeric_only=True).drop(columns="member", errors="ignore")
    names: dict[str, tuple[str, str]] = {}
    for index, row in means.iterrows():
        *recipe, epoch = index if isinstance(index, tuple) else (index,)
        prefix = f"{recipe[0]}/" if recipe else ""
        for column, value in row.items():
            given = (prefix, str(column))
            name = _name(prefix + str(column))
            if names.setdefault(name, given) != given:
                raise ValueError(
                    f"the metrics {''.join(names[name])!r} and {''.join(given)!r} have the same name in MLflow, "
                    f"{name!r}; rename a task."
                )
            if np.isfinite(value):
                yield name, float(value), int(epoch)


def _name(text: str) -> str:
    """Replace the characters that MLflow does not take in names."""
    return re.sub(r"[^\w\-. /]", "_", text)


def _log_metrics(mlflow: Any, run_id: str, metrics: list[tuple[str, float, int]]) -> None:
    now = int(1000 * time.time())
    made = [mlflow.entities.Metric(name, value, now, epoch) for name, value, epoch in metrics]
    client = mlflow.MlflowClient()
    for start in range(0, len(made), _BATCH):
        client.log_batch(run_id, metrics=made[start : start + _BATCH])


def _log_test(mlflow: Any, model: Any, X: RowsLike, y: TargetsLike, comparison: Any, limits: str | None) -> None:
    card = model_card(model, X, y, comparison=comparison, limits=limits)
    scores = model.score_tasks(X, y) if hasattr(model, "score_tasks") else _scores_behind(model, X, y)
    mean = inner_net(model).mean_score(scores)
    named = {f"test_score__{_name(str(name))}": score for name, score in scores.items()}
    mlflow.log_metrics({key: value for key, value in {**named, "test_score": mean}.items() if np.isfinite(value)})
    mlflow.log_text(card.render(), "model_card.md")
    mlflow.log_text(card_html(card), "model_card.html")


def _scores_behind(pipeline: Any, X: RowsLike, y: TargetsLike) -> dict[str, float]:
    """Score the network at the end of a pipeline."""
    scores: dict[str, float] = pipeline[-1].score_tasks(pipeline[:-1].transform(X), y)
    return scores


# -- artefacts


def _shares_of(net: Any) -> Any:
    shares = {"task_shares": net._model.shares, "recipe_weights": getattr(net, "recipe_weights_", None)}
    return _plain(shares)


def _plain(value: Any) -> Any:
    """Convert parameters and reports to what JSON holds."""
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(entry) for entry in value]
    value = value.item() if isinstance(value, np.generic) else value
    return value if value is None or isinstance(value, bool | int | float | str) else repr(value)


def _log_model(mlflow: Any, model: Any, X: RowsLike, name: str) -> Any:
    requirements = [f"{key}=={value.partition('+')[0]}" for key, value in versions().items()]
    requirements[0] = requirements[0].replace("sklearn_mtl", "sklearn-mtl")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE
        save_model(model, path)
        return mlflow.pyfunc.log_model(
            name=name,
            loader_module=f"{__package__}._flavor",
            data_path=str(path),
            pip_requirements=requirements,
            signature=_signature(mlflow, model, X),
        )


def _signature(mlflow: Any, model: Any, X: RowsLike) -> Any:
    """Return the columns that the model reads and predicts; None if X is not a frame or there are no test rows."""
    pandas = import_optional("pandas", "tracking", "log_to_mlflow")
    if not isinstance(X, pandas.DataFrame):
        return None
    types = mlflow.types
    kinds = {"number": "double", "text": "string"}
    columns = columns_of(model)
    if not all(column.kind for column in columns):
        return None
    # a column of whole numbers may have missing values later, which makes it one of floats
    free = {str(name) for name in X.columns if X[name].dtype.kind != "f"}
    inputs = [
        types.ColSpec(
            types.schema.AnyType()
            if column.kind == "number" and str(column.name) in free
            else kinds[str(column.kind)],
            str(column.name),
        )
        for column in columns
    ]
    outputs = mlflow.models.infer_signature(model_output=Predictor(model).predict(X[:_EXAMPLE_ROWS])).outputs
    return mlflow.models.ModelSignature(types.Schema(inputs), outputs)
