"""Where the services of one stack are found from this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """One address for each service that publishes a port."""

    api: str
    prometheus: str
    alertmanager: str
    loki: str
    jaeger: str
    grafana: str
    errors: str
    inbox: str
    otlp: str

    @classmethod
    def of(cls, ports: Mapping[str, int]) -> Addresses:
        """Name the services behind a stack's published ports (keys as in .env: API_PORT, ...)."""

        def at(port: str) -> str:
            return f"http://127.0.0.1:{ports[port]}"

        return cls(
            api=at("API_PORT"),
            prometheus=at("PROMETHEUS_PORT"),
            alertmanager=at("ALERTMANAGER_PORT"),
            loki=at("LOKI_PORT"),
            jaeger=at("JAEGER_PORT"),
            grafana=at("GRAFANA_PORT"),
            errors=at("ERRORS_PORT"),
            inbox=at("INBOX_PORT"),
            otlp=at("OTLP_HTTP_PORT"),
        )
