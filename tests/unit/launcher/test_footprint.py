"""The footprint is a sum over every container, replicas too; the table has a row a service."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from launcher import footprint

if TYPE_CHECKING:
    from pathlib import Path

MIB = 2**20


def container(service: str, mib: int, status: str = "running") -> SimpleNamespace:
    return SimpleNamespace(service=service, status=status, container=mib * MIB)


@pytest.mark.parametrize(("size", "fits"), [(1000, True), (1050, False)])
def test_replicas_are_summed(size: int, fits: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001
    states = [container("worker", size), container("worker", 1000), container("migrate", 500, "exited")]
    monkeypatch.setattr(footprint.containers, "every_one", lambda _: states)
    monkeypatch.setattr(footprint.containers, "anon_memory", lambda held: held)

    assert footprint.measure(SimpleNamespace(project="p", folder=tmp_path), idle=0) is fits
    written = json.loads((tmp_path / "footprint.json").read_text())
    assert written["services"] == {"worker": 1000.0 + size}
