"""Write the model that is kept for a layout of the state: ``python -m tests.persistence.make_saved``.

Run it once when the layout of the state or of the file changes. Earlier files stay, and must always load. The
predictions of the model are stored next to it.
"""

import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd

from sklearn_mtl import MultiTaskNetEstimator, Targets, save_model
from sklearn_mtl.model._state import STATE_LAYOUT
from sklearn_mtl.persistence._model_file import LAYOUT
from sklearn_mtl.tasks import Regression
from sklearn_mtl.trunks import MLP

FOLDER = Path(__file__).parent / "saved"
NAME = f"state_{STATE_LAYOUT}_file_{LAYOUT}"


def table():
    """Make columns of numbers and of categories, with a missing category."""
    number = np.linspace(-2, 2, 24)
    kind = np.array(["bee", "ape", None, "cat"], dtype=object)[np.arange(24) % 4]
    return pd.DataFrame({"a": number, "b": number**2, "kind": kind})


def fit():
    X = table()
    sign = np.where(X["a"] > 0, "plus", "minus").astype(object)
    sign[::5] = None
    tags = [{"high"} if b > 2 else {"low", "flat"} for b in X["b"]]
    y = Targets(sign=sign, size=np.column_stack([X["b"], X["a"]]), rank=np.arange(24) % 3, tags=tags)
    return MultiTaskNetEstimator(
        tasks={"size": Regression("huber")}, task_weights={"rank": 0.5, "tags": 2.0},
        trunk=MLP((4,), scaling="squash", ranks=True, embedding_size=2), weighting="uncertainty",
        max_epochs=5, batch_size=8, learning_rate=0.1, random_state=0,
    ).fit(X, y)  # fmt: skip


def said(model):
    """Return the predictions of a model for the table, as JSON."""
    predicted, proba = model.predict(table()), model.predict_proba(table())
    return {
        "sign": predicted["sign"].tolist(),
        "size": predicted["size"].tolist(),
        "tags": [sorted(row) for row in predicted["tags"]],
        "proba of rank": proba["rank"].tolist(),
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    model = fit()
    save_model(model, FOLDER / f"{NAME}.mtl")
    (FOLDER / f"{NAME}.pickle").write_bytes(pickle.dumps(model, protocol=4))
    (FOLDER / f"{NAME}.json").write_text(json.dumps(said(model), indent=1))
