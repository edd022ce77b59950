"""The steps for CI systems call the command as it is."""

import re
import shlex
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from modelops_platform.cli import app

FOLDER = Path(__file__).parents[2] / "examples" / "ci"


@pytest.mark.parametrize("file", sorted(FOLDER.iterdir()), ids=lambda file: file.name)
def test_a_step_asks_the_gate_and_fails_with_it(file: Path) -> None:
    text = file.read_text("utf-8")
    if file.suffix == ".yml":
        assert yaml.safe_load(text)
    (command,) = re.findall(r"modelops (gate .* --format junit) > gate.xml", text)
    options = {word for word in shlex.split(command) if word.startswith("--")}
    shown = CliRunner().invoke(app, ["gate", "--help"]).output
    assert all(option in shown for option in options)
    assert "||" not in command
