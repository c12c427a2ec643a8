"""Asks whether any worker answers. A ping costs its whole time limit, so its answer is kept for some seconds."""

import asyncio
from collections.abc import Callable
from time import monotonic

from celery import Celery  # type: ignore[import-untyped]

_PING_SECONDS = 0.7
_KEPT_SECONDS = 5.0


class NoWorkerError(Exception):
    """No worker answered the last ping."""


class WorkerCheck:
    """A check like the others, although pinging blocks: it does so in a thread, and once for all who ask."""

    def __init__(self, ping: Callable[[], int], *, kept_seconds: float = _KEPT_SECONDS) -> None:
        """Ping when first asked."""
        self._ping = ping
        self._kept_seconds = kept_seconds
        self._workers = 0
        self._asked: float | None = None
        self._asking = asyncio.Lock()

    @classmethod
    def of(cls, celery: Celery) -> "WorkerCheck":
        """Return the check of this application's workers."""
        return cls(lambda: len(celery.control.ping(timeout=_PING_SECONDS) or []))

    async def __call__(self) -> None:
        """Return if a worker answered, now or a few seconds ago."""
        async with self._asking:
            if self._asked is None or monotonic() - self._asked > self._kept_seconds:
                self._workers = 0
                self._workers = await asyncio.to_thread(self._ping)
                self._asked = monotonic()
        if not self._workers:
            raise NoWorkerError
