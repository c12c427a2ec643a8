"""`image:` and `build:` name one version, and the binary inside says the same."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import pytest
from launcher.environment import ROOT

Services = dict[str, dict[str, Any]]


@pytest.fixture(scope="session")
def services(services: Services, checkers: Services) -> Services:
    """The programs that only check are built in the same way."""
    return {**services, **checkers}


# service: how its binary is asked, and where go.mod says which version is compiled (module, and what turns its
# version into the program's)
ASKED = {
    "prometheus": ["/bin/prometheus", "--version"],
    "alertmanager": ["/bin/alertmanager", "--version"],
    "loki": ["/usr/bin/loki", "-version"],
    "jaeger": ["/cmd/jaeger/jaeger-linux", "version"],
    "otel-collector": ["/otelcol-contrib", "--version"],
    "postgres-exporter": ["/bin/postgres_exporter", "--version"],
    "redis-exporter": ["/redis_exporter", "--version"],
    "volumes-exporter": ["/bin/node_exporter", "--version"],
    "postgres": ["/usr/lib/postgresql/17/bin/postgres", "--version"],
    "redis": ["redis-server", "--version"],
    "errors": ["python3", "-c", "from importlib.metadata import version; print(version('bugsink'))"],
    "pint": ["pint", "version"],
    "sloth": ["sloth", "version"],
}
MODULES = {
    "prometheus": ("prometheus/image", r"github.com/prometheus/prometheus v0\.3(\d\d)\.(\d+)", "3.{}.{}"),
    "alertmanager": ("alertmanager/image", r"github.com/prometheus/alertmanager v(\S+)", "{}"),
    "loki": ("loki/image", r"github.com/grafana/loki/v3 v(\S+)", "{}"),
    "otel-collector": ("otel-collector/image", r"go.opentelemetry.io/collector/otelcol v(\S+)", "{}"),
    "postgres-exporter": (
        "exporters/postgres-exporter/image",
        r"github.com/prometheus-community/postgres_exporter v(\S+)",
        "{}",
    ),
    "redis-exporter": ("exporters/redis-exporter/image", r"github.com/oliver006/redis_exporter v(\S+)", "{}"),
    "volumes-exporter": (
        "exporters/node-exporter/image",
        r"github.com/prometheus/node_exporter v(\S+)",
        "{}",
    ),
    "pint": ("images/pint", r"github.com/cloudflare/pint v(\S+)", "{}"),
    "sloth": ("images/sloth", r"github.com/slok/sloth v(\S+)", "{}"),
}
# Jaeger's own tag is 2.13.0; the Go module of the same commit has another number.
JAEGER_MODULE, JAEGER_VERSION = "github.com/jaegertracing/jaeger v1.76.0", "2.13.0"


def tag_of(services: Services, service: str) -> str:
    """The version in `image:`, without its v."""
    return services[service]["image"].rpartition(":")[2].removeprefix("v")


@pytest.mark.parametrize("service", ASKED)
def test_the_binary_is_of_the_version_that_the_tag_says(services: Services, service: str) -> None:
    entrypoint, *arguments = ASKED[service]
    image = services[service]["image"]

    asked = ["docker", "run", "--rm", "--network=none", f"--entrypoint={entrypoint}", image, *arguments]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    # some say it on standard error; sloth ends no line, and what it complains of there may come right behind
    printed = f"{done.stdout}\n{done.stderr}"

    assert done.returncode == 0, f"`make images` builds what is missing\n{printed}"
    assert re.search(rf"(?<![\d.]){re.escape(tag_of(services, service))}(?!\d)", printed), printed


@pytest.mark.parametrize("service", MODULES)
def test_what_is_compiled_is_of_the_version_that_the_tag_says(services: Services, service: str) -> None:
    folder, pattern, form = MODULES[service]
    found = re.search(pattern, (ROOT / folder / "go.mod").read_text())

    assert found, f"{pattern} is not in {folder}/go.mod"
    assert form.format(*(str(int(part)) if part.isdigit() else part for part in found.groups())) == tag_of(
        services, service
    )


def test_jaeger_is_compiled_from_the_module_of_its_tag(services: Services) -> None:
    assert JAEGER_MODULE in (ROOT / "jaeger/image/go.mod").read_text()
    assert tag_of(services, "jaeger") == JAEGER_VERSION


def test_bugsink_is_installed_in_the_version_of_its_image(services: Services) -> None:
    assert f"bugsink=={tag_of(services, 'errors')}" in (ROOT / "errors/requirements.in").read_text()


@pytest.mark.parametrize("service", [name for name in ASKED if name not in ("postgres", "redis", "errors")])
def test_the_version_that_is_linked_in_is_the_tag(services: Services, service: str) -> None:
    linked = services[service]["build"]["args"]["VERSION"]

    assert linked.removeprefix("v") == tag_of(services, service)
