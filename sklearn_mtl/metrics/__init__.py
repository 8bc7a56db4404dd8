"""Metrics of several tasks at once, of entities in tags, and of bounding boxes."""

from ._boxes import box_iou
from ._choice import Metric as Metric
from ._multitask_scorer import MultiTaskScorer as MultiTaskScorer
from ._multitask_scorer import make_multitask_scorer
from ._scorer import multitask_scorer, weighted_mean
from ._scorer import task_scores as task_scores
from ._spans import EntitySpan, entity_f1_score, entity_precision_recall_f1, entity_spans

__all__ = [
    "EntitySpan",
    "box_iou",
    "entity_f1_score",
    "entity_precision_recall_f1",
    "entity_spans",
    "make_multitask_scorer",
    "multitask_scorer",
    "weighted_mean",
]
