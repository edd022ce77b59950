"""Environments, deployments, and their revisions as intervals. Nothing here is ever deleted."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, select
from sqlalchemy.orm import Mapped, column_property, foreign, mapped_column, relationship

from modelops_platform.core.db import Base, Id, InWorkspace, unique_while, utc_now
from modelops_platform.identity.tables import User
from modelops_platform.registry.tables import Model, Version

from .domain import DigestProof, Standing, prove


class Environment(InWorkspace, Base):
    """A place where versions go live. Its name is never given again, so that history stays readable."""

    __tablename__ = "environments"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)
    object_kind: ClassVar[str] = "environment"
    unit_id: ClassVar[str | None] = None

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(250))
    description: Mapped[str] = mapped_column(Text, default="")
    is_protected: Mapped[bool]
    rank: Mapped[int]
    created_by: Mapped[str] = mapped_column(String(36))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    retired_at: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": revision}  # noqa: RUF012 - the base class declares it so


class Deployment(InWorkspace, Base):
    """One model answering in one environment, for somebody, somewhere."""

    __tablename__ = "deployments"
    __table_args__ = (unique_while("archived_at IS NULL", "uq_deployments_living_name", "workspace_id", "name"),)
    object_kind: ClassVar[str] = "deployment"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(250))
    environment_id: Mapped[str] = mapped_column(String(36), ForeignKey("environments.id"), index=True)
    model_id: Mapped[str] = mapped_column(String(36), ForeignKey("models.id"), index=True)
    served: Mapped[str] = mapped_column(String(10))
    consumer: Mapped[str] = mapped_column(String(250), default="")
    endpoint: Mapped[str] = mapped_column(Text, default="")
    owner: Mapped[str] = mapped_column(String(250), default="")
    description: Mapped[str] = mapped_column(Text, default="")
    last_number: Mapped[int] = mapped_column(default=0)
    created_by: Mapped[str] = mapped_column(String(36))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now)
    archived_at: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(default=1)  # counts edits of this row; revisions of the service have numbers
    __mapper_args__ = {"version_id_col": revision}  # noqa: RUF012 - the base class declares it so

    # Where the model stands in the organisation now: rights follow the model when it moves.
    unit_id: Mapped[str] = column_property(
        select(Model.unit_id).where(Model.id == model_id).correlate_except(Model).scalar_subquery()
    )
    environment: Mapped[Environment] = relationship(lazy="raise")
    model: Mapped[Model] = relationship(lazy="raise")
    # What runs now; the queries put here what ran at the moment that they were asked about.
    live: Mapped["Revision | None"] = relationship(
        lazy="raise",
        viewonly=True,
        uselist=False,
        primaryjoin=lambda: (Deployment.id == Revision.deployment_id) & Revision.to_at.is_(None),
    )

    @property
    def standing(self) -> Standing:
        """How it stands: not live, or live with this proof."""
        return Standing.NOT_LIVE if self.live is None else Standing(self.live.proof.value)


class Revision(Base):
    """What a deployment ran from one moment to another, and why; open ones run now."""

    __tablename__ = "deployment_revisions"
    __table_args__ = (
        UniqueConstraint("deployment_id", "number"),
        CheckConstraint("to_at IS NULL OR to_at >= from_at", name="ends_after_it_begins"),
        unique_while("to_at IS NULL", "uq_deployment_revisions_open", "deployment_id"),
        Index(None, "deployment_id", "from_at"),
    )

    id: Mapped[Id]
    deployment_id: Mapped[str] = mapped_column(String(36), ForeignKey("deployments.id"))
    number: Mapped[int]
    version_id: Mapped[str] = mapped_column(String(36), ForeignKey("versions.id"), index=True)
    approved_digest: Mapped[str | None] = mapped_column(String(64))  # none: the version is unverified
    reported_digest: Mapped[str | None] = mapped_column(String(64))
    reported_at: Mapped[datetime | None]
    traffic: Mapped[list[Any]]
    reason: Mapped[str] = mapped_column(Text)
    activated_by: Mapped[str] = mapped_column(String(36))
    decision_id: Mapped[str | None] = mapped_column(String(36))  # the gate's; it keeps its own records
    from_at: Mapped[datetime]
    to_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(String(36))
    end_reason: Mapped[str | None] = mapped_column(Text)

    deployment: Mapped[Deployment] = relationship(lazy="raise")
    version: Mapped[Version] = relationship(lazy="raise")
    activator: Mapped[User | None] = relationship(
        lazy="raise", viewonly=True, primaryjoin=lambda: foreign(Revision.activated_by) == User.id
    )
    ender: Mapped[User | None] = relationship(
        lazy="raise", viewonly=True, primaryjoin=lambda: foreign(Revision.ended_by) == User.id
    )

    @property
    def proof(self) -> DigestProof:
        """Whether what runs is what was allowed, by the last report."""
        return prove(self.approved_digest, self.reported_digest)
