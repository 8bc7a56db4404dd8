import pytest
import torch

from sklearn_mtl.utils._threads import WORK_PER_THREAD, threads_for


@pytest.fixture
def four_threads(monkeypatch):
    """Stand in for torch's setting, which is the process's own."""
    setting = {"threads": 4}
    monkeypatch.setattr(torch, "get_num_threads", lambda: setting["threads"])
    monkeypatch.setattr(torch, "set_num_threads", lambda n: setting.update(threads=n))


@pytest.mark.parametrize(
    ("work", "threads"),
    [(0, 1), (1, 1), (WORK_PER_THREAD, 1), (2 * WORK_PER_THREAD, 2), (3.9 * WORK_PER_THREAD, 3), (1e15, 4)],
)
def test_threads_follow_the_work_up_to_what_there_is(four_threads, work, threads):
    with threads_for(work):
        assert torch.get_num_threads() == threads
    assert torch.get_num_threads() == 4


def test_setting_is_restored_after_an_error(four_threads):
    with pytest.raises(ZeroDivisionError), threads_for(0):
        raise ZeroDivisionError
    assert torch.get_num_threads() == 4
