"""What the routes stand on: made once per process, replaced by doubles in unit tests."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

from fastapi import Request

from sample_app.tenancy import TenantDirectory
from sample_app.trust.store import Executions, Publisher

Check = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Platform:
    """The stores and the queue behind the API."""

    tenants: TenantDirectory
    executions: Executions
    publisher: Publisher
    internal_key: str = ""
    ready: Mapping[str, Check] = field(default_factory=dict)
    """Checks that decide whether this process can serve."""
    detailed: Mapping[str, Check] = field(default_factory=dict)
    """Further checks, for the report only."""


def platform_of(request: Request) -> Platform:
    """Return what the application was made with."""
    return cast("Platform", request.app.state.platform)
