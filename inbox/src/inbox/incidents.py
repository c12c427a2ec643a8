"""What happened, made of what was told: one incident an alert at a time, from its first notification to its all-clear.

Several receivers hear of one alert, each in its own words and with its own grouping, so an incident is known by the
alert's name. It is over when one receiver, whichever is first, has had an all-clear for all it was told of: the page is
cleared within a minute, the channel some minutes later, and the later word changes nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from inbox.notifications import Notification, Receiver, Status

_MOST_SUBJECTS = 5
# `error` is PagerDuty's word for a severity it was not given
_BY_URGENCY = ("critical", "error", "warning", "info", "none", "")


@dataclass(frozen=True, kw_only=True)
class Told:
    """One step of an incident: who was told what, and when."""

    id: int
    at: float
    receiver: Receiver
    status: Status


@dataclass(frozen=True, kw_only=True)
class Incident:
    """One alert's time of firing, as its receivers heard of it."""

    alertname: str
    state: Status
    severity: str
    summary: str
    about: list[str]
    opened_at: float
    closed_at: float | None
    receivers: list[Receiver]
    told: list[Told]
    links: dict[str, str]


@dataclass
class _Open:
    told: list[Notification] = field(default_factory=list)
    threads: dict[Receiver, dict[str, Status]] = field(default_factory=dict)
    closed_at: float | None = None

    def hear(self, notification: Notification) -> None:
        self.told.append(notification)
        self.threads.setdefault(notification.receiver, {})[notification.key] = notification.status
        if self.closed_at is None and any(
            set(statuses.values()) == {"resolved"} for statuses in self.threads.values()
        ):
            self.closed_at = notification.received_at

    def incident(self) -> Incident:
        first, firing = self.told[0], [one for one in self.told if one.status == "firing"] or self.told
        severities = {one.severity for one in self.told}
        known = [severity for severity in _BY_URGENCY if severity in severities]
        acknowledged = any("acknowledged" in statuses.values() for statuses in self.threads.values())
        return Incident(
            alertname=first.alertname,
            state="resolved" if self.closed_at else "acknowledged" if acknowledged else "firing",
            severity=known[0] if known else first.severity,
            summary=firing[-1].summary,
            about=list(dict.fromkeys(one.about for one in firing if one.about))[:_MOST_SUBJECTS],
            opened_at=first.received_at,
            closed_at=self.closed_at,
            receivers=list(self.threads),
            told=[
                Told(id=one.id, at=one.received_at, receiver=one.receiver, status=one.status)
                for one in self.told
            ],
            links={name: address for one in self.told for name, address in one.links.items()},
        )


def incidents(notifications: Iterable[Notification]) -> Sequence[Incident]:
    """Return the incidents that these notifications tell of, the newest first; they must come oldest first."""
    every: list[_Open] = []
    latest: dict[str, _Open] = {}
    for notification in notifications:
        # the heartbeat tells of nothing, and a message without an alert's name is nobody's incident
        if notification.receiver == "watchdog" or not notification.alertname:
            continue
        current = latest.get(notification.alertname)
        if current is None or (current.closed_at and notification.status == "firing"):
            current = latest[notification.alertname] = _Open()
            every.append(current)
        current.hear(notification)
    return [each.incident() for each in reversed(every)]
