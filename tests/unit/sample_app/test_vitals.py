"""What a process says of its release, its dependencies and its slow statements."""

import asyncio

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import create_engine, exc, text

from sample_app.health.workers import NoWorkerError, WorkerCheck
from sample_app.telemetry import names, sql
from sample_app.telemetry.sql import count_slow_statements
from sample_app.telemetry.vitals import BuildInfo, DependencyMetrics, make_slow_statements
from unit.sample_app.doubles import App


def slow_after(*statements: str, above_seconds: float) -> float | None:
    registry = CollectorRegistry()
    engine = create_engine("sqlite://")
    count_slow_statements(engine, make_slow_statements(registry), above_seconds=above_seconds)
    with engine.connect() as connection:
        for statement in statements:
            try:
                connection.execute(text(statement))
            except exc.OperationalError:
                connection.rollback()
    engine.dispose()
    return registry.get_sample_value(names.PG_SLOW_QUERIES.name)


def test_the_count_of_slow_statements_begins_at_zero_and_leaves_fast_ones_out() -> None:
    assert slow_after("SELECT 1", above_seconds=60) == 0


def test_each_slow_statement_is_counted_once_failed_ones_included() -> None:
    # the driver runs into the error, so the statement had begun
    failing = "SELECT abs(-9223372036854775808)"

    assert slow_after("SELECT 1", "SELECT 2", failing, above_seconds=0) == 3


@pytest.mark.parametrize(("seconds", "counted"), [(0.99, 0), (1.01, 1)])
def test_slow_is_what_takes_longer_than_a_second(
    seconds: float, counted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "perf_counter", iter((10.0, 10.0 + seconds)).__next__)
    registry = CollectorRegistry()
    engine = create_engine("sqlite://")
    count_slow_statements(engine, make_slow_statements(registry))
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    engine.dispose()

    assert registry.get_sample_value(names.PG_SLOW_QUERIES.name) == counted


def test_a_dependency_has_a_sample_only_once_it_was_checked() -> None:
    registry = CollectorRegistry()
    metrics = DependencyMetrics(registry)
    assert registry.get_sample_value(names.DEPENDENCY_UP.name, {"dependency": "cache"}) is None
    metrics.found({"database": True, "cache": False})

    up = {
        one: registry.get_sample_value(names.DEPENDENCY_UP.name, {"dependency": one})
        for one in ("database", "cache")
    }
    assert up == {"database": 1, "cache": 0}


def test_the_release_is_a_label() -> None:
    registry = CollectorRegistry()
    registry.register(BuildInfo("1.2.3"))

    assert registry.get_sample_value(names.BUILD_INFO.name, {"version": "1.2.3"}) == 1


def test_many_who_ask_for_workers_cost_one_ping() -> None:
    pings: list[int] = []

    async def ask() -> None:
        check = WorkerCheck(lambda: pings.append(1) or 2)  # type: ignore[func-returns-value]
        await asyncio.gather(*(check() for _ in range(5)))

    asyncio.run(ask())
    assert len(pings) == 1


def test_no_worker_is_a_finding_and_is_asked_again_when_the_answer_is_old() -> None:
    answers = [0, 1]

    async def ask() -> None:
        check = WorkerCheck(lambda: answers.pop(0), kept_seconds=-1)
        with pytest.raises(NoWorkerError):
            await check()
        await check()

    asyncio.run(ask())
    assert answers == []


def test_the_report_says_when_it_was_made(app: App) -> None:
    assert app.internal.get("/health/detailed").json()["timestamp"].endswith("+00:00")
