"""The house rules over `docker compose config`; each rule is also seen to fail."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import house_rules
import pytest
import yaml
from launcher import credentials
from launcher.environment import PORTS, ROOT
from launcher.up import ADDRESSES

if TYPE_CHECKING:
    from collections.abc import Callable

Services = dict[str, dict[str, Any]]
TEXT = (ROOT / "docker-compose.yml").read_text()


@pytest.mark.parametrize("rule", house_rules.RULES, ids=lambda rule: rule.__name__)
def test_every_service(rule: house_rules.Rule, services: Services) -> None:
    assert not house_rules.violations(rule, services)


# The smallest change to a healthy service that each rule must object to.
BREAKAGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "publishes_on_loopback_only": lambda s: s["ports"][0].update(host_ip="0.0.0.0"),  # noqa: S104
    "publishes_only_what_a_person_opens": lambda s: s["ports"].append(
        {"target": 9464, "host_ip": "127.0.0.1"}
    ),
    "is_not_root": lambda s: s.update(user="0:0"),
    "cannot_gain_privileges": lambda s: s.update(cap_drop=[]),
    "writes_only_where_something_is_mounted": lambda s: s.update(read_only=False),
    "is_limited": lambda s: s["deploy"]["resources"]["limits"].pop("memory"),
    "says_whether_it_is_healthy": lambda s: s.pop("healthcheck"),
    "is_found_by_name": lambda s: s.update(container_name="api"),
    "asks_for_a_name_briefly": lambda s: s.pop("dns_opt"),
    "is_pinned": lambda s: s.update(image="stratum/sample-app:latest"),
    "mounts_configuration_read_only": lambda s: s.update(volumes=[{"type": "bind", "source": "/etc"}]),
    "keeps_its_logs_bounded": lambda s: s["logging"]["options"].update({"fluentd-async": "false"}),
    "is_built_or_known_not_to_be": lambda s: s.pop("build"),
}


@pytest.mark.parametrize("rule", house_rules.RULES, ids=lambda rule: rule.__name__)
def test_every_rule_can_fail(rule: house_rules.Rule, services: Services) -> None:
    broken = copy.deepcopy(services)
    BREAKAGES[rule.__name__](broken["api"])

    assert house_rules.violations(rule, broken)


def test_every_published_port_has_a_setting_and_the_launcher_knows_its_usual_value() -> None:
    published = dict(re.findall(r"127\.0\.0\.1:\$\{([A-Z_]+_PORT):-(\d+)\}:\d+", TEXT))

    assert {name: int(port) for name, port in published.items()} == PORTS


def test_an_address_is_shown_for_every_service_that_publishes_one(services: Services) -> None:
    assert set(ADDRESSES) == {name for name, spec in services.items() if spec.get("ports")}


def test_every_setting_of_the_compose_file_is_in_the_example() -> None:
    used = set(re.findall(r"\$\{([A-Z_]+)", TEXT))
    explained = set(re.findall(r"^#? ?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))

    assert not used - explained


def test_every_secret_is_one_the_launcher_makes(compose: dict[str, Any]) -> None:
    assert set(compose["secrets"]) - {"ca"} == set(credentials.NAMES)


def test_every_mounted_file_exists(services: Services) -> None:
    sources = {m["source"] for s in services.values() for m in s.get("volumes", []) if m["type"] == "bind"}

    assert not [source for source in sources if not source.startswith("/") or not Path(source).exists()]


def test_nothing_waits_for_more_than_two_others_in_a_row(services: Services) -> None:
    """A longer local chain, or a slower gate, breaks the start-up budget (design, part 2)."""

    def depth(name: str) -> int:
        return max((1 + depth(other) for other in services[name].get("depends_on", {})), default=0)

    gates = {other for spec in services.values() for other in spec.get("depends_on", {})}
    slow = {
        name
        for name in gates
        if services[name].get("healthcheck", {}).get("interval", "1s") not in ("1s", "2s")
    }

    assert max(depth(name) for name in services) <= 2
    assert not slow


def test_what_watches_has_the_processor_first_and_nobody_else(services: Services) -> None:
    """A scrape that comes too late says that its target is down."""
    first = {name for name, service in services.items() if service.get("cpu_shares", 1024) > 1024}
    assert first == {name for name in services if name.endswith("-exporter")} | {"prometheus", "alertmanager"}


def test_the_real_pagerduty_and_slack_cannot_be_reached_from_alertmanager(services: Services) -> None:
    hosts = services["alertmanager"]["extra_hosts"]

    assert {"events.pagerduty.com=127.0.0.1", "hooks.slack.com=127.0.0.1"} <= {
        h.replace(":", "=", 1) for h in hosts
    }


def test_data_is_on_named_volumes(services: Services) -> None:
    kept = {m["source"] for s in services.values() for m in s.get("volumes", []) if m["type"] == "volume"}

    assert kept >= {
        f"{name}-data" for name in ("postgres", "redis-broker", "prometheus", "loki", "jaeger", "errors")
    }
    assert kept >= {f"{name}-data" for name in ("alertmanager", "inbox", "otel-collector", "grafana")}


def test_retention_is_set_for_every_signal(services: Services) -> None:
    loki = yaml.safe_load((ROOT / "loki" / "loki.yml").read_text())
    jaeger = yaml.safe_load((ROOT / "jaeger" / "jaeger.yml").read_text())
    badger = jaeger["extensions"]["jaeger_storage"]["backends"]["main"]["badger"]

    assert "--storage.tsdb.retention.time=35d" in services["prometheus"]["command"]
    assert loki["limits_config"]["retention_period"] == "720h"
    assert loki["compactor"]["retention_enabled"] is True
    assert badger["ttl"]["spans"] == "72h"
    assert badger["ephemeral"] is False
