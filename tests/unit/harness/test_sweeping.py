"""Which leftovers are swept, and which are somebody's."""

import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest
from docker.errors import APIError

from harness import sweeping
from harness.sweeping import Owner

DEAD, LIVING, UNOWNED, FOREIGN = (f"stratum-test-{digit * 8}" for digit in "0123")


@pytest.fixture
def stacks(tmp_path: Path) -> Path:
    """A checkout's folder of stacks: one of a dead run, one of a living one."""
    folder = tmp_path / "build" / "stacks"
    for project, owner in ((DEAD, Owner(1, "long ago")), (LIVING, Owner.current())):
        sweeping.claim(folder, project)
        (folder / project / "owner.json").write_text(f'{{"pid": {owner.pid}, "started": "{owner.started}"}}')
    return folder


def test_what_a_dead_run_left_is_swept(stacks: Path) -> None:
    assert sweeping.leftovers({DEAD: None}, stacks) == [DEAD]


def test_a_folder_without_containers_is_swept_too(stacks: Path) -> None:
    assert sweeping.leftovers({}, stacks) == [DEAD]


def test_a_stack_whose_owner_lives_is_left_alone(stacks: Path) -> None:
    assert LIVING not in sweeping.leftovers({LIVING: str(stacks.parent.parent)}, stacks)


def test_a_stack_of_this_checkout_that_nobody_owns_is_swept(stacks: Path) -> None:
    assert UNOWNED in sweeping.leftovers({UNOWNED: str(stacks.parent.parent)}, stacks)


def test_a_stack_of_another_checkout_is_left_alone(stacks: Path) -> None:
    assert FOREIGN not in sweeping.leftovers({FOREIGN: "/somewhere/else", UNOWNED: None}, stacks)


@pytest.mark.parametrize("project", ["stratum", "stratum-test-", "stratum-test-x", "other", f"{DEAD}0"])
def test_other_projects_are_never_touched(stacks: Path, project: str) -> None:
    assert project not in sweeping.leftovers({project: str(stacks.parent.parent)}, stacks)
    with pytest.raises(ValueError, match="not a private test stack"):
        sweeping.remove(project)


def test_a_claimed_folder_is_owned_from_the_first(tmp_path: Path) -> None:
    folder = sweeping.claim(tmp_path, DEAD)
    assert sweeping.owner_of(folder) == Owner.current()
    assert sweeping.owner_of(folder).lives
    assert [path.name for path in tmp_path.iterdir()] == [DEAD]


def test_an_owner_that_ended_does_not_live() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        owner = Owner(process.pid, sweeping.started(process.pid) or "")
        assert owner.lives
        process.communicate(b"\n")
    assert not owner.lives


def test_a_later_process_of_the_same_number_is_not_the_owner() -> None:
    assert not Owner(os.getpid(), "another start").lives


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}', '{"pid": 1, "started": "x", "more": 1}'])
def test_an_unreadable_owner_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "owner.json").write_text(content)
    assert sweeping.owner_of(tmp_path) is None


def test_a_network_that_the_engine_holds_on_to_is_named_and_ends_no_run(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = Mock()
    held, free = Mock(), Mock()
    held.name = "stratum-test-00000000_default"
    held.remove.side_effect = APIError("403", explanation="has active endpoints")
    client.networks.list.return_value = [held, free]
    client.containers.list.return_value = client.volumes.list.return_value = []
    monkeypatch.setattr(sweeping.docker, "from_env", lambda: client)

    sweeping.remove("stratum-test-00000000")

    free.remove.assert_called_once()
    assert "stratum-test-00000000_default stays" in caplog.text
