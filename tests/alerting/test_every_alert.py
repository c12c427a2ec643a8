"""Every alert rule, whole: from a real fault to whoever is told, within a computed limit, and to the all-clear.

A fixture inflicts the faults of `schedule.py`, independent ones side by side, and keeps what happened to each rule.
Then each claim is a test, a rule at a time; a rule that failed shows what was seen of it.
Only the faults of rules that are asked about are inflicted: `make alerts K=HighErrorRate` takes seconds.
"""

from __future__ import annotations

import json
import math
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from alerting.alert_faults import FAULTS, NOT_YET, row_of, time_to_detect, time_to_resolve
from alerting.alert_row import AlertRow
from alerting.injections import World
from alerting.proving import Proof, Proving
from alerting.schedule import SCHEDULE, SMALL, Act, Small
from harness import rendering
from harness.clients.http import Session
from harness.faults import Faults
from harness.plugin import ROOT
from harness.stack import Stack
from harness.timeline import STAGES

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.clients.prometheus import Prometheus
    from harness.clients.saboteur import Saboteur
    from harness.measurements import Measurements
    from harness.timeline import Timelines

pytestmark = [
    pytest.mark.every_alert,
    pytest.mark.slow,
    pytest.mark.timeout(1200),
]  # the fixture, which whichever test comes first waits for

RULES = {row_of(rule): rule for rule in rendering.committed_alerts(ROOT)}
PROVED = sorted(RULES.keys() - NOT_YET.keys())
ENDING = [name for name in PROVED if FAULTS[name].resolves]
WATCHDOG = "Watchdog"
_SENTENCE = re.compile(r"<no value>|<nil>|%!|NaN|\{\{")


@pytest.fixture(scope="session", autouse=True)
def proved_on_small_ones(request: pytest.FixtureRequest, progress: Callable[[str], None]) -> list[Proving]:
    """Carry out the schedules of the small stacks, before the whole one starts and wants the processor for itself."""
    only = asked_about(request.session.items)
    with ThreadPoolExecutor(len(SMALL)) as several:
        return list(several.map(lambda small: proved_on(small, only, progress), SMALL))


@pytest.fixture(scope="module")
def provings(  # noqa: PLR0917 - fixtures
    request: pytest.FixtureRequest,
    proved_on_small_ones: list[Proving],
    stack: Stack,
    faults: Faults,
    saboteur: Saboteur,
    timelines: Timelines,
    alert_rows: Measurements,
    progress: Callable[[str], None],
) -> list[Proving]:
    """Carry out the schedule of the whole stack; write build/alerts.json, whatever became of it."""
    tenants = tuple(stack.stores.tenant(name) for name in ("acme", "retailx"))
    only = asked_about(request.session.items)
    proving = Proving.of(World(stack, faults, saboteur, tenants), SCHEDULE, progress)
    proving.run(only)
    every = [proving, *proved_on_small_ones]
    for one in every:
        for proof in one.proofs.values():
            if proof.timeline:
                timelines.keep(proof.timeline)
            if FAULTS[proof.name].injection in only:
                alert_rows.add(row(proof, began=one.began))
    return every


@pytest.fixture(scope="module")
def proofs(provings: list[Proving]) -> dict[str, Proof]:
    """What happened to each rule, on whichever stack."""
    return {name: proof for proving in provings for name, proof in proving.proofs.items()}


def asked_about(items: list[pytest.Item]) -> frozenset[str]:
    """The faults of the rules that this run's tests are about."""
    names = [
        item.callspec.params["name"]
        for item in items
        if isinstance(item, pytest.Function)
        and item.module.__name__ == __name__
        and hasattr(item, "callspec")
        and "name" in item.callspec.params
    ]
    return frozenset(FAULTS[name].injection for name in names)


def proved_on(small: Small, only: frozenset[str], progress: Callable[[str], None]) -> Proving:
    """Carry out the schedule of a small stack, and compare its rules, too, with the committed ones."""
    stack = Stack.of_our_own(ROOT, factor=small.factor)
    proving = Proving.of(World(stack, Faults(stack), stack.stores.saboteur(), ()), small.schedule, progress)
    try:
        if not only & {step.injection for act in small.schedule for step in act.steps}:
            return proving
        stack.start_only(small.services[0])  # a store, without which others do not start
        stack.start_only(*small.services)
        proving.run(only)
        assert rendering.differences(ROOT, stack.stores.prometheus, factor=small.factor) == []
    except Exception as failure:  # noqa: BLE001 - it is about these rules, and no others
        for proof in proving.proofs.values():
            proof.trouble += f"\n{type(failure).__name__}: {failure}"
            proof.delivered.clear()
    finally:
        stack.remove()
    return proving


def row(proof: Proof, *, began: float = math.nan) -> AlertRow:
    """What is written down about a rule."""
    detected = proof.told("firing")
    stages = {stage: proof.timeline.at(stage) for stage in STAGES} if proof.timeline else {}
    return AlertRow(
        what=proof.name,
        measured=None if math.isnan(detected) else detected,
        reason=proof.trouble.strip().partition("\n")[0],
        limit=round(time_to_detect(proof.rule, factor=proof.factor) + proof.seconds, 4),
        unit="s",
        fault=FAULTS[proof.name].fault,
        factor=proof.factor,
        resolved_after=proof.last_told("resolved") if FAULTS[proof.name].resolves else math.nan,
        receivers=tuple(sorted(proof.delivered)),
        began=proof.at - began,
        stages={stage: None if at is None else at - proof.at for stage, at in stages.items()},
    )


def test_the_rules_that_ran_are_the_committed_ones(
    proofs: dict[str, Proof],  # noqa: ARG001 - after the one file that was added is gone
    stack: Stack,
    prometheus: Prometheus,
) -> None:
    """Multiplied back by the factor, every loaded rule says what its file says, and there is no other."""
    assert rendering.differences(ROOT, prometheus, factor=stack.factor) == []


@pytest.mark.parametrize("name", PROVED)
def test_it_reaches_exactly_those_who_are_to_be_told(name: str, proofs: dict[str, Proof]) -> None:
    proof = proofs[name]
    assert {one.receiver for one in proof.first("firing")} == proof.receivers, proof.trouble


@pytest.mark.parametrize("name", PROVED)
def test_it_is_in_time(name: str, proofs: dict[str, Proof]) -> None:
    """The first receiver, and where a page is told, too, within what its own route waits."""
    proof = proofs[name]
    measured = row(proof)
    assert measured.verdict == "holds", f"{measured}\n{proof.timeline}\n{proof.trouble}"
    channel = time_to_detect(proof.rule, factor=proof.factor, channel=True) + proof.seconds
    assert proof.last_told("firing") <= channel, f"{proof.timeline}\n{proof.trouble}"


@pytest.mark.parametrize("name", PROVED)
def test_it_says_what_about_whom_and_how_bad(name: str, proofs: dict[str, Proof]) -> None:
    """A person's sentence with a figure in it, the labels, and nothing that a template left."""
    proof = proofs[name]
    assert proof.delivered, proof.trouble
    for one in proof.first("firing"):
        said = json.dumps(one.payload)
        assert one.summary.strip()
        assert not _SENTENCE.search(said), said
        assert re.search(r"\d", said)
        for label in ("severity", "team"):
            assert proof.rule["labels"][label] in said, said


@pytest.mark.parametrize("name", PROVED)
@pytest.mark.parametrize("link", ["runbook", "dashboard"])
def test_its_links_lead_somewhere(link: str, name: str, proofs: dict[str, Proof], stack: Stack) -> None:
    """Each answers 200 in the stack as it was started, and speaks of this alert; a small stack is gone by now."""
    proof = proofs[name]
    assert proof.delivered, proof.trouble
    for one in proof.first("firing"):
        address = one.links[link]
        if proof.factor != stack.factor:
            address = stack.stores.inbox.address + urlsplit(address).path
        answer = Session().get(address)
        assert answer.status_code == 200
        assert proof.rule["alert"] in answer.text


@pytest.mark.parametrize("name", PROVED)
def test_nothing_comes_before_its_cause(name: str, proofs: dict[str, Proof]) -> None:
    proof = proofs[name]
    assert proof.timeline, proof.trouble
    assert proof.timeline.disorder() == [], proof.timeline


@pytest.mark.parametrize("name", ENDING)
def test_everybody_has_the_all_clear_in_time(name: str, proofs: dict[str, Proof]) -> None:
    proof = proofs[name]
    longest = time_to_resolve(proof.rule, factor=proof.factor)
    assert proof.last_told("resolved") <= longest, f"{proof.timeline}\n{proof.trouble}"


@pytest.mark.parametrize("act", SCHEDULE, ids=lambda act: act.name)
def test_nobody_is_told_of_anything_else(act: Act, provings: list[Proving]) -> None:
    """While many things are broken at once, every message is about one of them, or about what follows from it.

    Only on the whole stack: a small one rightly misses the services that it does not have.
    """
    [proving] = [proving for proving in provings if act.name in proving.besides]
    unexplained = [
        f"{one.received_at - proving.began:.1f} s: {one}: {one.summary}"
        for one in proving.besides[act.name]
        if one.alertname not in {WATCHDOG, *act.consequences}
    ]
    assert unexplained == []
