"""Random numbers that a fit owns: one seed, one generator for each purpose."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any

import numpy as np
import torch
from sklearn.utils import check_random_state

# Modules that are not ours draw their initial weights from torch's global generator.
_GLOBAL_GENERATOR = Lock()


def seed_of_fit(random_state: Any) -> int:
    """Draw the seed of a fit from what ``random_state`` may be."""
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


class Streams:
    """Independent random generators derived from one seed.

    A generator depends on the seed and on the purpose only, never on what was drawn before. So the first head
    starts alike whatever other tasks follow, and epoch 7 is shuffled alike whether or not the training was
    interrupted after epoch 6.

    Parameters
    ----------
    seed : int
        Seed of the fit.
    tasks : sequence of str, default=()
        The trained tasks in their order. What belongs to one of them is drawn by its position: what a task is
        called changes nothing.

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
        """Return what the purposes of a task, or of one of its numbered parts, are called."""
        if isinstance(name, tuple):
            return f"task {self.of_task(name[0])} {name[1]}"
        return self._positions.get(name, name)

    def generator(self, *purpose: str | int, device: torch.device | str = "cpu") -> torch.Generator:
        """Return the generator for a purpose, for instance ``("shuffle", epoch)``."""
        return torch.Generator(device=device).manual_seed(self.derive(*purpose))

    def derive(self, *purpose: str | int) -> int:
        """Return a seed of its own for a purpose, for instance ``("member", 3)``."""
        digest = hashlib.sha256(repr((self.seed, purpose)).encode()).digest()
        return int.from_bytes(digest[:8], "little") >> 1

    @contextmanager
    def global_generator(self, *purpose: str | int) -> Iterator[None]:
        """Lend the seed to code that insists on torch's global generator, and give its state back after."""
        with lend_global_generator(self.derive(*purpose)):
            yield


@contextmanager
def lend_global_generator(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Seed torch's global generator for code that insists on it, and give its state back after.

    Parameters
    ----------
    seed : int
    device : torch.device or None, default=None
        Where the code computes: the generator of that GPU is lent too.
    """
    gpu = device if device is not None and device.type == "cuda" else None
    with _GLOBAL_GENERATOR:
        state = torch.get_rng_state()
        state_of_gpu = None if gpu is None else torch.cuda.get_rng_state(gpu)
        # torch.manual_seed would go through the generators of all devices
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
