"""Encoded rows: tensors of inputs, targets and weights, their batches, and rows to validate on."""

from ._hold_out_groups import check_groups, number_groups
from ._weights import check_sample_weight, check_score_weights, check_weights

__all__ = ["check_groups", "check_sample_weight", "check_score_weights", "check_weights", "number_groups"]
