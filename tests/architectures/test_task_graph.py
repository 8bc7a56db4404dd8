"""Task graphs: inputs of a child, gradients, and errors."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.special import expit

from sklearn_mtl import MultiTaskNetClassifier, MultiTaskNetEstimator, Targets
from sklearn_mtl.architectures import PLE, Architecture, HardSharing, Independent, MMoE, TaskGraph
from sklearn_mtl.architectures._transfer import Attention, Concatenation, Product, logit_of_log
from sklearn_mtl.architectures._views import Views
from sklearn_mtl.tasks import Classification
from sklearn_mtl.testing._architecture import fitted_tasks
from sklearn_mtl.trunks import ConvNet, Representation, SequenceEncoder
from sklearn_mtl.utils._random import Streams

from .._helpers import as_member, assert_same, assert_same_model, inputs, net, weights_of
from .cases import fitted_trunk

X = inputs(60)
Y = Targets(a=X[:, 0] > 0, b=X[:, 1] > 0, c=(X[:, 0] > 0) & (X[:, 1] > 0), number=X[:, 2] ** 2)
WIDTH, ROWS = 5, 7
TRANSFERS = ["concat", "attention", "product"]
BINARY = Classification().fit(np.array([0, 1]))


def graph(dependencies, transfer="concat", y=Y, **params):
    """Fit a graph of some of the tasks."""
    options = {name: params.pop(name) for name in ("stop_gradient", "sharing", "positive") if name in params}
    return net(architecture=TaskGraph(dependencies, transfer=transfer, **options), **params).fit(X, y)


def without(*names):
    return Targets({name: Y[name] for name in Y if name not in names})


# -- errors


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        (
            TaskGraph({"a": ["b"], "b": ["c"], "c": ["a"]}),
            r"dependencies of TaskGraph contain a cycle: '.' -> '.' -> '.' -> '.'\.",
        ),
        (TaskGraph({"a": ["b"], "b": ["a"]}), "contain a cycle: '(a' -> 'b' -> 'a|b' -> 'a' -> 'b)'"),
        (TaskGraph({"a": ["a"]}), "contain a cycle: 'a' -> 'a'"),
        (TaskGraph({"a": ["nothing"]}), r"unknown tasks \['nothing'\]; the tasks are \['a', 'b', 'c', 'number'\]"),
        (TaskGraph({"nothing": ["a"]}), r"unknown tasks \['nothing'\]"),
        (TaskGraph({"c": "a"}), r"dependencies\['c'\]='a' of TaskGraph should be a list of tasks"),
        (TaskGraph({"c": [0]}), r"dependencies\['c'\]=\[0\] of TaskGraph should be a list of tasks"),
        (TaskGraph({"c": ["a", "b", "a"]}), r"dependencies\['c'\]=.* of TaskGraph names a task twice"),
        (TaskGraph({"number": ["a"]}, transfer="product"), "task 'number' is Regression.* with 1 outputs"),
        (TaskGraph({"a": ["number"]}, transfer="product"), "probabilities of two classes, but task 'number'"),
        (TaskGraph({"a": ["b"]}, sharing=TaskGraph({})), "should be an architecture that gives each task a view"),
        (TaskGraph({"a": ["b"]}, sharing="soft"), "architecture='soft' should be a Architecture or one of"),
        (TaskGraph({"a": ["b"]}, transfer="sum"), "The 'transfer' parameter of TaskGraph must be a str among"),
        (TaskGraph([("a", "b")]), "The 'dependencies' parameter of TaskGraph must be an instance of"),
        (TaskGraph({"a": ["b"]}, stop_gradient="yes"), "The 'stop_gradient' parameter of TaskGraph"),
        (TaskGraph({"a": ["b"]}, sharing=MMoE(n_experts=0)), "The 'n_experts' parameter of MMoE"),
        (TaskGraph({"a": ["b"]}, sharing=HardSharing((0,))), r"tower_sizes=\(0,\) of HardSharing"),
    ],
    ids=[
        "a cycle", "two in a cycle", "itself", "unknown parent", "unknown child", "text for a list",
        "number for a name", "a parent twice", "product for a number", "product from a number", "graph in a graph",
        "unknown sharing", "unknown transfer", "no mapping", "no bool", "wrong experts", "wrong towers",
    ],
)  # fmt: skip
def test_a_wrong_graph_is_refused_by_fit(architecture, message):
    with pytest.raises(ValueError, match=message):
        net(architecture=architecture).fit(X, Y)


class OfAUser(Architecture):
    def build(self, trunk, tasks, streams):
        raise NotImplementedError


def test_an_architecture_without_views_is_refused():
    with pytest.raises(ValueError, match=r"sharing=OfAUser\(\) of TaskGraph should be an architecture that"):
        graph({"a": ["b"]}, sharing=OfAUser())


def test_three_classes_have_no_product():
    y = Targets(a=Y["a"], three=X[:, :3].argmax(axis=1))
    with pytest.raises(ValueError, match=r"task 'three' is .* with 3 outputs"):
        graph({"three": ["a"]}, "product", y)


def test_a_wrong_graph_leaves_the_estimator_unfitted():
    estimator = net(architecture=TaskGraph({"a": ["a"]}))
    with pytest.raises(ValueError, match="cycle"):
        estimator.fit(X, Y)
    assert not hasattr(estimator, "tasks_")


# -- logits of products of probabilities


def exact_logit(log_probability):
    """Compute log(p / (1 - p)) from log(p) in 400 digits."""
    with localcontext() as context:
        context.prec = 400
        context.Emin = -(10**9)
        x = Decimal(float(log_probability))
        p = x.exp()
        return float(x - (1 - p).ln())


LOGS = [-1e-300, -1e-30, -1e-12, -1e-7, -1e-3, -0.1, -0.5, -0.69, -math.log(2), -0.7, -1.0, -5.0, -37.0, -100.0,
        -1e4]  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_logits_of_logs_are_exact(dtype):
    values = torch.tensor([x for x in LOGS if abs(x) >= torch.finfo(dtype).tiny], dtype=dtype)
    expected = torch.tensor([exact_logit(x) for x in values.tolist()], dtype=torch.float64)
    # around p = 1/2 the logit is 0: what counts there is the absolute error
    eps = torch.finfo(dtype).eps
    torch.testing.assert_close(logit_of_log(values).double(), expected, rtol=4 * eps, atol=4 * eps)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_logits_of_extreme_logs_are_finite_with_finite_gradients(dtype):
    info = torch.finfo(dtype)
    values = torch.tensor([0.0, -0.0, -info.tiny, -info.tiny / 4, *LOGS, -1e30, info.min], dtype=dtype)
    values.requires_grad_()
    logits = logit_of_log(values)
    logits.sum().backward()
    assert torch.isfinite(logits).all()
    assert torch.isfinite(values.grad).all()
    assert (values.grad >= 0).all()


def test_the_gradient_of_a_logit_is_that_of_its_formula():
    values = torch.tensor([-1e-3, -0.3, -0.69, -0.7, -2.0, -30.0], dtype=torch.float64, requires_grad=True)
    logit_of_log(values).sum().backward()
    torch.testing.assert_close(values.grad, 1 / -torch.expm1(values.detach()))


@given(st.floats(-1e4, -1e-30), st.floats(-1e4, -1e-30))
def test_logits_of_logs_keep_the_order(one, other):
    low, high = sorted([one, other])
    logits = logit_of_log(torch.tensor([low, high], dtype=torch.float64))
    assert logits[0] <= logits[1] + 4e-16 * logits.abs().max()


# -- products


def product(parents, stop_gradient=False):
    names = [*{name: None for child, several in parents.items() for name in (*several, child)}]
    return Product(dict.fromkeys(names, BINARY), parents, WIDTH, Streams(0), stop_gradient), names


class Given:
    """Heads with given outputs."""

    def __init__(self, logits):
        self.logits = logits

    def __call__(self, views, tasks):
        return {name: self.logits[name] for name in tasks}


GRAPHS = {
    "chain": {"b": ["a"], "c": ["b"], "d": ["c"]},
    "two parents": {"c": ["a", "b"]},
    "diamond": {"b": ["a"], "c": ["a"], "d": ["b", "c"]},
    "shortcut": {"b": ["a"], "c": ["b", "a"]},
}
LOGITS = st.one_of(st.floats(-1e4, 1e4), st.floats(-100, 100), st.floats(-1, 1), st.sampled_from([-1e4, 1e4, 0.0]))


@pytest.mark.parametrize("parents", GRAPHS.values(), ids=GRAPHS.keys())
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@given(values=st.lists(st.tuples(LOGITS, LOGITS, LOGITS, LOGITS), min_size=1, max_size=20))
@example(values=[(1e4, 1e4, 1e4, 1e4), (-1e4, -1e4, -1e4, -1e4), (1e4, -1e4, 1e4, -1e4), (0.0, 1e4, 0.0, 1e4)])
def test_no_child_is_more_probable_than_a_parent(parents, dtype, values):
    heads, names = product(parents)
    columns = torch.tensor(values, dtype=dtype)
    raw = {name: columns[:, [i]] for i, name in enumerate("abcd")}
    heads.__dict__["heads"] = Given(raw)
    del heads._modules["heads"]
    outputs = heads(Views(None, Representation(torch.zeros(len(values), WIDTH))), names)
    for child, several in parents.items():
        probability = BINARY.decode_proba(outputs[child].numpy())[:, 1]
        assert torch.isfinite(outputs[child]).all()
        for parent in several:
            assert (outputs[child] <= outputs[parent]).all()
            assert (probability <= BINARY.decode_proba(outputs[parent].numpy())[:, 1]).all()
        known = [name for name in (child, *several)]
        if all(name == child or not parents.get(name) for name in known):
            exact = np.prod([expit(raw[name].double().numpy()[:, 0]) for name in known], axis=0)
            np.testing.assert_allclose(
                probability, exact, rtol=1e-5 if dtype == torch.float32 else 1e-12, atol=1e-30
            )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("size", [0.0, 1.0, 20.0, 90.0, 1e3, 1e6, 1e30])
def test_gradients_of_products_are_finite(dtype, size):
    heads, names = product(GRAPHS["diamond"])
    heads.to(dtype)
    x = size * torch.randn(50, WIDTH, generator=torch.Generator().manual_seed(0), dtype=dtype)
    outputs = heads(Views(None, Representation(x)), names)
    target = torch.arange(50)[:, None] % 2
    sum(BINARY.elementwise_loss(outputs[name], target.to(dtype)).mean() for name in names).backward()
    for parameter in heads.parameters():
        assert torch.isfinite(parameter.grad).all()


def test_a_product_multiplies_probabilities():
    heads, names = product(GRAPHS["diamond"])
    views = Views(None, Representation(torch.randn(ROWS, WIDTH, generator=torch.Generator().manual_seed(0))))
    outputs = heads(views, names)
    own = {name: torch.sigmoid(heads.heads(views, names)[name]) for name in names}
    p = {name: torch.sigmoid(outputs[name]) for name in names}
    torch.testing.assert_close(p["a"], own["a"])
    torch.testing.assert_close(p["b"], own["b"] * own["a"])
    torch.testing.assert_close(p["c"], own["c"] * own["a"])
    torch.testing.assert_close(p["d"], own["d"] * p["b"] * p["c"])


def test_the_bound_holds_for_a_fitted_classifier():
    labels = Targets(a=Y["a"], b=Y["b"], c=Y["c"])
    for dependencies in ({"c": ["b"], "b": ["a"]}, {"c": ["a", "b"]}):
        estimator = MultiTaskNetClassifier(
            architecture=TaskGraph(dependencies, transfer="product"), max_epochs=3, random_state=0
        ).fit(X, labels)
        proba = estimator.predict_proba(1e3 * X)
        for child, parents in dependencies.items():
            for parent in parents:
                assert (proba[child][:, 1] <= proba[parent][:, 1]).all()


def test_the_bound_holds_for_an_ensemble():
    labels = Targets({name: Y["a"] for name in "abc"})  # trained equally, so that they differ only by rounding
    estimator = MultiTaskNetClassifier(
        architecture=TaskGraph({"b": ["a"], "c": ["b"]}, transfer="product"), max_epochs=30, learning_rate=1e-2,
        n_members=3, random_state=0,
    )  # fmt: skip
    estimator.fit(X, labels)
    proba = estimator.predict_proba(inputs(20_000) * np.logspace(0, 2, 20_000)[:, None])
    assert (proba["c"][:, 1] <= proba["b"][:, 1]).all()
    assert (proba["b"][:, 1] <= proba["a"][:, 1]).all()


def signs(one, other, mask):
    return np.where(mask, one, other)


ENSEMBLES = pytest.mark.parametrize(
    "ensemble", [{}, {"n_members": 3}, {"n_members": 3, "ensemble": "batch"}], ids=["single", "members", "batch"]
)


@ENSEMBLES
@pytest.mark.parametrize(
    ("yes", "no", "positive"),
    [
        (True, False, None), (1, 0, None), (1.0, 0.0, None), (1, -1, None), ("a", "z", "a"), ("z", "a", "z"),
        (False, True, False), (2, 1, {"a": 2, "c": 2}), (1, 2, {"a": 1, "c": 1}),
    ],
)  # fmt: skip
def test_the_bound_is_that_of_the_positive_class(yes, no, positive, ensemble):
    y = Targets(a=signs(yes, no, Y["a"]), c=signs(yes, no, Y["c"]))
    estimator = MultiTaskNetClassifier(
        architecture=TaskGraph({"c": ["a"]}, transfer="product", positive=positive), max_epochs=3, random_state=0,
        **ensemble,
    ).fit(X, y)  # fmt: skip
    proba = estimator.predict_proba(np.vstack([X, 1e3 * X]))
    parent, child = (proba[name][:, list(estimator.classes_[name]).index(yes)] for name in "ac")
    assert (child <= parent).all()


@pytest.mark.parametrize("first", [[], ["a"], ["b", "d"], ["a", "b", "c", "d"]], ids=str)
def test_a_product_multiplies_probabilities_of_the_positive_classes(first):
    parents = GRAPHS["diamond"]
    heads = Product(
        dict.fromkeys("abcd", BINARY), parents, WIDTH, Streams(0), False, first_is_positive=first
    ).double()  # fmt: skip
    sample = torch.randn(ROWS, WIDTH, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    views = Views(None, Representation(sample))
    outputs, raw = heads(views, list("abcd")), heads.heads(views, list("abcd"))
    sign = {name: -1 if name in first else 1 for name in "abcd"}
    own = {name: torch.sigmoid(sign[name] * raw[name]) for name in "abcd"}
    expected = {"a": own["a"], "b": own["b"] * own["a"], "c": own["c"] * own["a"]}
    expected["d"] = own["d"] * expected["b"] * expected["c"]
    for name in "abcd":
        torch.testing.assert_close(torch.sigmoid(sign[name] * outputs[name]), expected[name])


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        (
            TaskGraph({"c": ["a"]}, transfer="product"),
            r"task 'a' has the classes 'no', 'yes'; pass positive=\{'a': 'yes'\}",
        ),
        (
            TaskGraph({"c": ["a"]}, transfer="product", positive={"a": "yes"}),
            "task 'c' has the classes 'no', 'yes'",
        ),
        (
            TaskGraph({"c": ["a"]}, transfer="product", positive="maybe"),
            "positive='maybe' of TaskGraph has the class 'maybe' for task 'a', which has the classes 'no', 'yes'",
        ),
        (
            TaskGraph({"c": ["a"]}, transfer="product", positive={"d": "yes"}),
            r"positive of TaskGraph names \['d'\], which are not tasks of the graph; these are \['a', 'c'\]",
        ),
        (TaskGraph({"c": ["a"]}, positive="yes"), "transfer='concat' does not use it"),
    ],
    ids=["not given", "of one task only", "no class", "no task", "no product"],
)
def test_a_wrong_positive_class_is_refused(architecture, message):
    y = Targets(a=signs("yes", "no", Y["a"]), c=signs("yes", "no", Y["c"]))
    with pytest.raises(ValueError, match=message):
        net(architecture=architecture).fit(X, y)


# -- tokens and pixels


IMAGES = np.random.default_rng(0).normal(size=(24, 6, 6))
OF_IMAGES = Targets(
    bright=IMAGES.mean(axis=(1, 2)) > 0, light=(IMAGES > 0).astype(int), glaring=(IMAGES > 1).astype(int)
)


def of_images(dependencies, transfer, **params):
    return MultiTaskNetEstimator(
        trunk=ConvNet(channels=(4,), hidden_size=6), tasks={"light": "segmentation", "glaring": "segmentation"},
        architecture=TaskGraph(dependencies, transfer=transfer), max_epochs=2, early_stopping=False,
        random_state=0, **params,
    )  # fmt: skip


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_tasks_of_pixels_may_stand_beside_a_graph(transfer):
    found = of_images({}, transfer).fit(IMAGES, OF_IMAGES).predict_proba(IMAGES)
    alone = of_images({}, transfer).set_params(architecture="hard_sharing").fit(IMAGES, OF_IMAGES)
    for name, proba in alone.predict_proba(IMAGES).items():
        np.testing.assert_allclose(found[name], proba, atol=1e-6)


@pytest.mark.parametrize("n_members", [1, 2])
@pytest.mark.parametrize("transfer", ["concat", "product"])
def test_tasks_of_pixels_depend_on_each_other_pixel_by_pixel(transfer, n_members):
    estimator = of_images({"glaring": ["light"]}, transfer, n_members=n_members).fit(IMAGES, OF_IMAGES)
    proba = estimator.predict_proba(IMAGES)
    assert proba["glaring"].shape == (24, 6, 6, 2)
    if transfer == "product":
        assert (proba["glaring"][..., 1] <= proba["light"][..., 1]).all()


def test_concatenation_of_pixels_is_that_of_each_pixel():
    network = of_images({"glaring": ["light"]}, "concat").fit(IMAGES, OF_IMAGES).net_.module_.eval()
    heads, seen = network.heads, {}
    heads.heads.register_forward_hook(lambda module, args, outputs: seen.update(outputs))
    inputs_ = {"X": torch.as_tensor(IMAGES[..., None], dtype=torch.float32)}
    name = next(iter(as_member(of_images({}, "concat"), IMAGES, OF_IMAGES).data.train.inputs))
    outputs = network({name: inputs_["X"]}, ["glaring", "light"])
    (linear,) = heads.maps
    torch.testing.assert_close(
        outputs["glaring"], seen["glaring"] + seen["light"] * linear.weight[0, 0] + linear.bias[0]
    )


@pytest.mark.parametrize("transfer", ["concat", "product"])
def test_tasks_of_tokens_depend_on_each_other_token_by_token(transfer):
    rows = [list("abcab"[: 2 + i % 4]) for i in range(20)]
    y = Targets(a=[[int(t == "a") for t in row] for row in rows], b=[[int(t != "c") for t in row] for row in rows])
    estimator = MultiTaskNetEstimator(
        trunk=SequenceEncoder(hidden_size=8), tasks={"a": "tagging", "b": "tagging"}, max_epochs=2, random_state=0,
        architecture=TaskGraph({"a": ["b"]}, transfer=transfer), early_stopping=False,
    ).fit(rows, y)  # fmt: skip
    proba = estimator.predict_proba(rows)
    if transfer == "product":
        for child, parent in zip(proba["a"], proba["b"], strict=True):
            assert (np.asarray(child)[:, 1] <= np.asarray(parent)[:, 1]).all()


@pytest.mark.parametrize(
    ("dependencies", "transfer", "message"),
    [
        ({"light": ["bright"]}, "concat", "'bright' has one target per row, 'light' has one target per pixel"),
        ({"bright": ["light"]}, "product", "'light' has one target per pixel, 'bright' has one target per row"),
        (
            {"glaring": ["light"]},
            "attention",
            "connects tasks with one target per row, but 'light' has one target",
        ),
    ],
)
def test_edges_that_do_not_fit_are_refused(dependencies, transfer, message):
    with pytest.raises(ValueError, match=message):
        of_images(dependencies, transfer).fit(IMAGES, OF_IMAGES)


# -- concatenation and attention


def random_views(names, *axes):
    generator = torch.Generator().manual_seed(0)
    sample = torch.randn(*axes, len(names), ROWS, WIDTH, generator=generator, dtype=torch.float64)
    return Views(tuple(names), Representation(sample))


FITTED = fitted_tasks()
PARENTS = {"mass": ["species", "a.b"], "forward": ["mass"]}
NAMES = ["species", "a.b", "mass", "forward"]


def ordered():
    return {name: FITTED[name] for name in NAMES}


def test_concatenation_is_a_linear_head_on_view_and_outputs_of_parents():
    heads = Concatenation(ordered(), PARENTS, WIDTH, Streams(0), False).double()
    views = random_views(NAMES)
    outputs = dict(heads(views, NAMES))
    weights = heads.weights()
    biases = dict(
        zip(heads.heads.names[0], heads.heads.products[0].bias.split(heads.heads.products[0].widths), strict=True)
    )
    for number, child in enumerate(PARENTS):
        linear = heads.maps[number]
        weight = torch.cat([weights[child], linear.weight], dim=1)
        seen = [views.of_one(child).sample, *(outputs[parent] for parent in PARENTS[child])]
        expected = torch.cat(seen, dim=1) @ weight.T + biases[child] + linear.bias
        torch.testing.assert_close(outputs[child], expected)
    for name in ("species", "a.b"):
        torch.testing.assert_close(outputs[name], views.of_one(name).sample @ weights[name].T + biases[name])


def softmax(x):
    x = np.exp(x - x.max(axis=0))
    return x / x.sum(axis=0)


def test_attention_is_its_formula():
    heads = Attention(ordered(), PARENTS, WIDTH, Streams(0), False).double()
    views = random_views(NAMES)
    outputs = heads(views, NAMES)

    def apply(linear, x):
        return x @ linear.weight.detach().numpy().T + linear.bias.detach().numpy()

    z = {name: views.of_one(name).sample.numpy() for name in NAMES}
    for number, child in enumerate(PARENTS):
        several = zip(heads.hand_over[number], PARENTS[child], strict=True)
        vectors = [z[child], *(np.maximum(apply(linear, z[parent]), 0) for linear, parent in several)]
        h1, h2, h3 = heads.attention[number]
        scores = np.stack([(apply(h1, u) * apply(h2, u)).sum(axis=1) / math.sqrt(WIDTH) for u in vectors])
        weights = softmax(scores)
        z[child] = sum(w[:, None] * apply(h3, u) for w, u in zip(weights, vectors, strict=True))
    product_of_heads = heads.heads.products[0]
    biases = dict(zip(heads.heads.names[0], product_of_heads.bias.split(product_of_heads.widths), strict=True))
    for name in NAMES:
        expected = z[name] @ heads.weights()[name].detach().numpy().T + biases[name].detach().numpy()
        np.testing.assert_allclose(outputs[name].detach().numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("heads", [Concatenation, Attention], ids=lambda kind: kind.__name__)
def test_some_tasks_are_computed_with_their_ancestors_only(heads):
    module = heads(ordered(), PARENTS, WIDTH, Streams(0), False).double()
    assert module.needed(["forward"]) == NAMES
    assert module.needed(["mass"]) == ["species", "a.b", "mass"]
    assert module.needed(["a.b"]) == ["a.b"]
    views = random_views(NAMES)
    for name in NAMES:
        some = module(views, [name])
        assert list(some) == [name]
        torch.testing.assert_close(some[name], module(views, NAMES)[name])


# -- gradients


def of_tasks(network, values, names):
    """Backpropagate the outputs of some tasks; name the parameters that got a gradient other than 0."""
    network.zero_grad()
    outputs = network(values, names)
    sum(outputs[name].square().sum() for name in names).backward()
    return {name for name, p in network.named_parameters() if p.grad is not None and p.grad.any()}


BINARY_GRAPH = {"c": ["a"]}


def small_network(transfer, stop_gradient, sharing):
    trunk, values = fitted_trunk()
    tasks = {"a": BINARY, "c": BINARY}
    spec = TaskGraph(BINARY_GRAPH, transfer=transfer, stop_gradient=stop_gradient, sharing=sharing)
    return spec.build(trunk, tasks, Streams(0)), values


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_the_loss_of_a_child_leaves_its_parents_alone_on_request(transfer):
    for stopped in (False, True):
        network, values = small_network(transfer, stopped, Independent(tower_sizes=(4,)))
        of_tasks(network, values, ["c"])
        # the parameters of a task are at its position along an axis of tasks
        of_parent = [p.grad[0] for name, p in network.named_parameters() if name.startswith(("sharing", "towers"))]
        of_child = [p.grad[1] for name, p in network.named_parameters() if name.startswith(("sharing", "towers"))]
        assert any(gradient.any() for gradient in of_parent) is not stopped
        assert all(gradient.any() for gradient in of_child)


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_the_head_of_a_parent_learns_from_the_child_or_not(transfer):
    for stopped in (False, True):
        network, values = small_network(transfer, stopped, HardSharing())
        assert any(name.startswith("sharing") for name in of_tasks(network, values, ["c"]))
        heads = network.heads.heads.products[0].weight.grad
        assert heads[1].any()
        # with attention a child reads the input of its parent's head, not its output
        assert bool(heads[0].any()) is (not stopped and transfer != "attention")


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_the_trunk_learns_from_a_child_whose_gradient_is_stopped(transfer):
    network, values = small_network(transfer, True, HardSharing())
    of_tasks(network, values, ["c"])
    assert all(p.grad.any() for p in network.shared_parameters())


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_stopping_the_gradient_changes_no_output(transfer):
    (one, values), (other, _) = (small_network(transfer, stopped, HardSharing()) for stopped in (False, True))
    for name in ("a", "c"):
        assert torch.equal(one(values, ["a", "c"])[name], other(values, ["a", "c"])[name])


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_stopping_the_gradient_changes_the_fit(transfer):
    one, other = (graph({"c": ["a", "b"]}, transfer, stop_gradient=stopped) for stopped in (False, True))
    assert not all(np.array_equal(w, weights_of(other)[name]) for name, w in weights_of(one).items())


# -- fits


@pytest.mark.parametrize("transfer", TRANSFERS)
@pytest.mark.parametrize("sharing", ["hard_sharing", PLE()], ids=["hard_sharing", "ple"])
def test_a_parent_of_weight_zero_is_as_if_absent(transfer, sharing):
    idle = graph({"c": ["a", "b"]}, transfer, sharing=sharing, task_weights={"a": 0})
    absent = graph({"c": ["b"]}, transfer, without("a"), sharing=sharing)
    assert_same({name: idle.predict(X)[name] for name in absent.predict(X)}, dict(absent.predict(X)))
    weights = weights_of(absent)
    idle_weights = {name.removeprefix("network."): w for name, w in weights_of(idle).items()}
    for name, values in weights.items():
        np.testing.assert_array_equal(idle_weights[name], values, err_msg=name)


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_a_child_of_weight_zero_is_as_if_absent(transfer):
    idle, absent = graph({"c": ["a"]}, transfer, task_weights={"c": 0}), graph({}, transfer, without("c"))
    assert_same({name: idle.predict(X)[name] for name in absent.predict(X)}, dict(absent.predict(X)))


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_a_graph_without_edges_is_its_sharing(transfer):
    one, other = graph({}, transfer), net(architecture="hard_sharing").fit(X, Y)
    for name in Y:
        np.testing.assert_allclose(
            one._model.outputs(X, [name], one)[name], other._model.outputs(X, [name], other)[name], atol=1e-6
        )


def test_a_task_named_with_no_parents_depends_on_none():
    assert_same_model(graph({"a": [], "c": ["a"]}), graph({"c": ["a"]}))


@pytest.mark.parametrize("transfer", TRANSFERS)
@pytest.mark.parametrize(
    "sharing", ["hard_sharing", "independent", MMoE(n_experts=2)], ids=["hard", "own", "mmoe"]
)
def test_a_child_is_predicted_with_its_ancestors(transfer, sharing):
    estimator = graph({"c": ["a", "b"], "b": ["a"]}, transfer, sharing=sharing, dtype="float64")
    whole = estimator._model.outputs(X, list(Y), estimator)
    for name in Y:
        alone = estimator._model.outputs(X, [name], estimator)
        assert list(alone) == [name]
        np.testing.assert_allclose(alone[name], whole[name], rtol=0, atol=1e-12)
        assert list(estimator.predict(X, tasks=[name])) == [name]


def test_a_parent_is_predicted_without_its_children():
    estimator = graph({"c": ["a"]}, sharing="independent", dtype="float64")
    whole = estimator.predict_proba(X)
    with torch.no_grad():
        for parameter in estimator.net_.module_.heads.maps.parameters():
            parameter.fill_(math.nan)
    np.testing.assert_allclose(estimator.predict_proba(X, tasks=["a"])["a"], whole["a"], atol=1e-12)
    assert np.isnan(estimator.predict_proba(X, tasks=["c"])["c"]).all()


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_labels_of_parents_are_never_looked_at(transfer):
    """With labels of the parent for half of the rows, its predictions serve the child on all of them."""
    y = Targets({name: Y[name].astype(object) for name in ("a", "c")})
    y["a"][::2] = None
    estimator = graph({"c": ["a"]}, transfer, y)
    assert set(estimator.predict(X)) == {"a", "c"}
    assert np.isfinite(estimator.predict_proba(X)["c"].astype(float)).all()


@pytest.mark.parametrize("transfer", ["concat", "attention"])
def test_parents_of_every_kind(transfer):
    y = Targets(
        three=np.array(["x", "y", "z"], dtype=object)[X[:, :3].argmax(axis=1)],
        pair=X[:, :2],
        tags=(X[:, 1:] > 0).astype(int),
        child=X[:, 0] > 0,
    )
    estimator = graph({"child": ["three", "pair", "tags"], "tags": ["pair"]}, transfer, y)
    assert set(estimator.predict(X, tasks=["child", "tags"])) == {"child", "tags"}


def test_concatenation_helps_a_child_that_is_its_parent():
    """A child with few labels that follows from its parent's learns more from the graph."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 6))
    parent = np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2]
    child = 2 * parent
    few = np.where(np.arange(400) % 20 == 0, child, np.nan)
    fits = {}
    for name, spec in {"graph": TaskGraph({"child": ["parent"]}), "alone": Independent()}.items():
        estimator = net(architecture=spec, max_epochs=60, learning_rate=2e-2, batch_size=50)
        fits[name] = estimator.fit(X, Targets(parent=parent, child=few)).score_tasks(
            X, Targets(parent=parent, child=child)
        )["child"]
    assert fits["graph"] > fits["alone"] + 0.1
