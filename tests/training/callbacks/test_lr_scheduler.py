"""skorch's LRScheduler, the schedules of the estimator, and continued training."""

import pickle

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, LRScheduler, WarmRestartLR
from torch.optim import lr_scheduler

from tests._helpers import inputs, net

X = inputs(64)
Y = X[:, 0]
RATE, EPOCHS, BATCHES = 0.1, 4, 2


def halved(step):
    return 0.5**step


def by_half(step):
    return 0.5


POLICIES = {
    "StepLR": {"step_size": 2, "gamma": 0.5},
    "MultiStepLR": {"milestones": [1, 3]},
    "ExponentialLR": {"gamma": 0.5},
    "CosineAnnealingLR": {"T_max": 6},
    "CosineAnnealingWarmRestarts": {"T_0": 3},
    "CyclicLR": {"base_lr": 0.01, "max_lr": 0.1, "step_size_up": 3},
    "OneCycleLR": {"max_lr": 0.2, "total_steps": 20},
    "LambdaLR": {"lr_lambda": halved},
    "MultiplicativeLR": {"lr_lambda": by_half},
    "ConstantLR": {"total_iters": 3},
    "LinearLR": {"total_iters": 5},
    "PolynomialLR": {"total_iters": 9},
    "WarmRestartLR": {"base_period": 3},
}


class Rates(Callback):
    """Keeps the learning rate of each step."""

    def __init__(self):
        self.kept_ = []

    def on_batch_begin(self, net, training=False, **kwargs):
        if training:
            self.kept_.append(net.optimizer_.param_groups[0]["lr"])


def small(policy, rates, step_every="epoch", **params):
    scheduler = LRScheduler(policy, step_every=step_every, **POLICIES.get(policy, {}))
    settings = {"learning_rate": RATE, "batch_size": 32, "max_epochs": EPOCHS, "schedule": "auto"}
    return net(**{**settings, "callbacks": [scheduler, rates], **params})


def expected(policy, step_every):
    """Step torch's scheduler alone."""
    optimizer = torch.optim.AdamW([torch.ones(1, requires_grad=True)], lr=RATE)
    made = getattr(lr_scheduler, policy, WarmRestartLR)(optimizer, **POLICIES[policy])
    rates = []
    for step in range(EPOCHS * BATCHES):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step_every == "batch" or step % BATCHES == BATCHES - 1:
            made.step()
    return rates


def in_one_fit(make):
    make().fit(X, Y)


def by_warm_start(make):
    make(warm_start=True, max_epochs=EPOCHS // 2).fit(X, Y).fit(X, Y)


def by_partial_fit(make):
    estimator = make()
    for _ in range(EPOCHS):
        estimator.partial_fit(X, Y)


@pytest.mark.parametrize("way", [in_one_fit, by_warm_start, by_partial_fit])
@pytest.mark.parametrize("step_every", ["epoch", "batch"])
@pytest.mark.parametrize("policy", POLICIES)
def test_steps_are_made_at_the_rates_of_torch(policy, step_every, way):
    rates = Rates()
    way(lambda **params: small(policy, rates, step_every, **params))
    np.testing.assert_allclose(rates.kept_, expected(policy, step_every), rtol=1e-6)


def test_every_scheduler_of_torch_that_a_name_can_make_is_tested():
    takes_others = {"SequentialLR", "ChainedScheduler", "LRScheduler", "ReduceLROnPlateau"}
    assert set(lr_scheduler.__all__) - takes_others <= set(POLICIES)


@pytest.mark.parametrize("step_every", ["epoch", "batch"])
@pytest.mark.parametrize("way", [in_one_fit, by_warm_start, by_partial_fit])
def test_plateau_is_seen_across_fits(step_every, way):
    rates = Rates()
    scheduler = LRScheduler(
        "ReduceLROnPlateau", step_every=step_every, patience=0, threshold=1e9, threshold_mode="abs"
    )
    way(lambda **params: small("StepLR", rates, **{**params, "callbacks": [scheduler, rates]}))
    per_step = 1 if step_every == "batch" else BATCHES
    # the first value is the best, and each after it is no improvement
    steps = np.maximum(np.arange(EPOCHS * BATCHES) // per_step - 1, 0)
    np.testing.assert_allclose(rates.kept_, np.maximum(RATE * 0.1**steps, 1e-8), rtol=1e-6)


def test_a_loaded_model_goes_on_with_the_schedule():
    estimator = small("StepLR", Rates(), "batch", warm_start=True, max_epochs=1).fit(X, Y)
    loaded = pickle.loads(pickle.dumps(estimator))
    rates = loaded.callbacks[1]
    rates.kept_.clear()
    loaded.fit(X, Y)
    np.testing.assert_allclose(rates.kept_, expected("StepLR", "batch")[BATCHES : 2 * BATCHES])


def test_resumed_fit_goes_on_with_the_schedule(tmp_path):
    class Dies(Callback):
        def on_epoch_end(self, net, **kwargs):
            if len(net.history) == 3:
                raise RuntimeError("power cut")

    rates = Rates()
    estimator = small("ExponentialLR", rates, checkpoint=tmp_path)
    with pytest.raises(RuntimeError, match="power cut"):
        estimator.set_params(callbacks=[*estimator.callbacks, Dies()]).fit(X, Y)
    rates.kept_.clear()
    with pytest.warns(UserWarning, match="the state of callbacks"):
        estimator.set_params(callbacks=estimator.callbacks[:2]).fit(X, Y, resume=True)
    np.testing.assert_allclose(rates.kept_, expected("ExponentialLR", "epoch")[2 * BATCHES :])
    whole = small("ExponentialLR", Rates()).fit(X, Y)
    np.testing.assert_array_equal(estimator.predict(X), whole.predict(X))


def test_a_new_task_begins_the_schedule_anew():
    rates = Rates()
    estimator = small("StepLR", rates).fit(X, Y)
    rates.kept_.clear()
    estimator.add_task("more", X, Y)
    np.testing.assert_allclose(rates.kept_, expected("StepLR", "epoch"))


# -- the schedules of the estimator


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle"])
def test_two_schedules_are_refused(schedule):
    with pytest.raises(ValueError, match=f"the schedule '{schedule}', and callbacks has an LRScheduler"):
        small("StepLR", Rates(), schedule=schedule).fit(X, Y)


class Sets(Callback):
    """Sets the learning rate, without being a scheduler."""

    def on_epoch_end(self, net, **kwargs):
        for group in net.optimizer_.param_groups:
            group["lr"] = 0.01


def test_auto_leaves_the_rate_to_a_callback_that_sets_it():
    rates = Rates()
    small("StepLR", rates, callbacks=[Sets(), rates]).fit(X, Y)
    assert rates.kept_[BATCHES + 1 :] == [0.01] * (len(rates.kept_) - BATCHES - 1)


def test_other_schedules_refuse_a_callback_that_sets_the_rate():
    with pytest.raises(ValueError, match="a callback has set the learning rate, and the schedule 'cosine'"):
        small("StepLR", Rates(), callbacks=[Sets()], schedule="cosine").fit(X, Y)


# -- errors of what cannot be made


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (LRScheduler("NopeLR"), r"policy='NopeLR'\) should name a class of torch"),
        (LRScheduler("StepLR"), "policy StepLR and {} failed: .*step_size"),
        (LRScheduler("OneCycleLR", max_lr=1.0, total_steps=2), "policy OneCycleLR .* failed: .*3 times"),
        (LRScheduler("SequentialLR"), "policy SequentialLR and {} failed"),
        (
            LRScheduler("ReduceLROnPlateau", monitor="valid_loss"),
            "watches 'valid_loss', but no validation rows",
        ),
    ],
)
def test_scheduler_that_cannot_be_made_is_refused(callback, message):
    with pytest.raises(ValueError, match=message):
        small("StepLR", Rates(), callbacks=[callback]).fit(X, Y)
