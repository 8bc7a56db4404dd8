from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sklearn_mtl.architectures import Outputs
from sklearn_mtl.model._objective import Objective
from sklearn_mtl.tasks import Survival, infer_task, resolve_task
from sklearn_mtl.tasks._hazards import quantiles
from sklearn_mtl.weighting import Static

RNG = np.random.default_rng(0)
ROWS = 40
TIME = RNG.integers(1, 15, size=ROWS).astype(float)  # with ties
EVENT = RNG.random(ROWS) < 0.6
ETA = RNG.normal(size=ROWS)
Y = np.column_stack([TIME, EVENT])
CURVE = np.array([[0.5, -1.0, 0.3, 2.0]])


def structured(time, event, names=("event", "time")):
    rows = np.zeros(len(time), dtype=[(names[0], bool), (names[1], float)])
    rows[names[0]], rows[names[1]] = event, time
    return rows


def partial_likelihood(eta, time, event, weight=None):
    """Compute the loss of each row from its definition."""
    weight = np.ones(len(eta)) if weight is None else weight
    losses = np.zeros(len(eta))
    for i in np.flatnonzero(event):
        at_risk = sum(weight[j] * np.exp(eta[j]) for j in range(len(eta)) if time[j] >= time[i])
        losses[i] = np.log(at_risk) - eta[i] - np.log(weight[i])
    return losses


def baseline(eta, time, event):
    """Compute Breslow's cumulative baseline hazard from its definition."""
    times = np.unique(time[event])
    jumps = [(event & (time == t)).sum() / np.exp(eta[time >= t]).sum() for t in times]
    return times, np.cumsum(jumps)


def loss_of(task, y, output):
    return task.elementwise_loss(torch.as_tensor(output), torch.from_numpy(task.encode(y).target))


# -- forms of labels


def test_all_forms_of_labels_are_equal():
    pairs = np.empty(ROWS, dtype=object)
    pairs[:] = list(zip(TIME.tolist(), EVENT.astype(int).tolist(), strict=True))
    flagged = np.empty(ROWS, dtype=object)
    flagged[:] = list(zip(EVENT.tolist(), TIME.tolist(), strict=True))
    columns = np.column_stack([EVENT.astype(object), TIME.astype(object)])
    forms = [structured(TIME, EVENT), structured(TIME, EVENT, ("b", "a")), pairs, flagged, columns]
    expected = Survival().fit(Y).encode(Y)
    for form in forms:
        encoded = Survival().fit(form).encode(form)
        np.testing.assert_array_equal(encoded.target, expected.target)
        np.testing.assert_array_equal(encoded.weight, expected.weight)


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_missing_labels_are_never_at_risk(missing):
    pairs = np.empty(ROWS, dtype=object)
    pairs[:] = list(zip(EVENT.tolist(), TIME.tolist(), strict=True))
    gone = np.arange(ROWS) % 3 == 0
    pairs[gone] = missing
    loss = loss_of(Survival().fit(pairs), pairs, ETA[:, None])[:, 0].numpy()
    np.testing.assert_allclose(loss[~gone], partial_likelihood(ETA[~gone], TIME[~gone], EVENT[~gone]), atol=1e-10)
    assert (loss[gone] == 0).all()


def test_the_type_is_inferred_from_a_structured_array():
    assert isinstance(infer_task(structured(TIME, EVENT)), Survival)
    assert isinstance(resolve_task("survival"), Survival)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.array([[1.0, 1], [-2.0, 0]]), r"row 1: times must be at least 0, got -2"),
        (np.array([[1.0, 1], [np.inf, 0]]), r"row 1: times must be finite, got inf"),
        (np.array([[1.0, 1], [2.0, 0.5]]), r"row 1: the event must be 0 \(censored\) or 1.*got 0.5"),
        (np.array([[1.0, 3.5], [0.0, 2.5]]), r"two columns are \(time, event\)"),
        (np.array([[1.0, 1], [2.0, np.nan]]), r"row 1: a time has an event \(0 or 1\)"),
        (np.array([[1.0, 0], [2.0, 0]]), "no row has an event"),
        (np.array([1.0, 2.0]), "row 0: a censored time is a time and an event, got 1.0"),
        (np.array(["a", "b"], dtype=object), "row 0: a censored time is a time and an event, got 'a'"),
        (np.ones((3, 3)), r"got shape \(3, 3\); expected a structured array"),
        (np.zeros(2, dtype=[("a", float), ("b", float)]), "the structured array has the fields"),
    ],
)
@pytest.mark.parametrize("loss", ["cox", "discrete_time"])
def test_what_is_no_label_is_refused(y, message, loss):
    with pytest.raises(ValueError, match=message):
        Survival(loss=loss).fit(y)


def test_a_time_of_zero_has_no_interval():
    y = np.array([[0.0, 1], [2.0, 1]])
    with pytest.raises(ValueError, match="row 0: times of loss='discrete_time' must be above 0"):
        Survival(loss="discrete_time").fit(y)
    assert Survival().fit(y).times_.tolist() == [0, 2]


@settings(max_examples=60, deadline=None)
@given(
    time=hnp.arrays(float, st.integers(1, 8), elements=st.floats(1e-300, 1e300) | st.just(float("nan"))),
    flags=st.integers(0, 255),
    loss=st.sampled_from(["cox", "discrete_time"]),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_any_times_are_learned_or_refused(time, flags, loss, dtype):
    event = np.array([bool(flags >> row & 1) for row in range(len(time))])
    y = structured(time, event)
    task = Survival(loss=loss, n_intervals=4)
    if not (event & ~np.isnan(time)).any():
        with pytest.raises(ValueError, match=r"labels are missing|no row has an event"):
            task.fit(y)
        return
    target = torch.from_numpy(task.fit(y).encode(y).target).to(dtype)
    output = torch.linspace(-3, 3, len(y) * task.n_outputs_, dtype=dtype).view(len(y), -1).requires_grad_()
    losses = task.elementwise_loss(output, target)
    (gradient,) = torch.autograd.grad(losses.sum(), output)
    assert torch.isfinite(losses).all()
    assert torch.isfinite(gradient).all()
    finished = task.finish(output.detach().numpy(), target.numpy(), task.encode(y).weight)
    curves = finished.survival(output.detach().numpy())
    assert ((curves >= 0) & (curves <= 1)).all()
    assert (np.diff(curves, axis=1) <= 1e-12).all()
    assert np.isfinite(finished.decode(output.detach().numpy())).all()


# -- Cox


def test_loss_of_cox_is_the_partial_likelihood_with_ties_of_breslow():
    loss = loss_of(Survival().fit(Y), Y, ETA[:, None])[:, 0]
    np.testing.assert_allclose(loss, partial_likelihood(ETA, TIME, EVENT), atol=1e-10)


def test_gradient_of_cox_is_that_of_the_definition():
    output = torch.from_numpy(ETA).requires_grad_()
    (gradient,) = torch.autograd.grad(loss_of(Survival().fit(Y), Y, output[:, None]).sum(), output)
    step = 1e-6
    for row in range(0, ROWS, 7):
        up, down = (partial_likelihood(ETA + s * step * (np.arange(ROWS) == row), TIME, EVENT) for s in (1, -1))
        assert gradient[row].item() == pytest.approx((up - down).sum() / (2 * step), abs=1e-6)


def test_weights_of_rows_weigh_the_risk_set():
    task, weight = Survival().fit(Y), RNG.uniform(0.2, 3, size=ROWS)
    target = task.weigh(torch.from_numpy(task.encode(Y).target), torch.from_numpy(weight)[:, None])
    loss = task.elementwise_loss(torch.from_numpy(ETA)[:, None], target)[:, 0]
    np.testing.assert_allclose(loss, partial_likelihood(ETA, TIME, EVENT, weight), atol=1e-10)


def test_members_with_rows_of_their_own_are_separate():
    task = Survival().fit(Y)
    orders = np.stack([RNG.permutation(ROWS)[:25] for _ in range(3)])
    targets = torch.from_numpy(np.stack([task.encode(Y[order]).target for order in orders]))
    together = task.elementwise_loss(torch.from_numpy(ETA[orders])[..., None], targets)
    for order, losses in zip(orders, together[..., 0], strict=True):
        np.testing.assert_allclose(losses, partial_likelihood(ETA[order], TIME[order], EVENT[order]), atol=1e-10)


@pytest.mark.parametrize("unit", [1.0, 0.1, 1e6, 1e-200])
def test_baseline_is_that_of_breslow(unit):
    y = np.column_stack([TIME * unit, EVENT])
    task = Survival().fit(y)
    encoded = task.encode(y)
    # as from a network of float32, which must not move the times
    finished = task.finish(ETA[:, None], encoded.target.astype(np.float32), encoded.weight)
    times, hazard = baseline(ETA, TIME * unit, EVENT)
    np.testing.assert_array_equal(finished.times_, times)
    np.testing.assert_allclose(np.exp(finished.log_baseline_), hazard, rtol=1e-9)
    curves = np.exp(-hazard * np.exp(ETA[:, None]))
    np.testing.assert_allclose(finished.survival(ETA[:, None]), curves, rtol=1e-9)
    medians = [times[curve <= 0.5][0] if (curve <= 0.5).any() else y[:, 0].max() for curve in curves]
    np.testing.assert_array_equal(finished.decode(ETA[:, None]), medians)


def test_before_training_the_baseline_is_that_of_equal_risks():
    task = Survival().fit(Y)
    np.testing.assert_allclose(np.exp(task.log_baseline_), baseline(np.zeros(ROWS), TIME, EVENT)[1])
    assert task.rated(ETA[:, None]).shape == (ROWS, 2)  # no curve, whose score would mislead


def test_predictions_do_not_depend_on_a_constant_in_the_outputs():
    task, encoded = Survival().fit(Y), Survival().fit(Y).encode(Y)
    one, other = (task.finish(ETA[:, None] + shift, *encoded) for shift in (0.0, 40.0))
    np.testing.assert_allclose(one.survival(ETA[:, None]), other.survival(ETA[:, None] + 40.0), rtol=1e-9)


def test_scikit_survival_finds_the_same_model():
    linear_model = pytest.importorskip("sksurv.linear_model")
    X = RNG.normal(size=(ROWS, 2))
    model = linear_model.CoxPHSurvivalAnalysis(ties="breslow", tol=1e-12).fit(X, structured(TIME, EVENT))
    task, weights = Survival().fit(Y), torch.from_numpy(model.coef_).requires_grad_()
    output = torch.from_numpy(X) @ weights
    (gradient,) = torch.autograd.grad(loss_of(task, Y, output[:, None]).sum(), weights)
    np.testing.assert_allclose(gradient, 0.0, atol=1e-6)
    finished = task.finish(output.detach().numpy()[:, None], *task.encode(Y))
    at = np.linspace(TIME.min(), TIME.max(), 30)
    expected = np.stack([curve(at) for curve in model.predict_survival_function(X)])
    np.testing.assert_allclose(finished.survival(output.detach().numpy()[:, None], at), expected, atol=1e-6)


@pytest.mark.parametrize("members", [(), (2,)])
def test_padding_of_weight_zero_is_never_at_risk(members):
    task = Survival().fit(Y)
    objective = Objective({"death": task}, {"death": 1.0}, {"death": 1.0}, Static()).double()
    padded = np.concatenate([np.arange(ROWS), np.zeros(7, dtype=int)])
    weight = torch.from_numpy(np.repeat([1.0, 0.0], [ROWS, 7])[:, None])
    target, output = torch.from_numpy(task.encode(Y[padded]).target), torch.from_numpy(ETA[padded])[:, None]
    outputs = Outputs.of({"death": output.expand(*members, *output.shape)})
    loss = objective(outputs, [target], [weight]).losses
    expected = partial_likelihood(ETA, TIME, EVENT).mean()
    np.testing.assert_allclose(loss, np.full((*members, 1), expected), atol=1e-10)
    if not members:
        assert objective.of_task("death", output, [target], [weight]).losses.item() == pytest.approx(expected)


# -- intervals


def test_likelihood_of_intervals_is_that_of_the_definition():
    task = Survival(loss="discrete_time", n_intervals=5).fit(Y)
    output = RNG.normal(size=(ROWS, task.n_outputs_))
    hazard, edges, expected = 1 / (1 + np.exp(-output)), task.edges_, []
    for row in range(ROWS):
        likelihood = 1.0
        for k, (start, end) in enumerate(pairwise(edges)):
            if EVENT[row] and start < TIME[row] <= end:
                likelihood *= hazard[row, k]
            elif TIME[row] > end or (not EVENT[row] and TIME[row] >= (start + end) / 2):
                likelihood *= 1 - hazard[row, k]
        expected.append(-np.log(likelihood))
    np.testing.assert_allclose(loss_of(task, Y, output)[:, 0], expected, atol=1e-10)


def test_intervals_end_at_quantiles_of_the_times_of_events():
    y = np.array([[time, 1] for time in range(1, 9)] + [[100.0, 0]])
    assert Survival(loss="discrete_time", n_intervals=4).fit(y).edges_.tolist() == [0, 2, 4, 6, 8]
    assert Survival(loss="discrete_time", n_intervals=100).fit(y).n_outputs_ == 8


@given(
    values=hnp.arrays(float, st.integers(1, 10), elements=st.integers(0, 5).map(float)),
    shift=st.integers(0, 3),
)
@settings(max_examples=50, deadline=None)
def test_quantiles_are_weighted_by_multiplicity(values, shift):
    times = (np.arange(len(values)) + shift) % 3 + 1
    shares = np.arange(1, 5) / 4
    weighted = quantiles(values, times.astype(float), shares)
    np.testing.assert_array_equal(weighted, quantiles(np.repeat(values, times), None, shares))
    repeated = np.unique(np.quantile(np.repeat(values, times), shares, method="inverted_cdf"))
    np.testing.assert_array_equal(weighted, repeated)


def test_curves_are_linear_within_intervals():
    task = Survival(loss="discrete_time", n_intervals=4).fit(np.array([[1.0, 1], [2.0, 1], [4.0, 1], [8.0, 1]]))
    at_edges = np.cumprod(1 / (1 + np.exp(CURVE)))
    np.testing.assert_allclose(task.survival(CURVE)[0], at_edges)
    np.testing.assert_allclose(task.survival(CURVE, [0.0, 3.0, 50.0])[0], [1, at_edges[1:3].mean(), at_edges[3]])


def test_the_median_is_where_the_curve_reaches_a_half():
    task = Survival(loss="discrete_time", n_intervals=10).fit(np.vstack([Y, [99.0, 0]]))
    output = RNG.normal(-2.5, 1, size=(200, task.n_outputs_))
    medians = task.decode(output)
    reached = task.survival(output)[:, -1] <= 0.5
    assert 0 < reached.sum() < 200
    at_median = np.array([task.survival(row[None], [t])[0, 0] for row, t in zip(output, medians, strict=True)])
    np.testing.assert_allclose(at_median[reached], 0.5)
    assert (medians[~reached] == 99).all()


def test_the_average_of_members_is_that_of_their_curves():
    task = Survival(loss="discrete_time", n_intervals=6).fit(Y)
    outputs, weights = RNG.normal(size=(3, 5, task.n_outputs_)), np.array([0.5, 0.2, 0.3])
    curves = np.stack([task.survival(output) for output in outputs])
    np.testing.assert_allclose(task.survival(task.average(outputs)), curves.mean(axis=0))
    weighted = np.tensordot(weights, curves, axes=1)
    np.testing.assert_allclose(task.survival(task.average(outputs, weights)), weighted)


def test_risk_is_the_share_of_time_that_is_lost():
    task = Survival(loss="discrete_time", n_intervals=6).fit(Y)
    output = RNG.normal(size=(4, task.n_outputs_))
    at = np.linspace(0, task.edges_[-1], 100_001)
    lost = 1 - np.trapezoid(task.survival(output, at), at, axis=1) / at[-1]
    np.testing.assert_allclose(task.risk(output), lost, atol=1e-6)


@pytest.mark.parametrize("times", [[-1.0], [np.nan], [[1.0]], 3.0])
def test_times_of_curves_are_checked(times):
    with pytest.raises(ValueError, match="should be a list of finite numbers of at least 0"):
        Survival().fit(Y).survival(ETA[:, None], times)


# -- scores


def test_scores_are_of_risks_and_curves():
    task, risk = Survival().fit(Y), (ETA - TIME)[:, None] / 5
    finished = task.finish(risk, *task.encode(Y))
    metrics = finished.metrics(Y, finished.rated(risk))
    flipped = finished.metrics(Y, finished.rated(-risk))
    assert metrics["concordance_index"] == pytest.approx(1 - flipped["concordance_index"])
    assert metrics["neg_integrated_brier_score"] > flipped["neg_integrated_brier_score"]
    assert finished.score(Y, finished.rated(risk)) == metrics["concordance_index"]


def test_predicted_times_are_ranked_too():
    y = np.array([[1.0, 1], [2.0, 1], [3.0, 0], [4.0, 1]])
    assert Survival().fit(y).score(y, np.array([1.0, 2.0, 3.0, 4.0])) == 1
    assert Survival().fit(y).score(y, np.array([4.0, 3.0, 2.0, 1.0])) == 0
