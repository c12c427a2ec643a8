"""What Prometheus says of an alert now: its rule, its state, and the values behind it.

Only questions are asked. An answer that cannot be had is an ``UnreachableError`` with a reason a page can show.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

_MOST_SAMPLES = 20
_MOST_QUERIES = 10


class UnreachableError(Exception):
    """Prometheus does not answer, or not as Prometheus does."""


@dataclass(frozen=True)
class Rule:
    """An alerting rule and its state."""

    expression: str
    state: str
    hold_seconds: float
    severity: str
    summary: str
    problem: str
    description: str
    alerts: tuple["ActiveAlert", ...]


@dataclass(frozen=True)
class ActiveAlert:
    """One series for which the rule's condition holds."""

    labels: str
    job: str
    state: str
    active_at: str
    value: str


@dataclass(frozen=True)
class Answer:
    """A query and what it returns now."""

    query: str
    samples: tuple[tuple[str, str], ...]
    left_out: int
    error: str


class Prometheus:
    """Asks one Prometheus."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client

    async def rules(self, name: str) -> Sequence[Rule]:
        """Return the alerting rules of that name; several may share one."""
        status, body = await self._get("/api/v1/rules", {"type": "alert", "rule_name[]": name})
        if status != httpx2.codes.OK:
            raise UnreachableError(f"it answers {status}: {body.get('error', '')}")
        groups = body["data"]["groups"]
        return [_rule(rule) for group in groups for rule in group["rules"] if rule["name"] == name]

    async def ask_all(self, queries: Sequence[str]) -> Sequence[Answer]:
        """Return the answers to the first queries, all asked at once."""
        return await asyncio.gather(*(self._ask(query) for query in queries[:_MOST_QUERIES]))

    async def _ask(self, query: str) -> Answer:
        _, body = await self._get("/api/v1/query", {"query": query})
        if body.get("status") != "success":
            return Answer(
                query=query, samples=(), left_out=0, error=str(body.get("error", "no reason given"))
            )
        samples = _samples(body["data"])
        return Answer(
            query=query,
            samples=tuple(samples[:_MOST_SAMPLES]),
            left_out=max(0, len(samples) - _MOST_SAMPLES),
            error="",
        )

    async def _get(self, path: str, parameters: dict[str, str]) -> tuple[int, dict[str, Any]]:
        try:
            response = await self._client.get(path, params=parameters)
            body = response.json()
        except httpx2.HTTPError as error:
            raise UnreachableError(str(error) or type(error).__name__) from error
        except ValueError as error:
            raise UnreachableError(f"it answers {response.status_code} and no JSON") from error
        if not isinstance(body, dict) or "status" not in body:
            raise UnreachableError(f"it answers {response.status_code} and not as Prometheus does")
        return response.status_code, body


def _rule(rule: dict[str, Any]) -> Rule:
    return Rule(
        expression=rule["query"],
        state=rule["state"],
        hold_seconds=rule["duration"],
        severity=rule["labels"].get("severity", ""),
        summary=rule["annotations"].get("summary", ""),
        problem=rule.get("lastError", ""),
        description=next((_description(alert) for alert in rule["alerts"]), ""),
        alerts=tuple(
            ActiveAlert(
                labels=_series(alert["labels"]),
                job=alert["labels"].get("job", ""),
                state=alert["state"],
                active_at=alert["activeAt"],
                value=f"{float(alert['value']):g}",
            )
            for alert in rule["alerts"][:_MOST_SAMPLES]
        ),
    )


def _description(alert: dict[str, Any]) -> str:
    return str(alert.get("annotations", {}).get("description", ""))


def _samples(data: dict[str, Any]) -> Sequence[tuple[str, str]]:
    result = data["result"]
    match data["resultType"]:
        case "vector":
            return [
                (_series(sample["metric"]), sample.get("value", ("", "histogram"))[1]) for sample in result
            ]
        case "matrix":
            return [
                (_series(sample["metric"]), f"{len(sample.get('values', []))} samples") for sample in result
            ]
        case _:
            return [("", str(result[1]))]


def _series(labels: dict[str, str]) -> str:
    pairs = ", ".join(f'{name}="{value}"' for name, value in labels.items() if name != "__name__")
    return f"{labels.get('__name__', '')}{{{pairs}}}"
