"""The rules of design part 10, each a function from one service to what is wrong with it.

Kept apart from the tests so that a twin can break a copy of the Compose file and see each rule object.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from launcher.containers import ONE_SHOT, WITHOUT_HEALTHCHECK

if TYPE_CHECKING:
    from collections.abc import Iterator

Spec = dict[str, Any]
Rule = Callable[[str, Spec], "Iterator[str]"]

ROOT_ALLOWED = {"volumes": "gives fresh volumes to the users of the upstream images, once, without a network"}
CAPABILITIES_ALLOWED = {"volumes": ["CHOWN"]}
OWN_LOGS = {
    "otel-collector": "its lines would go round in a loop",
    "loki": "the same",
    "volumes": "runs before the Collector",
}
MAY_PUBLISH = {
    "api",
    "prometheus",
    "alertmanager",
    "loki",
    "jaeger",
    "grafana",
    "errors",
    "inbox",
    "otel-collector",
}


def publishes_on_loopback_only(_: str, spec: Spec) -> Iterator[str]:
    for port in spec.get("ports", []):
        if port.get("host_ip") != "127.0.0.1":
            yield f"port {port['target']} is not bound to 127.0.0.1"


def publishes_only_what_a_person_opens(name: str, spec: Spec) -> Iterator[str]:
    if spec.get("ports") and name not in MAY_PUBLISH:
        yield "publishes a port"
    for port in spec.get("ports", []):
        if port["target"] in (9464, 9810, 9811, 9812, 9187, 9121, 9100, 8888):
            yield f"publishes a metrics port ({port['target']})"


def is_not_root(name: str, spec: Spec) -> Iterator[str]:
    user = str(spec.get("user", ""))
    if name not in ROOT_ALLOWED and (not user or user.split(":", maxsplit=1)[0] in ("0", "root")):
        yield f"runs as {user or 'whatever the image says'}"


def cannot_gain_privileges(name: str, spec: Spec) -> Iterator[str]:
    if spec.get("cap_drop") != ["ALL"]:
        yield "does not drop all capabilities"
    if spec.get("cap_add", []) != CAPABILITIES_ALLOWED.get(name, []):
        yield f"adds capabilities: {spec.get('cap_add')}"
    if "no-new-privileges:true" not in spec.get("security_opt", []):
        yield "may gain privileges"
    if spec.get("privileged"):
        yield "is privileged"
    for shared in ("pid", "ipc", "uts", "network_mode"):
        if spec.get(shared) == "host":
            yield f"shares the host's {shared}"


def writes_only_where_something_is_mounted(_: str, spec: Spec) -> Iterator[str]:
    if not spec.get("read_only"):
        yield "has a writable root file system"


def is_limited(_: str, spec: Spec) -> Iterator[str]:
    limits = spec.get("deploy", {}).get("resources", {}).get("limits", {})
    for resource in ("memory", "pids"):
        if not limits.get(resource):
            yield f"has no limit on {resource}"


def says_whether_it_is_healthy(name: str, spec: Spec) -> Iterator[str]:
    has = "test" in spec.get("healthcheck", {})
    exempt = name in WITHOUT_HEALTHCHECK or name in ONE_SHOT
    if has == exempt:
        yield "has a healthcheck although it is listed as an exception" if has else "has no healthcheck"


def is_found_by_name(name: str, spec: Spec) -> Iterator[str]:
    if "container_name" in spec:
        yield "has a container_name: two stacks could not run side by side"
    if not spec.get("labels", {}).get("stratum.service"):
        yield "has no stratum.service label: its log lines would have no name"
    if spec.get("hostname"):
        yield f"has a hostname ({name})"


def asks_for_a_name_briefly(_: str, spec: Spec) -> Iterator[str]:
    if not {"timeout:1", "attempts:1"} <= set(spec.get("dns_opt", [])):
        yield "waits for ten seconds when nobody knows a name, longer than a scrape"


def is_pinned(_: str, spec: Spec) -> Iterator[str]:
    tag = spec["image"].rpartition(":")[2]
    if "/" in tag or tag in ("", "latest"):
        yield f"runs an image without an explicit tag: {spec['image']}"


def mounts_configuration_read_only(_: str, spec: Spec) -> Iterator[str]:
    for mount in spec.get("volumes", []):
        if mount["type"] == "bind" and not mount.get("read_only"):
            yield f"may write to {mount['source']}"
        if "docker.sock" in mount.get("source", ""):
            yield "has the engine's socket"


def keeps_its_logs_bounded(name: str, spec: Spec) -> Iterator[str]:
    logging = spec.get("logging", {})
    options = logging.get("options", {})
    if name in OWN_LOGS:
        if logging.get("driver") != "json-file" or "max-size" not in options:
            yield "keeps its logs without a bound"
        return
    wanted = {
        "fluentd-async": "true",
        "fluentd-request-ack": "true",
        "fluentd-buffer-limit": "8388608",
        "fluentd-sub-second-precision": "true",
        "labels": "stratum.service",
    }
    if logging.get("driver") != "fluentd":
        yield "does not send its lines to the Collector"
    for option, value in wanted.items():
        if options.get(option) != value:
            yield f"{option} is {options.get(option)}, not {value}"


def is_built_or_known_not_to_be(name: str, spec: Spec) -> Iterator[str]:
    if not spec.get("build") and name not in ("grafana", "volumes"):
        yield "has no build: it cannot start where no registry answers"


RULES = (
    publishes_on_loopback_only,
    publishes_only_what_a_person_opens,
    is_not_root,
    cannot_gain_privileges,
    writes_only_where_something_is_mounted,
    is_limited,
    says_whether_it_is_healthy,
    is_found_by_name,
    asks_for_a_name_briefly,
    is_pinned,
    mounts_configuration_read_only,
    keeps_its_logs_bounded,
    is_built_or_known_not_to_be,
)


def violations(rule: Rule, services: dict[str, Spec]) -> list[str]:
    """What *rule* says of every service."""
    return [f"{name} {complaint}" for name, spec in services.items() for complaint in rule(name, spec)]
