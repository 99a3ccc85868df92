"""Several threads at the same moment, each with a database connection of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection


def together(count: int, work: Callable[[int], Any]) -> list[Any]:
    """What `work` returns in each of `count` threads that start at the same moment, with a connection of their own."""
    gate, results = threading.Barrier(count), [None] * count

    def step(number: int) -> None:
        try:
            gate.wait()
            results[number] = work(number)
        finally:
            connection.close()

    threads = [threading.Thread(target=step, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
