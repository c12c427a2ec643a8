"""The trust engine's Celery tasks: thin, so that what they do can be tested without Celery."""

from functools import partial
from typing import Any
from uuid import UUID

import structlog
from celery import Celery  # type: ignore[import-untyped]
from celery.exceptions import Retry  # type: ignore[import-untyped]
from sqlalchemy import select

from sample_app import canary
from sample_app.database import UNAVAILABLE
from sample_app.faults.tasks import before_task, carry_ballast
from sample_app.telemetry import names
from sample_app.telemetry.counted_task import CountedTask
from sample_app.telemetry.errors import report
from sample_app.telemetry.tasks import running
from sample_app.tenancy import TENANTS
from sample_app.trust.requeue import requeue_forgotten
from sample_app.worker_process import PROCESS, Process

_LOG = structlog.get_logger()
_MAX_RETRIES = 4
_LONGEST_RETRY_SECONDS = 16


def register(app: Celery) -> None:
    """Make the tasks known to a worker."""
    task = partial(app.task, base=CountedTask)
    task(bind=True, name=names.TASK_EXECUTE, max_retries=_MAX_RETRIES)(execute_automation)
    task(bind=True, name=names.TASK_REQUEUE)(requeue_executions)
    task(bind=True, name=names.TASK_CANARY)(sing_canary)
    task(name=names.TASK_BALLAST)(ballast)


def execute_automation(task: Any, execution_id: str) -> None:  # noqa: ANN401 - Celery's task
    """Decide one execution; while the database is away, try again later."""
    process = PROCESS.get()
    with running(process.tracer, task.request) as serving:
        try:
            before_task(process.switches)
            process.gate.process(UUID(execution_id), serving)
        except UNAVAILABLE as error:
            attempt = task.request.retries + 1
            if attempt > _MAX_RETRIES:
                # the row stays queued, so the scheduler brings it back
                _LOG.error("execution_postponed", execution_id=execution_id, exc_info=error)
                report(error, endpoint=names.TASK_EXECUTE)
                return
            _LOG.warning(
                "execution_retried", execution_id=execution_id, attempt=attempt, cause=type(error).__name__
            )
            delay = min(2**attempt, _LONGEST_RETRY_SECONDS)
            headers = {key: value for key, value in _headers(task).items() if value}
            raise task.retry(exc=error, countdown=delay, headers=headers) from error
        except Retry:
            raise
        except Exception as error:
            _LOG.exception("task_failed", task=names.TASK_EXECUTE, execution_id=execution_id)
            report(error, endpoint=names.TASK_EXECUTE)
            raise


def requeue_executions(task: Any) -> None:  # noqa: ANN401 - Celery's task
    """Send forgotten messages again, and begin new tenants' series."""
    process = PROCESS.get()
    with running(process.tracer, task.request):
        try:
            with process.engine.connect() as connection:
                process.metrics.expect(connection.execute(select(TENANTS.c.id)).scalars().all())
            requeue_forgotten(
                process.engine, process.send, after_seconds=process.settings.requeue_after_seconds
            )
        except UNAVAILABLE as error:
            _LOG.warning("requeue_postponed", cause=type(error).__name__)
        except Exception as error:
            _LOG.exception("task_failed", task=names.TASK_REQUEUE)
            report(error, endpoint=names.TASK_REQUEUE)
            raise


def sing_canary(task: Any) -> None:  # noqa: ANN401 - Celery's task
    """Say when a canary last came through the platform, and send the next."""
    process = PROCESS.get()
    with running(process.tracer, task.request):
        try:
            _look_for_canary(process)
            if process.settings.api_url:
                canary.send(process.api, process.settings.internal_key.get_secret_value())
        except Exception as error:
            _LOG.exception("task_failed", task=names.TASK_CANARY)
            report(error, endpoint=names.TASK_CANARY)
            raise


def _look_for_canary(process: Process) -> None:
    try:
        at = canary.last_return(process.engine)
    except UNAVAILABLE as error:
        _LOG.warning("canary_not_seen", cause=type(error).__name__)
        return
    if at is not None:
        process.metrics.tasks.canary_returned(at)


def ballast() -> None:
    """Keep a worker busy, as long as a fault says so."""
    carry_ballast(PROCESS.get().switches)


def _headers(task: Any) -> dict[str, Any]:  # noqa: ANN401 - Celery's task
    carried = ("traceparent", "tracestate", "request_id", "tenant_id")
    return {key: getattr(task.request, key, None) for key in carried}
