"""What is kept of a failure, also when the stack answers nothing any more."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from harness import diagnostics
from harness.clients.prometheus import Target
from harness.compose import State, States
from harness.eventually import NotYet, Probe

WELL = State("api", "running", "healthy", 0)
DEAD = State("worker", "exited", "", 1)
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def probe(value: object) -> Probe[Any]:
    return Probe("x", "y", lambda: value)


def stack(*, prometheus: object = None) -> Any:  # noqa: ANN401 - it stands for a Stack
    down = Target("redis", "redis:9121", "down", "refused", "", 0.0)
    alerts = [{"labels": {"alertname": "RedisDown"}, "state": "firing"}]
    answering = SimpleNamespace(targets=lambda: probe((down,)), alerts=lambda: probe(alerts))

    def no_trace(_trace_id: str) -> object:
        raise NotYet("404: no such trace")

    jaeger = SimpleNamespace(document=no_trace)
    return SimpleNamespace(
        compose=SimpleNamespace(
            states=lambda: States((WELL, DEAD)), tail=lambda service, _: f"{service} said no\n"
        ),
        stores=SimpleNamespace(prometheus=prometheus or answering, jaeger=jaeger),
        sent=[TRACE],
    )


def test_the_report_begins_with_what_was_seen(tmp_path: Path) -> None:
    said = diagnostics.collect(
        stack(), "tests/x.py::test_y[a b]", seen="trace x: gave up\n  +0s nothing", folder=tmp_path
    )
    assert said.splitlines() == [
        "trace x: gave up",
        "  +0s nothing",
        "1 of 2 containers well, not worker exited 1",
        "targets down: redis (refused)",
        "alerts firing: RedisDown",
        f"trace {TRACE}: 404: no such trace",
        f"all of it: {tmp_path / 'tests_x.py_test_y_a_b'}",
    ]


def test_the_folder_has_the_rest(tmp_path: Path) -> None:
    diagnostics.collect(stack(), "t", seen="no", folder=tmp_path)
    assert (tmp_path / "t" / "worker.log").read_text() == "worker said no\n"
    assert not (tmp_path / "t" / "api.log").exists()
    assert json.loads((tmp_path / "t" / "targets.json").read_text())[0]["error"] == "refused"


def test_a_store_that_is_gone_costs_one_line(tmp_path: Path) -> None:
    def gone() -> object:
        raise NotYet("no answer from http://127.0.0.1:1")

    said = diagnostics.collect(
        stack(prometheus=SimpleNamespace(targets=gone, alerts=gone)), "t", seen="no", folder=tmp_path
    )
    assert "targets: could not be read (NotYet: no answer from http://127.0.0.1:1)" in said
    assert "1 of 2 containers well" in said
