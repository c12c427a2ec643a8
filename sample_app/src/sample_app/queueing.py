"""Celery over Redis: one configuration for all who publish, work, schedule or look."""

import asyncio
import contextvars
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from uuid import UUID

import structlog
from celery import Celery  # type: ignore[import-untyped]
from opentelemetry.trace import Tracer

from sample_app.settings import Settings
from sample_app.telemetry import names
from sample_app.telemetry.tasks import publishing

_LOG = structlog.get_logger()
_PUBLISH_SECONDS = 2.0
_PAUSE_SECONDS = 5.0
_GIVING_BACK_SECONDS = 10


def make_celery(settings: Settings, *, impatient: bool = False) -> Celery:
    """Return the Celery application; an impatient one gives up on an absent broker at once."""
    transport = {
        "visibility_timeout": settings.visibility_timeout_seconds,
        # whoever gives back what the dead have held, holds a lock for some milliseconds. If he dies meanwhile, or the broker's
        # disk is full when he lets go of it, nobody gives anything back until it ends: Celery's 5 min are long
        "unacked_mutex_expire": _GIVING_BACK_SECONDS,
        "socket_connect_timeout": 1.0,
        "socket_timeout": _PUBLISH_SECONDS if impatient else 10.0,
        "socket_keepalive": True,
        "health_check_interval": 10,
    }
    if impatient:
        transport |= {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}
    app = Celery("stratum", broker=settings.broker_url, set_as_current=False)
    app.conf.update(
        broker_transport_options=transport,
        broker_connection_timeout=1.0 if impatient else 4.0,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        # a broker whose disk is full answers and refuses: no reason for a worker to end, which Celery would do
        broker_channel_error_retry=True,
        task_default_queue=names.QUEUE,
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_publish_retry=False,
        # a killed worker loses no task: acknowledged only when done, given back when its process dies
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_acks_on_failure_or_timeout=False,
        task_time_limit=30,
        worker_prefetch_multiplier=1,
        worker_concurrency=settings.worker_concurrency,
        # on a machine without a processor to spare a process takes longer to start than Celery's 4 s, and is killed
        worker_proc_alive_timeout=30.0,
        worker_max_tasks_per_child=settings.worker_max_tasks_per_child,
        worker_redirect_stdouts=False,
        worker_hijack_root_logger=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_send_task_events=False,
        beat_schedule={
            "forgotten-executions": {
                "task": names.TASK_REQUEUE,
                "schedule": settings.requeue_every_seconds,
                "options": {"expires": 2 * settings.requeue_every_seconds},
            },
            "canary": {
                "task": names.TASK_CANARY,
                "schedule": settings.canary_every_seconds,
                "options": {"expires": 2 * settings.canary_every_seconds},
            },
        },
    )
    return app


class CeleryPublisher:
    """Hands executions to the workers without letting an absent broker hold up the API."""

    def __init__(self, celery: Celery, tracer: Tracer) -> None:
        """Publish through an impatient Celery application."""
        self._celery = celery
        self._tracer = tracer
        self._threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="publish")
        self._paused_until = 0.0

    async def publish(self, execution_id: UUID) -> None:
        """Send the execution to the queue; where that fails, the scheduler sends it later."""
        if monotonic() < self._paused_until:
            _LOG.warning("execution_left_to_scheduler", execution_id=str(execution_id), cause="broker paused")
            return
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        sending = loop.run_in_executor(self._threads, context.run, self.send, str(execution_id))
        try:
            await asyncio.wait_for(asyncio.shield(sending), _PUBLISH_SECONDS)
        except Exception as error:  # noqa: BLE001 - whatever the broker's client raises, the row is stored
            # not each request pays for the absent broker, only one every few seconds
            self._paused_until = monotonic() + _PAUSE_SECONDS
            sending.add_done_callback(lambda done: done.cancelled() or done.exception())
            _LOG.warning(
                "execution_left_to_scheduler", execution_id=str(execution_id), cause=type(error).__name__
            )

    def send(self, execution_id: str) -> None:
        """Send one message, in the calling thread."""
        with publishing(self._tracer, names.TASK_EXECUTE) as headers:
            self._celery.send_task(
                names.TASK_EXECUTE, kwargs={"execution_id": execution_id}, headers=headers, retry=False
            )

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)
