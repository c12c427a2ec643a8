"""Ask Alertmanager what it holds; what it *sent* is the inbox's to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.clients.http import Json, Refused, Session
from harness.eventually import Probe

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, repr=False)
class HeldAlert:
    """One alert that Alertmanager holds at the moment."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    state: str
    receivers: tuple[str, ...]
    updated_at: str

    def __repr__(self) -> str:
        name = self.labels.get("alertname", "?")
        return f"{name} {self.state} for {', '.join(self.receivers) or 'nobody'}"


class Alertmanager:
    """What decides who is told."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.http = Session(address)

    def alerts(self, name: str = "") -> Probe[tuple[HeldAlert, ...]]:
        """Ask for the alerts held, of one name or all."""
        chosen = f'alertname="{name}"' if name else None

        def read() -> tuple[HeldAlert, ...]:
            return tuple(
                HeldAlert(
                    labels=one["labels"],
                    annotations=one["annotations"],
                    state=one["status"]["state"],
                    receivers=tuple(receiver["name"] for receiver in one["receivers"]),
                    updated_at=one["updatedAt"],
                )
                for one in self.http.json("/api/v2/alerts", filter=chosen)
            )

        return Probe(f"alerts {name} in Alertmanager".replace("  ", " "), f"{self.address}/#/alerts", read)

    def send(self, *alerts: Mapping[str, Json]) -> None:
        """Tell it of alerts, as Prometheus does: labels, annotations, startsAt, endsAt."""
        response = self.http.post("/api/v2/alerts", json=alerts)
        if not response.ok:
            raise Refused(response)

    def silence(self, name: str, *, until: str) -> str:
        """Silence an alert, as a person does, until a moment (RFC 3339); return the silence's id."""
        silence = {
            "matchers": [{"name": "alertname", "value": name, "isRegex": False}],
            "startsAt": "2000-01-01T00:00:00Z",
            "endsAt": until,
            "createdBy": "a test",
            "comment": "tried",
        }
        response = self.http.post("/api/v2/silences", json=silence)
        if not response.ok:
            raise Refused(response)
        return str(response.json()["silenceID"])

    def silences(self) -> Probe[tuple[str, ...]]:
        """Ask for the ids of the silences in force."""

        def read() -> tuple[str, ...]:
            held = self.http.json("/api/v2/silences")
            return tuple(str(one["id"]) for one in held if one["status"]["state"] == "active")

        return Probe("silences in Alertmanager", f"{self.address}/#/silences", read)

    def configuration(self) -> Probe[str]:
        """Ask for the configuration in force, secrets hidden."""
        return Probe(
            "configuration of Alertmanager",
            f"{self.address}/#/status",
            lambda: str(self.http.json("/api/v2/status")["config"]["original"]),
        )
