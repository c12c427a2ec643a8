"""Clean up after private stacks: this run's own, and those of runs that died.

Only projects named `stratum-test-<hex>` are ever touched, only those of this checkout, and never one whose owner still lives.
testcontainers' own reaper is a container whose image this machine may not be able to pull.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import docker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from docker.models.networks import Network

T = TypeVar("T")

_LOG = logging.getLogger(__name__)

PROJECT = "com.docker.compose.project"
_CHECKOUT = "com.docker.compose.project.working_dir"
_NAME = re.compile(r"stratum-test-[0-9a-f]{8}")
_OWNER_FILE = "owner.json"
_STARTED_FIELD = 19  # of /proc/<pid>/stat, counted after the program's name
ONE_OFF = "com.docker.compose.oneoff"
"""The label by which Compose leaves a container out of `ps` and `up`; with PROJECT it is swept all the same."""


@dataclass(frozen=True)
class Owner:
    """The process a private stack belongs to; its start tells it from a later one of the same number."""

    pid: int
    started: str

    @classmethod
    def current(cls) -> Owner:
        """This process."""
        return cls(os.getpid(), started(os.getpid()) or "")

    @property
    def lives(self) -> bool:
        """Whether that very process still runs."""
        return bool(self.started) and started(self.pid) == self.started


def started(pid: int) -> str | None:
    """Return when a process started, in the kernel's ticks; None if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return stat.rpartition(")")[2].split()[_STARTED_FIELD]


def claim(stacks: Path, project: str) -> Path:
    """Make a stack's folder, owned by this process from the first moment it can be seen."""
    stacks.mkdir(parents=True, exist_ok=True)
    hidden = Path(tempfile.mkdtemp(prefix=".claim-", dir=stacks))
    (hidden / _OWNER_FILE).write_text(json.dumps(asdict(Owner.current())))
    hidden.chmod(0o755)
    return hidden.rename(stacks / project)


def owner_of(folder: Path) -> Owner | None:
    """Return who owns a stack's folder; None if nobody does."""
    try:
        return Owner(**json.loads((folder / _OWNER_FILE).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def leftovers(
    found: Mapping[str, str | None],
    stacks: Path,
    *,
    lives: Callable[[Owner], bool] = lambda owner: owner.lives,
) -> list[str]:
    """Choose the projects to sweep.

    Args:
        found: Projects the engine knows, each with the checkout it was started from (None: unknown).
        stacks: Where this checkout keeps the folders of its private stacks.
        lives: Whether an owner still runs.
    """
    root = str(stacks.parent.parent)
    folders = {path.name for path in stacks.iterdir()} if stacks.is_dir() else set()
    ours = {name for name, checkout in found.items() if checkout == root} | folders
    owners = {name: owner_of(stacks / name) for name in ours if _NAME.fullmatch(name)}
    return sorted(name for name, owner in owners.items() if owner is None or not lives(owner))


def sweep(stacks: Path) -> list[str]:
    """Remove what dead runs of this checkout left, and return their projects."""
    client = docker.from_env()
    try:
        dead = leftovers(_projects(client), stacks)
    finally:
        client.close()
    for project in dead:
        remove(project)
        shutil.rmtree(stacks / project, ignore_errors=True)
    return dead


def remove(project: str) -> None:
    """Remove a private project's containers, networks and volumes, at once."""
    if not _NAME.fullmatch(project):
        raise ValueError(f"{project} is not a private test stack; it is left alone")
    client = docker.from_env()
    chosen: dict[str, str | list[str] | bool] = {"label": f"{PROJECT}={project}"}
    try:
        _each(client.containers.list(all=True, filters=chosen), lambda one: one.remove(force=True, v=True))
        _each(client.networks.list(filters=chosen), _let_go)
        _each(client.volumes.list(filters=chosen), lambda one: one.remove(force=True))
    finally:
        client.close()


def _projects(client: docker.DockerClient) -> dict[str, str | None]:
    """Return every project with anything left: a volume outlives its containers, and knows no checkout."""
    every: dict[str, str | list[str] | bool] = {"label": PROJECT}
    found: dict[str, str | None] = {}
    for volume in client.volumes.list(filters=every):
        found[(volume.attrs.get("Labels") or {})[PROJECT]] = None
    for container in client.containers.list(all=True, filters=every, ignore_removed=True):
        found[container.labels[PROJECT]] = container.labels.get(_CHECKOUT)
    return found


def _let_go(network: Network) -> None:
    try:
        network.remove()
    except docker.errors.NotFound:
        raise
    except docker.errors.APIError as error:
        # until it restarts, an engine that was short of processor may believe in endpoints of containers that are gone
        _LOG.warning("the network %s stays until the engine restarts: %s", network.name, error.explanation)


def _each(things: Iterable[T], act: Callable[[T], object]) -> None:
    def forgiving(thing: T) -> None:
        with suppress(docker.errors.NotFound):  # gone already is what was wanted
            act(thing)

    with ThreadPoolExecutor(max_workers=8) as several:
        list(several.map(forgiving, things))
