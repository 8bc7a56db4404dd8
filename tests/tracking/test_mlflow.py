"""Runs of MLflow in a local SQLite store: what is logged, and that it loads in another process."""

import importlib
import json
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from skorch.callbacks import MlflowLogger

from sklearn_mtl.tracking import load_from_mlflow, log_to_mlflow
from tests._helpers import net
from tests.serving._model import FITTED, X, table, targets

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # warnings of MLflow about its own dependencies
    mlflow = pytest.importorskip("mlflow", minversion="3.0", exc_type=ImportError)
    importlib.import_module("mlflow.sklearn")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

LATER = table(30, seed=5)
GUIDE = Path(__file__).parents[2] / "docs" / "user_guide" / "tracking.rst"
LOADING = """
import sys, json, mlflow, pandas as pd
from sklearn_mtl.tracking import load_from_mlflow
mlflow.set_tracking_uri(sys.argv[1])
X = pd.read_pickle(sys.argv[3])
found = mlflow.pyfunc.load_model(sys.argv[2]).predict(X)
print(json.dumps([found["price"].tolist(), load_from_mlflow(sys.argv[2]).predict(X)["price"].tolist()]))
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mlflow")
    uri = f"sqlite:///{folder / 'runs.db'}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.set_tracking_uri(uri)
        mlflow.create_experiment("flats", artifact_location=(folder / "files").as_uri())
        mlflow.set_experiment("flats")
    return uri


@pytest.fixture(scope="module")
def logged(store):
    with warnings.catch_warnings(), mlflow.start_run() as run:
        warnings.simplefilter("ignore")
        info = log_to_mlflow(FITTED, X, targets(X), limits="Only flats.")
    return mlflow.get_run(run.info.run_id), info


def test_the_run_has_parameters_history_scores_and_card(logged):
    run, _ = logged
    client = mlflow.MlflowClient()
    assert run.data.params["max_epochs"] == "4"
    curve = client.get_metric_history(run.info.run_id, "valid_score__sold")
    assert [(point.step, point.value) for point in curve] == list(FITTED.history_["valid_score__sold"].items())
    scores = FITTED.score_tasks(X, targets(X))
    assert {name: run.data.metrics[f"test_score__{name}"] for name in scores} == scores
    assert {file.path for file in client.list_artifacts(run.info.run_id)} == {
        "model_card.md", "model_card.html", "shares.json",
    }  # fmt: skip
    assert "Only flats." in mlflow.artifacts.load_text(f"{run.info.artifact_uri}/model_card.md")


def test_the_signature_has_a_column_for_each_task_and_class(logged):
    _, info = logged
    assert info.signature.outputs.input_names() == ["price", "sold", "sold__no", "sold__yes"]
    assert info.signature.inputs.input_names() == list(X.columns)


def test_another_process_predicts_the_same(logged, store, tmp_path):
    _, info = logged
    rows = LATER.astype({"code": float})
    rows.to_pickle(tmp_path / "rows.pkl")
    command = [sys.executable, "-W", "ignore", "-c", LOADING, store, info.model_uri, str(tmp_path / "rows.pkl")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True)
    expected = FITTED.predict(rows)["price"].tolist()
    assert json.loads(done.stdout.splitlines()[-1]) == [expected, expected]


def test_whole_numbers_and_floats_pass_the_signature(store):
    rows = pd.DataFrame({"n": np.arange(20), "x": np.linspace(0, 1, 20)})
    model = net().fit(rows, pd.DataFrame({"y": rows["x"]}))
    with mlflow.start_run():
        info = log_to_mlflow(model, rows, pd.DataFrame({"y": rows["x"]}))
    loaded = mlflow.pyfunc.load_model(info.model_uri)
    for same in (rows, rows.assign(n=rows["n"].astype(float))):
        assert loaded.predict(same)["y"].tolist() == model.predict(rows)["y"].tolist()


def test_the_flavour_of_scikit_learn_with_outputs_by_task(store):
    model = net().fit(X, {name: column.to_numpy() for name, column in targets(X).items()})
    signature = mlflow.models.infer_signature(X, dict(model.predict(X)))
    assert signature.outputs.input_names() == ["price", "sold"]
    with mlflow.start_run():
        info = mlflow.sklearn.log_model(
            model, name="pickled", signature=signature, serialization_format="cloudpickle",
            pip_requirements=["sklearn-mtl"],
        )  # fmt: skip
    loaded = mlflow.sklearn.load_model(info.model_uri)
    assert loaded.predict(LATER)["price"].tolist() == model.predict(LATER)["price"].tolist()
    with pytest.raises(FileNotFoundError, match="not logged by log_to_mlflow"):
        load_from_mlflow(info.model_uri)


def test_the_logger_of_skorch_logs_during_the_fit(store):
    with mlflow.start_run() as run:
        logger = MlflowLogger(create_artifact=False, terminate_after_train=False)
        model = net(callbacks=[logger]).fit(X, targets(X))
    found = mlflow.get_run(run.info.run_id).data.metrics
    assert found["train_loss__price"] == model.history_["train_loss__price"].iloc[-1]


def test_bad_input_is_refused(store):
    with pytest.raises(TypeError, match="LinearRegression"):
        log_to_mlflow(LinearRegression().fit([[0.0], [1.0]], [0, 1]))
    with pytest.raises(ValueError, match="together"):
        log_to_mlflow(FITTED, X)


def test_the_code_of_the_guide_runs(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"\.\. code-block:: python\n\n((?:   .*\n|\n)+)", GUIDE.read_text())
    assert len(blocks) >= 3
    code = "\n".join(re.sub(r"^   ", "", line) for block in blocks for line in block.splitlines())
    try:
        exec(
            compile(code, str(GUIDE), "exec"),
            {"net": FITTED, "X": X, "y": targets(X), "MultiTaskNetEstimator": net},
        )
    finally:
        mlflow.set_tracking_uri(store)
