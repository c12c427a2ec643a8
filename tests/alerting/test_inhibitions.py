"""What is not told while its cause fires, and that everything else is: the table of alertmanager/tests, asked of Alertmanager.

Each cause fires beside every alert that causes nothing, and then beside every other cause, one at a time: two causes
side by side would each mute what the other is asked about.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from harness.eventually import eventually
from harness.expectations import is_empty
from harness.plugin import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from harness.clients.alertmanager import Alertmanager, HeldAlert
    from harness.stack import Stack

Labels = frozenset[tuple[str, str]]

_TESTS = ROOT / "alertmanager" / "tests"
EVERY = frozenset(
    frozenset(labels.items())
    for route in yaml.safe_load((_TESTS / "routes.yml").read_text())
    for labels in route["alerts"]
)
TABLE = yaml.safe_load((_TESTS / "inhibitions.yml").read_text())


def rows(entry: str | Mapping[str, Mapping[str, str]]) -> frozenset[Labels]:
    """The alerts of routes.yml that an entry of the table stands for."""
    [(name, more)] = [(entry, {})] if isinstance(entry, str) else entry.items()
    wanted = {"alertname": name, **more}.items()
    return frozenset(labels for labels in EVERY if wanted <= set(labels))


CAUSES = frozenset(labels for row in TABLE for labels in rows(row["cause"]))


def readable(alerts: Iterable[Labels]) -> list[str]:
    """Labels in one order, to be compared by a person."""
    return sorted(" ".join(f"{name}={value}" for name, value in sorted(labels)) for labels in alerts)


@pytest.fixture
def alertmanager(notifiers: Stack) -> Iterator[Alertmanager]:
    """An Alertmanager that holds nothing, before and after."""
    client = notifiers.stores.alertmanager
    eventually(client.alerts(), is_empty, within=15)
    yield client
    resolve(client, *(frozenset(one.labels.items()) for one in client.alerts().now()))


def fire(alertmanager: Alertmanager, *alerts: Labels) -> None:
    now = datetime.now(UTC)
    times = {"startsAt": now.isoformat(), "endsAt": (now + timedelta(minutes=5)).isoformat()}
    alertmanager.send(*({"labels": dict(labels), **times} for labels in alerts))


def resolve(alertmanager: Alertmanager, *alerts: Labels) -> None:
    ended = {"endsAt": datetime.now(UTC).isoformat()}
    alertmanager.send(*({"labels": dict(labels), **ended} for labels in alerts))


def mutes(muted: frozenset[Labels], *, of: frozenset[Labels]) -> Callable[[tuple[HeldAlert, ...]], None]:
    """Expect that all of these are held, and that exactly so many of them are muted."""

    def expect(held: tuple[HeldAlert, ...]) -> None:
        states = {frozenset(one.labels.items()): one.state for one in held}
        assert of <= states.keys(), f"not held yet: {readable(of - states.keys())}"
        silent = {labels for labels in of if states[labels] == "suppressed"}
        assert readable(silent) == readable(muted)

    return expect


@pytest.mark.smoke
@pytest.mark.parametrize("row", TABLE, ids=lambda row: str(row["cause"]))
def test_a_cause_mutes_its_consequences_and_nothing_else(
    alertmanager: Alertmanager, row: dict[str, Any]
) -> None:
    [cause] = rows(row["cause"]) if isinstance(row["cause"], dict) else [one_of(row["cause"])]
    named = [rows(entry) for entry in row["mutes"]]
    assert all(named), f"some names of {row['mutes']} have no row in routes.yml"
    muted = frozenset[Labels]().union(*named)
    others = EVERY - CAUSES

    fire(alertmanager, cause, *others)
    eventually(alertmanager.alerts(), mutes(muted & others, of=others), within=15, every=0.05)
    resolve(alertmanager, *others)

    for other in CAUSES - {cause}:
        fire(alertmanager, other)
        alone = frozenset({other})
        eventually(alertmanager.alerts(), mutes(muted & alone, of=alone), within=15, every=0.05)
        resolve(alertmanager, other)


def one_of(name: str) -> Labels:
    """The one alert of that name."""
    [labels] = rows(name)
    return labels
