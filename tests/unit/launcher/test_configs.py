"""What was found good is remembered, and a memory that is not whole costs a look and nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from launcher import configs
from launcher.environment import Environment

if TYPE_CHECKING:
    from pathlib import Path

IMAGES = {one.service: "image" for one in configs.CHECKS}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which services' configurations were looked at."""
    services: list[str] = []
    monkeypatch.setattr(configs, "check", lambda one, *_: services.append(one.service))
    return services


@pytest.mark.parametrize("left", [None, "", '{"prometheus": '], ids=["nothing", "emptied", "half"])
def test_all_are_asked_once_whatever_was_left_of_the_memory(
    left: str | None, asked: list[str], tmp_path: Path
) -> None:
    environment = Environment.for_project("stratum-test-1", folder=tmp_path)
    memory = tmp_path / "configs-checked.json"
    if left is not None:
        memory.write_text(left)

    configs.check_all(environment, IMAGES)
    configs.check_all(environment, IMAGES)

    assert sorted(asked) == sorted(IMAGES)
    assert json.loads(memory.read_text()).keys() == IMAGES.keys()
