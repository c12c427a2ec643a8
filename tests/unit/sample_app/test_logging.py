"""Every line is JSON of one shape, is shorter than Docker's limit, and holds no secret."""

import logging
import re
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, example, given
from hypothesis import settings as rules
from hypothesis import strategies as st
from opentelemetry.trace import Tracer

import sample_app
from sample_app.telemetry import logging as our_logging
from sample_app.telemetry.context import SERVING, Serving
from sample_app.telemetry.redaction import MASK, redact, redact_text
from unit.sample_app.doubles import Lines

DOCKER_SPLITS_AT = 16 * 1024
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def test_a_librarys_record_has_our_shape(lines: Lines) -> None:
    logging.getLogger("uvicorn.error").warning("listening on %s", "8000")

    [line] = lines.all()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "listening on 8000",
        "level": "warning",
        "service": "stratum-api",
        "logger": "uvicorn.error",
    }


def test_a_line_says_to_the_microsecond_when_it_was_written(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = [1_767_225_599_999_999_999, 1_767_225_600_000_000_000, 1_767_225_600_000_042_000, 1_000]
    monkeypatch.setattr(our_logging, "time_ns", iter(moments).__next__)
    for _ in moments:
        structlog.get_logger().info("now")

    assert [line["timestamp"] for line in lines.all()] == [
        "2025-12-31T23:59:59.999999Z",
        "2026-01-01T00:00:00.000000Z",
        "2026-01-01T00:00:00.000042Z",
        "1970-01-01T00:00:00.000001Z",
    ]


def test_a_librarys_exception_is_one_line(lines: Lines) -> None:
    try:
        raise ValueError("broken")  # noqa: TRY301 - to be caught here
    except ValueError:
        logging.getLogger("celery.worker").exception("failed")

    [line] = lines.all()
    assert line["exception"].splitlines()[-1] == "ValueError: broken"


def test_a_line_names_its_request_and_its_trace(lines: Lines, tracer: Tracer) -> None:
    token = SERVING.set(Serving("req-1", tenant_id="acme"))
    with tracer.start_as_current_span("work") as span:
        structlog.get_logger().info("signal_scored")
    SERVING.reset(token)

    [line] = lines.all()
    assert (line["request_id"], line["tenant_id"]) == ("req-1", "acme")
    assert line["trace_id"] == f"{span.get_span_context().trace_id:032x}"
    assert line["span_id"] == f"{span.get_span_context().span_id:016x}"


def test_below_the_level_nothing_is_written(lines: Lines) -> None:
    structlog.get_logger().debug("detail")
    logging.getLogger("sqlalchemy").debug("detail")

    assert lines.all() == []


def test_we_have_no_level_above_error() -> None:
    """What is worse than an error pages by its alert; a level of its own would be a second, silent way to say it."""
    sources = Path(sample_app.__file__).parent.rglob("*.py")
    assert [path.name for path in sources if re.search(r"\.(critical|fatal)\(", path.read_text())] == []


def deep(levels: int) -> None:
    if levels:
        deep(levels - 1)
    raise RuntimeError("é" * 30_000)


@pytest.mark.parametrize("foreign", [False, True], ids=["ours", "a library's"])
def test_no_line_reaches_dockers_limit(lines: Lines, foreign: bool) -> None:  # noqa: FBT001 - a parameter of the test
    try:
        deep(300)
    except RuntimeError as error:
        if foreign:
            logging.getLogger("celery").exception("%s", "x" * 50_000)
        else:
            fields = {f"field_{i}": "\n" * 5_000 for i in range(50)}
            structlog.get_logger().error("large", exc_info=error, request_id="req-9", **fields)

    [raw] = lines.stream.getvalue().splitlines()
    assert len(raw) < DOCKER_SPLITS_AT
    assert lines.all()[0]["level"] == "error"
    if not foreign:
        assert lines.all()[0]["request_id"] == "req-9"


def test_secrets_are_masked_in_lines(lines: Lines) -> None:
    structlog.get_logger().info(
        "login",
        authorization="Bearer abcdef123456",
        password="hunter2",
        detail="mail ada@example.com, card 4111 1111 1111 1111, redis://user:s3cr3t@broker:6379",
        headers={"Cookie": "session=1", "X-Api-Key": "k-123456"},
        note="Authorization: Bearer eyJhbGciOi.abc.def and token=qwertz123",
    )

    [raw] = lines.stream.getvalue().decode().splitlines()
    for secret in (
        "abcdef123456",
        "hunter2",
        "ada@",
        "4111",
        "s3cr3t",
        "session=1",
        "k-123456",
        "eyJ",
        "qwertz",
    ):
        assert secret not in raw


@pytest.mark.parametrize(
    "harmless",
    [
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "2026-11-23T22:00:00.123456Z",
        "/api/v1/automations/1001/execute",
        "1234567890123456",
        "SELECT executions.id FROM executions WHERE executions.id = 1",
    ],
)
def test_what_is_no_secret_is_left_alone(harmless: str) -> None:
    assert redact_text(harmless) == harmless


@given(
    st.text() | st.text("0123456789 -"),
    st.sampled_from(
        [
            "ada@example.com",
            "Bearer abc123456",
            "password=hunter22",
            "5500 0055 5555 5559",
            "sk_acme_0123456789abcdef",
        ]
    ),
)
@example("0000", "5500 0055 5555 5559")  # which seem to begin a number of their own
def test_a_secret_is_found_in_any_text(text: str, secret: str) -> None:
    assert secret not in redact_text(f"{text} {secret} {text}")


@given(ANYTHING)
def test_redaction_takes_anything_and_takes_it_twice(value: object) -> None:
    once = redact(value)
    assert repr(redact(once)) == repr(once)


def test_redaction_ends_in_a_loop() -> None:
    loop: dict[str, object] = {}
    loop["again"] = loop

    assert MASK in repr(redact(loop))


@rules(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=ANYTHING)
def test_any_value_can_be_logged(lines: Lines, value: object) -> None:
    lines.stream.seek(0)
    lines.stream.truncate()
    structlog.get_logger().info("anything", value=value)

    [raw] = lines.stream.getvalue().splitlines()
    assert len(raw) < DOCKER_SPLITS_AT


def test_error_events_hold_no_secret(errors: object, lines: Lines) -> None:  # noqa: ARG001 - where warnings go
    from sample_app.telemetry.errors import report  # noqa: PLC0415 - after the fixture

    report(RuntimeError("Authorization: Bearer abcdef123456 for ada@example.com, password=hunter2"))

    text = repr(errors.events)  # type: ignore[attr-defined]
    assert "RuntimeError" in text
    for secret in ("abcdef123456", "ada@example.com", "hunter2"):
        assert secret not in text
