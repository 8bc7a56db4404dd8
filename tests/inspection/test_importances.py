"""Permutation importances of all tasks: what they find, what they count, and in which containers."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import csr_matrix
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state

from sklearn_mtl import MultiTaskNetEstimator, Portfolio, Targets
from sklearn_mtl.inspection import correlated_groups, task_importances
from sklearn_mtl.inspection._importances import p_values_of
from sklearn_mtl.trunks import MLP, ConvNet, MultiInput, SequenceEncoder
from sklearn_mtl.uncertainty import CalibratedMultiTask

from .._helpers import inputs, net

# input 5 matters for no task
PLANTED = {"sick": [0, 1], "mass": [2], "species": [3, 4]}
SETTINGS = {"trunk": MLP((32,), scaling="standard"), "max_epochs": 25, "learning_rate": 0.02}


def made(n_rows, seed):
    X = inputs(n_rows, 6, seed=seed)
    noise = 0.3 * inputs(n_rows, 3, seed=seed + 100)
    sick = np.where(X[:, 0] + X[:, 1] + noise[:, 0] > 0, "yes", "no").astype(object)
    mass = 100 + 20 * X[:, 2] + noise[:, 1]
    species = np.array(["ape", "bee", "cat"])[np.digitize(X[:, 3] - X[:, 4] + noise[:, 2], [-0.7, 0.7])]
    sick[::4], mass[1::3] = None, np.nan
    return X, Targets(sick=sick, mass=mass, species=species)


X, Y = made(500, 0)
NEW_X, NEW_Y = made(400, 1)


@pytest.fixture(scope="module")
def fitted():
    return net(**SETTINGS).fit(X, Y)


def n_passes(estimator, compute):
    """Return how many forward passes each network of an estimator makes, and what was computed."""
    model = estimator._model
    networks = [part.network for part in getattr(model, "parts", [model])]
    counts = [0] * len(networks)

    def count(number):
        def counted(*_):
            counts[number] += 1

        return counted

    handles = [network.register_forward_hook(count(number)) for number, network in enumerate(networks)]
    try:
        found = compute()
    finally:
        for handle in handles:
            handle.remove()
    return counts, found


def test_planted_inputs_are_found_and_no_others(fitted):
    found = task_importances(fitted, NEW_X, NEW_Y, n_repeats=10, random_state=0)
    mean, spread, n_cells = found.importances_mean, found.importances_std, found.p_values.size
    for task, planted in PLANTED.items():
        for column in range(6):
            at = f"x{column}", task
            if column in planted:
                assert mean.loc[at] > 5 * spread.loc[at], at
                assert found.p_values.loc[at] * n_cells < 0.001, at
            else:
                assert abs(mean.loc[at]) < 3 * spread.loc[at], at
                assert found.p_values.loc[at] * n_cells > 0.05, at
    assert found.metrics == {"sick": "accuracy", "mass": "r2", "species": "accuracy"}
    assert found.scores == fitted.score_tasks(NEW_X, NEW_Y)


def test_one_forward_pass_for_each_permutation_of_all_tasks(fitted):
    counts, _ = n_passes(fitted, lambda: task_importances(fitted, NEW_X, NEW_Y, n_repeats=3))
    assert counts == [6 * 3 + 1]
    grouped, _ = n_passes(fitted, lambda: task_importances(fitted, NEW_X, NEW_Y, n_repeats=3, groups=[[0, 1, 5]]))
    assert grouped == [4 * 3 + 1]
    recipes = Portfolio({"shared": {"n_members": 2}, "alone": {"architecture": "independent", "n_members": 1}})
    several = net(ensemble=recipes, early_stopping="auto").fit(X, Y)
    counts, _ = n_passes(several, lambda: task_importances(several, NEW_X, NEW_Y, n_repeats=2))
    assert counts == [6 * 2 + 1] * 2


def test_importances_are_falls_of_the_scores(fitted):
    weight = np.arange(400) % 3
    found = task_importances(fitted, NEW_X, NEW_Y, n_repeats=2, sample_weight=weight, random_state=3)
    rng, first = check_random_state(3), fitted.score_tasks(NEW_X, NEW_Y, weight)
    for column in range(6):
        for repeat in range(2):
            changed = NEW_X.copy()
            changed[:, column] = NEW_X[rng.permutation(400), column]
            scores = fitted.score_tasks(changed, NEW_Y, weight)
            for task, score in scores.items():
                assert found.importances[task][column, repeat] == first[task] - score
    for task, values in found.importances.items():
        np.testing.assert_array_equal(found.importances_mean[task], values.mean(axis=1))
        np.testing.assert_array_equal(found.importances_std[task], values.std(axis=1))


def test_same_importances_in_all_containers(fitted):
    names = [f"x{number}" for number in range(6)]
    frame = pd.DataFrame(X, columns=names)
    of_frame = net(**SETTINGS).fit(frame, Y)
    new = pd.DataFrame(NEW_X, columns=names, index=np.arange(400)[::-1] // 2)
    expected = task_importances(fitted, NEW_X, NEW_Y, n_repeats=1, random_state=0).importances_mean
    for estimator, rows in (
        (of_frame, new),
        (of_frame, pl.DataFrame(NEW_X, schema=names)),
        (fitted, NEW_X.tolist()),
        (fitted, NEW_X.astype(object)),
        (fitted, np.ma.masked_array(NEW_X)),
    ):
        found = task_importances(estimator, rows, NEW_Y, n_repeats=1, random_state=0)
        pd.testing.assert_frame_equal(found.importances_mean, expected)
    assert (new.to_numpy() == NEW_X).all()


def test_sparse_rows_equal_dense_ones():
    dense = np.where(X > 0.5, X, 0.0)
    sparse_net = net(trunk=MLP((8,))).fit(csr_matrix(dense), Y)
    found = [
        task_importances(sparse_net, rows, Y, n_repeats=2, groups=[[0, 3]], random_state=0).importances_mean
        for rows in (csr_matrix(dense), csr_matrix(dense).tocoo(), dense)
    ]
    pd.testing.assert_frame_equal(found[0], found[1])
    pd.testing.assert_frame_equal(found[0], found[2])


def test_categories_and_missing_numbers_stay_in_their_container():
    frame = pd.DataFrame({"kind": pd.Categorical(np.where(X[:, 0] > 0, "u", "v")), "size": X[:, 1]})
    frame["text"] = np.where(X[:, 3] > 0, "a", "b")
    frame.loc[::5, "size"], frame.loc[::7, "text"] = np.nan, None
    y = Targets(sign=(X[:, 0] > 0).astype(int), other=(X[:, 3] > 0).astype(int))
    fitted = net(max_epochs=20, learning_rate=0.02).fit(frame, y)
    found = task_importances(fitted, frame, y, random_state=0).importances_mean
    assert found.idxmax().to_dict() == {"sign": "kind", "other": "text"}
    assert abs(found.loc["size"]).max() < 0.02
    of_polars = task_importances(fitted, pl.from_pandas(frame), y, random_state=0).importances_mean
    pd.testing.assert_frame_equal(of_polars, found)


def test_columns_that_say_the_same_matter_as_a_group():
    copied = np.column_stack([X, X[:, 2]])
    fitted = net(**SETTINGS).fit(copied, Y)
    new = np.column_stack([NEW_X, NEW_X[:, 2]])
    assert correlated_groups(new) == {"x2 + x6": [2, 6]}
    alone = task_importances(fitted, new, NEW_Y, random_state=0).importances_mean["mass"]
    together = task_importances(fitted, new, NEW_Y, groups=correlated_groups(new), random_state=0)
    joint = together.importances_mean["mass"]
    assert list(joint.index) == ["x2 + x6", "x0", "x1", "x3", "x4", "x5"]
    assert joint["x2 + x6"] > 1.5 * max(alone["x2"], alone["x6"])
    assert together.groups["x2 + x6"] == [2, 6]
    assert together.groups["x0"] == [0]


def test_metrics_of_tasks(fitted):
    chosen = task_importances(fitted, NEW_X, NEW_Y, metrics={"sick": "neg_log_loss"}, n_repeats=1, random_state=0)
    assert chosen.metrics == {"sick": "neg_log_loss", "mass": "r2", "species": "accuracy"}
    expected = fitted.metrics_of_tasks(NEW_X, NEW_Y, metrics={"sick": "neg_log_loss"})
    assert chosen.scores["sick"] == expected["sick"]["neg_log_loss"]
    assert chosen.importances_mean["sick"].idxmax() in ("x0", "x1")
    with pytest.raises(ValueError, match="does not suit the task 'mass'"):
        task_importances(fitted, NEW_X, NEW_Y, metrics="neg_log_loss")


def test_estimators_around_the_network(fitted):
    expected = task_importances(fitted, NEW_X, NEW_Y, n_repeats=2, random_state=0)
    for around in (FrozenEstimator(fitted), make_pipeline("passthrough", fitted)):
        found = task_importances(around, NEW_X, NEW_Y, n_repeats=2, random_state=0)
        pd.testing.assert_frame_equal(found.importances_mean, expected.importances_mean)
    scaled = make_pipeline(StandardScaler(), net()).fit(X, Y)
    first = task_importances(scaled, NEW_X, NEW_Y, n_repeats=2, random_state=0)
    assert first.scores == scaled[-1].score_tasks(scaled[:-1].transform(NEW_X), NEW_Y)
    search = GridSearchCV(net(), {"learning_rate": [0.001]}, cv=2).fit(X, Y)
    assert task_importances(search, NEW_X, NEW_Y).scores == search.best_estimator_.score_tasks(NEW_X, NEW_Y)
    calibrated = CalibratedMultiTask(fitted).calibrate(X, Y)
    assert task_importances(calibrated, NEW_X, NEW_Y).scores == calibrated.score_tasks(NEW_X, NEW_Y)
    with pytest.raises(TypeError, match="metrics of task_importances need"):
        task_importances(calibrated, NEW_X, NEW_Y, metrics="accuracy")


def test_view_of_a_task_as_scikit_learn_computes_it(fitted):
    view = fitted.task_view("species")
    found = task_importances(view, NEW_X, NEW_Y["species"], n_repeats=30, random_state=0)
    assert list(found.importances) == ["species"]
    theirs = permutation_importance(view, NEW_X, NEW_Y["species"], n_repeats=30, random_state=0)
    np.testing.assert_allclose(found.importances_mean["species"], theirs.importances_mean, atol=0.02)
    in_pipeline = task_importances(make_pipeline("passthrough", view), NEW_X, NEW_Y["species"], random_state=0)
    assert in_pipeline.scores == found.scores


def test_inputs_of_a_mapping_are_permuted_as_a_whole():
    rng = np.random.default_rng(0)
    words = [str(word) for word in rng.choice(["play some jazz", "book a table"], 200)]
    image = rng.integers(256, size=(200, 6, 6), dtype=np.uint8)
    rows = Targets(text=words, image=image, table=X[:200, :2])
    y = Targets(intent=np.array([word.startswith("play") for word in words]), sign=X[:200, 0] > 0)
    trunk = MultiInput(
        {"text": SequenceEncoder("convolutional", hidden_size=8), "image": ConvNet((4,)), "table": "mlp"},
        hidden_size=16,
    )
    fitted = net(trunk=trunk, max_epochs=10, learning_rate=0.01).fit(rows, y)
    found = task_importances(fitted, rows, y, random_state=0).importances_mean
    assert found.idxmax().to_dict() == {"intent": "text", "sign": "table"}


def test_rows_without_columns_are_refused():
    words = ["play some jazz", "book a table"] * 10
    of_words = net(trunk=SequenceEncoder("convolutional", hidden_size=8)).fit(words, [0, 1] * 10)
    with pytest.raises(TypeError, match="SequenceEncoder reads rows without columns"):
        task_importances(of_words, words, [0, 1] * 10)
    frame = pd.DataFrame({"text": words})
    of_column = net(trunk=SequenceEncoder("convolutional", hidden_size=8)).fit(frame, [0, 1] * 10)
    assert list(task_importances(of_column, frame, [0, 1] * 10).groups) == ["text"]
    images = np.zeros((20, 4, 4))
    images[::2] = 1
    of_images = net(trunk=ConvNet((4,))).fit(images, [0, 1] * 10)
    with pytest.raises(TypeError, match="ConvNet reads rows without columns"):
        task_importances(of_images, images, [0, 1] * 10)


def test_permutations_follow_the_seed(fitted):
    one, same, other = (task_importances(fitted, NEW_X, NEW_Y, random_state=seed) for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(one.importances_mean, same.importances_mean)
    assert (one.importances["mass"] != other.importances["mass"]).any()


def test_p_values_are_uniform_where_nothing_is_said():
    scores = np.random.default_rng(0).normal(size=(20_000, 6, 1))
    falls = scores[:, :1] - scores[:, 1:]  # of 5 permutations, in rows whose order is one more
    p_values = p_values_of(falls)[:, 0]
    for level in (0.01, 0.05, 0.5):
        assert abs((p_values < level).mean() - level) < 4 * np.sqrt(level * (1 - level) / 20_000)
    assert np.isnan(p_values_of(falls[:, :1])).all()
    # equal falls have no spread: the rows as they are are one of six permutations
    np.testing.assert_array_equal(p_values_of(np.array([[[1.0]] * 5, [[0.0]] * 5])), [[1 / 6], [1.0]])


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"n_repeats": 0}, ValueError, "n_repeats=0 should be an int"),
        ({"n_repeats": True}, ValueError, "n_repeats=True"),
        ({"groups": "x0"}, TypeError, "groups should be a mapping"),
        ({"groups": [[0, 9]]}, ValueError, r"names columns \[9\] that X does not have; it has 0 to 5"),
        ({"groups": {"a": []}}, ValueError, r"groups\['a'\] should be a list of columns"),
        ({"groups": {"a": [1, 1]}}, ValueError, r"groups\['a'\] names columns twice"),
        ({"groups": {"x5": [1, 2]}}, ValueError, r"several inputs have the names \['x5'\]"),
        ({"metrics": {"none": "accuracy"}}, ValueError, "unknown tasks"),
        ({"sample_weight": np.ones(3)}, ValueError, "sample_weight"),
    ],
)
def test_bad_options(fitted, options, error, match):
    with pytest.raises(error, match=match):
        task_importances(fitted, NEW_X, NEW_Y, **options)


def test_bad_input(fitted):
    with pytest.raises(TypeError, match="requires a fitted MultiTaskNetEstimator"):
        task_importances(StandardScaler(), NEW_X, NEW_Y)
    with pytest.raises(TypeError, match="the class MultiTaskNetEstimator"):
        task_importances(MultiTaskNetEstimator, NEW_X, NEW_Y)
    with pytest.raises(ValueError, match="not fitted"):
        task_importances(net(), NEW_X, NEW_Y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        task_importances(fitted, NEW_X[:50], NEW_Y)
    with pytest.raises(ValueError, match="6 features"):
        task_importances(fitted, NEW_X[:, :3], NEW_Y)
    with pytest.raises(TypeError, match="permutes columns, but X has none"):
        task_importances(make_pipeline("passthrough", fitted), NEW_X[:, 0], NEW_Y)


def test_sparse_targets_and_auxiliary_tasks():
    labels = np.where(inputs(400, 3, seed=7) > 0.8, NEW_X[:, :3] + 10, 0.0)  # most are missing
    sparse = Targets.from_sparse(csr_matrix(labels), names=["a", "b", "c"])
    dense = Targets({name: np.where(labels[:, n] > 0, labels[:, n], np.nan) for n, name in enumerate("abc")})
    fitted = net(tasks=dict.fromkeys("abc", "regression"), max_epochs=10).fit(NEW_X, sparse)
    found, expected = (task_importances(fitted, NEW_X, y, n_repeats=2, random_state=0) for y in (sparse, dense))
    np.testing.assert_allclose(found.importances_mean, expected.importances_mean, atol=1e-5)
    helped = net(auxiliary=["mass"]).fit(X, Y)
    assert list(task_importances(helped, NEW_X, NEW_Y, n_repeats=1).importances) == ["sick", "species"]
