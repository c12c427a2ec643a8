"""What surrounds the application: shared metrics, the exporter's gauges, health checks, the task queue's safety."""

import asyncio
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from psycopg import pq
from psycopg.conninfo import make_conninfo
from sqlalchemy import create_engine

from sample_app import celery_exporter, migrate
from sample_app.celery_exporter import BrokerCollector, Seen
from sample_app.database import DatabaseTimeoutError, _connect_args, within
from sample_app.health.checks import run_checks
from sample_app.queueing import make_celery
from sample_app.resources import _tell_of_its_end
from sample_app.settings import Settings
from sample_app.telemetry import names
from sample_app.telemetry.multiprocess import make_worker_registry
from unit.sample_app.doubles import App, EventList, Lines, Turns

_SHARED = """
import os, sys
from pathlib import Path
from sample_app.metrics_folder import prepare
folder = Path(sys.argv[1])
prepare(folder)
from sample_app.telemetry.metrics import TrustMetrics
from sample_app.telemetry.multiprocess import make_worker_registry
metrics = TrustMetrics(registry=None)
metrics.expect(["acme"])
registry = make_worker_registry(folder)
def value():
    return registry.get_sample_value("trust_gate_decisions_total", {"decision": "pass", "tenant_id": "acme"})
for _ in range(5):
    child = os.fork()
    if not child:
        metrics.decided("pass", "acme")
        metrics.decided("pass", "acme")
        os._exit(0)
    os.waitpid(child, 0)
    print(value(), len(list(folder.glob("*.db"))))
"""

_WAITING = """
from celery import Celery
from kombu.asynchronous import Hub
from sample_app.worker_pool import PatientTaskPool
app = Celery(set_as_current=False)
pool = PatientTaskPool(1, app=app, threads=False, putlocks=False, initargs=(app, "worker"))
pool.start()
pool.register_with_event_loop(Hub())
def waiting():
    return len(pool._pool._cache)
for becomes in (lambda: None, pool.close):
    pool.apply_async(print)
    before = waiting()
    becomes()
    pool.flush()
    print(before, waiting())
pool.stop()
"""


def in_a_process_of_its_own(script: str, *arguments: str) -> str:
    """Run what forks, and would take pytest's own threads and files along."""
    ran = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PYTHONPATH": str(Path(__file__).parents[3] / "sample_app" / "src")},
    )
    assert not ran.returncode, ran.stderr
    return ran.stdout


def test_dead_children_keep_their_counts_and_leave_no_files(tmp_path: Path) -> None:
    printed = in_a_process_of_its_own(_SHARED, str(tmp_path))

    # of each kind (counters, histograms) the parent's file and one for all the dead
    assert printed.split() == ["2.0", "4", "4.0", "4", "6.0", "4", "8.0", "4", "10.0", "4"]


def test_a_task_that_no_process_was_given_is_forgotten() -> None:
    """The broker is lost, or the worker told to stop, between a task's arrival and its way to a free process."""
    printed = in_a_process_of_its_own(_WAITING)

    assert printed.split() == ["1", "0", "1", "0"]


def test_a_file_without_contents_is_no_trouble(tmp_path: Path) -> None:
    """One process is just making it, another was killed as it did: the others' figures are still read."""
    with subprocess.Popen(["true"]) as ended:
        pass
    living, dead = tmp_path / f"counter_{os.getpid()}.db", tmp_path / f"histogram_{ended.pid}.db"
    living.touch()
    dead.touch()
    assert b"celery_task_sla_seconds{" in generate_latest(make_worker_registry(tmp_path))
    assert (living.exists(), dead.exists()) == (True, False)


def test_the_exporter_shows_what_it_saw() -> None:
    collector, registry = BrokerCollector(workers_expected=2), CollectorRegistry()
    registry.register(collector)
    assert registry.get_sample_value("celery_workers_active") is None
    collector.update(Seen(workers=2, waiting=53, unacked=8))

    assert registry.get_sample_value("celery_workers_active") == 2
    assert registry.get_sample_value("celery_workers_expected") == 2
    assert registry.get_sample_value("celery_queue_length", {"queue": "default"}) == 53
    assert registry.get_sample_value("celery_queue_unacked") == 8


def test_an_unreachable_broker_leaves_no_worker_and_no_invented_length() -> None:
    collector, registry = BrokerCollector(workers_expected=2), CollectorRegistry()
    registry.register(collector)
    collector.update(Seen(2, 0, 0))
    refreshed = registry.get_sample_value("celery_exporter_refresh_timestamp_seconds")
    collector.update(Seen(0, None, None))

    assert registry.get_sample_value("celery_workers_active") == 0
    assert registry.get_sample_value("celery_queue_length", {"queue": "default"}) is None
    assert registry.get_sample_value("celery_exporter_refresh_timestamp_seconds") == refreshed


@pytest.mark.parametrize(
    ("error", "events"), [(RuntimeError("a defect"), ["RuntimeError"]), (ConnectionError("away"), [])]
)
def test_an_exporter_that_cannot_look_says_so_once_and_lives_on(
    error: Exception, events: list[str], lines: Lines, errors: EventList, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> Seen:
        raise error

    monkeypatch.setattr(celery_exporter, "look", fail)
    celery = make_celery(Settings(), impatient=True)
    celery_exporter._look_forever(celery, BrokerCollector(workers_expected=2), Turns(3), 0)

    assert [line["level"] for line in lines.named("broker_unreachable")] == ["warning"]
    assert [event["exception"]["values"][-1]["type"] for event in errors.events] == events


def test_a_migration_that_fails_is_one_line_and_one_event(
    settings: Settings, lines: Lines, errors: EventList, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no such column")

    monkeypatch.setattr(migrate, "load_settings", lambda: settings)
    for already_done in ("configure_logging", "configure_errors"):
        monkeypatch.setattr(migrate, already_done, lambda _: None)
    monkeypatch.setattr(migrate, "make_engine", lambda *_, **__: create_engine("sqlite://"))
    monkeypatch.setattr(migrate, "_wait_for", fail)
    with pytest.raises(SystemExit) as ended:
        migrate.main()

    assert ended.value.code == 1
    assert [line["level"] for line in lines.named("migration_failed")] == ["error"]
    assert [event["tags"]["endpoint"] for event in errors.events] == ["migrate"]


def test_a_database_host_that_vanishes_is_noticed_while_its_answer_is_waited_for() -> None:
    """Asked after so much silence, and given up when the limit has passed at a further question."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()
        to = make_conninfo(host=host, port=port, **_connect_args(Settings()))
        connection = pq.PGconn.connect_start(to.encode())
        server.accept()[0].close()
        connection.connect_poll()
        with socket.socket(fileno=os.dup(connection.socket)) as client:
            idle, interval, limit = (
                client.getsockopt(socket.IPPROTO_TCP, option)
                for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_USER_TIMEOUT)
            )
        connection.finish()

    assert 0 < limit / 1000 <= idle
    assert idle + interval <= 15


def test_what_goes_on_beside_the_requests_does_not_end_unheard(lines: Lines, errors: EventList) -> None:
    async def live() -> None:
        task = asyncio.create_task(_break())
        task.add_done_callback(_tell_of_its_end)
        await asyncio.wait({task})

    asyncio.run(live())
    assert [line["level"] for line in lines.named("background_task_ended")] == ["error"]
    assert [event["tags"]["endpoint"] for event in errors.events] == ["background task"]


def test_a_killed_worker_loses_no_task() -> None:
    conf = make_celery(Settings()).conf

    assert conf.task_acks_late
    assert conf.task_reject_on_worker_lost
    assert conf.worker_prefetch_multiplier == 1
    assert not conf.worker_redirect_stdouts
    assert not conf.worker_hijack_root_logger
    assert conf.broker_connection_retry_on_startup
    # a task that still runs must not be handed to another worker
    assert conf.task_time_limit < conf.broker_transport_options["visibility_timeout"]


def test_metric_names_are_declared_once() -> None:
    assert len({metric.name for metric in names.METRICS}) == len(names.METRICS)


async def _hang() -> None:
    await asyncio.Event().wait()


async def _break() -> None:
    raise ConnectionError("redis://:s3cr3t@broker")


async def _answer() -> None:
    return


def test_a_check_that_hangs_or_breaks_is_a_finding() -> None:
    checks = {"hanging": _hang, "broken": _break, "well": _answer}
    findings = asyncio.run(run_checks(checks, timeout=0.05))

    assert {name: finding.healthy for name, finding in findings.items()} == {
        "hanging": False,
        "broken": False,
        "well": True,
    }
    assert findings["hanging"].error == "no answer within 0.05 s"
    assert findings["broken"].error == "ConnectionError"


@pytest.mark.parametrize(
    ("ready", "detailed", "status", "report"),
    [
        (_answer, _answer, 200, "healthy"),
        (_answer, _break, 200, "degraded"),
        (_break, _break, 503, "unhealthy"),
    ],
    ids=["all well", "broker away", "all away"],
)
def test_readiness_depends_on_the_stores_only(
    app: App, ready: object, detailed: object, status: int, report: str
) -> None:
    new = replace(app.platform, ready={"database": ready}, detailed={"broker": detailed})
    app.client.app.state.platform = app.internal.app.state.platform = new  # type: ignore[attr-defined]

    assert app.client.get("/health/ready").status_code == status
    answer = app.internal.get("/health/detailed")
    assert (answer.status_code, answer.json()["status"]) == (200, report)
    assert app.client.get("/health/live").status_code == 200


def test_a_paused_database_is_given_up_on() -> None:
    with pytest.raises(DatabaseTimeoutError):
        asyncio.run(within(0.01, _hang()))


def test_what_answers_in_time_is_returned() -> None:
    async def answer() -> int:
        return 7

    assert asyncio.run(within(1, answer())) == 7
