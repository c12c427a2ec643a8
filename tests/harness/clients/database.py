"""Look into the application's own database, past the application: what was written, and what was not."""

from __future__ import annotations

from contextlib import contextmanager
from subprocess import PIPE, Popen
from typing import TYPE_CHECKING

from harness.eventually import Probe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.compose import Compose

_SEPARATOR = "\x1f"


class Database:
    """The stack's PostgreSQL, asked by its own psql inside its own container."""

    def __init__(self, compose: Compose) -> None:
        self._compose = compose

    def rows(self, statement: str) -> Probe[tuple[tuple[str, ...], ...]]:
        """Ask a SELECT; every value is text."""
        psql = [
            "psql",
            "--username=postgres",
            "--dbname=stratum",
            "--no-psqlrc",
            "--tuples-only",
            "--no-align",
        ]
        command = [*psql, f"--field-separator={_SEPARATOR}", "--command", statement]

        def read() -> tuple[tuple[str, ...], ...]:
            said, _, _ = self._compose.exec_in_container(command, "postgres")
            return tuple(tuple(line.split(_SEPARATOR)) for line in said.splitlines() if line)

        return Probe(f"{statement} in PostgreSQL", f"docker compose exec postgres {' '.join(psql)}", read)

    def held_up(self, application: str) -> Probe[tuple[tuple[str, ...], ...]]:
        """Ask which statements of an application wait for a lock."""
        return self.rows(
            "SELECT pid, query FROM pg_stat_activity"  # noqa: S608 - a name of our own
            f" WHERE application_name = '{application}' AND wait_event_type = 'Lock'"
        )

    @contextmanager
    def locked(self, table: str) -> Iterator[None]:
        """Keep everybody else out of a table while the block runs."""
        psql = ["psql", "--username=postgres", "--dbname=stratum", "--no-psqlrc", "--quiet", "--tuples-only"]
        command = [*self._compose.compose_command_property, "exec", "-T", "postgres", *psql]
        with Popen(command, stdin=PIPE, stdout=PIPE, text=True) as session:
            assert session.stdin is not None
            assert session.stdout is not None
            try:
                session.stdin.write(f"BEGIN; LOCK TABLE {table}; SELECT 'locked';\n")
                session.stdin.flush()
                said = session.stdout.readline()
                assert "locked" in said, f"{table} could not be locked: {said or 'psql ended'}"
                yield
            finally:
                session.stdin.close()  # psql ends, and its transaction with it

    def executions(self) -> set[str]:
        """Every execution's id but the canary's, who sings all the time."""
        return {row[0] for row in self.rows("SELECT id FROM executions WHERE tenant_id <> 'canary'").now()}
