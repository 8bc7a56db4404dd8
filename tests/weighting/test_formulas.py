"""Weightings of losses compared with autograd and the formulas of their papers."""

import numpy as np
import pytest
import torch

from sklearn_mtl.nn._layers import set_draws
from sklearn_mtl.tasks import Classification, Regression
from sklearn_mtl.weighting import (
    FAMO,
    STCH,
    DynamicWeightAverage,
    GeometricMean,
    GradNorm,
    RandomWeighting,
    StepRecord,
    Uncertainty,
    Weighting,
    WeightingModule,
)
from sklearn_mtl.weighting._adam import TaskAdam

TASKS = {"a": Regression(), "b": Classification(), "c": Regression()}
T = len(TASKS)
ALL = torch.ones(T, dtype=torch.bool)


def module_of(weighting):
    return weighting.build(TASKS).double()


def losses_of_steps(n_steps, seed=0):
    """Positive losses (n_steps, T) of different sizes that fall."""
    rng = np.random.default_rng(seed)
    sizes = np.array([0.01, 1.0, 30.0]) * np.exp(-0.05 * np.arange(n_steps))[:, None]
    return torch.from_numpy(sizes * rng.uniform(0.7, 1.3, size=(n_steps, T)))


def presence_of_steps(n_steps, seed=0):
    """Return which tasks have a label in each step; at least one has."""
    present = np.random.default_rng(seed).random((n_steps, T)) < 0.6
    present[:, 1] |= ~present.any(axis=1)
    return torch.from_numpy(present)


def assert_close(one, other, tol=1e-10):
    torch.testing.assert_close(torch.as_tensor(one), torch.as_tensor(other), rtol=tol, atol=tol)


# -- Adam


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_adam_of_tasks_is_that_of_torch(weight_decay):
    adam = TaskAdam(T, 0.05, weight_decay).double()
    ours = torch.tensor([1.0, -2.0, 0.3], dtype=torch.float64)
    theirs = ours.clone().requires_grad_()
    optimizer = torch.optim.Adam([theirs], lr=0.05, weight_decay=weight_decay)
    for gradient in torch.randn(20, T, dtype=torch.float64, generator=torch.Generator().manual_seed(0)):
        adam.step(ours, gradient, ALL)
        theirs.grad = gradient.clone()
        optimizer.step()
    assert_close(ours, theirs.detach())


def test_adam_leaves_an_absent_task_and_counts_its_own_steps():
    n_steps = 20
    gradients = torch.randn(n_steps, T, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    present = presence_of_steps(n_steps)
    together, values = TaskAdam(T, 0.05).double(), torch.zeros(T, dtype=torch.float64)
    for gradient, there in zip(gradients, present, strict=True):
        together.step(values, gradient, there)
    for task in range(T):
        alone, value = TaskAdam(1, 0.05).double(), torch.zeros(1, dtype=torch.float64)
        for gradient in gradients[present[:, task], task]:
            alone.step(value, gradient[None], torch.tensor([True]))
        assert_close(values[task], value[0])
    torch.testing.assert_close(together.decay1, 0.9 ** present.sum(dim=0).double())


def test_adam_of_members_beside_each_other():
    gradients = torch.randn(10, 2, T, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    both, values = TaskAdam(T, 0.05).double(), torch.zeros(2, T, dtype=torch.float64)
    for name in ("first", "second", "decay1", "decay2"):
        setattr(both, name, getattr(both, name).expand(2, T).clone())
    for gradient in gradients:
        both.step(values, gradient, ALL.expand(2, T))
    for member in range(2):
        one, value = TaskAdam(T, 0.05).double(), torch.zeros(T, dtype=torch.float64)
        for gradient in gradients[:, member]:
            one.step(value, gradient, ALL)
        assert_close(values[member], value)


# -- uncertainty


def kendall(losses, s):
    """Objective of Kendall et al. with s the logarithm of the variance."""
    factors = torch.tensor([0.5, 1.0, 0.5], dtype=losses.dtype)
    return (factors * torch.exp(-s) * losses + s / 2).sum()


def test_uncertainty_descends_the_formula_of_kendall():
    module = module_of(Uncertainty(learning_rate=0.1))
    s = torch.zeros(T, dtype=torch.float64, requires_grad=True)
    adam = torch.optim.Adam([s], lr=0.1)
    for losses in losses_of_steps(30):
        attached = losses.clone().requires_grad_()
        kendall(attached, s).backward()
        assert_close(module(losses, ALL, None), attached.grad)
        module.after_step(StepRecord(losses, ALL))
        adam.step()
        adam.zero_grad()
        assert_close(module.log_variance, s.detach())


def test_uncertainty_comes_to_rest_at_the_noise_which_may_be_tiny():
    module = module_of(Uncertainty(learning_rate=0.05))
    losses = torch.tensor([1e-3, 0.2, 40.0], dtype=torch.float64)
    for _ in range(600):
        module.after_step(StepRecord(losses, ALL))
    expected = torch.log(torch.tensor([1.0, 2.0, 1.0], dtype=torch.float64) * losses)
    assert_close(module.log_variance, expected, 0.02)
    assert module.log_variance[0] < -6
    # half of the weighted loss is what the noise explains, whatever its size
    assert_close(module(losses, ALL, None) * losses, torch.full((T,), 0.5, dtype=torch.float64), 0.03)


def test_uncertainty_of_an_absent_task_stays():
    module = module_of(Uncertainty(learning_rate=0.1))
    module.after_step(StepRecord(torch.tensor([5.0, 0.0, 5.0]).double(), torch.tensor([True, False, True])))
    assert module.log_variance[1] == 0
    assert (module.log_variance[[0, 2]] > 0).all()


# -- FAMO


def test_famo_is_the_algorithm_of_its_paper():
    n_steps = 40
    before, after = losses_of_steps(n_steps), losses_of_steps(n_steps, seed=1)
    module = module_of(FAMO(learning_rate=0.1, weight_decay=0.05))
    logits = torch.zeros(T, dtype=torch.float64, requires_grad=True)
    adam = torch.optim.Adam([logits], lr=0.1, weight_decay=0.05)
    for losses, later in zip(before, after, strict=True):
        attached = losses.clone().requires_grad_()
        z = torch.softmax(logits, dim=0).detach()
        c = 1 / (z / losses).sum()
        (T * c * (z * attached.log()).sum()).backward()
        weights = module(losses, ALL, None)
        assert_close(weights, attached.grad)
        assert_close(weights.sum(), torch.tensor(float(T), dtype=torch.float64))
        module.after_step(StepRecord(losses, ALL, losses_after=later))
        fall = losses.log() - later.log()
        logits.grad = torch.autograd.grad(torch.softmax(logits, dim=0), logits, grad_outputs=fall)[0]
        adam.step()
        assert_close(module.logits, logits.detach())


def test_famo_helps_the_task_that_falls_least():
    module = module_of(FAMO())
    losses = torch.tensor([1.0, 1.0, 1.0], dtype=torch.float64)
    for _ in range(50):
        module.after_step(StepRecord(losses, ALL, losses_after=losses * torch.tensor([0.5, 0.9, 1.0])))
    weights = module(losses, ALL, None)
    assert weights[0] < weights[1] < weights[2]


def test_famo_is_about_the_tasks_that_are_there():
    module = module_of(FAMO(learning_rate=0.1))
    losses, there = torch.tensor([2.0, 0.0, 0.5], dtype=torch.float64), torch.tensor([True, False, True])
    alone = FAMO(learning_rate=0.1).build({"a": None, "c": None}).double()
    for _ in range(5):
        assert_close(module(losses, there, None)[there], alone(losses[there], ALL[:2], None))
        assert module(losses, there, None)[1] == 0
        module.after_step(StepRecord(losses, there, losses_after=0.9 * losses**2))
        alone.after_step(StepRecord(losses[there], ALL[:2], losses_after=0.9 * losses[there] ** 2))


# -- dynamic weight average


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_dynamic_weight_average_over_a_series_of_losses(temperature):
    module = module_of(DynamicWeightAverage(temperature))
    series = losses_of_steps(6)
    for epoch, losses in enumerate(series):
        expected = np.ones(T)
        if epoch >= 2:
            powers = np.exp((series[epoch - 1] / series[epoch - 2]).numpy() / temperature)
            expected = T * powers / powers.sum()
        assert_close(module(losses, ALL, None), torch.from_numpy(expected))
        module.after_epoch(losses)


def test_dynamic_weight_average_passes_over_epochs_without_a_label():
    module = module_of(DynamicWeightAverage())
    nan = np.nan
    for losses in [[4.0, nan, 1.0], [2.0, 3.0, 1.0], [1.0, nan, nan], [nan, 1.5, 0.25]]:
        module.after_epoch(torch.tensor(losses, dtype=torch.float64))
    assert module.ratio.tolist() == [0.5, 0.5, 0.25]


# -- losses as they are


@pytest.mark.parametrize("mu", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("ideal", [0.0, 0.3])
def test_stch_descends_a_smooth_maximum(mu, ideal):
    losses = torch.tensor([0.4, 1.2, 0.9], dtype=torch.float64, requires_grad=True)
    (T * mu * torch.logsumexp((losses - ideal) / mu, dim=0)).backward()
    assert_close(module_of(STCH(mu, ideal))(losses.detach(), ALL, None), losses.grad)


def test_stch_of_small_mu_is_the_worst_task():
    losses = torch.tensor([0.4, 1.2, 0.9], dtype=torch.float64)
    assert module_of(STCH(1e-4))(losses, ALL, None).tolist() == [0, T, 0]


@pytest.mark.parametrize("seed", range(3))
def test_geometric_mean_descends_logarithms(seed):
    losses = losses_of_steps(1, seed)[0].requires_grad_()
    losses.log().sum().backward()
    assert_close(module_of(GeometricMean())(losses.detach(), ALL, None), losses.grad)


def test_a_loss_of_zero_leaves_finite_weights():
    losses = torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64)
    for weighting in (GeometricMean(), FAMO(), STCH(), Uncertainty()):
        assert torch.isfinite(module_of(weighting)(losses, ALL, None)).all()


@pytest.mark.parametrize(
    "weighting", [STCH(), RandomWeighting(), FAMO()], ids=["stch", "random_weighting", "famo"]
)
@pytest.mark.parametrize("present", [[1, 1, 1], [1, 0, 1], [0, 1, 0], [0, 0, 0]], ids=str)
def test_weights_sum_to_the_number_of_tasks_that_are_there(weighting, present):
    module = module_of(weighting)
    set_draws(module, torch.Generator().manual_seed(0))
    there = torch.tensor(present, dtype=torch.bool)
    weights = module(losses_of_steps(1)[0] * there, there, None)
    assert_close(weights.sum(), torch.tensor(float(sum(present)), dtype=torch.float64))
    assert not weights[~there].any()


# -- random weights


def draw_weights(seed, n_steps):
    module = module_of(RandomWeighting())
    set_draws(module, torch.Generator().manual_seed(seed))
    losses = torch.ones(T, dtype=torch.float64)
    return torch.stack([module(losses, ALL, None) for _ in range(n_steps)])


def test_random_weights_are_those_of_their_seed_and_new_in_each_step():
    state = torch.get_rng_state()
    one = draw_weights(0, 5)
    assert torch.equal(one, draw_weights(0, 5))
    assert not torch.equal(one, draw_weights(1, 5))
    assert len(one.unique(dim=0)) == 5
    assert torch.equal(torch.get_rng_state(), state)


def test_random_weights_are_a_softmax_of_normal_numbers():
    weights = draw_weights(0, 20000)
    # the logarithm of a ratio of weights is a difference of two standard normal numbers
    ratio = (weights[:, 0] / weights[:, 1]).log()
    assert abs(ratio.mean()) < 0.03
    assert ratio.std().item() == pytest.approx(np.sqrt(2), rel=0.02)
    assert_close(weights.mean(dim=0), torch.ones(T, dtype=torch.float64), 0.02)


# -- GradNorm


def train_grad_norm(norms, losses, first=None, n_steps=2000, alpha=1.5):
    module = module_of(GradNorm(alpha=alpha, learning_rate=0.002))
    gramian = torch.diag(norms**2)
    if first is not None:
        module.after_step(StepRecord(first, ALL, torch.zeros_like(gramian)))
    for _ in range(n_steps):
        module.after_step(StepRecord(losses, ALL, gramian))
        assert_close(module.weights.sum(), torch.tensor(float(T), dtype=torch.float64))
    return module(losses, ALL, gramian)


def test_grad_norm_makes_gradients_equally_long():
    norms = torch.tensor([0.5, 1.0, 4.0], dtype=torch.float64)
    weights = train_grad_norm(norms, torch.ones(T, dtype=torch.float64))
    assert_close(weights, T / norms / (1 / norms).sum(), 0.03)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.5])
def test_grad_norm_makes_gradients_of_slow_tasks_longer(alpha):
    norms = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
    first, now = torch.tensor([[2.0, 4.0, 1.0], [1.0, 3.0, 0.9]], dtype=torch.float64)
    rate = now / first / (now / first).mean()
    weights = train_grad_norm(norms, now, first, alpha=alpha)
    lengths = weights * norms
    assert_close(lengths / lengths.mean(), rate**alpha / (rate**alpha).mean(), 0.05)


def test_a_step_of_grad_norm_is_that_of_autograd():
    module = module_of(GradNorm(alpha=0.7, learning_rate=0.01))
    w = torch.ones(T, dtype=torch.float64, requires_grad=True)
    series = losses_of_steps(10)
    generator = torch.Generator().manual_seed(0)
    for losses in series:
        J = torch.randn(T, 5, dtype=torch.float64, generator=generator)
        lengths = w * J.norm(dim=1)
        progress = losses / series[0]
        target = (lengths.mean() * (progress / progress.mean()) ** 0.7).detach()
        (gradient,) = torch.autograd.grad((lengths - target).abs().sum(), w)
        with torch.no_grad():
            w -= 0.01 * gradient
            w *= T / w.sum()
        module.after_step(StepRecord(losses, ALL, J @ J.T))
        assert_close(module.weights, w.detach())


def test_grad_norm_leaves_an_absent_task_out():
    module = module_of(GradNorm(learning_rate=0.01))
    there = torch.tensor([True, False, True])
    norms = torch.tensor([3.0, 100.0, 1.0], dtype=torch.float64)
    module.after_step(StepRecord(torch.tensor([1.0, 0.0, 1.0]).double(), there, torch.diag(norms**2)))
    assert torch.isnan(module.first_losses).tolist() == [False, True, False]
    assert module.weights[0] < module.weights[1] < module.weights[2]
    assert module(torch.ones(T).double(), there, None)[1] == 0


# -- a weighting of one's own


class _Coin(WeightingModule):
    def forward(self, losses, present, gramian):
        return torch.ones_like(losses) if self.draws is None else self.draws.kept(losses, 0.5)


class _CoinWeighting(Weighting):
    def build(self, tasks):
        return _Coin()


def test_a_module_of_ones_own_gets_random_numbers():
    module = module_of(_CoinWeighting())
    losses = torch.ones(1000, dtype=torch.float64)
    assert module(losses, losses > 0, None).sum() == 1000
    set_draws(module, torch.Generator().manual_seed(0))
    assert 400 < module(losses, losses > 0, None).sum() < 600
