"""Answers of exported models, compared with those of the estimator."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sklearn_mtl.export import onnx_inputs, to_onnx
from sklearn_mtl.export._alphabet import OTHER
from sklearn_mtl.export._memories import ScannedMemory
from sklearn_mtl.export._read_sequences import StepsReader, TokenReader
from sklearn_mtl.export._whole import WholeModel
from sklearn_mtl.tasks import (
    BoundingBox,
    Classification,
    MultilabelClassification,
    Ordinal,
    Segmentation,
    SequenceTagging,
    Survival,
)

onnxruntime = pytest.importorskip("onnxruntime")


def session_of(model):
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def answers_of(model, X):
    session = session_of(model)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, onnx_inputs(session, X)), strict=True))


def traced_answers(net, X):
    """Return the answers of the module that is traced, which takes less time than an export."""
    whole = WholeModel(net._model, net.task_names_, ScannedMemory).eval()
    arrays = onnx_inputs(SimpleNamespace(get_inputs=lambda: [_array_of(whole.reader)]), X)["X"]
    if arrays.dtype == object:
        arrays = _letters(whole.reader.alphabet, arrays)
    with torch.no_grad():
        answers = [values.numpy() for values in whole(torch.as_tensor(arrays))]
    named = [(answer, task.texts.get(answer)) for task in whole.answering for answer in task.answers]
    return {
        name: values if texts is None else np.array([*texts, ""], dtype=object)[values]
        for (name, texts), values in zip(named, answers, strict=True)
    }


def _array_of(reader):
    if isinstance(reader, TokenReader):
        return SimpleNamespace(name="X", type="tensor(string)", shape=["n_rows", "n_tokens"])
    (example,) = reader.examples().values()
    steps = "n_tokens" if isinstance(reader, StepsReader) else example.shape[1]
    of = "tensor(uint8)" if example.dtype == torch.uint8 else "tensor(double)"
    return SimpleNamespace(name="X", type=of, shape=["n_rows", steps, *example.shape[2:]])


def _letters(alphabet, tokens):
    letters = np.zeros((*tokens.shape, max(1, *map(len, tokens.ravel()))), dtype=np.int64)
    for place, token in np.ndenumerate(tokens):
        letters[(*place, slice(len(token)))] = [alphabet.numbers.get(one, OTHER) for one in token]
    return letters


def expected_answers(net, X):
    """Return what an exported model should answer, by the names of its outputs."""
    predicted = net.predict(X)
    probabilities = net.predict_proba(X) if any(net.tasks_[n].has_probabilities for n in predicted) else {}
    expected = {}
    for name in predicted:
        task = net.tasks_[name]
        if isinstance(task, Classification | Ordinal):
            expected |= {f"{name}_label": predicted[name], f"{name}_probabilities": probabilities[name]}
        elif isinstance(task, MultilabelClassification | Segmentation | SequenceTagging):
            expected |= {f"{name}_labels": predicted[name], f"{name}_probabilities": probabilities[name]}
        else:
            expected[name] = predicted[name]
        if isinstance(task, Survival):
            expected[f"{name}_risk"] = net.predict_risk(X, tasks=[name])[name]
            expected[f"{name}_survival"] = net.predict_survival_function(X, tasks=[name])[name]
        elif getattr(task, "has_distribution", False):
            expected[f"{name}_std"] = net.predict_std(X, tasks=[name])[name]
        elif getattr(task, "has_quantiles", False):
            expected[f"{name}_quantiles"] = net.predict_quantiles(X, task.quantile, tasks=[name])[name]
    return expected


def unit_of(task):
    """Return the unit of the numbers of a task."""
    if isinstance(task, Survival):
        return task.last_time_
    if isinstance(task, BoundingBox):
        return float(task.range_.max())
    return getattr(task, "scale_", 1.0)


def assert_same(net, found, expected):
    """Check answers by name: labels are equal, and numbers up to 1e-5 of their unit."""
    assert set(found) == set(expected)
    for name, values in expected.items():
        if name in found and isinstance(values[0], list | np.ndarray) and values.dtype.kind == "O":
            _assert_same_rows(found[name], list(values), name)
            continue
        values = np.asarray(values)
        assert found[name].shape == values.shape, name
        if values.dtype.kind == "f" and not name.endswith(("_label", "_labels")):
            unit = unit_of(net.tasks_.get(name))
            np.testing.assert_allclose(found[name] / unit, values / unit, rtol=1e-9, atol=1e-5, err_msg=name)
        else:
            assert found[name].tolist() == values.tolist(), name


def _assert_same_rows(found, rows, name):
    for given, row in zip(found, rows, strict=True):
        inside, behind = given[: len(row)], given[len(row) :]
        if name.endswith("_labels"):
            assert inside.tolist() == list(row), name
            assert set(behind.tolist()) <= {"", -1}, name
        else:
            np.testing.assert_allclose(inside, row.reshape(inside.shape), rtol=0, atol=1e-5, err_msg=name)
            assert not behind.any(), name


def assert_same_answers(net, X, model=None):
    """Check that onnxruntime answers as predict and predict_proba do, for many rows and for one."""
    model = to_onnx(net) if model is None else model
    for rows in (X, first_row(X)):
        assert_same(net, answers_of(model, rows), expected_answers(net, rows))


def first_row(X):
    return {name: values[:1] for name, values in X.items()} if isinstance(X, dict) else X[:1]
