"""Every dashboard is what its source says, and every panel can be read by somebody who did not write it."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import pytest
from grafana.src.boards import BOARDS, text

FOLDER = Path(__file__).parents[3] / "grafana" / "dashboards"


def _board(name: str) -> dict:
    return json.loads(text(name))


def _panels() -> list:
    return [
        pytest.param(panel, id=f"{name}: {panel['title']}")
        for name in BOARDS
        for panel in _board(name)["panels"]
    ]


def _overlap(one: dict, other: dict) -> bool:
    return (
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )


@pytest.mark.parametrize("name", BOARDS)
def test_the_committed_file_is_what_the_source_makes(name: str) -> None:
    committed = (FOLDER / f"{name}.json").read_text(encoding="utf-8")

    assert text(name) == committed, "run `make dashboards` and commit what it writes"


@pytest.mark.parametrize("name", BOARDS)
def test_making_a_dashboard_twice_gives_the_same_text(name: str) -> None:
    assert text(name) == text(name)


def test_there_is_no_dashboard_without_a_source() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(BOARDS)


@pytest.mark.parametrize("name", BOARDS)
def test_a_dashboards_uid_is_its_files_name(name: str) -> None:
    assert _board(name)["uid"] == name


@pytest.mark.parametrize("name", BOARDS)
def test_a_dashboard_cannot_be_edited_in_the_browser(name: str) -> None:
    assert _board(name)["editable"] is False


@pytest.mark.parametrize("name", BOARDS)
def test_panels_have_ids_and_titles_of_their_own(name: str) -> None:
    panels = _board(name)["panels"]

    for key in ("id", "title"):
        values = [panel[key] for panel in panels]
        assert len(values) == len(set(values)), f"two panels share their {key}"


@pytest.mark.parametrize("name", BOARDS)
def test_no_panel_lies_on_another_or_leaves_the_grid(name: str) -> None:
    panels = _board(name)["panels"]

    overlapping = [
        (one["title"], other["title"])
        for one, other in combinations(panels, 2)
        if _overlap(one["gridPos"], other["gridPos"])
    ]
    outside = [panel["title"] for panel in panels if panel["gridPos"]["x"] + panel["gridPos"]["w"] > 24]

    assert (overlapping, outside) == ([], [])


def test_overlap_is_seen_and_touching_is_not_overlap() -> None:
    here = {"x": 0, "y": 0, "w": 12, "h": 8}

    assert _overlap(here, {"x": 11, "y": 7, "w": 2, "h": 2})
    assert not _overlap(here, {"x": 12, "y": 0, "w": 12, "h": 8})
    assert not _overlap(here, {"x": 0, "y": 8, "w": 12, "h": 8})


@pytest.mark.parametrize("panel", _panels())
def test_a_panel_has_a_title_a_unit_a_description_a_query_and_a_link(panel: dict) -> None:
    missing = [key for key in ("title", "description", "targets", "links") if not panel.get(key)]
    if not panel["fieldConfig"]["defaults"].get("unit"):
        missing.append("unit")

    assert missing == []


@pytest.mark.parametrize("panel", _panels())
def test_a_panels_queries_have_letters_of_their_own_and_the_boards_datasource(panel: dict) -> None:
    letters = [target["refId"] for target in panel["targets"]]

    assert len(letters) == len(set(letters))
    assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}
