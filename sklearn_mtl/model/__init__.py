"""What a fit decides before it trains, the network that is built from it, its objective and its outputs."""

from ._blueprint import Blueprint
from ._state import check_arrays, complete_params, current_state, stamped

__all__ = ["Blueprint", "check_arrays", "complete_params", "current_state", "stamped"]
