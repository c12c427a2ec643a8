"""What the schedule's steps do to a stack: each a context manager that yields when its fault began, and heals.

A fault is inflicted the way it happens: by the application's own switches, by stopping, killing and cutting off what
runs, by filling what can be filled, by sending what should not be sent. No sample is pushed, no rule is edited.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

import yaml
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from harness.clients.http import Session
from harness.containers import containers_of
from harness.eventually import Probe, eventually
from harness.expectations import above, all_up, at_most, equals, is_empty
from harness.plugin import ROOT
from harness.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from harness.clients.api import Answer, Api
    from harness.clients.inbox import Inbox
    from harness.clients.prometheus import Prometheus
    from harness.clients.saboteur import Saboteur
    from harness.faults import Faults
    from harness.stack import Stack
    from harness.traceparent import Traceparent

_LONG = 600  # seconds after which a switch falls back by itself, should nobody heal it
_STARTS = 60.0
_ENOUGH = 120.0  # seconds until so many events have happened, or are bad
_WORKED_OFF, _FEW = 60.0, 20  # seconds, messages
_SILENCE = 120.0  # seconds in which what an earlier test raised is over
_SESSIONS = 88  # of 100; three are kept for superusers
_LINES, _LINES_AT_ONCE = 260_000, 5_000
_SIX_HOURS = 21_600.0
_BETWEEN_PINGS = 0.001
_READ = "/api/v1/automations"
_RUN = "/api/v1/automations/1001/execute"
_LONGEST_LINE = 256 * 1024  # of Loki
_FAILING_RULE = """
groups:
  - name: broken
    rules:
      - record: job:up:many_to_many
        expr: up * on () up
"""

_MUTABLE = frozenset(
    name if isinstance(name, str) else next(iter(name))
    for row in yaml.safe_load((ROOT / "alertmanager" / "tests" / "inhibitions.yml").read_text())
    for name in row["mutes"]
)

Injection: TypeAlias = "Callable[[World], AbstractContextManager[float]]"


@dataclass
class World:
    """What injections get their hands on."""

    stack: Stack
    faults: Faults
    saboteur: Saboteur
    tenants: tuple[Api, ...]
    """Those whose requests are the load, the one with bad signals last."""
    anew_at: float = 0.0
    """When Prometheus and Alertmanager began without a past."""
    afterwards: ExitStack = field(default_factory=ExitStack)
    """What is to be undone when nobody waits for an alert any more."""

    @property
    def prometheus(self) -> Prometheus:
        """The metrics."""
        return self.stack.stores.prometheus

    @property
    def inbox(self) -> Inbox:
        """What was delivered."""
        return self.stack.stores.inbox

    def loaded(self, rule: Mapping[str, Any]) -> str:
        """Return a committed rule's expression as Prometheus has loaded it, in this stack's time."""
        slo = rule["labels"].get("slo")
        for group in self.prometheus.rules().now():
            for one in group["rules"]:
                if one["name"] == rule["alert"] and one.get("labels", {}).get("slo") == slo:
                    return str(one["query"])
        raise AssertionError(f"Prometheus has no rule {rule['alert']}" + (f" of {slo}" if slo else ""))

    def run_in(self, service: str, *command: str, **environment: str) -> str:
        """Run a command in a service's first container, and return what it said."""
        container = containers_of(self.faults.client, self.stack.environment.project, service)[0]
        status, said = container.exec_run(list(command), environment=environment)
        assert isinstance(said, bytes), "a stream was not asked for"
        words = said.decode(errors="replace")
        assert status == 0, f"{' '.join(command)} in {service} ended with {status}: {words}"
        return words

    def joined_by(self, *services: str) -> None:
        """Start services that the stack does not have by itself, and take them away afterwards."""
        for service in services:
            self.afterwards.callback(self.stack.compose.remove, service)
            self.stack.start_only(service)

    def until_silent(self, *alerts: str, but: frozenset[str] = frozenset()) -> None:
        """Wait until nobody waits for an all-clear of these, or of any: who was told is rightly not told again.

        Args:
            alerts: Their names; all but the Watchdog if left out.
            but: What is not waited for.
        """

        def open_ends() -> tuple[str, ...]:
            last: dict[tuple[str, str, str], str] = {}
            for one in self.inbox.notifications(since=self.anew_at).now():
                last[one.alertname, one.receiver, one.key] = one.status
            held = [one.labels["alertname"] for one in self.stack.stores.alertmanager.alerts().now()]
            waiting = {name for (name, _, _), status in last.items() if status == "firing"} | set(held)
            return tuple(sorted((waiting & set(alerts) if alerts else waiting - {"Watchdog"}) - but))

        probe = Probe("silence in the inbox", self.inbox.address, open_ends)
        eventually(probe, is_empty, within=_SILENCE, every=0.5)

    def load(self, rate: float, *, at_once: int = 16) -> Traffic:
        """Requests as tenants send them: automations that are run, events, signals, and a few reads."""
        ours = self.tenants[0]
        kinds: tuple[Callable[[Traceparent], Answer], ...] = (
            lambda parent: ours.send("POST", _RUN, parent=parent),
            lambda parent: ours.send(
                "POST", "/api/v1/cdp/events", parent=parent, json={"event_type": "purchase"}
            ),
            lambda parent: ours.send("POST", _RUN, parent=parent),
            lambda parent: ours.send("GET", _READ, parent=parent),
        )
        turn, lock = cycle(kinds), Lock()

        def send(parent: Traceparent) -> Answer:
            with lock:
                kind = next(turn)
            return kind(parent)

        return Traffic(send, rate, at_once=at_once)

    def reads(self, rate: float) -> Traffic:
        """Requests that cost the stack least: good events for an SLO, of which there have to be a thousand."""
        return Traffic(lambda parent: self.tenants[0].send("GET", _READ, parent=parent), rate)

    def automations(self, rate: float) -> Traffic:
        """Automations that are run: the only good events for the SLO that counts their tasks."""
        return Traffic(lambda parent: self.tenants[0].send("POST", _RUN, parent=parent), rate)


@contextmanager
def _switched(world: World, name: str, **parameters: Any) -> Iterator[float]:  # noqa: ANN401 - JSON
    with world.saboteur.fault(name, seconds=_LONG, **parameters) as fault:
        yield fault.at


def _switch(name: str, **parameters: Any) -> Injection:  # noqa: ANN401 - JSON
    return partial(_switched, name=name, **parameters)


@contextmanager
def _tasks_linger(world: World) -> Iterator[float]:
    """Once those that piled up are worked off: behind them, no other comes to pass."""
    eventually(world.prometheus.value("celery_queue_length"), at_most(_FEW), within=_WORKED_OFF)
    with _switched(world, "tasks-slow", milliseconds=5500) as at:
        yield at


@contextmanager
def _done_to(world: World, how: str, *services: str, **more: Any) -> Iterator[float]:  # noqa: ANN401 - numbers and paths
    with getattr(world.faults, how)(*services, **more) as broken:
        yield (broken[0] if isinstance(broken, tuple) else broken).at


def _fault(how: str, *services: str, **more: Any) -> Injection:  # noqa: ANN401 - as above
    def inflict(world: World) -> AbstractContextManager[float]:
        return _done_to(world, how, *services, **more)

    return inflict


@contextmanager
def _prometheus_begins_anew(world: World) -> Iterator[float]:
    """And Alertmanager, so that nobody counts as told already: of what ended while it was muted, nobody has the all-clear."""
    with world.faults.emptied("prometheus", path="/prometheus") as (stop,):
        world.until_silent(but=_MUTABLE)  # what one Prometheus told of and no other does ends by itself
        with world.faults.emptied("alertmanager", path="/alertmanager"):
            pass
    world.anew_at = stop.healed_at
    eventually(world.prometheus.targets(), all_up, within=_STARTS)
    yield stop.healed_at


@contextmanager
def _one_api_stopped(world: World) -> Iterator[float]:
    """The second one: nobody's requests go there."""
    both = world.prometheus.value('sum(up{job="stratum-api"})')
    eventually(both, equals(2), within=_STARTS)
    with world.faults.stopped("api-replica") as (stop,):
        yield stop.at


@contextmanager
def _sessions_opened(world: World) -> Iterator[float]:
    """As many as are missing when others hold the fewest: what holds one for a moment gives it back."""
    sessions = 'sum(pg_stat_activity_count{role="primary"})'
    used = world.prometheus.value(f"min_over_time({sessions}[10s:500ms])").now()
    with _switched(world, "connections", count=_SESSIONS - round(used)) as at:
        yield at


@contextmanager
def _maxmemory_unset(world: World) -> Iterator[float]:
    redis = partial(
        world.run_in,
        "redis-broker",
        "redis-cli",
        REDISCLI_AUTH=world.stack.environment.secret("redis_broker_password"),
    )
    usual = redis("config", "get", "maxmemory").split()[-1]
    at = time.time()
    try:
        redis("config", "set", "maxmemory", "0")
        yield at
    finally:
        redis("config", "set", "maxmemory", usual)


@contextmanager
def _database_closed(world: World) -> Iterator[float]:
    """Nobody's connection is taken any more, and those that stand are ended; the replica does as the primary."""
    psql = ("psql", "--username=postgres", "--dbname=postgres", "--command")
    ends = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'stratum'"
    closed = partial(world.run_in, "postgres", *psql)
    at = time.time()
    try:
        closed("ALTER DATABASE stratum WITH ALLOW_CONNECTIONS false")
        for service in ("postgres", "postgres-replica"):
            world.run_in(service, *psql, ends)
        yield at
    finally:
        closed("ALTER DATABASE stratum WITH ALLOW_CONNECTIONS true")


@contextmanager
def _replay_paused(world: World) -> Iterator[float]:
    psql = partial(world.run_in, "postgres-replica", "psql", "--username=postgres", "--dbname=stratum", "-c")
    at = time.time()
    try:
        psql("SELECT pg_wal_replay_pause()")
        yield at
    finally:
        psql("SELECT pg_wal_replay_resume()")


@contextmanager
def _bad_signals(world: World) -> Iterator[float]:
    """Afterwards the same tenant's signals are good again, as often."""
    tenant = world.tenants[-1]

    def signals(score: int) -> Traffic:
        body = {"signal_type": "conversion", "score": score}
        return Traffic(
            lambda parent: tenant.send("POST", "/api/v1/trust/signals", parent=parent, json=body),
            2,
            at_once=4,
        )

    at = time.time()
    with signals(10).flowing():
        yield at
    world.afterwards.enter_context(signals(95).flowing())


@contextmanager
def _notifications_refused(world: World) -> Iterator[float]:
    at = time.time()
    try:
        world.inbox.let_fail("watchdog", "400", times=1000)
        yield at
    finally:
        world.inbox.forget_failures()


@contextmanager
def _rule_fails(world: World) -> Iterator[float]:
    prometheus = Session(world.prometheus.address)
    path = world.stack.environment.folder / "prometheus" / "rules" / "broken.rules.yml"
    at = time.time()
    try:
        path.write_text(_FAILING_RULE)
        assert prometheus.post("/-/reload").ok
        yield at
    finally:
        path.unlink(missing_ok=True)
        assert prometheus.post("/-/reload").ok


@contextmanager
def _loki_stopped(world: World) -> Iterator[float]:
    with world.faults.stopped("loki") as (stop,):
        some = _lines("x", _LINES_AT_ONCE)
        for _ in range(_LINES // _LINES_AT_ONCE):
            _send_lines(world, some)
        yield stop.at


@contextmanager
def _line_too_long(world: World) -> Iterator[float]:
    at = time.time()
    _send_lines(world, _lines("x" * (_LONGEST_LINE + 1), 1))
    yield at


def _lines(words: str, count: int) -> bytes:
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    now = time.time_ns()
    for number in range(count):
        line = records.add(time_unix_nano=now + number)
        line.body.string_value = words
        name = line.attributes.add(key="stratum.service")
        name.value.string_value = "stratum-alert-test"
    return bytes(request.SerializeToString())


def _send_lines(world: World, lines: bytes) -> None:
    answer = Session(world.stack.stores.addresses.otlp, timeout=30).post(
        "/v1/logs", data=lines, headers={"Content-Type": "application/x-protobuf"}
    )
    assert answer.ok, f"the Collector answered {answer.status_code}: {answer.text[:200]}"


@dataclass(frozen=True)
class _SlowBurn:
    """Events that are bad now and then: enough of them to burn a budget slowly, too few to burn it fast."""

    slo: str
    fault: str
    parameters: dict[str, Any]
    among: int
    """So many events there have to be, or a single bad one would be a fast burn."""
    above: float
    """The share of bad ones at which the fault is healed: what follows thins it out slowly enough for `for`."""
    thinned_by: Callable[[World], Traffic]
    """Sent besides once the fault is healed: how many events are bad before that is chance."""

    @contextmanager
    def __call__(self, world: World) -> Iterator[float]:
        """Let events be bad until their share is high enough."""
        rates = f'sum_over_time(slo:sli_events:rate5m{{slo="{self.slo}"}}[1h])'
        events = world.prometheus.value(f"{rates} * {world.stack.scrape_interval}")
        eventually(events, above(self.among), within=_ENOUGH)
        share = world.prometheus.value(f'slo:sli_error:ratio_rate6h{{slo="{self.slo}"}}')
        at = time.time()
        with world.saboteur.fault(self.fault, seconds=_LONG, **self.parameters):
            eventually(share, above(self.above), within=_ENOUGH, every=0.2)
        yield at
        world.afterwards.enter_context(self.thinned_by(world).flowing())


@contextmanager
def _commands_pour_in(world: World) -> Iterator[float]:
    """Once what is usual is known, which takes hours of history."""
    usual = 'instance:redis_commands_processed:baseline1d{role="cache"}'
    known = world.prometheus.value(f"count_over_time({usual}[3s]) * {world.stack.scrape_interval}")
    eventually(known, above(2.4), within=_STARTS + _SIX_HOURS / world.stack.factor)
    said = "/data/pinging"  # the one place where the container may write
    redis = containers_of(world.faults.client, world.stack.environment.project, "redis")[0]
    secret = {"REDISCLI_AUTH": world.stack.environment.secret("redis_password")}
    at = time.time()
    redis.exec_run(
        ["sh", "-c", f"echo $$ > {said}; exec redis-cli -r -1 -i {_BETWEEN_PINGS} ping > /dev/null"],
        environment=secret,
        detach=True,
    )
    try:
        yield at
    finally:
        world.run_in("redis", "sh", "-c", f"kill $(cat {said})")


INJECTIONS: dict[str, Injection] = {
    "prometheus begins anew": _prometheus_begins_anew,
    "requests fail": _switch("errors", share=0.5),
    "requests linger": _switch("latency", milliseconds=1500),
    "queries linger": _switch("slow-queries", per_minute=60),
    "tasks fail": _switch("tasks-fail", share=0.5),
    "tasks linger": _tasks_linger,
    "tasks pile up": _switch("queue-pile-up", messages=1200),
    "platform refuses": _switch("ad-platform", platform="meta", failure="rejected"),
    "stream stuck": _switch("stuck-stream"),
    "bad signals": _bad_signals,
    "exporter cut off": _fault("cut_between", "celery-exporter", "redis-broker"),
    "exporter cut off again": _fault("cut_between", "celery-exporter", "redis-broker"),
    "replica reset": _fault("resetting_between", "postgres-replica", "postgres"),
    "scheduler stopped": _fault("stopped", "scheduler"),
    "one worker killed": _fault("killed", "worker", number=2),
    "workers killed": _fault("killed", "worker"),
    "line too long": _line_too_long,
    "loki stopped": _loki_stopped,
    "notifications refused": _notifications_refused,
    "rule fails": _rule_fails,
    "one api stopped": _one_api_stopped,
    "api stopped": _fault("stopped", "api"),
    "redis stopped": _fault("stopped", "redis", "redis-broker"),
    "database closed": _database_closed,
    "cache filled": _switch("cache-memory", share=0.9),
    "clients connect": _switch("cache-clients", count=1100),
    "keys missed": _switch("cache-misses", per_second=50),
    "maxmemory unset": _maxmemory_unset,
    "sessions opened": _sessions_opened,
    "commands pour in": _commands_pour_in,
    "deadlocks": _switch("deadlocks", per_minute=30),
    "replay paused": _replay_paused,
    "volume filled": _fault("disk_full", "redis-broker", path="/data", left=0.1),
    "disk filled": _fault("disk_full", "redis-broker", path="/data", left=0.03),
    "requests fail now and then": _SlowBurn(
        "api-availability",
        "errors",
        {"share": 0.01},
        among=350,
        above=0.0017,
        thinned_by=lambda world: world.reads(6),
    ),
    "requests linger now and then": _switch("latency", milliseconds=700, share=0.08),
    "platforms refuse now and then": _SlowBurn(
        "trust-automation-success",
        "ad-platform",
        {"failure": "rejected", "share": 0.06},
        among=100,
        above=0.014,
        thinned_by=lambda world: world.automations(1),
    ),
}
