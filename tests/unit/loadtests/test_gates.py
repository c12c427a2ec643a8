"""The verdict on a load run, without a load: Prometheus is canned, and what locust felt is made up."""

from types import SimpleNamespace
from typing import Any

import pytest
from loadtests import gates
from loadtests.settings import Settings

from harness.clients.prometheus import Prometheus
from unit.harness.local_server import Asked, serving

RUN = Settings(rate=10, seconds=10)


def judged(
    monkeypatch: pytest.MonkeyPatch,
    *,
    sent: int = 100,
    counted: float = 100,
    failed: float = 0,
    p95: float = 0.1,
) -> dict[str, str]:
    """Judge a run of which this is known, and return the verdicts."""

    def answer(asked: Asked) -> dict[str, Any]:
        query = asked.query["query"]
        value = p95 if "histogram_quantile" in query else failed if '"5.."' in query else counted
        return {"data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, str(value)]}]}}

    monkeypatch.setattr(gates, "SENT", gates.Sent())
    for _ in range(sent):
        gates.SENT.count(gates.EXECUTE)
    felt: Any = SimpleNamespace(
        stats=SimpleNamespace(total=SimpleNamespace(response_times={100: 95, 900: 5}))
    )
    with serving(**{"/api/v1/query": answer}) as store:
        rows = gates.measure(felt, RUN, gates.Window(Prometheus(store.address), 1.0, 2.0))
    return {row.what: row.verdict for row in rows}


def test_a_run_that_keeps_every_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(judged(monkeypatch).values()) == {"holds"}


@pytest.mark.parametrize(
    ("known", "broken"),
    [
        ({"counted": 99}, "requests sent, not counted, or the reverse"),
        ({"counted": 101}, "requests sent, not counted, or the reverse"),
        ({"failed": 1}, "error ratio"),
        ({"p95": 0.51}, "latency p95, at the server"),
        ({"sent": 79, "counted": 79}, "requests sent"),
    ],
)
def test_a_broken_promise_is_named(
    monkeypatch: pytest.MonkeyPatch, known: dict[str, Any], broken: str
) -> None:
    verdicts = judged(monkeypatch, **known)
    assert [what for what, verdict in verdicts.items() if verdict != "holds"] == [broken]


def test_a_run_that_sent_nothing_keeps_none(monkeypatch: pytest.MonkeyPatch) -> None:
    verdicts = judged(monkeypatch, sent=0, counted=0)
    assert verdicts["error ratio"] == "not measured: no request was counted"
    assert verdicts["requests sent"] == "falls short"


def test_an_increase_is_exact_and_begins_at_zero_for_a_new_series() -> None:
    window = gates.Window(Prometheus("http://127.0.0.1:1"), 1.5, 2.5)
    assert window.increase("x", by="le") == "sum by (le) (x @ 2.500 - (x @ 1.500 or x @ 2.500 * 0))"


@pytest.mark.parametrize("setting", ["LOAD_RATE", "LOAD_SECONDS", "LOAD_USERS"])
def test_a_run_without_bounds_is_refused(monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    monkeypatch.setenv(setting, "-1")
    with pytest.raises(ValueError, match="not a load run"):
        Settings.from_environment()


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOAD_RATE", "200")
    monkeypatch.setenv("LOAD_RUN_ID", "abcd1234")
    settings = Settings.from_environment()
    assert (settings.rate, settings.run_id, settings.seconds) == (200.0, "abcd1234", Settings().seconds)
