"""The virtual environment of the launcher and the tests, made from hashed requirements.

Runs before anything is installed: standard library only.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_OLDEST = (3, 11)


def _stop(message: str) -> None:
    sys.stderr.write(f"make: {message}\n")
    raise SystemExit(2)


def _has_ensurepip() -> bool:
    return importlib.util.find_spec("ensurepip") is not None


def main() -> None:
    """Make or renew .venv; nothing to do if it already holds these requirements."""
    if sys.version_info < _OLDEST:
        _stop(
            f"Python 3.11 or newer is needed, {sys.executable} is {sys.version.split()[0]}: make PYTHON=python3.13 ..."
        )
    requirements = ROOT / "requirements" / "dev.txt"
    venv, stamp = ROOT / ".venv", ROOT / ".venv" / "requirements.sha256"
    wanted = f"{sys.version} {sha256(requirements.read_bytes()).hexdigest()}"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    if not _has_ensurepip():
        if os.geteuid() == 0 and shutil.which("apt-get"):
            sys.stdout.write("make: installing python3-venv (apt)\n")
            subprocess.run(["apt-get", "update", "-q"], check=True, stdout=subprocess.DEVNULL)
            subprocess.run(
                ["apt-get", "install", "-yq", "python3-venv"], check=True, stdout=subprocess.DEVNULL
            )
        else:
            _stop(
                "this Python cannot make virtual environments: install python3-venv (or its like) and try again"
            )
    sys.stdout.write("make: making .venv from requirements/dev.txt (about a minute)\n")
    sys.stdout.flush()
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], check=True)
    pip = [str(venv / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    done = subprocess.run(
        [
            *pip,
            "install",
            "--quiet",
            "--require-hashes",
            "--only-binary",
            ":all:",
            "--requirement",
            str(requirements),
        ],
        check=False,
    )
    if done.returncode:
        _stop(
            "the Python packages of requirements/dev.txt could not be installed (see above); is a package index reachable?"
        )
    stamp.write_text(wanted)


if __name__ == "__main__":
    main()
