"""What telemetry adds to a trivial Celery task: the same task in a bare worker and in one set up as ours.

`python -m inside.tasks NAME` is such a worker; `measure()` gives both the same messages in turns.
"""

import importlib
import sys
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import redis
from inside.addresses import DSN, LOAD_CORE, OTLP_HTTP, REDIS, SERVER_CORE, python, start
from inside.waiting import until

from sample_app.metrics_folder import prepare
from sample_app.settings import Settings

if TYPE_CHECKING:
    import subprocess

_TASK = "trivial"
_TASKS = 1_000
_STARTS = 3
_ROUNDS = 7  # fewer tasks than a child lives for
_BATCH_WITHIN = 20.0
_START_WITHIN = 30.0
_VARIANTS = ("bare", "instrumented")


def settings() -> Settings:
    """Return the worker's settings inside the container."""
    return Settings(
        service="bench-worker",
        broker_host="127.0.0.1",
        broker_port=REDIS,
        database_host="127.0.0.1",
        worker_concurrency=1,
        worker_metrics_port=9810,
        metrics_dir=Path("/tmp/bench-metrics"),  # noqa: S108 - a tmpfs of the container
        otlp_endpoint=OTLP_HTTP,
        sentry_dsn=DSN,
    )


def work(name: str) -> None:
    """Be one of the workers."""
    ours = settings()
    if name == "instrumented":
        prepare(ours.metrics_dir)
    queueing = importlib.import_module("sample_app.queueing")
    app = queueing.make_celery(ours)
    if name == "instrumented":
        _instrument(app, ours)
    else:
        app.task(name=_TASK)(_nothing)
    options = ["--quiet", "worker", "--pool=prefork", "--loglevel=WARNING", f"--queues={name}"]
    app.worker_main([*options, "--without-gossip", "--without-mingle", f"--hostname={name}@bench"])


def _nothing() -> None:
    """Be a trivial task."""


def _instrument(app: Any, ours: Settings) -> None:  # noqa: ANN401 - Celery has no types
    structlog = importlib.import_module("structlog")
    running = importlib.import_module("sample_app.telemetry.tasks").running
    counted = importlib.import_module("sample_app.telemetry.counted_task").CountedTask
    worker_process = importlib.import_module("sample_app.worker_process")
    worker_process.connect_signals(ours)
    log = structlog.get_logger()

    def trivial(task: Any) -> None:  # noqa: ANN401
        with running(worker_process.PROCESS.get().tracer, task.request):
            log.info("trivial_task_done")

    app.task(bind=True, name=_TASK, base=counted)(trivial)


def measure() -> tuple[float, dict[str, Any]]:
    """Return by what share of a bare task telemetry lengthens it: a median of rounds over several starts.

    Where a process's memory lies decides as much as a change of the code does, so one start is not enough.
    """
    client = redis.Redis(port=REDIS)
    server = start("redis-server", "--port", str(REDIS), "--save", "", "--dir", "/tmp", core=LOAD_CORE)  # noqa: S108
    starts: list[list[float]] = []
    bare_us: list[float] = []
    try:
        until(lambda: _answers(client), within=_START_WITHIN, what="the start of Redis")
        messages = {name: _messages(client, name) for name in _VARIANTS}
        for _ in range(_STARTS):
            rounds = _rounds(client, messages)
            starts.append([round(ours / bare - 1, 3) for bare, ours in rounds])
            bare_us += [bare / _TASKS * 1e6 for bare, _ours in rounds]
    finally:
        _stop(server)
    details = {"task overhead by start and round": starts, "bare task (us)": round(median(bare_us))}
    return median(share for rounds in starts for share in rounds), details


def _rounds(client: "redis.Redis", messages: dict[str, list[bytes]]) -> list[tuple[float, float]]:
    """Return what a batch took the bare worker and ours, in turns; both were started for this."""
    workers = [start(*python("inside.tasks", name), core=SERVER_CORE) for name in _VARIANTS]
    try:
        for name in _VARIANTS:
            _seconds(client, name, messages[name], within=_START_WITHIN)  # warm, and surely there
        return [
            (
                _seconds(client, "bare", messages["bare"]),
                _seconds(client, "instrumented", messages["instrumented"]),
            )
            for _ in range(_ROUNDS)
        ]
    finally:
        _stop(*workers)


def _stop(*processes: "subprocess.Popen[bytes]") -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait(timeout=20)


def _messages(client: "redis.Redis", name: str) -> list[bytes]:
    """Return the messages of one batch, as Celery writes them: each begins a trace, as the API's do."""
    from sample_app.queueing import make_celery  # noqa: PLC0415 - imports Celery

    app = make_celery(settings(), impatient=True)
    for i in range(_TASKS):
        headers = {"traceparent": f"00-{i + 1:032x}-{i + 1:016x}-01", "request_id": f"{i:032x}"}
        app.send_task(_TASK, queue=name, headers=headers, retry=False)
    listed: Any = client.lrange(name, 0, -1)
    client.delete(name)
    return list(listed)


def _seconds(
    client: "redis.Redis", name: str, messages: list[bytes], *, within: float = _BATCH_WITHIN
) -> float:
    started = time.perf_counter()
    client.lpush(name, *messages)
    until(lambda: client.llen(name) == 0 and client.hlen("unacked") == 0, within=within, what="the batch")
    return time.perf_counter() - started


def _answers(client: "redis.Redis") -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


if __name__ == "__main__":
    work(sys.argv[1])
