"""All settings, from `MODELOPS_*` variables, `<NAME>_FILE` secrets and `modelops.toml` in the home."""

import os
import re
import tomllib
from functools import cache
from importlib.util import find_spec
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from .addresses import AllowList, OutgoingRefused, parse_target

PREFIX = "MODELOPS_"
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f]*:[0-9a-f]*:[0-9a-f:.]*", re.ASCII)


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
    checkpoint_sink: str | None = Field(
        default=None,
        description="Where seals of the log are kept a second time: `file:///folder`, `s3://bucket/prefix`, or the"
        " `https://` address of a webhook.",
    )
    checkpoint_seconds: int = Field(
        default=60, ge=1, le=86_400, description="Seconds from one seal that is kept a second time to the next."
    )
    engine: str = Field(
        default="local",
        description="Where heavy partitioned work runs: `local`, or `dask://host:port` (extra `distributed`).",
    )
    allowed_hosts: str = Field(
        default="", description="Host names that may appear in a request, separated by commas, beside the local ones."
    )
    trusted_proxies: str = Field(
        default="",
        description="Addresses and networks of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` count, separated"
        " by commas.",
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
    upload_hours: int = Field(
        default=48, ge=1, le=8_760, description="Hours after which an upload in parts that nobody continues is removed."
    )
    max_unfinished_uploads: int = Field(
        default=200, ge=1, le=100_000, description="Uploads in parts that one person may have under way."
    )
    max_unfinished_bytes: int = Field(
        default=200_000_000_000, ge=1_000_000, description="Announced bytes of all uploads one person has under way."
    )
    database_pool: int = Field(default=10, ge=1, le=200, description="Database connections per process.")
    job_threads: int = Field(default=4, ge=1, le=64, description="Light jobs that run at the same time.")
    heavy_jobs: int = Field(default=1, ge=1, le=64, description="Heavy jobs that run at the same time.")
    model_workers: int = Field(
        default=2, ge=1, le=64, description="Questions to models answered at the same time, per process."
    )
    public_url: str = Field(
        default="", description="Address at which people reach the platform; by default that of each request."
    )
    oidc_issuer: str = Field(default="", description="Issuer of the company's identity provider (OpenID Connect).")
    oidc_client_id: str = Field(default="", description="What the identity provider calls this platform.")
    oidc_client_secret: SecretStr | None = Field(default=None, description="Secret that the identity provider gave.")
    oidc_scopes: str = Field(default="openid profile email", description="What the identity provider is asked to tell.")
    oidc_groups_claim: str = Field(
        default="groups", min_length=1, description="Claim that lists a person's groups; dots lead into nested ones."
    )
    oidc_label: str = Field(
        default="your company account",
        max_length=60,
        description="What the button of the sign-in page says after `Sign in with`.",
    )
    oidc_link_email: bool = Field(
        default=False,
        description="Let a first sign-in take over the account with the same address, when the provider calls the"
        " address verified.",
    )
    oidc_session_hours: int = Field(
        default=12,
        ge=1,
        le=720,
        description="Hours after which somebody signed in by the identity provider must again.",
    )
    local_passwords: bool = Field(
        default=True, description="Let people sign in with a password kept here; off needs an identity provider."
    )
    outgoing_allow: str = Field(
        default="",
        description="Hosts (`host`, `host:port`), addresses and networks that the platform may also call when they are"
        " not public, or without encryption; separated by commas.",
    )
    outgoing_public: bool = Field(
        default=True, description="Call public addresses by https; off: only what `MODELOPS_OUTGOING_ALLOW` lists."
    )
    outgoing_ca: Path | None = Field(
        default=None, description="PEM file of authorities trusted for outgoing TLS beside the system's."
    )
    check_megabytes_per_second: int = Field(
        default=50, ge=1, le=100_000, description="How fast the nightly look at all stored files may read."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least level logged.")
    notice: str = Field(default="", max_length=300, description="A line shown on top of every page.")

    @field_validator("home", mode="before")
    @classmethod
    def _some_folder(cls, value: Any) -> Any:
        if value == "":
            raise ValueError("names no folder; leave the variable out to use .modelops")
        return value

    @field_validator("artifact_url")
    @classmethod
    def _known_store(cls, value: str | None) -> str | None:
        if value is not None and not _names_a_place(value):
            raise ValueError("must be file:///folder or s3://bucket/prefix")
        return value

    @field_validator("allowed_hosts")
    @classmethod
    def _plain_names(cls, value: str) -> str:
        for host in filter(None, (host.strip() for host in value.split(","))):
            if not _HOST.fullmatch(host.lower()):
                raise ValueError(f"{host[:100]!r} is no host name: write models.example.com, without scheme and port")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _plain_networks(cls, value: str) -> str:
        for network in filter(None, (network.strip() for network in value.split(","))):
            ip_network(network)
        return value

    @field_validator("public_url", "oidc_issuer")
    @classmethod
    def _known_address(cls, value: str, info: ValidationInfo) -> str:
        if not value:
            return value
        target = parse_target(cls._callable(value))
        if "?" in value or (info.field_name == "public_url" and target.path != "/"):
            raise ValueError("must be an address such as https://models.example.com, without anything behind it")
        return target.origin if info.field_name == "public_url" else value

    @field_validator("outgoing_allow")
    @classmethod
    def _known_hosts(cls, value: str) -> str:
        AllowList.parse(value)
        return value

    @field_validator("outgoing_ca")
    @classmethod
    def _known_authorities(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError("must name a file that exists")
        return value

    @field_validator("checkpoint_sink")
    @classmethod
    def _known_sink(cls, value: str | None) -> str | None:
        if value is not None and value.startswith(("https://", "http://")):
            return cls._callable(value)
        if value is not None and not _names_a_place(value):
            raise ValueError("must start with file:///, s3:// or https://")
        return value

    @staticmethod
    def _callable(value: str) -> str:
        try:
            parse_target(value)
        except OutgoingRefused as error:
            raise ValueError(error.message) from None
        return value

    @field_validator("engine")
    @classmethod
    def _known_engine(cls, value: str) -> str:
        if value == "local":
            return value
        address = urlsplit(value)
        if address.scheme != "dask" or not address.hostname or not address.port or address.path.strip("/"):
            raise ValueError("must be `local` or `dask://host:port`")
        if find_spec("distributed") is None:
            raise ValueError("a Dask cluster needs the extra: pip install modelops-platform[distributed]")
        return value

    @model_validator(mode="after")
    def _known_database(self) -> "Settings":
        if not self.database_address.startswith(("sqlite:", "postgresql")):
            raise ValueError("MODELOPS_DATABASE_URL must start with sqlite:// or postgresql://")
        return self

    @model_validator(mode="after")
    def _whole_provider(self) -> "Settings":
        named = {
            "MODELOPS_OIDC_ISSUER": self.oidc_issuer,
            "MODELOPS_OIDC_CLIENT_ID": self.oidc_client_id,
            "MODELOPS_OIDC_CLIENT_SECRET": self.oidc_client_secret,
        }
        missing = [name for name, value in named.items() if not value]
        if 0 < len(missing) < len(named):
            raise ValueError(f"an identity provider also needs {' and '.join(missing)}")
        if missing and not self.local_passwords:
            raise ValueError("MODELOPS_LOCAL_PASSWORDS=false needs an identity provider, or nobody could sign in")
        return self

    @property
    def has_provider(self) -> bool:
        """Whether people can sign in with the company's identity."""
        return bool(self.oidc_issuer)

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
    def outgoing_list(self) -> AllowList:
        """What the platform may call."""
        return AllowList.parse(self.outgoing_allow, public=self.outgoing_public)

    @property
    def hosts(self) -> frozenset[str]:
        """Host names that a request may carry."""
        named = {host.strip().lower() for host in self.allowed_hosts.split(",") if host.strip()}
        if self.public_url:
            named.add(parse_target(self.public_url).host)
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
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise SettingsError(f"{PREFIX}{field_name.upper()}_FILE: cannot read {named!r}: {reason}") from error

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
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise SettingsError(f"{path}: {error}") from error
        if "home" in found:
            raise SettingsError(f"{path}: `home` cannot be set in the home's own file; use {PREFIX}HOME.")
        return found


def _names_a_place(address: str) -> bool:
    """Say whether an address names a folder by its whole path, or a bucket."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    is_folder = parts.scheme == "file" and not parts.netloc and parts.path.startswith("/")
    return is_folder or (parts.scheme == "s3" and bool(parts.netloc))


class SettingsError(Exception):
    """A setting is missing or wrong; the text is for the operator."""


def load_settings(**given: Any) -> Settings:
    """Read the settings anew. Raises SettingsError with one line per bad setting."""
    try:
        return Settings(**given)
    except ValidationError as error:
        lines = [_line(tuple(map(str, e["loc"])), e["msg"]) for e in error.errors()]
        raise SettingsError("\n".join(lines)) from None


def _line(loc: tuple[str, ...], message: str) -> str:
    """Return an error in one line; what concerns several settings names them itself."""
    told = message.removeprefix("Value error, ")
    return f"{PREFIX}{'_'.join(loc).upper()}: {told}" if loc else told


@cache
def get_settings() -> Settings:
    """Return this process's settings, read once."""
    return load_settings()
