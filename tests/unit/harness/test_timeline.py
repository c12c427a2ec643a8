"""A timeline tells stages in their order, whoever saw them, and notices an effect before its cause."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from harness.eventually import Probe
from harness.faults import Fault
from harness.timeline import STAGES, Timeline, Timelines
from harness.timeline_picture import Bar, drawn, laid_over

if TYPE_CHECKING:
    from pathlib import Path

FAULT = Fault("stopped", "api", at=100.0, seconds=0.5, healed_at=110.0)
DELIVERED = [
    SimpleNamespace(status="firing", received_at=104.0, receiver="pagerduty"),
    SimpleNamespace(status="resolved", received_at=113.0, receiver="pagerduty"),
]


class Prometheus:
    """One that knows when an alert was what."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def times(self, series: str, *, at: float) -> list[float]:
        """Give the samples of a state, or of a symptom."""
        self.asked.append(series)
        assert at == 113.0
        if 'alertstate="pending"' in series:
            return [102.0, 102.25]
        return [103.0, 103.25, 111.0] if 'alertstate="firing"' in series else [101.0, 101.02]

    def rules(self) -> Probe[tuple[dict[str, list[dict[str, str]]], ...]]:
        """Name two alerts."""
        groups = ({"rules": [{"name": "APIDown", "query": "up == 0"}, {"name": "Other", "query": "1"}]},)
        return Probe("rules", "here", lambda: groups)


@pytest.fixture
def timeline() -> Timeline:
    """A whole one."""
    timeline = Timeline("APIDown, api stopped")
    timeline.fault(FAULT)
    timeline.alert("APIDown", Prometheus(), symptom="absent(up)", until=113.0)
    timeline.notified(DELIVERED)
    return timeline


def test_every_stage_has_the_stamp_of_who_knows_best(timeline: Timeline) -> None:
    assert {stage: timeline.at(stage) for stage in STAGES} == {
        "fault": 100.0,
        "symptom": 101.0,
        "pending": 102.0,
        "firing": 103.0,
        "notified": 104.0,
        "healed": 110.0,
        "resolved": 113.0,
    }
    assert timeline.missing() == timeline.disorder() == []


def test_the_first_of_several_counts(timeline: Timeline) -> None:
    timeline.mark("notified", 103.5, "slack-platform")
    timeline.mark("notified", 109.0, "slack-platform")
    assert timeline.at("notified") == 103.5


def test_without_a_symptom_of_its_own_an_alerts_expression_is_one() -> None:
    prometheus, timeline = Prometheus(), Timeline("x")
    timeline.fault(FAULT)
    timeline.alert("APIDown", prometheus, until=113.0)
    assert prometheus.asked[0] == "((up == 0))[13000ms:20ms]"


def test_an_alert_that_is_not_loaded_is_named() -> None:
    timeline = Timeline("x")
    timeline.fault(FAULT)
    with pytest.raises(ValueError, match="no alert APIUp"):
        timeline.alert("APIUp", Prometheus(), until=113.0)


def test_an_alert_before_any_fault_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="note the fault first"):
        Timeline("x").alert("APIDown", Prometheus(), until=113.0)


@pytest.mark.parametrize(
    ("stage", "at", "said"),
    [
        ("firing", 101.5, "firing 0.50 s before pending"),
        ("symptom", 99.0, "symptom 1.00 s before fault"),
        ("resolved", 109.0, "resolved 1.00 s before healed"),
    ],
)
def test_an_effect_before_its_cause_is_noticed(timeline: Timeline, stage: str, at: float, said: str) -> None:
    timeline.mark(stage, at)
    assert said in timeline.disorder()


def test_two_clocks_may_disagree_a_little(timeline: Timeline) -> None:
    timeline.mark("firing", 101.97)
    assert timeline.disorder() == []


def test_what_was_not_seen_is_said() -> None:
    timeline = Timeline("loki killed")
    timeline.fault(FAULT)
    assert timeline.missing() == ["symptom", "pending", "firing", "notified", "resolved"]
    assert timeline.disorder() == []
    assert re.search(r"-\s+firing\s+not seen", str(timeline))


def test_it_is_told_with_seconds_since_the_fault(timeline: Timeline) -> None:
    lines = str(timeline).splitlines()
    assert lines[0] == "APIDown, api stopped"
    assert lines[1].split() == ["+0.00", "s", "fault", "api", "stopped"]
    assert lines[-1].split() == ["+13.00", "s", "resolved", "pagerduty"]


def test_it_is_kept_as_text_json_and_picture(timeline: Timeline, tmp_path: Path) -> None:
    told: list[str] = []
    picture = Timelines(tmp_path / "timelines", say=told.append).keep(timeline)

    assert told == [str(timeline)]
    assert picture.name == "APIDown-api-stopped.svg"
    marks = json.loads(picture.with_suffix(".json").read_text())["marks"]
    assert marks[0] == {"stage": "fault", "at": 100.0, "what": "api stopped"}
    assert [mark["at"] for mark in marks] == sorted(mark["at"] for mark in marks)
    assert "firing" in picture.read_text()


def test_the_picture_has_a_row_for_every_stage_and_says_what_was_not_seen() -> None:
    picture = drawn("a < b", [("fault", 100.0), ("firing", 103.0), ("resolved", None)])

    root = ET.fromstring(picture)  # noqa: S314 - our own
    texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"a < b", "fault", "+0.00 s", "firing", "+3.00 s", "resolved", "not seen"} <= set(texts)


def test_later_is_further_right_in_the_picture() -> None:
    picture = drawn("x", [("fault", 100.0), ("firing", 103.0), ("resolved", 110.0)])

    root = ET.fromstring(picture)  # noqa: S314 - our own
    across = [float(dot.get("cx")) for dot in root.iter("{http://www.w3.org/2000/svg}circle")]
    assert across == sorted(across)
    assert (across[1] - across[0]) / (across[2] - across[0]) == pytest.approx(0.3, abs=0.01)


def test_many_timelines_are_laid_over_one_axis() -> None:
    """A row each, what did not happen left out, and nothing before the fault."""
    bars = [
        Bar(
            "First <alert>",
            0.0,
            {"fault": 0.0, "pending": 1.0, "firing": 3.0, "notified": 4.0, "healed": 5.0},
        ),
        Bar("Second", 10.0, {"fault": 0.0, "healed": 20.0, "firing": 2.0, "resolved": 22.0, "pending": None}),
    ]
    drawing = ET.fromstring(laid_over("Both", bars))  # noqa: S314 - our own
    rects = [one for one in drawing.iter() if one.tag.endswith("rect")]
    texts = [one.text for one in drawing.iter() if one.tag.endswith("text")]
    dots = [one for one in drawing.iter() if one.tag.endswith("circle")]

    assert "First <alert>" in texts
    assert "30 s" in texts
    assert len(dots) == 2
    # the background, five of the key; fault, pending and firing of the first, fault and firing of the second
    assert len(rects) == 6 + 5
