"""Settings that are compared with the defaults, as changes of parameters."""

from __future__ import annotations

from typing import Any

from sklearn_mtl import EarlyStopping, Optimizer
from sklearn_mtl.tasks import Regression
from sklearn_mtl.trunks import MLP


def table(**params: Any) -> dict[str, MLP]:
    """Change the default trunk for tables."""
    return {
        "trunk": MLP(
            **{"hidden_sizes": (128,) * 3, "dropout": 0.2, "scaling": "squash", "n_bins": "auto", **params}
        )
    }


RECIPES: dict[str, dict[str, Any]] = {
    "default": {},
    "plain": table(hidden_sizes=(128,) * 2, scaling="standard", n_bins=0),
    # inputs
    "no bins": table(n_bins=0),
    "ranks instead of bins": table(n_bins=0, ranks=True),
    "2 bins": table(n_bins=2),
    "4 bins": table(n_bins=4),
    "8 bins": table(n_bins=8),
    "16 bins": table(n_bins=16),
    "scaled, not squashed": table(scaling="standard"),
    "embeddings of 4": table(embedding_size=4),
    # width and depth
    "2 layers": table(hidden_sizes=(128,) * 2),
    "4 layers": table(hidden_sizes=(128,) * 4),
    "64 wide": table(hidden_sizes=(64,) * 3),
    "256 wide": table(hidden_sizes=(256,) * 3),
    # regularisation
    "no dropout": table(dropout=0.0),
    "dropout 0.3": table(dropout=0.3),
    "weight decay 0": {"weight_decay": 0.0},
    "weight decay 0.1": {"weight_decay": 0.1},
    # training
    "learning rate 5e-4": {"learning_rate": 5e-4},
    "learning rate 2e-3": {"learning_rate": 2e-3},
    "patience 20": {"early_stopping": EarlyStopping(n_iter_no_change=20), "max_epochs": 200},
    "clip norm 1": {"optimizer": Optimizer(clip_norm=1.0)},
    "Huber loss": {"regression": Regression(loss="huber")},
    # members
    "4 members": {"n_members": 4},
    "16 members": {"n_members": 16},
    "8 members that share weights": {"ensemble": "batch"},
    "32 members that share weights": {"ensemble": "batch", "n_members": 32},
    "8 members that share weights, early stopping": {"ensemble": "batch", "early_stopping": True},
    "single net": {"n_members": 1},
    "single net, no annealing": {"n_members": 1, "optimizer": Optimizer(schedule="constant")},
    "single net, early stopping": {"n_members": 1, "early_stopping": True},
    "single net, no early stopping": {"n_members": 1, "early_stopping": False},
}
