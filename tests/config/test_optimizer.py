"""Optimisers of torch and parameters of the net: they work, or raise an error of the estimator."""

import inspect

import numpy as np
import pytest
import torch

from sklearn_mtl import MultiTaskNetRegressor

from .._helpers import inputs, net

X = inputs(60)
Y = X[:, 0]
CLASSES = {
    name: kind
    for name, kind in vars(torch.optim).items()
    if inspect.isclass(kind) and issubclass(kind, torch.optim.Optimizer) and kind is not torch.optim.Optimizer
}


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_every_optimiser_trains_or_is_refused_by_name(name, weight_decay):
    estimator = net(optimizer=CLASSES[name], weight_decay=weight_decay, max_epochs=2)
    if name in ("LBFGS", "SparseAdam", "Muon") or (name == "Rprop" and weight_decay):
        with pytest.raises(ValueError, match=f"optimizer={name}"):
            estimator.fit(X, Y)
    else:
        assert np.isfinite(estimator.fit(X, Y).predict(X)).all()
        assert estimator.net_.optimizer_.param_groups[0].get("weight_decay", 0.0) == weight_decay


def test_what_an_optimiser_without_weight_decay_needs_is_said():
    message = "weight_decay=0.01, but optimizer=Rprop has no weight decay; set weight_decay=0"
    with pytest.raises(ValueError, match=message):
        MultiTaskNetRegressor(optimizer=torch.optim.Rprop).fit(X, Y)


class OwnSGD(torch.optim.SGD):
    """An optimiser of the user."""

    def __init__(self, params, lr):
        super().__init__(params, lr=lr)


def test_an_optimiser_of_the_user():
    own, ours = (net(optimizer=o, weight_decay=0.0, learning_rate=0.1) for o in (OwnSGD, "sgd"))
    np.testing.assert_array_equal(own.fit(X, Y).predict(X), ours.fit(X, Y).predict(X))


def fails(**net_params):
    with pytest.raises(ValueError, match="net_params") as found:
        net(net_params=net_params).fit(X, Y)
    return str(found.value)


@pytest.mark.parametrize(
    "name",
    [
        "iterator_train__sampler", "iterator_train__drop_last", "iterator_valid__batch_size", "dataset__nonsense",
        "module__hidden", "criterion__reduction", "predict_nonlinearity", "compile", "use_caching",
        "optimiser__betas", "train_split", "max_epochs", "batch_size", "device", "nonsense",
    ],
)  # fmt: skip
def test_what_has_no_effect_is_refused(name):
    assert f"net_params sets ['{name}'], which has no effect here" in fails(**{name: 1})


@pytest.mark.parametrize(
    ("name", "parameter"), [("optimizer__lr", "learning_rate"), ("optimizer__weight_decay", "weight_decay")]
)
def test_what_the_estimator_sets_is_refused(name, parameter):
    assert fails(**{name: 1.0}) == (
        f"net_params sets {name!r}, which the parameter {parameter} of the estimator sets."
    )


def test_what_the_optimiser_does_not_know_is_refused():
    assert fails(optimizer__momentum=0.9) == "net_params sets ['optimizer__momentum'], which AdamW does not take."
    assert "['callbacks__nothing__x'], but the callbacks are" in fails(callbacks__nothing__x=1)
    assert "colour" in fails(callbacks__print_log__colour=1)


def test_groups_of_parameters_have_rates_of_their_own():
    groups = [("*heads*", {"lr": 0.0})]
    estimator = net(net_params={"optimizer__param_groups": groups}, optimizer="sgd", weight_decay=0.0).fit(X, Y)
    assert 0.0 in [group["lr"] for group in estimator.net_.optimizer_.param_groups]
