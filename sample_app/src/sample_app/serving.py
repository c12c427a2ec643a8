"""Serves one or more applications in one process and one loop, until told to stop."""

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Iterator, Mapping

import uvicorn
from fastapi import FastAPI

_GRACE_SECONDS = 5
_BACKLOG = 2048
_MAX_MESSAGE = 1024  # clients of the live feed have nothing to say


class _Server(uvicorn.Server):
    """A server that leaves signals to us: there may be two in a process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve_until_told(host: str, applications: Mapping[int, FastAPI]) -> None:
    """Serve each application on its port until SIGTERM or SIGINT, then finish what was begun.

    Raises:
        OSError: A port cannot be listened on; the message names it.
    """
    with contextlib.ExitStack() as listening:
        listeners = [listening.enter_context(_listen(host, port)) for port in applications]
        servers = [_make_server(app) for app in applications.values()]
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        running = [
            asyncio.create_task(server.serve([listener]))
            for server, listener in zip(servers, listeners, strict=True)
        ]
        _settle_memory()
        waiting = asyncio.create_task(stop.wait())
        await asyncio.wait({waiting, *running}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*running)


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
