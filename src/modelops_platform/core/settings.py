"""All settings, from `MODELOPS_*` variables, `<NAME>_FILE` secrets and `modelops.toml` in the home."""

import os
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

PREFIX = "MODELOPS_"


class Settings(BaseSettings):
    """How this installation is set up; a bad value stops the start."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    home: Path = Field(default=Path(".modelops"), description="Folder for everything that is written.")
    database_url: SecretStr | None = Field(
        default=None, description="SQLAlchemy address of the database; by default `modelops.db` in the home."
    )
    artifact_url: str | None = Field(
        default=None, description="Where blobs are kept: `file:///folder` or `s3://bucket/prefix`; by default the home."
    )
    s3_endpoint: str | None = Field(default=None, description="Address of an S3-compatible store other than AWS.")
    s3_region: str = Field(default="us-east-1", description="Region of the S3 bucket.")
    s3_access_key_id: SecretStr | None = Field(default=None, description="Access key of the S3 store.")
    s3_secret_access_key: SecretStr | None = Field(default=None, description="Secret key of the S3 store.")
    keys: Path | None = Field(default=None, description="Folder of the signing keys; by default `keys` in the home.")
    engine: str = Field(default="local", description="Where heavy work runs; `local` is the only engine so far.")
    allowed_hosts: str = Field(
        default="", description="Host names that may appear in a request, separated by commas, beside the local ones."
    )
    enforcement: Literal["enforce", "observe"] = Field(
        default="enforce", description="Gate mode of workspaces made from now on."
    )
    session_hours: int = Field(default=12, ge=1, le=720, description="Hours without use after which a session ends.")
    secure_cookies: bool = Field(
        default=False, description="Send the session cookie over HTTPS only; switch on behind TLS."
    )
    max_body_bytes: int = Field(
        default=2_000_000, ge=10_000, description="Largest parsed request body (JSON or form), in bytes."
    )
    max_upload_bytes: int = Field(default=20_000_000_000, ge=1_000_000, description="Largest streamed file, in bytes.")
    database_pool: int = Field(default=10, ge=1, le=200, description="Database connections per process.")
    job_threads: int = Field(default=4, ge=1, le=64, description="Light jobs that run at the same time.")
    heavy_jobs: int = Field(default=1, ge=1, le=64, description="Heavy jobs that run at the same time.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least level logged.")
    notice: str = Field(default="", max_length=300, description="A line shown on top of every page.")

    @field_validator("artifact_url")
    @classmethod
    def _known_store(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("file://", "s3://")):
            raise ValueError("must start with file:// or s3://")
        return value

    @field_validator("engine")
    @classmethod
    def _known_engine(cls, value: str) -> str:
        if value != "local":
            raise ValueError("must be `local`; there is no other engine yet")
        return value

    @model_validator(mode="after")
    def _known_database(self) -> "Settings":
        if not self.database_address.startswith(("sqlite:", "postgresql")):
            raise ValueError("database_url must start with sqlite:// or postgresql://")
        return self

    @property
    def database_address(self) -> str:
        """The SQLAlchemy address in force."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.home.resolve() / 'modelops.db'}"

    @property
    def artifact_address(self) -> str:
        """The address of the blob store in force."""
        return self.artifact_url or f"file://{quote(str(self.home.resolve() / 'blobs'))}"

    @property
    def keys_folder(self) -> Path:
        """The folder of the signing keys in force."""
        return (self.keys or self.home / "keys").resolve()

    @property
    def hosts(self) -> frozenset[str]:
        """Host names that a request may carry."""
        named = {host.strip().lower() for host in self.allowed_hosts.split(",") if host.strip()}
        return frozenset({"localhost", "127.0.0.1", "::1"} | named)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: arguments, variables, secret files, then the home's file."""
        return (
            init_settings,
            env_settings,
            _FromNamedFiles(settings_cls),
            _FromHome(settings_cls, init_settings),
        )


class _FromNamedFiles(PydanticBaseSettingsSource):
    """`MODELOPS_X_FILE` names a file whose content is the value of `x`."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        named = os.environ.get(f"{PREFIX}{field_name.upper()}_FILE")
        if named is None:
            return None, field_name, False
        try:
            return Path(named).read_text(encoding="utf-8").strip(), field_name, False
        except OSError as error:
            raise SettingsError(
                f"{PREFIX}{field_name.upper()}_FILE: cannot read {named!r}: {error.strerror}"
            ) from error

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


class _FromHome(PydanticBaseSettingsSource):
    """`modelops.toml` in the home; the home itself can only come from outside."""

    def __init__(self, settings_cls: type[BaseSettings], given: PydanticBaseSettingsSource) -> None:
        super().__init__(settings_cls)
        self._given = given

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        default = self.settings_cls.model_fields["home"].default
        home = Path(self._given().get("home") or os.environ.get(f"{PREFIX}HOME") or default)
        path = home / "modelops.toml"
        try:
            found = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise SettingsError(f"{path}: {error}") from error
        if "home" in found:
            raise SettingsError(f"{path}: `home` cannot be set in the home's own file; use {PREFIX}HOME.")
        return found


class SettingsError(Exception):
    """A setting is missing or wrong; the text is for the operator."""


def load_settings(**given: Any) -> Settings:
    """Read the settings anew. Raises SettingsError with one line per bad setting."""
    try:
        return Settings(**given)
    except ValidationError as error:
        lines = [
            f"{PREFIX}{'_'.join(map(str, e['loc'])).upper() or 'DATABASE_URL'}: {e['msg']}" for e in error.errors()
        ]
        raise SettingsError("\n".join(lines)) from None


@cache
def get_settings() -> Settings:
    """Return this process's settings, read once."""
    return load_settings()
