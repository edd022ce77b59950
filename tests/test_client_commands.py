"""The commands that speak HTTP, against a real server: what they print, and how they end."""

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

from modelops_platform.cli import app as commands
from tests.factories import Cast

Run = Callable[..., Result]


@pytest.fixture
def run(live: int, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command as a contributor."""
    monkeypatch.setenv("MODELOPS_URL", f"http://127.0.0.1:{live}")
    monkeypatch.setenv("MODELOPS_TOKEN", cast.token(cast.person("contributor")))
    return lambda *arguments: CliRunner().invoke(commands, list(arguments))


def test_a_folder_becomes_a_version_that_the_gate_denies(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "parts").mkdir(parents=True)
    (folder / "model.txt").write_text("weights")
    (folder / "parts" / "more.txt").write_text("more weights")
    name = "a rather long name, \u00e9t\u00e9 $(id)"
    made = run("register", name, "--purpose", "Says who may leave.", "--file", str(folder), "--metric", "auc=0.84")
    assert made.exit_code == 0, made.output
    assert "Version 1 of" in made.output
    again = run("register", name, "--file", str(folder))
    assert "Version 2 of" in again.output

    listed = run("models").output.splitlines()
    assert listed[0].split() == ["name", "kind", "unit", "tier", "light", "state"]
    assert listed[1].startswith(name)
    assert "not monitored" in listed[1]
    versions = json.loads(run("versions", name, "--format", "json").output)
    assert [version["number"] for version in versions] == [2, 1]
    assert versions[0]["manifest_digest"] in run("versions", name).output

    denied = run("gate", name, "1", "--to", "production")
    assert denied.exit_code == 1
    assert "requirements are not met" in denied.output
    assert json.loads(run("gate", name, "1", "--to", "production", "--format", "json").output)["outcome"] == "deny"
    suite = ElementTree.fromstring(run("gate", name, "1", "--to", "production", "--format", "junit").stdout)
    assert int(suite.attrib["failures"]) > 0
    free = run("gate", name, "1", "--to", "staging")
    assert (free.exit_code, free.output.startswith("Yes: no policy guards this")) == (0, True), free.output


def test_what_cannot_be_asked_or_decided_ends_with_2_and_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("register", "churn", "--purpose", "Says who may leave.").exit_code == 0
    for arguments in (
        ("register", "churn"),
        ("register", "other", "--metric", "auc"),
        ("versions", "nothing"),
        ("gate", "churn", "1", "--to", "production"),
    ):
        answer = run(*arguments)
        assert (answer.exit_code, answer.stdout) == (2, ""), arguments
        assert answer.stderr.startswith("Error: ")
        assert answer.stderr.count("\n") == 1
    monkeypatch.setenv("MODELOPS_TOKEN", "wrong")
    assert "token is not known" in run("models").stderr
    monkeypatch.setenv("MODELOPS_URL", "http://127.0.0.1:9")
    assert "cannot be reached" in run("models").stderr
    monkeypatch.setenv("MODELOPS_URL", "http://[::1")
    assert "is no address" in run("models").stderr
