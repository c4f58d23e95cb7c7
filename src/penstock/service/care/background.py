"""Threads for work that waits for the disk, started when there is some. They hold up no exit: what they do may be left undone."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

Work = Callable[[], None]


class Background:
    """Runs what it is given, in the order given, `n_threads` at a time. Work sees to its own errors."""

    def __init__(self, n_threads: int = 2) -> None:
        self._n_threads = n_threads
        self._waiting: queue.SimpleQueue[Work] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    def __call__(self, work: Work) -> None:
        self._waiting.put(work)
        if len(self._threads) < self._n_threads:
            thread = threading.Thread(target=self._run, name=f"background-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _run(self) -> None:
        while True:
            self._waiting.get()()
