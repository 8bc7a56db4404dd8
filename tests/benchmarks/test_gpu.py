"""The benchmark of a GPU runs on a CPU, at its smallest size."""

import pytest
import torch
from gpu import QUESTIONS, Captured, main

SMALLEST = ["--device", "cpu", "--small", "--rounds", "1", "--only"]


@pytest.mark.slow
@pytest.mark.parametrize("question", ["ensembles", "texts"])
def test_every_contender_runs(question):
    (rows,) = [rows for rows in main([*SMALLEST, question])[question].values()][:1]
    assert len(rows) >= 2
    assert all(row["median_s"] > 0 for row in rows)


def test_step_that_cannot_be_captured_runs_as_it_is():
    seen = []
    step = Captured(lambda *batch: seen.append(batch), [torch.zeros(2)])
    step(torch.ones(3))
    assert len(seen) == 1
    assert step.graph is None


def test_without_a_gpu_the_benchmark_says_what_runs(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match=r"no CUDA device.*--device cpu --small"):
        main([])
    assert set(QUESTIONS) == {"fits", "ensembles", "grids", "predictions", "images", "texts"}
