"""`python -m alerting.alerts_page`: docs/reference/alerts.md, its picture, and the measured times that it shows.

The times are those of the last complete run (build/alerts.json), if there has been one here, or else the committed ones:
the page then only follows the rules and the table. A test compares the page with what this module would write.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from launcher.environment import ROOT

from alerting.alert_faults import FAULTS, NOT_YET, row_of, time_to_detect
from alerting.proving import receivers_of
from alerting.schedule import ACTS
from harness import rendering
from harness.timeline_picture import Bar, laid_over

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FOLDER = ROOT / "docs" / "reference"
TIMES = FOLDER / "alerts.json"
PAGE = FOLDER / "alerts.md"
PICTURE = FOLDER / "alerts.svg"
_LAST_RUN = ROOT / "build" / "alerts.json"

Times = dict[str, Any]

_HEAD = """\
# Every alert, and how soon it came

Made by `make alerts-page` from `prometheus/rules/`, `tests/alerting/alert_faults.py` and the times that
`tests/alerting/test_every_alert.py` measured last: on a private stack whose time is divided by {factor:g}, and by another factor for three rules
([decision 0006](../adr/0006-time-compression.md)), each fault was inflicted, and the clock ran until the first receiver
had the message; then the fault was healed, and the clock ran until the last receiver had the all-clear.
"In production" is the limit without any division of time: the longest that the committed configuration allows.

![The faults of one run, side by side, and what became of each](alerts.svg)

| alert | severity | fault | told | after (limit) | all-clear after | limit in production |
|---|---|---|---|---|---|---|
"""

_BESIDES = """
## What else may be told

The faults are inflicted in acts (`tests/alerting/schedule.py`), many at once. In each act, nobody is told of anything but
these alerts and what follows from their faults:

"""


def alerting() -> dict[str, Mapping[str, Any]]:
    """Every committed alerting rule by the name of its row."""
    return {row_of(rule): rule for rule in rendering.committed_alerts(ROOT)}


def last_run(path: Path = _LAST_RUN) -> Times | None:
    """What the last run measured, if it proved every rule that can be proved."""
    if not path.exists():
        return None
    written = json.loads(path.read_text())
    rows = {row["what"]: row for row in written["rows"]}
    complete = all(name in rows and rows[name]["stages"] for name in alerting().keys() - NOT_YET.keys())
    return {"commit": written["commit"], "rows": written["rows"]} if complete else None


def page(times: Times) -> str:
    """The page, as it has to stand."""
    measured = {row["what"]: row for row in times["rows"]}
    factor = next(row["factor"] for row in times["rows"] if row["what"] == "Watchdog")
    lines = [_line(name, rule, measured.get(name)) for name, rule in sorted(alerting().items())]
    note = f"\n{times['note']}\n" if "note" in times else ""
    return _HEAD.format(factor=factor) + "\n".join(lines) + "\n" + note + _not_yet() + _besides()


def picture(times: Times) -> str:
    """The timelines of that run, laid over one another."""
    rows = sorted(
        (row for row in times["rows"] if row["stages"]), key=lambda row: (row["began"], row["what"])
    )
    bars = [Bar(row["what"], row["began"], row["stages"]) for row in rows]
    return laid_over("Every alert of one run, by the time its fault began", bars)


def _line(name: str, rule: Mapping[str, Any], row: Mapping[str, Any] | None) -> str:
    slow = time_to_detect(rule, factor=1)
    alert = rule["alert"]
    shown = f"[{alert}](../runbooks/{alert}.md)" + (f" ({rule['labels']['slo']})" if name != alert else "")
    after = (
        f"{row['measured']:.1f} s ({row['limit']:.0f} s)"
        if row and row["measured"] is not None
        else "not yet"
    )
    clear = f"{row['resolved_after']:.1f} s" if row and row["resolved_after"] is not None else "-"
    told = ", ".join(sorted(receivers_of(rule)))
    cells = (shown, rule["labels"]["severity"], FAULTS[name].fault, told, after, clear, _length(slow))
    return f"| {' | '.join(cells)} |"


def _not_yet() -> str:
    if not NOT_YET:
        return ""
    lines = [f"- {name}: {why}." for name, why in sorted(NOT_YET.items())]
    return "\nNot yet proved by a fault:\n\n" + "\n".join(lines) + "\n"


def _besides() -> str:
    lines = [
        f"- In *{act.name}*: {alert}, since {why}."
        for act in ACTS
        for alert, why in sorted(act.consequences.items())
    ]
    return _BESIDES + "\n".join(lines) + "\n" if lines else ""


def _length(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def main() -> None:
    """Write all three."""
    times = last_run() or json.loads(TIMES.read_text())
    TIMES.write_text(json.dumps(times, indent=1) + "\n")
    PAGE.write_text(page(times))
    PICTURE.write_text(picture(times))


if __name__ == "__main__":
    main()
