"""Training: steps, the skorch net, callbacks, and the state between epochs."""

from ._auto import batch_size_of
from ._caller import Caller
from ._eligibility import Eligibility
from ._learn import learn, learn_added_task, learn_batch
from ._learn_stream import learn_stream, learn_stream_batch
from ._members import member_of, model_of, settled, structure_key
from ._model import Model
from ._net import MultiTaskNet
from ._portfolio import learn_portfolio, learn_portfolio_batch, learn_portfolio_task
from ._portfolio_model import PortfolioModel, restored
from ._prepare import guess_types
from ._stack import Member
from ._stacked import Removes, Trained, stacking_pays, train_stacked
from ._validation import ValidationData
from .callbacks._callback_list import CallbackList
from .callbacks._pruning import PruningCallback
from .callbacks._sklearn import SklearnCallbacks

__all__ = [
    "CallbackList",
    "Caller",
    "Eligibility",
    "Member",
    "Model",
    "MultiTaskNet",
    "PortfolioModel",
    "PruningCallback",
    "Removes",
    "SklearnCallbacks",
    "Trained",
    "ValidationData",
    "batch_size_of",
    "guess_types",
    "learn",
    "learn_added_task",
    "learn_batch",
    "learn_portfolio",
    "learn_portfolio_batch",
    "learn_portfolio_task",
    "learn_stream",
    "learn_stream_batch",
    "member_of",
    "model_of",
    "restored",
    "settled",
    "stacking_pays",
    "structure_key",
    "train_stacked",
]
