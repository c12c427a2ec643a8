"""Runs that end with their process: killed for memory, crashed, or beyond the time limit.

Their messages are handed out again (task_reject_on_worker_lost), and Celery calls no such run a failure: it sends no
signal. Without this, a task that kills every worker it meets would be in no figure at all.
"""

from time import time
from typing import Any, ClassVar

from billiard.einfo import ExceptionWithTraceback  # type: ignore[import-untyped]
from billiard.exceptions import TimeLimitExceeded, WorkerLostError  # type: ignore[import-untyped]
from celery.worker.request import Request  # type: ignore[import-untyped]

from sample_app.telemetry.task_metrics import TaskMetrics

_LOST, _LATE = "WorkerLostError", "TimeLimitExceeded"


class CountedRequest(Request):  # type: ignore[misc]  # Celery has no types
    """What the worker's main process knows of a task that it handed to a child."""

    metrics: ClassVar[TaskMetrics | None] = None

    def on_failure(self, exc_info: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - Celery's
        """Count a run whose process is gone; whatever else failed was counted in its process."""
        kind = killed_by(exc_info.exception)
        if kind is not None and self.metrics is not None and not self._already_cancelled:
            self.metrics.killed(self.task.name, kind, max(0.0, time() - (self.time_start or time())))
        return super().on_failure(exc_info, *args, **kwargs)


def killed_by(error: BaseException) -> str | None:
    """Name what ended a run's process; None where only the run failed."""
    if isinstance(error, ExceptionWithTraceback):
        error = error.exc
    if isinstance(error, TimeLimitExceeded):
        return _LATE
    # billiard tells of a child's exit as the exception that ended it
    return _LOST if isinstance(error, (WorkerLostError, SystemExit, KeyboardInterrupt)) else None
