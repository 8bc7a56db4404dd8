import pytest
import torch
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_mtl import sampling as samplings
from sklearn_mtl.sampling import (
    AllTasks,
    LossDriven,
    ProportionalSampling,
    RoundRobin,
    TaskSampling,
    TemperatureSampling,
    resolve_task_sampling,
)
from sklearn_mtl.testing import TaskSamplingConformance
from sklearn_mtl.testing._task_sampling import plan_of

from .._helpers import inputs, net

CASES = {
    "proportional": ProportionalSampling(),
    "temperature": TemperatureSampling(),
    "round_robin": RoundRobin(),
    "loss_driven": LossDriven(),
}
SHORTHANDS = CASES | {"all": AllTasks()}


class TestExportedSamplings(TaskSamplingConformance):
    def cases(self):
        return CASES


def test_every_exported_sampling_is_held_to_the_contract():
    exported = {getattr(samplings, name) for name in samplings.__all__}
    types = {item for item in exported if isinstance(item, type) and issubclass(item, TaskSampling)}
    # what trains all tasks in every step has no plan
    assert types - {TaskSampling, AllTasks} == {type(sampling) for sampling in CASES.values()}
    assert [sampling.trains_all for sampling in CASES.values()] == [False] * len(CASES)


def test_all_tasks_have_no_plan():
    assert AllTasks().trains_all
    with pytest.raises(TypeError, match="every step trains all tasks"):
        plan_of(AllTasks(), (1, 2))


@pytest.mark.parametrize("shorthand", SHORTHANDS)
def test_shorthand_is_the_sampling_with_its_defaults(shorthand):
    resolved = resolve_task_sampling(shorthand)
    assert type(resolved) is type(SHORTHANDS[shorthand])
    assert resolved.get_params() == type(resolved)().get_params()


def test_a_shorthand_has_parameters_to_set():
    estimator = net(task_sampling="temperature").set_params(task_sampling__temperature=5.0)
    assert estimator.task_sampling.temperature == 5.0


@pytest.mark.parametrize("given", ["uniform", None, RoundRobin], ids=str)
def test_anything_else_is_refused_with_what_there_is(given):
    with pytest.raises(ValueError, match=r"task_sampling=.* should be a TaskSampling or one of \['all', "):
        resolve_task_sampling(given)


@pytest.mark.parametrize(
    "sampling",
    [TemperatureSampling(0.0), TemperatureSampling("hot"), LossDriven(-1.0), LossDriven(None)],
    ids=repr,
)
def test_wrong_hyperparameters_are_refused_by_fit(sampling):
    with pytest.raises(InvalidParameterError, match="The 'temperature' parameter of"):
        net(task_sampling=sampling).fit(inputs(), inputs()[:, :2])


# -- what they plan


def shares(sampling, sizes, progress=None, n_steps=40000):
    return torch.bincount(plan_of(sampling, sizes, progress, n_steps), minlength=len(sizes)) / n_steps


def assert_shares(found, expected):
    expected = torch.tensor(expected, dtype=torch.float64)
    torch.testing.assert_close(found.double(), expected / expected.sum(), rtol=0, atol=0.01)


def test_proportional_shares():
    assert_shares(shares(ProportionalSampling(), (600, 300, 100)), [6, 3, 1])


@pytest.mark.parametrize(
    ("temperature", "expected"),
    [(1.0, [6, 3, 1]), (2.0, [6**0.5, 3**0.5, 1]), (1e6, [1, 1, 1]), (0.5, [36, 9, 1])],
    ids=str,
)
def test_shares_at_a_temperature(temperature, expected):
    assert_shares(shares(TemperatureSampling(temperature), (600, 300, 100)), expected)


def test_temperature_one_draws_what_proportional_draws():
    sizes = (600, 300, 0, 100)
    assert torch.equal(plan_of(TemperatureSampling(1.0), sizes), plan_of(ProportionalSampling(), sizes))


def test_turns_go_round():
    assert plan_of(RoundRobin(), (5, 0, 900, 1), n_steps=7).tolist() == [0, 2, 3, 0, 2, 3, 0]


@pytest.mark.parametrize(("temperature", "power"), [(1.0, 1), (0.5, 2), (2.0, 0.5)], ids=str)
def test_tasks_that_learn_slowly_are_drawn_more_often(temperature, power):
    progress = [0.8, 0.4, 0.1]
    expected = [value**power for value in progress]
    assert_shares(shares(LossDriven(temperature), (10, 500, 90), progress), expected)


def test_before_losses_are_known_the_draws_are_even():
    assert_shares(shares(LossDriven(), (10, 500, 90)), [1, 1, 1])
