"""`make up`: from whatever is there to a stack that is *proved* ready.

Containers that say they are healthy are not enough: a canary goes through the real application and is read back from
every store before anybody is told "ready".
"""

from __future__ import annotations

import json
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from launcher import configs, containers, engine, images, preflight
from launcher.environment import read_settings
from launcher.problem import Problem
from launcher.processes import run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.canary import Evidence
    from launcher.containers import State
    from launcher.engine import Say
    from launcher.environment import Environment

_READY_WITHIN = 180.0
_LOOK_EVERY = 0.25
_HOME = "com.docker.compose.project.working_dir"
_REFUSED = "password authentication failed"  # PostgreSQL knows the passwords of its first start

ADDRESSES: dict[str, tuple[str, str]] = {
    "api": ("API_PORT", "/openapi.json"),
    "prometheus": ("PROMETHEUS_PORT", "/"),
    "alertmanager": ("ALERTMANAGER_PORT", "/"),
    "loki": ("LOKI_PORT", "/ready"),
    "jaeger": ("JAEGER_PORT", "/"),
    "grafana": ("GRAFANA_PORT", "/"),
    "errors": ("ERRORS_PORT", "/"),
    "inbox": ("INBOX_PORT", "/"),
    "otel-collector": ("OTLP_HTTP_PORT", ""),
}
"""What a person opens, by service."""


@dataclass(frozen=True)
class Prepared:
    """What `prepare` found and did."""

    origins: Mapping[str, str]
    """`pulled` or `built`, by service."""
    made_images: bool


class Watch:
    """Seconds since the start, and when each service became ready."""

    def __init__(self) -> None:
        self.started_at = time.time()
        self._start = time.monotonic()
        self.ready_after: dict[str, float] = {}

    def seconds(self) -> float:
        """Seconds since this watch was made."""
        return time.monotonic() - self._start


def prepare(environment: Environment, say: Say, *, pull: bool = False, starts: bool = True) -> Prepared:
    """Engine, images, settings, secrets, preflight: all that a start needs and that leaves nothing half-started.

    Args:
        environment: Which stack.
        say: Told what is done.
        pull: Whether to ask the registries for what was built here, too.
        starts: Whether it will be started: then it needs its memory and its ports.

    Raises:
        Problem: Something a person has to mend.
    """
    engine.ensure(say)
    made = environment.prepare()
    if made:
        say(f"made settings and secrets: {environment.env_file}, {environment.secrets}/ ({len(made)} new)")
    if starts:
        refuse_anothers(environment)
        _check_room(environment)
    present = images.Present()
    needs_build = any(
        present.origin(image.name) == "missing" and image.build for image in images.of_project(environment)
    )
    preflight.check_disk(needed=preflight.DISK_NEEDED_TO_BUILD if needs_build else preflight.DISK_NEEDED)
    left_out = images.ensure(environment, say, pull=pull)
    _leave_out_what_cannot_be_had(environment, left_out, asked=pull, say=say)
    by_service = images_by_service(environment)
    configs.check_all(environment, by_service)
    present = images.Present()
    return Prepared({service: present.origin(image) for service, image in by_service.items()}, needs_build)


def _check_room(environment: Environment) -> None:
    running = containers.of_project(environment.project)
    if not running:
        preflight.check_memory()
    optional = set() if read_settings(environment.env_file).get("COMPOSE_PROFILES") else {"GRAFANA_PORT"}
    ports = {name: port for name, port in environment.ports.items() if name not in optional}
    # a port that this project publishes already is its own
    preflight.check_ports(ports, ours=_published(running))


def refuse_anothers(environment: Environment) -> None:
    """Leave alone what another checkout runs under the same project's name.

    Raises:
        Problem: Names it, and says how to be told apart.
    """
    for one in containers.every_one(environment.project):
        home = one.container.labels.get(_HOME)
        if home and Path(home).resolve() != environment.root.resolve():
            moved = (
                f"was it moved here? `docker compose --project-name {environment.project} --profile '*' down` "
                "keeps its data; then mend STRATUM_SECRETS in .env"
            )
            another = (
                "go there; or give this one another name and other ports: COMPOSE_PROJECT_NAME=... in .env"
            )
            raise Problem(
                f"project {environment.project} was started from {home}",
                another if Path(home).exists() else moved,
            )


def start(environment: Environment, say: Say) -> None:
    """Create and start what is not running as it should be; nothing is done where nothing has changed.

    Raises:
        Problem: Compose could not start it.
    """
    if is_current(environment):
        say("already running as configured: nothing to start")
        return
    say("starting the containers")
    command = environment.compose(
        "up", "--detach", "--remove-orphans", "--no-build", "--pull", "never", "--quiet-pull"
    )
    try:
        run(command, what="starting the containers", within=_READY_WITHIN)
    except Problem as problem:
        failed = [state for state in containers.of_project(environment.project).values() if state.has_failed]
        raise _failure(environment, failed) if failed else problem from problem


def is_current(environment: Environment) -> bool:
    """Whether every service runs (or has ended well) with the configuration that docker-compose.yml has now."""
    printed = run(environment.compose("config", "--hash", "*"), what="reading docker-compose.yml")
    wanted = dict(line.split() for line in printed.splitlines() if line.strip())
    found, present = containers.of_project(environment.project), images.Present()
    return set(wanted) <= set(found) and all(
        state.is_ready
        and state.container.labels.get(containers.CONFIG_HASH) == wanted.get(service)
        and state.image_id == present.identity(state.image)
        for service, state in found.items()
        if service in wanted
    )


def wait_until_proved(
    environment: Environment, watch: Watch, say: Say, prove: Callable[[], list[Evidence]]
) -> tuple[dict[str, State], list[Evidence]]:
    """Wait for every container's health, with the canary already on its way.

    Args:
        environment: Which stack.
        watch: Gets the moment each service became ready.
        say: Told what becomes ready.
        prove: Sends the canary and reads it back.

    Raises:
        Problem: A container failed, or was not healthy in time.
    """
    # from here, not from the start of the command: images may have been built for a quarter of an hour before
    deadline = watch.seconds() + _READY_WITHIN
    with ThreadPoolExecutor(max_workers=1) as pool:
        canary: Future[list[Evidence]] = pool.submit(prove)
        while True:
            found = containers.of_project(environment.project, asking=True)
            for service, state in found.items():
                if state.is_ready and service not in watch.ready_after:
                    watch.ready_after[service] = watch.seconds()
            failed = [state for state in found.values() if state.has_failed]
            waiting = [state for state in found.values() if not state.is_ready]
            if failed:
                canary.cancel()
                raise _failure(environment, failed)
            if not waiting:
                break
            if watch.seconds() > deadline:
                raise _failure(environment, waiting)
            time.sleep(_LOOK_EVERY)
        say(f"all {len(found)} containers are healthy after {watch.seconds():.1f} s; waiting for the canary")
        return found, canary.result()


def _failure(environment: Environment, states: list[State]) -> Problem:
    parts = []
    for state in states:
        lines = "\n".join(f"    {line}" for line in containers.last_lines(state).splitlines())
        parts.append(f"{state.service} is {state}; its last lines:\n{lines}")
    what = "\n".join(parts)
    if _REFUSED in what:
        return Problem(
            what,
            f"the volumes of project {environment.project} were made with other secrets, perhaps by another checkout: "
            f"put its secrets/ and .env here, or let `make clean` delete both volumes and {environment.secrets}/",
        )
    return Problem(what, f"`make logs S={states[0].service}` shows more; project {environment.project}")


def _published(running: Mapping[str, State]) -> set[int]:
    ports = set()
    for state in running.values():
        if state.status == "running":
            for bindings in (state.container.attrs["NetworkSettings"]["Ports"] or {}).values():
                ports |= {int(binding["HostPort"]) for binding in bindings or []}
    return ports


def images_by_service(environment: Environment) -> dict[str, str]:
    """Which image each service of the chosen profiles runs."""
    printed = run(environment.compose("config", "--format", "json"), what="reading docker-compose.yml")
    return {service: spec["image"] for service, spec in json.loads(printed)["services"].items()}


def _leave_out_what_cannot_be_had(
    environment: Environment, left_out: list[images.Image], *, asked: bool, say: Say
) -> None:
    """Grafana cannot be built from packages: without its image its profile is switched off, in plain sight."""
    on = bool(read_settings(environment.env_file).get("COMPOSE_PROFILES"))
    if left_out:
        say(
            f"WARNING: {left_out[0].service} is left out: its image cannot be pulled here nor built from packages"
        )
        environment.change_setting("COMPOSE_PROFILES", "")
    elif asked and not on:
        environment.change_setting("COMPOSE_PROFILES", "grafana")
        on = True
    if not on or left_out:
        say(
            "without grafana; its panels' queries are tested all the same. `make images PULL=1` asks for it again"
        )
