"""Trunks: compute a shared representation from one kind of input."""

from ._auto import allows_nan, resolve_trunk
from ._base import Representation, SparseRows, Staged, Trunk
from ._conv_net import ConvNet
from ._input_rows import InputRows, rows_of
from ._mlp import MLP
from ._module_trunk import ModuleTrunk
from ._multi_input import MultiInput
from ._sequence_encoder import SequenceEncoder
from ._stem_output import StemOutput, StemOutputs
from ._video_encoder import VideoEncoder

__all__ = [
    "MLP",
    "ConvNet",
    "InputRows",
    "ModuleTrunk",
    "MultiInput",
    "Representation",
    "SequenceEncoder",
    "SparseRows",
    "Staged",
    "StemOutput",
    "StemOutputs",
    "Trunk",
    "VideoEncoder",
    "allows_nan",
    "resolve_trunk",
    "rows_of",
]
