"""Which fits of a search, and which members of one fit, can be stacked."""

import pytest
import torch
from skorch.callbacks import EpochTimer

from sklearn_mtl import Optimizer
from sklearn_mtl.training import Eligibility

from .._helpers import net

#: parameters, and whether fits of a search, and members of one fit, can be stacked
CASES = {
    "defaults": ({}, True, True),
    "sgd": ({"optimizer": "sgd"}, True, True),
    "losses are weighed": ({"weighting": "uncertainty"}, True, True),
    "callbacks": ({"callbacks": [EpochTimer()]}, False, True),
    "a checkpoint": ({"checkpoint": "never"}, False, True),
    "parameters of the optimizer": ({"net_params": {"optimizer__betas": (0.5, 0.9)}}, False, True),
    "tasks stop": ({"early_stopping": "per_task"}, False, True),
    "mixed precision": ({"optimizer": Optimizer(mixed_precision=True)}, False, True),
    "an ensemble": ({"n_members": 2}, False, True),
    "another optimizer": ({"optimizer": torch.optim.RMSprop}, False, False),
    "one task a step": ({"task_sampling": "round_robin"}, False, False),
    "gradients are compared": ({"weighting": "mgda"}, False, False),
}


@pytest.mark.parametrize(("params", "search", "one_fit"), CASES.values(), ids=CASES)
def test_eligibility_of_a_config(params, search, one_fit):
    config = net(**params)._config()
    for expected, of_one_fit in ((search, False), (one_fit, True)):
        eligibility = Eligibility.of_config(config, one_fit=of_one_fit)
        assert eligibility.can_be_stacked == expected
        assert (eligibility.reason is None) == expected
