"""The folders prometheus/ and alertmanager/ in compressed time, rendered beside a private stack and mounted into it."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Protocol

import yaml

from harness import compression
from harness.durations import divided, milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from harness.eventually import Probe

# Durations that are not in a configuration file: docker-compose.yml has their usual values behind these settings.
_FLAGS = (
    "PROMETHEUS_RESEND_DELAY",
    "PROMETHEUS_FOR_GRACE_PERIOD",
    "PROMETHEUS_DISCOVERY_RELOAD_INTERVAL",
    "PROMETHEUS_LOOKBACK_DELTA",
    "ALERTMANAGER_MAINTENANCE_INTERVAL",
    "INBOX_WATCHDOG_PATIENCE",
    "REDIS_EXPORTER_CONNECTION_TIMEOUT",  # has to end within a scrape
)
# Alertmanager ends an alert that Prometheus has not sent again within four times this: on a machine that stands still for
# as long, an alert that goes on would be told as over. So much of it is left in real time, whatever the factor.
_AT_LEAST = {"PROMETHEUS_RESEND_DELAY": 4.0}  # seconds
# What is a number of seconds there: how old the Celery exporter's answers may be. The other exporters ask at each scrape.
_SECONDS = ("STRATUM_EXPORTER_REFRESH_SECONDS",)
_NOT_MOUNTED = shutil.ignore_patterns("image", "tests", "src", "slos")


class Loaded(Protocol):
    """What is asked of a Prometheus here."""

    def rules(self) -> Probe[tuple[Mapping[str, compression.Yaml], ...]]:
        """Ask for the loaded groups of rules."""

    def formatted(self, expression: str) -> str:
        """Return an expression in its own wording."""


def render(root: Path, into: Path, *, factor: float) -> dict[str, str]:
    """Write both folders with their durations divided, and return the settings that mount them.

    Args:
        root: The checkout.
        into: The stack's own folder.
        factor: What every duration is divided by.
    """
    for name in ("prometheus", "alertmanager"):
        shutil.copytree(root / name, into / name, ignore=_NOT_MOUNTED, dirs_exist_ok=True)
    _rewrite(into / "prometheus" / "prometheus.yml", compression.prometheus, factor)
    _rewrite(into / "alertmanager" / "alertmanager.yml", compression.alertmanager, factor)
    for path in rule_files(into):
        _rewrite(path, compression.rules, factor)
    return {
        "PROMETHEUS_CONFIG": str(into / "prometheus"),
        "ALERTMANAGER_CONFIG": str(into / "alertmanager"),
        **_flags((root / "docker-compose.yml").read_text(), factor),
    }


def rule_files(root: Path) -> list[Path]:
    """Every rule file below prometheus/rules."""
    return sorted((root / "prometheus" / "rules").rglob("*.yml"))


def committed_rules(root: Path) -> Iterator[tuple[str, Mapping[str, compression.Yaml]]]:
    """Every committed rule with the name of its group."""
    for path in rule_files(root):
        for group in _read(path)["groups"]:
            for rule in group["rules"]:
                yield group["name"], rule


def committed_alerts(root: Path) -> Iterator[Mapping[str, compression.Yaml]]:
    """Every committed rule that is an alert."""
    return (rule for _, rule in committed_rules(root) if "alert" in rule)


def seconds_of(rule: Mapping[str, compression.Yaml], key: str = "for") -> float:
    """Return how long an alert waits, or with `keep_firing_for` lasts, in seconds without any division."""
    return milliseconds(str(rule.get(key, "0"))) / 1000


def differences(root: Path, prometheus: Loaded, *, factor: float) -> list[str]:
    """Say how the rules a Prometheus has loaded, multiplied back, differ from the committed ones.

    Both sides are first written by that Prometheus' own formatter, so only meaning is compared.
    """
    committed = list(committed_rules(root))
    loaded = [(group["name"], rule) for group in prometheus.rules().now() for rule in group["rules"]]
    ours = [(group, rule.get("alert") or rule["record"]) for group, rule in committed]
    theirs = [(group, rule["name"]) for group, rule in loaded]
    if sorted(ours) != sorted(theirs):
        return [f"only on one side: {sorted(set(ours) ^ set(theirs))}"]
    # stable sorts: rules of one name in one group keep the order of their file
    pairs = zip(
        sorted(committed, key=lambda one: (one[0], one[1].get("alert") or one[1]["record"])),
        sorted(loaded, key=lambda one: (one[0], one[1]["name"])),
        strict=True,
    )
    return [
        line
        for (_, rule), (_, other) in pairs
        for line in compression.difference(rule, other, factor, canonical=prometheus.formatted)
    ]


def _rewrite(
    path: Path, transform: Callable[[compression.Yaml, float], compression.Yaml], factor: float
) -> None:
    document = transform(_read(path), factor)
    path.write_text(
        yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=10_000)
    )


def _flags(compose_file: str, factor: float) -> dict[str, str]:
    lengths = {name: _divided_flag(name, _usual(compose_file, name), factor) for name in _FLAGS}
    numbers = {name: f"{float(_usual(compose_file, name)) / factor:g}" for name in _SECONDS}
    return lengths | numbers


def _divided_flag(name: str, usual: str, factor: float) -> str:
    least = _AT_LEAST.get(name)
    return divided(usual, factor if least is None else min(factor, milliseconds(usual) / 1000 / least))


def _usual(compose_file: str, name: str) -> str:
    usual = re.search(rf"\$\{{{name}:-([^}}]+)\}}", compose_file)
    if usual is None:
        raise ValueError(f"docker-compose.yml no longer has a setting {name} with a usual value")
    return usual.group(1)


def _read(path: Path) -> compression.Yaml:
    return yaml.load(path.read_text(), yaml.CSafeLoader)  # ten times as fast as safe_load
