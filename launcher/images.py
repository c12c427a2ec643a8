"""Every image the stack needs: pulled where a registry answers, built from packages where none does (ADR-0001).

An image that we built is built again when what it is built from has changed: the hash of its build context is a second
tag on it, so the engine itself remembers, for every checkout on the machine.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker

from launcher import base_image
from launcher.problem import Problem
from launcher.processes import run, succeeds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from launcher.engine import Say
    from launcher.environment import Environment

CHECKERS = Path("images") / "checkers.yml"
"""The Compose file of the programs that only check; `make up` does without them."""

_OURS = "stratum/"
_CONTEXT_TAG = "stratum-context"
_PULL_WITHIN = 900.0
_HEARTBEAT = 30.0

_SECONDS = {
    "loki": 600, "jaeger": 460, "prometheus": 260, "otel-collector": 160, "sloth": 130, "pint": 90, "alertmanager": 70, "api": 40, "errors": 35,
    "postgres-exporter": 25, "volumes-exporter": 25, "postgres": 20, "inbox": 20, "redis-broker-exporter": 15, "redis": 5,
}  # fmt: skip
"""Seconds each build took from empty caches, two at a time on two cores; only for the estimate that is shown."""


@dataclass(frozen=True)
class Image:
    """One image of the project, and the service that says how to build it."""

    name: str
    service: str
    build: dict[str, Any] | None = field(repr=False)

    @property
    def is_ours(self) -> bool:
        """No registry has it."""
        return self.name.startswith(_OURS)

    @property
    def registry(self) -> str:
        """Where it is pulled from."""
        first = self.name.split("/")[0]
        return first if "." in first and "/" in self.name else "docker.io"

    def context_tag(self) -> str:
        """A tag that changes with every file the image is built from."""
        assert self.build is not None  # noqa: S101 -- only asked of images that can be built
        context = Path(self.build["context"])
        dockerfile = context / self.build.get("dockerfile", "Dockerfile")
        digest = sha256(dockerfile.read_bytes())
        digest.update(json.dumps(self.build.get("args", {}), sort_keys=True).encode())
        ignored = ("__pycache__", ".pyc")
        for path in sorted(
            p for p in context.rglob("*") if p.is_file() and not any(i in str(p) for i in ignored)
        ):
            digest.update(str(path.relative_to(context)).encode())
            digest.update(path.read_bytes())
        return f"{_CONTEXT_TAG}:{self.service}-{digest.hexdigest()[:16]}"


def with_checkers(environment: Environment) -> Environment:
    """The same stack, and the programs that only check."""
    return replace(environment, more_files=(*environment.more_files, environment.root / CHECKERS))


def of_project(environment: Environment, *, profiles: Sequence[str] = ()) -> list[Image]:
    """The project's images, each once, as the Compose file declares them."""
    options = [word for profile in profiles for word in ("--profile", profile)]
    printed = run(
        environment.compose(*options, "config", "--format", "json"),
        what="reading docker-compose.yml",
        remedy="`docker compose config` shows where it is wrong",
    )
    services = json.loads(printed)["services"]
    found: dict[str, Image] = {}
    for service, spec in services.items():
        if spec["image"] not in found and spec["image"] != base_image.NAME:
            found[spec["image"]] = Image(spec["image"], service, spec.get("build"))
    return list(found.values())


class Present:
    """The images on this machine, asked for once: thirteen look-ups by command would take two seconds."""

    def __init__(self) -> None:
        listed = docker.from_env().images.list()
        self._by_tag = {tag: image for image in listed for tag in image.tags}

    def origin(self, name: str) -> str:
        """How an image came to this machine: `built`, `pulled` or `missing`."""
        if name not in self._by_tag:
            return "missing"
        vendor = self._by_tag[name].labels.get("org.opencontainers.image.vendor")
        return "built" if vendor == base_image.BUILT_HERE else "pulled"

    def identity(self, name: str) -> str:
        """The id behind an image's name; empty if this machine does not have it."""
        image = self._by_tag.get(name)
        return str(image.id) if image else ""

    def is_current(self, image: Image) -> bool:
        """Whether the image was pulled, or built from what its context holds now."""
        if self.origin(image.name) != "built" or image.build is None:
            return self.origin(image.name) == "pulled"
        return self.identity(image.context_tag()) == self.identity(image.name)


def ensure(environment: Environment, say: Say, *, pull: bool = False) -> list[Image]:
    """Have every image on this machine.

    Args:
        environment: Which project.
        say: Told what happens, line by line.
        pull: Ask the registries also for what was built here, and take theirs where they answer.

    Returns:
        The images that could not be had and can be done without (Grafana's).

    Raises:
        Problem: An image can be neither pulled nor built.
    """
    present = Present()
    silent: set[str] = set()  # registries that did not answer: not asked twice
    to_build: list[Image] = []
    left_out: list[Image] = []
    for image in of_project(environment, profiles=["*"] if pull else []):
        origin, current = present.origin(image.name), present.is_current(image)
        ask = not image.is_ours and (origin == "missing" or (pull and origin == "built"))
        if (current and not ask) or (ask and _pulled(image, silent, say)) or current:
            continue
        (to_build if image.build else left_out).append(image)
    if to_build:
        if present.origin(base_image.NAME) == "missing" and not _pulled(
            Image(base_image.NAME, "base", None), silent, say
        ):
            base_image.make(say)
        _Builds(environment, to_build, say).run()
    return left_out


def _pulled(image: Image, silent: set[str], say: Say) -> bool:
    if image.registry in silent:
        return False
    say(f"pulling {image.name}")
    if succeeds(["docker", "pull", "--quiet", image.name], within=_PULL_WITHIN):
        return True
    silent.add(image.registry)
    say(f"{image.registry} does not answer or does not have it: what can be built from packages is built")
    return False


class _Builds:
    """Two builds at a time, the longest first, with a line for each start and end and a heartbeat between."""

    def __init__(self, environment: Environment, images: list[Image], say: Say) -> None:
        self._environment, self._say = environment, say
        self._images = sorted(images, key=lambda image: -_SECONDS.get(image.service, 60))
        self._running: dict[str, float] = {}
        self._done = 0
        self._started = time.monotonic()
        self._finished = threading.Event()

    def run(self) -> None:
        work = sum(_SECONDS.get(image.service, 60) for image in self._images) / 2
        names = ", ".join(image.service for image in self._images)
        self._say(f"building {len(self._images)} images from packages: {names}")
        self._say(
            f"from empty caches on two cores this takes about {work / 60:.0f} min; with warm ones, seconds"
        )
        heart = threading.Thread(target=self._beat, daemon=True)
        heart.start()
        try:
            # the first build also makes the stage that the other Go programs share
            with ThreadPoolExecutor(max_workers=2) as pool:
                for failure in pool.map(self._build, self._images):
                    if failure:
                        raise failure
        finally:
            self._finished.set()

    def _beat(self) -> None:
        while not self._finished.wait(_HEARTBEAT):
            now = time.monotonic()
            lines = [
                f"{name} ({now - since:.0f} s of about {_SECONDS.get(name, 60)})"
                for name, since in list(self._running.items())
            ]
            self._say(
                f"{(now - self._started) / 60:.1f} min, {self._done} of {len(self._images)} done; building {', '.join(lines)}"
            )

    def _build(self, image: Image) -> Problem | None:
        started = time.monotonic()
        self._running[image.service] = started
        log = self._environment.root / "build" / "logs" / f"image-{image.service}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        tag = image.context_tag()  # before: what somebody saves meanwhile is not in the image
        command = self._environment.compose("--progress", "plain", "build", image.service)
        with log.open("wb") as file:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, check=False)
        self._running.pop(image.service)
        self._done += 1
        if done.returncode:
            tail = "\n".join(f"    {line}" for line in log.read_text(errors="replace").splitlines()[-12:])
            return Problem(
                f"building {image.name} failed; the last lines of {log}:\n{tail}",
                "are the package registries (Debian, Go modules, PyPI) reachable? `make up` goes on where it stopped",
            )
        self._remember(image, tag)
        self._say(f"built {image.name} in {time.monotonic() - started:.0f} s")
        return None

    def _remember(self, image: Image, tag: str) -> None:
        """Tag the image with the hash of its context, and drop the tags of earlier contexts."""
        listed = [
            "docker",
            "image",
            "ls",
            "--format",
            "{{.Repository}}:{{.Tag}}",
            f"--filter=reference={_CONTEXT_TAG}:{image.service}-*",
        ]
        # "redis-*" also matches "redis-exporter-...": the hash has 16 digits and no dash
        prefix = f"{_CONTEXT_TAG}:{image.service}-"
        for old in run(listed, what="listing images").split():
            if old != tag and "-" not in old.removeprefix(prefix):
                succeeds(
                    ["docker", "image", "rm", "--force", old]
                )  # a container may still run it: it goes next time
        run(["docker", "tag", image.name, tag], what=f"tagging {image.name}")
