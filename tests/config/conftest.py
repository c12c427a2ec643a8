"""The Compose file as Compose itself reads it, and the images it names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from launcher import images as launcher_images
from launcher.environment import ROOT, Environment
from launcher.processes import run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """A project that is never started: settings and secrets of its own."""
    made = Environment.for_project("stratum-config", folder=tmp_path_factory.mktemp("config"))
    made.prepare()
    return made


@pytest.fixture(scope="session")
def compose(environment: Environment) -> dict[str, Any]:
    """`docker compose config` with every profile on."""
    return _read(environment)


@pytest.fixture(scope="session")
def services(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Each service's specification by its name."""
    return compose["services"]


@pytest.fixture(scope="session")
def images(services: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Each service's image by its name."""
    return {name: spec["image"] for name, spec in services.items()}


@pytest.fixture(scope="session")
def checkers(environment: Environment, services: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The programs that only check, by name; no stack runs them."""
    read = _read(launcher_images.with_checkers(environment))["services"]
    return {name: spec for name, spec in read.items() if name not in services}


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


def _read(environment: Environment) -> dict[str, Any]:
    printed = run(
        environment.compose("--profile", "*", "config", "--format", "json"), what="docker compose config"
    )
    return json.loads(printed)
