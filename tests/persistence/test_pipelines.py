"""Pipelines in a file: steps of this package, and others written by skops."""

import functools
import json
import re
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.cluster import FeatureAgglomeration
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.impute import IterativeImputer, SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, SplineTransformer, StandardScaler
from sklearn.random_projection import SparseRandomProjection

from sklearn_mtl import MultiTaskNetClassifier, MultiTaskNetRegressor, load_model, save_model
from sklearn_mtl.exceptions import ModelFileError
from sklearn_mtl.trunks import MLP

from .._helpers import assert_same, mixed_targets, net
from .cases import X
from .forging import forge

Y = mixed_targets(X)
FRAME = pd.DataFrame(X, columns=list("abcd")).assign(kind=np.where(X[:, 0] > 0, "u", "v"))


def regressor():
    return MultiTaskNetRegressor(trunk=MLP((6,)), max_epochs=2, random_state=0)


def selected():
    numbers, others = make_column_selector(dtype_include=np.number), make_column_selector(dtype_exclude="number")
    return ColumnTransformer([("numbers", StandardScaler(), numbers), ("kinds", OneHotEncoder(), others)])


def network_among_columns():
    nested = make_pipeline(StandardScaler(), regressor())
    return ColumnTransformer([("net", nested, ["a", "b"]), ("kinds", OneHotEncoder(), ["kind"])], remainder="drop")


def classified(*steps):
    return make_pipeline(*steps, make_net()).fit(X, X[:, 0] > 0), X


def of_frame(*steps):
    return make_pipeline(*steps, net()).fit(FRAME, Y), FRAME


def columns():
    return ColumnTransformer([("numbers", StandardScaler(), ["a", "b"]), ("kinds", OneHotEncoder(), ["kind"])])


class Shift(TransformerMixin, BaseEstimator):
    """A custom step."""

    def __init__(self, by=1.0):
        self.by = by

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return X + self.by


def make_net():
    return MultiTaskNetClassifier(trunk=MLP((6,)), max_epochs=2, random_state=0)


PIPELINES = {
    "scaler": lambda: (make_pipeline(StandardScaler(), net()).fit(X, Y), X),
    "imputer": lambda: (make_pipeline(SimpleImputer(), net()).fit(X, Y), X),
    "function": lambda: (make_pipeline(FunctionTransformer(np.tanh), net()).fit(X, Y), X),
    "columns": lambda: (make_pipeline(columns(), net()).fit(FRAME, Y), FRAME),
    "several": lambda: (
        make_pipeline(StandardScaler(), VarianceThreshold(), "passthrough", make_net()).fit(X, X[:, 0] > 0), X,
    ),
    "within another": lambda: (
        Pipeline([("first", StandardScaler()), ("second", make_pipeline(StandardScaler(), net()))]).fit(X, Y), X,
    ),
    "ours in front": lambda: (make_pipeline(make_net(), LinearRegression()).fit(X, X[:, 0] > 0), X),
    "alone": lambda: (Pipeline([("net", net())]).fit(X, Y), X),
    "frames": lambda: (
        make_pipeline(StandardScaler(), net()).set_output(transform="pandas").fit(FRAME[list("abcd")], Y),
        FRAME[list("abcd")],
    ),
    "selected columns": lambda: of_frame(selected()),
    "columns of an index": lambda: of_frame(
        ColumnTransformer(
            [("n", StandardScaler(), FRAME.columns[:2]), ("k", "drop", ["kind"])], remainder=SimpleImputer()
        )
    ),
    "pipelines in columns": lambda: of_frame(
        ColumnTransformer(
            [("n", make_pipeline(SimpleImputer(), PCA(2)), slice(0, 3)), ("p", "passthrough", ["d"])]
        )
    ),
    "union": lambda: classified(
        FeatureUnion(
            [("a", StandardScaler()), ("b", "drop"), ("c", "passthrough")], transformer_weights={"a": 2.0}
        )
    ),
    "union with a network": lambda: (
        make_pipeline(make_union(regressor(), PCA(2)), LinearRegression()).fit(X, X[:, 0]), X,
    ),
    "columns with a network": lambda: (
        make_pipeline(network_among_columns(), LinearRegression()).fit(FRAME, X[:, 0]), FRAME,
    ),
    "target transformed": lambda: (
        make_pipeline(StandardScaler(), TransformedTargetRegressor(regressor(), transformer=StandardScaler())).fit(
            X, X[:, :2]
        ), X,
    ),
    "target transformed by functions": lambda: (
        Pipeline([("t", TransformedTargetRegressor(regressor(), func=np.log1p, inverse_func=np.expm1))]).fit(
            X, np.abs(X[:, :2])
        ), X,
    ),
    "chosen by a test": lambda: classified(SelectKBest(k=2)),
    "imputed in turns": lambda: classified(IterativeImputer(max_iter=2)),
    "splines": lambda: classified(SplineTransformer()),
    "sparse projection": lambda: classified(SparseRandomProjection(3, random_state=0)),
    "agglomerated": lambda: classified(FeatureAgglomeration(2)),
    "function of numpy": lambda: classified(FunctionTransformer(np.clip, kw_args={"min": -1, "max": 1})),
    "no step": lambda: (Pipeline([("a", None), ("b", "passthrough"), ("net", net())]).fit(X, Y), X),
    "memory": lambda: (Pipeline([("net", net())], memory=None, verbose=False).fit(X, Y), X),
}  # fmt: skip


@pytest.mark.parametrize("make", PIPELINES.values(), ids=PIPELINES.keys())
def test_round_trip(make, tmp_path):
    pipeline, rows = make()
    save_model(pipeline, tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert_same(loaded.predict(rows), pipeline.predict(rows))
    assert re.sub("at 0x[0-9a-f]+", "", repr(loaded)) == re.sub("at 0x[0-9a-f]+", "", repr(pipeline))
    assert [name for name, _ in loaded.steps] == [name for name, _ in pipeline.steps]
    # a loaded model is saved to the same bytes
    save_model(loaded, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "model").read_bytes()


@pytest.mark.parametrize(
    ("make", "y"),
    [
        (lambda: TransformedTargetRegressor(regressor(), transformer=StandardScaler()), X[:, :2]),
        (lambda: make_union(regressor(), PCA(2)), X[:, 0]),
    ],
    ids=["target", "union"],
)
def test_what_holds_a_network_is_saved_by_itself(make, y, tmp_path):
    model = make().fit(X, y)
    save_model(model, tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    method = "predict" if hasattr(model, "predict") else "transform"
    assert_same(getattr(loaded, method)(X), getattr(model, method)(X))


@pytest.mark.parametrize(
    ("step", "advice"),
    [
        (BaggingRegressor(regressor(), n_estimators=2), "save with joblib"),
        (GridSearchCV(regressor(), {"learning_rate": [1e-3]}, cv=2), "use its best_estimator_ instead"),
    ],
    ids=["bagging", "search"],
)
def test_what_else_holds_a_network_is_named(step, advice, tmp_path):
    pipeline = Pipeline([("scale", StandardScaler()), ("many", step)]).fit(X, X[:, 0])
    with pytest.raises(TypeError, match=rf"steps\['many'\] is a .*contains a MultiTaskNetRegressor.*{advice}"):
        save_model(pipeline, tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_sparse_array_with_indices_outside_is_refused(tmp_path):
    pipeline, _ = PIPELINES["sparse projection"]()
    step = pipeline.steps[0][1]
    step.components_.indices[0] = 10**6
    save_model(pipeline, tmp_path / "model")
    with pytest.raises(ModelFileError, match="ind"):
        load_model(tmp_path / "model")


def test_splines_with_too_few_coefficients_are_refused(tmp_path):
    pipeline, _ = PIPELINES["splines"]()
    spline = pipeline.steps[0][1].bsplines_[0]
    name = "_c" if "_c" in vars(spline) else "c"
    vars(spline)[name] = vars(spline)[name][:2].copy()
    save_model(pipeline, tmp_path / "model")
    with pytest.raises(ModelFileError, match="coefficients"):
        load_model(tmp_path / "model")


def test_step_of_a_script_is_found_in_the_module_it_is_imported_from(tmp_path, monkeypatch):
    main = sys.modules["__main__"]
    monkeypatch.setattr(main, "Shift", Shift, raising=False)
    monkeypatch.setattr(Shift, "__module__", "__main__")
    pipeline = make_pipeline(Shift(2.0), net()).fit(X, Y)
    save_model(pipeline, tmp_path / "model")
    monkeypatch.undo()
    assert_same(load_model(tmp_path / "model", trusted=[Shift]).predict(X), pipeline.predict(X))


def test_partial_function_of_a_step(tmp_path):
    pipeline, _ = classified(FunctionTransformer(functools.partial(np.clip, min=-1, max=1)))
    save_model(pipeline, tmp_path / "model")
    assert_same(load_model(tmp_path / "model").predict(X), pipeline.predict(X))


def test_unfitted_pipeline(tmp_path):
    save_model(make_pipeline(StandardScaler(), net()), tmp_path / "model")
    loaded = load_model(tmp_path / "model").fit(X, Y)
    assert_same(loaded.predict(X), make_pipeline(StandardScaler(), net()).fit(X, Y).predict(X))


def test_steps_of_others_are_members_that_skops_wrote(tmp_path):
    pipeline, _ = PIPELINES["several"]()
    save_model(pipeline, tmp_path / "model")
    with zipfile.ZipFile(tmp_path / "model") as archive:
        names = archive.namelist()
    assert names[:4] == ["manifest.json", "tensors.safetensors", "step-0.skops", "step-1.skops"]


def test_step_of_a_user_has_to_be_trusted(tmp_path):
    pipeline = make_pipeline(StandardScaler(), Shift(2.0), net()).fit(X, Y)
    save_model(pipeline, tmp_path / "model")
    with pytest.raises(ModelFileError, match=r"step-1.skops holds tests.*Shift.*pass trusted=\[Shift\]"):
        load_model(tmp_path / "model")
    with pytest.raises(ModelFileError, match=r"pass trusted=\[Shift\]"):
        load_model(tmp_path / "model", trusted=[StandardScaler])
    assert_same(load_model(tmp_path / "model", trusted=[Shift]).predict(X), pipeline.predict(X))


def first_column(X, y):
    return np.arange(X.shape[1])[::-1]


def test_function_of_a_step_has_to_be_trusted(tmp_path):
    pipeline = make_pipeline(SelectKBest(first_column, k=2), make_net()).fit(X, X[:, 0] > 0)
    save_model(pipeline, tmp_path / "model")
    with pytest.raises(ModelFileError, match=r"step-0.skops holds tests.*pass trusted=\[first_column\]"):
        load_model(tmp_path / "model")
    assert_same(load_model(tmp_path / "model", trusted=[first_column]).predict(X), pipeline.predict(X))


class Stubborn(Shift):
    def __getstate__(self):
        raise RuntimeError("not this one")


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (FunctionTransformer(lambda X: X), "<lambda>.*cannot be found by its name"),
        (Stubborn(), "skops says not this one"),
        (FunctionTransformer(pd.DataFrame.to_numpy), "skops writes it, but cannot read it again"),
    ],
)
def test_step_that_cannot_be_saved_is_named(step, reason, tmp_path):
    pipeline = Pipeline([("odd", step), ("net", net())])
    with pytest.raises(TypeError, match=rf"steps\['odd'\] is a .*{reason}"):
        save_model(pipeline, tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_parameter_of_a_step_is_named(tmp_path):
    pipeline = make_pipeline(StandardScaler(), net(net_params={"a": lambda x: x}))
    with pytest.raises(TypeError, match=r"steps\['multitasknetestimator'\].net_params\['a'\]"):
        save_model(pipeline, tmp_path / "model")


@pytest.mark.parametrize("what", ["save", "load"])
def test_without_skops_the_extra_is_named(tmp_path, monkeypatch, what):
    pipeline, _ = PIPELINES["scaler"]()
    if what == "load":
        save_model(pipeline, tmp_path / "model")
    monkeypatch.setitem(sys.modules, "skops", None)
    monkeypatch.setitem(sys.modules, "skops.io", None)
    with pytest.raises(ImportError, match=r"sklearn-mtl\[pipelines\]"):
        load_model(tmp_path / "model") if what == "load" else save_model(pipeline, tmp_path / "model")
    save_model(net(), tmp_path / "other")  # which needs no skops
    load_model(tmp_path / "other")


def test_member_that_no_step_needs_is_refused(tmp_path):
    pipeline, _ = PIPELINES["scaler"]()
    save_model(pipeline, tmp_path / "model")

    def add(members):
        return {**members, "step-7.skops": members["step-0.skops"]}

    forge(tmp_path / "model", add)
    with pytest.raises(ModelFileError, match=r"its parts \['step-7.skops'\]"):
        load_model(tmp_path / "model")


def test_step_that_is_used_twice_is_refused(tmp_path):
    save_model(make_pipeline(StandardScaler(), StandardScaler(), net()).fit(X, Y), tmp_path / "model")

    def point_to_the_first(members):
        manifest = members["manifest.json"].replace(b"step-1.skops", b"step-0.skops")
        return {**members, "manifest.json": manifest}

    forge(tmp_path / "model", point_to_the_first)
    with pytest.raises(ModelFileError):
        load_model(tmp_path / "model")


def test_step_with_something_that_is_run_is_refused(tmp_path):
    """A step whose schema asks for a function that is called at loading, as a pickle would."""
    save_model(make_pipeline(FunctionTransformer(np.tanh), net()).fit(X, Y), tmp_path / "model")

    def call_system(members):
        return {**members, "step-0.skops": rezip(members["step-0.skops"], b'"tanh"', b'"system"')}

    forge(tmp_path / "model", call_system)
    with pytest.raises(ModelFileError):
        load_model(tmp_path / "model")


def test_compressed_step_is_refused(tmp_path):
    save_model(make_pipeline(StandardScaler(), net()).fit(X, Y), tmp_path / "model")

    def compress(members):
        step = rezip(members["step-0.skops"], b"", b"", compression=zipfile.ZIP_DEFLATED)
        return {**members, "step-0.skops": step}

    forge(tmp_path / "model", compress)
    with pytest.raises(ModelFileError, match="compressed"):
        load_model(tmp_path / "model")


def test_sparse_array_that_grows_beyond_the_limit_is_refused(tmp_path):
    from scipy.sparse import csr_matrix

    step, n = Shift(), 10**6
    step.weights_ = csr_matrix((np.ones(n), np.zeros(n, int), [0, n]), shape=(1, 1))  # which skops compresses
    save_model(make_pipeline(step, net()), tmp_path / "model")
    size = (tmp_path / "model").stat().st_size
    assert size < 10**6
    load_model(tmp_path / "model", trusted=[Shift, csr_matrix])
    with pytest.raises(ModelFileError, match="more than max_bytes=1000000 bytes"):
        load_model(tmp_path / "model", trusted=[Shift, csr_matrix], max_bytes=10**6)


def rezip(content, old, new, **options):
    import io

    source, target = zipfile.ZipFile(io.BytesIO(content)), io.BytesIO()
    with zipfile.ZipFile(target, "w", **options) as archive:
        for name in source.namelist():
            part = source.read(name)
            archive.writestr(name, part.replace(old, new) if old and name.endswith(".json") else part)
    return target.getvalue()


def test_schema_of_a_step_is_json(tmp_path):
    save_model(make_pipeline(StandardScaler(), net()).fit(X, Y), tmp_path / "model")
    with zipfile.ZipFile(tmp_path / "model") as archive, archive.open("step-0.skops") as step:
        assert "StandardScaler" in json.loads(zipfile.ZipFile(step).read("schema.json"))["__class__"]
