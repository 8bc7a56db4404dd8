from threading import Barrier, Thread

import pytest
import torch

from sklearn_mtl.utils._threads import WORK_PER_THREAD, share_of_threads, threads_for


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


def test_share_of_the_threads_is_what_a_step_can_have(four_threads):
    with share_of_threads(2):
        with threads_for(1e15):
            assert torch.get_num_threads() == 2
        assert torch.get_num_threads() == 2
        with threads_for(0):
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    assert torch.get_num_threads() == 4


def test_fits_in_other_threads_change_nothing(four_threads):
    barrier, seen = Barrier(2, timeout=10), {}

    def small():
        with threads_for(0):
            barrier.wait()  # the large one starts while one thread is set
            barrier.wait()

    def large():
        barrier.wait()
        with threads_for(1e15):
            seen["large"] = torch.get_num_threads()
            barrier.wait()

    threads = [Thread(target=small), Thread(target=large)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert seen == {"large": 4}
    assert torch.get_num_threads() == 4
