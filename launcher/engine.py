"""Docker Engine, Compose and Buildx on a machine that may have none of them (design, part 2).

Verified on Debian 12, whose engine is 20.10 and which has no Compose v2: those two plugins come from a later suite
of the same mirror.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from launcher.problem import Problem
from launcher.processes import run, succeeds

Say = Callable[[str], None]

_LOG = Path("/var/log/stratum-dockerd.log")
_START_WITHIN = 60.0
_DOCKERD_PID = Path("/var/run/docker.pid")
_CONTAINERD_PID = Path("/var/run/docker/containerd/containerd.pid")
_COMPOSE_AT_LEAST = (2, 30)
_APT_LOCK = Path("/run/stratum-apt.lock")
_PLUGIN_SUITE = "forky"
_INSTALL_BY_HAND = "install Docker Engine 20.10 or newer with the Compose (2.30 or newer) and Buildx plugins, start it, and try again"


def ensure(say: Say) -> None:
    """Make `docker`, `docker compose` and `docker buildx` work.

    Raises:
        Problem: They do not work, and this user or this machine does not allow us to mend that.
    """
    if not _answers():
        if os.environ.get("DOCKER_HOST"):
            raise Problem(
                f"no Docker Engine answers at DOCKER_HOST={os.environ['DOCKER_HOST']}",
                "start it, or unset DOCKER_HOST",
            )
        _require_root_and_apt("no Docker Engine is running")
        if not shutil.which("dockerd"):
            say("Docker Engine is missing: installing docker.io and iptables (apt)")
            install("docker.io", "iptables")
        _start(say)
    missing = [
        name for name, works in (("compose", _compose_works()), ("buildx", _buildx_works())) if not works
    ]
    if missing:
        _require_root_and_apt(f"Docker's {' and '.join(missing)} plugin is missing or too old")
        _install_plugins(missing, say)


def install(*packages: str, unless: Callable[[], object] = lambda: None) -> None:
    """Install distribution packages, one process at a time: `apt-get update` does not wait for another's lock.

    `unless` is asked when it is our turn, and says whether another process has done it meanwhile.
    """
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    remedy = "is a package mirror reachable? `apt-get update` says more"
    command = ["apt-get", "install", "-yq", "--no-install-recommends", *packages]
    with _APT_LOCK.open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if unless():
            return
        run(["apt-get", "update", "-q"], what="refreshing the package lists", remedy=remedy, env=env)
        run(command, what=f"installing {', '.join(packages)}", remedy=remedy, env=env, within=900)


def debian_mirror() -> str:
    """The Debian mirror that this machine's own apt configuration names.

    Raises:
        Problem: It names none.
    """
    printed = run(
        ["apt-get", "indextargets", "--format", "$(SITE) $(REPO_URI)"], what="reading the apt configuration"
    )
    uris = [line.split()[-1].rstrip("/") for line in printed.splitlines() if line.strip()]
    found = next((uri for uri in uris if uri.endswith("/debian")), None)
    if found is None:
        raise Problem("apt's configuration names no Debian mirror", _INSTALL_BY_HAND)
    return found


def _answers() -> bool:
    return succeeds(["docker", "info"])


def _require_root_and_apt(what: str) -> None:
    if os.geteuid() != 0:
        raise Problem(f"{what}, and only root may change that", f"run this as root, or {_INSTALL_BY_HAND}")
    if not shutil.which("apt-get"):
        raise Problem(f"{what}, and this machine has no apt", _INSTALL_BY_HAND)


def _start(say: Say) -> None:
    """Start the engine; by hand, and detached from us and from any pipe of ours, where no systemd does it."""
    by_hand = not Path("/run/systemd/system").is_dir()
    if by_hand:
        say(f"starting Docker Engine (dockerd; its log: {_LOG})")
    else:
        say("starting Docker Engine (systemctl start docker)")
        run(
            ["systemctl", "start", "docker"],
            what="starting Docker Engine",
            remedy="`journalctl -u docker` says more",
        )
    process: subprocess.Popen[bytes] | None = None
    deadline = time.monotonic() + _START_WITHIN
    while not _answers():
        # one that is on its way up, or just being killed, is waited for: a second one would refuse to start
        if by_hand and process is None and not _holds(_DOCKERD_PID, "dockerd"):
            _holds(_CONTAINERD_PID, "containerd")  # a living one is taken over, a stale file goes
            process = _spawn()
        exited = process is not None and process.poll() is not None
        if exited or time.monotonic() > deadline:
            tail = "\n".join(_LOG.read_text(errors="replace").splitlines()[-8:]) if _LOG.exists() else ""
            how = "ended at once" if exited else f"did not answer within {_START_WITHIN:g} s"
            raise Problem(f"dockerd {how}; its last lines:\n{tail}", f"see {_LOG}")
        time.sleep(0.2)


def _spawn() -> subprocess.Popen[bytes]:
    with _LOG.open("ab") as log:
        return subprocess.Popen(
            ["dockerd"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True
        )


def _holds(pid_file: Path, program: str, processes: Path = Path("/proc")) -> bool:
    """Whether *program* lives under the number in its pid file; a stale file is removed.

    A daemon that was killed leaves its file behind, and dockerd refuses to start as long as anything has that number:
    another program by now, or the dead daemon itself, not yet buried (a zombie).
    """
    try:
        name, _, rest = (processes / pid_file.read_text().strip() / "stat").read_text().rpartition(")")
        if name.partition("(")[2] == program and rest.split()[0] not in ("Z", "X"):
            return True
    except (OSError, IndexError):
        pass
    pid_file.unlink(missing_ok=True)
    return False


def _compose_works() -> bool:
    try:
        printed = run(["docker", "compose", "version", "--short"], what="docker compose version", within=20)
    except Problem:
        return False
    found = re.search(r"(\d+)\.(\d+)", printed)
    return bool(found) and (int(found[1]), int(found[2])) >= _COMPOSE_AT_LEAST  # type: ignore[index]


def _buildx_works() -> bool:
    return succeeds(["docker", "buildx", "version"])


def _install_plugins(names: list[str], say: Say) -> None:
    """Compose and Buildx from Debian's next suite: static enough to be unpacked beside an older system.

    apt runs with a sources list and caches of its own, so that the machine's configuration stays as it is.
    """
    packages = [f"docker-{name}" for name in names]
    say(f"installing {' and '.join(packages)} (from Debian {_PLUGIN_SUITE}, into ~/.docker/cli-plugins)")
    mirror = debian_mirror()
    with tempfile.TemporaryDirectory(prefix="stratum-plugins-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # apt's own user reads here
        for sub in ("lists/partial", "cache/archives/partial", "download"):
            (folder / sub).mkdir(parents=True)
        signed = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
        (folder / "sources.list").write_text(f"deb {signed} {mirror} {_PLUGIN_SUITE} main\n")
        apt = [
            "apt-get",
            *("-o", f"Dir::Etc::sourcelist={folder}/sources.list", "-o", "Dir::Etc::sourceparts=/dev/null"),
            *("-o", f"Dir::State::lists={folder}/lists", "-o", f"Dir::Cache={folder}/cache"),
            # a suite in the making: its Release file may be past its date
            *("-o", "Acquire::Check-Valid-Until=false", "-o", "APT::Sandbox::User=root"),
        ]
        run([*apt, "update", "-q"], what=f"reading Debian {_PLUGIN_SUITE}", remedy=_INSTALL_BY_HAND)
        download = folder / "download"
        run(
            [*apt, "download", *packages],
            what=f"downloading {', '.join(packages)}",
            remedy=_INSTALL_BY_HAND,
            cwd=download,
        )
        plugins = Path.home() / ".docker" / "cli-plugins"
        plugins.mkdir(parents=True, exist_ok=True)
        for package in download.glob("*.deb"):
            run(["dpkg", "-x", str(package), str(folder / "unpacked")], what=f"unpacking {package.name}")
        for plugin in packages:
            source = folder / "unpacked" / "usr" / "libexec" / "docker" / "cli-plugins" / plugin
            shutil.copy2(source, plugins / plugin)
    if not (_compose_works() and _buildx_works()):
        raise Problem("the Compose and Buildx plugins were installed and still do not work", _INSTALL_BY_HAND)
