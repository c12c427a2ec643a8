"""What is expected to be scraped is what prometheus.yml scrapes: a target that nobody expects can vanish unnoticed."""

from __future__ import annotations

from collections import Counter
from typing import Any

import yaml
from alert_rules import RULES
from launcher.environment import ROOT

CONFIGURED = yaml.safe_load((ROOT / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
# Jobs that TargetDown expects nothing of, and why.
NOT_EXPECTED = {
    "stratum-api": "APIDown and APIInstanceDown look after it",
    "grafana": "a profile: without its image there is none",
}

Target = tuple[str, str]


def configured(jobs: list[dict[str, Any]]) -> Counter[Target]:
    """How many targets each job and role has; a name that DNS resolves counts as one."""
    found: Counter[Target] = Counter()
    for job in jobs:
        name = job["job_name"]
        for group in job.get("static_configs", ()):
            found[name, group.get("labels", {}).get("role", "")] += len(group["targets"])
        for group in job.get("dns_sd_configs", ()):
            found[name, ""] += len(group["names"])
    return found


def expected() -> Counter[Target]:
    """What the rules expect."""
    found: Counter[Target] = Counter()
    for rule in RULES:
        if rule.get("record") == "job_role:targets:expected":
            number = int(rule["expr"].removeprefix("vector(").removesuffix(")"))
            found[rule["labels"]["job"], rule["labels"].get("role", "")] += number
    return found


def test_every_job_is_expected_with_as_many_targets_as_it_has() -> None:
    scraped = {
        target: count for target, count in configured(CONFIGURED).items() if target[0] not in NOT_EXPECTED
    }

    assert scraped == expected(), "prometheus/rules/pipeline.rules.yml, job_role:targets:expected"


def test_every_exception_is_a_job() -> None:
    assert set(NOT_EXPECTED) <= {job["job_name"] for job in CONFIGURED}


def test_a_job_that_nobody_expects_would_be_noticed() -> None:
    jobs = [*CONFIGURED, {"job_name": "new", "static_configs": [{"targets": ["new:1"]}]}]

    assert configured(jobs) - configured(CONFIGURED) == Counter({("new", ""): 1})


def test_every_named_volume_is_watched_under_its_name(
    compose: dict[str, Any], services: dict[str, dict[str, Any]]
) -> None:
    mounted = {mount["source"]: mount for mount in services["volumes-exporter"]["volumes"]}

    assert set(mounted) == set(compose["volumes"])
    for name, mount in mounted.items():
        assert mount["target"] == f"/volumes/{name.removesuffix('-data')}"
        assert mount["read_only"]
        assert mount["volume"] == {"nocopy": True}
