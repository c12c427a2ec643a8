"""What counts as lost: each verdict beside the twin that must fail, and every store asked for its own ids."""

import json
import math
import re
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from launcher.measurements import Row

from harness import loss
from harness.clients.jaeger import Jaeger
from harness.clients.loki import Loki
from harness.eventually import NotYet, Probe, Unmet
from harness.ids import Comparison
from harness.loss import STILL_SHORT, STILL_WHOLE, LossRow, settled, spans_at_risk
from harness.measurements import Measurements
from unit.harness.fake_time import FakeTime
from unit.harness.local_server import serving

IDS = st.sets(st.text("abc", min_size=1, max_size=3), max_size=8)


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


def filling(time: FakeTime, *arrivals: tuple[float, str]) -> Probe[list[str]]:
    """A store in which each id arrives at its time."""
    return Probe("ids", "", lambda: [one for at, one in arrivals if at <= time.passed])


# --- comparing ---


@settings(max_examples=40)
@given(IDS, IDS)
def test_what_is_missing_and_what_is_foreign_make_up_the_difference(sent: set[str], found: set[str]) -> None:
    comparison = Comparison.of(sent, found)
    assert (comparison.missing, comparison.foreign) == (sent - found, found - sent)
    assert comparison.is_exact == (sent == found)


@settings(max_examples=20)
@given(IDS.filter(bool), st.data())
def test_one_that_stands_there_twice_is_doubled(sent: set[str], data: st.DataObject) -> None:
    twice = data.draw(st.sampled_from(sorted(sent)))
    comparison = Comparison.of(sent, [*sent, twice])
    assert comparison.doubled == {twice}
    assert not comparison.is_exact


def test_a_comparison_names_what_it_found_and_only_that() -> None:
    assert str(Comparison.of("abc", "aad")) == "of 3 ids, 2 missing: b, c; 1 doubled: a; 1 foreign: d"
    assert str(Comparison.of("abc", "abc")) == "of 3 ids, each once"


# --- waiting ---


def test_a_store_that_has_everything_is_asked_until_a_double_would_have_come(time: FakeTime) -> None:
    store = filling(time, (0, "a"), (1, "b"), (2, "b"))
    assert settled(store, "ab", clock=time.clock).doubled == {"b"}


def test_a_store_that_has_everything_is_not_asked_for_ever(time: FakeTime) -> None:
    assert settled(filling(time, (0, "a")), "a", clock=time.clock).is_exact
    assert time.passed == pytest.approx(STILL_WHOLE, abs=0.6)


def test_what_comes_before_the_collectors_next_attempt_is_not_lost(time: FakeTime) -> None:
    store = filling(time, (0, "a"), (STILL_SHORT - 1, "b"), (2 * STILL_SHORT - 2, "c"))
    assert settled(store, "abc", clock=time.clock).is_exact


def test_what_never_comes_is_lost_and_not_waited_for_until_the_deadline(time: FakeTime) -> None:
    assert settled(filling(time, (1, "a")), "ab", within=60, clock=time.clock).missing == {"b"}
    assert time.passed < STILL_SHORT + 3


def test_what_still_comes_at_the_deadline_is_judged_as_it_stands(time: FakeTime) -> None:
    endless = Probe("ids", "", lambda: [f"{second}" for second in range(int(time.passed))])
    assert settled(endless, ["never"], within=20, clock=time.clock).missing == {"never"}


def test_a_store_that_answers_nothing_is_no_loss_but_a_failed_question(time: FakeTime) -> None:
    def away() -> list[str]:
        raise NotYet("connection refused")

    with pytest.raises(Unmet, match="connection refused"):
        settled(Probe("ids", "", away), "a", within=5, clock=time.clock)


def test_whoever_knows_that_it_takes_longer_says_so(time: FakeTime) -> None:
    store = filling(time, (0, "a"), (3 * STILL_SHORT, "b"))
    assert settled(store, "ab", patience=4 * STILL_SHORT, clock=time.clock).is_exact


# --- judging ---


def row(sent: Iterable[str], found: Iterable[str], limit: float = 0) -> LossRow:
    return LossRow.of("lines lost", Comparison.of(sent, found), unit="lines", limit=limit)


VERDICTS = {
    "nothing lost": (row("abc", "abc"), "holds"),
    "one lost": (row("abc", "ab"), "falls short"),
    "one lost that may be": (row("abc", "ab", limit=1), "holds"),
    "more lost than may be": (row("abc", "a", limit=1), "falls short"),
    "one doubled": (row("abc", "abca"), "falls short"),
    "one doubled where some may be lost": (row("abc", "abca", limit=9), "falls short"),
    "one foreign": (row("abc", "abcd"), "falls short"),
    "one lost and one doubled": (row("abc", "aab"), "falls short"),
}


@pytest.mark.parametrize(("judged", "verdict"), VERDICTS.values(), ids=VERDICTS)
def test_a_verdict_is_of_ids_and_not_of_totals(judged: LossRow, verdict: str) -> None:
    assert judged.verdict == verdict


def test_a_row_is_written_in_the_house_shape_with_its_ids_counted(tmp_path: Path) -> None:
    measurements = Measurements(tmp_path / "loss.json")
    measurements.add(row("abc", "aad"))
    (written,) = json.loads(measurements.path.read_text())["rows"]
    assert written == {
        "what": "lines lost",
        "measured": 2,
        "limit": 0,
        "better": "lower",
        "unit": "lines",
        "verdict": "falls short",
        "sent": 3,
        "doubled": 1,
        "foreign": 1,
    }


def test_the_table_shows_every_row_and_marks_what_could_not_be_measured() -> None:
    gap = Row(what="scrape gap", measured=None, limit=2, unit="s", reason="no samples")
    heading, *lines = loss.table([row("abc", "ab"), gap])
    assert heading.split() == [
        *["what", "was", "lost", "measured", "limit", "sent", "doubled", "foreign", "verdict"]
    ]
    assert [re.split(r"  +", line) for line in lines] == [
        ["lines lost", "1 lines", "0", "3", "0", "0", "falls short"],
        ["scrape gap", "-", "2", "not measured: no samples"],
    ]


AT_RISK = {
    "a batch is never given up, and the queue holds all": (3000, 20, math.inf, 0),
    "the queue holds no more": (9000, 20, math.inf, 808),
    "no batch is given up in time": (3000, 5, 5.6, 0),
    "three batches are given up": (3000, 20, 5.6, 3 * 512),
    "batches are given up, and leave room in the queue": (9000, 20, 5.6, 3 * 512),
    "batches are given up, and the queue overflows all the same": (10_000, 20, 5.6, 10_000 - 8192),
    "no more than there were": (100, 20, 5.6, 100),
}


@pytest.mark.parametrize(("spans", "seconds", "patience", "lost"), AT_RISK.values(), ids=AT_RISK)
def test_what_may_be_lost_of_spans_follows_from_the_senders_settings(
    spans: int, seconds: float, patience: float, lost: int
) -> None:
    assert spans_at_risk(spans, seconds, queue=8192, batch=512, patience=patience) == lost


# --- asking ---

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_loki_is_asked_for_one_event_of_our_own_traces_and_a_doubled_line_shows() -> None:
    values = [
        ["1000000000", json.dumps({"trace_id": TRACE})],
        ["2000000000", json.dumps({"trace_id": TRACE})],
    ]
    answer = {"data": {"result": [{"stream": {}, "values": values}]}}
    with serving(**{"/loki/api/v1/query_range": answer}) as store:
        found = loss.lines(
            Loki(store.address), "4bf9", service="stratum-api", event="api_request", since=1
        ).now()
    assert found == [TRACE, TRACE]
    assert store.asked[0].query["query"] == (
        '{service_name="stratum-api"} | event="api_request" | trace_id=~"4bf9.*"'
    )


def test_what_a_trace_may_have_more_often_counts_once_and_nothing_else_does() -> None:
    trace = SimpleNamespace(spans=[SimpleNamespace(name=name) for name in ("run", "run", "decide", "decide")])
    jaeger = SimpleNamespace(address="", trace=lambda _: Probe("trace", "", lambda: trace))

    found = loss.spans(jaeger, ["t"], {"run", "decide", "lost"}, again={"run", "lost"})  # type: ignore[arg-type]

    assert Comparison.of({"t run", "t decide", "t lost"}, found.now()) == Comparison(
        3, frozenset({"t lost"}), frozenset({"t decide"}), frozenset()
    )


def test_jaeger_is_asked_for_each_trace_and_one_that_is_not_there_has_no_spans() -> None:
    span = {
        "spanId": "a",
        "name": "INSERT executions",
        "startTimeUnixNano": "0",
        "endTimeUnixNano": "1",
    }
    answer = {"resourceSpans": [{"scopeSpans": [{"spans": [span, {**span, "name": "SELECT automations"}]}]}]}
    with serving(**{f"/api/v3/traces/{TRACE}": {"result": answer}}) as store:
        found = loss.spans(Jaeger(store.address), [TRACE, "f" * 32], {"INSERT executions"}).now()
    assert found == [f"{TRACE} INSERT executions"]


def test_what_another_question_finds_is_narrowed_to_ids_that_have_a_claim() -> None:
    found = loss.each(Probe("rows", "", lambda: (("a", "1"), ("b", "2"), ("b", "3"))), lambda row: row[0])
    assert found.now() == ["a", "b", "b"]
    assert loss.only(found, {"b"}).now() == ["b", "b"]
    assert loss.but(found, {"b"}).now() == ["a"]
