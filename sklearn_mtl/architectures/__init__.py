"""Architectures: define how tasks share the trunk."""

from ._adatt import AdaTT
from ._base import Architecture, Network, NetworkWrapper
from ._cross_stitch import CrossStitch
from ._cuts import Cut, SharedCut, SplitCut, gramian_of_tensors
from ._grouped import Grouped
from ._hard_sharing import HardSharing
from ._independent import Independent
from ._label_inputs import LABELS, hide_at_random, without_labels
from ._mmoe import MMoE
from ._outputs import Outputs
from ._plain_pass import PlainPass
from ._ple import PLE
from ._shorthand import resolve_architecture
from ._subspaces import SubspaceSharing
from ._task_graph import TaskGraph
from ._with_added_tasks import WithFurtherTasks

__all__ = [
    "LABELS",
    "PLE",
    "AdaTT",
    "Architecture",
    "CrossStitch",
    "Cut",
    "Grouped",
    "HardSharing",
    "Independent",
    "MMoE",
    "Network",
    "NetworkWrapper",
    "Outputs",
    "PlainPass",
    "SharedCut",
    "SplitCut",
    "SubspaceSharing",
    "TaskGraph",
    "WithFurtherTasks",
    "gramian_of_tensors",
    "hide_at_random",
    "resolve_architecture",
    "without_labels",
]
