"""Keep notifications in SQLite: on disk before they are acknowledged, and never more than so many per receiver.

The bound is per receiver, because the Watchdog alone writes 1440 notifications a day and would push every page out.
SQLite blocks, so one thread of the store's own holds the connection and does all the work, in order.
"""

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from inbox.notifications import Notification, Received, Receiver, Status

T = TypeVar("T")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS notifications (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at REAL NOT NULL,
    receiver TEXT NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    alertname TEXT NOT NULL,
    severity TEXT NOT NULL DEFAULT '',
    about TEXT NOT NULL DEFAULT '',
    key TEXT NOT NULL,
    summary TEXT NOT NULL,
    links TEXT NOT NULL,
    payload TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS notifications_by_receiver ON notifications (receiver, id);
"""

# Columns that a file made by an earlier version lacks.
_LATER = ("severity", "about")

_INSERT = """
INSERT INTO notifications
    (received_at, receiver, kind, status, alertname, severity, about, key, summary, links, payload)
VALUES
    (:received_at, :receiver, :kind, :status, :alertname, :severity, :about, :key, :summary, :links, :payload)
"""

_TRIM = """
DELETE FROM notifications WHERE receiver = :receiver AND id <= (
    SELECT id FROM notifications WHERE receiver = :receiver ORDER BY id DESC LIMIT 1 OFFSET :keep
)
"""

# The newest that match, then turned round: a reader with a limit wants the latest, in the order they came.
_SELECT = """
SELECT * FROM (
    SELECT * FROM notifications
    WHERE (:id IS NULL OR id = :id)
      AND (:alertname IS NULL OR alertname = :alertname)
      AND (:receiver IS NULL OR receiver = :receiver)
      AND (:without IS NULL OR receiver <> :without)
      AND (:status IS NULL OR status = :status)
      AND (:since IS NULL OR received_at >= :since)
    ORDER BY id DESC LIMIT :limit
) ORDER BY id
"""


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Which notifications to read; what is None does not restrict."""

    id: int | None = None
    alertname: str | None = None
    receiver: Receiver | None = None
    without: Receiver | None = None
    status: Status | None = None
    since: float | None = None
    limit: int = 1000


class Store:
    """The notifications kept, oldest first."""

    def __init__(self, file: Path, *, keep: int, clock: Callable[[], float] = time.time) -> None:
        self._keep = keep
        self._clock = clock
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        try:
            self._connection = self._thread.submit(_open, file).result()
        except BaseException:
            self._thread.shutdown()
            raise

    async def add(self, received: Received) -> Notification:
        """Keep a notification; when this returns it survives the death of the process."""
        return await self._run(lambda: self._add(received))

    async def read(self, wanted: Filter) -> Sequence[Notification]:
        """Return the notifications that match, oldest first."""
        return await self._run(lambda: self._read(wanted))

    async def check(self) -> None:
        """Fail if the database does not answer."""
        await self._run(lambda: self._connection.execute("SELECT 1").fetchone())

    def close(self) -> None:
        """Finish what is under way and close the file."""
        self._thread.submit(self._connection.close).result()
        self._thread.shutdown()

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _add(self, received: Received) -> Notification:
        values = asdict(received) | {"received_at": self._clock()}
        columns = values | {name: json.dumps(values[name]) for name in ("links", "payload")}
        with self._connection:
            cursor = self._connection.execute(_INSERT, columns)
            self._connection.execute(_TRIM, {"receiver": received.receiver, "keep": self._keep})
        return Notification(id=cursor.lastrowid or 0, **values)

    def _read(self, wanted: Filter) -> Sequence[Notification]:
        rows = self._connection.execute(_SELECT, asdict(wanted)).fetchall()
        return [
            Notification(**dict(row) | {name: json.loads(row[name]) for name in ("links", "payload")})
            for row in rows
        ]


def _open(file: Path) -> sqlite3.Connection:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(file)
        connection.row_factory = sqlite3.Row
        # A commit survives the process with NORMAL; only a power cut could take the last ones.
        connection.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; {_SCHEMA}")
        _add_later_columns(connection)
    except (sqlite3.Error, OSError) as error:
        raise sqlite3.OperationalError(
            f"cannot keep notifications in {file} ({error}); its folder must be a volume the inbox's user may write"
        ) from error
    return connection


def _add_later_columns(connection: sqlite3.Connection) -> None:
    present = {column["name"] for column in connection.execute("PRAGMA table_info(notifications)")}
    for name in _LATER:
        if name not in present:
            connection.execute(f"ALTER TABLE notifications ADD COLUMN {name} TEXT NOT NULL DEFAULT ''")
