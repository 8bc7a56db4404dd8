"""`history_`, and what is printed."""

import contextlib
import io

import numpy as np
import pytest

from sklearn_mtl import Targets

from .._helpers import (
    mixed_targets,
    net,
)
from ._data import MASS, SICK, N, X, outputs


def test_columns_of_history():
    y = Targets(mass=MASS, sick=SICK)
    plain = net().fit(X, y).history_
    assert {"train_loss", "train_loss__mass", "train_loss__sick"} <= set(plain.columns)
    assert not [column for column in plain if column.startswith("valid")]
    assert plain.index.tolist() == [1, 2, 3]
    assert plain.index.name == "epoch"
    watched = net(early_stopping=True).fit(X, y).history_
    wanted = {f"valid_{what}{task}" for what in ("loss", "score") for task in ("", "__mass", "__sick")}
    assert wanted <= set(watched.columns)


def test_training_loss_falls():
    history = net(max_epochs=30, learning_rate=0.02).fit(X, mixed_targets(X)).history_
    for column in [name for name in history if name.startswith("train_loss")]:
        assert history[column].iloc[-1] < 0.8 * history[column].iloc[0], column


def test_training_loss_is_the_mean_over_labelled_rows():
    y = Targets(mass=np.where(np.arange(N) < 70, MASS, np.nan))
    frozen = {"optimizer": "sgd", "learning_rate": 1e-30, "weight_decay": 0.0, "dtype": "float64", "batch_size": 9}
    estimator = net(max_epochs=1, **frozen).fit(X, y)
    task, raw = estimator.tasks_["mass"], outputs(estimator)["mass"][:70, 0]
    loss = np.mean((raw - (MASS[:70] - task.mean_) / task.scale_) ** 2)
    assert estimator.history_["train_loss__mass"].iloc[0] == pytest.approx(loss)


def test_verbose_prints_a_line_per_epoch():
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        net(verbose=1).fit(X, {"mass": MASS})
    lines = [line for line in output.getvalue().splitlines() if line.strip()[:1].isdigit()]
    assert len(lines) == 3
    assert "train_loss__mass" in output.getvalue()


def test_silent_by_default(capsys):
    net().fit(X, MASS).predict(X)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == ""
