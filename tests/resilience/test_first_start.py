"""A first start that is cut short begins anew: half a database is never taken for a whole one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from launcher.images import Present

from harness.eventually import NotYet, Probe, eventually
from harness.one_container import image_of, made_like

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from docker.models.containers import Container

PASSWORD = "of-this-test"
START = f"echo {PASSWORD} > /tmp/password; exec docker-entrypoint.sh postgres"


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """The folder of what a first start runs."""
    folder = tmp_path / "initdb"
    folder.mkdir(mode=0o755)
    tmp_path.chmod(0o755)
    return folder


@pytest.fixture
def database(scripts: Path) -> Iterator[Container]:
    """PostgreSQL as the stack has it, not yet started, with scripts of this test's own."""
    image = image_of("postgres")
    if Present().origin(image) != "built":
        pytest.skip(
            f"{image} was pulled: upstream's entrypoint takes half a database for a whole one (ADR-0001)"
        )
    with made_like(
        "postgres",
        entrypoint=["bash", "-c", START],
        environment={"POSTGRES_PASSWORD_FILE": "/tmp/password", "PGPASSWORD": PASSWORD},  # noqa: S108 - in a container
        volumes={str(scripts): {"bind": "/docker-entrypoint-initdb.d", "mode": "ro"}},
        tmpfs={"/var/run/postgresql": "uid=999,gid=999"},
        network_mode="none",
    ) as container:
        yield container


def answer(container: Container, *command: str) -> Callable[[], str]:
    """What a command in it says, once it goes well."""

    def read() -> str:
        container.reload()
        if container.status != "running":
            raise NotYet(f"{container.status}: {container.logs(tail=3).decode()}")
        code, said = container.exec_run(list(command))
        if code:
            raise NotYet(said.decode().strip() or f"exit code {code}")
        return str(said.decode()).strip()

    return read


def test_a_first_start_that_was_killed_begins_anew(database: Container, scripts: Path) -> None:
    """Killed while it ran its scripts, when initdb had long made a folder that looks like a database."""
    (scripts / "10.sh").write_text("touch /tmp/half; sleep infinity\n")
    database.start()
    eventually(Probe("a first start", "docker exec", answer(database, "test", "-e", "/tmp/half")), within=120)  # noqa: S108
    database.kill()

    (scripts / "10.sh").write_text('psql -c "CREATE TABLE whole ()"\n')
    database.start()
    # over TCP, where the server of a first start does not listen
    asked = ["psql", "-h", "127.0.0.1", "-U", "postgres", "-tAc", "SELECT count(*) FROM whole"]
    assert eventually(Probe("its table", "docker exec", answer(database, *asked)), within=120) == "0"
    _, left = database.exec_run(["ls", "-A", "/var/lib/postgresql/data"])
    assert "PG_VERSION" in left.decode().split()
    assert ".part" not in left.decode().split()
