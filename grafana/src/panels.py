"""The kinds of panel we use. Each asks for what a reader needs: a title, a unit, what it means, where to go next."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from grafana.src.names import PROMETHEUS
from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.models.common import (
    BigValueGraphMode,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DashboardSpecialValueMapOptions,
    GridPos,
    SpecialValueMap,
    SpecialValueMatch,
    Threshold,
    ThresholdsMode,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

Panel = stat.Panel | timeseries.Panel | table.Panel
P = TypeVar("P", stat.Panel, timeseries.Panel, table.Panel)
COLUMNS = 24


@dataclass(frozen=True, kw_only=True)
class About:
    """What every panel says of itself."""

    title: str
    description: str
    unit: str
    links: Sequence[tuple[str, str]]
    """(words, address)"""


@dataclass(frozen=True, kw_only=True)
class Query:
    """One PromQL expression and what its series are called."""

    expr: str
    legend: str = ""
    exemplars: bool = False


@dataclass(frozen=True, kw_only=True)
class Levels:
    """Where a value turns from good to worth a look to bad."""

    warning: float
    critical: float
    low_is_bad: bool = False

    def config(self) -> dashboard.ThresholdsConfig:
        """As Grafana's thresholds."""
        colours = ("red", "orange", "green") if self.low_is_bad else ("green", "orange", "red")
        bounds = (None, *sorted((self.warning, self.critical)))
        steps = [Threshold(value=bound, color=colour) for bound, colour in zip(bounds, colours, strict=True)]
        return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def number(
    about: About, query: Query, *, levels: Levels | None = None, no_value: str, decimals: int
) -> stat.Panel:
    """One number, now. `no_value` is shown where there is nothing to measure."""
    panel = stat.Panel().graph_mode(BigValueGraphMode.AREA).decimals(decimals).no_value(no_value)
    panel = panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(values=False))
    not_a_number = DashboardSpecialValueMapOptions(
        match=SpecialValueMatch.NA_N, result=ValueMappingResult(text=no_value, color="text", index=0)
    )
    panel = panel.mappings([SpecialValueMap(options=not_a_number)])
    panel = panel.thresholds(levels.config() if levels else _plain())
    return _common(panel, about).with_target(_target("A", query))


def graph(
    about: About, queries: Sequence[Query], *, levels: Levels | None = None, stacked: bool = False
) -> timeseries.Panel:
    """Values over time, one line a series; with `levels`, lines where they are."""
    panel = timeseries.Panel().line_width(2).fill_opacity(30 if stacked else 8).min(0)
    panel = panel.legend(
        common.VizLegendOptions()
        .display_mode(LegendDisplayMode.LIST)
        .placement(LegendPlacement.BOTTOM)
        .show_legend(show_legend=True)
    )
    panel = panel.tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL))
    if levels:
        panel = panel.thresholds(levels.config())
        panel = panel.thresholds_style(
            common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED)
        )
    panel = _common(panel, about)
    for letter, query in zip("ABCDEFGH", queries, strict=False):
        panel = panel.with_target(_target(letter, query))
    return panel


def rows(about: About, queries: Sequence[Query]) -> table.Panel:
    """A table, a column an expression, over the whole range shown; the caller joins and names the columns."""
    panel = _common(table.Panel(), about)
    for letter, query in zip("ABCDEFGH", queries, strict=False):
        panel = panel.with_target(_target(letter, query).instant().format(PromQueryFormat.TABLE))
    return panel


def link(words: str, address: str) -> dashboard.DashboardLink:
    """A link that opens beside the dashboard."""
    made = dashboard.DashboardLink(words).type(DashboardLinkType.LINK).url(address)
    return made.target_blank(target_blank=True).icon("external link")


def place(lines: Sequence[tuple[int, Sequence[tuple[int, Panel]]]], add: Callable[[Panel], object]) -> None:
    """Number the panels and set them line by line: (height, [(width, panel), ...])."""
    number_, top = 0, 0
    for height, line in lines:
        left = 0
        for width, panel in line:
            number_ += 1
            add(panel.id(number_).grid_pos(GridPos(h=height, w=width, x=left, y=top)))
            left += width
        if left > COLUMNS:
            raise ValueError(f"the line at {top} is {left} columns wide, and a dashboard has {COLUMNS}")
        top += height


def _common(panel: P, about: About) -> P:
    panel.title(about.title).description(about.description).unit(about.unit).datasource(PROMETHEUS)
    panel.links([link(words, address) for words, address in about.links])
    return panel


def _target(letter: str, query: Query) -> prometheus.Dataquery:
    target = prometheus.Dataquery().ref_id(letter).datasource(PROMETHEUS).expr(query.expr).range()
    target = target.exemplar(exemplar=query.exemplars)
    return target.legend_format(query.legend) if query.legend else target


def _plain() -> dashboard.ThresholdsConfig:
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps([Threshold(color="text")])
