"""`python -m sample_app.ad_platforms`: the stand-in, as a process of its own."""

import asyncio

import structlog
import uvloop

from sample_app import redis_clients
from sample_app.ad_platforms.application import make_app
from sample_app.faults.switchboard import AsyncSwitchboard
from sample_app.serving import serve_until_told
from sample_app.settings import Settings, load_settings
from sample_app.telemetry.errors import configure_errors
from sample_app.telemetry.logging import configure_logging
from sample_app.telemetry.tracing import flush, make_provider
from sample_app.telemetry.watch import Watch

_LOG = structlog.get_logger()


async def serve(settings: Settings) -> None:
    """Answer until told to stop."""
    provider = make_provider(settings)
    watch = Watch.with_tracer(provider.get_tracer("sample_app"))
    switchboard = AsyncSwitchboard(redis_clients.async_broker(settings))
    watching = asyncio.create_task(switchboard.watch()) if settings.faults == "on" else None
    _LOG.info("ad_platforms_started", port=settings.ad_platforms_port)
    await serve_until_told(
        settings.bind_host, {settings.ad_platforms_port: make_app(settings.release, watch, switchboard)}
    )
    if watching is not None:
        watching.cancel()
    flush(provider)


def main() -> None:
    """Run the process."""
    settings = load_settings()
    configure_logging(settings)
    configure_errors(settings)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings))


if __name__ == "__main__":
    main()
