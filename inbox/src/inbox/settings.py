"""What can be set from outside; nothing else in the inbox reads the environment.

Every field is an environment variable with the prefix ``INBOX_``.
"""

import re
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, HttpUrl, PositiveInt
from pydantic_settings import BaseSettings, SettingsConfigDict

_PART = re.compile(r"(\d+)(ms|s|m|h)")
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}


def _seconds(value: object) -> object:
    """Read a duration as Prometheus writes it; anything else is left to be refused or taken as a number."""
    parts = _PART.findall(value) if isinstance(value, str) else []
    if parts and "".join(amount + unit for amount, unit in parts) == value:
        return sum(int(amount) * _UNITS[unit] for amount, unit in parts)
    return value


Seconds = Annotated[float, BeforeValidator(_seconds), Field(gt=0)]


class Settings(BaseSettings):
    """The inbox's settings, with defaults that fit its container."""

    model_config = SettingsConfigDict(env_prefix="INBOX_", frozen=True)

    host: str = Field(
        default="0.0.0.0",  # noqa: S104  # in a container; Compose publishes the port on the loopback only
        description="The address to listen on.",
    )
    port: int = Field(default=8080, ge=1, le=65535, description="The port to listen on.")
    database: Path = Field(
        default=Path("/data/inbox.sqlite3"),
        description="The SQLite file that holds the notifications; its folder must be writable.",
    )
    keep_per_receiver: PositiveInt = Field(
        default=2000,
        description="How many of the newest notifications to keep for each receiver.",
    )
    runbooks: Path = Field(default=Path("/runbooks"), description="The folder of <Alert>.md files.")
    prometheus_url: HttpUrl = Field(
        default=HttpUrl("http://prometheus:9090"),
        description="Where an alert's expression is evaluated for its evidence page.",
    )
    loki_url: HttpUrl = Field(
        default=HttpUrl("http://loki:3100"),
        description="Where the log lines of an evidence page come from.",
    )
    evidence_timeout_seconds: float = Field(
        default=3.0,
        gt=0,
        le=60,
        description="How long an evidence page waits for Prometheus and Loki.",
    )
    links: HttpUrl = Field(
        default=HttpUrl("http://127.0.0.1:8025"),
        description="Where a person opens this inbox: the base of the links in its own notifications.",
    )
    prometheus_links: HttpUrl = Field(
        default=HttpUrl("http://127.0.0.1:9090"), description="Where a person opens Prometheus."
    )
    jaeger_links: HttpUrl = Field(
        default=HttpUrl("http://127.0.0.1:16686"), description="Where a person opens Jaeger."
    )
    watchdog_patience: Seconds = Field(
        default=300.0,
        description="How long the Watchdog, which is sent every minute, may stay silent: `5m` or a number of seconds.",
    )
    watchdog_start_seconds: float = Field(
        default=60.0,
        ge=0,
        description="How long a stack may take to start before its Watchdog is missed.",
    )
    pagerduty_key_file: Path = Field(
        default=Path("/run/secrets/pagerduty_routing_key"),
        description="A file with the routing key that PagerDuty-shaped events must carry.",
    )
    slack_platform_url_file: Path = Field(
        default=Path("/run/secrets/slack_platform_url"),
        description="A file with the webhook address of the platform channel.",
    )
    slack_customer_health_url_file: Path = Field(
        default=Path("/run/secrets/slack_customer_health_url"),
        description="A file with the webhook address of the customer health channel.",
    )
