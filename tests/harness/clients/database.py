"""Look into the application's own database, past the application: what was written, and what was not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.eventually import Probe

if TYPE_CHECKING:
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

    def executions(self) -> set[str]:
        """Every execution's id."""
        return {row[0] for row in self.rows("SELECT id FROM executions").now()}
