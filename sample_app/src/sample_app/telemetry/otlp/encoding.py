"""Spans as OTLP's protobuf, written byte by byte: message objects cost five times as much as the bytes.

What comes out equals the official encoder's output, byte for byte; a property test compares them.
Field numbers are those of opentelemetry/proto/trace/v1/trace.proto.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, Status

_FIXED64 = struct.Struct("<Q").pack
_FIXED32 = struct.Struct("<I").pack
_DOUBLE = struct.Struct("<d").pack
_ONE_BYTE = 128
_LOW_BITS = _ONE_BYTE - 1
_UINT64 = (1 << 64) - 1
_INT64 = range(-(1 << 63), 1 << 63)
_FROM_HERE = _FIXED32(0x100)  # "whether the parent is remote is known": it is not
_FROM_AFAR = _FIXED32(0x300)
_REMEMBERED = 31  # longer text is seldom one of few: ids have 32 letters and more


def encode_request(resource: Resource, spans: Iterable[tuple[InstrumentationScope | None, bytes]]) -> bytes:
    """Return the ExportTraceServiceRequest of one process: encoded spans under the scopes that made them."""
    scopes: dict[InstrumentationScope | None, list[bytes]] = {}
    for scope, span in spans:
        scopes.setdefault(scope, []).append(_field(b"\x12", span))
    return _field(b"\x0a", _resource_spans(resource, scopes))


def encode_span(span: ReadableSpan) -> bytes:
    """Return one Span message."""
    context = span.get_span_context()
    assert context is not None  # noqa: S101 - the SDK's own spans have one
    parts = [
        b"\x0a\x10",
        context.trace_id.to_bytes(16, "big"),
        b"\x12\x08",
        context.span_id.to_bytes(8, "big"),
    ]
    if context.trace_state:
        parts.append(_text(b"\x1a", ",".join(f"{key}={value}" for key, value in context.trace_state.items())))
    if span.parent is not None:
        parts += (b"\x22\x08", span.parent.span_id.to_bytes(8, "big"))
    parts += (_text(b"\x2a", span.name), b"\x30", bytes((span.kind.value + 1,)))
    parts += (_time(b"\x39", span.start_time), _time(b"\x41", span.end_time))
    if span.attributes:
        parts.append(_attributes(b"\x4a", span.attributes))
    parts.append(_count(b"\x50", span.dropped_attributes))
    parts += [_field(b"\x5a", _event(event)) for event in span.events]
    parts.append(_count(b"\x60", span.dropped_events))
    parts += [_field(b"\x6a", _link(link)) for link in span.links]
    parts.append(_count(b"\x70", span.dropped_links))
    parts += (_field(b"\x7a", _status(span.status)), b"\x85\x01", _flags(span.parent))
    return b"".join(parts)


def _resource_spans(resource: Resource, scopes: Mapping[InstrumentationScope | None, list[bytes]]) -> bytes:
    parts = [_field(b"\x0a", _attributes(b"\x0a", resource.attributes))]
    for scope, spans in scopes.items():
        parts.append(_field(b"\x12", _scope(scope) + b"".join(spans) + _schema(scope)))
    return b"".join(parts) + _text(b"\x1a", resource.schema_url or "")


def _scope(scope: InstrumentationScope | None) -> bytes:
    if scope is None:
        return b"\x0a\x00"
    described = _text(b"\x0a", scope.name) + _text(b"\x12", scope.version or "")
    return _field(b"\x0a", described + _attributes(b"\x1a", scope.attributes or {}))


def _schema(scope: InstrumentationScope | None) -> bytes:
    return _text(b"\x1a", (scope.schema_url if scope else None) or "")


def _event(event: Event) -> bytes:
    return b"".join(
        (
            _time(b"\x09", event.timestamp),
            _text(b"\x12", event.name),
            _attributes(b"\x1a", event.attributes or {}),
            _count(b"\x20", event.dropped_attributes),
        )
    )


def _link(link: Link) -> bytes:
    return b"".join(
        (
            b"\x0a\x10",
            link.context.trace_id.to_bytes(16, "big"),
            b"\x12\x08",
            link.context.span_id.to_bytes(8, "big"),
            _attributes(b"\x22", link.attributes or {}),
            _count(b"\x28", link.dropped_attributes),
            b"\x35",
            _flags(link.context),
        )
    )


def _status(status: Status) -> bytes:
    code = status.status_code.value
    return _text(b"\x12", status.description or "") + (b"\x18" + bytes((code,)) if code else b"")


def _flags(context: SpanContext | None) -> bytes:
    return _FROM_AFAR if context is not None and context.is_remote else _FROM_HERE


def _attributes(tag: bytes, attributes: Mapping[str, object]) -> bytes:
    parts = []
    for key in attributes:
        value = attributes[key]
        kind = value.__class__
        if kind is int or (kind is str and len(value) <= _REMEMBERED):  # type: ignore[arg-type]  # a str
            parts.append(_remembered(tag, key, value))
        else:
            parts.append(_attribute(tag, key, value))
    return b"".join(parts)


def _attribute(tag: bytes, key: str, value: object) -> bytes:
    return _field(tag, _text(b"\x0a", key) + _field(b"\x12", _value(value)))


# methods, routes, states: most attributes are one of few. Not for floats: 0.0 equals -0.0.
_remembered = lru_cache(maxsize=4096)(_attribute)


def _value(value: object) -> bytes:  # noqa: PLR0911 - one for each kind that the protocol has
    if isinstance(value, str):
        return _field(b"\x0a", _utf8(value))
    if isinstance(value, bool):
        return b"\x10\x01" if value else b"\x10\x00"
    if isinstance(value, int):
        if value in _INT64:
            return b"\x18" + _varint(value & _UINT64)
        return _field(b"\x0a", str(value).encode())  # the protocol has no larger numbers
    if isinstance(value, float):
        return b"\x21" + _DOUBLE(value)
    if isinstance(value, bytes):
        return _field(b"\x3a", value)
    if isinstance(value, Sequence):
        return _field(b"\x2a", b"".join([_field(b"\x0a", _value(item)) for item in value]))
    if isinstance(value, Mapping):
        return _field(b"\x32", _attributes(b"\x0a", {str(key): item for key, item in value.items()}))
    return b""


def _text(tag: bytes, text: str) -> bytes:
    """Return a string field; proto3 leaves out what is empty."""
    return _field(tag, _utf8(text)) if text else b""


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _time(tag: bytes, nanoseconds: int | None) -> bytes:
    return tag + _FIXED64(nanoseconds) if nanoseconds else b""


def _count(tag: bytes, number: int) -> bytes:
    return tag + _varint(number) if number else b""


def _field(tag: bytes, body: bytes) -> bytes:
    size = len(body)
    return tag + (_SIZES[size] if size < len(_SIZES) else _varint(size)) + body


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > _LOW_BITS:
        out.append(number & _LOW_BITS | _ONE_BYTE)
        number >>= 7
    out.append(number)
    return bytes(out)


_SIZES = [_varint(size) for size in range(2048)]
