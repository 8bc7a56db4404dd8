"""Weightings of gradients compared with TorchJD, formulas, and their defining properties."""

from itertools import combinations

import numpy as np
import pytest
import torch
from scipy.optimize import nnls
from torchjd import aggregation
from torchjd.linalg import QuadprogProjector

from sklearn_mtl.nn._layers import set_draws
from sklearn_mtl.weighting import IMTLG, MGDA, AlignedMTL, CAGrad, GramianWeighting, NashMTL, PCGrad, UPGrad
from sklearn_mtl.weighting._gramian import UnsolvableError

from .test_conformance import WEIGHTINGS

GRAMIAN = {name: w for name, w in WEIGHTINGS.items() if isinstance(w, GramianWeighting)}
EVERY = pytest.mark.parametrize("weighting", GRAMIAN.values(), ids=GRAMIAN.keys())
SIZES = pytest.mark.parametrize("n_tasks", [2, 3, 5])
CONFLICTS = pytest.mark.parametrize("conflict", [True, False], ids=["conflict", "harmony"])
SEEDS = pytest.mark.parametrize("seed", range(3))


def gradients(n_tasks, conflict=True, seed=0, width=8):
    """Gradients (T, D) of different lengths; without conflict all scalar products are positive."""
    generator = torch.Generator().manual_seed(seed)
    J = torch.randn(n_tasks, width, dtype=torch.float64, generator=generator)
    J = J if conflict else J.abs()
    return J * torch.logspace(-0.5, 0.5, n_tasks, dtype=torch.float64)[:, None]


def opposed(seed=0):
    """Two gradients with a negative scalar product."""
    J = gradients(2, seed=seed)
    return J if J[0] @ J[1] < 0 else torch.stack([J[0], -J[1]])


def weigh(weighting, J, present=None, gramian=None):
    """Weights (T,) of a newly built module."""
    n_tasks = len(J)
    module = weighting.build(dict.fromkeys(range(n_tasks))).double()
    set_draws(module, torch.Generator().manual_seed(0))
    present = torch.ones(n_tasks, dtype=torch.bool) if present is None else present
    return module(torch.ones(n_tasks, dtype=torch.float64), present, J @ J.T if gramian is None else gramian)


def direction(weighting, J):
    return weigh(weighting, J) @ J


def assert_close(one, other, tol=1e-8):
    one = torch.as_tensor(one)
    torch.testing.assert_close(one, torch.as_tensor(other, dtype=one.dtype), rtol=tol, atol=tol)


# -- TorchJD


@SIZES
@CONFLICTS
@pytest.mark.parametrize(
    ("weighting", "aggregator"),
    [
        (UPGrad(), lambda: aggregation.UPGrad(projector=QuadprogProjector(reg_eps=1e-8))),
        (IMTLG(), aggregation.IMTLG),
        (AlignedMTL(), aggregation.AlignedMTL),
    ],
    ids=["upgrad", "imtlg", "aligned_mtl"],
)
def test_direction_is_that_of_torchjd_times_the_number_of_tasks(weighting, aggregator, n_tasks, conflict):
    J = gradients(n_tasks, conflict)
    assert_close(direction(weighting, J), n_tasks * aggregator()(J), 1e-6)


@SIZES
@CONFLICTS
def test_pcgrad_is_that_of_torchjd_under_its_seed(n_tasks, conflict):
    J = gradients(n_tasks, conflict)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        expected = aggregation.PCGrad()(J)
        torch.manual_seed(7)
        assert_close(PCGrad().solver()(J @ J.T) @ J, expected)


# -- PCGrad


@SIZES
@SEEDS
def test_pcgrad_projects_vectors(n_tasks, seed):
    J = gradients(n_tasks, seed=seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        weights = PCGrad().solver()(J @ J.T)
        torch.manual_seed(seed)
        total = torch.zeros(J.shape[1], dtype=J.dtype)
        for i in range(n_tasks):
            projected = J[i].clone()
            for j in torch.randperm(n_tasks).tolist():
                product = projected @ J[j]
                if j != i and product < 0:
                    projected -= product / (J[j] @ J[j]) * J[j]
            total += projected
    assert_close(weights @ J, total)


def test_pcgrad_takes_its_order_from_the_draws_of_the_trainer():
    J, state = gradients(5), torch.get_rng_state()
    module = PCGrad().build(dict.fromkeys(range(5)))
    arguments = torch.ones(5), torch.ones(5, dtype=torch.bool), J @ J.T
    runs = []
    for seed in (0, 0, 1):
        set_draws(module, torch.Generator().manual_seed(seed))
        runs.append(torch.stack([module(*arguments) for _ in range(6)]))
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])
    assert len(runs[0].unique(dim=0)) > 1  # each step has a different order
    assert torch.equal(torch.get_rng_state(), state)


# -- closed forms of two tasks


@SEEDS
def test_two_tasks_of_pcgrad(seed):
    J = opposed(seed)
    G = J @ J.T
    assert_close(weigh(PCGrad(), J), 1 - G[0, 1] / G.diagonal())


@SEEDS
@CONFLICTS
def test_two_tasks_of_mgda(seed, conflict):
    J = gradients(2, conflict, seed)
    G = J @ J.T
    gamma = ((G[1, 1] - G[0, 1]) / (G[0, 0] + G[1, 1] - 2 * G[0, 1])).clamp(0, 1)
    assert_close(weigh(MGDA(), J), 2 * torch.stack([gamma, 1 - gamma]))


@SEEDS
@pytest.mark.parametrize("weighting", [IMTLG(), NashMTL()], ids=["imtlg", "nash_mtl"])
def test_two_tasks_of_imtlg_and_nash_mtl_bisect_the_angle(weighting, seed):
    J = gradients(2, seed=seed)
    lengths = J.norm(dim=1)
    weights = weigh(weighting, J)
    assert_close(weights / weights.sum(), lengths.flip(0) / lengths.sum(), 1e-6)


@SEEDS
def test_two_tasks_of_upgrad_are_those_of_pcgrad(seed):
    J = opposed(seed)
    assert_close(weigh(UPGrad(), J), weigh(PCGrad(), J), 1e-5)


# -- properties that define the methods


def shortest_in_hull(J):
    """Weights of the shortest vector in the hull of up to five gradients: the best of all faces."""
    best, shortest = None, np.inf
    for size in range(1, len(J) + 1):
        for face in map(list, combinations(range(len(J)), size)):
            # the shortest vector of the plane of the face, from one of its corners
            edges = (J[face[1:]] - J[face[0]]).T
            steps = np.linalg.lstsq(edges, -J[face[0]], rcond=None)[0] if size > 1 else np.zeros(0)
            w = np.zeros(len(J))
            w[face] = np.concatenate([[1 - steps.sum()], steps])
            if w.min() >= -1e-12 and np.linalg.norm(w @ J) < shortest * (1 - 1e-9):
                best, shortest = w, np.linalg.norm(w @ J)
    return best


@pytest.mark.parametrize("n_tasks", [2, 3, 5])
@CONFLICTS
@SEEDS
@pytest.mark.parametrize("ratio", [1, 1e2, 1e4])
def test_mgda_has_the_shortest_vector_of_the_hull(n_tasks, conflict, seed, ratio):
    J = gradients(n_tasks, conflict, seed) * torch.logspace(0, np.log10(ratio), n_tasks)[:, None].double()
    weights = weigh(MGDA(), J)
    assert_close(weights / n_tasks, shortest_in_hull(J.numpy()), 1e-7)


@pytest.mark.parametrize("n_tasks", [2, 10, 40])
@pytest.mark.parametrize("ratio", [1, 1e2, 1e6, 1e12])
@SEEDS
def test_mgda_of_many_tasks_harms_none(n_tasks, ratio, seed):
    J = gradients(n_tasks, seed=seed, width=60)
    J = J / J.norm(dim=1, keepdim=True) * torch.logspace(0, np.log10(ratio), n_tasks, dtype=J.dtype)[:, None]
    weights = weigh(MGDA(), J) / n_tasks
    assert weights.min() >= 0
    assert_close(weights.sum(), 1.0)
    d = weights @ J
    # which the shortest vector of the hull is alone in: each gradient has at least its length along it
    assert ((J @ d - d @ d) / (J.norm(dim=1) * d.norm())).min() >= -1e-7


def test_mgda_of_gradients_that_are_the_same():
    J = gradients(1).expand(4, -1)
    weights = weigh(MGDA(), J)
    assert_close(weights.sum(), 4.0)
    assert_close(weights @ J, 4 * J[0])


@SIZES
@CONFLICTS
@SEEDS
def test_imtlg_has_equal_components_along_all_gradients(n_tasks, conflict, seed):
    J = gradients(n_tasks, conflict, seed)
    d = direction(IMTLG(), J)
    components = J @ d / J.norm(dim=1)
    assert_close(components, components.mean().expand(n_tasks))


@SIZES
@CONFLICTS
@SEEDS
def test_aligned_mtl_has_principal_components_of_one_length(n_tasks, conflict, seed):
    J = gradients(n_tasks, conflict, seed)
    values, vectors = torch.linalg.eigh(J @ J.T)
    balance = values.min().sqrt() * vectors @ torch.diag(values.rsqrt()) @ vectors.T
    aligned = balance @ J
    assert_close(aligned @ aligned.T, values.min() * torch.eye(n_tasks, dtype=J.dtype))
    assert_close(direction(AlignedMTL(), J), aligned.sum(dim=0))


@pytest.mark.parametrize("n_tasks", [1, 2, 5, 40])
@CONFLICTS
@SEEDS
@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_nash_mtl_has_weights_inverse_to_the_gains(n_tasks, conflict, seed, scale):
    J = gradients(n_tasks, conflict, seed, width=60) * scale
    weights = weigh(NashMTL(), J)
    assert weights.min() > 0
    assert_close(weights * (J @ J.T @ weights), torch.ones(n_tasks, dtype=J.dtype), 1e-6)
    # so that a step is as long everywhere
    assert_close((weights @ J).norm(), n_tasks**0.5, 1e-6)


@SIZES
@SEEDS
def test_nash_mtl_is_scaled_to_the_number_of_tasks_on_request(n_tasks, seed):
    J = gradients(n_tasks, seed=seed)
    weights = weigh(NashMTL(), J)
    scaled = weigh(NashMTL(normalize=True), J)
    assert_close(scaled, weights * n_tasks / weights.sum())
    assert_close(weigh(NashMTL(normalize=True), J[:1]), [1.0])


@pytest.mark.parametrize("width", [2, 1000], ids=["in a plane", "alike"])
@SEEDS
def test_nash_mtl_is_solved_where_products_in_single_precision_are_not_positive(width, seed):
    J = torch.randn(6, width, generator=torch.Generator().manual_seed(seed)).abs()
    if width > 2:
        J = J[:1] + 1e-5 * J
    weights = weigh(NashMTL(), J, gramian=J @ J.T)
    assert weights.min() > 0
    assert_close(weights.float() @ J @ J.T @ weights.float(), torch.tensor(6.0), 2e-3)


@SIZES
@SEEDS
def test_nash_mtl_does_not_feel_the_scale_of_a_gradient(n_tasks, seed):
    J = gradients(n_tasks, seed=seed)
    scaled = J * torch.logspace(-4, 2, n_tasks, dtype=J.dtype)[:, None]
    one, other = direction(NashMTL(), J), direction(NashMTL(), scaled)
    assert_close(one / one.norm(), other / other.norm(), 1e-6)


@SIZES
@CONFLICTS
@SEEDS
def test_upgrad_projects_onto_the_dual_cone(n_tasks, conflict, seed):
    J = gradients(n_tasks, conflict, seed)
    d = direction(UPGrad(), J)
    assert (J @ d / J.norm(dim=1)).min() >= -1e-6 * d.norm()
    # the projection of g onto {d: J d >= 0} is g + J^T v with the v >= 0 that makes it shortest
    projected = [g + J.T.numpy() @ nnls(J.T.numpy(), -g)[0] for g in J.numpy()]
    assert_close(d, np.sum(projected, axis=0), 1e-5)


@pytest.mark.parametrize("c", [0.2, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("n_tasks", [2, 3, 5, 40])
@SEEDS
@pytest.mark.parametrize("ratio", [1, 1e3])
def test_cagrad_is_the_best_direction_near_the_mean(n_tasks, c, seed, ratio):
    J = gradients(n_tasks, seed=seed, width=60) * torch.logspace(0, np.log10(ratio), n_tasks)[:, None].double()
    d = direction(CAGrad(c=c), J) / n_tasks
    mean = J.mean(dim=0)
    radius = c * mean.norm()
    assert_close((d - mean).norm() / radius, 1.0)
    # no direction in the ball has a larger worst gain than the dual value of any w on the simplex
    on_simplex = weigh(CAGrad(c=c), J) - 1
    g_w = on_simplex / on_simplex.sum() @ J
    assert on_simplex.min() >= -1e-9
    assert_close((J @ d).min() / radius, (g_w @ mean + radius * g_w.norm()) / radius, 1e-7)
    # which is that of the paper
    assert_close(d, mean + radius / g_w.norm() * g_w)


def cancelling_and_free(n_cancelling, seed):
    """Gradients whose hull has 0 in it, and some that one direction makes better at the expense of none."""
    rng, width = np.random.default_rng(seed), n_cancelling - 1
    base = rng.normal(size=(n_cancelling, width))
    base[-1] = -rng.random(width) @ base[:-1]
    cancelling = np.column_stack([base, np.zeros(n_cancelling)])
    free = np.column_stack([rng.normal(size=(4, width)), rng.random(4) + 0.1])
    return torch.from_numpy(np.vstack([cancelling, free]))


@pytest.mark.parametrize("c", [1.0, 1.5])
@pytest.mark.parametrize("n_cancelling", [2, 4, 9])
@SEEDS
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_cagrad_harms_no_task_where_some_cannot_become_better(n_cancelling, c, seed, dtype):
    J = cancelling_and_free(n_cancelling, seed)
    gramian = J.to(dtype) @ J.to(dtype).T
    weights = weigh(CAGrad(c=c), J, gramian=gramian)
    d, mean = weights @ J / len(J), J.mean(dim=0)
    tol = 1e-7 if dtype == torch.float64 else 2e-3
    assert (J @ d / J.norm(dim=1)).min() >= -tol * mean.norm()
    assert (d - mean).norm() <= (c + tol) * mean.norm()
    # lengths that are rounding errors are not divisors
    assert ((weights - 1) @ J.norm(dim=1)) / len(J) <= 1.01e4 * c * mean.norm()


@SEEDS
def test_cagrad_of_a_small_radius_stays_in_it_where_some_cannot_become_better(seed):
    J = cancelling_and_free(4, seed)
    d, mean = direction(CAGrad(c=0.1), J) / len(J), J.mean(dim=0)
    assert (d - mean).norm() <= 0.1 * mean.norm() * (1 + 1e-6)
    assert (J @ d).min() > (J @ mean).min()


@pytest.mark.parametrize("n_tasks", [2, 3])
@SEEDS
def test_cagrad_against_a_grid_on_the_simplex(n_tasks, seed):
    J, c = gradients(n_tasks, seed=seed), 0.5
    mean = J.mean(dim=0)
    line = torch.linspace(0, 1, 401, dtype=J.dtype)
    grid = torch.cartesian_prod(*[line] * (n_tasks - 1)).reshape(-1, n_tasks - 1)
    grid = torch.cat([grid, 1 - grid.sum(dim=1, keepdim=True)], dim=1)
    grid = grid[grid[:, -1] >= -1e-12]

    def value(w):
        g_w = w @ J
        return g_w @ mean + c * mean.norm() * g_w.norm(dim=-1)

    best = grid[value(grid).argmin()]
    found = weigh(CAGrad(c=c), J) - 1
    found = found / found.sum()
    assert value(found) <= value(best) + 1e-9
    assert_close(found, best, 0.01)


@SIZES
def test_cagrad_of_radius_zero_is_the_plain_sum(n_tasks):
    assert weigh(CAGrad(c=0.0), gradients(n_tasks)).tolist() == [1.0] * n_tasks


# -- properties of all methods


def expected_of_alike(weighting):
    return 1 + getattr(weighting, "c", 0.0)  # the radius around the mean is never left unused


def unit_of(weighting, length=1.0):
    """Units of the weights: those of NashMTL have the inverse unit of the gradients."""
    return 1 / length if isinstance(weighting, NashMTL) else 1.0


@EVERY
@SIZES
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_orthogonal_gradients_of_one_length_count_alike(weighting, n_tasks, scale):
    J = torch.eye(n_tasks, dtype=torch.float64) * scale
    expected = expected_of_alike(weighting) * unit_of(weighting, scale)
    assert_close(weigh(weighting, J) / expected, torch.ones(n_tasks, dtype=J.dtype), 1e-8)


@EVERY
def test_one_task_has_a_weight_of_one(weighting):
    J = gradients(1)
    assert_close(weigh(weighting, J / J.norm()), [1.0])


@EVERY
@SIZES
@pytest.mark.parametrize("factor", [1e-4, 1e4])
def test_the_unit_of_all_losses_does_not_matter(weighting, n_tasks, factor):
    J = gradients(n_tasks)
    assert_close(weigh(weighting, factor * J), weigh(weighting, J) * unit_of(weighting, factor), 1e-5)


@pytest.mark.parametrize("name", [name for name in GRAMIAN if name != "pcgrad"])
@SIZES
@SEEDS
def test_the_order_of_the_tasks_does_not_matter(name, n_tasks, seed):
    J = gradients(n_tasks, seed=seed)
    order = torch.arange(n_tasks).roll(1)
    assert_close(weigh(GRAMIAN[name], J[order]), weigh(GRAMIAN[name], J)[order], 1e-4)


@EVERY
@SIZES
def test_a_task_without_a_gradient_is_as_if_absent(weighting, n_tasks):
    J = gradients(n_tasks)
    with_zero = torch.cat([J, torch.zeros_like(J[:1])])
    weights = weigh(weighting, with_zero)
    assert_close(weights[:-1], weigh(weighting, J))
    assert weights[-1] == 1


@EVERY
@pytest.mark.parametrize("absent", [0, 1, 2])
def test_an_absent_task_has_no_say(weighting, absent):
    J = gradients(3)
    present = torch.arange(3) != absent
    weights = weigh(weighting, J, present)
    assert_close(weights[present], weigh(weighting, J[present]))
    assert weights[absent] == 0


@EVERY
def test_no_task_at_all(weighting):
    assert weigh(weighting, gradients(3), torch.zeros(3, dtype=torch.bool)).tolist() == [0, 0, 0]


@EVERY
@pytest.mark.parametrize(
    "rows",
    [
        [[1.0, 0.0], [1.0, 0.0]],
        [[1.0, 0.0], [2.0, 0.0]],
        [[1.0, 0.0], [-1.0, 0.0]],
        [[1.0, 0.0], [-0.5, 0.0], [0.0, 1.0]],
        [[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]],
        [[1.0, 0.2], [0.3, 1.0], [0.5, 0.5], [1.0, -0.5]],
    ],
    ids=["equal", "parallel", "cancelling", "opposed", "in a plane and cancelling", "more tasks than axes"],
)
def test_gradients_that_depend_on_each_other(weighting, rows):
    J = torch.tensor(rows, dtype=torch.float64)
    weights = weigh(weighting, J)
    assert torch.isfinite(weights).all()
    d = weights @ J
    assert d.norm() <= 10 * J.norm()


@EVERY
@SEEDS
@pytest.mark.parametrize("width", [2, 1000], ids=["in a plane", "alike"])
def test_scalar_products_in_single_precision(weighting, width, seed):
    """Such a Gram matrix may have eigenvalues just below 0."""
    generator = torch.Generator().manual_seed(seed)
    J = torch.randn(6, width, generator=generator)
    if width > 2:
        J = J[:1] + 1e-5 * J
    J = J * torch.logspace(-1.5, 1.5, 6)[:, None]
    G = J @ J.T
    assert torch.linalg.eigvalsh(G.double()).min() < 1e-6 * G.diagonal().max()
    weights = weigh(weighting, J, gramian=G.double())
    assert torch.isfinite(weights).all()
    assert (weights.to(J) @ J).norm() <= 10 * J.norm()


@pytest.mark.parametrize("name", ["mgda", "upgrad", "nash_mtl", "cagrad"])
@pytest.mark.parametrize("rows", [[[1.0, 0.0], [-1.0, 0.0]], [[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]], ids=str)
def test_where_no_step_helps_all_tasks_none_is_made(name, rows):
    J = torch.tensor(rows, dtype=torch.float64)
    assert (weigh(GRAMIAN[name], J) @ J).norm() <= 2e-2


@SEEDS
@pytest.mark.parametrize("name", ["mgda", "upgrad", "nash_mtl"])
@pytest.mark.parametrize("ratio", [1, 1e3, 1e8])
def test_a_step_harms_no_task(name, seed, ratio):
    J = gradients(3, seed=seed, width=3) * torch.logspace(0, np.log10(ratio), 3)[:, None].double()
    d = direction(GRAMIAN[name], J)
    assert (J @ d / J.norm(dim=1)).min() >= -1e-7 * d.norm()


# -- errors of what cannot be solved


@EVERY
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("place", [(0, 0), (0, 1)])
def test_a_gram_matrix_that_is_not_finite_has_no_weights(weighting, value, place):
    gramian = gradients(3) @ gradients(3).T
    gramian[place] = gramian[place[::-1]] = value
    with pytest.raises(UnsolvableError):
        weigh(weighting, gradients(3), gramian=gramian)


@pytest.mark.parametrize("error", [np.linalg.LinAlgError, torch.linalg.LinAlgError, RuntimeError])
def test_a_solver_that_fails_says_so(error):
    class Failing(MGDA):
        def solver(self):
            def fail(gramian):
                raise error("no convergence")

            return fail

    with pytest.raises(UnsolvableError):
        weigh(Failing(), gradients(3))


def test_weights_that_are_not_finite_are_none():
    class Wrong(MGDA):
        def solver(self):
            return lambda gramian: torch.full((len(gramian),), torch.nan)

    with pytest.raises(UnsolvableError):
        weigh(Wrong(), gradients(3))


# -- weights between two solutions


@EVERY
def test_weights_are_kept_between_two_solutions(weighting):
    n_tasks, J = 3, gradients(3)
    spec = type(weighting)(every=3)
    module = spec.build(dict.fromkeys(range(n_tasks))).double()
    losses, present = torch.ones(n_tasks, dtype=torch.float64), torch.ones(n_tasks, dtype=torch.bool)
    wanted, seen = [], []
    for step in range(7):
        wanted.append(module.wants_gramian)
        # a gradient that becomes longer and longer
        scaled = J * torch.tensor([[1.0], [1.0], [1.0 + step]], dtype=J.dtype)
        seen.append(module(losses, present, scaled @ scaled.T if wanted[-1] else None).tolist())
    assert wanted == [True, False, False, True, False, False, True]
    assert seen[0] == seen[1] == seen[2]
    assert seen[3] == seen[4] == seen[5]
    assert seen[0] != seen[3] != seen[6]


def test_a_task_that_was_absent_at_a_solution_keeps_the_weight_it_had():
    J = gradients(3)
    module = NashMTL(every=2).build(dict.fromkeys(range(3))).double()
    losses, everyone = torch.ones(3, dtype=torch.float64), torch.ones(3, dtype=torch.bool)
    first = module(losses, everyone, J @ J.T)
    without = torch.tensor([True, True, False])
    second = module(losses, without, J @ J.T)
    assert second[2] == 0
    assert module(losses, everyone, None).tolist() == [*second[:2].tolist(), first[2].item()]
    assert module(losses, without, None).tolist() == second.tolist()
