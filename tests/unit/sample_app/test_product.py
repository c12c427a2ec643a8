"""Each of the product's routes is one tree of spans, one line and its samples, and refuses what is unfit."""

import asyncio
from typing import Any, cast
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as rules
from hypothesis import strategies as st
from opentelemetry.trace import Tracer
from prometheus_client import CollectorRegistry
from sqlalchemy import exc

from sample_app.cache import RedisCache
from sample_app.campaigns.cached import CachedCampaigns
from sample_app.campaigns.store import NewCampaign
from sample_app.telemetry import names
from sample_app.telemetry.platform_metrics import PlatformMetrics
from unit.sample_app.doubles import ACME, App, Lines
from unit.sample_app.product_doubles import MemoryCache, MemoryCampaigns

V1 = "/api/v1"
CAMPAIGN = {"name": "Spring sale", "platform": "meta", "status": "active", "daily_budget_cents": 250_00}
SIGNAL = {"signal_type": "delivery", "score": 87.5}
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}


def make_profile(app: App) -> dict[str, Any]:
    answer = app.client.post(f"{V1}/cdp/profiles", headers=ACME, json={"external_id": uuid4().hex})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def calls(app: App) -> list[tuple[str, str, str, int, Any]]:
    """Call each route of the product once: method, template, path, status, body."""
    first, second = make_profile(app), make_profile(app)
    app.client.post(f"{V1}/campaigns", headers=ACME, json=CAMPAIGN)
    app.exporter.clear()
    app.lines.stream.seek(0)
    app.lines.stream.truncate()
    profile = f"{V1}/cdp/profiles/{first['id']}"
    return [
        ("GET", f"{V1}/automations", f"{V1}/automations", 200, None),
        ("GET", f"{V1}/campaigns", f"{V1}/campaigns", 200, None),
        ("POST", f"{V1}/campaigns", f"{V1}/campaigns", 201, CAMPAIGN),
        ("GET", f"{V1}/campaigns/{{campaign_id}}", f"{V1}/campaigns/10001", 200, None),
        ("GET", f"{V1}/cdp/profiles/search", f"{V1}/cdp/profiles/search", 200, None),
        ("POST", f"{V1}/cdp/profiles", f"{V1}/cdp/profiles", 201, {"external_id": uuid4().hex}),
        ("PATCH", f"{V1}/cdp/profiles/{{profile_id}}", profile, 200, {"name": "Ada"}),
        (
            "POST",
            f"{V1}/cdp/profiles/{{profile_id}}/merge",
            f"{profile}/merge",
            200,
            {"source_id": second["id"]},
        ),
        (
            "POST",
            f"{V1}/cdp/segments/{{segment_id}}/evaluate",
            f"{V1}/cdp/segments/1101/evaluate",
            200,
            None,
        ),
        ("POST", f"{V1}/trust/signals", f"{V1}/trust/signals", 201, SIGNAL),
        ("GET", f"{V1}/analytics/dashboard", f"{V1}/analytics/dashboard", 200, None),
    ]


def test_each_request_is_one_tree_one_line_one_sample(app: App) -> None:
    inner = {f"{V1}/cdp/segments/{{segment_id}}/evaluate": ["evaluate_segment"]}
    for method, template, path, status, body in calls(app):
        labels = {"method": method, "endpoint": template, "status_code": str(status)}
        before = app.sample("api_requests_total", **labels)
        app.exporter.clear()
        said = len(app.lines.all())
        answer = app.client.request(method, path, headers={**ACME, **CALLER}, json=body)

        assert answer.status_code == status, answer.text
        spans = {span.name: span for span in app.spans()}
        server = spans.pop(f"{method} {template}")
        assert list(spans) == inner.get(template, [])
        assert all(span.parent.span_id == server.context.span_id for span in spans.values() if span.parent)
        [line] = app.lines.all()[said:]
        assert {key: line[key] for key in ("event", "endpoint", "status_code", "tenant_id", "trace_id")} == {
            "event": "api_request",
            "endpoint": template,
            "status_code": status,
            "tenant_id": "acme",
            "trace_id": TRACE,
        }
        assert app.sample("api_requests_total", **labels) == (before or 0) + 1
    assert app.errors.events == []


@pytest.mark.parametrize(
    ("metric", "labels"),
    [
        ("signal_health_score_count", {"signal_type": "delivery"}),
        ("cdp_segment_evaluation_seconds_count", {"segment_type": "behavioural"}),
        ("cdp_profile_operations_total", {"operation": "update"}),
        ("cdp_profile_operations_total", {"operation": "merge"}),
    ],
    ids=["signal", "segment", "update", "merge"],
)
def test_what_tenants_do_is_counted_once(app: App, metric: str, labels: dict[str, str]) -> None:
    asked = calls(app)
    app.watch.platform.expect(["acme"])
    assert app.sample(metric, tenant_id="acme", **labels) == 0
    for method, _, path, _, body in asked:
        app.client.request(method, path, headers=ACME, json=body)

    assert app.sample(metric, tenant_id="acme", **labels) == 1


def test_a_score_falls_into_its_bucket_with_its_trace_as_exemplar(app: App) -> None:
    app.client.post(f"{V1}/trust/signals", headers={**ACME, **CALLER}, json=SIGNAL)

    buckets = {"signal_type": "delivery", "tenant_id": "acme"}
    assert app.sample("signal_health_score_bucket", le="80.0", **buckets) == 0
    assert app.sample("signal_health_score_bucket", le="90.0", **buckets) == 1
    assert app.sample("signal_health_score_sum", **buckets) == 87.5
    accept = {"Accept": "application/openmetrics-text;version=1.0.0"}
    exposed = app.internal.get("/metrics", headers=accept).text.splitlines()
    [scored] = [line for line in exposed if line.startswith("signal_health_score_bucket") and TRACE in line]
    assert 'le="90.0"' in scored


def test_what_was_refused_is_not_counted(app: App) -> None:
    app.watch.platform.expect(["acme"])
    unknown = f"{V1}/cdp/profiles/{uuid4()}"
    assert app.client.patch(unknown, headers=ACME, json={"name": "Ada"}).status_code == 404
    assert app.client.post(f"{V1}/cdp/segments/2101/evaluate", headers=ACME).status_code == 404
    too_high = {"signal_type": "delivery", "score": 100.01}
    assert app.client.post(f"{V1}/trust/signals", headers=ACME, json=too_high).status_code == 422

    assert app.sample("cdp_profile_operations_total", operation="update", tenant_id="acme") == 0
    assert (
        app.sample("cdp_segment_evaluation_seconds_count", segment_type="behavioural", tenant_id="acme") == 0
    )
    assert app.sample("signal_health_score_count", signal_type="delivery", tenant_id="acme") == 0


@given(st.lists(st.tuples(st.text(), st.text(min_size=1)), max_size=30))
def test_no_tenant_and_no_type_opens_series_without_end(seen: list[tuple[str, str]]) -> None:
    registry = CollectorRegistry()
    metrics = PlatformMetrics(registry)
    for signal_type, tenant in seen:
        metrics.scored(signal_type, tenant, 50)
        metrics.profile_changed(signal_type, tenant)
        metrics.segment_evaluated(signal_type, tenant, 0.1)

    known = {*names.SIGNAL_TYPES, *names.PROFILE_OPERATIONS, *names.SEGMENT_TYPES, names.OTHER}
    for family in registry.collect():
        for sample in family.samples:
            kinds = {sample.labels[key] for key in sample.labels if key not in {"tenant_id", "le"}}
            assert kinds <= known


def test_tenants_beyond_the_limit_become_other(app: App) -> None:
    app.watch.platform.expect(f"tenant-{number}" for number in range(names.TENANT_LIMIT))
    app.watch.platform.profile_changed("create", "one-more")

    assert app.sample("cdp_profile_operations_total", operation="create", tenant_id="one-more") is None
    assert app.sample("cdp_profile_operations_total", operation="create", tenant_id="other") == 1


def test_a_tenant_costs_few_series(app: App) -> None:
    def series() -> int:
        return sum(len(family.samples) for family in app.watch.registry.collect())

    app.watch.platform.expect(["acme"])
    one = series()
    app.watch.platform.expect(["techco"])
    assert series() - one <= 100  # of the 200 that a tenant may cost in all processes together


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("GET", "/campaigns?limit=101", None, "query.limit"),
        ("GET", "/campaigns?limit=0", None, "query.limit"),
        ("GET", "/campaigns?cursor=x", None, "query.cursor"),
        ("GET", "/campaigns?limt=5", None, "query.limt"),
        ("GET", "/campaigns/0", None, "path.campaign_id"),
        ("POST", "/campaigns", {**CAMPAIGN, "name": ""}, "body.name"),
        ("POST", "/campaigns", {**CAMPAIGN, "name": "a\x00b"}, "body.name"),
        ("POST", "/campaigns", {**CAMPAIGN, "platform": "myspace"}, "body.platform"),
        ("POST", "/campaigns", {**CAMPAIGN, "daily_budget_cents": -1}, "body.daily_budget_cents"),
        ("POST", "/campaigns", {**CAMPAIGN, "daily_budget_cents": 10**13}, "body.daily_budget_cents"),
        ("POST", "/campaigns", {**CAMPAIGN, "daily_budget_cents": "5"}, "body.daily_budget_cents"),
        ("POST", "/campaigns", {**CAMPAIGN, "daily_budget_cents": True}, "body.daily_budget_cents"),
        ("POST", "/campaigns", {**CAMPAIGN, "owner": "me"}, "body.owner"),
        ("GET", "/cdp/profiles/search?q=", None, "query.q"),
        ("GET", "/cdp/profiles/search?q=%00", None, "query.q"),
        ("GET", "/cdp/profiles/search?cursor=7", None, "query.cursor"),
        ("POST", "/cdp/profiles", {}, "body.external_id"),
        ("POST", "/cdp/profiles", {"external_id": "x", "email": "nobody"}, "body.email"),
        ("POST", "/cdp/profiles", {"external_id": "x", "attributes": {"A b": 1}}, "body.attributes.A b"),
        ("POST", "/cdp/segments/x/evaluate", None, "path.segment_id"),
        ("POST", "/trust/signals", {"signal_type": "mood", "score": 1}, "body.signal_type"),
        ("POST", "/trust/signals", {"signal_type": "delivery", "score": 100.5}, "body.score"),
        ("POST", "/trust/signals", {"signal_type": "delivery", "score": -0.1}, "body.score"),
        ("POST", "/trust/signals", {"signal_type": "delivery", "score": "50"}, "body.score"),
        ("GET", "/analytics/dashboard?days=91", None, "query.days"),
    ],
)
def test_what_is_unfit_is_422_and_names_the_field(
    app: App, method: str, path: str, body: object, field: str
) -> None:
    answer = app.client.request(method, V1 + path, headers=ACME, json=body)

    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"].startswith(field)


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"1e400"])
def test_numbers_that_json_does_not_have_are_refused(app: App, number: bytes) -> None:
    headers = {**ACME, "Content-Type": "application/json"}
    signal = b'{"signal_type": "delivery", "score": %s}' % number
    assert app.client.post(f"{V1}/trust/signals", headers=headers, content=signal).status_code == 422
    profile = b'{"external_id": "x", "attributes": {"a": %s}}' % number
    assert app.client.post(f"{V1}/cdp/profiles", headers=headers, content=profile).status_code == 422


def test_a_change_of_nothing_and_a_merge_with_itself_are_refused(app: App) -> None:
    profile = f"{V1}/cdp/profiles/{make_profile(app)['id']}"

    assert app.client.patch(profile, headers=ACME, json={}).status_code == 422
    itself = {"source_id": profile.rpartition("/")[2]}
    assert app.client.post(f"{profile}/merge", headers=ACME, json=itself).status_code == 422


@rules(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.integers(1, 14), number=st.integers(0, 12))
@example(limit=2, number=5)
def test_pages_are_as_long_as_asked_and_hold_everything_once(app: App, limit: int, number: int) -> None:
    store = app.platform.campaigns
    assert isinstance(store, MemoryCampaigns)
    store.rows.clear()
    for _ in range(number):
        app.client.post(f"{V1}/campaigns", headers=ACME, json=CAMPAIGN)
    seen: list[int] = []
    cursor = ""
    while True:
        page = app.client.get(f"{V1}/campaigns?limit={limit}{cursor}", headers=ACME).json()
        assert len(page["items"]) <= limit
        seen += [campaign["id"] for campaign in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert seen == sorted((row.id for _, row in store.rows), reverse=True)


def test_while_the_database_is_away_lists_are_503(app: App) -> None:
    store = app.platform.campaigns
    assert isinstance(store, MemoryCampaigns)
    store.failure = exc.TimeoutError("pool")

    assert app.client.get(f"{V1}/campaigns", headers=ACME).status_code == 503


def test_the_cache_spares_the_store_and_forgets_what_changed() -> None:
    store, cache = MemoryCampaigns(), MemoryCache()
    campaigns = CachedCampaigns(store, cache)
    wanted = NewCampaign.model_validate(CAMPAIGN)

    async def use() -> None:
        made = await campaigns.add("acme", wanted)
        cache.kept.clear()
        assert [await campaigns.newest("acme", limit=5) for _ in range(3)] == [[made]] * 3
        assert store.asked == 1
        assert await campaigns.newest("techco", limit=5) == []
        newer = await campaigns.add("acme", wanted)
        assert await campaigns.newest("acme", limit=5) == [newer, made]

    asyncio.run(use())


def test_what_another_release_cached_is_read_from_the_store() -> None:
    store, cache = MemoryCampaigns(), MemoryCache()
    campaigns = CachedCampaigns(store, cache)

    async def use() -> None:
        made = await campaigns.add("acme", NewCampaign.model_validate(CAMPAIGN))
        cache.kept[f"campaigns:acme:{made.id}"] = b'[{"id": "?"}]'
        assert await campaigns.get("acme", made.id) == made

    asyncio.run(use())


class SilentRedis:
    """A Redis that takes connections and answers nothing."""

    def __init__(self) -> None:
        self.asked = 0

    async def get(self, _key: str) -> bytes:
        """Keep whoever asks waiting."""
        self.asked += 1
        await asyncio.Event().wait()
        return b""


def test_a_silent_cache_is_asked_once_and_then_left_alone(tracer: Tracer, lines: Lines) -> None:
    redis = SilentRedis()
    cache = RedisCache(cast("Any", redis), tracer, ttl_seconds=30)

    async def use() -> None:
        assert [await cache.get("campaigns:acme:newest") for _ in range(20)] == [None] * 20

    asyncio.run(use())
    assert redis.asked == 1
    [line] = lines.named("cache_paused")
    assert (line["level"], line["cause"]) == ("warning", "TimeoutError")
