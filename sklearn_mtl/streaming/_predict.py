"""Predictions of a stream, written to a Parquet file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from ..files._atomic import replaced_file
from ..utils._optional import import_optional
from ._answers import Answers, answers_of
from ._prefetch import prefetched
from ._stream import Stream, stream_of


def predict_to_parquet(
    estimator: Any,
    X: Any,
    path: str | os.PathLike[str],
    *,
    keep: Sequence[str] = (),
    proba: bool = False,
) -> int:
    """Predict the rows of a stream block by block, and write the predictions to a Parquet file.

    Predictions are those of ``predict`` for the same rows in memory. The file appears when it is complete; until
    then an old file stays.

    Parameters
    ----------
    estimator : fitted estimator
        Any with ``predict``: also a pipeline, or one of `sklearn_mtl.uncertainty`. It gets frames with the columns
        that it was fitted to (``feature_names_in_``), or all columns of the source.
    X : Stream, or what a `Stream` takes
        The rows. Columns that the estimator was not fitted to are left out.
    path : path-like
        The file to write. It has a column for each task, in the order of the rows of X.
    keep : sequence of str, default=()
        Columns of X to copy, for instance an identifier.
    proba : bool, default=False
        Whether to add the probabilities of classes, as columns ``<task>__<class>``; requires ``predict_proba``.

    Returns
    -------
    int
        Number of rows written.

    Raises
    ------
    ValueError, FileNotFoundError
        If a column does not exist, or X cannot be read.
    OSError
        If the file cannot be written, for instance because the disk is full; the old file is unchanged.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import polars as pl
    >>> from sklearn_mtl import MultiTaskNetEstimator
    >>> from sklearn_mtl.streaming import predict_to_parquet
    >>> x = np.random.default_rng(0).normal(size=(300, 2))
    >>> frame = pl.DataFrame({"row": np.arange(300), "a": x[:, 0], "b": x[:, 1], "sum": x.sum(axis=1)})
    >>> net = MultiTaskNetEstimator(n_members=1, max_epochs=3, random_state=0)
    >>> net = net.fit(frame[["a", "b"]], frame[["sum"]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     n_rows = predict_to_parquet(net, frame.lazy(), folder + "/predicted.parquet", keep=["row"])
    ...     pl.read_parquet(folder + "/predicted.parquet").columns
    ['row', 'sum']
    """
    parquet = import_optional("pyarrow.parquet", "streaming", "predict_to_parquet")
    stream = stream_of(X) or Stream(X)
    writer, n_rows = None, 0
    with replaced_file(path) as file:
        try:
            for table in predicted_tables(estimator, stream, keep=keep, proba=proba):
                if writer is None:
                    writer = parquet.ParquetWriter(file, table.schema)
                writer.write_table(table.cast(writer.schema))
                n_rows += len(table)
        finally:
            if writer is not None:
                writer.close()
    return n_rows


def predicted_tables(estimator: Any, stream: Stream, *, keep: Sequence[str], proba: bool) -> Iterator[Any]:
    """Return an iterator of a pyarrow table of predictions for each block; see `predict_to_parquet`."""
    arrow = import_optional("pyarrow", "streaming", "predictions of a stream")
    fitted = list(getattr(estimator, "feature_names_in_", ()))
    if fitted:
        stream = Stream(**{**stream.get_params(deep=False), "columns": [*fitted, *_others(keep, fitted)]})
    return prefetched(_predicted(estimator, stream, fitted, keep, proba, arrow))


def _others(keep: Sequence[str], names: Sequence[str]) -> list[str]:
    return [name for name in keep if name not in names]


def _predicted(
    estimator: Any, stream: Stream, fitted: Sequence[str], keep: Sequence[str], proba: bool, arrow: Any
) -> Iterator[Any]:
    """Yield a table of predictions for each block."""
    for block in stream.blocks():
        X, columns = block, {}
        if not isinstance(block, np.ndarray):
            frame = nw.from_native(block, eager_only=True)
            inputs = fitted or [name for name in frame.columns if name not in keep]
            X, columns = nw.to_native(frame.select(inputs)), {name: frame[name].to_arrow() for name in keep}
        elif keep:
            raise ValueError(f"keep={list(keep)!r} names columns, but the source of the stream is an array.")
        answers = answers_of(estimator, X, proba=proba)
        columns |= answers.labels
        columns |= _columns_of_classes(answers)
        yield arrow.table({name: _as_arrow(values, arrow) for name, values in columns.items()})


def _columns_of_classes(answers: Answers) -> dict[str, np.ndarray]:
    """Return the probabilities as columns ``<task>__<class>``."""
    return {
        f"{name}__{label}": shares[:, column]
        for name, shares in answers.probabilities.items()
        for column, label in enumerate(answers.classes.get(name, range(shares.shape[1])))
    }


def _as_arrow(values: Any, arrow: Any) -> Any:
    if not isinstance(values, np.ndarray):
        return values
    return arrow.array(list(values)) if values.ndim > 1 else arrow.array(values)
