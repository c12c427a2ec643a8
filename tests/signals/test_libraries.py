"""What libraries say arrives as our own lines do: one shape, one level, one service, found by the same labels."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from harness.eventually import eventually
from harness.expectations import is_empty, is_not_empty

if TYPE_CHECKING:
    from harness.clients.loki import Line, Loki
    from harness.stack import Stack

# What each library says by itself in every start, and whose process says it.
SAID = {
    "celery": ("stratum-worker", "celery.+"),
    "uvicorn": ("stratum-api", "uvicorn.*"),
    "uvicorn of the ad platforms": ("ad-platforms", "uvicorn.*"),
    "alembic": ("stratum-migrate", "alembic.+"),
}
SHAPE = {"timestamp", "level", "service", "logger", "event"}

# SQLAlchemy is silent while all is well. A connection that cannot be reset makes its pool complain; in the API's
# container, by the API's settings, into the API's stdout.
_COMPLAINT = """
from sqlalchemy import create_engine, event
from sample_app.settings import load_settings
from sample_app.telemetry.logging import configure_logging
configure_logging(load_settings(), open("/proc/1/fd/1", "wb", buffering=0))
engine = create_engine("sqlite://")
@event.listens_for(engine, "reset")
def refuse(*_):
    raise RuntimeError("no reset for {mark}: password=hunter2")
engine.connect().close()
"""


def has_our_shape(line: Line, *, service: str, library: str) -> None:
    """Expect a library's line to have every field of ours, and Loki to know its level, service and environment."""
    assert set(line.fields) >= SHAPE, sorted(line.fields)
    assert line["service"] == service
    assert line["logger"].startswith(library)
    assert line["level"] in {"info", "warning", "error", "critical"}
    assert datetime.fromisoformat(line["timestamp"]).utcoffset() is not None
    assert line["event"]
    assert line.labels["service_name"] == service
    assert line.labels["detected_level"] == line["level"].replace("warning", "warn")
    assert line.labels["logger"] == line["logger"]
    assert line.labels["deployment_environment_name"]


@pytest.mark.parametrize("library", SAID)
def test_what_a_library_says_has_our_shape(library: str, loki: Loki) -> None:
    service, logger = SAID[library]
    lines = eventually(
        loki.lines(f'{{service_name="{service}"}} | logger=~"{logger}"'), is_not_empty, within=15
    )
    for line in lines:
        has_our_shape(line, service=service, library=library.split(maxsplit=1)[0])


def test_a_complaint_of_the_database_library_has_our_shape(stack: Stack, loki: Loki) -> None:
    """With its traceback in one line, and without the secret that is in it."""
    mark = "libraries"
    stack.compose.exec_in_container(["python", "-c", _COMPLAINT.replace("{mark}", mark)], "api")
    lines = eventually(
        loki.lines(f'{{service_name="stratum-api"}} | logger=~"sqlalchemy.+" |= "{mark}"'),
        is_not_empty,
        within=15,
    )
    for line in lines:
        has_our_shape(line, service="stratum-api", library="sqlalchemy")
    (complaint,) = lines
    assert complaint["level"] == "error"
    assert complaint["exception"].splitlines()[-1].startswith(f"RuntimeError: no reset for {mark}")
    assert "hunter2" not in complaint.body


@pytest.mark.parametrize(
    "service",
    [
        "stratum-api",
        "stratum-worker",
        "stratum-ingester",
        "stratum-scheduler",
        "stratum-migrate",
        "ad-platforms",
    ],
)
def test_every_line_of_the_application_is_json(service: str, loki: Loki) -> None:
    """Whoever printed it: one that is not would be found by no field; that there are lines, test_arrival.py says."""
    ours = f'^.+"service":"{service}".*}}$'
    is_empty(loki.lines(f'{{service_name="{service}"}} !~ `{ours}`').now())
