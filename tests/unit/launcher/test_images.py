"""When an image is built again, and where it is pulled from."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest
from launcher import images
from launcher.images import Image

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def image(tmp_path: Path) -> Image:
    (tmp_path / "context" / "src").mkdir(parents=True)
    (tmp_path / "context" / "src" / "main.py").write_text("print(1)\n")
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    build = {"context": str(tmp_path / "context"), "dockerfile": "../Dockerfile", "args": {"VERSION": "1"}}
    return Image("stratum/inbox:dev", "inbox", build)


def test_nothing_changed_nothing_to_build(image: Image) -> None:
    assert image.context_tag() == image.context_tag()


@pytest.mark.parametrize("changed", ["context/src/main.py", "Dockerfile"])
def test_a_changed_file_is_another_image(image: Image, tmp_path: Path, changed: str) -> None:
    before = image.context_tag()
    (tmp_path / changed).write_text("# changed\n")

    assert image.context_tag() != before


def test_a_changed_argument_is_another_image(image: Image) -> None:
    before = image.context_tag()
    assert image.build is not None
    image.build["args"]["VERSION"] = "2"

    assert image.context_tag() != before


def test_caches_are_no_change(image: Image, tmp_path: Path) -> None:
    before = image.context_tag()
    (tmp_path / "context" / "src" / "__pycache__").mkdir()
    (tmp_path / "context" / "src" / "__pycache__" / "main.cpython-313.pyc").write_bytes(b"x")

    assert image.context_tag() == before


@pytest.mark.parametrize(
    ("name", "registry"),
    [("redis:8.0", "docker.io"), ("prom/prometheus:v3.16.0", "docker.io"), ("quay.io/a/b:v1", "quay.io")],
)
def test_the_registry_is_the_one_docker_would_ask(name: str, registry: str) -> None:
    assert Image(name, "x", None).registry == registry


def test_what_is_saved_during_a_build_is_not_in_the_image(
    image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, remembered = image.context_tag(), []

    def build(*_: object, **__: object) -> SimpleNamespace:
        (tmp_path / "context" / "src" / "main.py").write_text("print(2)\n")
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(images.subprocess, "run", build)
    monkeypatch.setattr(images._Builds, "_remember", lambda _, __, tag: remembered.append(tag))
    environment = SimpleNamespace(root=tmp_path, compose=lambda *_: [])
    assert images._Builds(environment, [image], Mock())._build(image) is None  # type: ignore[arg-type]

    assert remembered == [before] != [image.context_tag()]
