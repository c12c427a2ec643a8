"""`python -m sample_app.api`: the public API and the internal port, in one process and one loop.

One process per container, so that exemplars survive; replicas to scale.
"""

import asyncio
import sys

import structlog
import uvloop
from fastapi import FastAPI

from sample_app.application import make_internal_app, make_public_app
from sample_app.faults.actors import Faults
from sample_app.resources import Resources
from sample_app.serving import serve_until_told
from sample_app.settings import Settings, load_settings
from sample_app.stores import Platform
from sample_app.telemetry.errors import configure_errors
from sample_app.telemetry.logging import configure_logging
from sample_app.telemetry.tracing import flush, make_provider
from sample_app.telemetry.vitals import BuildInfo
from sample_app.telemetry.watch import Watch

_LOG = structlog.get_logger()


def create_app(
    settings: Settings, *, platform: Platform, watch: Watch, faults: Faults | None = None
) -> FastAPI:
    """Return the public application on the stores given."""
    return make_public_app(settings, platform, watch, faults)


async def serve(settings: Settings) -> None:
    """Serve both ports until told to stop, then send what was recorded."""
    provider = make_provider(settings)
    watch = Watch.with_tracer(provider.get_tracer("sample_app"))
    watch.registry.register(BuildInfo(settings.release))
    resources = Resources(settings, watch)
    public = create_app(settings, platform=resources.platform, watch=watch, faults=resources.faults)
    internal = make_internal_app(settings, resources.platform, watch)
    resources.start()
    _LOG.info("api_started", port=settings.public_port, internal_port=settings.internal_port)
    await serve_until_told(
        settings.bind_host, {settings.public_port: public, settings.internal_port: internal}
    )
    await resources.close()
    flush(provider)
    _LOG.info("api_stopped")


def main() -> None:
    """Run the process."""
    settings = load_settings()
    configure_logging(settings)
    configure_errors(settings)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(settings))
    except OSError as error:
        _LOG.error("api_cannot_listen", cause=str(error))
        sys.exit(1)


if __name__ == "__main__":
    main()
