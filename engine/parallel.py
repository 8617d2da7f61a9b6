"""Work on many items by a few threads, results in the order of the items and a bounded number of them in memory.

For functions that let go of the GIL (numba kernels, compression, aligners). Nothing here depends on timing: the
results are those of a plain loop, whatever the number of threads.

>>> list(in_order(lambda n: n * n, range(5), threads=2))
[0, 1, 4, 9, 16]
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(
    function: Callable[[Item], Result], items: Iterable[Item], *, threads: int, ahead: int = 2
) -> Iterator[Result]:
    """``map`` on threads; at most ``threads + ahead`` items are under way or waiting to be taken.

    The items are drawn in the caller's thread. An error in an item or in ``items`` itself is raised when its turn
    comes, after the results before it; what is under way then is finished and thrown away.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(max(threads, 1)) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) >= threads + ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
