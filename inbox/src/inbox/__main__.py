"""Run the inbox: ``python -m inbox``.

Whatever stops it from working (a missing secret, a folder it may not write) stops it here, before it listens, with one
line that says what to do.
"""

import signal
import sqlite3
import sys
from types import FrameType

import structlog
import uvicorn
from pydantic import ValidationError

from inbox.app import create_app
from inbox.connections import Connection
from inbox.keys import KeyFileError
from inbox.logs import configure_logs
from inbox.settings import Settings

_SHUTDOWN_SECONDS = 5


def main() -> int:
    """Serve until SIGTERM or SIGINT, finishing the requests under way."""
    configure_logs()
    log = structlog.get_logger()
    # Takes the signal before uvicorn listens for it, and again when uvicorn passes it on after an orderly end.
    signal.signal(signal.SIGTERM, _leave)
    try:
        settings = Settings()
        app = create_app(settings)
    except (ValidationError, KeyFileError, sqlite3.Error, OSError) as error:
        log.critical("start_refused", reason=str(error))
        return 1
    log.info("started", port=settings.port, database=str(settings.database))
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        http=Connection,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    return 0


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
