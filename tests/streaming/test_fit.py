"""Fits to streams equal those in memory, and can be continued."""

import shutil
import weakref

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
import torch
from skorch.callbacks import Callback, EpochScoring

from sklearn_mtl import BatchEnsemble, EarlyStopping, MultiTaskNetEstimator, Portfolio
from sklearn_mtl.streaming import Stream
from sklearn_mtl.streaming._hash import hash_rows, shares_of
from sklearn_mtl.tasks import Classification
from sklearn_mtl.trunks import MLP
from tests._helpers import assert_same_model, net
from tests.streaming._data import COLUMNS, TASKS, table, write

TRUNK = MLP((8,), scaling="squash", n_bins=4)
FRAME = table()
X, Y = FRAME[COLUMNS], FRAME[TASKS]
COMMON = FRAME.filter(pl.col("cls").ne_missing("seldom"))


class Frames(torch.utils.data.IterableDataset):
    def __init__(self, *blocks):
        self.blocks = blocks

    def __iter__(self):
        return iter(self.blocks)


def arrow(folder):
    return ds.dataset(write(folder, FRAME, n_files=1, row_group_size=1000))


SOURCES = {
    "folder": lambda folder: str(write(folder, FRAME, n_files=1, row_group_size=1000)),
    "path": lambda folder: write(folder, FRAME, n_files=1, row_group_size=1000) / "part-0.parquet",
    "pattern": lambda folder: str(write(folder, FRAME, n_files=1, row_group_size=1000) / "*.parquet"),
    "dataset": arrow,
    "in memory": lambda folder: ds.dataset(FRAME.to_arrow()),
    "lazy": lambda folder: FRAME.lazy(),
    "iterable": lambda folder: Frames(FRAME),
    "mappings": lambda folder: Frames({name: FRAME[name].to_list() for name in FRAME.columns}),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_one_block_equals_rows_in_memory(kind, tmp_path):
    streamed = net(trunk=TRUNK).fit(SOURCES[kind](tmp_path), TASKS)
    whole = net(trunk=TRUNK).fit(X, Y)
    assert_same_model(streamed, whole)
    assert streamed.history_.drop(columns="dur").equals(whole.history_.drop(columns="dur"))
    assert list(streamed.feature_names_in_) == COLUMNS
    ours, theirs = streamed.predict(X), whole.predict(X)
    for name in TASKS:
        assert np.asarray(ours[name]).tolist() == theirs[name].to_list()


def test_container_of_predictions_is_that_of_the_source():
    assert isinstance(net().fit(FRAME.lazy(), TASKS).predict(X), pl.DataFrame)
    assert isinstance(net().fit(ds.dataset(FRAME.to_arrow()), TASKS).predict(X), pa.Table)


def test_array_in_a_file(tmp_path):
    rng = np.random.default_rng(0)
    rows, y = rng.normal(size=(200, 3)), rng.normal(size=(200, 2))
    y[::3, 1] = np.nan
    np.save(tmp_path / "rows.npy", rows)
    stream = Stream(np.load(tmp_path / "rows.npy", mmap_mode="r"))
    whole = net().fit(rows, y)
    assert_same_model(net().fit(stream, y), whole)
    # several blocks, each with its labels
    several = net(max_epochs=1).fit(stream.set_params(block_rows=30, sample_rows=50), y)
    assert [task.mean_[0] for task in several.tasks_.values()] == pytest.approx(np.nanmean(y, axis=0))
    with pytest.raises(ValueError, match="X of the stream has 200 rows, and y has 100"):
        net().fit(stream, y[:100])


def test_structured_array():
    rows = np.zeros(60, dtype=[("a", float), ("b", float), ("num", float)])
    rows["a"], rows["num"] = np.arange(60), np.arange(60) % 7
    fitted = net(tasks={"num": "regression"}).fit(Stream(rows), "num")
    assert list(fitted.feature_names_in_) == ["a", "b"]


def test_dask_frame():
    frames = pytest.importorskip("dask.dataframe")
    given = frames.from_pandas(FRAME.to_pandas(), npartitions=1)
    assert_same_model(net(trunk=TRUNK).fit(given, TASKS), net(trunk=TRUNK).fit(X, Y))


def test_statistics_are_those_of_all_rows(tmp_path):
    frame = table(2000)
    stream = Stream(write(tmp_path, frame), block_rows=70, sample_rows=100)
    balanced = {"cls": "classification", "cls__class_weight": "balanced"}
    fitted, whole = (net(trunk=TRUNK, tasks=balanced, max_epochs=1) for _ in range(2))
    fitted.fit(stream, TASKS)
    whole.fit(frame[COLUMNS], frame[TASKS])
    ours, theirs = fitted._model.blueprint.trunk, whole._model.blueprint.trunk
    for one, other in zip(ours.scaler_, theirs.scaler_, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)
    np.testing.assert_array_equal(ours.told_, theirs.told_)
    assert [each.values for each in ours.table_.categories_] == [["rare", "x", "y", "z"]]
    for name in ("mean_", "scale_"):
        np.testing.assert_allclose(getattr(fitted.tasks_["num"], name), getattr(whole.tasks_["num"], name))
    assert fitted.classes_["cls"].tolist() == ["down", "seldom", "up"]
    np.testing.assert_allclose(fitted.tasks_["cls"].class_weight_, whole.tasks_["cls"].class_weight_)


def test_quantiles_are_those_of_a_sample(tmp_path):
    frame = table(4000)
    fitted = net(trunk=TRUNK, max_epochs=1).fit(Stream(write(tmp_path, frame), sample_rows=2000), TASKS)
    whole = net(trunk=TRUNK, max_epochs=1).fit(frame[COLUMNS], frame[TASKS])
    ours, theirs = fitted._model.blueprint.trunk.bins_, whole._model.blueprint.trunk.bins_
    np.testing.assert_allclose(ours[0, 1:-1], theirs[0, 1:-1], atol=0.1)


def test_learns_as_well_in_blocks(tmp_path):
    frame = table(2000)
    options = {"max_epochs": 8, "trunk": MLP((16,), scaling="standard"), "batch_size": 32, "learning_rate": 1e-2}
    stream = Stream(write(tmp_path, frame, row_group_size=200), block_rows=200, shuffle_blocks=3)
    fitted = net(**options).fit(stream, TASKS)
    whole = net(**options).fit(frame[COLUMNS], frame[TASKS])
    test = table(1000, seed=1).filter(pl.col("c") != "rare")
    ours, theirs = (one.score_tasks(test[COLUMNS], test[TASKS]) for one in (fitted, whole))
    assert ours == pytest.approx(theirs, abs=0.02)
    assert min(ours.values()) > 0.9


def test_default_is_the_first_recommended_recipe(tmp_path):
    fitted = MultiTaskNetEstimator(random_state=0, max_epochs=1).fit(write(tmp_path, FRAME), TASKS)
    trunk = fitted._model.blueprint.trunk
    assert (trunk.scaling, trunk.n_bins, fitted._model.n_members) == ("squash", "auto", 1)
    assert fitted.validation_rows_ is None


def test_columns_of_x(tmp_path):
    stream = Stream(write(tmp_path, FRAME), columns=["b", "a"])
    assert list(net().fit(stream, ["num"]).feature_names_in_) == ["b", "a"]


def test_partition_columns(tmp_path):
    for part in ("one", "two"):
        (tmp_path / f"part={part}").mkdir()
        FRAME.write_parquet(tmp_path / f"part={part}" / "rows.parquet")
    fitted = net().fit(tmp_path, TASKS)
    assert list(fitted.feature_names_in_) == [*COLUMNS, "part"]
    assert fitted._model.blueprint.trunk.table_.categories_[-1].values == ["one", "two"]


def test_filtered_data_set(tmp_path):
    data = ds.dataset(write(tmp_path, FRAME)).filter(ds.field("b") > 1e4)
    chosen = FRAME.filter(pl.col("b") > 1e4)
    fitted = net(max_epochs=1).fit(data, ["num"])
    np.testing.assert_allclose(fitted.tasks_["num"].mean_, chosen["num"].mean())


def test_partial_fit(tmp_path):
    stream = Stream(write(tmp_path, FRAME, row_group_size=1000, n_files=1))
    ours, theirs = net(), net()
    for _ in range(2):
        ours.partial_fit(stream, TASKS)
        theirs.partial_fit(X, Y)
    assert_same_model(ours, theirs)


def test_warm_start_continues(tmp_path):
    fitted = net(warm_start=True).fit(X, Y)
    before = fitted.history_
    assert len(fitted.fit(write(tmp_path, FRAME), TASKS).history_) == 2 * len(before)


def test_members_that_share_weights(tmp_path):
    fitted = net(n_members=3, ensemble=BatchEnsemble()).fit(Stream(write(tmp_path, FRAME), block_rows=30), TASKS)
    assert np.asarray(fitted.predict_std(X, ["num"])["num"]).min() > 0


class TestValidation:
    def fitted(self, source, **options):
        options = {"early_stopping": True, "validation": 0.3, **options}
        return net(max_epochs=2, **options).fit(source, TASKS)

    def test_held_out_rows_are_the_same_for_any_order_files_and_seed(self, tmp_path):
        histories = []
        for number, frame in enumerate((COMMON, COMMON.sample(fraction=1.0, shuffle=True, seed=3))):
            folder = tmp_path / str(number)
            folder.mkdir()
            seen = []

            def score(fitted, X_held, y, seen=seen):
                seen.append(sorted(np.asarray(X_held["b"]).tolist()))
                return 0.0

            scoring = EpochScoring(score, name="seen")
            self.fitted(write(folder, frame, n_files=2 + number), callbacks=[scoring], random_state=number)
            histories.append(seen[0])
        assert histories[0] == histories[1]
        assert 0.2 * len(FRAME) < len(histories[0]) < 0.4 * len(FRAME)

    def test_equals_a_fit_with_these_rows_apart(self, tmp_path):
        X, y = COMMON[["a", "b"]], COMMON[["cls"]]
        options = {"trunk": MLP((8,)), "early_stopping": True, "batch_size": 16, "max_epochs": 3}
        # a network that learns nothing from the rows before training, whose statistics are those of all rows
        options |= {"tasks": {"cls": Classification(classes=["down", "up"])}}
        X = X.with_columns(pl.col("a").fill_null(0.0), b=(pl.col("b") - 1e4) / 5)
        held = shares_of(hash_rows(X)) < 0.3
        X.with_columns(y["cls"]).write_parquet(tmp_path / "rows.parquet")
        ours = net(**options, validation=0.3).fit(tmp_path, ["cls"])
        theirs = net(**options).fit(X.filter(~held), y.filter(~held), X_val=X.filter(held), y_val=y.filter(held))
        assert_same_model(ours, theirs)
        assert ours.history_["valid_loss"].tolist() == theirs.history_["valid_loss"].tolist()

    def test_memory_bounds_the_rows(self, tmp_path):
        rows = []
        scoring = EpochScoring(lambda fitted, X_held, y: rows.append(len(X_held)) or 0.0, name="rows")
        stream = Stream(write(tmp_path, COMMON), memory=8000, block_rows=10)
        self.fitted(stream, callbacks=[scoring], validation=0.9)
        assert max(rows) <= 8000 / (4 * 32)

    def test_classes_that_are_not_trained_are_named(self, tmp_path):
        rare = COMMON.with_columns(cls=pl.lit("up")).vstack(COMMON[:1].with_columns(cls=pl.lit("down")))
        seeds = [rare.with_columns(a=pl.col("a") + shift) for shift in range(9)]
        held = [frame for frame in seeds if shares_of(hash_rows(frame[COLUMNS]))[-1] < 0.3]
        with pytest.warns(UserWarning, match="all rows with the classes 'down' of 'cls' are held out"):
            self.fitted(write(tmp_path, held[0]))

    def test_rows_of_the_user(self, tmp_path):
        fitted = net(early_stopping=EarlyStopping(True)).fit(write(tmp_path, FRAME), TASKS, X_val=X, y_val=Y)
        assert fitted.history_["valid_loss"].notna().all()

    def test_equal_rows(self):
        same = FRAME.drop_nulls()[[0] * 150].with_columns(cls=pl.Series(["up", "down"] * 75))
        with pytest.raises(ValueError, match="too few rows differ"):
            self.fitted(same.lazy())


class Stop(Callback):
    """Raises an error at the start of an epoch."""

    def __init__(self, at):
        self.at = at

    def on_epoch_begin(self, net, **kwargs):
        if len(net.history) == self.at:
            raise RuntimeError("killed")


class TestContinues:
    OPTIONS = {"max_epochs": 7, "trunk": MLP((8,), scaling="standard", dropout=0.2), "early_stopping": True}

    @pytest.mark.parametrize("at", [2, 5])
    def test_killed_in_the_middle_of_a_pass(self, tmp_path, at):
        stream = Stream(write(tmp_path, FRAME), block_rows=20, shuffle_blocks=2, epoch_rows=80)
        whole = net(**self.OPTIONS).fit(stream, TASKS)
        killed = net(**self.OPTIONS, checkpoint=tmp_path / "kept", callbacks=[Stop(at)])
        with pytest.raises(RuntimeError, match="killed"):
            killed.fit(stream, TASKS)
        again = net(**self.OPTIONS, checkpoint=tmp_path / "kept").fit(stream, TASKS, resume=True)
        assert_same_model(again, whole)
        assert again.history_["valid_loss"].tolist() == whole.history_["valid_loss"].tolist()

    def test_continues_with_the_seed_of_the_killed_fit(self, tmp_path):
        stream = Stream(write(tmp_path, COMMON), block_rows=20, shuffle_blocks=2)
        options = {**self.OPTIONS, "max_epochs": 4, "random_state": None}
        with pytest.raises(RuntimeError, match="killed"):
            net(**options, checkpoint=tmp_path / "kept", callbacks=[Stop(2)]).fit(stream, TASKS)
        shutil.copytree(tmp_path / "kept", tmp_path / "copy")
        one, other = (
            net(**options, checkpoint=tmp_path / name).fit(stream, TASKS, resume=True) for name in ("kept", "copy")
        )
        assert_same_model(one, other)

    def test_other_rows_start_afresh(self, tmp_path):
        options = {"max_epochs": 2, "checkpoint": tmp_path / "kept"}
        (tmp_path / "rows").mkdir()
        folder = write(tmp_path / "rows", FRAME)
        net(**options).fit(folder, TASKS)
        write(folder, FRAME.with_columns(pl.col("a") + 1))
        net(**options).fit(folder, TASKS, resume=True)
        assert len(list((tmp_path / "kept").iterdir())) == 2

    def test_epochs_of_a_pass_read_each_row_once(self, tmp_path):
        rows = []

        class Count(Callback):
            def on_batch_end(self, net, batch=None, **kwargs):
                rows.append((len(net.history), batch.inputs["numeric"].numpy()[:, 1]))

        stream = Stream(write(tmp_path, FRAME), block_rows=20, epoch_rows=100)
        net(max_epochs=6, callbacks=[Count], trunk=MLP((4,))).fit(stream, TASKS)
        for first in (1, 4):
            values = np.concatenate([some for epoch, some in rows if first <= epoch < first + 3])
            np.testing.assert_allclose(np.sort(values), np.sort(FRAME["b"].to_numpy()).astype(np.float32))
        assert {epoch for epoch, _ in rows} == set(range(1, 7))


REFUSED = {
    "a portfolio": ({"ensemble": "portfolio"}, {}, "a Portfolio holds out rows"),
    "recipes": ({"ensemble": Portfolio({"one": {}})}, {}, "a Portfolio holds out rows"),
    "members": ({"n_members": 3}, {}, "use n_members=1, or ensemble='batch'"),
    "sampling": ({"task_sampling": "round_robin"}, {}, "a stream trains all tasks in each step"),
    "weights": ({}, {"sample_weight": np.ones(300)}, "sample_weight is not supported"),
    "groups": ({}, {"groups": np.ones(300)}, "groups is not supported"),
    "labels": ({}, {"y": Y}, "y of a stream should be the names"),
    "unknown": ({}, {"y": ["num", "cls2"]}, "y names the columns \\['cls2'\\], but the source"),
    "twice": ({}, {"y": ["num", "num"]}, "more than once: \\['num'\\]"),
    "all": ({}, {"y": FRAME.columns}, "y names all columns"),
    "training rows": (
        {"callbacks": [EpochScoring(lambda *_: 0.0, on_train=True)]},
        {},
        "scores training rows, which are not in memory",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_needs_all_rows_is_refused_by_name(case, tmp_path):
    params, arguments, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        MultiTaskNetEstimator(**params).fit(**{"X": write(tmp_path, FRAME), "y": TASKS, **arguments})


def test_other_kinds_of_inputs_are_refused():
    with pytest.raises(ValueError, match="epoch_rows=10: the LazyFrame of the stream can only be read as a whole"):
        net().fit(Stream(FRAME.lazy(), epoch_rows=10), TASKS)
    with pytest.raises(ValueError, match=r"which is lazy; pass X.collect\(\)"):
        net().fit(X.lazy(), Y)
    for given in (FRAME.lazy(), Stream(FRAME.lazy()), "rows.parquet"):
        for method in ("predict", "transform"):
            with pytest.raises(TypeError, match=f"{method} takes rows in memory"):
                getattr(net().fit(X, Y), method)(given)
    with pytest.raises(TypeError, match="add_task takes rows in memory"):
        net().fit(X, Y).add_task("more", FRAME.lazy(), ["num"])


def test_few_blocks_are_in_memory_at_a_time():
    alive, most = weakref.WeakSet(), []

    class Rows(np.ndarray):
        """Columns that can be counted as long as a frame refers to them."""

        __hash__ = object.__hash__

    class Made(torch.utils.data.IterableDataset):
        def __iter__(self):
            for seed in range(30):
                columns = [values.view(Rows) for values in np.random.default_rng(seed).normal(size=(3, 100))]
                alive.update(columns)
                most.append(len(alive) / 3)
                yield {"a": columns[0], "b": columns[1], "num": columns[2]}

    stream = Stream(Made(), block_rows=100, shuffle_blocks=2, sample_rows=50)
    fitted = net(early_stopping=True).fit(stream, ["num"])
    assert len(most) == 1 + 30 * (1 + len(fitted.history_)) + 1
    assert max(most) <= 4  # one is read ahead, one is encoded, and the iterator has one
