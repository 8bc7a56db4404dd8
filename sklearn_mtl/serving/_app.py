"""The application: a fitted model behind HTTP."""

from __future__ import annotations

import datetime
import math
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..model._state import versions
from ..streaming._answers import answers_of, names_of_tasks
from ..uncertainty._said import inner_net
from ..utils._optional import import_optional
from ._columns import Rows
from ._limit import BodyLimit
from ._schema import answer_schema, batch_schema, messages_of


def make_app(net: Any, *, max_rows: int = 10_000, max_bytes: int = 10_000_000, title: str = "sklearn_mtl") -> Any:
    """Make an HTTP service of a fitted model, as a FastAPI application.

    - ``POST /predict`` with ``{"rows": [{"column": value, ...}, ...]}`` answers ``{"labels": {task: [...]},
      "probabilities": {task: [[...], ...]}, "classes": {task: [...]}}``, with an entry for each row, by one pass
      through the network. A row of a model that was fitted to an array is a list. A missing value is null.
    - ``GET /health`` answers that the service is up, with the versions.
    - ``GET /schema`` lists columns and tasks; ``GET /docs`` is the documentation of FastAPI.

    Requests are checked against the columns of ``fit``: values of another type, unknown and missing columns, no or
    too many rows are answered by status 422, a body that is not JSON by 400, and a long body by 413, with
    ``{"detail": [message, ...]}`` that names row and column. Categories that ``fit`` has not seen are treated as
    by ``predict``. Requests are answered in threads, and share the network.

    Parameters
    ----------
    net : fitted estimator
        A `MultiTaskNetEstimator` that reads a table, images, sequences or videos; a pipeline with one, whose
        columns may have any type; or an estimator of `sklearn_mtl.uncertainty`. It should not be fitted again
        while the service runs.
    max_rows : int, default=10_000
        Largest number of rows of a request.
    max_bytes : int, default=10_000_000
        Largest number of bytes of the body of a request.
    title : str, default="sklearn_mtl"
        Title of the documentation.

    Returns
    -------
    fastapi.FastAPI
        To run by ``uvicorn.run(app)``, or to mount in another application.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    TypeError
        If its inputs cannot be JSON: trunks of other kinds, or categories that are dates or bytes.
    ValueError
        If a limit is not a whole number above 0.
    ImportError
        If FastAPI is not installed; the extra is ``serve``.

    Examples
    --------
    >>> import pandas as pd
    >>> from fastapi.testclient import TestClient
    >>> from sklearn_mtl import MultiTaskNetEstimator
    >>> from sklearn_mtl.serving import make_app
    >>> X = pd.DataFrame({"area": [30.0, 60.0, 90.0, 120.0] * 5, "city": ["Bonn", "Cologne"] * 10})
    >>> y = pd.DataFrame({"price": 3.11 * X["area"], "sold": ["yes", "no"] * 10})
    >>> net = MultiTaskNetEstimator(n_members=1, max_epochs=40, random_state=0).fit(X, y)
    >>> client = TestClient(make_app(net))
    >>> answer = client.post("/predict", json={"rows": [{"area": 60, "city": "Bonn"}]}).json()
    >>> answer["labels"]["sold"], answer["classes"]
    (['yes'], {'sold': ['no', 'yes']})
    >>> client.post("/predict", json={"rows": [{"area": "large", "city": None}]}).json()
    {'detail': ["row 0: column 'area' should be a number or null; got 'large'"]}
    """
    fastapi = import_optional("fastapi", "serve", "make_app")
    for name, limit in {"max_rows": max_rows, "max_bytes": max_bytes}.items():
        if isinstance(limit, bool) or not isinstance(limit, Integral) or limit < 1:
            raise ValueError(f"{name}={limit!r} should be a whole number above 0.")
    check_is_fitted(net)
    rows = Rows(net)
    app = fastapi.FastAPI(title=title, version=versions()["sklearn_mtl"])
    app.add_middleware(BodyLimit, max_bytes=int(max_bytes))
    _add_errors(app, rows, int(max_rows))
    _add_predict(app, net, rows, batch_schema(rows, int(max_rows)))
    _add_facts(app, net, rows)
    return app


def _add_errors(app: Any, rows: Rows, max_rows: int) -> None:
    """Answer requests that do not follow the schema by messages with row and column."""
    exceptions = import_optional("fastapi.exceptions", "serve", "make_app")
    http_error = import_optional("starlette.exceptions", "serve", "make_app").HTTPException  # FastAPI's too
    responses = import_optional("fastapi.responses", "serve", "make_app")

    def answer(request: Any, error: Any) -> Any:
        errors = error.errors()
        status = 400 if any(each["type"] == "json_invalid" for each in errors) else 422
        return responses.JSONResponse({"detail": messages_of(errors, rows, max_rows)}, status)

    def other(request: Any, error: Any) -> Any:
        return responses.JSONResponse({"detail": [error.detail]}, error.status_code, headers=error.headers)

    app.add_exception_handler(exceptions.RequestValidationError, answer)
    app.add_exception_handler(http_error, other)


def _add_predict(app: Any, net: Any, rows: Rows, batch: Any) -> None:
    responses = import_optional("fastapi.responses", "serve", "make_app")
    fields = [f"column_{number}" for number in range(len(rows.columns))] if rows.are_named else []

    # not async: FastAPI runs it in a thread, so that requests do not wait for each other
    def predict(batch: Any) -> Any:
        values = [[getattr(row, field) for field in fields] for row in batch.rows] if fields else batch.rows
        try:
            answers = answers_of(net, rows.to_x(values), proba=True)
        except ValueError as error:  # what predict refuses, for instance images of another shape
            return responses.JSONResponse({"detail": [str(error)]}, 422)
        return responses.JSONResponse({name: plain(part) for name, part in answers._asdict().items()})

    predict.__annotations__["batch"] = batch
    predict.__doc__ = "Predict labels and probabilities of all tasks for a batch of rows."
    refused: dict[int, dict] = {status: {} for status in (400, 413, 422)}
    app.post("/predict", responses=refused, response_model=answer_schema())(predict)


def _add_facts(app: Any, net: Any, rows: Rows) -> None:
    inner = inner_net(net)
    classes = {name: plain(getattr(task, "classes_", None)) for name, task in getattr(inner, "tasks_", {}).items()}
    tasks = [
        {"name": str(name), "type": type(task).__name__, "classes": classes[name]}
        for name, task in getattr(inner, "tasks_", {}).items()
    ] or [{"name": name} for name in names_of_tasks(net)]
    columns = [
        {"name": plain(column.name), "kind": column.kind, "categories": plain(column.known) or None}
        for column in rows.columns
    ]

    @app.get("/health")
    def health() -> dict[str, Any]:
        """Say that the service is up, and which model it serves."""
        return {"status": "ok", "model": type(net).__name__, "versions": versions()}

    @app.get("/schema")
    def schema() -> dict[str, Any]:
        """List the columns of X and the tasks."""
        return {"columns": columns, "tasks": tasks}


def plain(value: Any) -> Any:
    """Convert labels and probabilities to what JSON holds; numbers that are not finite become None."""
    if isinstance(value, np.ndarray):
        return plain(value.tolist()) if value.dtype.kind not in "biuU" else value.tolist()
    if isinstance(value, dict):
        return {str(name): plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, set | frozenset):
        return [plain(entry) for entry in sorted(value, key=str)]
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return value if value is None or isinstance(value, bool | int | str) else str(value)
