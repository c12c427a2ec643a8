"""Each configuration is checked by the binary that will read it, at the version that will read it, before anything starts.

tests/config calls the same table, so that what `make up` refuses and what the tests refuse are one thing.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from launcher.files import replace
from launcher.problem import Problem
from launcher.processes import run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from launcher.environment import Environment


@dataclass(frozen=True)
class Check:
    """How one service's configuration is checked inside its own image."""

    service: str
    folder: str  # on the host, from the project's root
    mounted_at: str
    entrypoint: str
    arguments: tuple[str, ...]
    options: tuple[str, ...] = ()  # for `docker run`


CHECKS = (
    Check(
        "prometheus",
        "prometheus",
        "/etc/prometheus",
        "promtool",
        ("check", "config", "--lint=all", "--lint-fatal", "/etc/prometheus/prometheus.yml"),
    ),
    Check(
        "alertmanager",
        "alertmanager",
        "/etc/alertmanager",
        "amtool",
        ("check-config", "/etc/alertmanager/alertmanager.yml"),
    ),
    Check(
        "loki", "loki", "/etc/loki", "/usr/bin/loki", ("-verify-config", "-config.file=/etc/loki/loki.yml")
    ),
    Check(
        "jaeger",
        "jaeger",
        "/etc/jaeger",
        "/cmd/jaeger/jaeger-linux",
        ("validate", "--config=/etc/jaeger/jaeger.yml"),
    ),
    Check(
        "otel-collector",
        "otel-collector",
        "/etc/otelcol-contrib",
        "/otelcol-contrib",
        ("validate", "--config=/etc/otelcol-contrib/config.yml"),
        # it wants to find the folder of its queue
        ("--tmpfs=/var/lib/otelcol:uid=10001,gid=10001", "--env=STRATUM_ENV=development"),
    ),
)


def check(one: Check, image: str, folder: Path) -> None:
    """Let the binary in *image* read the configuration in *folder*.

    Raises:
        Problem: It refuses; what it said is in the message, the folder's name too.
    """
    command = [
        *("docker", "run", "--rm", "--network=none", "--read-only", "--cap-drop=ALL", *one.options),
        *(f"--volume={folder}:{one.mounted_at}:ro", f"--entrypoint={one.entrypoint}", image, *one.arguments),
    ]
    run(
        command,
        what=f"the configuration in {one.folder}/ is not valid: {one.entrypoint}",
        remedy=f"mend {one.folder}/",
        within=60,
    )


def check_all(environment: Environment, images: Mapping[str, str]) -> None:
    """Check every configuration, side by side; one that has not changed since it was last found good is not asked again.

    Args:
        environment: Whose root holds the folders.
        images: Image by service.

    Raises:
        Problem: The first that is refused.
    """
    remembered = environment.folder / "configs-checked.json"
    known: dict[str, str] = {}
    with suppress(FileNotFoundError, json.JSONDecodeError):  # then all are asked
        known = json.loads(remembered.read_text())
    fingerprints = {
        one.service: _fingerprint(environment.root / one.folder, images[one.service]) for one in CHECKS
    }
    changed = [one for one in CHECKS if known.get(one.service) != fingerprints[one.service]]

    def problem_of(one: Check) -> Problem | None:
        try:
            check(one, images[one.service], environment.root / one.folder)
        except Problem as problem:
            return problem
        return None

    with ThreadPoolExecutor(max_workers=len(CHECKS)) as pool:
        for problem in pool.map(problem_of, changed):
            if problem:
                raise problem
    remembered.parent.mkdir(parents=True, exist_ok=True)
    replace(remembered, json.dumps(fingerprints))


def _fingerprint(folder: Path, image: str) -> str:
    digest = sha256(image.encode())
    for path in sorted(
        p for p in folder.rglob("*") if p.is_file() and "image" not in p.relative_to(folder).parts
    ):
        digest.update(str(path.relative_to(folder)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
