"""Every setting of every process, read once from the environment: nothing else reads it."""

import json
import os
import sys
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

_PREFIX = "STRATUM_"


class SecretFiles(PydanticBaseSettingsSource):
    """Reads a field from the file that `<NAME>_FILE` names, as Docker hands out secrets."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        """Return the file's text for one field, or None where no file is named."""
        variable = f"{_PREFIX}{field_name.upper()}_FILE"
        path = os.environ.get(variable)
        if not path:
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").strip(), field_name, False
        except OSError as error:
            raise ValueError(f"{variable}: cannot read {path}: {error.strerror}") from error

    def __call__(self) -> dict[str, Any]:
        """Return every field that has a file."""
        values = {
            name: self.get_field_value(field, name)[0]
            for name, field in self.settings_cls.model_fields.items()
        }
        return {name: value for name, value in values.items() if value is not None}


class Settings(BaseSettings):
    """What a process needs to know; immutable once read."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    env: Literal["development", "test", "production"] = Field(
        default="development", description="Where this runs; production refuses debugging and faults."
    )
    service: str = Field(default="stratum-api", description="service.name of this process in every signal.")
    release: str = Field(default="dev", description="Version of the code, on spans and error events.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Least severe level that is written; DEBUG never in production."
    )
    faults: Literal["on", "off"] = Field(
        default="off", description="Whether fault injection may be switched on."
    )
    trace_sample_ratio: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="Share of traces begun here that are kept; a caller's choice is kept.",
    )
    otlp_endpoint: str = Field(
        default="", description="Collector for spans: base address of OTLP over HTTP; empty sends none."
    )
    sentry_dsn: SecretStr = Field(
        default=SecretStr(""), description="Where errors are reported; empty reports none."
    )

    database_host: str = Field(default="postgres", description="Host of PostgreSQL's primary.")
    database_replica_host: str = Field(
        default="",
        description="Host of a replica for reads that may be a moment old; empty asks the primary.",
    )
    database_port: int = Field(default=5432, ge=1, le=65535, description="Port of PostgreSQL.")
    database_replica_port: int = Field(default=5432, ge=1, le=65535, description="Port of the replica.")
    database_name: str = Field(default="stratum", description="Database of the platform.")
    database_user: str = Field(
        default="stratum_app", description="Role to connect as; migrations use the owner."
    )
    database_password: SecretStr = Field(default=SecretStr(""), description="Password of that role.")
    database_pool_size: int = Field(
        default=10, ge=1, description="Connections that a process keeps open at most."
    )
    database_timeout_seconds: float = Field(
        default=2.0, gt=0, description="How long a request waits for the database before it is told 503."
    )

    redis_host: str = Field(default="redis", description="Host of the cache.")
    redis_port: int = Field(default=6379, ge=1, le=65535, description="Port of the cache.")
    redis_username: str = Field(default="", description="User of the cache; empty means the default user.")
    redis_password: SecretStr = Field(default=SecretStr(""), description="Password of that user.")

    cache_ttl_seconds: int = Field(
        default=30,
        ge=1,
        description="How long a cached answer may be served, should its invalidation be lost.",
    )

    broker_host: str = Field(default="redis-broker", description="Host of Celery's broker.")
    broker_port: int = Field(default=6379, ge=1, le=65535, description="Port of the broker.")
    broker_username: str = Field(default="", description="User of the broker; empty means the default user.")
    broker_password: SecretStr = Field(default=SecretStr(""), description="Password of that user.")

    internal_key: SecretStr = Field(
        default=SecretStr(""), description="Bearer key of /internal/; empty closes it."
    )
    faults_key: SecretStr = Field(
        default=SecretStr(""), description="Bearer key of /internal/faults; empty closes it."
    )
    tenant_keys: SecretStr = Field(
        default=SecretStr("{}"), description="JSON object tenant -> API key, for migrate's seed data only."
    )

    bind_host: str = Field(default="0.0.0.0", description="Address that every server listens on.")  # noqa: S104 - a container's own network
    public_port: int = Field(default=8000, ge=1, le=65535, description="Port of the public API.")
    internal_port: int = Field(
        default=9464, ge=1, le=65535, description="Port of /metrics and /health/detailed."
    )
    worker_metrics_port: int = Field(
        default=9810, ge=1, le=65535, description="Port of the worker's metrics."
    )
    ingester_metrics_port: int = Field(
        default=9811, ge=1, le=65535, description="Port of the ingester's metrics."
    )
    ad_platforms_port: int = Field(
        default=8000, ge=1, le=65535, description="Port of the stand-in for the ad platforms."
    )
    api_url: str = Field(
        default="", description="Base address of the API, for the scheduler's canary; empty sends none."
    )
    pg_replicas_expected: int = Field(
        default=1, ge=0, description="Replicas that should stream from the primary."
    )
    ad_platforms_url: str = Field(
        default="", description="Base address of the ad platforms; empty calls nobody."
    )
    exporter_port: int = Field(default=9812, ge=1, le=65535, description="Port of the Celery exporter.")

    worker_concurrency: int = Field(default=2, ge=1, description="Processes of one worker.")
    worker_max_tasks_per_child: int = Field(
        default=10_000, ge=1, description="Tasks after which one is replaced."
    )
    workers_expected: int = Field(default=2, ge=0, description="Workers that should answer a ping.")
    visibility_timeout_seconds: int = Field(
        default=60, ge=10, description="After this the broker hands an unacknowledged task to another worker."
    )
    metrics_dir: Path = Field(
        default=Path("/tmp/stratum-metrics"),  # noqa: S108 - a tmpfs of the container
        description="Where the worker's processes share their metrics; emptied at start.",
    )
    schedule_file: Path = Field(
        default=Path("/tmp/stratum-schedule"),  # noqa: S108 - the same
        description="Where the scheduler remembers what it sent last; also its sign of life.",
    )
    ingester_claim_after_seconds: float = Field(
        default=10.0,
        gt=0,
        description="After this an entry that another ingester read and left is taken over.",
    )
    canary_every_seconds: float = Field(
        default=30.0, gt=0, description="How often the scheduler sends its canary through the platform."
    )
    requeue_every_seconds: float = Field(
        default=10.0, gt=0, description="How often forgotten executions are sought."
    )
    requeue_after_seconds: float = Field(
        default=15.0, gt=0, description="Age at which a queued one is forgotten."
    )
    exporter_refresh_seconds: float = Field(
        default=5.0, gt=0, description="How often the Celery exporter looks."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - never read: one source of truth
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - our own reads named files
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Say where values come from, most important first."""
        return init_settings, SecretFiles(settings_cls), env_settings

    @model_validator(mode="after")
    def _production_is_careful(self) -> "Settings":
        if self.env == "production" and self.log_level == "DEBUG":
            raise ValueError("STRATUM_LOG_LEVEL=DEBUG is refused when STRATUM_ENV=production")
        if self.env == "production" and self.faults == "on":
            raise ValueError("STRATUM_FAULTS=on is refused when STRATUM_ENV=production")
        return self

    @cached_property
    def broker_url(self) -> str:
        """Address of Celery's broker, with its password."""
        credentials = (
            f"{quote(self.broker_username)}:{quote(self.broker_password.get_secret_value(), safe='')}@"
        )
        return f"redis://{credentials if self.broker_password else ''}{self.broker_host}:{self.broker_port}/0"

    @cached_property
    def seeded_keys(self) -> dict[str, str]:
        """API key of each tenant that the seed creates."""
        return {str(k): str(v) for k, v in json.loads(self.tenant_keys.get_secret_value()).items()}


def load_settings() -> Settings:
    """Read the environment; a wrong value ends the process with one line per mistake."""
    try:
        return Settings()
    except ValidationError as error:
        for mistake in error.errors(include_input=False, include_url=False):
            field = "_".join(str(part) for part in mistake["loc"]).upper()
            sys.stderr.write(f"settings: {_PREFIX + field + ': ' if field else ''}{mistake['msg']}\n")
    except ValueError as error:
        sys.stderr.write(f"settings: {error}\n")
    raise SystemExit(2)
