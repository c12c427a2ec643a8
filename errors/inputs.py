"""What start-up is given: secret files, checked before anything is written with them.

A wrong secret found here is one clear line in the log; found later it is a tracker that drops every event.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_PUBLIC_KEY = re.compile(r"[0-9a-f]{32}")
_TOKEN = re.compile(r"[0-9a-f]{40}")


class InputError(Exception):
    """A secret is missing or malformed; the message says which, and what to do, and never its content."""


@dataclass(frozen=True)
class Inputs:
    """The secrets that provisioning turns into rows."""

    admin_password: str
    public_key: str
    project_id: int
    api_token: str


def read_secret(name: str, environment: "os._Environ[str] | dict[str, str]" = os.environ) -> str:
    """The content of the secret file `name`; `<NAME>_FILE` in the environment says where it is."""
    path = Path(environment.get(f"{name.upper()}_FILE", f"/run/secrets/{name}"))
    try:
        content = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise InputError(f"secret {name}: {error}; run `make up`, which writes what is missing") from error
    if not content:
        raise InputError(
            f"secret {name}: {path} is empty; delete it and run `make up`, which writes a new one"
        )
    return content


def parse_dsn(dsn: str) -> tuple[str, int]:
    """The public key and the project's number in a DSN like `http://<32 hex digits>@errors:8000/1`."""
    parts = urlsplit(dsn)
    project = parts.path.strip("/")
    if not _PUBLIC_KEY.fullmatch(parts.username or ""):
        raise InputError("secret errors_dsn: the part before the @ is not 32 lowercase hex digits")
    if not (project.isascii() and project.isdigit()) or int(project) == 0:
        raise InputError("secret errors_dsn: the path is not the number of a project, as in /1")
    return parts.username or "", int(project)


def read_inputs(environment: "os._Environ[str] | dict[str, str]" = os.environ) -> Inputs:
    """Every secret that provisioning needs, or the first thing that is wrong with them."""
    public_key, project_id = parse_dsn(read_secret("errors_dsn", environment))
    api_token = read_secret("errors_api_token", environment)
    if not _TOKEN.fullmatch(api_token):
        raise InputError(
            "secret errors_api_token: not 40 lowercase hex digits, the only form Bugsink accepts"
        )
    return Inputs(
        admin_password=read_secret("errors_admin_password", environment),
        public_key=public_key,
        project_id=project_id,
        api_token=api_token,
    )
