"""Every fault of the library really bites, as a store or the application sees it, and healing it heals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from requests import RequestException

from harness.containers import containers_of
from harness.eventually import NotYet, Probe, eventually
from harness.expectations import at_least

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.clients.api import Api
    from harness.clients.prometheus import Prometheus, Target
    from harness.clients.saboteur import Saboteur
    from harness.faults import Faults

MIB = 2**20
LATENCY = 0.12  # seconds each way: a scrape needs two ways at least, and has 500 ms
NARROW = 20_000  # bytes per second: a scrape of Loki has more than that to say


def is_up(targets: tuple[Target, ...]) -> None:
    """Expect that every one of them answers, and that there are some."""
    assert targets, "no such target"
    assert {target.health for target in targets} == {"up"}, targets


def is_gone(targets: tuple[Target, ...]) -> None:
    """Expect that there is no such target."""
    assert targets == ()


def is_down(*reasons: str) -> Callable[[tuple[Target, ...]], None]:
    """Expect a target that does not answer, for one of these reasons."""

    def expect(targets: tuple[Target, ...]) -> None:
        errors = [target.error for target in targets if target.health == "down"]
        assert errors, f"none is down: {targets}"
        assert any(reason in error for error in errors for reason in reasons), errors

    return expect


def is_status(*wanted: int) -> Callable[[int], None]:
    """Expect one of these answers."""

    def expect(status: int) -> None:
        assert status in wanted, f"answered {status}, not {wanted}"

    return expect


def target(prometheus: Prometheus, job: str) -> Probe[tuple[Target, ...]]:
    """Ask how the scrapes of one job go."""
    every = prometheus.targets()
    return Probe(
        f"targets of {job}", every.where, lambda: tuple(one for one in every.now() if one.job == job)
    )


def answer(api: Api, method: str, path: str) -> Probe[int]:
    """Ask what a request is answered with."""

    def read() -> int:
        try:
            return api.send(method, path, timeout=3).status
        except RequestException as failure:
            raise NotYet(type(failure).__name__) from failure

    return Probe(f"{method} {path}", api.address + path, read)


def started(faults: Faults, service: str) -> dict[str, str]:
    """Ask the engine when each container of a service was started last."""
    found = containers_of(faults.client, faults.stack.environment.project, service)
    return {str(one.name): one.attrs["State"]["StartedAt"] for one in found}


@pytest.mark.parametrize("kind", ["killed", "stopped"])
def test_a_dead_store_answers_nobody_until_it_is_healed(
    kind: str, faults: Faults, prometheus: Prometheus
) -> None:
    """Prometheus cannot scrape it; afterwards it can."""
    with getattr(faults, kind)("jaeger"):
        eventually(target(prometheus, "jaeger"), is_down("no such host", "refused", "deadline", "no route"))
    eventually(target(prometheus, "jaeger"), is_up)


def test_a_paused_store_takes_connections_and_answers_none(faults: Faults, prometheus: Prometheus) -> None:
    """A scrape runs into its timeout; afterwards it does not."""
    with faults.paused("loki"):
        eventually(target(prometheus, "loki"), is_down("deadline exceeded"))
    eventually(target(prometheus, "loki"), is_up)


def test_a_restarted_process_is_another(faults: Faults, prometheus: Prometheus) -> None:
    """It has started since, and everything is well when the call returns."""
    started = prometheus.value('process_start_time_seconds{job="alertmanager"}')
    # not compared with our clock: the kernel rounds the time of its boot to a second
    before = eventually(started)

    def is_later(at: float) -> None:
        assert at > before, "the same process as before"

    faults.restart("alertmanager")
    eventually(started, is_later)


def test_a_service_that_is_cut_off_loses_its_name(faults: Faults, prometheus: Prometheus) -> None:
    """Who is found by DNS is found no more; once it is back, under whatever address, it is scraped again."""
    with faults.cut_off("api"):
        eventually(target(prometheus, "stratum-api"), is_gone)
    eventually(target(prometheus, "stratum-api"), is_up)


def test_a_service_that_was_cut_off_can_be_used_again(faults: Faults, acme: Api) -> None:
    """Its published port comes back with its network."""
    with faults.cut_off("api"), pytest.raises(RequestException):
        acme.send("GET", "/health/live", timeout=1)
    eventually(answer(acme, "GET", "/health/live"), is_status(200))


def test_a_cut_between_two_is_one_between_these_two_only(faults: Faults, prometheus: Prometheus) -> None:
    """Prometheus loses Loki and keeps Jaeger; it is told nothing, its packets vanish."""
    with faults.cut_between("prometheus", "loki"):
        eventually(target(prometheus, "loki"), is_down("deadline exceeded"))
        eventually(target(prometheus, "jaeger"), is_up)
    eventually(target(prometheus, "loki"), is_up)


def test_a_late_network_makes_a_scrape_late(faults: Faults, prometheus: Prometheus) -> None:
    """By twice the latency at least, there and back."""
    seconds = prometheus.value('scrape_duration_seconds{job="jaeger"}')

    def is_late(value: float) -> None:
        assert value >= 2 * LATENCY, f"only {value:.3f} s"

    def is_prompt(value: float) -> None:
        assert value < 2 * LATENCY, f"still {value:.3f} s"

    eventually(seconds, is_prompt)
    with faults.slow_between("prometheus", "jaeger", latency=LATENCY):
        eventually(seconds, is_late)
    eventually(seconds, is_prompt)


def test_a_narrow_network_lets_no_long_answer_through(faults: Faults, prometheus: Prometheus) -> None:
    """The scrape of a store with much to say runs into its timeout."""
    with faults.slow_between("prometheus", "loki", bytes_per_second=NARROW):
        eventually(target(prometheus, "loki"), is_down("deadline exceeded"))
    eventually(target(prometheus, "loki"), is_up)


def test_a_resetting_network_breaks_connections(faults: Faults, prometheus: Prometheus) -> None:
    """Prometheus is told at once, and not after a timeout."""
    with faults.resetting_between("prometheus", "loki"):
        eventually(target(prometheus, "loki"), is_down("connection refused", "connection reset"))
    eventually(target(prometheus, "loki"), is_up)


def test_who_needs_more_memory_than_is_left_is_killed(
    faults: Faults, saboteur: Saboteur, prometheus: Prometheus
) -> None:
    """The cache fills beyond its limit and starts anew; with its memory back it holds as much."""
    uptime = prometheus.value('redis_uptime_in_seconds{role="cache"}')
    held = prometheus.value('redis_memory_used_bytes{role="cache"}')
    # empty: the engine gives nobody less than it holds, and an earlier test may have filled it
    faults.restart("redis")
    before = eventually(uptime, at_least(3))

    def started_anew(seconds: float) -> None:
        assert seconds < before, f"up for {seconds:g} s, {before:g} s before"

    def is_much(size: float) -> None:
        assert size > 100 * MIB, f"{size / MIB:.0f} MiB"

    with faults.squeezed("redis", to=48 * MIB), saboteur.fault("cache-memory", seconds=20):
        eventually(uptime, started_anew)
    with saboteur.fault("cache-memory", seconds=20):
        eventually(held, is_much)


def test_a_broker_with_a_full_disk_cannot_keep_its_log_until_there_is_room(
    faults: Faults, prometheus: Prometheus, acme: Api
) -> None:
    """Redis says that its last write failed; with room on the disk again it writes, and runs are decided.

    No worker ends because its questions are refused.
    """
    written = prometheus.value('redis_aof_last_write_status{role="broker"}')

    def is_well(status: float) -> None:
        assert status == 1, "the last write failed"

    def is_failing(status: float) -> None:
        assert status == 0, "the last write went well"

    eventually(written, is_well)
    at_work = started(faults, "worker")
    with faults.disk_full("redis-broker", path="/data"):
        eventually(written, is_failing)
    eventually(written, is_well)
    eventually(acme.outcome(acme.execute(1001)), within=60)
    assert started(faults, "worker") == at_work, "a worker ended, and was started again"
