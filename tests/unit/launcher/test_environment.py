"""One stack's names, ports, settings and secrets, apart from every other stack's."""

from __future__ import annotations

import json
import os
import stat
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from launcher import credentials
from launcher.environment import PORTS, Environment, free_ports, read_settings
from launcher.problem import Problem

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment.for_project(
        "stratum-test-1", folder=tmp_path / "stack", overrides={"STRATUM_FAULTS": "off"}
    )


def test_secrets_are_readable_files_in_a_private_folder(environment: Environment) -> None:
    environment.prepare()

    assert {path.name for path in environment.secrets.iterdir()} == set(credentials.NAMES)
    assert stat.S_IMODE(environment.secrets.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in environment.secrets.iterdir()} == {0o444}


def test_preparing_again_changes_nothing(environment: Environment) -> None:
    environment.prepare()
    before = {path.name: path.read_text() for path in environment.secrets.iterdir()}
    settings = environment.env_file.read_text()

    assert environment.prepare() == []
    assert {path.name: path.read_text() for path in environment.secrets.iterdir()} == before
    assert environment.env_file.read_text() == settings


def test_a_secret_that_is_missing_is_made_and_the_others_are_kept(environment: Environment) -> None:
    environment.prepare()
    kept = environment.secret("redis_password")
    (environment.secrets / "internal_key").unlink()

    assert environment.prepare() == ["internal_key"]
    assert environment.secret("redis_password") == kept


def test_two_stacks_share_no_secret_and_no_port(tmp_path: Path) -> None:
    one, other = (Environment.for_project(name, folder=tmp_path / name) for name in ("one", "other"))
    one.prepare()
    other.prepare()
    fixed = {"watchdog_url", "info_url"}  # names inside each stack's own network

    assert not [
        name for name in credentials.NAMES if name not in fixed and one.secret(name) == other.secret(name)
    ]
    assert set(one.ports) == set(PORTS)
    assert one.env_file != other.env_file


def test_what_a_person_edited_stays(environment: Environment) -> None:
    environment.prepare()
    environment.change_setting("STRATUM_LOG_LEVEL", "WARNING")
    text = environment.env_file.read_text() + "API_PORT=18000\n# mine\n"
    environment.env_file.write_text(text)

    environment.prepare()

    assert environment.env_file.read_text() == text


def test_a_setting_is_changed_where_it_stands_and_added_where_it_is_missing(environment: Environment) -> None:
    environment.env_file.parent.mkdir(parents=True, exist_ok=True)
    environment.env_file.write_text("# how much is said\nLEVEL=INFO\n# where\nPORT=1\n")

    environment.change_setting("LEVEL", "DEBUG")
    environment.change_setting("RELEASE", "next")

    assert environment.env_file.read_text() == (
        "# how much is said\nLEVEL=DEBUG\n# where\nPORT=1\nRELEASE=next\n"
    )


def test_the_settings_say_what_the_environment_says(environment: Environment) -> None:
    environment.prepare()
    settings = read_settings(environment.env_file)

    assert {name: int(settings[name]) for name in PORTS} == environment.ports
    assert settings["STRATUM_FAULTS"] == "off"
    assert settings["STRATUM_LINKS"] == environment.address("INBOX_PORT")


def test_passwords_reach_redis_as_hashes_only(environment: Environment) -> None:
    environment.prepare()
    password, acl = environment.secret("redis_password"), environment.secret("redis_acl")

    assert password not in acl
    assert sha256(password.encode()).hexdigest() in acl
    assert (
        json.loads(environment.secret("redis_exporter_passwords.json"))["redis://exporter@redis:6379"]
        == password
    )


def test_forgetting_deletes_settings_and_secrets(environment: Environment) -> None:
    environment.prepare()
    environment.forget()

    assert not environment.secrets.exists()
    assert not environment.env_file.exists()


def test_free_ports_are_all_different_and_nobody_is_given_one_who_asks_for_any() -> None:
    ports = free_ports(f"P{n}" for n in range(20))

    assert len(set(ports.values())) == len(ports)
    assert max(ports.values()) < 32_768  # the first that Linux gives away
    assert not set(ports.values()) & set(PORTS.values())


@pytest.mark.parametrize(
    "line",
    [
        "API_PORT=18000",
        "API_PORT = 18000 ",
        "API_PORT=18000 # moved",
        'API_PORT="18000"',
        "API_PORT='18000' # moved",
        "export API_PORT=18000",
    ],
)
def test_a_setting_is_read_as_compose_reads_it(line: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"# mine\n{line}\nPASSWORD=a#b")

    assert read_settings(tmp_path / ".env") == {"API_PORT": "18000", "PASSWORD": "a#b"}
    assert Environment.development(tmp_path).ports["API_PORT"] == 18000


@pytest.mark.parametrize("port", ["eighteen", "0", "65536", "-1"])
def test_what_is_no_port_is_named(port: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"API_PORT={port}\n")

    with pytest.raises(Problem, match=f"API_PORT={port} is no port"):
        Environment.development(tmp_path)


def test_a_last_line_that_is_not_ended_is_a_setting_of_its_own(environment: Environment) -> None:
    environment.env_file.parent.mkdir(parents=True, exist_ok=True)
    environment.env_file.write_text("STRATUM_LOG_LEVEL=DEBUG")
    environment.prepare()

    assert read_settings(environment.env_file)["STRATUM_LOG_LEVEL"] == "DEBUG"
    assert read_settings(environment.env_file)["COMPOSE_PROJECT_NAME"] == environment.project


def test_secrets_are_readable_in_their_containers_whatever_the_umask(environment: Environment) -> None:
    before = os.umask(0o077)
    try:
        environment.prepare()
    finally:
        os.umask(before)

    modes = {stat.S_IMODE((environment.secrets / name).stat().st_mode) for name in credentials.NAMES}
    assert modes == {0o444}
