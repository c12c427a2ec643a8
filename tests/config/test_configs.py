"""Each configuration is checked by the binary that reads it, and the check is seen to fail on a broken one."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from launcher import configs
from launcher.environment import ROOT
from launcher.problem import Problem

if TYPE_CHECKING:
    from pathlib import Path

# A mistake a person could make, by service: what is written over which text of which file.
MISTAKES = {
    "prometheus": ("rules/api.rules.yml", "absent(", "absnt("),
    "alertmanager": ("alertmanager.yml", "receiver: pagerduty", "receiver: pagerdooty"),
    "loki": ("loki.yml", "retention_period: 720h", "retention_period: 720hours"),
    "jaeger": ("jaeger.yml", "receivers: [otlp]", "receivers: [oltp]"),
    "otel-collector": ("config.yml", "ParseJSON(", "ParseJason("),
}


@pytest.mark.parametrize("check", configs.CHECKS, ids=lambda check: check.service)
def test_the_committed_configuration_is_accepted(check: configs.Check, images: dict[str, str]) -> None:
    configs.check(check, images[check.service], ROOT / check.folder)


@pytest.mark.parametrize("check", configs.CHECKS, ids=lambda check: check.service)
def test_a_mistake_is_refused_by_name(check: configs.Check, images: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / check.folder
    shutil.copytree(ROOT / check.folder, folder)
    file, right, wrong = MISTAKES[check.service]
    before = (folder / file).read_text()
    assert right in before, f"the mistake no longer fits {check.folder}/{file}"
    (folder / file).write_text(before.replace(right, wrong, 1))

    with pytest.raises(Problem, match=rf"{check.folder}/"):
        configs.check(check, images[check.service], folder)
