"""Doubles of the application's stores, and lists for what it says."""
# ruff: noqa: D102 - the doubled class describes its methods

import io
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport
from sqlalchemy import Engine, create_engine, insert
from sqlalchemy.dialects import sqlite
from sqlalchemy.pool import StaticPool
from starlette.testclient import TestClient

from sample_app.database import METADATA
from sample_app.events import ingestion
from sample_app.events.stream import Event, StreamAwayError
from sample_app.events.tables import EVENTS
from sample_app.stores import Platform
from sample_app.telemetry.watch import Watch
from sample_app.tenancy import TENANTS, Tenant
from sample_app.trust.store import Execution, Request

ACME = {"Authorization": "Bearer key-acme"}
TECHCO = {"Authorization": "Bearer key-techco"}
INTERNAL = {"Authorization": "Bearer key-internal"}
EXECUTE = "/api/v1/automations/1001/execute"
EXECUTE_ROUTE = "/api/v1/automations/{automation_id}/execute"


class KnownTenants:
    """Three tenants, one of them disabled."""

    async def by_key(self, key: str) -> Tenant | None:
        tenants = {
            "key-acme": Tenant(id="acme", enabled=True, key_label="acme-seed"),
            "key-techco": Tenant(id="techco", enabled=True, key_label="techco-seed"),
            "key-closed": Tenant(id="closedco", enabled=False, key_label="closedco-seed"),
        }
        return tenants.get(key)

    async def ids(self) -> list[str]:
        return ["acme", "techco", "closedco"]


@dataclass
class MemoryExecutions:
    """Executions in a dictionary; can be told to fail."""

    failure: Exception | None = None
    rows: dict[UUID, tuple[str, Execution]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    async def add(self, request: Request) -> bool:
        if self.failure is not None:
            raise self.failure
        owner = (
            "acme"
            if 1001 <= request.automation_id <= 1003
            else "canary"
            if request.automation_id == 9001
            else None
        )
        if owner != request.tenant_id:
            return False
        self.requests.append(request)
        row = Execution(
            request.execution_id, request.automation_id, "queued", None, None, datetime.now(UTC), None
        )
        self.rows[request.execution_id] = (request.tenant_id, row)
        return True

    async def get(self, tenant_id: str, automation_id: int, execution_id: UUID) -> Execution | None:
        found = await self.find(tenant_id, execution_id)
        return found if found and found.automation_id == automation_id else None

    async def find(self, tenant_id: str, execution_id: UUID) -> Execution | None:
        owner, row = self.rows.get(execution_id, ("", None))
        return row if owner == tenant_id else None

    def decide(self, execution_id: UUID) -> None:
        owner, row = self.rows[execution_id]
        decided = replace(
            row, status="held", decision="hold", signal_health=55.0, decided_at=datetime.now(UTC)
        )
        self.rows[execution_id] = (owner, decided)


@dataclass
class PublishedIds:
    """What was handed to the workers."""

    ids: list[UUID] = field(default_factory=list)

    async def publish(self, execution_id: UUID) -> None:
        self.ids.append(execution_id)


@dataclass
class TakenEvents:
    """What was taken; can be away."""

    events: list[Event] = field(default_factory=list)
    away: bool = False

    async def append(self, event: Event) -> None:
        if self.away:
            raise StreamAwayError("away")
        self.events.append(event)


@dataclass
class Lines:
    """The lines written, parsed; a line that is not JSON fails the test."""

    stream: io.BytesIO

    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def named(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.all() if line["event"] == event]


class EventList(Transport):
    """Keeps error events instead of sending them."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[dict[str, Any]] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        if (event := envelope.get_event()) is not None:
            self.events.append(dict(event))


def events_in_memory(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """Make a store of events, and a tenant; SQLite has the same ON CONFLICT, under its own dialect's name."""
    monkeypatch.setattr(ingestion, "insert", sqlite.insert)
    made = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    METADATA.create_all(made, [TENANTS, EVENTS])
    with made.begin() as connection:
        connection.execute(insert(TENANTS).values(id="acme", name="Acme", enabled=True))
    yield made
    made.dispose()


class Turns(threading.Event):
    """Says "stop" after so many turns; nobody waits."""

    def __init__(self, turns: int) -> None:
        super().__init__()
        self._left = turns

    def is_set(self) -> bool:
        self._left -= 1
        return self._left < 0

    def wait(self, timeout: float | None = None) -> bool:  # noqa: ARG002 - the pause between two turns
        return False


@dataclass
class App:
    """The application and everything that it says."""

    client: TestClient
    internal: TestClient
    executions: MemoryExecutions
    published: PublishedIds
    events: TakenEvents
    exporter: InMemorySpanExporter
    lines: Lines
    watch: Watch
    errors: EventList
    platform: Platform

    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    def sample(self, name: str, **labels: str) -> float | None:
        return self.watch.registry.get_sample_value(name, labels)
