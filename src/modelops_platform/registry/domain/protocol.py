"""The registry as clients of the MLflow protocol know it: stages, searches, sources, and how a model reads."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

import msgspec

from modelops_platform.core.errors import InvalidInput
from modelops_platform.tracking.domain.filters import LISTED, NULLS, NUMERIC, TEXT, Attribute, Entity, Grammar

LONGEST_DESCRIPTION, LONGEST_TAG, LONGEST_SOURCE = 5_000, 100_000, 10_000
IS_PROMPT, UNIT = "mlflow.prompt.is_prompt", "modelops.unit"


class Stage(StrEnum):
    """Where a version stands, for clients that know stages."""

    NONE = "None"
    STAGING = "Staging"
    PRODUCTION = "Production"
    ARCHIVED = "Archived"


ACTIVE_STAGES = (Stage.STAGING, Stage.PRODUCTION)
_STAGES: Mapping[str, Stage] = MappingProxyType({stage.casefold(): stage for stage in Stage})


def stage_named(name: str) -> Stage:
    """Return the stage with this name in any case. Raises InvalidInput."""
    found = _STAGES.get(name.casefold())
    if found is None:
        raise InvalidInput(
            f"Invalid Model Version stage: {name[:80]}. Value must be one of {', '.join(Stage)}.",
            field="stage",
            value=name[:80],
        )
    return found


def checked_number(version: str) -> int:
    """Return the number of a version. Raises InvalidInput."""
    if not (version.isascii() and version.isdecimal() and len(version) < 10):
        raise InvalidInput(
            f"Parameter 'version' must be an integer, got '{version[:80]}'.", field="version", value=version[:80]
        )
    return int(version)


def checked_description(text: str) -> str:
    """Return a description. Raises InvalidInput when it is too long."""
    if len(text) > LONGEST_DESCRIPTION:
        raise InvalidInput(
            f"The description has {len(text):,} characters; at most {LONGEST_DESCRIPTION:,} are taken.",
            field="description",
        )
    return text


def checked_tag_value(key: str, value: str) -> str:
    """Return the value of a tag. Raises InvalidInput when it is too long."""
    if len(value) > LONGEST_TAG:
        raise InvalidInput(
            f"The value of tag {key[:80]!r} exceeds the maximum length of {LONGEST_TAG} characters.", field="value"
        )
    return value


# ---- searches -------------------------------------------------------------------------------------------------------

_TAG = Entity("tag", any=Attribute("", TEXT | NULLS | LISTED))
_NAME = Attribute("name", TEXT | LISTED, sorts=True)
_CREATED = Attribute("creation_timestamp", frozenset(), sorts=True)
_UPDATED = Attribute("last_updated_timestamp", frozenset(), sorts=True)
_TIMES = {"creation_timestamp": _CREATED, "last_updated_timestamp": _UPDATED}
_MODEL = Entity("attribute", {"name": _NAME, "timestamp": _UPDATED, **_TIMES})
_VERSION = Entity(
    "attribute",
    {
        "name": _NAME,
        "run_id": Attribute("run_id", TEXT | LISTED),
        "source_path": Attribute("source_path", TEXT),
        "version_number": Attribute("version_number", NUMERIC, is_number=True, takes_quoted_number=True, sorts=True),
        **_TIMES,
    },
)


def _grammar(entity: Entity) -> Grammar:
    own = dict.fromkeys(("attribute", "attributes", "attr"), entity)
    return Grammar({**own, "tag": _TAG, "tags": _TAG}, entity)


MODELS, VERSIONS = _grammar(_MODEL), _grammar(_VERSION)

# ---- sources --------------------------------------------------------------------------------------------------------

_HOSTS = frozenset({"http", "https", "ftp", "ftps", "sftp"})
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+):(.*)", re.DOTALL)
_LOGGED = re.compile(r"(m-[0-9a-f]{32})(?:/.*)?")


class Source(msgspec.Struct, frozen=True):
    """What a client names as the source of a version, taken apart."""

    scheme: str
    rest: str
    """What follows the scheme, without the slashes before it."""


def read_source(text: str) -> Source:
    """Return a source, taken apart. Raises InvalidInput for local files, other hosts, and steps to other folders."""
    found = _SCHEME.fullmatch(text)
    decoded = _decoded(text)
    if len(text) > LONGEST_SOURCE:
        raise wrong_source(text, f"It is longer than {LONGEST_SOURCE:,} characters.")
    if found is None or found[1].lower() == "file":
        raise wrong_source(text, "A local path is not inside the artifacts of the run or model it is said to be from.")
    if ".." in re.split(r"[/\\?#]", decoded) or "\x00" in decoded:
        raise wrong_source(text, "It holds steps to other folders.")
    scheme, rest = found[1].lower(), found[2]
    if scheme in _HOSTS:
        raise wrong_source(text, "It names another host.")
    if scheme in ("models", "runs", "mlflow-artifacts") and (rest.startswith("//") or not rest.startswith("/")):
        raise wrong_source(text, f"Write it as {scheme}:/...")
    return Source(scheme, rest.strip("/"))


def logged_model_in(rest: str) -> str | None:
    """Return the id of the logged model that a `models:/` source names, if it names one."""
    found = _LOGGED.fullmatch(rest)
    return found[1] if found else None


def wrong_source(text: str, why: str) -> InvalidInput:
    """Return the refusal of a source."""
    return InvalidInput(
        f"Invalid model version source: '{text[:200]}'. {why}",
        remedy="Name the artifacts of the run (run_id) or logged model (model_id) that it comes from.",
        field="source",
        value=text[:200],
    )


def _decoded(text: str) -> str:
    for _ in range(8):
        decoded = unquote(text)
        if decoded == text:
            break
        text = decoded
    return text


# ---- how clients read it --------------------------------------------------------------------------------------------


class VersionDocument(msgspec.Struct, omit_defaults=True):
    """A version as clients read it."""

    name: str
    version: str
    creation_timestamp: int
    last_updated_timestamp: int
    current_stage: str
    source: str
    status: str
    description: str = ""
    run_id: str | None = None
    run_link: str | None = None
    model_id: str | None = None
    tags: list[dict[str, str]] = []
    aliases: list[str] = []


class ModelDocument(msgspec.Struct, omit_defaults=True):
    """A registered model as clients read it."""

    name: str
    creation_timestamp: int
    last_updated_timestamp: int
    description: str = ""
    latest_versions: list[VersionDocument] = []
    tags: list[dict[str, str]] = []
    aliases: list[dict[str, str]] = []


print_document = msgspec.json.Encoder().encode


def milliseconds(moment: Any) -> int:
    """Return a time as clients write it, from what either database gives for a column of times."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    assert isinstance(moment, datetime)
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return int(aware.timestamp() * 1000)
