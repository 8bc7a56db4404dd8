"""Synthetic data sets for examples and tests."""

from ._digit_strings import make_digit_strings

__all__ = ["make_digit_strings"]
