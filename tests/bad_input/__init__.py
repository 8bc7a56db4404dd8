"""Cases of bad input, as plain data.

Each entry has a description, the code that makes the mistake, and the expected error. test_bad_input.py runs every
case, and the user guide lists them with their messages.
"""

from .accepted import WARNED
from .images import IMAGE_ROWS, INPUT_ROWS, POSITION_ROWS
from .parameters import DEVICE_ROWS, PARAMETER_ROWS, TASK_WEIGHT_ROWS
from .rows import FRAME_ROWS, X_ROWS
from .sequences import SEQUENCE_ROWS, TAG_ROWS
from .targets import PREDICT_ROWS, SAMPLE_WEIGHT_ROWS, Y_ROWS
from .training import ARCHITECTURE_ROWS, TRAINING_ROWS

SECTIONS = {
    "X": X_ROWS,
    "Frames": FRAME_ROWS,
    "y": Y_ROWS,
    "predict, score and partial_fit": PREDICT_ROWS,
    "sample_weight": SAMPLE_WEIGHT_ROWS,
    "task_weights, score_weights and tasks": TASK_WEIGHT_ROWS,
    "Parameters": PARAMETER_ROWS,
    "device": DEVICE_ROWS,
    "Architectures, penalties and samplings": ARCHITECTURE_ROWS,
    "Training": TRAINING_ROWS,
    "Sequences": SEQUENCE_ROWS,
    "Tags": TAG_ROWS,
    "Images and videos": IMAGE_ROWS,
    "Boxes and labels of pixels": POSITION_ROWS,
    "Several inputs, and modules of one's own": INPUT_ROWS,
}
BAD_INPUT = [mistake for mistakes in SECTIONS.values() for mistake in mistakes]
__all__ = ["BAD_INPUT", "SECTIONS", "WARNED"]
