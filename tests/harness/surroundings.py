"""What the harness needs to know of a stack's environment; `launcher.environment.Environment` is one.

A seam, so that the clients, the canary and their unit tests need no launcher.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from harness.addresses import Addresses
from harness.clients.alertmanager import Alertmanager
from harness.clients.api import Api, Listener
from harness.clients.errors import Errors
from harness.clients.inbox import Inbox
from harness.clients.jaeger import Jaeger
from harness.clients.loki import Loki
from harness.clients.prometheus import Prometheus
from harness.clients.saboteur import Saboteur

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.faults import Fault


class Surroundings(Protocol):
    """Ports and secrets of one stack."""

    @property
    def ports(self) -> Mapping[str, int]:
        """Published ports by the names of .env."""

    def secret(self, name: str) -> str:
        """Return what a secret file holds."""


@dataclass(frozen=True)
class Stores:
    """A client for each store of one stack, and for whoever asks the API."""

    surroundings: Surroundings

    @property
    def addresses(self) -> Addresses:
        """Where everything is."""
        return Addresses.of(self.surroundings.ports)

    @property
    def prometheus(self) -> Prometheus:
        """The metrics."""
        return Prometheus(self.addresses.prometheus)

    @property
    def alertmanager(self) -> Alertmanager:
        """What decides who is told."""
        return Alertmanager(self.addresses.alertmanager)

    @property
    def loki(self) -> Loki:
        """The logs."""
        return Loki(self.addresses.loki)

    @property
    def jaeger(self) -> Jaeger:
        """The traces."""
        return Jaeger(self.addresses.jaeger)

    @property
    def errors(self) -> Errors:
        """The error tracker."""
        return Errors(self.addresses.errors, token=self.surroundings.secret("errors_api_token"))

    @property
    def inbox(self) -> Inbox:
        """What was delivered."""
        return Inbox(self.addresses.inbox)

    def tenant_key(self, tenant: str) -> str:
        """Return a seeded tenant's API key."""
        keys: dict[str, str] = json.loads(self.surroundings.secret("tenant_keys.json"))
        return keys[tenant]

    def tenant(self, name: str, *, on_trace: Listener | None = None) -> Api:
        """Return the API in the hands of a seeded tenant."""
        return Api(self.addresses.api, key=self.tenant_key(name), tenant=name, on_trace=on_trace)

    def operator(self, *, on_trace: Listener | None = None) -> Api:
        """Return the API in the hands of whoever holds the internal key."""
        return Api(self.addresses.api, key=self.surroundings.secret("internal_key"), on_trace=on_trace)

    def saboteur(self, healed: list[Fault] | None = None) -> Saboteur:
        """Return the switches of whoever holds the faults' key; what is over is added to *healed*."""
        api = Api(self.addresses.api, key=self.surroundings.secret("faults_key"))
        return Saboteur(api, [] if healed is None else healed)

    def stranger(self, *, on_trace: Listener | None = None) -> Api:
        """Return the API in the hands of somebody without a key."""
        return Api(self.addresses.api, key="", on_trace=on_trace)
