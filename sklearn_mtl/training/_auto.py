"""What "auto" stands for, by the number of rows and labels."""

from __future__ import annotations

import numpy as np
from skorch.callbacks import LRScheduler

from ..config import FitConfig
from ..data._dataset import Dataset
from ..data._hold_out import LabelCounts
from ..data._sparse_labels import LabelledPairs
from ..utils._warn import warn
from .callbacks._callback_list import has_callback

# Early stopping needs validation rows; with fewer labelled rows than this, training needs them more.
MIN_ROWS_TO_STOP_EARLY = 100
# The members of an ensemble hold out different rows, so every row is used for training.
MIN_ROWS_OF_ENSEMBLE = 10
# Bounds of batch_size="auto": about twenty steps per epoch, in powers of two.
AUTO_BATCH_SIZES = (16, 256)
# Of sparse labels a step has about this many of a task, up to a number of rows: each step updates the heads of all
# tasks, whether they have a label in it or not.
LABELS_IN_STEP, MOST_AUTO_ROWS = 4, 2048


def stops_early(config: FitConfig, labels: LabelCounts) -> bool:
    """Return whether rows are held out; warn if early stopping is on, but no task has enough labels."""
    when = stops = config.early_stopping.when
    if when == "auto":
        fewest = MIN_ROWS_OF_ENSEMBLE if config.is_deep_ensemble else MIN_ROWS_TO_STOP_EARLY
        stops = labels.any_task >= fewest
    if stops and labels.best_task < 2:
        warn(
            f"early_stopping={when!r} needs labels to validate on, but no task has more than one label (of a "
            "weight above 0); all max_epochs are trained on all rows.",
        )
        return False
    return bool(stops)


def schedule_of(config: FitConfig, anneals: bool) -> str:
    """Return the name of the learning rate schedule; "auto" is "cosine" if ``anneals``, otherwise "constant".

    With an ``LRScheduler`` in the callbacks, "auto" is "constant", and other schedules raise ValueError.
    """
    schedule = config.optimizer.schedule
    if has_callback(config.callbacks, LRScheduler):
        if schedule not in ("auto", "constant"):
            raise ValueError(
                f"optimizer has the schedule {schedule!r}, and callbacks has an LRScheduler; "
                "both set the learning rate. Leave out one of them."
            )
        return "constant"
    if schedule != "auto":
        return schedule
    return "cosine" if anneals else "constant"


def batch_size_of(batch_size: int | str, n_rows: int, fewest: int = 0) -> int:
    """Return the number of rows per step, at most all rows; ``fewest`` is for "auto", see `rows_for_labels`."""
    if batch_size == "auto":
        smallest, largest = AUTO_BATCH_SIZES
        by_rows = min(largest, max(smallest, 2 ** int(np.log2(max(1, n_rows / 20)))))
        return max(by_rows, fewest)
    if int(batch_size) > n_rows:
        warn(f"batch_size={batch_size} is larger than the number of rows; {n_rows} is used.")
    return min(int(batch_size), n_rows)


def rows_for_labels(data: Dataset) -> int:
    """Return how many rows have some labels of each task on average, if labels are sparse; 0 for other labels.

    They are at most `MOST_AUTO_ROWS`, and make about twenty steps per epoch or more.
    """
    found = [target for target in data.targets if isinstance(target, LabelledPairs) and len(target.pairs)]
    if not found:
        return 0
    wanted = max(LABELS_IN_STEP * len(target) * target.n_tasks / len(target.pairs) for target in found)
    most = min(MOST_AUTO_ROWS, max(1, len(found[0]) // 20))
    return int(2 ** int(np.log2(max(1, min(most, wanted)))))
