"""What tells one stack from another: project name, ports, secrets, settings file.

`make up` and each private test stack have one of these, and share nothing (design, part 8).
"""

from __future__ import annotations

import errno
import os
import random
import re
import shutil
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from launcher import credentials
from launcher.files import replace
from launcher.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROOT = Path(__file__).resolve().parent.parent

PORTS: dict[str, int] = {
    "API_PORT": 8000,
    "PROMETHEUS_PORT": 9090,
    "ALERTMANAGER_PORT": 9093,
    "LOKI_PORT": 3100,
    "JAEGER_PORT": 16686,
    "GRAFANA_PORT": 3000,
    "ERRORS_PORT": 8001,
    "INBOX_PORT": 8025,
    "OTLP_HTTP_PORT": 4318,
    "FLUENTD_PORT": 24224,
}
"""Every published port's setting and its usual value; docker-compose.yml has the same (a test compares)."""

_CA_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")


# Linux, unless told otherwise, gives away ports above them; the usual ones are for `make up`
_ASKED_FOR_BY_NUMBER = sorted(set(range(10_000, 32_768)) - set(PORTS.values()))
_COMMENT_BEHIND = re.compile(r" +#")
_LAST_PORT = 65_535
_RANDOM = random.SystemRandom()  # not the one that tests seed: parallel ones would all be given the same


def ca_bundle() -> str:
    """The bundle the builds shall trust: what this machine trusts, a TLS-intercepting proxy included.

    Returns:
        A path; the empty file in images/ where the machine has none.
    """
    candidates = (os.environ.get("STRATUM_CA_BUNDLE"), os.environ.get("SSL_CERT_FILE"), *_CA_BUNDLES)
    found = next((path for path in candidates if path and Path(path).is_file()), None)
    return found or "./images/no-ca.pem"


def free_ports(names: Iterable[str]) -> dict[str, int]:
    """Different ports, one a name, that nothing on loopback uses right now.

    Until somebody takes them they are free to everyone: so none that the kernel gives to whoever asks for any.
    """
    sockets: dict[str, socket.socket] = {}
    try:
        for name in names:
            sockets[name] = _hold_one()
        return {name: held.getsockname()[1] for name, held in sockets.items()}
    finally:
        for held in sockets.values():
            held.close()


def _hold_one() -> socket.socket:
    while True:
        try:
            return socket.create_server(("127.0.0.1", _RANDOM.choice(_ASKED_FOR_BY_NUMBER)))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise


def read_settings(path: Path) -> dict[str, str]:
    """The `KEY=value` lines of a settings file, plain or quoted; nothing is expanded. None if it does not exist."""
    if not path.exists():
        return {}
    lines = (line.strip() for line in path.read_text().splitlines())
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {key.strip().removeprefix("export ").strip(): _value(text.strip()) for key, text in pairs}


def _value(text: str) -> str:
    if (quote := text[:1]) in {"'", '"'} and (end := text.find(quote, 1)) > 0:
        return text[1:end]
    return _COMMENT_BEHIND.split(text, maxsplit=1)[0]


def _port(name: str, text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= _LAST_PORT:
        raise Problem(
            f"{name}={text} is no port", f"give {name} a number up to {_LAST_PORT}, in .env or the shell"
        )
    return int(text)


@dataclass(frozen=True, kw_only=True)
class Environment:
    """One stack's name, files and ports."""

    project: str
    folder: Path
    env_file: Path
    secrets: Path
    root: Path = ROOT
    ports: Mapping[str, int] = field(default_factory=lambda: dict(PORTS))
    settings: Mapping[str, str] = field(default_factory=dict)
    more_files: tuple[
        Path, ...
    ] = ()  # Compose files read after docker-compose.yml; a person's stack has none

    @classmethod
    def development(cls, root: Path = ROOT) -> Environment:
        """The stack of `make up`: settings in .env (a person may edit them), secrets in secrets/."""
        env_file = root / ".env"
        chosen = {**read_settings(env_file), **{k: v for k, v in os.environ.items() if k in PORTS}}
        return cls(
            project=os.environ.get("COMPOSE_PROJECT_NAME") or chosen.get("COMPOSE_PROJECT_NAME") or "stratum",
            folder=root / "build",
            env_file=env_file,
            secrets=root / "secrets",
            root=root,
            ports={name: _port(name, chosen.get(name) or str(usual)) for name, usual in PORTS.items()},
            settings={"COMPOSE_PROFILES": "grafana", "STRATUM_FAULTS": "on"},
        )

    @classmethod
    def for_project(
        cls,
        project: str,
        *,
        root: Path = ROOT,
        folder: Path,
        overrides: Mapping[str, str] | None = None,
        more_files: tuple[Path, ...] = (),
    ) -> Environment:
        """A private stack: everything of its own, below *folder*; *overrides* are settings."""
        return cls(
            project=project,
            folder=folder,
            env_file=folder / "stack.env",
            secrets=folder / "secrets",
            root=root,
            ports=free_ports(PORTS),
            settings={"COMPOSE_PROFILES": "", "STRATUM_FAULTS": "on", **(overrides or {})},
            more_files=more_files,
        )

    def prepare(self) -> list[str]:
        """Make what is missing: folder, settings, secrets. What exists stays as it is.

        Returns:
            What was made, for the person who watches.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        made = credentials.make_missing(self.secrets)
        wanted = {
            "COMPOSE_PROJECT_NAME": self.project,
            "STRATUM_SECRETS": str(self.secrets),
            "STRATUM_CA_BUNDLE": ca_bundle(),
            "STRATUM_LINKS": f"http://127.0.0.1:{self.ports['INBOX_PORT']}",
            **{name: str(port) for name, port in self.ports.items()},
            **self.settings,
        }
        present = read_settings(self.env_file)
        missing = {key: value for key, value in wanted.items() if key not in present}
        if missing:
            before = self.env_file.read_text() if self.env_file.exists() else _HEADER
            if before and not before.endswith("\n"):
                before += "\n"
            replace(self.env_file, before + "".join(f"{key}={value}\n" for key, value in missing.items()))
        return made + sorted(missing)

    def change_setting(self, key: str, value: str) -> None:
        """Rewrite one line of the settings file where it stands, or add it."""
        lines, changed = self.env_file.read_text().splitlines(), f"{key}={value}"
        rewritten = [changed if line.split("=", 1)[0].strip() == key else line for line in lines]
        if changed not in rewritten:
            rewritten.append(changed)
        replace(self.env_file, "\n".join(rewritten) + "\n")

    def secret(self, name: str) -> str:
        """What the secret file *name* holds."""
        return (self.secrets / name).read_text().strip()

    def compose(self, *arguments: str) -> list[str]:
        """A `docker compose` command for this stack and no other."""
        files = ["--project-directory", str(self.root)]
        for path in (self.root / "docker-compose.yml", *self.more_files):
            files += ["--file", str(path)]
        return [
            "docker",
            "compose",
            "--project-name",
            self.project,
            "--env-file",
            str(self.env_file),
            *files,
            *arguments,
        ]

    def address(self, port: str, path: str = "") -> str:
        """The URL of a published port, as a person or a test on this machine opens it."""
        return f"http://127.0.0.1:{self.ports[port]}{path}"

    def forget(self) -> None:
        """Delete settings and secrets: they go together with the volumes, which know the same passwords."""
        shutil.rmtree(self.secrets, ignore_errors=True)
        self.env_file.unlink(missing_ok=True)


_HEADER = """\
# Made by `make up`; edit what you like, .env.example says what each line means. Not committed.
"""
