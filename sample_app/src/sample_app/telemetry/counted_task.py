"""The class of our tasks: every run is timed, and counted where it failed, also a run that ends with its process.

Its own hooks, not Celery's signals: finding a signal's receivers costs more than all they do. A process that was
killed calls neither. Its message is handed out again (task_reject_on_worker_lost), and without the worker's main
process telling, a task that kills every worker it meets would be in no figure at all.
"""

from time import time
from typing import Any, ClassVar

from billiard.einfo import ExceptionWithTraceback  # type: ignore[import-untyped]
from billiard.exceptions import TimeLimitExceeded, WorkerLostError  # type: ignore[import-untyped]
from celery import Task  # type: ignore[import-untyped]
from celery.worker.request import Request  # type: ignore[import-untyped]

from sample_app.telemetry.task_metrics import TaskMetrics

_LOST, _LATE = "WorkerLostError", "TimeLimitExceeded"


class CountedRequest(Request):  # type: ignore[misc]  # Celery has no types
    """What the worker's main process knows of a task that it handed to a child."""

    def on_failure(self, exc_info: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - Celery's
        """Count a run whose process is gone; whatever else failed was counted in its process."""
        kind = killed_by(exc_info.exception)
        if kind is not None and not self._already_cancelled:
            CountedTask.metrics.killed(self.task.name, kind, max(0.0, time() - (self.time_start or time())))
        return super().on_failure(exc_info, *args, **kwargs)


class CountedTask(Task):  # type: ignore[misc]
    """A task whose runs are counted; Celery calls these in the child that runs it."""

    Request = CountedRequest
    metrics: ClassVar[TaskMetrics]  # set by worker_process, before there is a run

    def before_start(self, task_id: str, *_: object) -> None:
        """Begin to time a run."""
        self.metrics.begins(task_id)

    def on_retry(self, _error: BaseException, task_id: str, *_: object) -> None:
        """Time a run that is to be tried again; for such a one nothing returns."""
        self.metrics.ends(task_id, self.name, "retry")

    def on_failure(self, error: BaseException, *_: object) -> None:
        """Count what failed."""
        self.metrics.failed(self.name, error)

    def after_return(self, state: str, _retval: object, task_id: str, *_: object) -> None:
        """Time a run that succeeded or failed."""
        self.metrics.ends(task_id, self.name, state.lower())


def killed_by(error: BaseException) -> str | None:
    """Name what ended a run's process; None where only the run failed."""
    if isinstance(error, ExceptionWithTraceback):
        error = error.exc
    if isinstance(error, TimeLimitExceeded):
        return _LATE
    # billiard tells of a child's exit as the exception that ended it
    return _LOST if isinstance(error, (WorkerLostError, SystemExit, KeyboardInterrupt)) else None
