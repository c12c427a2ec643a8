"""What a failed test's report begins with and what is kept of it, also when the stack answers nothing any more."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from launcher.containers import State

from harness import diagnostics, witnesses
from harness.clients.prometheus import Sample, Target
from harness.containers import NUMBER
from harness.diagnostics import Failure
from harness.eventually import NotYet, Probe

if TYPE_CHECKING:
    from pathlib import Path

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
NEVER = "0001-01-01T00:00:00Z"
SEEN = """\
trace 4bf92f35 in Jaeger: gave up after 15s and 60 polls
  +  0.00s  nothing yet (404: no such trace)
  +  0.25s  trace 4bf92f35 with 1 spans: api:POST /
unmet: no span named INSERT payments
assert not ['INSERT payments']
see:   http://127.0.0.1:16686/trace/4bf92f35"""


def container(
    service: str,
    status: str = "running",
    *,
    health: str = "",
    code: int = 0,
    restarts: int = 0,
    number: int = 1,
    **state: object,
) -> State:
    """Make a container as the engine describes it."""
    attributes = {"FinishedAt": NEVER, "StartedAt": "2026-11-24T19:30:00.1Z", "OOMKilled": False, **state}

    def logs(tail: int, until: float | None) -> bytes:
        if until is None:
            return b"well\nbind: address in use\n"[-tail * 22 :]
        return f"up\nout of luck at {until:.3f}\n".encode() if tail > 1 and restarts < 9 else b""

    lines = SimpleNamespace(attrs={"State": attributes}, labels={NUMBER: str(number)}, logs=logs)
    return State(service, status, health, code, restarts, "", "", lines)  # type: ignore[arg-type]


WELL = container("api", health="healthy")
DEAD = container("worker", "exited", code=1, FinishedAt="2026-11-24T19:30:33.5Z")


def probe(value: object, where: str = "here") -> Probe[Any]:
    return Probe("x", where, lambda: value)


def sample(name: str, value: float, **labels: str) -> Sample:
    return Sample({"__name__": f"otelcol_{name}", **labels}, value)


FIGURES = (
    sample("receiver_accepted_log_records", 141, receiver="fluent_forward"),
    sample("exporter_sent_log_records", 129, exporter="otlp_http/loki"),
    sample("exporter_queue_size", 12, exporter="otlp_http/loki", data_type="logs"),
    sample("receiver_accepted_spans_total", 30, receiver="otlp"),
    sample("exporter_sent_spans_total", 30, exporter="otlp_grpc/jaeger"),
)


@pytest.fixture
def ailing(monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 - it stands for a Stack
    """A stack whose worker is dead, whose Collector does not answer, and whose Jaeger has no trace."""
    monkeypatch.setattr(witnesses.engine, "every_one", lambda _: [WELL, DEAD])
    down = Target("redis", "redis:9121", "down", 'Get "http://redis:9121/metrics": refused', "", 0.0)
    alerts = [{"labels": {"alertname": "RedisDown"}, "state": "firing"}]

    def no_trace(_trace_id: str) -> object:
        raise NotYet("404: no such trace")

    return SimpleNamespace(
        environment=SimpleNamespace(project="p"),
        services={"api": {}, "worker": {}, "loki": {}},
        compose=SimpleNamespace(states=list),
        stores=SimpleNamespace(
            prometheus=SimpleNamespace(
                targets=lambda: probe((down,), "prometheus/targets"),
                alerts=lambda: probe(alerts),
                jobs=lambda: probe(("redis", "stratum-worker", "grafana")),
                samples=lambda _: probe(SimpleNamespace(samples=FIGURES)),
            ),
            jaeger=SimpleNamespace(document=no_trace, link=lambda trace: f"jaeger/{trace}"),
            loki=SimpleNamespace(of_trace=lambda _: probe((), "loki/lines")),
            inbox=SimpleNamespace(address="inbox"),
        ),
        sent=[TRACE],
    )


def test_every_replica_of_a_service_is_kept(
    ailing: Any,  # noqa: ANN401
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    both = [container("worker", number=number) for number in (1, 2)]
    monkeypatch.setattr(witnesses.engine, "every_one", lambda _: [WELL, *both])
    assert "3 of 4 well; not: loki has none" in said(ailing, tmp_path)
    assert {path.name for path in (tmp_path / "t").glob("*.log")} == {
        "api.log",
        "worker-1.log",
        "worker-2.log",
    }


def said(ailing: Any, folder: Path, test: str = "t", seen: str = SEEN) -> str:  # noqa: ANN401
    failure = Failure(test, seen, at=1_764_000_000.0, after=15.23, machine="processors 1% idle")
    return diagnostics.collect(ailing, failure, folder=folder)


def test_ten_lines_say_what_was_seen_who_was_unwell_what_passed_and_where_to_look(
    ailing: Any,  # noqa: ANN401
    tmp_path: Path,
) -> None:
    assert said(ailing, tmp_path, "tests/x.py::test_y[a b]").splitlines() == [
        "seen        16:00:00 UTC, 15.2 s after it began: trace 4bf92f35 in Jaeger: gave up after 15s and 60 polls",
        "            last seen +  0.25s  trace 4bf92f35 with 1 spans: api:POST /",
        "            unmet: no span named INSERT payments",
        (
            "containers  1 of 3 well; not: worker exited (1) at 19:30:33, its last words: 'bind: address in use', "
            "loki has none; none was started again"
        ),
        (
            "collector   lines: 141 received, 12 queued, 129 sent; spans: 30 received, 0 queued, 30 sent; "
            "nothing refused or dropped (as Prometheus saw it last: it does not run)"
        ),
        (
            "prometheus  0 targets up, not: redis down (refused), stratum-worker has none; "
            "firing: RedisDown; no alert pending"
        ),
        f"traces      {TRACE}: 404: no such trace",
        "machine     processors 1% idle",
        f"look        targets: prometheus/targets  notifications: inbox  trace: jaeger/{TRACE}  its lines: loki/lines",
        f"kept        {tmp_path / 'tests_x.py_test_y_a_b'}",
    ]


def test_a_failure_of_few_words_is_shown_whole_and_a_long_one_is_cut(ailing: Any, tmp_path: Path) -> None:  # noqa: ANN401
    assert "began: assert 1 == 2\n" in said(ailing, tmp_path, seen="assert 1 == 2")
    assert max(map(len, said(ailing, tmp_path, seen="x" * 9999).splitlines())) < 500
    assert "it said nothing" in said(ailing, tmp_path, seen="")


def test_the_folder_has_the_rest(ailing: Any, tmp_path: Path) -> None:  # noqa: ANN401
    first = said(ailing, tmp_path)
    folder = tmp_path / "t"
    assert "bind: address in use" in (folder / "worker.log").read_text()
    assert (folder / "api.log").exists()
    assert json.loads((folder / "containers.json").read_text())["worker"]["FinishedAt"].startswith("2026")
    assert json.loads((folder / "targets.json").read_text())[0]["error"].endswith("refused")
    assert json.loads((folder / "alerts.json").read_text())[0]["state"] == "firing"
    assert (folder / "failure.txt").read_text() == SEEN + "\n"
    assert (folder / "summary.txt").read_text() == first + "\n"


def test_a_store_that_is_gone_costs_one_line(ailing: Any, tmp_path: Path) -> None:  # noqa: ANN401
    def gone(*_: object) -> object:
        raise NotYet("no answer from http://127.0.0.1:1")

    ailing.stores.prometheus.targets().read  # noqa: B018 - it answered before
    ailing.stores.prometheus.alerts = gone
    text = said(ailing, tmp_path)
    assert "prometheus  could not be asked (NotYet: no answer from http://127.0.0.1:1)" in text
    assert "1 of 3 well" in text


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (
            container("loki", "exited", code=137, FinishedAt="2026-11-24T19:30:33Z", OOMKilled=True),
            "loki exited (137) at 19:30:33, out of memory",
        ),
        (
            container(
                "loki", health="unhealthy", Health={"Log": [{"Output": "old"}, {"Output": "status\n503"}]}
            ),
            "loki unhealthy: 'status 503'",
        ),
        (
            container("loki", "restarting", code=2),
            "loki restarting, its last words: 'bind: address in use'",
        ),
        (container("loki", "paused"), "loki paused"),
    ],
    ids=["killed", "unhealthy", "crashing", "paused"],
)
def test_a_container_that_is_not_well_is_described(one: State, words: str) -> None:
    assert witnesses.trouble(one) == words


@pytest.mark.parametrize(
    ("crashes", "words"),
    [
        (0, "api at 19:30:00"),
        # what the new one prints begins a tenth of a second after the old one's end
        (2, "api at 19:30:00 (2 crashes, its last words: 'out of luck at 1795548598.350')"),
        (9, "api at 19:30:00 (9 crashes, and said nothing)"),
    ],
)
def test_a_container_that_was_started_again_is_named_with_the_moment_and_why(
    crashes: int, words: str
) -> None:
    again = container("api", health="healthy", restarts=crashes, FinishedAt="2026-11-24T19:29:58.25Z")
    assert witnesses.restart(again) == words


def test_a_container_that_was_never_started_again_is_not_named() -> None:
    assert witnesses.restart(WELL) == ""
    assert witnesses.restart(DEAD) == ""


def test_what_the_collector_refused_or_dropped_is_named() -> None:
    text = witnesses.flow(
        [
            *FIGURES,
            sample("receiver_refused_spans_total", 3, receiver="otlp"),
            sample("exporter_enqueue_failed_log_records", 5, exporter="otlp_http/loki"),
            sample("exporter_send_failed_spans", 2, exporter="otlp_grpc/jaeger"),
            sample("processor_incoming_items", 9, processor="filter/noise"),
            sample("processor_outgoing_items", 2, processor="filter/noise"),
            sample("exporter_queue_capacity", 500_000, data_type="logs"),
            sample("exporter_queue_size_bytes", 7777, data_type="logs"),
        ]
    )
    assert text.startswith(
        "lines: 141 received, 12 queued, 129 sent; spans: 30 received, 0 queued, 30 sent; "
    )
    assert set(text.split("; ")[2].split(", ")) == {
        "3 spans refused by otlp",
        "5 lines enqueue failed by otlp_http/loki",
        "2 spans send failed by otlp_grpc/jaeger",
        "7 items dropped by processor filter/noise",
    }


def test_a_collector_without_figures_is_not_said_to_have_lost_nothing() -> None:
    assert witnesses.flow([]) == "no figures"


def test_the_collector_is_asked_through_a_neighbour(ailing: Any, tmp_path: Path) -> None:  # noqa: ANN401
    page = (
        '# TYPE otelcol_receiver_accepted_spans counter\notelcol_receiver_accepted_spans{receiver="otlp"} 7\n'
    )
    asked: list[str] = []

    def answer(_command: list[str], service: str) -> tuple[str, str, int]:
        asked.append(service)
        return page, "", 0

    running = [SimpleNamespace(service=name, state="running") for name in ("otel-collector", "api")]
    ailing.compose = SimpleNamespace(states=lambda: running, exec_in_container=answer)
    assert "spans: 7 received" in witnesses.collector(ailing, tmp_path)
    assert asked == ["api"]
    assert (tmp_path / "collector-metrics.txt").read_text() == page
