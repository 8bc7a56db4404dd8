"""Metrics of several tasks at once, of entities in tags, of boxes, of censored times and of distributions."""

from ._boxes import box_iou
from ._choice import Metric as Metric
from ._multitask_scorer import MultiTaskScorer as MultiTaskScorer
from ._multitask_scorer import make_multitask_scorer
from ._probabilistic import crps, interval_coverage, interval_width, log_score, pinball_loss
from ._scorer import multitask_scorer, weighted_mean
from ._scorer import task_scores as task_scores
from ._spans import EntitySpan, entity_f1_score, entity_precision_recall_f1, entity_spans
from ._survival import concordance_index, integrated_brier_score

__all__ = [
    "EntitySpan",
    "box_iou",
    "concordance_index",
    "crps",
    "entity_f1_score",
    "entity_precision_recall_f1",
    "entity_spans",
    "integrated_brier_score",
    "interval_coverage",
    "interval_width",
    "log_score",
    "make_multitask_scorer",
    "multitask_scorer",
    "pinball_loss",
    "weighted_mean",
]
