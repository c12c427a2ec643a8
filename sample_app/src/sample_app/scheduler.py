"""`python -m sample_app.scheduler`: Celery beat, which keeps no state that matters."""

from pathlib import Path
from typing import Any

import structlog
from celery.beat import PersistentScheduler  # type: ignore[import-untyped]

from sample_app.queueing import make_celery
from sample_app.settings import load_settings
from sample_app.telemetry.errors import configure_errors
from sample_app.telemetry.logging import configure_logging

_LOG = structlog.get_logger()
_LONGEST_SLEEP_SECONDS = 5.0


class Scheduler(PersistentScheduler):  # type: ignore[misc]  # Celery has no types
    """Beat's scheduler, leaving a sign of life at each turn."""

    def tick(self, *args: Any, **kwargs: Any) -> float:  # noqa: ANN401 - Celery's
        """Send what is due; touch the file that the health check looks at."""
        Path(f"{self.schedule_filename}.alive").touch()
        return float(super().tick(*args, **kwargs))


def main() -> None:
    """Schedule until told to stop."""
    settings = load_settings()
    configure_logging(settings)
    configure_errors(settings)
    app = make_celery(settings, impatient=True)
    app.conf.beat_max_loop_interval = _LONGEST_SLEEP_SECONDS
    beat = app.Beat(
        schedule=str(settings.schedule_file), scheduler_cls=Scheduler, loglevel=settings.log_level, quiet=True
    )
    _LOG.info("scheduler_started")
    beat.run()


if __name__ == "__main__":
    main()
