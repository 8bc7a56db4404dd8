"""What MLflow imports to load a model of `log_to_mlflow`."""

from __future__ import annotations

from typing import Any

from ..persistence import load_model
from ..streaming._answers import answers_of
from ..utils._optional import import_optional
from ..utils._types import RowsLike


class Predictor:
    """A model as MLflow's generic interface sees it: a frame to a frame.

    Parameters
    ----------
    model : fitted estimator
    """

    def __init__(self, model: Any) -> None:
        self.model = model

    def predict(self, X: RowsLike, params: Any = None) -> Any:
        """Return a frame with a column for each task, and ``<task>__<class>`` for its probabilities."""
        pandas = import_optional("pandas", "tracking", "predictions in MLflow")
        answers = answers_of(self.model, X, proba=True)
        columns = dict(answers.labels)
        for name, shares in answers.probabilities.items():
            if getattr(shares, "ndim", 0) == 2:  # those of tokens and pixels are not columns
                classes = answers.classes.get(name, range(shares.shape[1]))
                columns |= {f"{name}__{label}": shares[:, i] for i, label in enumerate(classes)}
        columns = {name: _column(values) for name, values in columns.items()}
        return pandas.DataFrame(columns, index=X.index if isinstance(X, pandas.DataFrame) else None)


def _column(values: Any) -> Any:
    """Return values of one column, with an array for each row if they have several."""
    return list(values) if getattr(values, "ndim", 1) > 1 else values


def _load_pyfunc(path: str) -> Predictor:
    """Load the file that a run holds; MLflow calls it by this name."""
    return Predictor(load_model(path))
