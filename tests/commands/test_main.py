"""The command line: files in, files out, and one line for each error."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sklearn_mtl import MultiTaskNetRegressor, save_model
from sklearn_mtl.commands import main
from tests._helpers import net
from tests.serving._model import FITTED, X, table

LATER = table(rows=50, seed=3).assign(id=range(50))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_model(FITTED, "net.mtl")
    LATER.astype({"code": float}).to_parquet("in.parquet")
    LATER.to_csv("in.csv", index=False)
    return tmp_path


def failed(capsys, *arguments):
    """Run a command that should fail; return its line."""
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    return printed.err


@pytest.mark.parametrize("rows", ["in.csv", "in.parquet"])
@pytest.mark.parametrize("out", ["out.csv", "out.parquet"])
def test_predictions_are_those_of_the_model(folder, capsys, rows, out):
    assert main(["predict", "net.mtl", rows, out, "--proba", "--keep", "id"]) == 0
    assert capsys.readouterr().out == f"50 rows, 2 tasks: {out}\n"
    found = pd.read_csv(out) if out.endswith("csv") else pd.read_parquet(out)
    labels, probabilities = FITTED.predict_all(LATER.drop(columns="id"))
    assert list(found) == ["id", "price", "sold", "sold__no", "sold__yes"]
    assert found["id"].tolist() == list(range(50))
    assert found["sold"].tolist() == labels["sold"].tolist()
    np.testing.assert_allclose(found["price"], labels["price"], rtol=1e-6)
    np.testing.assert_allclose(found["sold__yes"], probabilities["sold"][:, 1], atol=1e-7)


def test_columns_of_csv_have_the_types_of_the_model(folder):
    frame = pd.DataFrame({"area (m2)": [1.0, 2.0], "city": ["12", "NA"], "code": [1, 5]})
    model = net().fit(pd.concat([frame] * 10, ignore_index=True), pd.DataFrame({"y": [0.0, 1.0] * 10}))
    save_model(model, "text.mtl")
    frame.to_csv("text.csv", index=False)
    assert main(["predict", "text.mtl", "text.csv", "out.parquet"]) == 0
    assert pd.read_parquet("out.parquet")["y"].tolist() == model.predict(frame)["y"].tolist()


def test_truths_of_csv_are_numbers(folder):
    frame = pd.DataFrame({"new": [True, False] * 6})
    model = net().fit(frame, pd.DataFrame({"y": [0.0, 1.0] * 6}))
    save_model(model, "truths.mtl")
    frame.to_csv("truths.csv", index=False)
    assert main(["predict", "truths.mtl", "truths.csv", "out.parquet"]) == 0
    assert pd.read_parquet("out.parquet")["y"].tolist() == model.predict(frame)["y"].tolist()


def test_pipelines_and_arrays(folder, capsys):
    encoder = make_column_transformer((OneHotEncoder(sparse_output=False), ["city"]), remainder="passthrough")
    rows = X[["area (m2)", "city"]].fillna({"city": "Bonn"})
    pipeline = make_pipeline(encoder, net()).fit(rows, pd.DataFrame({"area": X["area (m2)"].fillna(0)}))
    save_model(pipeline, "pipeline.mtl")
    rows.to_csv("rows.csv", index=False)
    assert main(["predict", "pipeline.mtl", "rows.csv", "out.parquet"]) == 0
    np.testing.assert_allclose(pd.read_parquet("out.parquet")["area"], pipeline.predict(rows)["area"], rtol=1e-6)
    numbers = np.random.default_rng(0).normal(size=(30, 2))
    array = MultiTaskNetRegressor(n_members=1, max_epochs=2).fit(numbers, numbers @ np.eye(2))
    save_model(array, "array.mtl")
    pd.DataFrame(numbers, columns=["u", "v"]).to_parquet("numbers.parquet")
    assert main(["predict", "array.mtl", "numbers.parquet", "out.parquet"]) == 0
    np.testing.assert_array_equal(pd.read_parquet("out.parquet").to_numpy(), array.predict(numbers))
    capsys.readouterr()
    assert "has 4 columns" in failed(capsys, "predict", "array.mtl", "in.csv", "out.parquet")


def test_errors_are_one_line_and_code_2(folder, capsys):
    X.drop(columns="city").to_csv("lacking.csv", index=False)
    X.assign(**{"area (m2)": "big"}).to_csv("wrong.csv", index=False)
    (folder / "empty.csv").write_text("")
    (folder / "broken.parquet").write_bytes(b"PAR1 nothing")
    cases = {
        ("net.mtl", "no.csv", "out.csv"): "no.csv: no such file",
        ("net.mtl", "no.parquet", "out.csv"): "no.parquet: no such file",
        ("no.mtl", "in.csv", "out.csv"): "no.mtl: No such file",
        ("in.csv", "in.csv", "out.csv"): "in.csv cannot be loaded",
        ("net.mtl", "lacking.csv", "out.csv"): "lacking.csv lacks the columns ['city']",
        ("net.mtl", "wrong.csv", "out.csv"): "column 'area (m2)'",
        ("net.mtl", "empty.csv", "out.csv"): "empty.csv cannot be read as CSV",
        ("net.mtl", "broken.parquet", "out.csv"): "broken.parquet",
        ("net.mtl", "in.csv", "no/out.csv"): "there is no folder",
        ("net.mtl", "in.csv", "out.csv", "--keep", "row"): "lacks the columns ['row']",
        ("net.mtl", "in.csv", "out.csv", "--memory", "much"): "memory='much'",
    }
    for arguments, message in cases.items():
        assert message in failed(capsys, "predict", *arguments)
    assert not (folder / "out.csv").exists()
    assert "in.csv cannot be loaded" in failed(capsys, "info", "in.csv")
    assert "no.mtl: No such file" in failed(capsys, "serve", "no.mtl")


def test_a_failure_keeps_the_old_file(folder, capsys):
    (folder / "out.csv").write_text("old")
    X.assign(**{"area (m2)": [*[1.0] * 59, np.inf]}).to_csv("late.csv", index=False)
    assert "infinity" in failed(capsys, "predict", "net.mtl", "late.csv", "out.csv")
    assert (folder / "out.csv").read_text() == "old"


def test_info_shows_tasks_columns_scores_versions_and_size(folder, capsys, monkeypatch):
    monkeypatch.setattr(type(FITTED), "__setstate__", None)  # no network is built
    assert main(["info", "net.mtl"]) == 0
    text = capsys.readouterr().out
    for part in (
        "sold: Classification of no, yes", "city: category of 2", "area (m2): number", "validation score: price",
        "written by sklearn_mtl", "bytes", "epochs",
    ):  # fmt: skip
        assert part in text
    assert main(["info", "net.mtl", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tasks"]["price"]["type"] == "Regression"
    save_model(net(), "unfitted.mtl")
    assert main(["info", "unfitted.mtl"]) == 0
    assert "not fitted" in capsys.readouterr().out


def test_wrong_arguments_have_code_2(capsys):
    for arguments in ([], ["fit"], ["predict", "net.mtl"]):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 2
        assert "usage" in capsys.readouterr().err


def test_the_module_runs_as_a_program(tmp_path):
    command = [sys.executable, "-m", "sklearn_mtl", "info", str(tmp_path / "no.mtl")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"sklearn_mtl info: {tmp_path / 'no.mtl'}: No such file or directory\n"
