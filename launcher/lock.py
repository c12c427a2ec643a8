"""`make lock`: every *.in becomes a hashed requirements file without any index's address in it.

uv.lock is not used: it carries the addresses of the registry that answered (design, part 11).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from launcher.environment import ROOT, ca_bundle
from launcher.processes import run

LOCKS = {
    "requirements/dev.in": ("requirements/dev.txt", "3.11"),
    "sample_app/requirements.in": ("sample_app/requirements.txt", "3.13"),
    "inbox/requirements.in": ("inbox/requirements.txt", "3.13"),
    "errors/requirements.in": ("errors/requirements.txt", "3.13"),
    "loadtests/bench/requirements.in": ("loadtests/bench/requirements.txt", "3.13"),
}
"""What is compiled into what, for which oldest Python."""


def main(only: str | None = None) -> None:
    """Compile each lock; versions stay as they are unless the *.in file asks for others."""
    env = {
        **os.environ,
        "SSL_CERT_FILE": str((ROOT / ca_bundle()).resolve()),
        "UV_CUSTOM_COMPILE_COMMAND": "make lock",
    }
    uv = str(Path(sys.executable).with_name("uv"))
    for source, (target, python) in LOCKS.items():
        if only and only not in source:
            continue
        command = [uv, "pip", "compile", source, "--output-file", target, "--generate-hashes", "--universal"]
        command += ["--python-version", python, "--no-emit-index-url", "--no-emit-find-links", "--quiet"]
        overrides = ROOT / Path(source).parent / "overrides.txt"
        if overrides.exists():
            command += ["--override", str(overrides.relative_to(ROOT))]
        run(
            command,
            what=f"compiling {source}",
            remedy="uv's message says which packages disagree",
            env=env,
            cwd=ROOT,
        )
        print(f"{target}: {sum('==' in line for line in (ROOT / target).read_text().splitlines())} packages")  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:2])
