"""What pages for real is what was tested, but for one address and the contents of the secret files."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

import pytest
from launcher import configs, production
from launcher.__main__ import main
from launcher.environment import ROOT
from launcher.problem import Problem

if TYPE_CHECKING:
    from pathlib import Path

COMMITTED = ROOT / "alertmanager"


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("production") / "alertmanager"
    assert main(["production", "--into", str(folder)]) == 0
    return folder


def test_production_differs_in_one_line_and_in_no_template(rendered: Path) -> None:
    before, after = (
        (folder / "alertmanager.yml").read_text().splitlines() for folder in (COMMITTED, rendered)
    )
    changed = [
        line
        for line in difflib.unified_diff(before, after, lineterm="", n=0)
        if not line.startswith(("---", "+++", "@@"))
    ]

    assert changed == [f"-  {production.INBOX}", f"+  {production.PAGERDUTY}"]
    for path in (COMMITTED / "templates").iterdir():
        assert (rendered / "templates" / path.name).read_text() == path.read_text()


def test_alertmanager_accepts_it(rendered: Path, images: dict[str, str]) -> None:
    [check] = [one for one in configs.CHECKS if one.service == "alertmanager"]
    configs.check(check, images["alertmanager"], rendered)


def test_every_secret_is_a_file_that_compose_mounts(services: dict[str, dict[str, object]]) -> None:
    text = (COMMITTED / "alertmanager.yml").read_text()
    files = set(re.findall(r"_file: /run/secrets/(\w+)", text))
    mounted = {one["source"] for one in services["alertmanager"]["secrets"]}  # type: ignore[attr-defined]

    assert files == mounted
    settings = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    assert not [
        line for line in settings if re.search(r"\$\{|(service_key|routing_key|api_url|url): \S*hooks", line)
    ]


def test_a_configuration_that_names_the_inbox_no_more_is_not_rendered(tmp_path: Path) -> None:
    (tmp_path / "alertmanager.yml").write_text("global: {}\n")

    with pytest.raises(Problem, match="pagerduty_url"):
        production.render(tmp_path, tmp_path / "into")
