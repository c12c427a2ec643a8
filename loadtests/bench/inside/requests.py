"""What telemetry costs a request: throughput in interleaved rounds, latency at a fixed rate, and what gets lost."""

import json
import re
import signal
import subprocess
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from inside.addresses import KEY, LOAD_CORE, OTLP_HTTP, PORTS, SERVER_CORE, python, start
from inside.waiting import until

_ROUNDS = 9
_SLICE = "1"  # seconds, for wrk
_OTHERS = ("instrumented", "official", "conventional")
_RATE, _SECONDS, _RUNS = 1_000, 10, 3
_START_WITHIN = 30.0
_RATE_LINE = re.compile(r"Requests/sec:\s+([\d.]+)")
_LINES = Path("/tmp/lines.jsonl")  # noqa: S108 - a tmpfs of the container


class Server:
    """One variant on the servers' core; its lines go through a pipe, as Docker takes them."""

    def __init__(self, name: str) -> None:
        self._port = PORTS[name]
        self._lines = _LINES.with_name(f"{name}.jsonl").open("wb")
        self._process = start(*python("inside.variants", name), core=SERVER_CORE, stdout=subprocess.PIPE)
        # what Docker's daemon does, on the other core
        self._reader = subprocess.Popen(
            ["taskset", "--cpu-list", str(LOAD_CORE), "cat"], stdin=self._process.stdout, stdout=self._lines
        )
        wait_for(self.url("/api/v1/campaigns/7"))

    def url(self, path: str) -> str:
        """Return an address of its."""
        return f"http://127.0.0.1:{self._port}{path}"

    def throughput(self) -> float:
        """Return the requests a second that it answers at most, over a slice of time."""
        command = ["taskset", "--cpu-list", str(LOAD_CORE), "wrk", "-t1", "-c32", f"-d{_SLICE}s", "-H", KEY]
        told = subprocess.run(
            [*command, self.url("/api/v1/campaigns/7")], capture_output=True, text=True, check=True
        ).stdout
        found = _RATE_LINE.search(told)
        if found is None or "Non-2xx" in told:
            raise RuntimeError(f"wrk says:\n{told}")
        return float(found.group(1))

    def at_rate(self, prefix: str) -> dict[str, Any]:
        """Send so many requests a second; return their latencies, and the ids of those answered."""
        command = python("inside.open_loop", str(self._port), str(_RATE), str(_SECONDS), prefix)
        done = subprocess.run(
            ["taskset", "--cpu-list", str(LOAD_CORE), *command],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=3 * _SECONDS,
        )
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    def counted(self) -> float:
        """Return the requests that its metrics have counted."""
        with urlopen(self.url("/metrics"), timeout=5) as answer:  # noqa: S310 - our own address
            text = answer.read().decode()
        pattern = r'^api_requests_total\{.*endpoint="/api/v1/campaigns/\{campaign_id\}".*\} (\S+)$'
        return sum(float(value) for value in re.findall(pattern, text, re.MULTILINE))

    def stop(self) -> list[bytes]:
        """Tell it to stop at once, and return its lines."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(timeout=20)
        self._reader.wait(timeout=20)
        self._lines.close()
        return Path(self._lines.name).read_bytes().splitlines()


def ratios() -> tuple[dict[str, float], dict[str, Any]]:
    """Return the throughput of each variant relative to the bare slices beside it, as medians over the rounds."""
    servers = {name: Server(name) for name in PORTS}
    for server in servers.values():
        server.throughput()  # warm
    seen: dict[str, list[float]] = {name: [] for name in _OTHERS}
    against: list[float] = []
    bare_rates = []
    for _ in range(_ROUNDS):
        bare = servers["bare"].throughput()
        for name in _OTHERS:
            rate = servers[name].throughput()
            after = servers["bare"].throughput()
            seen[name].append(rate / ((bare + after) / 2))
            bare_rates.append(after)
            bare = after
        against.append(seen["instrumented"][-1] / seen["conventional"][-1])
    for server in servers.values():
        server.stop()
    rows = {
        "instrumented / bare": median(seen["instrumented"]),
        "instrumented / conventional": median(against),
    }
    details = {f"{name} / bare by round": [round(one, 3) for one in values] for name, values in seen.items()}
    medians = {f"{name} / bare": round(median(values), 3) for name, values in seen.items()}
    return rows, {**medians, **details, "bare requests/s": round(median(bare_rates))}


def at_a_thousand() -> tuple[dict[str, float], dict[str, Any]]:
    """Return latency at the fixed rate, and what became of every request, by its id, after a stop."""
    bare = Server("bare")
    bare_p99 = median(_percentile(bare.at_rate("b")["latencies"], 0.99) for _ in range(_RUNS))
    bare.stop()
    _spans()  # forget those before
    server = Server("instrumented")
    before = server.counted()
    runs = [server.at_rate(f"r{i}") for i in range(_RUNS)]
    counted = server.counted() - before
    lines = server.stop()
    ids = {one for run in runs for one in run["ids"]}
    spans = Counter(one for one in _spans() if one in ids)
    logged = Counter(one for one in (_request_id(line) for line in lines) if one in ids)
    sent = sum(run["sent"] for run in runs)
    rows = {
        "p99 at 1000/s": median(_percentile(run["latencies"], 0.99) for run in runs),
        "spans received": len(spans) / sent,
        "one log line": sum(count == 1 for count in logged.values()) / sent,
        "one count": counted / sent if counted <= sent else sent / counted,
    }
    details = {
        "p50 at 1000/s (ms)": round(median(_percentile(run["latencies"], 0.5) for run in runs), 3),
        "p99 at 1000/s by run (ms)": [round(_percentile(run["latencies"], 0.99), 2) for run in runs],
        "p99.9 at 1000/s (ms)": round(median(_percentile(run["latencies"], 0.999) for run in runs), 2),
        "bare p99 at 1000/s (ms)": round(bare_p99, 3),
        "requests, answered, spans doubled": [sent, len(ids), sum(count > 1 for count in spans.values())],
        "generator": "own, open loop: 32 connections, each on its own fixed schedule, latency from when a request was due",
    }
    return rows, details


def wait_for(url: str) -> None:
    """Wait until somebody answers."""

    def answers() -> bool:
        try:
            with urlopen(url, timeout=2):  # noqa: S310 - our own address
                return True
        except HTTPError:
            return True  # an answer, if a refusal
        except (URLError, ConnectionError):
            return False

    until(answers, within=_START_WITHIN, what=url, every=0.05)


def _spans() -> list[str]:
    with urlopen(OTLP_HTTP, timeout=60) as answer:  # noqa: S310 - our own address
        ids: list[str] = json.load(answer)
    return ids


def _request_id(line: bytes) -> str | None:
    found = json.loads(line)
    return found.get("request_id") if found.get("event") == "api_request" else None


def _percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]
