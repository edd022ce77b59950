"""The inventory: use cases, models, versions, aliases, data sets, fields, and the summary row."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Date, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from modelops_platform.core.db import Base, Id, InWorkspace, utc_now


class UseCase(InWorkspace, Base):
    """What models are used for: a purpose with an owner and a value."""

    __tablename__ = "use_cases"
    __table_args__ = (
        Index(
            "uq_use_cases_living_name",
            "workspace_id",
            "name",
            unique=True,
            sqlite_where=text("archived_at IS NULL"),
            postgresql_where=text("archived_at IS NULL"),
        ),
    )
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
    __mapper_args__: ClassVar[dict[str, object]] = {"version_id_col": revision}


class Model(InWorkspace, Base):
    """An entry of the inventory: one model of any kind, with the people who answer for it."""

    __tablename__ = "models"
    __table_args__ = (
        Index(
            "uq_models_living_name",
            "workspace_id",
            "name",
            unique=True,
            sqlite_where=text("archived_at IS NULL"),
            postgresql_where=text("archived_at IS NULL"),
        ),
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
    eu_class: Mapped[str | None] = mapped_column(String(30))
    affects_people: Mapped[bool] = mapped_column(default=False)
    fields: Mapped[dict[str, Any]] = mapped_column(default=dict)
    last_version: Mapped[int] = mapped_column(default=0)
    created_by: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now, onupdate=utc_now)
    archived_at: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(default=1)
    __mapper_args__: ClassVar[dict[str, object]] = {"version_id_col": revision}

    summary: Mapped["ModelSummary"] = relationship(lazy="raise")
    tags: Mapped[list["ModelTag"]] = relationship(lazy="raise", order_by="ModelTag.key")
    aliases: Mapped[list["Alias"]] = relationship(
        lazy="raise",
        viewonly=True,
        order_by="Alias.name",
        primaryjoin="and_(Model.id == foreign(Alias.model_id), Alias.to_at.is_(None))",
    )


class ModelSummary(Base):
    """What lists, search and headers show about a model from the rooms above; written through `summarise`."""

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
    updated_at: Mapped[datetime] = mapped_column(default=utc_now, onupdate=utc_now)


class ModelTag(Base):
    """A word on a model, found by search."""

    __tablename__ = "model_tags"

    model_id: Mapped[str] = mapped_column(String(36), ForeignKey("models.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(250), primary_key=True)
    value: Mapped[str] = mapped_column(Text, default="")


class Version(InWorkspace, Base):
    """A frozen state of a model: what it is made of, by digest. Never changed after it is made."""

    __tablename__ = "versions"
    __table_args__ = (UniqueConstraint("model_id", "number"), Index(None, "manifest_digest"))
    object_kind: ClassVar[str] = "version"

    id: Mapped[Id]
    model_id: Mapped[str] = mapped_column(String(36), ForeignKey("models.id"), index=True)
    number: Mapped[int]
    description: Mapped[str] = mapped_column(Text, default="")
    manifest_digest: Mapped[str | None] = mapped_column(String(64))
    digest_state: Mapped[str] = mapped_column(String(12))
    signature: Mapped[dict[str, Any]] = mapped_column(default=dict)
    metrics: Mapped[list[Any]] = mapped_column(default=list)
    parameters: Mapped[dict[str, Any]] = mapped_column(default=dict)
    environment: Mapped[dict[str, Any]] = mapped_column(default=dict)
    source: Mapped[dict[str, Any]] = mapped_column(default=dict)
    data_set_id: Mapped[str | None] = mapped_column(String(36), ForeignKey("data_sets.id"))
    created_by: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    archived_at: Mapped[datetime | None]

    model: Mapped[Model] = relationship(lazy="raise")
    files: Mapped[list["VersionFile"]] = relationship(lazy="raise", order_by="VersionFile.path")
    data_set: Mapped["DataSet | None"] = relationship(lazy="raise")

    @property
    def name(self) -> str:
        """The version in words, inside its model."""
        return f"v{self.number}"


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
    __table_args__ = (
        Index(
            "uq_aliases_living_name",
            "model_id",
            "name",
            unique=True,
            sqlite_where=text("to_at IS NULL"),
            postgresql_where=text("to_at IS NULL"),
        ),
    )

    id: Mapped[Id]
    model_id: Mapped[str] = mapped_column(String(36), ForeignKey("models.id"), index=True)
    version_id: Mapped[str] = mapped_column(String(36), ForeignKey("versions.id"), index=True)
    version_number: Mapped[int]
    name: Mapped[str] = mapped_column(String(250))
    from_at: Mapped[datetime] = mapped_column(default=utc_now)
    to_at: Mapped[datetime | None]
    set_by: Mapped[str] = mapped_column(String(36))


class DataSet(InWorkspace, Base):
    """A record of data: name, digest, columns, and the file if it is kept here."""

    __tablename__ = "data_sets"
    __table_args__ = (
        Index(
            "uq_data_sets_living_name",
            "workspace_id",
            "name",
            unique=True,
            sqlite_where=text("archived_at IS NULL"),
            postgresql_where=text("archived_at IS NULL"),
        ),
    )
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
