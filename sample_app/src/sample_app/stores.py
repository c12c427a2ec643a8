"""What the routes stand on: made once per process, replaced by doubles in unit tests."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

from sample_app.analytics.dashboard import Analytics
from sample_app.campaigns.store import Campaigns
from sample_app.cdp.profiles import Profiles
from sample_app.cdp.segments import Segments
from sample_app.events.stream import EventStream
from sample_app.feed.hub import Feed
from sample_app.tenancy import TenantDirectory
from sample_app.trust.automations import Automations
from sample_app.trust.signals import Signals
from sample_app.trust.store import Executions, Publisher

Check = Callable[[], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Platform:
    """The stores and the queue behind the API."""

    tenants: TenantDirectory
    automations: Automations
    executions: Executions
    publisher: Publisher
    signals: Signals
    campaigns: Campaigns
    profiles: Profiles
    segments: Segments
    analytics: Analytics
    feed: Feed
    events: EventStream
    internal_key: str = ""
    ready: Mapping[str, Check] = field(default_factory=dict)
    """Checks that decide whether this process can serve."""
    detailed: Mapping[str, Check] = field(default_factory=dict)
    """Further checks, for the report only."""


def platform_of(connection: HTTPConnection) -> Platform:
    """Return what the application was made with."""
    return cast("Platform", connection.app.state.platform)


ThePlatform = Annotated[Platform, Depends(platform_of)]
