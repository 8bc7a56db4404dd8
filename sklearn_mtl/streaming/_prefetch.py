"""Read ahead in a thread."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from ..utils._modes import own_modes

T = TypeVar("T")
_END: Any = object()


def prefetched(items: Iterator[T]) -> Iterator[T]:
    """Compute the next item in a thread while the caller uses the present one.

    Errors are raised where the item would be. The thread ends with the iterator.

    Examples
    --------
    >>> from sklearn_mtl.streaming._prefetch import prefetched
    >>> list(prefetched(iter("abc")))
    ['a', 'b', 'c']
    """

    @own_modes()
    def fetch() -> T:
        return next(items, _END)

    with ThreadPoolExecutor(1, thread_name_prefix="sklearn-mtl-stream") as thread:
        pending = thread.submit(fetch)
        while (item := pending.result()) is not _END:
            pending = thread.submit(fetch)
            yield item
            del item
