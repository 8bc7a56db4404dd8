"""Random numbers of a fit: one seed, and one generator for each purpose."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from threading import Lock
from typing import Any

import numpy as np
import torch
from sklearn.utils import check_random_state

# External modules draw their initial weights from torch's global generator.
_GLOBAL_GENERATOR = Lock()


def seed_of_fit(random_state: Any) -> int:
    """Draw the seed of a fit from the parameter ``random_state``."""
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


class Streams:
    """Independent random generators derived from one seed.

    A generator depends only on the seed and the purpose, not on numbers drawn before. So the initial weights of
    the first head do not depend on other tasks, and the order of the rows in epoch 7 does not depend on an
    interruption after epoch 6.

    Parameters
    ----------
    seed : int
        Seed of the fit.
    tasks : sequence of str, default=()
        The trained tasks in order. Generators of a task depend on its position and not on its name.

    Examples
    --------
    >>> import torch
    >>> from sklearn_mtl.utils._random import Streams
    >>> a, b = (torch.rand(2, generator=Streams(0).generator("head", "a")) for _ in range(2))
    >>> bool((a == b).all())
    True
    """

    def __init__(self, seed: int, tasks: Sequence[str] = ()) -> None:
        self.seed = seed
        self._positions = {name: str(position) for position, name in enumerate(tasks)}

    def of_task(self, name: str | tuple[str, int]) -> str:
        """Return the purpose name of a task, or of one of its numbered parts."""
        if isinstance(name, tuple):
            return f"task {self.of_task(name[0])} {name[1]}"
        return self._positions.get(name, name)

    def generator(self, *purpose: str | int, device: torch.device | str = "cpu") -> torch.Generator:
        """Return the generator for a purpose, for instance ``("shuffle", epoch)``."""
        return torch.Generator(device=device).manual_seed(self.derive(*purpose))

    def derive(self, *purpose: str | int) -> int:
        """Return a separate seed for a purpose, for instance ``("member", 3)``."""
        digest = hashlib.sha256(repr((self.seed, purpose)).encode()).digest()
        return int.from_bytes(digest[:8], "little") >> 1

    def global_generator(self, *purpose: str | int) -> AbstractContextManager[None]:
        """Seed torch's global generator for code that draws from it, and restore its state afterwards."""
        return lend_global_generator(self.derive(*purpose))


@contextmanager
def lend_global_generator(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Seed torch's global generator for code that draws from it, and restore its state afterwards.

    Parameters
    ----------
    seed : int
    device : torch.device or None, default=None
        Device of the code; the generator of this GPU is seeded too.
    """
    gpu = device if device is not None and device.type == "cuda" else None
    with _GLOBAL_GENERATOR:
        state = torch.get_rng_state()
        state_of_gpu = None if gpu is None else torch.cuda.get_rng_state(gpu)
        # torch.manual_seed would seed the generators of all devices
        torch.default_generator.manual_seed(seed)
        try:
            if gpu is not None:
                with torch.cuda.device(gpu):
                    torch.cuda.manual_seed(seed)
            yield
        finally:
            torch.set_rng_state(state)
            if gpu is not None and state_of_gpu is not None:
                torch.cuda.set_rng_state(state_of_gpu, gpu)
