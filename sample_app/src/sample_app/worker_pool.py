"""The prefork pool, which on its way out waits for every task that a process has in hand.

Celery's forgets those whose beginning it has not yet heard of (AsynPool.flush, Celery 5.7.0). Such a task runs to its
end, nobody acknowledges it, and another worker runs it again; its process meanwhile waits half a minute to be heard
(billiard), longer than a container that stops is given. Until Celery keeps them itself:
tests/resilience/test_orderly_end.py stops a worker at that very moment.
"""

from typing import Any

from billiard.pool import CLOSE  # type: ignore[import-untyped]
from celery.concurrency.asynpool import AsynPool, _get_job_writer  # type: ignore[import-untyped]
from celery.concurrency.prefork import TaskPool  # type: ignore[import-untyped]


class _PatientPool(AsynPool):  # type: ignore[misc]  # Celery has no types
    def flush(self) -> None:
        """Forget what no process has been given, and when the worker ends nothing else."""
        in_hand = {key: job for key, job in self._cache.items() if self._is_given(job)}
        super().flush()
        if self._state == CLOSE:
            self._cache.update(in_hand)

    def _is_given(self, job: Any) -> bool:  # noqa: ANN401 - billiard's
        """Tell whether a process has been sent the whole of a task."""
        # what was taken from the queue and waits for a free process has no writer yet
        return job._write_to is not None and _get_job_writer(job) not in self._active_writers  # noqa: SLF001


class PatientTaskPool(TaskPool):  # type: ignore[misc]
    """Celery's prefork pool otherwise."""

    Pool = _PatientPool
