"""The worker itself, imported once the folder of its metrics has been named."""

import structlog
from celery.apps import worker as celery_worker  # type: ignore[import-untyped]

from sample_app.queueing import make_celery
from sample_app.settings import Settings
from sample_app.telemetry.logging import configure_logging
from sample_app.trust import tasks
from sample_app.worker_process import connect_signals


def run(settings: Settings) -> None:
    """Work until told to stop."""
    configure_logging(settings)
    # Celery prints its farewell past the logging module: as a line that is not JSON
    celery_worker.safe_say = lambda text, *_: structlog.get_logger().info(text.strip())
    app = make_celery(settings)
    app.conf.worker_pool = "sample_app.worker_pool:PatientTaskPool"
    tasks.register(app)
    connect_signals(settings)
    app.worker_main(
        [
            "--quiet",
            "worker",
            f"--loglevel={settings.log_level}",
            "--without-gossip",
            "--without-mingle",
        ]
    )
