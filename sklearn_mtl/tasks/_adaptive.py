"""What an adaptive softmax needs to know of the labels, and what it does not take."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..nn._adaptive import FEWEST_CLASSES


def refuse_adaptive(task: Any) -> None:
    """Raise ValueError if a fitted `Classification` cannot have an adaptive softmax."""
    n_classes = len(task.classes_)
    reasons = {
        f"{n_classes} classes have no use for it; from {FEWEST_CLASSES} on it works": n_classes < FEWEST_CLASSES,
        f"loss={task.loss!r} needs the outputs of all classes": task.loss != "cross_entropy",
        f"label_smoothing={task.label_smoothing!r} needs the outputs of all classes": bool(task.label_smoothing),
        "the target has probabilities of all classes": task.soft_,
    }
    found = [reason for reason, applies in reasons.items() if applies]
    if found:
        raise ValueError(f"softmax='adaptive': {'; '.join(found)}. Use softmax='full'")


def order_of(
    labels: tuple[np.ndarray, np.ndarray], sample_weight: np.ndarray | None, n_classes: int
) -> np.ndarray:
    """Return the classes from the most frequent to the rarest.

    Parameters
    ----------
    labels : (ndarray of int, ndarray of bool)
        Positions of the classes, and where there is a label.
    sample_weight : ndarray of shape (n_samples,) or None
    n_classes : int
    """
    codes, labelled = labels
    weight = None if sample_weight is None else sample_weight[labelled]
    counts = np.bincount(codes[labelled], weights=weight, minlength=n_classes)
    return np.argsort(-counts, kind="stable")
