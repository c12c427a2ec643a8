"""Time compression: the committed rules and routes, with every duration divided by one factor.

An end-to-end test must run the *same* rules that production runs, and must not wait five minutes for one.
So nothing is rewritten by hand: expressions are read token by token and only durations change
(ranges, subqueries, `offset`, and durations used as numbers, as in `time() - x > 5m`); names that look like
durations (`rate5m`), text in quotes and comments do not. The expression keeps its own wording,
because no PromQL library here writes every expression back as it was (promql-parser prints `[1500ms]` as `[1s]`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from harness.durations import DURATION, divided, milliseconds, rounding

_TOKEN = re.compile(
    rf"""
      (?P<skipped>\s+|\#[^\n]*)
    | (?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)
    | (?P<hex>0[xX][0-9a-fA-F]+)
    | (?P<duration>{DURATION}(?![0-9A-Za-z_.]))
    | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<name>[A-Za-z_:][A-Za-z0-9_:.]*)
    | (?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL,
)

Token: TypeAlias = tuple[str, str]
Yaml: TypeAlias = Any  # a document or a part of one

_RULE_KEYS = {"for", "keep_firing_for"}
_GROUP_KEYS = {"interval", "query_offset"}
_PROMETHEUS_KEYS = {"scrape_interval", "evaluation_interval", "refresh_interval", "rule_query_offset"}
_ALERTMANAGER_KEYS = {"group_wait", "group_interval", "repeat_interval", "resolve_timeout"}


def expression(promql: str, factor: float) -> str:
    """Divide every duration of a PromQL expression."""
    return "".join(divided(text, factor) if kind == "duration" else text for kind, text in tokens(promql))


def skeleton(promql: str) -> tuple[str, list[int]]:
    """Take an expression apart: what it says, without blanks and durations; and the durations, in order."""
    said, durations = [], []
    for kind, text in tokens(promql):
        if kind == "duration":
            durations.append(milliseconds(text))
            said.append("<duration>")
        elif kind != "skipped":
            said.append(text)
    return " ".join(said), durations


def tokens(promql: str) -> Iterator[Token]:
    """Read an expression as (kind, text); joined again, the texts are the expression."""
    position, in_brackets, before = 0, False, ""
    while position < len(promql):
        if in_brackets and promql[position] == ":":  # of a subquery; outside brackets a name may begin so
            kind, text = "sign", ":"
        else:
            match = _TOKEN.match(promql, position)
            assert match is not None, "the last alternative takes any character"
            kind, text = match.lastgroup or "sign", match.group()
        # since Prometheus 3 a bare number is a duration in seconds where a duration must stand
        if kind == "number" and (in_brackets or before == "offset"):
            raise ValueError(f"write {text}s, with its unit, in: {promql}")
        if text in "[]":
            in_brackets = text == "["
        if kind != "skipped" and not (before == "offset" and text in "-+"):
            before = text
        position += len(text)
        yield kind, text


def rules(document: Mapping[str, Yaml], factor: float) -> dict[str, Yaml]:
    """Divide every duration of a rule file."""
    return {**document, "groups": [_group(group, factor) for group in document["groups"]]}


def _group(group: Mapping[str, Yaml], factor: float) -> dict[str, Yaml]:
    compressed = [
        {**_divided_keys(rule, _RULE_KEYS, factor), "expr": expression(str(rule["expr"]), factor)}
        for rule in group["rules"]
    ]
    return {**_divided_keys(group, _GROUP_KEYS, factor), "rules": compressed}


def prometheus(document: Mapping[str, Yaml], factor: float) -> dict[str, Yaml]:
    """Divide the intervals of prometheus.yml.

    A scrape's timeout is not divided, only kept within the interval, which Prometheus demands:
    it is not a time a person or a rule waits, and a busy machine needs it as much as ever.
    """
    compressed: dict[str, Yaml] = _everywhere(document, _PROMETHEUS_KEYS, factor)
    general = compressed.setdefault("global", {})
    if factor != 1:  # what is left out is Prometheus' own value, and would stay long
        for key in ("scrape_interval", "evaluation_interval"):
            general.setdefault(key, divided("1m", factor))
    for section in (general, *compressed.get("scrape_configs", ())):
        interval = section.get("scrape_interval", general.get("scrape_interval", "1m"))
        # a timeout that is left out, Prometheus fits to the interval itself
        if milliseconds(section.get("scrape_timeout", "0")) > milliseconds(interval):
            section["scrape_timeout"] = interval
    return compressed


def alertmanager(document: Mapping[str, Yaml], factor: float) -> dict[str, Yaml]:
    """Divide the waits of alertmanager.yml; its timeouts towards receivers stay (see `prometheus`)."""
    compressed: dict[str, Yaml] = _everywhere(document, _ALERTMANAGER_KEYS, factor)
    route = compressed["route"]
    for key, usual in (("group_wait", "30s"), ("group_interval", "5m"), ("repeat_interval", "4h")):
        if factor != 1:  # what is left out is Alertmanager's own value, and would stay long
            route.setdefault(key, divided(usual, factor))
    return compressed


def difference(
    committed: Mapping[str, Yaml],
    loaded: Mapping[str, Yaml],
    factor: float,
    *,
    canonical: Callable[[str], str] = str,
) -> list[str]:
    """Say how a loaded rule, multiplied back, differs from the committed one; an empty list says it does not.

    Args:
        committed: The rule as its file has it.
        loaded: The rule as Prometheus' /api/v1/rules has it.
        factor: What it was divided by.
        canonical: Writes an expression in one way, so that wording does not count (Prometheus' own formatter).
    """
    name = committed.get("alert") or committed.get("record")
    said, durations = skeleton(canonical(str(committed["expr"])))
    said_loaded, durations_loaded = skeleton(canonical(str(loaded["query"])))
    found = [] if said == said_loaded else [f"{name}: says {said_loaded}, not {said}"]
    pairs = list(zip(durations, durations_loaded, strict=False))
    if "alert" in committed:
        waits = (("for", "duration"), ("keep_firing_for", "keepFiringFor"))
        pairs += [
            (milliseconds(str(committed.get(key, "0"))), round(float(loaded.get(key_loaded, 0)) * 1000))
            for key, key_loaded in waits
        ]
    return found + [
        f"{name}: {there} ms times {factor:g} is not {here} ms"
        for here, there in pairs
        if abs(there * factor - here) > (rounding(factor) if factor != 1 else 0)
    ]


def _divided_keys(section: Mapping[str, Yaml], keys: set[str], factor: float) -> dict[str, Yaml]:
    return {key: divided(str(value), factor) if key in keys else value for key, value in section.items()}


def _everywhere(value: Yaml, keys: set[str], factor: float) -> Yaml:
    if isinstance(value, Mapping):
        return {
            key: divided(str(inner), factor) if key in keys else _everywhere(inner, keys, factor)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_everywhere(inner, keys, factor) for inner in value]
    return value
