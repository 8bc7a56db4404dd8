"""What holds the targets: what it says of predictions, and that models that were saved once find it."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from sklearn_mtl import MultiTaskNetClassifier, MultiTaskNetRegressor, Targets, load_model, save_model
from sklearn_mtl.model._state import current_state
from sklearn_mtl.targets import Container, _container, read_targets
from sklearn_mtl.targets._container import CONTAINER_TYPES
from sklearn_mtl.targets._container_type import ContainerType

COLUMNS = {"a": np.array([0, 1, 1]), "b": np.array([0, 0, 1])}
MATRIX = np.column_stack(list(COLUMNS.values()))
RECORDS = np.array(list(zip(*COLUMNS.values(), strict=True)), dtype=[("a", "i8"), ("b", "i8")])
GIVEN = {
    "array": COLUMNS["a"],
    "matrix": MATRIX,
    "structured": RECORDS,
    "pandas": pd.DataFrame(COLUMNS),
    "polars": pl.DataFrame(COLUMNS),
    "pyarrow": pa.table(COLUMNS),
    "targets": COLUMNS,
}
kinds = pytest.mark.parametrize("kind", GIVEN)


def container_of(y):
    return read_targets(y)[1]


def test_every_type_has_a_case():
    assert set(GIVEN) == set(CONTAINER_TYPES)


@kinds
def test_a_single_type_reads_each_y(kind):
    container = container_of(GIVEN[kind])
    assert container.kind == kind
    assert type(container.wrap(read_targets(GIVEN[kind])[0])) is type(
        Targets(COLUMNS) if kind == "targets" else GIVEN[kind]
    )


@kinds
@pytest.mark.parametrize("one_column_is_plain", [True, False])
def test_classes_are_arranged_as_scikit_learn_does(kind, one_column_is_plain):
    container = container_of(GIVEN[kind])
    by_task = {name: f"those of {name}" for name in container.names}
    expected = {"array": "those of y", "matrix": ["those of 0", "those of 1"]}.get(kind, ("named", by_task))
    arranged = container.arrange(by_task, lambda known: ("named", known), one_column_is_plain=one_column_is_plain)
    assert arranged == expected


ONE_COLUMN = {
    "matrix": MATRIX[:, :1], "structured": RECORDS[["a"]], "pandas": pd.DataFrame({"a": [0, 1]}),
    "polars": pl.DataFrame({"a": [0, 1]}), "pyarrow": pa.table({"a": [0, 1]}), "targets": {"a": [0, 1]},
}  # fmt: skip


@pytest.mark.parametrize("kind", ONE_COLUMN)
def test_those_of_one_column_are_plain_for_classifiers(kind):
    container = container_of(ONE_COLUMN[kind])
    by_task = {container.names[0]: "its"}

    def arrange(one_column_is_plain):
        return container.arrange(by_task, dict, one_column_is_plain=one_column_is_plain)

    assert arrange(False) == (["its"] if kind == "matrix" else by_task)
    assert arrange(True) == (by_task if kind in ("structured", "targets") else "its")


def test_some_tasks_of_several_are_not_plain():
    by_task = {"0": "its"}
    assert container_of(MATRIX).arrange(by_task, dict, one_column_is_plain=True) == ["its"]


@kinds
def test_one_more_task(kind):
    container = container_of(GIVEN[kind])
    more = container.with_task("new")
    assert more.names == (*container.names, "new")
    assert more.kind == (kind if kind in ("pandas", "polars", "pyarrow") else "targets")
    predictions = {name: np.zeros(2) for name in more.names}
    assert list(read_targets(more.wrap(predictions))[0]) == list(more.names)


def test_labels_of_a_frame_stay_with_one_more_task():
    more = container_of(pd.DataFrame({7: [1], "b": [2]})).with_task("new")
    assert list(more.wrap({name: np.zeros(1) for name in more.names}).columns) == [7, "b", "new"]


# -- a type of one's own


class _Reversed(list):
    """Columns in an order of their own."""


class _ReversedType(ContainerType):
    kind = "reversed"

    def read(self, y):
        return list(reversed(y)) if isinstance(y, _Reversed) else None

    def wrap(self, columns, labels, X):
        return _Reversed(reversed(list(zip(labels, columns.values(), strict=True))))


def test_one_class_and_one_entry_add_a_container(monkeypatch):
    monkeypatch.setattr(_container, "CONTAINER_TYPES", {"reversed": _ReversedType(), **CONTAINER_TYPES})
    container, columns = _container.read_container(_Reversed([("b", [3, 4]), ("a", [1, 2])]))
    assert container == Container("reversed", ("a", "b"), ("a", "b"))
    assert columns == [[1, 2], [3, 4]]
    assert [name for name, _ in container.wrap({"a": 1, "b": 2})] == ["b", "a"]
    assert container.arrange({"a": 1}, dict, one_column_is_plain=True) == {"a": 1}
    assert container.with_task("c").kind == "targets"


# -- what is saved


@kinds
def test_what_is_kept_is_plain(kind):
    container = container_of(GIVEN[kind])
    assert set(vars(container)) == {"kind", "names", "labels"}
    assert pickle.loads(pickle.dumps(container)) == container


def test_a_pickle_of_an_older_version_is_a_container():
    """Older versions had the class in another module, and its state as three attributes."""
    written = (
        b"\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00"
        b"\x8c\x14sklearn_mtl._targets\x8c\x09Container\x93)\x81}(\x8c\x04kind\x8c\x06pandas"
        b"\x8c\x05names\x8c\x01a\x85\x8c\x06labels\x8c\x01a\x85ub."
    )
    container = pickle.loads(written.replace(b"\x95\x00\x00\x00\x00\x00\x00\x00\x00", b""))
    assert container == Container("pandas", ("a",), ("a",))
    assert isinstance(container.wrap({"a": np.zeros(2)}), pd.DataFrame)


@kinds
def test_a_model_of_each_container_is_saved(kind, tmp_path):
    X = np.random.default_rng(0).normal(size=(3, 2))
    fitted = MultiTaskNetClassifier(max_epochs=1, random_state=0, n_members=1).fit(X, GIVEN[kind])
    save_model(fitted, tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert loaded._model.container == fitted._model.container
    assert type(loaded.classes_) is type(fitted.classes_)
    assert type(loaded.predict_proba(X)) is type(fitted.predict_proba(X))


def test_a_model_of_a_container_that_is_not_known_is_refused():
    X = np.random.default_rng(0).normal(size=(20, 2))
    state = (
        MultiTaskNetRegressor(max_epochs=1, random_state=0, n_members=1).fit(X, X[:, 0]).__getstate__()["_state"]
    )
    state["container"] = Container("xarray", ("y",), ("y",))
    with pytest.raises(ValueError, match="of kind 'xarray', which this version does not know"):
        current_state(state)
