"""The product's routes on the real stores: what is written is read back, in pages, from the cache and without it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from harness.eventually import Probe, eventually
from harness.expectations import equals, has_spans, is_connected
from harness.settling import counted_so_far

if TYPE_CHECKING:
    from harness.clients.api import Answer, Api
    from harness.clients.http import Json
    from harness.clients.jaeger import Jaeger, Trace
    from harness.clients.prometheus import Prometheus
    from harness.faults import Faults

CAMPAIGN = {"name": "Spring sale", "platform": "meta", "status": "active", "daily_budget_cents": 250_00}


def ask(api: Api, method: str, path: str, *, status: int = 200, **options: Json) -> Answer:
    """Ask the API and expect a status."""
    answer = api.answered(method, f"/api/v1{path}", **options)
    assert answer.status == status, repr(answer)
    return answer


def make_profile(api: Api, **known: Json) -> Json:
    body = {"external_id": f"person-{uuid4().hex}", **known}
    return ask(api, "POST", "/cdp/profiles", status=201, json=body).body


def tree(trace: Trace) -> list[str]:
    """Name every span but the first, under its parent, in order of their beginning."""
    by_id = {span.span_id: span.name for span in trace.spans}
    below = [span for span in trace.spans if span.parent_id in by_id]
    return [f"{by_id[span.parent_id]} > {span.name}" for span in sorted(below, key=lambda span: span.started)]


def warm_up(api: Api, jaeger: Jaeger) -> None:
    """Ask until one request looked the tenant's key up and the cache answered it, so that no trace has a step more or less.

    The key is then known for 15 s, which using it does not prolong; the cache, each time it was slow, is asked nothing
    for 2 s.
    """
    route = "GET /api/v1/campaigns"

    def read() -> Trace:
        trace = jaeger.trace(ask(api, "GET", "/campaigns").trace_id)
        return eventually(trace, has_spans(route), is_connected, within=15)

    wanted = has_spans("SELECT tenant_keys", "GET cache")
    eventually(Probe("a key's look-up", api.address, read), wanted, nothing_failed, within=40)


def nothing_failed(trace: Trace) -> None:
    """Expect that every step went well."""
    assert not [span.name for span in trace.spans if span.failed], repr(trace)


def pages(api: Api, path: str, *, limit: int, **params: Json) -> list[Json]:
    """Read a list to its end, and return its pages."""
    found, cursor = [], None
    while True:
        answer = ask(api, "GET", path, params={"limit": limit, "cursor": cursor, **params})
        found.append(answer.body["items"])
        cursor = answer.body["next_cursor"]
        if cursor is None:
            return found


def test_a_campaign_that_was_made_is_read_and_listed_first(acme: Api) -> None:
    ask(acme, "GET", "/campaigns")  # fills the cache with a list that is about to be wrong
    made = ask(acme, "POST", "/campaigns", status=201, json=CAMPAIGN)
    assert made.headers["location"] == f"/api/v1/campaigns/{made.body['id']}"
    assert ask(acme, "GET", f"/campaigns/{made.body['id']}").body == made.body
    assert ask(acme, "GET", "/campaigns", params={"limit": 1}).body["items"] == [made.body]


def test_pages_hold_every_campaign_once(techco: Api) -> None:
    made = [ask(techco, "POST", "/campaigns", status=201, json=CAMPAIGN).body["id"] for _ in range(5)]
    read = pages(techco, "/campaigns", limit=2)
    ids = [campaign["id"] for page in read for campaign in page]
    assert {len(page) for page in read[:-1]} == {2}
    assert ids == sorted(set(ids), reverse=True)
    assert set(made) <= set(ids)


def test_a_cached_answer_asks_no_database(retailx: Api, jaeger: Jaeger) -> None:
    """A cache that once was slow to answer is left alone for 2 s; so this asks until both answers asked it."""
    route = "GET /api/v1/campaigns/{campaign_id}"

    def read() -> list[list[str]]:
        made = ask(retailx, "POST", "/campaigns", status=201, json=CAMPAIGN).body["id"]
        ask(retailx, "GET", "/automations")  # the key's look-up
        answers = [ask(retailx, "GET", f"/campaigns/{made}") for _ in range(2)]
        traces = [jaeger.trace(one.trace_id) for one in answers]
        return [tree(eventually(trace, has_spans(route), is_connected, within=15)) for trace in traces]

    cold = [f"{route} > GET cache", f"{route} > SELECT campaigns", f"{route} > SET cache"]
    warm = [f"{route} > GET cache"]
    eventually(
        Probe("a cold and a warm answer's spans", retailx.address, read), equals([cold, warm]), within=20
    )


def test_profiles_are_made_changed_found_and_merged(acme: Api) -> None:
    kept = make_profile(acme, name="Ada Lovelace", attributes={"orders": 2, "country": "DE"})
    given = make_profile(acme, email="ada@example.com", attributes={"orders": 9, "stage": "new"})
    changed = ask(
        acme, "PATCH", f"/cdp/profiles/{kept['id']}", json={"attributes": {"newsletter": True}}
    ).body
    assert changed["attributes"] == {"orders": 2, "country": "DE", "newsletter": True}

    merge = {"source_id": given["id"]}
    merged = ask(acme, "POST", f"/cdp/profiles/{kept['id']}/merge", json=merge).body
    assert (merged["name"], merged["email"]) == ("Ada Lovelace", "ada@example.com")
    assert merged["attributes"] == {"orders": 2, "country": "DE", "newsletter": True, "stage": "new"}
    assert ask(acme, "GET", "/cdp/profiles/search", params={"q": given["external_id"]}).body["items"] == []
    found = ask(acme, "GET", "/cdp/profiles/search", params={"q": kept["external_id"]}).body["items"]
    assert found == [merged]
    ask(acme, "PATCH", f"/cdp/profiles/{given['id']}", status=409, json={"name": "Eve"})
    ask(acme, "POST", f"/cdp/profiles/{kept['id']}/merge", status=409, json=merge)


def test_an_external_id_is_taken_once(acme: Api, techco: Api) -> None:
    taken = make_profile(acme)["external_id"]
    ask(acme, "POST", "/cdp/profiles", status=409, json={"external_id": taken})
    ask(techco, "POST", "/cdp/profiles", status=201, json={"external_id": taken})


def test_a_profile_does_not_grow_without_end(acme: Api) -> None:
    full = {f"a{number}": number for number in range(50)}
    profile = make_profile(acme, attributes=full)
    path = f"/cdp/profiles/{profile['id']}"
    ask(acme, "PATCH", path, status=422, json={"attributes": {"one_more": 1}})
    ask(acme, "PATCH", path, json={"attributes": {"a1": 7}})


def test_pages_hold_every_profile_once(acme: Api) -> None:
    mark = uuid4().hex
    made = {make_profile(acme, name=f"Twin {mark}")["id"] for _ in range(5)}
    read = pages(acme, "/cdp/profiles/search", limit=2, q=mark)
    assert [len(page) for page in read] == [2, 2, 1]
    assert {profile["id"] for page in read for profile in page} == made


@pytest.mark.parametrize(("segment", "described"), [(1101, {"orders": 3}), (1102, {"country": "DE"})])
def test_a_segment_counts_who_its_rule_describes(acme: Api, segment: int, described: Json) -> None:
    def size() -> int:
        return int(ask(acme, "POST", f"/cdp/segments/{segment}/evaluate").body["size"])

    before = size()
    make_profile(acme, attributes=described)
    make_profile(acme, attributes={"orders": 2, "country": "FR"})
    make_profile(acme, attributes={"orders": "many", "country": 49})
    assert size() == before + 1


def steps(api: Api) -> dict[str, tuple[Answer, list[str]]]:
    """Ask each route that works on rows, and say which steps its trace must have, in this order."""
    one, other = make_profile(api)["id"], make_profile(api)["id"]
    signal = {"signal_type": "delivery", "score": 84}
    return {
        "GET /automations": (ask(api, "GET", "/automations"), ["SELECT automations"]),
        "POST /campaigns": (
            ask(api, "POST", "/campaigns", status=201, json=CAMPAIGN),
            ["INSERT campaigns", "SET cache"],
        ),
        "GET /cdp/profiles/search": (ask(api, "GET", "/cdp/profiles/search"), ["SELECT profiles"]),
        "POST /cdp/profiles": (
            ask(api, "POST", "/cdp/profiles", status=201, json={"external_id": uuid4().hex}),
            ["INSERT profiles"],
        ),
        "PATCH /cdp/profiles/{profile_id}": (
            ask(api, "PATCH", f"/cdp/profiles/{one}", json={"name": "Ada"}),
            ["SELECT profiles", "UPDATE profiles"],
        ),
        "POST /cdp/profiles/{profile_id}/merge": (
            ask(api, "POST", f"/cdp/profiles/{one}/merge", json={"source_id": other}),
            ["SELECT profiles", "UPDATE profiles", "UPDATE profiles"],
        ),
        "POST /trust/signals": (
            ask(api, "POST", "/trust/signals", status=201, json=signal),
            ["INSERT signals"],
        ),
        "GET /analytics/dashboard": (
            ask(api, "GET", "/analytics/dashboard"),
            [
                "SELECT campaigns",
                "SELECT executions",
                "SELECT signals",
                "SELECT campaigns",
                "SELECT segments",
            ],
        ),
    }


def test_each_route_is_one_tree_down_to_its_statements(acme: Api, jaeger: Jaeger) -> None:
    warm_up(acme, jaeger)
    for route, (answer, inner) in steps(acme).items():
        method, _, path = route.partition(" ")
        name = f"{method} /api/v1{path}"
        trace = eventually(jaeger.trace(answer.trace_id), has_spans(name, *inner), is_connected, within=15)
        assert tree(trace) == [f"{name} > {step}" for step in inner]
        (request,) = trace.roots
        assert (request.parent_id, request.attributes["tenant_id"]) == (answer.span_id, "acme")


def test_an_evaluation_is_traced_with_its_segment(acme: Api, jaeger: Jaeger) -> None:
    warm_up(acme, jaeger)
    answer = ask(acme, "POST", "/cdp/segments/1103/evaluate")
    trace = eventually(jaeger.trace(answer.trace_id), has_spans("evaluate_segment"), is_connected, within=15)
    route = "POST /api/v1/cdp/segments/{segment_id}/evaluate"
    assert tree(trace) == [f"{route} > evaluate_segment", "evaluate_segment > UPDATE segments"]
    (span,) = trace.named("evaluate_segment")
    assert dict(span.attributes) == {"segment_id": 1103, "segment_type": "lifecycle"}


def test_the_dashboard_adds_up_what_was_written(retailx: Api) -> None:
    before = ask(retailx, "GET", "/analytics/dashboard").body
    make_profile(retailx)
    ask(retailx, "POST", "/campaigns", status=201, json=CAMPAIGN)

    def read() -> tuple[int, int, int]:
        now = ask(retailx, "GET", "/analytics/dashboard").body
        return (
            now["profiles"] - before["profiles"],
            now["campaigns"]["active"] - before["campaigns"]["active"],
            now["active_daily_budget_cents"] - before["active_daily_budget_cents"],
        )

    # a replica is a moment behind
    eventually(Probe("growth of the dashboard", retailx.address, read), equals((1, 1, 250_00)), within=15)


def test_signals_decide_about_the_next_run(techco: Api, prometheus: Prometheus) -> None:
    # the worker observes the scores that its decisions stand on, under its own job
    scores = 'sum(signal_health_score_count{job="stratum-api",tenant_id="techco",signal_type="delivery"})'
    before = counted_so_far(prometheus, scores, job="stratum-api")
    for score in (60, 73):
        signal = {"signal_type": "delivery", "score": score}
        ask(techco, "POST", "/trust/signals", status=201, json=signal)
    outcome = eventually(techco.outcome(techco.execute(2001)), within=60)
    assert outcome.signal_health == 75.0  # of 78, 74 and the last score
    eventually(prometheus.value(scores), equals(before + 2), within=30)


def test_known_tenants_series_begin_at_zero(prometheus: Prometheus) -> None:
    """Every set of labels is there before anything happened, so that the first event has a rate."""
    series = {
        "signal_health_score_count": 3,
        "cdp_profile_operations_total": 3,
        "cdp_segment_evaluation_seconds_count": 3,
    }
    for name, wanted in series.items():
        probe = prometheus.value(f'count({name}{{job="stratum-api",tenant_id="closedco"}} == 0)')
        eventually(probe, equals(wanted), within=30)


@pytest.mark.slow
def test_without_the_cache_campaigns_are_read_from_the_database(acme: Api, faults: Faults) -> None:
    made = ask(acme, "POST", "/campaigns", status=201, json=CAMPAIGN).body
    with faults.stopped("redis"):
        assert acme.send("GET", "/health/ready").status == 503
        assert ask(acme, "GET", f"/campaigns/{made['id']}").body == made
        newer = ask(acme, "POST", "/campaigns", status=201, json=CAMPAIGN).body
        assert ask(acme, "GET", "/campaigns", params={"limit": 2}).body["items"] == [newer, made]
    assert ask(acme, "GET", "/campaigns", params={"limit": 2}).body["items"] == [newer, made]
