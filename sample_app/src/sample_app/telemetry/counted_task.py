"""The class of our tasks: every run is timed, and counted where it failed, also a run that ends with its process.

Celery's signals would do, but finding a signal's receivers costs more than all they do here. A process that was
killed sends none. Its message is handed out again (task_reject_on_worker_lost), and without the worker's main
process telling, a task that kills every worker it meets would be in no figure at all.
"""

from time import perf_counter, time
from typing import Any, ClassVar

from billiard.einfo import ExceptionWithTraceback  # type: ignore[import-untyped]
from billiard.exceptions import TimeLimitExceeded, WorkerLostError  # type: ignore[import-untyped]
from celery import Task  # type: ignore[import-untyped]
from celery.exceptions import Retry  # type: ignore[import-untyped]
from celery.worker.request import Request  # type: ignore[import-untyped]

from sample_app.telemetry.task_metrics import TaskMetrics

_LOST, _LATE = "WorkerLostError", "TimeLimitExceeded"


class CountedRequest(Request):  # type: ignore[misc]  # Celery has no types
    """What the worker's main process knows of a task that it handed to a child."""

    def on_failure(self, exc_info: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - Celery's
        """Count a run whose process is gone; whatever else failed was counted in its process."""
        kind = killed_by(exc_info.exception)
        if kind is not None and not self._already_cancelled:
            CountedTask.metrics.failed(self.task.name, kind, max(0.0, time() - (self.time_start or time())))
        return super().on_failure(exc_info, *args, **kwargs)


class CountedTask(Task):  # type: ignore[misc]
    """A task whose runs are counted, in the child that runs it."""

    Request = CountedRequest
    metrics: ClassVar[TaskMetrics]  # set by worker_process, before there is a run

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the task's own
        """Run the task; what ends the process too is left to CountedRequest."""
        started = perf_counter()
        try:
            returned = self.run(*args, **kwargs)
        except Retry:
            self.metrics.ran(self.name, "retry", perf_counter() - started)
            raise
        except Exception as error:
            self.metrics.failed(self.name, type(error).__name__, perf_counter() - started)
            raise
        self.metrics.ran(self.name, "success", perf_counter() - started)
        return returned


def killed_by(error: BaseException) -> str | None:
    """Name what ended a run's process; None where only the run failed."""
    if isinstance(error, ExceptionWithTraceback):
        error = error.exc
    if isinstance(error, TimeLimitExceeded):
        return _LATE
    # billiard tells of a child's exit as the exception that ended it
    return _LOST if isinstance(error, (WorkerLostError, SystemExit, KeyboardInterrupt)) else None
