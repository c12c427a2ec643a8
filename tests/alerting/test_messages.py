"""What people read: every template rendered by the Alertmanager that runs, and compared with what is committed.

The messages are what the inbox received, so each has also passed its service's own checks. Where a change is meant,
`--write-rendered` writes the files again; their diff is what a reviewer reads.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from harness.eventually import eventually
from harness.expectations import is_empty
from harness.plugin import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.clients.alertmanager import Alertmanager
    from harness.clients.inbox import Notification, Notifications
    from harness.stack import Stack

Alert = dict[str, Any]

_TESTS = ROOT / "alertmanager" / "tests"
RENDERED = _TESTS / "rendered"
BEGAN = datetime(2026, 3, 1, 10, tzinfo=UTC)
LASTED = timedelta(minutes=10)
FAR = datetime(2100, 1, 1, tzinfo=UTC)
LINKS = "http://127.0.0.1:8025"


@dataclass(frozen=True)
class Case:
    """One entry of messages.yml."""

    name: str
    receivers: tuple[str, ...]
    alerts: tuple[Alert, ...]
    resolves: bool

    @classmethod
    def read(cls, name: str, entry: dict[str, Any]) -> Case:
        """Complete an entry with its repetitions, times and links."""
        alerts = [
            {**alert, "labels": {**alert["labels"], **({"instance": f"i-{number:02}"} if number else {})}}
            for alert in entry["alerts"]
            for number in (range(1, entry["repeat"] + 1) if "repeat" in entry else (0,))
        ]
        return cls(name, tuple(entry["receivers"]), tuple(alerts), entry.get("resolves", True))

    @property
    def alertname(self) -> str:
        """All alerts of a case have one name."""
        return str(self.alerts[0]["labels"]["alertname"])

    @property
    def has_early_end(self) -> bool:
        """Whether one alert ends while others fire."""
        return any("ended" in alert for alert in self.alerts)

    @property
    def steps(self) -> tuple[str, ...]:
        """What is told, in order."""
        partly = ("partly",) if self.has_early_end else ()
        return ("firing", *partly, *(("resolved",) if self.resolves else ()))


CASES = [
    Case.read(name, entry) for name, entry in yaml.safe_load((_TESTS / "messages.yml").read_text()).items()
]
MESSAGES = [(case, step, receiver) for case in CASES for step in case.steps for receiver in case.receivers]


def as_sent(alert: Alert, *, ended: bool) -> Alert:
    """An alert as Prometheus would send it, with the links that its rule would give it."""
    name = alert["labels"]["alertname"]
    links = {"runbook_url": f"{LINKS}/runbooks/{name}", "dashboard_url": f"{LINKS}/alerts/{name}"}
    began = alert.get("began", BEGAN)
    return {
        "labels": alert["labels"],
        "annotations": alert["annotations"] and {**alert["annotations"], **links},
        "startsAt": began.isoformat(),
        "endsAt": (BEGAN + LASTED if ended else FAR).isoformat(),
    }


def newest(notifications: Notifications, receiver: str) -> Notification:
    """The last message that a receiver got."""
    told = [one for one in notifications if one.receiver == receiver]
    assert told, f"nothing at {receiver} yet"
    return told[-1]


def tells(case: Case, step: str, before: dict[str, Notification]) -> Callable[[Notifications], None]:
    """Expect that each receiver's last message is news, of the right kind, and about all alerts.

    The first message of a group can be about some only: alerts that began long ago do not wait for the others.
    """

    def expect(notifications: Notifications) -> None:
        for receiver in case.receivers:
            last = newest(notifications, receiver)
            assert receiver not in before or last.id != before[receiver].id, f"no news at {receiver}"
            assert last.status == ("resolved" if step == "resolved" else "firing")
            assert is_about_all(case, last), f"not about all at {receiver}: {json.dumps(last.payload)[:200]}"

    return expect


def is_about_all(case: Case, message: Notification) -> bool:
    many, text = len(case.alerts), json.dumps(message.payload)
    return many == 1 or f"{many} alerts)" in text or f": {many}]" in text


def or_else(
    expect: Callable[[Notifications], None], mend: Callable[[Notifications], None]
) -> Callable[[Notifications], None]:
    """Expect the same, and do something about it before the next poll."""

    def expect_or_mend(notifications: Notifications) -> None:
        try:
            expect(notifications)
        except AssertionError:
            mend(notifications)
            raise

    return expect_or_mend


def ends_again(alertmanager: Alertmanager, case: Case) -> Callable[[Notifications], None]:
    """End all alerts of a case once more.

    Alertmanager takes them one by one. What it tells in between is about some, and these it forgets; where it has told
    that nothing is left, only what fires can end again.
    """

    def mend(notifications: Notifications) -> None:
        told = [newest(notifications, receiver) for receiver in case.receivers]
        fires = any(one.status == "resolved" and not is_about_all(case, one) for one in told)
        alertmanager.send(*(as_sent(alert, ended=not fires) for alert in case.alerts))

    return mend


@pytest.fixture(scope="module")
def messages(notifiers: Stack) -> dict[str, str]:
    """Let all alerts fire, some end early, then all end; return each message by its file's name."""
    alertmanager, inbox = notifiers.stores.alertmanager, notifiers.stores.inbox
    eventually(alertmanager.alerts(), is_empty, within=15)
    began = time.time()
    files: dict[str, str] = {}
    last: dict[str, dict[str, Notification]] = {case.name: {} for case in CASES}
    for step in ("firing", "partly", "resolved"):
        told = [case for case in CASES if step in case.steps]
        for case in told:
            alertmanager.send(*(as_sent(alert, ended=has_ended(alert, step)) for alert in case.alerts))
        for case in told:
            probe = inbox.notifications(case.alertname, since=began)
            expect = tells(case, step, last[case.name])
            if step == "resolved":
                expect = or_else(expect, ends_again(alertmanager, case))
            notifications = eventually(probe, expect, within=60)
            for receiver in case.receivers:
                last[case.name][receiver] = message = newest(notifications, receiver)
                text = json.dumps(message.payload, indent=2, ensure_ascii=False) + "\n"
                text = text.replace(alertmanager.address, "http://127.0.0.1:9093")
                files[file_name(case, step, receiver)] = text
    # the Watchdog never ends of itself, and the next file may want an Alertmanager that holds nothing
    alertmanager.send(*(as_sent(alert, ended=True) for case in CASES for alert in case.alerts))
    return files


def has_ended(alert: Alert, step: str) -> bool:
    return step == "resolved" or (step == "partly" and "ended" in alert)


def file_name(case: Case, step: str, receiver: str) -> str:
    return f"{case.name}.{step}.{receiver}.json"


@pytest.fixture(scope="module")
def rendered(messages: dict[str, str], pytestconfig: pytest.Config) -> dict[str, str]:
    """What is committed; written first where that is asked for."""
    if pytestconfig.getoption("--write-rendered"):
        RENDERED.mkdir(exist_ok=True)
        for path in RENDERED.iterdir():
            path.unlink()
        for name, text in messages.items():
            (RENDERED / name).write_text(text)
    return {path.name: path.read_text() for path in RENDERED.iterdir()}


@pytest.mark.smoke
@pytest.mark.parametrize(
    ("case", "step", "receiver"), MESSAGES, ids=[file_name(*message) for message in MESSAGES]
)
def test_a_message_is_the_committed_one(
    messages: dict[str, str], rendered: dict[str, str], case: Case, step: str, receiver: str
) -> None:
    name = file_name(case, step, receiver)
    assert messages[name] == rendered.get(name), "if it is meant: --write-rendered, and commit the diff"


@pytest.mark.smoke
def test_nothing_is_committed_that_is_not_rendered(
    messages: dict[str, str], rendered: dict[str, str]
) -> None:
    assert rendered.keys() == messages.keys()
