"""The error tracker starts only with secrets it can use, and says which one it cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from errors.inputs import InputError, Inputs, parse_dsn, read_inputs, read_secret

if TYPE_CHECKING:
    from pathlib import Path

KEY = "0123456789abcdef" * 2
TOKEN = "0123456789" * 4


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Usable secrets in files, and the environment that names them."""
    contents = {
        "errors_admin_password": "correct horse",
        "errors_dsn": f"http://{KEY}@errors:8000/1",
        "errors_api_token": TOKEN,
    }
    for name, content in contents.items():
        (tmp_path / name).write_text(content + "\n")
    return {f"{name.upper()}_FILE": str(tmp_path / name) for name in contents}


def test_usable_secrets_become_inputs(environment: dict[str, str]) -> None:
    assert read_inputs(environment) == Inputs(
        admin_password="correct horse", public_key=KEY, project_id=1, api_token=TOKEN
    )


def test_a_missing_secret_is_named_with_the_command_that_writes_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"secret errors_dsn: .*make up"):
        read_secret("errors_dsn", {"ERRORS_DSN_FILE": str(tmp_path / "absent")})


def test_an_empty_secret_is_refused(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "errors_admin_password").write_text("\n")

    with pytest.raises(InputError, match=r"secret errors_admin_password: .* is empty"):
        read_inputs(environment)


@pytest.mark.parametrize(
    ("dsn", "problem"),
    [
        ("http://errors:8000/1", "32 lowercase hex digits"),
        (f"http://{KEY.upper()}@errors:8000/1", "32 lowercase hex digits"),
        (f"http://{KEY[:-1]}@errors:8000/1", "32 lowercase hex digits"),
        (f"http://{KEY}@errors:8000/", "number of a project"),
        (f"http://{KEY}@errors:8000/stratum", "number of a project"),
        (f"http://{KEY}@errors:8000/0", "number of a project"),
        ("", "32 lowercase hex digits"),
    ],
)
def test_a_malformed_dsn_is_refused(dsn: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        parse_dsn(dsn)


@pytest.mark.parametrize("token", [TOKEN[:-1], TOKEN + "0", TOKEN.replace("9", "G"), "letmein"])
def test_a_token_bugsink_would_not_accept_is_refused_without_repeating_it(
    environment: dict[str, str], tmp_path: Path, token: str
) -> None:
    (tmp_path / "errors_api_token").write_text(token)

    with pytest.raises(InputError, match=r"secret errors_api_token") as refusal:
        read_inputs(environment)

    assert token not in str(refusal.value)
