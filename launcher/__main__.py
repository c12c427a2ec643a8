"""The launcher's commands; the Makefile has one line for each."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import requests
from docker.errors import APIError, DockerException

from launcher import configs, containers, engine, footprint, images, loopback, production, report, up
from launcher.environment import ROOT, Environment
from launcher.problem import Problem
from launcher.processes import run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.canary import Evidence


_TARGETS_WITHIN = 45.0
"""Seconds: three scrape intervals."""


def _say(line: str) -> None:
    print(f"make: {line}", flush=True)  # noqa: T201 -- the person at the terminal


def _say_found(found: Evidence) -> None:
    _say(f"{found.signal} read back from {found.store} {found.seconds:.2f} s after it was sent")


def _up(environment: Environment, arguments: argparse.Namespace) -> int:
    # the test library is imported here: it needs what the launcher installs
    from harness import canary  # noqa: PLC0415
    from harness.eventually import Unmet, eventually  # noqa: PLC0415
    from harness.expectations import all_up  # noqa: PLC0415
    from harness.surroundings import Stores  # noqa: PLC0415

    watch = up.Watch()
    fresh = not _volumes(environment)
    prepared = up.prepare(environment, _say, pull=arguments.pull)
    up.start(environment, _say)

    def prove() -> list[Evidence]:
        evidence = canary.prove(environment, started_at=watch.started_at, progress=_say_found)
        # also the probe from outside of what has no healthcheck (containers.WITHOUT_HEALTHCHECK)
        eventually(Stores(environment).prometheus.targets(), all_up, within=_TARGETS_WITHIN)
        return evidence

    try:
        states, evidence = up.wait_until_proved(environment, watch, _say, prove)
    except (canary.NotProved, Unmet) as shortfall:
        raise Problem(str(shortfall), "`make ps` and `make logs S=...` show more") from shortfall
    report.show(environment, states, prepared, evidence, watch)
    report.record(environment, states, prepared, evidence, watch, fresh=fresh)
    return 0


def _images(environment: Environment, arguments: argparse.Namespace) -> int:
    environment = images.with_checkers(environment)
    up.prepare(environment, _say, pull=arguments.pull, starts=False)
    present = images.Present()
    for image in images.of_project(environment, profiles=["*"]):
        _say(f"{present.origin(image.name):8} {image.name}")
    return 0


def _down(environment: Environment, _: argparse.Namespace) -> int:
    up.refuse_anothers(environment)
    return _compose(environment, "--profile", "*", "down", "--remove-orphans")


def _clean(environment: Environment, _: argparse.Namespace) -> int:
    up.refuse_anothers(environment)
    code = _compose(environment, "--profile", "*", "down", "--remove-orphans", "--volumes")
    if code == 0:
        environment.forget()
        _say(
            f"deleted: the volumes of project {environment.project}, {environment.secrets}/, {environment.env_file}"
        )
    return code


def _ps(environment: Environment, _: argparse.Namespace) -> int:
    states = containers.of_project(environment.project, asking=True)
    if not states:
        _say("nothing is running: `make up`")
        return 1
    for service, state in sorted(states.items()):
        address = environment.address(*up.ADDRESSES[service]) if service in up.ADDRESSES else ""
        print(f"{service:24}{state!s:12}{address}")  # noqa: T201
    return 0 if all(state.is_ready for state in states.values()) else 1


def _logs(environment: Environment, arguments: argparse.Namespace) -> int:
    return _compose(environment, "logs", "--follow", "--tail", "100", *arguments.services)


def _reload(environment: Environment, _: argparse.Namespace) -> int:
    configs.check_all(environment, up.images_by_service(environment))
    for port in ("PROMETHEUS_PORT", "ALERTMANAGER_PORT"):
        with loopback.session() as here:
            answer = here.post(environment.address(port, "/-/reload"), timeout=30)
        if not answer.ok:
            raise Problem(
                f"{answer.url} refused: {answer.text.strip()}", "what runs is still the configuration before"
            )
        _say(f"reloaded {port.removesuffix('_PORT').lower()}")
    return 0


def _production(environment: Environment, arguments: argparse.Namespace) -> int:
    production.render(environment.root / "alertmanager", arguments.into)
    _say(f"wrote {arguments.into}: it notifies PagerDuty and Slack, with the secret files it is given")
    return 0


def _footprint(environment: Environment, arguments: argparse.Namespace) -> int:
    return 0 if footprint.measure(environment, idle=arguments.idle) else 1


def _engine(_environment: Environment, _: argparse.Namespace) -> int:
    engine.ensure(_say)
    return 0


def _compose(environment: Environment, *arguments: str) -> int:
    environment.prepare()
    return subprocess.run(environment.compose(*arguments), check=False).returncode


def _volumes(environment: Environment) -> list[str]:
    name = f"{environment.project}_postgres-data"
    try:
        return run(
            ["docker", "volume", "ls", "--quiet", f"--filter=name=^{name}$"], what="listing volumes"
        ).split()
    except Problem:  # no engine yet: no volumes
        return []


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; a `Problem` ends as one message and exit code 2."""
    parser = argparse.ArgumentParser(prog="python -m launcher", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(name: str, does: object, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(does=does)
        return sub

    for name, does, text in (
        ("up", _up, "start everything, and prove that it works"),
        ("images", _images, "pull or build every image"),
    ):
        command(name, does, text).add_argument(
            "--pull", action="store_true", help="ask the registries for what was built here, too"
        )
    command("engine", _engine, "install and start what Docker needs")
    command("down", _down, "stop everything, keep the data")
    command("clean", _clean, "stop everything, delete this project's volumes and secrets")
    command("ps", _ps, "show services, states and addresses")
    command("logs", _logs, "follow the logs").add_argument("services", nargs="*")
    command("reload", _reload, "let Prometheus and Alertmanager read their configuration again")
    command(
        "production", _production, "write the Alertmanager configuration that pages for real"
    ).add_argument(
        "--into", type=Path, default=ROOT / "build" / "production" / "alertmanager", metavar="FOLDER"
    )
    command("footprint", _footprint, "sum the memory of the idle stack").add_argument(
        "--idle", type=float, default=60, metavar="SECONDS"
    )
    chosen = parser.parse_args(arguments)
    sys.path.insert(0, str(ROOT / "tests"))
    try:
        code: int = chosen.does(Environment.development(Path(os.environ.get("STRATUM_ROOT", ROOT))), chosen)
    except Problem as problem:
        sys.stderr.write(f"\nmake: {problem}\n")
        return 2
    except APIError:  # it answers, and what it says is nobody's to guess at
        raise
    except (DockerException, requests.ConnectionError) as nobody:
        said = Problem(f"nothing answers: {nobody}", "`make up` starts the engine and the stack")
        sys.stderr.write(f"\nmake: {said}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("\nmake: stopped; what was started goes on (`make down` ends it)\n")
        return 130
    return code


if __name__ == "__main__":
    raise SystemExit(main())
