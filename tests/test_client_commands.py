"""The commands that speak HTTP, against a real server: what they print, and how they end."""

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typer.testing import CliRunner, Result

from modelops_platform.cli import app as commands
from modelops_platform.client import Client, ClientError
from modelops_platform.events.proof.seals import to_pem
from modelops_platform.governance.defaults import default_policy_texts
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


def test_results_of_a_pipeline_are_pushed_and_judged_again(run: Run, tmp_path: Path) -> None:
    (tmp_path / "model.txt").write_text("weights")
    assert run("register", "pushed", "--file", str(tmp_path / "model.txt")).exit_code == 0
    results = tmp_path / "results.json"
    smoke = {"test": "smoke", "outcome": "pass"}
    results.write_text(json.dumps([smoke, {"test": "discrimination", "outcome": "pass", "value": 0.4, "rows": 900}]))
    pushed = run("test", "push", "pushed", "1", str(results), "--suite", "tier-1", "--key", "build-1")
    assert pushed.exit_code == 0, pushed.output
    assert "[pass] smoke" in pushed.output
    assert "[fail] discrimination" in pushed.output
    assert run("test", "push", "pushed", "1", str(results), "--suite", "tier-1", "--key", "build-1").exit_code == 0
    results.write_text(json.dumps([smoke]))
    assert run("test", "push", "pushed", "1", str(results), "--suite", "tier-1", "--key", "build-1").exit_code == 2
    for wrong in ("not json", "3", json.dumps({"suite": "own", "digest": "0" * 64, "results": [smoke]})):
        results.write_text(wrong)
        assert run("test", "push", "pushed", "1", str(results)).exit_code == 2


def test_policies_as_files_are_planned_and_published(
    live: int, cast: Cast, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "tier-4.yaml"
    shipped = next(text for text in default_policy_texts() if text.startswith("id: tier-4"))
    file.write_text(shipped.replace("version: 1", "version: 1\nwrong: 1"))
    refused = run("policy", "plan", str(file))
    assert refused.exit_code == 2
    assert f"{file}:" in refused.stderr
    assert "wrong is not a known key" in refused.stderr
    file.write_text(shipped)
    same = run("policy", "plan", str(file))
    assert (same.exit_code, "Nothing changes." in same.output) == (0, True), same.output
    file.write_text(
        shipped.replace("version: 1", "version: 2").replace("title: Tier 4, low", "title: Tier 4, harmless")
    )
    planned = run("policy", "plan", str(file), "--wait", "1")
    assert (planned.exit_code, "~ title" in planned.output) == (0, True), planned.output
    assert "was not asked" in planned.stderr
    assert run("policy", "apply", str(file), "--reason", "A better word.").exit_code == 2
    monkeypatch.setenv("MODELOPS_TOKEN", cast.token(cast.person("risk")))
    assert "still being worked out" in run("policy", "plan", str(file), "--wait", "1").stderr
    published = run("policy", "apply", str(file), "--reason", "A better word.")
    assert (published.exit_code, "Published tier-4 v2." in published.output) == (0, True), published.output
    again = run("policy", "apply", str(file), "--reason", "A better word.")
    assert (again.exit_code, "in force already" in again.output) == (0, True), again.output


def test_the_gate_is_asked_again_only_while_approvals_are_what_is_missing(
    live: int, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(["approvals", None, "approvals", ""])
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)

    def call(_self: object, method: str, path: str, **_: object) -> httpx2.Response:
        assert (method, path) == ("GET", "/gate")
        missing = next(answers)
        if missing is None:
            raise ClientError("away")
        return httpx2.Response(200, headers={"x-missing": missing} if missing else {})

    monkeypatch.setattr(Client, "call", call)
    with Client(f"http://127.0.0.1:{live}") as client:
        assert client.wait_for_approvals("churn", 1, to="production", seconds=600)
        assert slept == sorted(slept)
        assert len(slept) == 4
        assert not client.wait_for_approvals("churn", 1, to="production", seconds=0)


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


def test_a_version_is_signed_with_a_key_that_the_server_trusts(run: Run, live: int, cast: Cast, tmp_path: Path) -> None:
    file, private = tmp_path / "model.txt", Ed25519PrivateKey.generate()
    file.write_text("weights")
    assert run("register", "signed", "--file", str(file)).exit_code == 0
    key = tmp_path / "release.pem"
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    refused = run("sign", "signed", "1", "--key", str(key))
    assert (refused.exit_code, "is not trusted" in refused.output) == (2, True), refused.output
    with Client(f"http://127.0.0.1:{live}", cast.token(cast.person("admin"))) as admin:
        admin.post("/trusted-keys", {"name": "Release", "public_key": to_pem(private.public_key())})
    signed = run("sign", "signed", "1", "--key", str(key))
    assert (signed.exit_code, "Signed v1 of signed" in signed.output) == (0, True), signed.output
    key.write_text("no key")
    assert run("sign", "signed", "1", "--key", str(key)).exit_code == 2
