"""Settings: sources in their order, and bad values that stop the start."""

from pathlib import Path

import pytest

from modelops_platform.core.keys import load_keys
from modelops_platform.core.settings import SettingsError, load_settings


@pytest.fixture(autouse=True)
def _no_outer_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MODELOPS_HOME", str(tmp_path))


def test_the_home_decides_what_is_not_said() -> None:
    settings = load_settings()
    assert settings.database_address.endswith("/modelops.db")
    assert settings.artifact_address.startswith("file://")
    assert settings.keys_folder.name == "keys"


def test_variables_win_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "modelops.toml").write_text("session_hours = 3\njob_threads = 2\n")
    monkeypatch.setenv("MODELOPS_SESSION_HOURS", "5")
    settings = load_settings()
    assert (settings.session_hours, settings.job_threads) == (5, 2)


def test_a_secret_comes_from_the_file_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql://a:b@localhost/x\n")
    monkeypatch.setenv("MODELOPS_DATABASE_URL_FILE", str(secret))
    settings = load_settings()
    assert settings.database_address == "postgresql://a:b@localhost/x"
    assert "a:b" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SESSION_HOURS", "0"),
        ("SESSION_HOURS", "many"),
        ("DATABASE_URL", "mysql://x"),
        ("HOME", ""),
        ("ARTIFACT_URL", "ftp://x"),
        ("ARTIFACT_URL", "file://relative/folder"),
        ("ARTIFACT_URL", "s3://[x"),
        ("ARTIFACT_URL", "s3:///prefix"),
        ("ALLOWED_HOSTS", "models.example.com, https://models.example.com"),
        ("ALLOWED_HOSTS", "*.example.com"),
        ("CHECKPOINT_SINK", "http://[::1"),
        ("ENFORCEMENT", "maybe"),
        ("ENGINE", "spark://x"),
        ("DATABASE_URL_FILE", "/nowhere/at/all"),
    ],
)
def test_a_bad_value_stops_the_start_and_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"MODELOPS_{name}", value)
    with pytest.raises(SettingsError, match=f"MODELOPS_{name}"):
        load_settings()


def test_a_bad_file_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "modelops.toml").write_text("session_hours = = 3")
    with pytest.raises(SettingsError, match=r"modelops\.toml"):
        load_settings()
    (tmp_path / "modelops.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"modelops\.toml"):
        load_settings()
    (tmp_path / "modelops.toml").write_text("sesion_hours = 3")
    with pytest.raises(SettingsError, match="SESION_HOURS"):
        load_settings()


def test_keys_are_made_once_and_kept_from_others(tmp_path: Path) -> None:
    first = load_keys(tmp_path / "keys")
    assert load_keys(tmp_path / "keys") == first
    files = sorted((tmp_path / "keys").iterdir())
    assert [path.name for path in files] == ["events.key", "seal.key"]
    assert [path.stat().st_mode & 0o777 for path in files] == [0o600, 0o600]
    assert first.seal != first.events
