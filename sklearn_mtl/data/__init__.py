"""Encoded rows: tensors of inputs, targets and weights, their batches, and rows to validate on."""

from ._weights import check_sample_weight, check_weights

__all__ = ["check_sample_weight", "check_weights"]
