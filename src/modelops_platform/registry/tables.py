"""The inventory: use cases, models, versions, aliases, data sets, fields, and the summary row."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Date, ForeignKey, Index, String, Text, UniqueConstraint, event, inspect
from sqlalchemy.orm import Mapped, mapped_column, query_expression, relationship

from modelops_platform.core.db import Base, Id, InWorkspace, unique_while, utc_now
from modelops_platform.identity.tables import Unit, User

from .domain.kinds import DigestState


class UseCase(InWorkspace, Base):
    """What models are used for: a purpose with an owner and a value."""

    __tablename__ = "use_cases"
    __table_args__ = (unique_while("archived_at IS NULL", "uq_use_cases_living_name", "workspace_id", "name"),)
    object_kind: ClassVar[str] = "use_case"

    id: Mapped[Id]
    unit_id: Mapped[str] = mapped_column(String(36), ForeignKey("units.id"), index=True)
    name: Mapped[str] = mapped_column(String(250))
    purpose: Mapped[str] = mapped_column(Text)
    value: Mapped[str] = mapped_column(Text, default="")
    owner_id: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    archived_at: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": revision}  # noqa: RUF012 - the base class declares it so

    unit: Mapped[Unit] = relationship(lazy="raise")
    owner: Mapped[User] = relationship(lazy="raise")


class Model(InWorkspace, Base):
    """An entry of the inventory: one model of any kind, with the people who answer for it."""

    __tablename__ = "models"
    __table_args__ = (
        unique_while("archived_at IS NULL", "uq_models_living_name", "workspace_id", "name"),
        Index(None, "workspace_id", "skeleton"),
        Index(None, "workspace_id", "updated_at", "id"),
    )
    object_kind: ClassVar[str] = "model"

    id: Mapped[Id]
    unit_id: Mapped[str] = mapped_column(String(36), ForeignKey("units.id"), index=True)
    use_case_id: Mapped[str | None] = mapped_column(String(36), ForeignKey("use_cases.id"), index=True)
    name: Mapped[str] = mapped_column(String(250))
    skeleton: Mapped[str] = mapped_column(String(1000))
    kind: Mapped[str] = mapped_column(String(20))
    purpose: Mapped[str] = mapped_column(Text)
    owner_id: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"), index=True)
    developer_id: Mapped[str | None] = mapped_column(String(36), ForeignKey("users.id"))
    validator_id: Mapped[str | None] = mapped_column(String(36), ForeignKey("users.id"))
    validator_named_by: Mapped[str | None] = mapped_column(String(36))
    """Who named the validator, having the right and no part in the model; none: the validator is only proposed."""
    eu_class: Mapped[str | None] = mapped_column(String(30))
    affects_people: Mapped[bool] = mapped_column(default=False)
    fields: Mapped[dict[str, Any]] = mapped_column(default=dict)
    last_version: Mapped[int] = mapped_column(default=0)
    created_by: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now, onupdate=utc_now)
    archived_at: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": revision}  # noqa: RUF012 - the base class declares it so

    summary: Mapped["ModelSummary"] = relationship(lazy="raise")
    unit: Mapped[Unit] = relationship(lazy="raise")
    use_case: Mapped[UseCase | None] = relationship(lazy="raise")
    owner: Mapped[User] = relationship(lazy="raise", foreign_keys=owner_id)
    developer: Mapped[User | None] = relationship(lazy="raise", foreign_keys=developer_id)
    validator: Mapped[User | None] = relationship(lazy="raise", foreign_keys=validator_id)

    @property
    def tags(self) -> dict[str, str]:
        """The tags with their values."""
        return dict(self.summary.tags)

    @property
    def aliases(self) -> dict[str, int]:
        """Which version each alias names now."""
        return dict(self.summary.aliases)

    @property
    def similar_names(self) -> list[str]:
        """Other living models that a reader could take for this one, as far as the reader may see them.

        Noted by the queries, which know the reader; not a column.
        """
        return list(getattr(self, "_similar_names", ()))

    def note_similar(self, names: list[str]) -> None:
        """Keep the similar names that a query found."""
        self._similar_names = names


class ModelRecord(Base):
    """What the record of a model said from one moment to another, before it was edited; now it says what `Model` does.

    Whatever governance judges by is here, so that it can judge as of any moment. Rows are only ever added.
    """

    __tablename__ = "model_records"
    __table_args__ = (Index(None, "model_id", "to_at"),)

    id: Mapped[Id]
    model_id: Mapped[str] = mapped_column(String(36), ForeignKey("models.id"))
    unit_id: Mapped[str] = mapped_column(String(36))
    use_case_id: Mapped[str | None] = mapped_column(String(36))
    kind: Mapped[str] = mapped_column(String(20))
    purpose: Mapped[str] = mapped_column(Text)
    owner_id: Mapped[str] = mapped_column(String(36))
    developer_id: Mapped[str | None] = mapped_column(String(36))
    validator_id: Mapped[str | None] = mapped_column(String(36))
    validator_named_by: Mapped[str | None] = mapped_column(String(36))
    eu_class: Mapped[str | None] = mapped_column(String(30))
    affects_people: Mapped[bool]
    fields: Mapped[dict[str, Any]] = mapped_column(default=dict)
    from_at: Mapped[datetime]
    to_at: Mapped[datetime]


RECORDED = (
    "unit_id",
    "use_case_id",
    "kind",
    "purpose",
    "owner_id",
    "developer_id",
    "validator_id",
    "validator_named_by",
    "eu_class",
    "affects_people",
    "fields",
)
"""What a model's record says that governance judges by."""


class ModelSummary(Base):
    """What lists, search and headers show about a model, in one row.

    The first part comes from the rooms above, through `service.summarise`; the second is the registry's own,
    made by `service.rebuild_summary` from tags, aliases, versions and names.
    """

    __tablename__ = "model_summaries"

    model_id: Mapped[str] = mapped_column(String(36), ForeignKey("models.id"), primary_key=True)
    tier: Mapped[int | None] = mapped_column(index=True)
    impact: Mapped[int | None]
    likelihood: Mapped[int | None]
    state: Mapped[str] = mapped_column(String(30), default="proposed", index=True)
    light: Mapped[str] = mapped_column(String(20), default="not_monitored", index=True)
    light_at: Mapped[datetime | None]
    sparkline: Mapped[list[Any]] = mapped_column(default=list)
    live_environments: Mapped[list[Any]] = mapped_column(default=list)
    approvals_waiting: Mapped[int] = mapped_column(default=0)
    open_findings: Mapped[int] = mapped_column(default=0)
    next_review: Mapped[date | None] = mapped_column(Date)

    tags: Mapped[list[Any]] = mapped_column(default=list)
    aliases: Mapped[list[Any]] = mapped_column(default=list)
    last_version_at: Mapped[datetime | None]
    has_look_alikes: Mapped[bool] = mapped_column(default=False)
    search_text: Mapped[str] = mapped_column(Text, default="", deferred=True, deferred_raiseload=True)
    document: Mapped[str | None] = mapped_column(Text, deferred=True, deferred_raiseload=True)
    """The model as clients of the MLflow protocol read it; true as long as the model's last change is the same."""
    document_at: Mapped[datetime | None] = mapped_column(deferred=True, deferred_raiseload=True)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now, onupdate=utc_now)


class ModelEnvironment(Base):
    """An environment where a model is live; the summary's list as rows, for search and counts."""

    __tablename__ = "model_environments"

    model_id: Mapped[str] = mapped_column(String(36), ForeignKey("models.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(250), primary_key=True, index=True)


class SummaryInterval(Base):
    """What leaders count about a model, from one moment to another: makes "how was it on 30 June" one query."""

    __tablename__ = "summary_intervals"
    __table_args__ = (
        unique_while("to_at IS NULL", "uq_summary_intervals_open", "model_id"),
        Index(None, "from_at", "to_at"),
    )

    id: Mapped[Id]
    model_id: Mapped[str] = mapped_column(String(36), ForeignKey("models.id"), index=True)
    tier: Mapped[int | None]
    impact: Mapped[int | None]
    likelihood: Mapped[int | None]
    state: Mapped[str] = mapped_column(String(30))
    light: Mapped[str] = mapped_column(String(20))
    is_live: Mapped[bool]
    from_at: Mapped[datetime]
    to_at: Mapped[datetime | None]


class ModelTag(Base):
    """A word on a model, found by search."""

    __tablename__ = "model_tags"

    model_id: Mapped[str] = mapped_column(String(36), ForeignKey("models.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(250), primary_key=True, index=True)
    value: Mapped[str] = mapped_column(Text, default="")


class Version(InWorkspace, Base):
    """A frozen state of a model: what it is made of, by digest. What people say of it later is all that changes."""

    __tablename__ = "versions"
    __table_args__ = (UniqueConstraint("model_id", "number"), Index(None, "manifest_digest"))
    object_kind: ClassVar[str] = "version"

    id: Mapped[Id]
    model_id: Mapped[str] = mapped_column(String(36), ForeignKey("models.id"), index=True)
    number: Mapped[int]
    description: Mapped[str] = mapped_column(Text, default="")
    manifest_digest: Mapped[str | None] = mapped_column(String(64))
    recorded_digest_state: Mapped[str] = mapped_column("digest_state", String(12))
    is_damaged: Mapped[bool | None] = query_expression()  # filled by `with_damage`
    signature: Mapped[dict[str, Any]] = mapped_column(default=dict)
    metrics: Mapped[list[Any]] = mapped_column(default=list)
    parameters: Mapped[dict[str, Any]] = mapped_column(default=dict)
    environment: Mapped[dict[str, Any]] = mapped_column(default=dict)
    source: Mapped[dict[str, Any]] = mapped_column(default=dict)
    data_set_id: Mapped[str | None] = mapped_column(String(36), ForeignKey("data_sets.id"))
    developer_id: Mapped[str | None] = mapped_column(String(36))  # whom the model's record named when it was made
    run_id: Mapped[str | None] = mapped_column(String(36), index=True)
    logged_model_id: Mapped[str | None] = mapped_column(String(36), index=True)
    source_uri: Mapped[str | None] = mapped_column(Text)
    """What the client named as its source; `storage_uri` is where that is kept."""
    storage_uri: Mapped[str | None] = mapped_column(Text)
    run_link: Mapped[str | None] = mapped_column(Text)
    stage: Mapped[str | None] = mapped_column(String(20))
    created_by: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    changed_at: Mapped[datetime | None]
    """When its description, stage or tags last changed."""
    archived_at: Mapped[datetime | None]

    model: Mapped[Model] = relationship(lazy="raise")
    files: Mapped[list["VersionFile"]] = relationship(lazy="raise", order_by="VersionFile.path")
    data_set: Mapped["DataSet | None"] = relationship(lazy="raise")

    @property
    def digest_state(self) -> str:
        """Whether the platform holds the bytes, now."""
        return DigestState.DAMAGED.value if self.is_damaged else self.recorded_digest_state

    @property
    def name(self) -> str:
        """The version in words, inside its model."""
        return f"v{self.number}"

    @property
    def unit_id(self) -> str:
        """A version is governed where its model is."""
        return self.model.unit_id


class VersionText(Base):
    """What was said of a version from one moment to another, before it was said otherwise. Rows are only ever added."""

    __tablename__ = "version_texts"
    __table_args__ = (Index(None, "version_id", "to_at"),)

    id: Mapped[Id]
    version_id: Mapped[str] = mapped_column(String(36), ForeignKey("versions.id"))
    description: Mapped[str] = mapped_column(Text)
    from_at: Mapped[datetime]
    to_at: Mapped[datetime]


class VersionTag(Base):
    """A word on a version."""

    __tablename__ = "version_tags"

    version_id: Mapped[str] = mapped_column(String(36), ForeignKey("versions.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(250), primary_key=True)
    value: Mapped[str] = mapped_column(Text, default="")


class VersionFile(Base):
    """One line of a version's manifest."""

    __tablename__ = "version_files"

    version_id: Mapped[str] = mapped_column(String(36), ForeignKey("versions.id"), primary_key=True)
    path: Mapped[str] = mapped_column(String(500), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    size: Mapped[int] = mapped_column(BigInteger)


class Alias(Base):
    """A name that pointed to a version from one moment to another; open ones point now."""

    __tablename__ = "aliases"
    __table_args__ = (unique_while("to_at IS NULL", "uq_aliases_living_name", "model_id", "name"),)

    id: Mapped[Id]
    model_id: Mapped[str] = mapped_column(String(36), ForeignKey("models.id"), index=True)
    version_id: Mapped[str] = mapped_column(String(36), ForeignKey("versions.id"), index=True)
    version_number: Mapped[int]
    name: Mapped[str] = mapped_column(String(255))
    from_at: Mapped[datetime] = mapped_column(default=utc_now)
    to_at: Mapped[datetime | None]
    set_by: Mapped[str] = mapped_column(String(36))
    ended_by: Mapped[str | None] = mapped_column(String(36))
    decision_id: Mapped[str | None] = mapped_column(String(36))
    """The decision that allowed it, where the gate stored one."""


class DataSet(InWorkspace, Base):
    """A record of data: name, digest, columns, and the file if it is kept here."""

    __tablename__ = "data_sets"
    __table_args__ = (unique_while("archived_at IS NULL", "uq_data_sets_living_name", "workspace_id", "name"),)
    object_kind: ClassVar[str] = "data_set"

    id: Mapped[Id]
    unit_id: Mapped[str] = mapped_column(String(36), ForeignKey("units.id"), index=True)
    name: Mapped[str] = mapped_column(String(250))
    description: Mapped[str] = mapped_column(Text, default="")
    licence: Mapped[str] = mapped_column(String(200), default="")
    source: Mapped[str] = mapped_column(Text, default="")
    digest: Mapped[str] = mapped_column(String(64), index=True)
    file_name: Mapped[str | None] = mapped_column(String(500))
    size: Mapped[int | None] = mapped_column(BigInteger)
    rows: Mapped[int | None]
    columns: Mapped[list[Any]] = mapped_column(default=list)
    created_by: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    archived_at: Mapped[datetime | None]

    unit: Mapped[Unit] = relationship(lazy="raise")


class CustomField(InWorkspace, Base):
    """A field that this workspace asks of its models, beside those that a kind brings along."""

    __tablename__ = "custom_fields"
    __table_args__ = (UniqueConstraint("workspace_id", "key"),)
    object_kind: ClassVar[str] = "custom_field"

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(String(60))
    label: Mapped[str] = mapped_column(String(120))
    type: Mapped[str] = mapped_column(String(10))
    choices: Mapped[list[Any]] = mapped_column(default=list)
    kinds: Mapped[list[Any]] = mapped_column(default=list)
    hint: Mapped[str] = mapped_column(String(300), default="")
    is_required: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    archived_at: Mapped[datetime | None]

    @property
    def name(self) -> str:
        """The field in words."""
        return self.label


class LegalHold(InWorkspace, Base):
    """A reason why a model, or one version of it, must stay as it is until somebody lifts it."""

    __tablename__ = "legal_holds"
    object_kind: ClassVar[str] = "legal_hold"

    id: Mapped[Id]
    model_id: Mapped[str] = mapped_column(String(36), ForeignKey("models.id"), index=True)
    version_id: Mapped[str | None] = mapped_column(String(36), ForeignKey("versions.id"))
    reason: Mapped[str] = mapped_column(Text)
    placed_by: Mapped[str] = mapped_column(String(36))
    placed_at: Mapped[datetime] = mapped_column(default=utc_now)
    lifted_by: Mapped[str | None] = mapped_column(String(36))
    lifted_at: Mapped[datetime | None]
    lift_reason: Mapped[str | None] = mapped_column(Text)

    model: Mapped[Model] = relationship(lazy="raise")
    version: Mapped[Version | None] = relationship(lazy="raise")

    @property
    def name(self) -> str:
        """What is held, in words."""
        return f"{self.model.name} {self.version.name}" if self.version else self.model.name

    @property
    def unit_id(self) -> str:
        """A hold is governed where its model is."""
        return self.model.unit_id


_SAID_LATER = frozenset({"archived_at", "description", "stage", "changed_at"})


def _refuse_change(_mapper: Any, _connection: Any, row: Any) -> None:
    """What a version is made of is frozen when it is made; a line of code that forgets it fails here."""
    changed = {attribute.key for attribute in inspect(row).attrs if attribute.history.has_changes()}
    if changed - _SAID_LATER:
        raise RuntimeError(f"A version is never changed, here {sorted(changed)}.")


for _frozen in (Version, VersionFile):
    event.listen(_frozen, "before_update", _refuse_change)
