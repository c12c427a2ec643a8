"""What the documentation names exists: commands, files, links, services, decisions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from launcher.environment import ROOT

if TYPE_CHECKING:
    from pathlib import Path

DOCS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
README = (ROOT / "README.md").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
# Made by the launcher or by a run; absent from a fresh clone.
MADE = {".env", ".venv", "build", "diagnostics", "secrets"}

_FENCED = re.compile(r"^ *```\w*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_QUOTED = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_COMMAND = re.compile(r"(?:^|\s)make ([a-z][a-z-]*)")
_PATH = re.compile(r"[\w.-]+(?:/[\w.{}<>-]+)*/?")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def _commands(text: str) -> set[str]:
    """Makefile targets that a text tells its reader to run."""
    code = [*_FENCED.findall(text), *_QUOTED.findall(_FENCED.sub("", text))]
    return {target for part in code for target in _COMMAND.findall(part)}


def _paths(text: str) -> set[str]:
    """Files and folders of the repository that a text names; patterns with `<...>` are not paths."""
    top = {path.name for path in ROOT.iterdir()}
    quoted = {part for part in _QUOTED.findall(_FENCED.sub("", text)) if _PATH.fullmatch(part)}
    in_repository = {part for part in quoted if part.split("/")[0] in top and ("/" in part or "." in part)}
    return {part for part in in_repository if part.split("/")[0] not in MADE and not set("<>{}") & set(part)}


def _anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", _FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _is_broken(link: str, *, of: Path) -> bool:
    target, _, anchor = link.partition("#")
    path = (of.parent / target).resolve() if target else of
    if not path.exists():
        return True
    return bool(anchor) and anchor not in _anchors(path.read_text(encoding="utf-8"))


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("doc", DOCS, ids=_name)
def test_every_command_is_a_target(doc: Path) -> None:
    assert _commands(doc.read_text(encoding="utf-8")) - TARGETS == set()


@pytest.mark.parametrize("doc", DOCS, ids=_name)
def test_every_path_exists(doc: Path) -> None:
    missing = {path for path in _paths(doc.read_text(encoding="utf-8")) if not (ROOT / path).exists()}

    assert missing == set()


@pytest.mark.parametrize("doc", DOCS, ids=_name)
def test_every_link_inside_the_repository_leads_somewhere(doc: Path) -> None:
    links = _LINK.findall(_FENCED.sub("", doc.read_text(encoding="utf-8")))

    assert [link for link in links if "://" not in link and _is_broken(link, of=doc)] == []


def test_the_readme_and_ci_run_the_same_test_command() -> None:
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    commands = {
        line.split("#")[0].strip() for block in _FENCED.findall(README) for line in block.splitlines()
    }

    assert "make test" in commands
    assert ci.splitlines()[-1].removeprefix("exec ") == "make test"


def test_every_service_is_in_the_reference(services: dict[str, Any]) -> None:
    reference = (ROOT / "docs" / "reference" / "services.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `([a-z-]+)` \|", reference, re.MULTILINE))

    assert named - set(services) == set()
    # `volumes` prepares the volumes and is gone before anybody could ask for it
    assert set(services) - named <= {"volumes"}


def test_every_secret_is_in_the_reference(compose: dict[str, Any]) -> None:
    reference = (ROOT / "docs" / "reference" / "services.md").read_text(encoding="utf-8")
    kept = {
        name for name in compose["secrets"] if name != "ca"
    }  # the builds' CA bundle is the host's, no secret

    assert {name for name in kept if f"`{name}`" not in reference} == set()


def test_every_published_port_is_in_the_reference(services: dict[str, Any]) -> None:
    reference = (ROOT / "docs" / "reference" / "services.md").read_text(encoding="utf-8")
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    ports = re.findall(r"^([A-Z_]+_PORT)=(\d+)$", example, re.MULTILINE)

    assert ports
    assert [name for name, usual in ports if f"`{name}`, {usual}" not in reference] == []
    assert any(service.get("ports") for service in services.values())


@pytest.mark.parametrize("record", sorted((ROOT / "docs" / "adr").glob("[0-9]*.md")), ids=_name)
def test_a_decision_is_whole_and_in_the_index(record: Path) -> None:
    text = record.read_text(encoding="utf-8")
    index = (ROOT / "docs" / "adr" / "README.md").read_text(encoding="utf-8")

    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == [
        "Context",
        "Decision",
        "Consequences",
        "Revisit when",
    ]
    assert re.search(r"^- \*\*Status:\*\* (proposed|accepted|superseded by ADR-\d{4})$", text, re.MULTILINE)
    assert re.search(r"^- \*\*Date:\*\* \d{4}-\d{2}-\d{2}$", text, re.MULTILINE)
    assert f"[{record.name[:4]}]({record.name})" in index


def test_a_decision_that_is_cited_exists() -> None:
    sources = [*DOCS, ROOT / "docker-compose.yml", *(ROOT / "images").glob("*.*"), *ROOT.glob("*/*.yml")]
    cited = {
        number
        for source in sources
        for number in re.findall(r"ADR-(\d{4})", source.read_text(encoding="utf-8"))
    }

    assert {number for number in cited if not list((ROOT / "docs" / "adr").glob(f"{number}-*.md"))} == set()


def test_what_is_wrong_would_be_noticed(tmp_path: Path) -> None:
    doc = tmp_path / "doc.md"
    doc.write_text(
        "# Here\n\nRun `make nothing-like-it`; see `docs/absent.md`, [that](absent.md), [this](#there).\n"
    )
    text = doc.read_text()

    assert _commands(text) - TARGETS == {"nothing-like-it"}
    assert {path for path in _paths(text) if not (ROOT / path).exists()} == {"docs/absent.md"}
    assert [link for link in _LINK.findall(text) if _is_broken(link, of=doc)] == ["absent.md", "#there"]
    assert not _is_broken("#here", of=doc)
