"""Compression changes durations and nothing else; judged by an independent PromQL parser where one can judge."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import promql_parser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import compression, rendering
from harness.durations import divided, milliseconds, written
from harness.eventually import Probe
from harness.plugin import ROOT

# Whole seconds times sixty: such durations survive F = 60 without rounding, and the parser reads them exactly.
MINUTES = st.integers(1, 100_000).map(lambda minutes: written(minutes * 60_000))
NAMES = st.sampled_from(["up", "job:requests:rate5m", "x5m", "m5m:1h", "for", "a_1h"])
STRINGS = st.sampled_from(["5m", "[5m]", "a offset 1h", "# 5m", "it's 5m", '\\"5m'])
SELECTORS = st.one_of(NAMES, st.tuples(NAMES, STRINGS).map(lambda pair: f'{pair[0]}{{l="{pair[1]}"}}'))


@st.composite
def expressions(draw: st.DrawFn, depth: int = 2) -> str:
    """Draw PromQL with durations where they may stand, and traps where they may not."""
    shape = draw(st.integers(0, 6 if depth else 3))
    return simple(draw, shape) if shape <= 3 else compound(draw, shape, depth)


def simple(draw: st.DrawFn, shape: int) -> str:
    selector = draw(SELECTORS)
    if shape == 0:
        return selector
    if shape == 1:
        return f"{selector} offset {draw(st.sampled_from(['', '-']))}{draw(MINUTES)}"
    if shape == 2:
        return f"rate({selector}[{draw(MINUTES)}] offset {draw(MINUTES)})"
    return f"increase({selector}[ {draw(MINUTES)} ])"


def compound(draw: st.DrawFn, shape: int, depth: int) -> str:
    inner = draw(expressions(depth=depth - 1))
    if shape == 4:
        return f"max_over_time(({inner})[{draw(MINUTES)}:{draw(st.one_of(st.just(''), MINUTES))}])"
    if shape == 5:
        other = draw(expressions(depth=depth - 1))
        return f"sum by (job) ({inner}) # 5m\n > on (job) ({other}) * 1e3 + 0x5d"
    return f"(time() - {inner}) / 0.5 > {draw(st.sampled_from(['5', '300', '1.5e3']))}"


def durations(expression: str) -> list[int]:
    """Every duration of an expression, by the parser's own walk."""
    found: list[int] = []

    def visit(node: object) -> None:
        for name in ("range", "offset", "step"):
            value = getattr(node, name, None)
            if isinstance(value, timedelta):
                found.append(round(value.total_seconds() * 1000))
        children = (getattr(node, name, None) for name in ("expr", "lhs", "rhs", "vector_selector"))
        for child in [*children, *getattr(node, "args", [])]:
            if child is not None:
                visit(child)

    visit(promql_parser.parse(expression))
    return found


@given(expressions(), st.sampled_from([1, 5, 12, 60]))
def test_every_duration_and_only_durations_are_divided(expression: str, factor: int) -> None:
    compressed = compression.expression(expression, factor)
    assert durations(compressed) == [
        (abs(length) // length) * max(1, round(abs(length) / factor)) if length else 0
        for length in durations(expression)
    ]
    assert compression.skeleton(compressed)[0] == compression.skeleton(expression)[0]


@given(expressions())
def test_a_factor_of_one_changes_not_a_letter(expression: str) -> None:
    assert compression.expression(expression, 1) == expression


@given(expressions())
def test_multiplied_back_it_is_what_it_was(expression: str) -> None:
    back = compression.expression(compression.expression(expression, 60), 1 / 60)
    assert durations(back) == durations(expression)
    assert compression.skeleton(back) == compression.skeleton(expression)


@given(st.text())
def test_tokens_joined_are_the_text_itself(text: str) -> None:
    try:
        assert "".join(token for _, token in compression.tokens(text)) == text
    except ValueError as refusal:
        assert "with its unit" in str(refusal)  # noqa: PT017 - either outcome is right, for its own texts


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("rate(x[5m])", "rate(x[5s])"),
        ("job:api_requests:rate5m > 0.1", "job:api_requests:rate5m > 0.1"),
        ("x[1d:5m] offset 1w", "x[24m:5s] offset 2h48m"),
        ("time() - x > 5m", "time() - x > 5s"),
        ("rate(x[15s])", "rate(x[250ms])"),
        ("rate(x[10s])", "rate(x[167ms])"),
        ('x{window="5m"} # 5m', 'x{window="5m"} # 5m'),
        ("x{window='5m'} or y{z=`5m`}", "x{window='5m'} or y{z=`5m`}"),
        ("0x5d + 5e3 + 5", "0x5d + 5e3 + 5"),
        ("x offset -5m", "x offset -5s"),
        ("x @ 1700000000", "x @ 1700000000"),
    ],
)
def test_by_sixty(before: str, after: str) -> None:
    assert compression.expression(before, 60) == after


@pytest.mark.parametrize("expression", ["x[300]", "x offset 300", "x offset -300", "x[5m:30]"])
def test_a_duration_without_a_unit_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match="with its unit"):
        compression.expression(expression, 60)


@given(st.integers(0, 10**12))
def test_what_is_written_is_read_back(length: int) -> None:
    assert milliseconds(written(length)) == length


@given(st.integers(1, 10**9), st.floats(1, 1000))
def test_some_time_stays_some_time(length: int, factor: float) -> None:
    assert milliseconds(divided(written(length), factor)) >= 1


@pytest.mark.parametrize("text", ["", "5", "5 m", "m5", "1.5h", "-5m", "5min"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        milliseconds(text)


RULES = {
    "groups": [
        {
            "name": "api",
            "interval": "30s",
            "rules": [
                {"record": "job:x:rate5m", "expr": "rate(x[5m])"},
                {
                    "alert": "Down",
                    "expr": "up == 0",
                    "for": "1m",
                    "keep_firing_for": "2m",
                    "labels": {"window": "5m"},
                    "annotations": {"summary": "down for 1m"},
                },
            ],
        }
    ]
}


def test_rules_keep_their_names_labels_and_words() -> None:
    (group,) = compression.rules(RULES, 60)["groups"]
    assert group["interval"] == "500ms"
    assert group["rules"][0] == {"record": "job:x:rate5m", "expr": "rate(x[5s])"}
    down = RULES["groups"][0]["rules"][1]
    assert group["rules"][1] == {**down, "for": "1s", "keep_firing_for": "2s"}


def test_prometheus_timeouts_fit_their_intervals() -> None:
    document = {
        "global": {"scrape_interval": "15s", "scrape_timeout": "10s", "evaluation_interval": "15s"},
        "scrape_configs": [
            {"job_name": "a", "dns_sd_configs": [{"names": ["a"], "refresh_interval": "5s"}]},
            {"job_name": "b", "scrape_interval": "60s", "scrape_timeout": "500ms"},
        ],
    }
    compressed = compression.prometheus(document, 60)
    assert compressed["global"] == {
        "scrape_interval": "250ms",
        "scrape_timeout": "250ms",
        "evaluation_interval": "250ms",
    }
    assert compressed["scrape_configs"][0]["dns_sd_configs"][0]["refresh_interval"] == "83ms"
    assert compressed["scrape_configs"][1] == {
        "job_name": "b",
        "scrape_interval": "1s",
        "scrape_timeout": "500ms",
    }


def test_what_prometheus_would_default_to_is_compressed_too() -> None:
    assert compression.prometheus({}, 60)["global"] == {"scrape_interval": "1s", "evaluation_interval": "1s"}
    assert compression.prometheus({}, 1) == {"global": {}}


def test_alertmanager_waits() -> None:
    document = {
        "global": {"resolve_timeout": "5m"},
        "route": {"group_wait": "30s", "routes": [{"repeat_interval": "1h"}]},
    }
    assert compression.alertmanager(document, 60) == {
        "global": {"resolve_timeout": "5s"},
        "route": {
            "group_wait": "500ms",
            "group_interval": "5s",
            "repeat_interval": "4m",
            "routes": [{"repeat_interval": "1m"}],
        },
    }


ALERT = {"alert": "Slow", "expr": "rate(x[5m]) > 1", "for": "1m"}
LOADED = {"name": "Slow", "query": "rate(x[5s])  >  1", "duration": 1.0, "keepFiringFor": 0}


def test_a_loaded_rule_multiplied_back_is_the_committed_one() -> None:
    assert compression.difference(ALERT, LOADED, 60) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"query": "rate(y[5s]) > 1"}, "says rate ( y"),
        ({"query": "rate(x[6s]) > 1"}, "6000 ms times 60 is not 300000 ms"),
        ({"duration": 2.0}, "2000 ms times 60 is not 60000 ms"),
        ({"keepFiringFor": 1.0}, "1000 ms times 60 is not 0 ms"),
    ],
)
def test_a_loaded_rule_that_differs_is_named(change: dict[str, object], words: str) -> None:
    (said,) = compression.difference(ALERT, {**LOADED, **change}, 60)
    assert said.startswith("Slow: ")
    assert words in said


def test_the_committed_configuration_is_itself_at_a_factor_of_one(tmp_path: Path) -> None:
    settings = rendering.render(ROOT, tmp_path, factor=1)
    for path in [
        ROOT / "prometheus" / "prometheus.yml",
        *rendering.rule_files(ROOT),
        ROOT / "alertmanager" / "alertmanager.yml",
    ]:
        rendered = tmp_path / path.relative_to(ROOT)
        assert rendering._read(rendered) == rendering._read(path)
    assert settings["PROMETHEUS_RESEND_DELAY"] == "1m"


def test_the_committed_configuration_renders_at_sixty(tmp_path: Path) -> None:
    settings = rendering.render(ROOT, tmp_path, factor=60)
    assert settings["PROMETHEUS_RESEND_DELAY"] == "4s"
    assert settings["PROMETHEUS_LOOKBACK_DELTA"] == "5s"
    assert float(settings["STRATUM_EXPORTER_REFRESH_SECONDS"]) == pytest.approx(5 / 60, rel=1e-4)
    assert (tmp_path / "alertmanager" / "templates").is_dir()
    assert not (tmp_path / "prometheus" / "image").exists()
    committed = dict(rendering.committed_rules(ROOT))
    assert list(dict(rendering.committed_rules(tmp_path))) == list(committed)


def test_every_setting_that_is_compressed_has_a_place_in_the_compose_file() -> None:
    with pytest.raises(ValueError, match="no longer has a setting PROMETHEUS_RESEND_DELAY"):
        rendering._usual("command: [--rules.alert.resend-delay=1m]", "PROMETHEUS_RESEND_DELAY")


class LoadedRules:
    """A Prometheus that has loaded the committed rules, divided by a factor."""

    def __init__(self, factor: float) -> None:
        self.groups: list[dict[str, Any]] = []
        for path in rendering.rule_files(ROOT):
            for group in compression.rules(rendering._read(path), factor)["groups"]:
                loaded = [
                    {
                        "name": rule.get("alert") or rule["record"],
                        "query": rule["expr"],
                        "duration": milliseconds(rule.get("for", "0")) / 1000,
                        "keepFiringFor": milliseconds(rule.get("keep_firing_for", "0")) / 1000,
                    }
                    for rule in group["rules"]
                ]
                self.groups.append({"name": group["name"], "rules": loaded})

    def rules(self) -> Probe[Any]:
        """Hand out the groups."""
        return Probe("rules", "here", lambda: tuple(self.groups))

    def formatted(self, expression: str) -> str:
        """Leave an expression as it is."""
        return expression


def test_the_loaded_rules_are_the_committed_ones() -> None:
    assert rendering.differences(ROOT, LoadedRules(60), factor=60) == []


def test_rules_loaded_at_another_factor_are_noticed() -> None:
    assert any("is not 60000 ms" in line for line in rendering.differences(ROOT, LoadedRules(30), factor=60))


def test_a_rule_that_is_not_loaded_is_noticed() -> None:
    prometheus = LoadedRules(60)
    lost = prometheus.groups[0]["rules"].pop()
    (said,) = rendering.differences(ROOT, prometheus, factor=60)
    assert lost["name"] in said
