"""Everything that can be wrong with what is passed in, as plain data.

Each entry says what is wrong, how it happens, and which error says so. test_bad_input.py makes every mistake, and
the user guide lists them with the messages that are raised.
"""

from .parameters import DEVICE_ROWS, PARAMETER_ROWS, TASK_WEIGHT_ROWS
from .rows import FRAME_ROWS, X_ROWS
from .targets import PREDICT_ROWS, SAMPLE_WEIGHT_ROWS, Y_ROWS

SECTIONS = {
    "X": X_ROWS,
    "Frames": FRAME_ROWS,
    "y": Y_ROWS,
    "predict, score and partial_fit": PREDICT_ROWS,
    "sample_weight": SAMPLE_WEIGHT_ROWS,
    "task_weights, score_weights and tasks": TASK_WEIGHT_ROWS,
    "Parameters": PARAMETER_ROWS,
    "device": DEVICE_ROWS,
}
BAD_INPUT = [mistake for mistakes in SECTIONS.values() for mistake in mistakes]
