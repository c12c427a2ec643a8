"""`python -m sample_app.migrate`: brings the database to the newest schema and sows the seed data, then ends."""

import sys
import threading
from pathlib import Path
from time import monotonic

import structlog
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, text

from sample_app.database import UNAVAILABLE, make_engine
from sample_app.seed import sow
from sample_app.settings import load_settings
from sample_app.telemetry.errors import configure_errors, report
from sample_app.telemetry.logging import configure_logging

_LOG = structlog.get_logger()
_MIGRATIONS = Path(__file__).parents[2] / "migrations"
_PATIENCE_SECONDS = 60.0
_ONE_AT_A_TIME = 0x57A7  # any number, always the same


def main() -> None:
    """Migrate and seed; end with 1 when that is not possible."""
    settings = load_settings()
    configure_logging(settings)
    configure_errors(settings)
    engine = make_engine(settings, pool_size=1)
    try:
        _wait_for(engine)
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ONE_AT_A_TIME})
            connection.execute(text("SET LOCAL statement_timeout = '5min'"))
            upgrade(connection)
            sown = sow(connection, settings.seeded_keys)
    except UNAVAILABLE as error:
        _LOG.error(
            "database_unreachable", cause=str(error).splitlines()[0] if str(error) else type(error).__name__
        )
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - the process ends here, whatever it was
        _LOG.exception("migration_failed")
        report(error, endpoint="migrate")
        sys.exit(1)
    finally:
        engine.dispose()
    _LOG.info("database_migrated", **sown)


def upgrade(connection: Connection) -> None:
    """Apply every migration that is missing."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _wait_for(engine: Engine) -> None:
    """Wait until the database accepts connections: nothing here depends on the order of starts."""
    pause = threading.Event()
    deadline = monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            with engine.connect():
                return
        except UNAVAILABLE:
            if monotonic() > deadline:
                raise
            pause.wait(0.5)


if __name__ == "__main__":
    main()
