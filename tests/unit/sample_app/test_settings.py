"""Settings refuse what would be dangerous, and take secrets from files."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sample_app.database import make_async_engine
from sample_app.settings import Settings, load_settings


@pytest.mark.parametrize("dangerous", [{"log_level": "DEBUG"}, {"faults": "on"}], ids=["debugging", "faults"])
def test_production_refuses(dangerous: dict[str, str]) -> None:
    Settings(env="development", **dangerous)  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="refused when STRATUM_ENV=production"):
        Settings(env="production", **dangerous)  # type: ignore[arg-type]


def test_a_wrong_value_ends_the_process_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STRATUM_DATABASE_PORT", "many")
    with pytest.raises(SystemExit) as ended:
        load_settings()

    assert ended.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("settings: STRATUM_DATABASE_PORT: ")
    assert "many" not in line


def test_a_secret_is_read_from_its_file_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("hunter2\n", encoding="utf-8")
    monkeypatch.setenv("STRATUM_BROKER_PASSWORD_FILE", str(tmp_path / "password"))
    settings = Settings()

    assert settings.broker_password.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(settings)


def test_a_secret_file_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STRATUM_DATABASE_PASSWORD_FILE", "/nowhere/password")
    with pytest.raises(SystemExit):
        load_settings()

    assert "STRATUM_DATABASE_PASSWORD_FILE: cannot read /nowhere/password" in capsys.readouterr().err


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Settings().env = "production"  # type: ignore[misc]


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1))
def test_any_password_fits_into_the_brokers_address(password: str) -> None:
    url = Settings(broker_password=password, broker_host="broker").broker_url  # type: ignore[arg-type]

    assert url.endswith("@broker:6379/0")
    assert url.count("@") == 1


@pytest.mark.parametrize(
    ("replica", "asked"), [("", ("primary", 5432)), ("standby", ("standby", 6543))], ids=["none", "one"]
)
def test_analytics_ask_the_replica_where_there_is_one(replica: str, asked: tuple[str, int]) -> None:
    settings = Settings(database_host="primary", database_replica_host=replica, database_replica_port=6543)
    url = make_async_engine(settings, replica=True).url

    assert (url.host, url.port) == asked
    assert make_async_engine(settings).url.host == "primary"


@given(st.integers())
def test_no_port_outside_the_range_is_taken(port: int) -> None:
    if 1 <= port <= 65535:
        assert Settings(database_replica_port=port).database_replica_port == port
    else:
        with pytest.raises(ValidationError):
            Settings(database_replica_port=port)


def test_the_environment_is_read_in_few_places() -> None:
    source = Path(__file__).parents[3] / "sample_app" / "src" / "sample_app"
    readers = {path.name for path in source.rglob("*.py") if "os.environ" in path.read_text(encoding="utf-8")}

    # the folder's module writes a variable for a library; the health check must not pay for the settings
    assert readers == {"settings.py", "metrics_folder.py", "healthcheck.py"}
