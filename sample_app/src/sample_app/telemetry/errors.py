"""Error events: what nobody expected, once each, with the ids that lead to its trace and its lines.

Any tracker that speaks Sentry's protocol will do. The SDK's automatic integrations are off: they halve throughput.
"""

import contextlib
from typing import Any, cast

import sentry_sdk
import structlog
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.integrations.dedupe import DedupeIntegration
from sentry_sdk.integrations.excepthook import ExcepthookIntegration
from sentry_sdk.transport import Transport
from sentry_sdk.types import Event, Hint
from sentry_sdk.utils import BadDsn

from sample_app.settings import Settings
from sample_app.telemetry.context import SERVING
from sample_app.telemetry.redaction import redact

_LOG = structlog.get_logger()
_SHUTDOWN_SECONDS = 1.0


def configure_errors(settings: Settings, transport: Transport | None = None) -> None:
    """Report to the tracker that the settings name; without one, report nothing."""
    dsn = settings.sentry_dsn.get_secret_value()
    try:
        sentry_sdk.init(
            dsn=dsn or None,
            transport=transport,
            release=settings.release,
            environment=settings.env,
            default_integrations=False,
            auto_enabling_integrations=False,
            # the SDK's own wait at exit is silent here: its message would be a line that is not JSON
            integrations=[ExcepthookIntegration(), AtexitIntegration(lambda *_: None), DedupeIntegration()],
            auto_session_tracking=False,
            send_client_reports=False,
            include_local_variables=False,  # locals hold keys and bodies
            max_breadcrumbs=0,
            shutdown_timeout=_SHUTDOWN_SECONDS,
            before_send=_before_send,
        )
    except BadDsn:
        _LOG.warning("error_tracker_address_invalid")
        return
    sentry_sdk.set_tag("service", settings.service)


def report(error: BaseException, *, endpoint: str | None = None) -> None:
    """Report one unexpected exception; the tracker being away harms nobody."""
    serving = SERVING.get()
    with contextlib.suppress(Exception), sentry_sdk.new_scope() as scope:
        if serving is not None:
            for key in ("trace_id", "request_id", "tenant_id"):
                if (value := getattr(serving, key)) is not None:
                    scope.set_tag(key, value)
        if endpoint is not None:
            scope.set_tag("endpoint", endpoint)
        sentry_sdk.capture_exception(error)


def flush_errors() -> None:
    """Send what is waiting, for a second and no longer; for pool processes, which end without atexit."""
    with contextlib.suppress(Exception):
        sentry_sdk.flush(timeout=_SHUTDOWN_SECONDS)


def _before_send(event: Event, _hint: Hint) -> Event | None:
    tags = event.pop("tags", None)  # ids of ours, checked where they were made
    cleaned: dict[str, Any] = redact(event)
    if tags is not None:
        cleaned["tags"] = tags
        if "trace_id" in tags:  # in place of one that the SDK makes up
            cleaned.setdefault("contexts", {}).setdefault("trace", {})["trace_id"] = tags["trace_id"]
    return cast("Event", cleaned)
