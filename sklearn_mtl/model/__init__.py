"""The blueprint of a fit, and the network, objective and outputs that follow from it."""

from ._blueprint import Blueprint
from ._state import check_arrays, complete_params, current_state, parts_of, stamped

__all__ = ["Blueprint", "check_arrays", "complete_params", "current_state", "parts_of", "stamped"]
