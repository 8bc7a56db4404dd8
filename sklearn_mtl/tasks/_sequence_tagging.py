"""Sequence tagging: a label for each token of a sequence, or each column of an image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from ..columns._columns import objects_of
from ..columns._ragged import RaggedRows
from ..metrics import entity_precision_recall_f1
from ._base import Encoded, labelled_weight, of_weight
from ._bio import Grammar, are_entity_tags, best_paths, observed_grammar
from ._columns import ColumnsHead
from ._position_classification import PositionClassification
from ._position_labels import CUSTOMARY_LABEL, MISSING_LABEL
from ._tags import IGNORED_TAGS, Tags, read_tags

ENTITY_METRICS = ("entity_precision", "entity_recall", "entity_f1")


class SequenceTagging(PositionClassification):
    """One label for each token of a row, learned with cross-entropy or the focal loss.

    The target is a list of labels for each row, one for each token; a text for each row, whose words are the
    labels; or a padded array of shape (n_samples, n_positions), with -1 or NaN (None among texts) after the end of
    a row. The missing label of a token is -1, None or NaN; a row without labels is None. Labels of -100 are
    missing too, with a warning, unless ``classes`` lists it. With images as input, position i of L is the i-th of
    L columns of equal width, from left to right.

    Parameters
    ----------
    class_weight : dict, "balanced" or None, default=None
        Weight of each label in the loss, as in `Classification`.
    label_smoothing : float in [0, 1), default=0.0
        Share of the target that is spread evenly over all labels.
    classes : array-like of shape (n_classes,) or None, default=None
        All labels; None takes those that occur.
    loss : {"cross_entropy", "focal"}, default="cross_entropy"
        As in `Classification`; with "focal", many easy tokens do not dominate a few hard ones.
    gamma : float >= 0, default=2.0
        Exponent of ``loss="focal"``: the larger, the less easy tokens count.
    constrained : bool, default=True
        Whether to predict the most probable sequence that is valid in the scheme of the labels. The scheme (BIO,
        IOB1 or IOBES) is inferred from the sequences of ``fit``. In BIO an "I-city" must follow a "B-city" or
        "I-city", or begin a row if ``fit`` saw it there; in IOB1 a "B-city" must follow another city. For other
        labels, or with False, the most probable label of each token is predicted.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels in sorted order.
    grammar_ : tuple or None
        Labels that may begin a sequence, follow each other, and end it, as arrays of bool; None if all sequences
        are valid.
    n_positions_ : int or None
        Number of columns of the padded array passed to ``fit``; None for lists.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_mtl.tasks import SequenceTagging
    >>> y = np.empty(2, dtype=object)
    >>> y[:] = [["O", "B-city"], ["O"]]
    >>> task = SequenceTagging().fit(y)
    >>> task.classes_.tolist()
    ['B-city', 'O']
    """

    level = "token"

    _parameter_constraints: dict = {**PositionClassification._parameter_constraints, "constrained": ["boolean"]}

    # default for models of older versions
    is_written_ = False

    def __init__(
        self,
        class_weight: Mapping[Any, float] | str | None = None,
        label_smoothing: float = 0.0,
        classes: Any = None,
        loss: str = "cross_entropy",
        gamma: float = 2.0,
        constrained: bool = True,
    ) -> None:
        super().__init__(class_weight, label_smoothing, classes, loss, gamma)
        self.constrained = constrained

    @property
    def metric(self) -> str:
        return "entity_f1" if getattr(self, "has_entities_", False) else "token_accuracy"

    def fit(
        self, y: np.ndarray, sample_weight: np.ndarray | None = None, classes: np.ndarray | None = None
    ) -> SequenceTagging:
        self._validate_params()
        ignored = self._ignored(classes)
        tags = read_tags(y, ignored)
        absent = tags.labels[~tags.labelled].tolist()
        self.remarks = ()
        if CUSTOMARY_LABEL in ignored and any(
            type(label) is not str and label == CUSTOMARY_LABEL for label in absent
        ):
            self.remarks = (
                f"labels of {CUSTOMARY_LABEL} are treated as missing; list it in SequenceTagging(classes=...) "
                "if it is a class",
            )
        weight = None if sample_weight is None else np.repeat(sample_weight, tags.lengths)
        self._fit_labels(tags.labels, tags.labelled, labelled_weight(weight, tags.labelled), classes)
        self.has_entities_ = are_entity_tags(self.classes_.tolist())
        self.grammar_ = self._grammar(tags) if self.constrained else None
        self.is_written_ = y.ndim == 1 and any(isinstance(row, str) for row in y)
        self.n_positions_ = tags.n_columns
        self.most_positions_ = int(tags.lengths.max())
        return self

    def _ignored(self, classes: Any = None) -> tuple[int, ...]:
        """Return the labels that stand for a missing label."""
        stated = next((c for c in (getattr(self, "classes_", None), classes, self.classes) if c is not None), ())
        return IGNORED_TAGS if CUSTOMARY_LABEL not in np.asarray(stated).tolist() else (MISSING_LABEL,)

    def _grammar(self, tags: Tags) -> Grammar | None:
        codes = np.full(len(tags.labels), -1)
        numbers = {label: number for number, label in enumerate(self.classes_.tolist())}
        codes[tags.labelled] = [numbers.get(label, -1) for label in tags.labels[tags.labelled].tolist()]
        return observed_grammar(self.classes_.tolist(), codes, tags.lengths)

    def encode(self, y: np.ndarray) -> Encoded:
        tags = read_tags(y, self._ignored())
        codes, weight = self._encode_labels(tags.labels, tags.labelled)
        if tags.n_columns is not None:
            return Encoded(codes.reshape(y.shape), weight.reshape(*y.shape, 1))
        lengths = torch.from_numpy(tags.lengths)
        return Encoded(*(RaggedRows(torch.from_numpy(values), lengths) for values in (codes, weight)))

    def check_lengths(self, y: np.ndarray, lengths: np.ndarray) -> None:
        read_tags(y, self._ignored()).check_lengths(lengths)

    def head(self, in_features: int, generator: torch.Generator, grid: tuple[int, int] | None = None) -> nn.Module:
        if grid is None:
            return super().head(in_features, generator)
        return ColumnsHead(in_features, self.most_positions_, self.n_outputs_, grid, generator)

    def decode(self, output: Any) -> np.ndarray:
        return self._in_rows(output, self.classes_[self._codes(output)])

    def _codes(self, output: Any) -> np.ndarray:
        flat, lengths = _flat(output)
        if self.grammar_ is None:
            return flat.argmax(axis=1) if self.n_outputs_ > 1 else (flat[:, 0] > 0).astype(np.intp)
        # two labels have one logit
        scores = flat if self.n_outputs_ > 1 else np.column_stack([np.zeros_like(flat), flat])
        return best_paths(scores, lengths, self.grammar_)

    def decode_proba(self, output: Any) -> np.ndarray:
        """Convert outputs to probabilities (B, L, n_classes), or to an array (L, n_classes) for each sequence."""
        if not isinstance(output, RaggedRows):
            return super().decode_proba(output)
        flat, lengths = _flat(output)
        return objects_of(np.split(super().decode_proba(flat), np.cumsum(lengths)[:-1]))

    def _in_rows(self, output: Any, labels: np.ndarray) -> np.ndarray:
        """Convert the concatenated labels of all rows to the form of the labels of ``fit``."""
        if not isinstance(output, RaggedRows):
            return labels.reshape(output.shape[:-1])
        lengths = output.lengths.numpy()
        if self.is_written_ or self.n_positions_ is None:
            rows = np.split(labels, np.cumsum(lengths)[:-1])
            return objects_of([" ".join(row) if self.is_written_ else row.tolist() for row in rows])
        shape = len(lengths), max(self.n_positions_, int(lengths.max(initial=0)))
        numbers = labels.dtype.kind in "iu"
        padded = np.full(shape, MISSING_LABEL, labels.dtype) if numbers else np.full(shape, None, object)
        padded[np.arange(shape[1]) < lengths[:, None]] = labels
        return padded

    def metrics(
        self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> dict[str, float]:
        """Compute the accuracy of tokens and of whole rows, and precision, recall and F1 of any entities."""
        y_true, y_pred, sample_weight = of_weight(y_true, y_pred, sample_weight)
        pairs = _Pairs(y_true, y_pred, sample_weight, self._ignored())
        names = self.metric_names
        if not len(pairs.true):
            return dict.fromkeys(names, float("nan"))
        entities = pairs.entity_metrics() if self.has_entities_ else ()
        return dict(zip(names, (pairs.token_accuracy(), pairs.sequence_accuracy(), *entities), strict=True))

    @property
    def metric_names(self) -> tuple[str, ...]:
        return ("token_accuracy", "sequence_accuracy", *(ENTITY_METRICS if self.has_entities_ else ()))


class _Pairs:
    """True and predicted labels of the labelled tokens, with the row of each.

    Raises
    ------
    ValueError
        If a row has different numbers of true and predicted labels; the message names the row.
    """

    def __init__(
        self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray | None, none: tuple[int, ...]
    ) -> None:
        true, predicted = read_tags(y_true, none), read_tags(y_pred, none)
        true.check_lengths(predicted.lengths)
        rows = np.repeat(np.arange(len(true.lengths)), true.lengths)
        places = np.arange(len(rows)) - np.repeat(np.cumsum(true.lengths) - true.lengths, true.lengths)
        starts = np.cumsum(predicted.lengths) - predicted.lengths
        self.rows, self.places = rows[true.labelled], places[true.labelled]
        self.true = true.labels[true.labelled]
        self.predicted = predicted.labels[starts[self.rows] + self.places]
        self.weight = None if sample_weight is None else sample_weight[self.rows]

    @property
    def right(self) -> np.ndarray:
        """Which predictions are right; never those of unknown labels."""
        pairs = zip(self.true.tolist(), self.predicted.tolist(), strict=True)
        return np.array([true == predicted for true, predicted in pairs])

    def token_accuracy(self) -> float:
        """Compute the share of tokens with the right label."""
        return float(np.average(self.right, weights=self.weight))

    def sequence_accuracy(self) -> float:
        """Compute the share of rows with all labels right."""
        _, first = np.unique(self.rows, return_index=True)
        all_right = np.logical_and.reduceat(self.right, first)
        return float(np.average(all_right, weights=None if self.weight is None else self.weight[first]))

    def entity_metrics(self) -> tuple[float, float, float]:
        """Compute precision, recall and F1 of entities; an unlabelled token is in no entity."""
        _, first = np.unique(self.rows, return_index=True)
        ends = [*first[1:], len(self.rows)]
        true: list[list] = []
        predicted: list[list] = []
        for start, end in zip(first, ends, strict=True):
            places = self.places[start:end]
            for labels, rows in ((self.true, true), (self.predicted, predicted)):
                row = [None] * (int(places[-1]) + 1)
                for place, label in zip(places.tolist(), labels[start:end].tolist(), strict=True):
                    row[place] = label
                rows.append(row)
        weight = None if self.weight is None else self.weight[first]
        return entity_precision_recall_f1(true, predicted, weight)


def _flat(output: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the outputs of all tokens, (n_tokens, K), and the number of tokens of each row."""
    if isinstance(output, RaggedRows):
        return output.values.numpy(), output.lengths.numpy()
    return output.reshape(-1, output.shape[-1]), np.full(len(output), output.shape[1])
