import re

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from sklearn_mtl import MultiTaskNetEstimator
from sklearn_mtl.export import onnx_inputs, to_onnx
from sklearn_mtl.trunks import MLP

from .answers import session_of

pytest.importorskip("skl2onnx")

ROWS = 60


def table(seed=0):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"size": rng.normal(size=ROWS), "time": 1.7e9 + 1000 * rng.normal(size=ROWS)})
    X["colour"] = rng.choice(["blue", "green", "red"], ROWS).astype(object)
    X["room"], X["note"] = rng.integers(9, size=ROWS), "unread"
    X.loc[3, "size"], X.loc[5, "colour"], X.loc[7, "time"] = np.nan, np.nan, np.nan
    return X


def labels():
    rng = np.random.default_rng(2)
    return {"sold": rng.choice(["no", "yes"], ROWS), "price": 1e6 + 10 * rng.normal(size=ROWS)}


def net_of(**params):
    settings = {"n_members": 1, "trunk": MLP((4,)), "max_epochs": 3, "random_state": 0, **params}
    return MultiTaskNetEstimator(**settings)


def test_a_pipeline_imputes_scales_encodes_and_predicts_as_in_python():
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    texts = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    columns = make_column_transformer((numbers, ["size", "time", "room"]), (texts, ["colour"]))
    X, later = table(), table(seed=1)
    later.loc[0, "colour"] = "pink"
    pipeline = make_pipeline(columns, net_of()).fit(X, labels())
    model = to_onnx(pipeline, X=X)
    session = session_of(model)
    inputs = {each.name: each.type for each in session.get_inputs()}
    assert inputs == dict.fromkeys(["size", "colour", "time", "room"], "tensor(double)") | {
        "colour": "tensor(string)"
    }
    for rows in (later, later[:1]):
        label, probabilities, price = session.run(None, onnx_inputs(session, rows))
        assert label.tolist() == pipeline.predict(rows)["sold"].tolist()
        np.testing.assert_allclose(probabilities, pipeline.predict_proba(rows)["sold"], rtol=0, atol=1e-5)
        np.testing.assert_allclose(price, pipeline.predict(rows)["price"], rtol=0, atol=1e-4)
    assert {opset.domain: opset.version for opset in model.opset_import} == {"": 18, "ai.onnx.ml": 2}


def test_a_pipeline_needs_rows_for_the_types_of_its_columns():
    pipeline = make_pipeline(StandardScaler(), net_of(max_epochs=1)).fit(table()[["time"]], labels())
    with pytest.raises(ValueError, match=re.escape("to_onnx(..., X=X[:1])")):
        to_onnx(pipeline)


@pytest.mark.parametrize(
    ("step", "X", "message"),
    [
        (
            FunctionTransformer(np.abs),
            np.ones((ROWS, 2)),
            r"skl2onnx cannot convert the steps \['FunctionTransformer'\]",
        ),
        (SimpleImputer(add_indicator=True), table()[["size"]], "SimpleImputer with add_indicator"),
        (FunctionTransformer(), table()[["size", "colour"]], "leave columns of text"),
        (FunctionTransformer(), np.ones((ROWS, 4, 4)), "make a table of numbers"),
    ],
    ids=["function", "indicator", "text", "images"],
)
def test_steps_that_cannot_be_converted_are_refused_by_name(step, X, message):
    trunk = "conv_net" if np.ndim(X) == 3 else MLP((4,))
    pipeline = make_pipeline(step, net_of(max_epochs=1, trunk=trunk)).fit(X, labels())
    with pytest.raises(TypeError, match=message):
        to_onnx(pipeline, X=X[:1])
