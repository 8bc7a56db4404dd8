import numpy as np
import pytest
import torch
from scipy.special import expit, softmax

from sklearn_mtl.tasks import Classification
from sklearn_mtl.tasks._focal import binary_focal_loss, focal_loss

GAMMAS = [0.0, 0.5, 1.0, 2.0, 5.0]


def logits(*shape, seed=0, scale=1.0):
    return torch.from_numpy(np.random.default_rng(seed).normal(scale=scale, size=shape))


def loss(task, output, y):
    target = torch.from_numpy(task.encode(y).target)
    return task.elementwise_loss(output, target)


@pytest.mark.parametrize("gamma", GAMMAS)
def test_loss_is_the_formula_of_the_paper(gamma):
    output, target = logits(6, 4), np.array([0, 1, 2, 3, 0, 2])
    p = softmax(output.numpy(), axis=1)[np.arange(6), target]
    result = focal_loss(output, torch.from_numpy(target), gamma)
    np.testing.assert_allclose(result[:, 0], -((1 - p) ** gamma) * np.log(p))


@pytest.mark.parametrize("gamma", GAMMAS)
def test_loss_of_one_logit_is_the_formula_of_the_paper(gamma):
    output, target = logits(8, 3), np.random.default_rng(1).integers(0, 2, size=(8, 3))
    p = np.where(target == 1, expit(output.numpy()), expit(-output.numpy()))
    result = binary_focal_loss(output, torch.from_numpy(target).double(), gamma)
    np.testing.assert_allclose(result, -((1 - p) ** gamma) * np.log(p))


@pytest.mark.parametrize("gamma", GAMMAS)
def test_one_logit_is_two_of_which_one_is_zero(gamma):
    output, target = logits(8, 1), torch.arange(8) % 2
    both = torch.cat([torch.zeros_like(output), output], dim=1)
    one = binary_focal_loss(output, target[:, None].double(), gamma)
    torch.testing.assert_close(one, focal_loss(both, target, gamma))


@pytest.mark.parametrize("gamma", GAMMAS)
def test_probabilities_give_the_mean_over_classes(gamma):
    output, q = logits(5, 3), torch.from_numpy(np.random.default_rng(0).dirichlet(np.ones(3), size=5))
    by_class = [focal_loss(output, torch.full((5,), k), gamma) for k in range(3)]
    expected = (q * torch.cat(by_class, dim=1)).sum(dim=1, keepdim=True)
    torch.testing.assert_close(focal_loss(output, q, gamma), expected)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("soft", [False, True])
def test_a_gamma_of_zero_is_the_cross_entropy(n_classes, smoothing, soft):
    rng = np.random.default_rng(0)
    y = rng.dirichlet(np.ones(n_classes), size=9) if soft else np.arange(9) % n_classes
    plain = Classification(label_smoothing=smoothing).fit(y)
    focal = Classification(label_smoothing=smoothing, loss="focal", gamma=0.0).fit(y)
    output = logits(3, 9, plain.n_outputs_)
    torch.testing.assert_close(loss(focal, output, y), loss(plain, output, y))


@pytest.mark.parametrize("n_classes", [2, 4])
def test_smoothed_labels_are_smoothed_probabilities(n_classes):
    y = np.arange(8) % n_classes
    smoothed = 0.7 * np.eye(n_classes)[y] + 0.3 / n_classes
    by_labels = Classification(loss="focal", label_smoothing=0.3).fit(y)
    by_probabilities = Classification(loss="focal").fit(smoothed)
    output = logits(8, by_labels.n_outputs_)
    torch.testing.assert_close(loss(by_labels, output, y), loss(by_probabilities, output, smoothed))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_easy_rows_count_less_than_hard_ones(n_classes):
    y = np.zeros(2, dtype=int)
    plain, focal = (Classification(classes=range(n_classes), loss=name) for name in ("cross_entropy", "focal"))
    output = torch.full((2, 1 if n_classes == 2 else n_classes), 0.0, dtype=torch.float64)
    sure = -4.0 if n_classes == 2 else 4.0
    output[0, 0], output[1, 0] = sure, -sure
    easy, hard = (loss(focal.fit(y), output, y) / loss(plain.fit(y), output, y)).flatten().tolist()
    assert easy < 0.01
    assert hard > 0.9


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("gamma", [0.0, 0.01, 0.5, 2.0, 50.0])
def test_values_and_slopes_are_finite_and_exact_at_the_ends(gamma, dtype):
    output = torch.tensor([[-1e4, 0.0], [-30.0, 30.0], [0.0, 0.0], [1e-9, 0.0], [80.0, -80.0], [1e4, 0.0]])
    for target in (0, 1):
        x = output.to(dtype).requires_grad_()
        value = focal_loss(x, torch.full((6,), target), gamma)
        (slope,) = torch.autograd.grad(value.sum(), x)
        assert torch.isfinite(value).all()
        assert torch.isfinite(slope).all()
        assert (value >= 0).all()
        one = x.detach()[:, 1:].requires_grad_()
        value = binary_focal_loss(one, torch.full((6, 1), float(target), dtype=dtype), gamma)
        (slope,) = torch.autograd.grad(value.sum(), one)
        assert torch.isfinite(value).all()
        assert torch.isfinite(slope).all()


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_slopes_are_those_of_finite_differences(gamma):
    output, target = logits(5, 3).requires_grad_(), torch.tensor([0, 1, 2, 1, 0])
    assert torch.autograd.gradcheck(lambda x: focal_loss(x, target, gamma), output)
    assert torch.autograd.gradcheck(lambda x: binary_focal_loss(x, target[:, None] / 2, gamma), output)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("soft", [False, True])
def test_members_may_differ_in_gamma_and_smoothing(n_classes, soft):
    y = np.arange(6) % n_classes
    y = np.eye(n_classes)[y] if soft else y
    pairs = [(0.0, 0.0), (2.0, 0.1), (3.0, 0.0)]
    alone = [Classification(loss="focal", gamma=g, label_smoothing=s).fit(y) for g, s in pairs]
    stacked = Classification(loss="focal").fit(y)
    stacked.gamma = torch.tensor([0.0, 2.0, 3.0]).double()[:, None, None]
    stacked.label_smoothing = torch.tensor([0.0, 0.1, 0.0]).double()[:, None, None]
    output = logits(3, 6, stacked.n_outputs_)
    together = loss(stacked, output, y)
    for member, task in enumerate(alone):
        torch.testing.assert_close(together[member], loss(task, output[member], y))


def test_only_equal_focal_losses_are_computed_in_one_call():
    def key(y=(0, 1), **params):
        return Classification(**params).fit(np.array(y)).fusion_key()

    assert key(loss="focal") == key(loss="focal")
    others = [key(loss="focal", gamma=1.0), key(loss="focal", label_smoothing=0.1)]
    assert len({key(), key(loss="focal"), *others}) == 4
    assert key(gamma=1.0) == key()  # without a focal loss it says nothing
    assert key(y=(0, 1, 2), loss="focal") is None


@pytest.mark.parametrize("params", [{"loss": "hinge"}, {"gamma": -1.0}, {"gamma": "large"}])
def test_bad_parameters_are_refused(params):
    with pytest.raises(ValueError, match=f"The '{next(iter(params))}' parameter of Classification"):
        Classification(**params).fit(np.array([0, 1]))
