"""Multi-window, multi-burn-rate alerts: how fast an error budget of 30 days is being spent (ADR-0011).

A burn rate of 1 spends the budget in exactly 30 days. An alert wants it exceeded over a long window, so that it matters,
and over a short one, so that it is still so. The numbers are those of the SRE workbook, chapter "Alerting on SLOs".
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import indent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prometheus.src.slos import SLO

_HOURS = {"5m": 5 / 60, "30m": 0.5, "1h": 1, "2h": 2, "6h": 6, "1d": 24, "3d": 72, "30d": 720}
LONGER = tuple(_HOURS)[1:]
"""The windows that are averages of what is recorded over the shortest."""


class UnreachableBurnRateError(ValueError):
    """Even if every event were bad, the alert could not fire."""


@dataclass(frozen=True)
class Burn:
    """One pair of windows, and the share of the budget that may be spent in the long one before somebody is told."""

    spent: float
    long: str
    short: str

    @property
    def rate(self) -> float:
        """How many times faster than allowed the budget is then being spent."""
        return round(self.spent * _HOURS["30d"] / _HOURS[self.long], 9)


@dataclass(frozen=True)
class Alert:
    """What is told about a budget, to whom, and by which pairs."""

    name: str
    severity: str
    wait: str
    gone_within: str
    burns: tuple[Burn, Burn]


ALERTS = (
    Alert(
        "SLOErrorBudgetBurnFast",
        "critical",
        "2m",
        "days",
        (Burn(0.02, long="1h", short="5m"), Burn(0.05, long="6h", short="30m")),
    ),
    Alert(
        "SLOErrorBudgetBurnSlow",
        "warning",
        "15m",
        "weeks",
        (Burn(0.10, long="1d", short="2h"), Burn(0.10, long="3d", short="6h")),
    ),
)

_HEADER = """\
# Made from prometheus/slos/ by `make slos`; a test compares. Change those files, or prometheus/src/burn_rates.py.
# Runbooks: docs/runbooks/. Tests: prometheus/tests/slo.test.yml.
#
# Events and errors are recorded per second over 5 minutes, one series each; every longer window is the average of
# those. So a ratio over 30 days weighs requests, not hours, reads two series instead of thousands, and an idle night
# leaves no NaN behind (ADR-0011).

groups:
"""

_RECORDINGS = """\
- name: slo-{slo}
  rules:
    # Events per second.
    # Readers: every other rule of this group.
    - record: slo:sli_events:rate5m
      expr: {events}
      labels: {{slo: {slo}}}

    # Bad ones per second; 0, not nothing, while none was ever seen.
    # Readers: the ratios below.
    - record: slo:sli_errors:rate5m
      expr: |-
        ({errors})
        or
        0 * sum(slo:sli_events:rate5m{{slo="{slo}"}})
      labels: {{slo: {slo}}}

    # The share of bad ones; NaN without events, which no threshold catches.
    # Readers: SLOErrorBudgetBurnFast; the dashboard SLOs.
    - record: slo:sli_error:ratio_rate5m
      expr: slo:sli_errors:rate5m{{slo="{slo}"}} / slo:sli_events:rate5m{{slo="{slo}"}}
      labels: {{slo: {slo}}}
"""

_LONGER = """\

    # Readers: {readers}.
    - record: slo:sli_error:ratio_rate{window}
      expr: |-
        avg_over_time(slo:sli_errors:rate5m{{slo="{slo}"}}[{window}])
        /
        (avg_over_time(slo:sli_events:rate5m{{slo="{slo}"}}[{window}]) > 0)
      labels: {{slo: {slo}}}
"""

_BUDGET = """\

    # What was promised.
    # Readers: the budget below; the dashboard SLOs.
    - record: slo:objective:ratio
      expr: vector({objective})
      labels: {{slo: {slo}}}

    # What is left of what may go wrong in 30 days: 1 is all of it, 0 none, less than 0 a broken promise.
    # Readers: the dashboard SLOs; the diagnoses of the alerts below.
    - record: slo:error_budget_remaining:ratio
      expr: 1 - slo:sli_error:ratio_rate30d{{slo="{slo}"}} / (1 - slo:objective:ratio{{slo="{slo}"}})
      labels: {{slo: {slo}}}
"""

_ALERT = """\

    # {told}
    - alert: {name}
      expr: |-
{expression}
      for: {wait}
      labels:
        severity: {severity}
        team: {team}
        slo: {slo}
      annotations:
        summary: {noticed}; at this rate the month's error budget is gone within {gone_within}
        description: >-
          {{{{ $value | humanizePercentage }}}} of the events of {{{{ $labels.slo }}}} are bad; {budget} may be.
        runbook_url: "{{{{ $externalLabels.links }}}}/runbooks/{name}"
        dashboard_url: "{{{{ $externalLabels.links }}}}/alerts/{name}"
"""

_PAIR = """\
(
  slo:sli_error:ratio_rate{short}{{slo="{slo}"}} > {rate:g} * {budget:g}
  and
  slo:sli_error:ratio_rate{long}{{slo="{slo}"}} > {rate:g} * {budget:g}
  and
  avg_over_time(slo:sli_events:rate5m{{slo="{slo}"}}[{long}]) > {floor:g}
)"""


def rules(slos: Sequence[SLO]) -> str:
    """Write the rule file that follows from these promises."""
    return _HEADER + "\n".join(indent(_group(slo), "  ") for slo in slos)


def _group(slo: SLO) -> str:
    parts = [_RECORDINGS.format(slo=slo.slo, events=slo.events, errors=slo.errors)]
    parts += [_LONGER.format(slo=slo.slo, window=window, readers=_readers(window)) for window in LONGER]
    parts.append(_BUDGET.format(slo=slo.slo, objective=slo.objective))
    parts += [_alert(slo, alert) for alert in ALERTS]
    return "".join(parts)


def _alert(slo: SLO, alert: Alert) -> str:
    for burn in alert.burns:
        if burn.rate * slo.budget >= 1:
            raise UnreachableBurnRateError(
                f"{slo.slo}: {alert.name} waits for {burn.rate:g} * {slo.budget:g} of all events to be bad, "
                "which is more than all: promise more, or leave this alert out"
            )
    pairs = [
        _PAIR.format(
            slo=slo.slo,
            short=burn.short,
            long=burn.long,
            rate=burn.rate,
            budget=slo.budget,
            floor=slo.floor,
        )
        for burn in alert.burns
    ]
    told = ", or ".join(f"{burn.spent:.0%} of the budget within {burn.long}" for burn in alert.burns)
    return _ALERT.format(
        told=f"{told}.",
        name=alert.name,
        expression=indent("\nor\n".join(pairs), " " * 8),
        wait=alert.wait,
        severity=alert.severity,
        team=slo.team,
        slo=slo.slo,
        noticed=slo.noticed,
        gone_within=alert.gone_within,
        budget=f"{slo.budget * 100:g}%",
    )


def _readers(window: str) -> str:
    of = [
        alert.name
        for alert in ALERTS
        if window in {w for burn in alert.burns for w in (burn.long, burn.short)}
    ]
    return ", ".join(of) if of else "the budget below; the dashboard SLOs"
