"""Run every measurement in turn; the last line on stdout is the result. A part that fails leaves its reason."""

import json
import os
import sys
import traceback
from typing import TYPE_CHECKING, Any

from inside import requests, tasks
from inside.addresses import CORES, LOAD_CORE, OTLP_HTTP, python, start
from inside.series import series_per_tenant

if TYPE_CHECKING:
    from collections.abc import Callable

_REQUEST_ROWS = ("instrumented / bare", "instrumented / conventional")
_RATE_ROWS = ("p99 at 1000/s", "spans received", "one log line", "one count")


def _task_overhead() -> tuple[dict[str, float], dict[str, Any]]:
    share, details = tasks.measure()
    return {"task overhead": share}, details


def main() -> None:
    """Measure."""
    os.environ["PYTHONPATH"] = f"/bench:{os.environ['PYTHONPATH']}"
    os.sched_setaffinity(0, {LOAD_CORE})
    rows: dict[str, float] = {"series per tenant": series_per_tenant()}
    reasons: dict[str, str] = {}
    details: dict[str, Any] = {"python": sys.version.split()[0]}
    sink = start(*python("inside.sink"), core=LOAD_CORE)
    parts: tuple[tuple[tuple[str, ...], Callable[[], tuple[dict[str, float], dict[str, Any]]]], ...] = (
        (_REQUEST_ROWS, requests.ratios),
        (_RATE_ROWS, requests.at_a_thousand),
        (("task overhead",), _task_overhead),
    )
    try:
        requests.wait_for(OTLP_HTTP)
        for promised, measure in parts:
            if len(CORES) == 1:
                reasons |= dict.fromkeys(promised, "needs two cores: one to serve, one to load")
                continue
            try:
                found, said = measure()
            except Exception as error:  # noqa: BLE001 - one part's failure is that part's
                traceback.print_exc()
                reasons |= dict.fromkeys(promised, f"{type(error).__name__}: {error}"[:200])
            else:
                rows |= found
                details |= said
    finally:
        sink.kill()
    sys.stdout.write("\n" + json.dumps({"rows": rows, "reasons": reasons, "details": details}) + "\n")


if __name__ == "__main__":
    main()
