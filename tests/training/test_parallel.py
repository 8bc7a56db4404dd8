"""Two processes that train one network together equal one process with the double batch."""

import multiprocessing
import pickle
import re

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone

from sklearn_mtl.data._dataset import BatchIterator, Dataset, ShareOfBatches
from sklearn_mtl.utils._device import resolve_device
from sklearn_mtl.utils._ranks import own_device
from tests.training.ranks import CONSTANT, FITS, RANKS, SHARE, TIMEOUT, X, Y, facts_of, net, run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Let two processes fit everything; return what each found. The second one ends with status 3 by itself."""
    folder = tmp_path_factory.mktemp("ranks")
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=run, args=(rank, str(folder))) for rank in range(RANKS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(150)
        if process.is_alive():
            process.kill()
    assert [process.exitcode for process in processes] == [0, 3]
    return [pickle.loads((folder / f"{rank}.pickle").read_bytes()) for rank in range(RANKS)]


def assert_equal_facts(one, other, **tolerance):
    for name, output in one["outputs"].items():
        np.testing.assert_allclose(other["outputs"][name], output, err_msg=name, **tolerance)
    pd.testing.assert_frame_equal(other["history"], one["history"], **{"check_exact": False, **tolerance})


@pytest.mark.filterwarnings("ignore:early stopping does not watch 'rare'")
@pytest.mark.parametrize("name", FITS)
def test_two_processes_equal_one_with_the_double_batch(found, name):
    estimator, X, y, weight = FITS[name]
    alone = clone(estimator).set_params(device="cpu")
    if estimator.batch_size != "auto":
        alone.set_params(batch_size=RANKS * SHARE)
    facts = facts_of(alone.fit(X, y, sample_weight=weight), X)
    for rank in range(RANKS):
        assert_equal_facts(facts, found[rank]["fits"][name], rtol=1e-6, atol=1e-9)
    assert_equal_facts(found[0]["fits"][name], found[1]["fits"][name], rtol=0, atol=0)


@pytest.mark.filterwarnings("ignore:early stopping does not watch 'rare'")
def test_the_share_of_a_process_matters(found):
    """One process with the single batch, which is wrong, differs by more than the tolerance of the other test."""
    alone = facts_of(clone(FITS["missing labels"][0]).set_params(device="cpu").fit(X, Y), X)
    assert not np.allclose(
        alone["outputs"]["mass"], found[0]["fits"]["missing labels"]["outputs"]["mass"], rtol=1e-3
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ensemble", "pass n_members=1"),
        ("portfolio", "trains ensembles; device='cpu:\\*' trains one network"),
        ("gradients", "the weighting compares gradients"),
        ("sampling", "task_sampling trains one task in a step"),
        ("skorch's checkpoint", "use the parameter checkpoint"),
        ("survival", "task 'time'.*compares all rows of a step"),
        ("penalty on rows", "adds a penalty on the rows of a step"),
        ("batch norm", "BatchNorm"),
        ("buffers", "different networks: .*seen"),
        ("other rows", "called with different \\['X', 'y'\\]"),
        ("other held-out rows", "hold out different rows"),
        ("other parameters", "called with different \\['learning_rate'\\]"),
        ("stream", "trains one network in several processes, which only fit does, on rows in memory"),
        ("partial_fit", "which only fit does"),
        ("add_task", "which only fit does"),
    ],
)
def test_what_does_not_work_is_refused_by_all_processes(found, name, message):
    for process in found:
        assert re.search(message, process["refusals"][name] or ""), process["refusals"][name]


def test_first_process_prints_and_writes(found):
    assert "train_loss" in found[0]["printed"]
    assert found[1]["printed"] == ""
    assert len(found[0]["files"]) == 1
    assert found[0]["files"] == found[1]["files"]


def test_resumed_fit_equals_one_process(found):
    alone = net(**CONSTANT, device="cpu", batch_size=RANKS * SHARE).fit(X, Y)
    for process in found:
        assert_equal_facts(facts_of(alone, X), process["resumed"], rtol=1e-6, atol=1e-9)


def test_processes_without_a_random_state_draw_the_same(found):
    assert_equal_facts(found[0]["by chance"], found[1]["by chance"], rtol=0, atol=0)
    np.testing.assert_array_equal(found[0]["loaded"], found[1]["loaded"])


def test_callback_of_one_process_stops_all(found):
    assert [process["epochs of one that stops"] for process in found] == [1, 1]


def test_process_that_does_not_come_is_an_error_after_the_timeout(found):
    assert "ParallelError: process 0 of 2 lost the others" in found[0]["late"]
    assert TIMEOUT <= found[0]["waited"] < TIMEOUT + 20


def test_process_that_dies_is_an_error_in_the_other(found):
    assert "ParallelError: process 0 of 2 lost the others" in found[0]["dead"]
    assert found[0]["noticed"] < 30


def test_fit_without_a_process_group_says_how_to_start_one():
    with pytest.raises(ValueError, match=r"torchrun.*init_process_group"):
        net().fit(X, Y)


def test_device_of_all_processes_is_one_of_each():
    assert (own_device("cpu:*"), own_device("cuda:1"), own_device(None)) == ("cpu", "cuda:1", None)
    with pytest.raises(ValueError, match=r"device='cuda:\*' trains one network in several processes"):
        resolve_device("cuda:*")


def test_process_uses_the_gpu_of_its_number(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert own_device("cuda:*") == "cuda:0"
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert own_device("cuda:*") == "cuda:3"


@pytest.mark.parametrize("n_rows", [1, 7, 8, 9, 21])
def test_shares_together_are_the_batches(n_rows):
    data = Dataset({"x": torch.arange(n_rows)[:, None]}, [torch.arange(n_rows)], [None])

    def shares(share):
        return ShareOfBatches(share, 3, data, 4, torch.Generator().manual_seed(0))

    whole = [batch.rows for batch in BatchIterator(data, 4, torch.Generator().manual_seed(0))]
    parts = [[batch.rows for batch in shares(share)] for share in range(3)]
    assert [len(part) for part in parts] == [len(whole)] * 3
    for batch, *of_shares in zip(whole, *parts, strict=True):
        assert torch.equal(torch.cat(of_shares), batch)
    assert all(len(batch.targets[0]) >= 1 for batch in shares(2))
