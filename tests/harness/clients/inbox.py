"""Ask the inbox what was delivered: the development machine's PagerDuty and Slack."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.clients.http import Json, Refused, Session
from harness.eventually import Probe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, repr=False)
class Notification:
    """One message that arrived at a receiver."""

    id: int | str
    received_at: float
    receiver: str
    kind: str
    status: str
    alertname: str
    key: str
    summary: str
    links: Mapping[str, str]
    payload: Mapping[str, Json] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"{self.alertname} {self.status} at {self.receiver}"


@dataclass(frozen=True, repr=False)
class Notifications:
    """What arrived, oldest first."""

    notifications: tuple[Notification, ...]

    def __len__(self) -> int:
        return len(self.notifications)

    def __iter__(self) -> Iterator[Notification]:
        return iter(self.notifications)

    def __getitem__(self, index: int) -> Notification:
        return self.notifications[index]

    def with_status(self, status: str) -> Notifications:
        """Return those that say "firing", or those that say "resolved"."""
        return Notifications(tuple(one for one in self.notifications if one.status == status))

    def about(self, *values: str) -> Notifications:
        """Return those in which all of these label values were told, whatever a receiver's form of it."""
        told = ((one, json.dumps(one.payload)) for one in self.notifications)
        return Notifications(tuple(one for one, text in told if all(value in text for value in values)))

    def __repr__(self) -> str:
        return f"{len(self.notifications)} notifications: {'; '.join(map(repr, self.notifications))}"


class Inbox:
    """Every receiver that Alertmanager knows, in one place."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.http = Session(address)

    def notifications(
        self, alertname: str = "", *, receiver: str = "", status: str = "", since: float = 0.0
    ) -> Probe[Notifications]:
        """Ask what arrived; every argument narrows it."""

        def read() -> Notifications:
            answer = self.http.json(
                "/api/v1/notifications",
                alertname=alertname or None,
                receiver=receiver or None,
                status=status or None,
                since=f"{since:.3f}" if since else None,
            )
            return Notifications(tuple(_notification(one) for one in answer["notifications"]))

        what = f"{alertname or 'notifications'} in the inbox" + (f" at {receiver}" if receiver else "")
        return Probe(what, f"{self.address}/", read)

    def let_fail(self, receiver: str, mode: str, *, times: int = 1) -> None:
        """Let a receiver answer with a status, be `slow`, or `reset` the connection, so many times."""
        wish = {"receiver": receiver, "mode": mode, "times": times}
        response = self.http.post("/api/v1/failures", json=wish)
        if not response.ok:
            raise Refused(response)

    def failures(self) -> list[Mapping[str, Json]]:
        """Return what is still to fail."""
        return list(self.http.json("/api/v1/failures")["failures"])

    def forget_failures(self) -> None:
        """Let every receiver work again."""
        response = self.http.delete("/api/v1/failures")
        if not response.ok:
            raise Refused(response)

    def metric(self, name: str) -> float:
        """Return one value of its metrics page."""
        lines = self.http.get("/metrics").text.splitlines()
        return float(next(line for line in lines if line.startswith(f"{name} ")).split()[1])


def _notification(document: Mapping[str, Json]) -> Notification:
    return Notification(
        id=document["id"],
        received_at=float(document["received_at"]),
        receiver=document["receiver"],
        kind=document["kind"],
        status=document["status"],
        alertname=document["alertname"],
        key=document["key"],
        summary=document["summary"],
        links=document.get("links") or {},
        payload=document.get("payload") or {},
    )
