"""`modelops audit`: what it prints and how it exits, in a home of its own and in none."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from modelops_platform.cli import app
from modelops_platform.core.db import Database
from modelops_platform.core.settings import Settings, get_settings
from modelops_platform.events.service import seal_events
from tests.factories import Cast

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


Run = Callable[..., Result]


@pytest.fixture
def run(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run `modelops audit` over the test's installation, or over a home that is not there."""
    monkeypatch.setenv("MODELOPS_DATABASE_URL", settings.database_address)
    monkeypatch.setenv("MODELOPS_KEYS", str(settings.keys_folder))
    monkeypatch.setenv("MODELOPS_HOME", str(tmp_path))
    monkeypatch.setattr("modelops_platform.core.logging.configure_logging", lambda _level: None)

    def command(*arguments: str, home: Path | None = None) -> Result:
        get_settings.cache_clear()
        elsewhere = {"MODELOPS_HOME": str(home), "MODELOPS_KEYS": None, "MODELOPS_DATABASE_URL": None}
        return CliRunner().invoke(app, arguments, env=elsewhere if home else {})

    yield command
    get_settings.cache_clear()


@ON_SQLITE
def test_the_command_says_whole_broken_or_that_it_cannot_tell(
    run: Run, database: Database, cast: Cast, tmp_path: Path
) -> None:
    ada = cast.person(name="Ada")
    with database.write() as db:
        seal_events(db)
    whole = run("audit", "verify")
    assert (whole.exit_code, whole.stdout.splitlines()[0][:16]) == (0, "The log is whole"), whole.output
    log, key = str(tmp_path / "log.jsonl"), str(tmp_path / "key.pem")
    assert run("audit", "export", "--out", log).exit_code == 0
    assert "Ada" not in Path(log).read_text()
    assert "Ada" in run("audit", "export", "--personal").stdout
    Path(key).write_text(run("audit", "key").stdout)
    elsewhere = tmp_path / "elsewhere"
    checked = run("audit", "verify", log, "--public-key", key, "--format", "json", home=elsewhere)
    assert checked.exit_code == 0, checked.output
    assert json.loads(checked.stdout)["outcome"] == "whole"
    assert run("audit", "verify", log, home=elsewhere).exit_code == 2
    assert run("audit", "verify", home=elsewhere).exit_code == 2
    assert not elsewhere.exists()
    for missing in (run("audit", "verify", "nothing.jsonl"), run("audit", "verify", log, "--public-key", log)):
        assert missing.exit_code == 2
        assert missing.stderr.startswith("Error: ")
    with database.write() as db:
        db.execute(text("UPDATE events SET actor_id = 'eve' WHERE object_id = :ada"), {"ada": ada.id})
    broken = run("audit", "verify")
    assert broken.exit_code == 1
    assert "actor_id beside the text" in broken.stdout
    Path(log).write_text(Path(log).read_text().replace("contributor", "admin"))
    assert run("audit", "verify", log, "--public-key", key, home=elsewhere).exit_code == 1


@ON_SQLITE
def test_a_person_is_erased_by_the_command_line(run: Run, database: Database, cast: Cast) -> None:
    ada = cast.person(name="Ada")
    assert run("user", "erase", ada.email).exit_code == 1  # nobody says yes
    assert run("user", "erase", ada.email, "--yes").exit_code == 0
    assert run("audit", "verify").exit_code == 0
    with database.read() as db:
        assert (
            db.execute(text("SELECT count(*) FROM users WHERE email = :email"), {"email": ada.email}).scalar_one() == 0
        )
