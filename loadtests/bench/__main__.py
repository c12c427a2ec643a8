"""Build the bench's image, run the measurements in it, judge them, and write build/bench.json.

One container without a network: servers on one core, load generators and sinks on another, all on its loopback.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from launcher.environment import ca_bundle  # noqa: E402
from launcher.measurements import Row, write  # noqa: E402
from launcher.problem import Problem  # noqa: E402
from launcher.processes import run  # noqa: E402

_APPLICATION = "stratum/sample-app:dev"
_IMAGE = "stratum/bench:dev"
_HERE = Path(__file__).resolve().parent
_WITHIN = 420.0
_CONTAINER = (
    *("docker", "run", "--rm", "--init", "--network", "none", "--cap-drop", "ALL", "--memory", "2g"),
    *("--security-opt", "no-new-privileges:true", "--read-only", "--tmpfs", "/tmp:size=256m,mode=1777"),  # noqa: S108 - inside
)

# (the row's name, its limit, better, unit, what it is called inside)
_PROMISES = (
    ("instrumented / bare", 0.50, "higher", "ratio"),
    ("instrumented / conventional", 3.0, "higher", "ratio"),
    ("p99 at 1000/s", 15.0, "lower", "ms"),
    ("spans received", 0.99, "higher", "of requests"),
    ("one log line", 1.0, "higher", "of requests, by id"),
    ("one count", 1.0, "higher", "of requests"),
    ("task overhead", 0.20, "lower", "of a trivial task"),
    ("series per tenant", 200, "lower", "series"),
)


def main() -> int:
    """Measure, print the table, and fail where a promise falls short."""
    try:
        _build()
        found = _measure()
    except Problem as problem:
        sys.stderr.write(f"\nbench: {problem}\n")
        return 2
    rows = [_row(promise, found) for promise in _PROMISES]
    write(ROOT / "build" / "bench.json", rows, details=found["details"])
    for row in rows:
        measured = "-" if row.measured is None else f"{row.measured:.3f}"
        sign = ">=" if row.better == "higher" else "<="
        sys.stdout.write(f"{row.what:30}{measured:>9} {sign} {row.limit:<6g}{row.unit:22}{row.verdict}\n")
    sys.stdout.write(f"{json.dumps(found['details'], indent=1)}\nwritten: build/bench.json\n")
    return 0 if all(row.verdict == "holds" for row in rows) else 1


def _build() -> None:
    command = ["docker", "build", "--quiet", "--tag", _IMAGE, "--build-arg", f"APPLICATION={_APPLICATION}"]
    command += ["--secret", f"id=ca,src={(ROOT / ca_bundle()).resolve()}", str(_HERE)]
    run(command, what=f"building {_IMAGE}", remedy="the application's image comes first: make images")


def _measure() -> dict[str, Any]:
    mounted = f"{_HERE / 'inside'}:/bench/inside:ro"
    command = [*_CONTAINER, "--volume", mounted, "--workdir", "/bench", _IMAGE, "python", "-m", "inside"]
    sys.stdout.write("bench: about four minutes; the machine should have nothing else to do\n")
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=_WITHIN, check=False)
    except subprocess.TimeoutExpired as late:
        raise Problem(f"the measurements took longer than {_WITHIN:g} s", "is the machine busy?") from late
    if done.returncode:
        raise Problem(f"the measurements ended with {done.returncode}", "their last lines are above")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _row(promise: tuple[str, float, str, str], found: dict[str, Any]) -> Row:
    what, limit, better, unit = promise
    measured = found["rows"].get(what)
    reason = found["reasons"].get(what, "the bench said nothing of it")
    return Row(what=what, measured=measured, limit=limit, unit=unit, better=better, reason=reason)  # type: ignore[arg-type]


if __name__ == "__main__":
    raise SystemExit(main())
