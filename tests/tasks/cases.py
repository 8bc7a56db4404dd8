"""A case, or several, of every task type that the package exports."""

import numpy as np
from torch.nn import functional

from sklearn_mtl.tasks import (
    BoundingBox,
    Classification,
    Count,
    MultilabelClassification,
    Ordinal,
    Regression,
    Segmentation,
    SequenceTagging,
    Survival,
)  # fmt: skip
from sklearn_mtl.testing import TaskCase

ROWS = 12
CODES = np.array([0, 1, 2, 2, 1, 0, 0, 0, 2, 1, 2, 0])
GONE = np.array([False, True, False, False, True, False, False, False, False, False, True, False])
NUMBERS = np.random.default_rng(0).normal(100, 20, size=(ROWS, 2))
LABELS = np.random.default_rng(1).integers(0, 2, size=(ROWS, 3))
COUNTS = np.random.default_rng(4).poisson([[2.0, 500.0]], size=(ROWS, 2))
CORNERS = np.random.default_rng(5).uniform(0, 50, size=(ROWS, 2))
BOXES = np.hstack([CORNERS, CORNERS + np.random.default_rng(6).uniform(5, 40, size=(ROWS, 2))])
TAGS = np.random.default_rng(8).integers(0, 3, size=(ROWS, 5))
MASKS = np.random.default_rng(9).integers(0, 3, size=(ROWS, 4, 6))
TIMES = np.random.default_rng(10).permutation(np.cumsum(np.random.default_rng(11).uniform(1, 9, size=ROWS)))
SETS = [[name for name, chosen in zip("abc", row, strict=True) if chosen] for row in LABELS]


def smooth_l1(output, target):
    return functional.smooth_l1_loss(output, target, reduction="none")


def brier(output, target):
    """Compute the squared distance of the probabilities from the true class."""
    probabilities = output.softmax(dim=-1)
    picked = probabilities.gather(-1, target)
    return probabilities.square().sum(dim=-1, keepdim=True) - 2 * picked + 1


def objects(values):
    array = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):
        array[row] = value
    return array


def by_rows(task, labels, predictions=None):
    """Make a case in which whole rows are missing."""
    return TaskCase(task, labels, GONE, predictions=predictions)


def by_elements(task, labels, as_floats=False):
    """Make a case in which single elements and one whole row are missing."""
    gone = np.random.default_rng(2).random(labels.shape) < 0.25
    gone[3] = True
    return TaskCase(task, labels, gone, partly=np.where(gone, np.nan, labels) if as_floats else None)


def by_positions(task, labels, grid=None):
    """Make a case in which single positions and one whole row are missing."""
    gone = np.random.default_rng(7).random(labels.shape) < 0.25
    gone[3] = True
    return TaskCase(task, labels, gone, grid=grid)


def counts(task, labels, make):
    """Make a case whose predictions are floats."""
    case = make(task, labels)
    return TaskCase(task, labels, case.missing, predictions=labels.astype(float))


def survived(task, predictions=None):
    """Make a case of times that all end with the event, as a structured array."""
    labels = np.zeros(ROWS, dtype=[("event", bool), ("time", float)])
    labels["event"], labels["time"] = True, TIMES
    partly = labels.copy()
    partly["time"][GONE] = np.nan
    return TaskCase(task, labels, GONE, partly=partly, predictions=TIMES if predictions is None else predictions)


def middles(times):
    """Return the middle of the interval that ends with each time."""
    ends = np.sort(times)
    return (np.append(0, ends[:-1]) + np.diff(ends, prepend=0) / 2)[np.argsort(np.argsort(times))]


def limits(task):
    """Make a case of numbers and of limits that the mean keeps, so that it is predicted for them."""
    values = NUMBERS[:, 0].round(3)
    limited = np.arange(ROWS) % 4 == 3
    below = values < values.mean()
    labels = objects([f"{'>' if low else '<='} {value}" for low, value in zip(below, values, strict=True)])
    labels[~limited] = values[~limited]
    return by_rows(task, labels, np.where(limited, values.mean(), values))


def soft(task, n_classes, classes):
    labels = np.random.default_rng(3).dirichlet(np.ones(n_classes), size=ROWS)
    return by_rows(task, labels, np.array(classes)[labels.argmax(axis=1)])


TASK_CASES = {
    "two classes": by_rows(Classification(), np.array(["no", "yes"], dtype=object)[CODES % 2]),
    "three classes": by_rows(Classification(), np.array(["ape", "bee", "cat"], dtype=object)[CODES]),
    "text dtype": by_rows(Classification(), np.array(["cat", "ape", "bee"])[CODES]),
    "integers": by_rows(Classification(), np.array([7, 3, 5])[CODES]),
    "floats": by_rows(Classification(), np.array([1.0, 2.0])[CODES % 2]),
    "bool": by_rows(Classification(), CODES > 0),
    "balanced": by_rows(Classification(class_weight="balanced"), CODES),
    "smoothed": by_rows(Classification(label_smoothing=0.2), CODES),
    "smoothed, two classes": by_rows(Classification(label_smoothing=0.2, class_weight={1: 3.0}), CODES % 2),
    "classes that do not occur": by_rows(Classification(classes=[0, 1, 2, 3]), CODES),
    "two probabilities": soft(Classification(classes=["no", "yes"]), 2, ["no", "yes"]),
    "three probabilities": soft(Classification(), 3, [0, 1, 2]),
    "probabilities of unsorted classes": soft(Classification(classes=["z", "a", "m"]), 3, ["z", "a", "m"]),
    "smoothed probabilities": soft(Classification(label_smoothing=0.1), 3, [0, 1, 2]),
    "number": by_rows(Regression(), NUMBERS[:, 0]),
    "two numbers": by_elements(Regression(), NUMBERS),
    "one column": by_elements(Regression(), NUMBERS[:, :1]),
    "absolute error": by_rows(Regression(loss="absolute_error"), NUMBERS[:, 0]),
    "huber": by_elements(Regression(loss="huber", epsilon=0.5), NUMBERS),
    "quantile": by_rows(Regression(loss="quantile", quantile=0.8), NUMBERS[:, 0]),
    "quantiles": by_elements(Regression(loss="quantile", quantile=[0.1, 0.5, 0.6]), NUMBERS),
    "normal": by_elements(Regression(loss="normal"), NUMBERS),
    "student_t": by_elements(Regression(loss="student_t"), NUMBERS),
    "laplace": by_rows(Regression(loss="laplace"), NUMBERS[:, 0]),
    "lognormal": by_elements(Regression(loss="lognormal"), NUMBERS),
    "mixture": by_elements(Regression(loss="mixture"), NUMBERS),
    "a function": by_elements(Regression(loss=smooth_l1), NUMBERS),
    "limits": limits(Regression(bounds=True)),
    "limits, absolute error": limits(Regression(loss="absolute_error", bounds=True)),
    "not standardised": by_rows(Regression(standardize=False), NUMBERS[:, 0] / 100),
    "indicators": by_elements(MultilabelClassification(), LABELS, as_floats=True),
    "bool indicators": by_elements(MultilabelClassification(), LABELS > 0),
    "one indicator": by_elements(MultilabelClassification(), LABELS[:, :1], as_floats=True),
    "threshold": by_elements(MultilabelClassification(threshold=0.3, label_smoothing=0.1), LABELS),
    "sets": by_rows(MultilabelClassification(), objects([set(row) for row in SETS])),
    "lists": by_rows(MultilabelClassification(), objects(SETS)),
    "tuples": by_rows(MultilabelClassification(classes=list("abcd")), objects([tuple(row) for row in SETS])),
    "a function of classes": by_rows(Classification(loss=brier), CODES),
    "focal": by_rows(Classification(loss="focal"), CODES),
    "focal, two classes": by_rows(Classification(loss="focal", gamma=0.5, class_weight="balanced"), CODES % 2),
    "focal probabilities": soft(Classification(loss="focal", label_smoothing=0.1), 3, [0, 1, 2]),
    "grades": by_rows(Ordinal(), np.array([7, 3, 5])[CODES]),
    "sizes": by_rows(Ordinal(classes=["s", "m", "l"]), np.array(["l", "s", "m"], dtype=object)[CODES]),
    "two grades": by_rows(Ordinal(class_weight="balanced"), CODES % 2),
    "grades that do not occur": by_rows(Ordinal(classes=[0, 1, 2, 3, 4]), CODES),
    "counts": counts(Count(), COUNTS[:, 0], by_rows),
    "two counts": counts(Count(), COUNTS.astype(float), by_elements),
    "negative binomial": counts(Count(loss="negative_binomial"), COUNTS[:, 0], by_rows),
    "two negative binomials": counts(Count(loss="negative_binomial"), COUNTS.astype(float), by_elements),
    "boxes": by_rows(BoundingBox(), BOXES),
    "survival": survived(Survival()),
    "survival, intervals": survived(Survival(loss="discrete_time", n_intervals=ROWS), middles(TIMES)),
    "survival, two columns": TaskCase(
        Survival(), np.column_stack([TIMES, np.ones(ROWS)]), GONE, predictions=TIMES
    ),
    "survival, pairs": by_rows(
        Survival(loss="discrete_time", n_intervals=ROWS), objects([(True, time) for time in TIMES]), middles(TIMES)
    ),
    "tags": by_positions(SequenceTagging(), np.array([7, 3, 5])[TAGS]),
    "tags of columns": by_positions(SequenceTagging(), TAGS % 2, grid=(2, 5)),
    "pixels": by_positions(Segmentation(), np.array([7, 3, 5])[MASKS], grid=(2, 3)),
    "two kinds of pixels": by_positions(
        Segmentation(loss="focal", class_weight="balanced"), MASKS % 2, grid=(2, 3)
    ),
    "pixels of objects": by_positions(Segmentation(), np.array(["a", "b", "c"], dtype=object)[MASKS], grid=(4, 6)),
}
