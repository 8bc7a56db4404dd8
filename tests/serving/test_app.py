"""The service answers what the model predicts, and refuses everything else with the column named."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_mtl import MultiTaskNetClassifier, MultiTaskNetEstimator
from sklearn_mtl.trunks import ConvNet, MultiInput, SequenceEncoder
from tests._helpers import column, mixed_targets, net
from tests.serving._model import FITTED, ROW, X, records, table

testclient = pytest.importorskip("fastapi.testclient")
from sklearn_mtl.serving import make_app  # noqa: E402

CLIENT = testclient.TestClient(make_app(FITTED, max_rows=100))


def answer_of(model, rows):
    response = testclient.TestClient(make_app(model)).post("/predict", json={"rows": rows})
    assert response.status_code == 200, response.text
    return response.json()


def refused(content, status, client=CLIENT):
    sent = {"content": content} if isinstance(content, bytes) else {"json": content}
    response = client.post("/predict", **sent, headers={"Content-Type": "application/json"})
    assert response.status_code == status, response.text
    return "\n".join(response.json()["detail"])


def test_answers_are_those_of_the_model():
    later = table(seed=1)
    response = CLIENT.post("/predict", json={"rows": records(later)})
    labels, probabilities = FITTED.predict_all(later)
    assert response.json() == {
        "labels": {"price": labels["price"].tolist(), "sold": labels["sold"].tolist()},
        "probabilities": {"sold": probabilities["sold"].tolist()},
        "classes": {"sold": ["no", "yes"]},
    }


def test_unseen_and_missing_values_are_treated_as_by_predict():
    rows = [{**ROW, "city": "Paris"}, {**ROW, "city": None}, {**ROW, "area (m2)": None}, {**ROW, "code": 6}]
    found = CLIENT.post("/predict", json={"rows": rows}).json()["labels"]["price"]
    frame = pd.DataFrame(rows).astype({"area (m2)": float})
    assert found == FITTED.predict(frame)["price"].tolist()


@pytest.mark.parametrize(
    ("row", "names"),
    [
        ({**ROW, "area (m2)": "large"}, ["row 1", "'area (m2)'", "a number or null", "'large'"]),
        ({**ROW, "area (m2)": [1]}, ["row 1", "'area (m2)'"]),
        ({**ROW, "city": 3}, ["row 1", "'city'", "text or null"]),
        ({**ROW, "code": "5"}, ["row 1", "'code'", "a number or null"]),
        ({**ROW, "colour": "red"}, ["row 1", "'colour'", "unknown"]),
        ({"city": "Bonn", "code": 1}, ["row 1", "'area (m2)'", "missing"]),
        ([60.5, "Bonn", 5], ["row 1", "object"]),
        ({**ROW, "area (m2)": 10**400}, ["row 1", "'area (m2)'"]),
    ],
)
def test_a_bad_row_is_refused_with_its_column(row, names):
    message = refused({"rows": [ROW, row]}, 422)
    assert all(name in message for name in names), message
    assert len(message) < 400


@pytest.mark.parametrize(
    ("content", "status", "message"),
    [
        (b'{"rows": [', 400, "not JSON"),
        (b"\xff\xfe", 400, "not JSON"),
        (b"[" * 100_000, 400, "body"),
        (b"", 422, "rows"),
        ({"rows": []}, 422, "at least one row"),
        ({"rows": [ROW] * 101}, 422, "more than 100 rows"),
        ({"rows": 3}, 422, "list of rows"),
        ({"rows": [ROW], "model": "x"}, 422, "'model'"),
        (json.dumps({"rows": [{**ROW, "code": float("nan")}]}).encode(), 422, "'code'"),
        (b'{"rows": [{"area (m2)": 1e999, "city": null, "code": null}]}', 422, "'area (m2)'"),
    ],
)
def test_a_bad_body_is_refused(content, status, message):
    assert message in refused(content, status)


def test_a_body_of_more_than_ten_megabytes_is_refused():
    assert "10000000 bytes" in refused(b" " * 10_000_001, 413)
    response = CLIENT.post("/predict", content=(b" " * 1_000_000 for _ in range(11)))  # of undeclared length
    assert response.status_code == 413
    assert CLIENT.post("/predict", json={"rows": [ROW]}).status_code == 200


def test_only_the_first_errors_are_listed():
    message = refused({"rows": [{**ROW, "city": 1}] * 30}, 422)
    assert message.count("'city'") == 10
    assert "and 20 more" in message


def test_health_schema_and_documentation():
    assert CLIENT.get("/health").json()["status"] == "ok"
    schema = CLIENT.get("/schema").json()
    assert schema["columns"][1] == {"name": "city", "kind": "text", "categories": ["Bonn", "Cologne"]}
    assert schema["tasks"][1] == {"name": "sold", "type": "Classification", "classes": ["no", "yes"]}
    row = CLIENT.get("/openapi.json").json()["components"]["schemas"]["Row"]
    assert list(row["properties"]) == list(X.columns)
    assert CLIENT.get("/docs").status_code == 200


def test_threads_share_the_model():
    parts = [table(rows, seed=rows) for rows in range(6, 38)]
    expected = [FITTED.predict(part)["price"].tolist() for part in parts]

    def ask(part):
        return CLIENT.post("/predict", json={"rows": records(part)}).json()["labels"]["price"]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, parts * 2)) == expected * 2


def test_the_network_runs_once_for_labels_and_probabilities(monkeypatch):
    calls = []
    outputs = type(FITTED._model).outputs
    monkeypatch.setattr(
        type(FITTED._model), "outputs", lambda self, *args, **kw: calls.append(1) or outputs(self, *args, **kw)
    )
    CLIENT.post("/predict", json={"rows": [ROW]})
    pipeline = make_pipeline(
        StandardScaler(), MultiTaskNetClassifier(n_members=1, max_epochs=1, early_stopping=False)
    )
    pipeline.fit(np.eye(6), [0, 1] * 3)
    calls.clear()
    answer_of(pipeline, np.eye(6).tolist())
    assert len(calls) == 1


def test_arrays_are_lists_of_values():
    rows = np.random.default_rng(0).normal(size=(40, 4))
    model = net().fit(rows, mixed_targets(rows))
    found = answer_of(model, rows[:5].tolist())
    labels, probabilities = model.predict_all(rows[:5])
    assert found["labels"] == {name: values.tolist() for name, values in labels.items()}
    assert found["probabilities"] == {name: values.tolist() for name, values in probabilities.items()}
    client = testclient.TestClient(make_app(model))
    assert "row 0: column 2 should be a number or null" in refused({"rows": [[1, 2, "x", 4]]}, 422, client)
    assert "a list of 4 values" in refused({"rows": [[1, 2, 3]]}, 422, client)


def test_pipelines_images_and_sequences():
    named = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 2)), columns=["a", "b"])
    pipeline = make_pipeline(StandardScaler(), net()).fit(named, {"sum": named.sum(axis=1)})
    assert answer_of(pipeline, records(named))["labels"] == {"sum": pipeline.predict(named)["sum"].tolist()}
    images = np.random.default_rng(0).random((12, 6, 6))
    of_images = net(trunk=ConvNet((4,))).fit(images, {"big": images.mean(axis=(1, 2))})
    assert answer_of(of_images, images.tolist())["labels"]["big"] == of_images.predict(images)["big"].tolist()
    message = refused({"rows": [[[1, 2], [3]]]}, 422, testclient.TestClient(make_app(of_images)))
    assert "one shape" in message
    texts = [["play", "jazz"], ["stop"]] * 6
    of_texts = net(trunk=SequenceEncoder("convolutional", 6)).fit(texts, {"verb": [row[0] for row in texts]})
    assert answer_of(of_texts, texts)["labels"]["verb"] == of_texts.predict(texts)["verb"].tolist()


def test_models_that_cannot_be_served_are_refused():
    with pytest.raises(NotFittedError):
        make_app(MultiTaskNetEstimator())
    for wrong in ({"max_rows": 0}, {"max_bytes": 1.5}, {"max_rows": True}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))}=.* whole number"):
            make_app(FITTED, **wrong)
    frame = pd.DataFrame({"text": column([["a"], ["b"]] * 6), "size": np.arange(12.0)})
    several = net(trunk=MultiInput({"text": "sequence_encoder", "size": "mlp"})).fit(
        frame, {"y": np.arange(12.0) / 8}
    )
    with pytest.raises(TypeError, match="trunk MultiInput"):
        make_app(several)
