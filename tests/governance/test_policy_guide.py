"""Every example of the guide is a policy, and every check has one."""

import re
from pathlib import Path

import pytest

from modelops_platform.governance.domain.checks.registry import CHECKS, parts_of
from modelops_platform.governance.domain.citable import FIELD, Known
from modelops_platform.governance.domain.policies import Policy
from modelops_platform.governance.domain.reading import read_policy_text
from tests.governance.factories import good_facts

GUIDE = (Path(__file__).parents[2] / "docs" / "policies.md").read_text("utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
SHELL = "id: shell\nversion: 1\ntitle: Shell\napplies_to: {actions: [alias:shadow]}\nrequirements:\n"


def policy_of(block: str) -> Policy:
    return read_policy_text(block if block.startswith("id:") else SHELL + block)


@pytest.mark.parametrize("block", BLOCKS)
def test_an_example_of_the_guide_is_a_policy(block: str) -> None:
    assert policy_of(block).requirements


def test_the_guide_shows_every_check_and_every_fact() -> None:
    shown = {
        part.name
        for block in BLOCKS
        for requirement in policy_of(block).requirements
        for part in parts_of(requirement.check)
    }
    assert shown == {*CHECKS, "any_of", "all_of", "not"}
    assert all(f"`{name}`" in GUIDE for name in [*Known(good_facts()), f"{FIELD}KEY"])
