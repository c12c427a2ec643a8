"""What happened, made of what was told."""

from collections.abc import Sequence

import pytest
from fastapi.testclient import TestClient

from inbox.incidents import Incident, incidents
from inbox.notifications import KIND_OF, Notification, Receiver, Status
from unit.inbox.senders import PLATFORM, Json


def told(*words: str) -> Sequence[Incident]:
    """Make incidents of words such as `12 pagerduty firing APIDown`: second, receiver, status, alert, and its group."""
    return incidents([notification(number, each.split()) for number, each in enumerate(words, 1)])


def notification(number: int, words: Sequence[str]) -> Notification:
    at, receiver, status, alertname, *group = words
    known: Receiver = next(one for one in KIND_OF if one == receiver)
    state: Status = "firing" if status == "firing" else "resolved" if status == "resolved" else "acknowledged"
    return Notification(
        id=number,
        received_at=float(at),
        receiver=known,
        kind=KIND_OF[known],
        status=state,
        alertname="" if alertname == "-" else alertname,
        severity="critical" if known == "pagerduty" else "warning",
        about=" ".join(group),
        key=" ".join(group) or receiver,
        summary=f"{alertname} {status}",
        links={},
        payload={},
    )


def test_an_alert_told_to_two_receivers_is_one_incident() -> None:
    [incident] = told("1 pagerduty firing APIDown", "3 slack-platform firing APIDown")

    assert (incident.alertname, incident.state, incident.severity) == ("APIDown", "firing", "critical")
    assert (incident.opened_at, incident.closed_at) == (1.0, None)
    assert incident.receivers == ["pagerduty", "slack-platform"]
    assert [(one.id, one.at, one.receiver) for one in incident.told] == [
        (1, 1.0, "pagerduty"),
        (2, 3.0, "slack-platform"),
    ]


def test_the_first_all_clear_ends_it_and_a_later_one_changes_nothing() -> None:
    [incident] = told(
        "1 pagerduty firing APIDown",
        "3 slack-platform firing APIDown",
        "60 pagerduty resolved APIDown",
        "300 slack-platform resolved APIDown",
    )

    assert (incident.state, incident.closed_at) == ("resolved", 60.0)
    assert incident.summary == "APIDown firing"


def test_what_fires_again_is_another_incident() -> None:
    later, earlier = told(
        "1 pagerduty firing APIDown", "60 pagerduty resolved APIDown", "90 pagerduty firing APIDown"
    )

    assert (earlier.state, later.state) == ("resolved", "firing")
    assert later.opened_at == 90.0


def test_it_lasts_while_one_of_its_groups_fires() -> None:
    words = [
        "1 slack-platform firing SignalHealthDegraded tenant_id=acme",
        "2 slack-platform firing SignalHealthDegraded tenant_id=techco",
        "3 slack-platform resolved SignalHealthDegraded tenant_id=acme",
    ]
    [lasting] = told(*words)
    [over] = told(*words, "4 slack-platform resolved SignalHealthDegraded tenant_id=techco")

    assert (lasting.state, over.state) == ("firing", "resolved")
    assert lasting.about == ["tenant_id=acme", "tenant_id=techco"]


def test_somebody_has_it_in_hand() -> None:
    [incident] = told("1 pagerduty firing APIDown", "2 pagerduty acknowledged APIDown")

    assert incident.state == "acknowledged"


def test_a_repetition_is_the_same_incident() -> None:
    [incident] = told("1 pagerduty firing APIDown", "3600 pagerduty firing APIDown")

    assert len(incident.told) == 2


def test_heartbeats_and_messages_without_a_name_are_no_incidents() -> None:
    assert told("1 watchdog firing Watchdog", "2 slack-platform firing -") == []


def test_the_newest_incident_comes_first() -> None:
    assert [one.alertname for one in told("1 info firing A", "2 info firing B")] == ["B", "A"]


@pytest.mark.parametrize(("state", "names"), [("firing", ["APIDown"]), ("resolved", []), (None, ["APIDown"])])
def test_programs_ask_for_incidents_too(
    inbox: TestClient, event: Json, message: Json, state: str | None, names: list[str]
) -> None:
    inbox.post("/v2/enqueue", json=event)
    inbox.post(PLATFORM, json=message)

    answer = inbox.get("/api/v1/incidents", params={"state": state} if state else {})

    found = answer.json()["incidents"]
    assert [incident["alertname"] for incident in found] == names
    for incident in found:
        assert incident["about"] == ["job=stratum-api"]
        assert incident["links"]["runbook"] == "http://links.test/runbooks/APIDown"
