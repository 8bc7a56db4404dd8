import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread():
    """Spare tiny products the cost of a second thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
