"""Starts pytest in half the time: a process that has imported what others wrote, and nothing of ours, forks for each run.

Eighty mutants each want a pytest of their own, over a copy of the tree, and most of its time went into importing the same
frameworks. The process runs this file by its path and without the checkout on its path: every module of the project
comes from the copy.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import signal
import sys
from subprocess import PIPE, Popen
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_OF_OTHERS = (
    *("pytest", "hypothesis", "yaml", "requests", "docker", "rich.console", "promql_parser", "structlog", "orjson"),
    *("fastapi.testclient", "sqlalchemy.ext.asyncio", "celery.app.base", "redis.asyncio", "sentry_sdk", "uvicorn"),
    *("opentelemetry.sdk.trace.export.in_memory_span_exporter", "prometheus_client", "prometheus_api_client"),
)  # fmt: skip
_idle: list[Nursery] = []


class Nursery:
    """One such process; it runs one pytest at a time."""

    def __init__(self) -> None:
        """Start it; it goes when its owner goes, since then nobody writes to it any more."""
        self._process = Popen(
            [sys.executable, "-I", __file__, *_OF_OTHERS],
            stdin=PIPE,
            stdout=PIPE,
            text=True,
            start_new_session=True,
        )

    def run(
        self, arguments: Sequence[str], cwd: Path, env: Mapping[str, str], born: Callable[[int], None]
    ) -> tuple[int, str]:
        """Run pytest in a folder, and return how it ended and what it printed.

        Args:
            arguments: For pytest.
            cwd: The copy of the tree.
            env: The whole environment.
            born: Told the process, which leads a group of its own, before it is waited for.
        """
        with TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
            where = f"/proc/{os.getpid()}/fd/{output.fileno()}"
            self._say({"arguments": list(arguments), "cwd": str(cwd), "env": dict(env), "output": where})
            born(self._hear())
            code = self._hear()
            output.seek(0)
            return code, output.read()

    def close(self) -> None:
        """End it."""
        self._process.communicate()

    def _say(self, request: Mapping[str, Any]) -> None:
        self._process.stdin.write(json.dumps(request) + "\n")  # type: ignore[union-attr]
        self._process.stdin.flush()  # type: ignore[union-attr]

    def _hear(self) -> int:
        line = self._process.stdout.readline()  # type: ignore[union-attr]
        if not line:
            raise RuntimeError("the process that forks for pytest is gone")
        return int(line)


def run(
    arguments: Sequence[str], cwd: Path, env: Mapping[str, str], born: Callable[[int], None]
) -> tuple[int, str]:
    """Run pytest in a fork of a process that waits for work, or of a new one."""
    try:
        nursery = _idle.pop()
    except IndexError:
        nursery = Nursery()
    try:
        ended = nursery.run(arguments, cwd, env, born)
    except BaseException:
        nursery.close()
        raise
    _idle.append(nursery)
    return ended


@atexit.register
def close() -> None:
    """End those that wait."""
    while _idle:
        _idle.pop().close()


def _serve(modules: Sequence[str]) -> None:
    for module in modules:
        importlib.import_module(module)
    _be_content_with_the_first_failure()
    gc.collect()
    gc.freeze()  # a child's collector would touch, and so copy, every page
    answers = os.dup(sys.stdout.fileno())
    for line in sys.stdin:
        child = os.fork()
        if not child:
            os.close(answers)
            _be_pytest(**json.loads(line))
        os.write(answers, f"{child}\n".encode())
        _, status = os.waitpid(child, 0)
        os.write(answers, f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _be_content_with_the_first_failure() -> None:
    from hypothesis import Phase, settings  # noqa: PLC0415 - not where this is imported from

    # whoever asks only whether a test fails has no use for the smallest example, which can take half a minute
    settings.register_profile("mutant", phases=(Phase.explicit, Phase.generate), database=None)
    settings.load_profile("mutant")


def _be_pytest(arguments: list[str], cwd: str, env: dict[str, str], output: str) -> None:
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    code = 2
    try:
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(env)
        sys.path.insert(0, cwd)
        sys.argv = ["pytest", *arguments]
        sys.dont_write_bytecode = True
        for number, target in ((0, os.open(os.devnull, os.O_RDONLY)), (1, os.open(output, os.O_WRONLY))):
            os.dup2(target, number)
        os.dup2(1, 2)
        import pytest  # noqa: PLC0415 - not where this is imported from

        code = int(pytest.main(arguments))
    finally:
        sys.stdout.flush()
        os._exit(code)  # not back into the loop that serves


if __name__ == "__main__":
    _serve(sys.argv[1:])
