"""`python -m sample_app.api`: the public API and the internal port, in one process and one loop.

One process per container, so that exemplars survive; replicas to scale.
"""

import asyncio
import contextlib
import gc
import signal
import socket
import sys
from collections.abc import Iterator

import structlog
import uvicorn
import uvloop
from fastapi import FastAPI

from sample_app.application import make_internal_app, make_public_app
from sample_app.faults.actors import Faults
from sample_app.resources import Resources
from sample_app.settings import Settings, load_settings
from sample_app.stores import Platform
from sample_app.telemetry.errors import configure_errors
from sample_app.telemetry.logging import configure_logging
from sample_app.telemetry.tracing import flush, make_provider
from sample_app.telemetry.watch import Watch

_LOG = structlog.get_logger()
_GRACE_SECONDS = 5
_BACKLOG = 2048
_MAX_MESSAGE = 1024  # clients of the live feed have nothing to say


class _Server(uvicorn.Server):
    """A server that leaves signals to us: there are two in this process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def create_app(
    settings: Settings, *, platform: Platform, watch: Watch, faults: Faults | None = None
) -> FastAPI:
    """Return the public application on the stores given."""
    return make_public_app(settings, platform, watch, faults)


async def serve(settings: Settings) -> None:
    """Serve both ports until told to stop, then finish what was begun and send what was recorded."""
    provider = make_provider(settings)
    watch = Watch.with_tracer(provider.get_tracer("sample_app"))
    resources = Resources(settings, watch.tracer)
    public = create_app(settings, platform=resources.platform, watch=watch, faults=resources.faults)
    internal = make_internal_app(settings, resources.platform, watch)
    with (
        _listen(settings.bind_host, settings.public_port) as front,
        _listen(settings.bind_host, settings.internal_port) as back,
    ):
        servers = [_make_server(public), _make_server(internal)]
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        running = [
            asyncio.create_task(server.serve([listener]))
            for server, listener in zip(servers, (front, back), strict=True)
        ]
        resources.start(watch.platform)
        _settle_memory()
        _LOG.info("api_started", port=settings.public_port, internal_port=settings.internal_port)
        waiting = asyncio.create_task(stop.wait())
        await asyncio.wait({waiting, *running}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*running)
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


def _make_server(app: FastAPI) -> _Server:
    return _Server(
        uvicorn.Config(
            app,
            http="httptools",
            log_config=None,  # its records go where all go
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=_GRACE_SECONDS,
            h11_max_incomplete_event_size=None,
            ws_max_size=_MAX_MESSAGE,
            ws_per_message_deflate=False,  # costs memory for each connection, and the messages are short
        )
    )


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=_BACKLOG)
    except OSError as error:
        raise OSError(error.errno, f"{host}:{port}: {error.strerror}") from error


def _settle_memory() -> None:
    """Keep what lives for ever out of the collector's way: measured, it halves the latency's tail."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


if __name__ == "__main__":
    main()
