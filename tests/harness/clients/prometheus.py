"""Ask Prometheus: PromQL by prometheus-api-client, and beside it what that lacks (exemplars, targets, rules)."""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import requests
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException
from urllib3.util.retry import Retry

from harness.clients.http import Session, cause
from harness.eventually import NotYet, Probe

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, repr=False)
class Sample:
    """One value of one series."""

    labels: Mapping[str, str]
    value: float

    def __repr__(self) -> str:
        name = self.labels.get("__name__", "")
        rest = ",".join(f"{key}={value!r}" for key, value in sorted(self.labels.items()) if key != "__name__")
        return f"{name}{{{rest}}} {self.value:g}"


@dataclass(frozen=True, repr=False)
class Samples:
    """What a query answered."""

    samples: tuple[Sample, ...]

    def __len__(self) -> int:
        return len(self.samples)

    def by(self, label: str) -> dict[str, float]:
        """Return the values by one label that tells the samples apart."""
        values = {sample.labels.get(label, ""): sample.value for sample in self.samples}
        if len(values) != len(self.samples):
            raise ValueError(f"{label} does not tell these samples apart: {self!r}")
        return values

    def __repr__(self) -> str:
        return f"{len(self.samples)} samples: {'; '.join(map(repr, self.samples))}"


@dataclass(frozen=True, repr=False)
class Exemplar:
    """One observation that a bucket kept, with the trace it belongs to."""

    trace_id: str
    value: float
    at: float
    series: Mapping[str, str]

    def __repr__(self) -> str:
        return f"{self.trace_id[:8]} {self.value * 1000:.0f}ms on {self.series.get('endpoint', '?')}"


@dataclass(frozen=True, repr=False)
class Target:
    """One thing Prometheus scrapes."""

    job: str
    instance: str
    health: str
    error: str
    scraped_at: str
    seconds: float

    def __repr__(self) -> str:
        error = self.error.partition('": ')[2] or self.error  # the address that stands before it is known
        return f"{self.job} {self.health}" + (f" ({error})" if error else "")


class Prometheus:
    """The metrics store, and the rules that watch it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.http = Session(address)
        # Its default retries 5xx three times in silence, which would hide inside a wait; its session has no timeout.
        self._promql = PrometheusConnect(address, timeout=5, retry=Retry(0), session=requests.Session())

    def link(self, query: str) -> str:
        """Return the address at which a person asks the same."""
        return f"{self.address}/api/v1/query?query={quote(query)}"

    def samples(self, query: str, *, at: float | None = None) -> Probe[Samples]:
        """Ask for every series of an instant query; none is an answer too."""
        return Probe(f"{query} in Prometheus", self.link(query), lambda: self._query(query, at))

    def value(self, query: str, *, at: float | None = None) -> Probe[float]:
        """Ask for the only value of an instant query; none is "not yet", several are a mistake."""

        def read() -> float:
            found = self._query(query, at).samples
            if not found:
                raise NotYet("no series")
            if len(found) > 1:
                raise ValueError(f"{query} has {len(found)} series, not one")
            if math.isnan(found[0].value):
                raise NotYet("NaN")
            return found[0].value

        return Probe(f"{query} in Prometheus", self.link(query), read)

    def times(self, series: str, *, at: float) -> list[float]:
        """Return the times of every sample that a range selector or a subquery gives, over all its series."""
        return sorted(float(time) for one in self._range(series, at) for time, _ in one["values"])

    def firsts(self, series: str, *, at: float) -> list[tuple[Mapping[str, str], float]]:
        """Return the labels of each series that a range selector or a subquery gives, and its first sample's time."""
        return [(one["metric"], float(one["values"][0][0])) for one in self._range(series, at)]

    def _range(self, series: str, at: float) -> list[dict[str, Any]]:
        answer = self.http.json("/api/v1/query", query=series, time=f"{at:.3f}")["data"]
        if answer["resultType"] != "matrix":
            raise TypeError(f"{series} is a {answer['resultType']}; ask for a range")
        return list(answer["result"])

    def scraped_at(self, job: str) -> Probe[float]:
        """Ask when the target of *job* that waited longest was last scraped.

        Of those there are now: after a restart of both, the series of an address that nobody has any more lingers for
        five minutes, since the Prometheus that would have marked it stale is gone.
        """

        def read() -> float:
            live = sorted(re.escape(target.instance) for target in self.targets().now() if target.job == job)
            if not live:
                raise NotYet(f"no target of {job}")
            # in PromQL's quotes a backslash is written twice
            instances = "|".join(live).replace("\\", "\\\\")
            return self.value(f'min(timestamp(up{{job="{job}",instance=~"{instances}"}}))').now()

        return Probe(f"last scrape of {job}", self.link(f'timestamp(up{{job="{job}"}})'), read)

    def scrapes(self, job: str, *, since: float) -> Probe[tuple[float, ...]]:
        """Ask when a job was scraped since a moment, whichever of its targets it was."""
        selector = f'up{{job="{job}"}}'

        def read() -> tuple[float, ...]:
            window = f"{selector}[{math.ceil(time.time() - since)}s]"
            found = self.http.json("/api/v1/query", query=window)["data"]["result"]
            return tuple(sorted(at for series in found for at, _ in series["values"] if at >= since))

        return Probe(f"scrapes of {job}", self.link(selector), read)

    def exemplars(self, query: str, *, since: float) -> Probe[tuple[Exemplar, ...]]:
        """Ask for the exemplars of the series that *query* selects."""

        def read() -> tuple[Exemplar, ...]:
            answer = self.http.json(
                "/api/v1/query_exemplars", query=query, start=since - 1, end=time.time() + 1
            )
            return tuple(
                Exemplar(
                    trace_id=one["labels"].get("trace_id", ""),
                    value=float(one["value"]),
                    at=float(one["timestamp"]),
                    series=series["seriesLabels"],
                )
                for series in answer["data"]
                for one in series["exemplars"]
            )

        where = f"{self.address}/api/v1/query_exemplars?query={quote(query)}&start={since:.0f}"
        return Probe(f"exemplars of {query} in Prometheus", where, read)

    def targets(self) -> Probe[tuple[Target, ...]]:
        """Ask what is scraped, and how that went last."""

        def read() -> tuple[Target, ...]:
            active = self.http.json("/api/v1/targets", state="active")["data"]["activeTargets"]
            return tuple(
                Target(
                    job=one["labels"]["job"],
                    instance=one["labels"].get("instance", ""),
                    health=one["health"],
                    error=one["lastError"],
                    scraped_at=one["lastScrape"],
                    seconds=one["lastScrapeDuration"],
                )
                for one in active
            )

        return Probe("targets of Prometheus", f"{self.address}/api/v1/targets?state=active", read)

    def jobs(self) -> Probe[tuple[str, ...]]:
        """Ask for every job it is configured to scrape, those without a target too."""
        return Probe(
            "jobs of Prometheus",
            f"{self.address}/api/v1/scrape_pools",
            lambda: tuple(self.http.json("/api/v1/scrape_pools")["data"]["scrapePools"]),
        )

    def alerts(self) -> Probe[tuple[Mapping[str, Any], ...]]:
        """Ask which alerts are pending or firing, in Prometheus' own form."""
        return Probe(
            "alerts of Prometheus",
            f"{self.address}/api/v1/alerts",
            lambda: tuple(self.http.json("/api/v1/alerts")["data"]["alerts"]),
        )

    def rules(self) -> Probe[tuple[Mapping[str, Any], ...]]:
        """Ask for the loaded groups of rules, in Prometheus' own form."""
        return Probe(
            "rules of Prometheus",
            f"{self.address}/api/v1/rules",
            lambda: tuple(self.http.json("/api/v1/rules")["data"]["groups"]),
        )

    def formatted(self, expression: str) -> str:
        """Return *expression* as this Prometheus' own parser writes it."""
        return str(self.http.json("/api/v1/format_query", query=expression)["data"])

    def _query(self, query: str, at: float | None) -> Samples:
        try:
            found = self._promql.custom_query(query, params=None if at is None else {"time": f"{at:.3f}"})
        except (requests.ConnectionError, requests.Timeout) as failure:
            raise NotYet(f"no answer from {self.address}: {cause(failure)}") from None
        except PrometheusApiClientException as failure:
            if "Status Code 503" in str(failure):  # it is starting and replays its log
                raise NotYet(str(failure)) from failure
            raise
        if not isinstance(found, list) or (found and not isinstance(found[0], dict)):
            raise TypeError(f"{query} is a scalar; ask for vector(...)")
        return Samples(tuple(Sample(one["metric"], float(one["value"][1])) for one in found))
