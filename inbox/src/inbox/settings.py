"""What can be set from outside; nothing else in the inbox reads the environment.

Every field is an environment variable with the prefix ``INBOX_``.
"""

from pathlib import Path

from pydantic import Field, HttpUrl, PositiveInt
from pydantic_settings import BaseSettings, SettingsConfigDict


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
    prometheus_timeout_seconds: float = Field(
        default=3.0,
        gt=0,
        le=60,
        description="How long an evidence page waits for Prometheus.",
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
