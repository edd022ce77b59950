"""Requests for approval, and the votes on them."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from modelops_platform.core.db import Base, Id, InWorkspace, unique_while, utc_now
from modelops_platform.registry.tables import Model, Version

from .frozen import freeze


class ApprovalRequest(InWorkspace, Base):
    """Somebody asks others to approve one version for one target."""

    __tablename__ = "approval_requests"
    __table_args__ = (
        unique_while("state = 'open'", "uq_approval_requests_open", "version_id", "action", "environment_id"),
        Index(None, "workspace_id", "state", "id"),
        Index(None, "model_id", "id"),
    )
    object_kind: ClassVar[str] = "approval_request"

    id: Mapped[Id]
    model_id: Mapped[str] = mapped_column(String(36), ForeignKey("models.id"))
    version_id: Mapped[str] = mapped_column(String(36), ForeignKey("versions.id"))
    action: Mapped[str] = mapped_column(String(300))
    environment_id: Mapped[str] = mapped_column(String(36), default="")
    environment: Mapped[str] = mapped_column(String(250), default="")
    digest: Mapped[str | None] = mapped_column(String(64))
    covers: Mapped[str] = mapped_column(String(64))
    message: Mapped[str] = mapped_column(Text)
    asked_by: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    asked_at: Mapped[datetime] = mapped_column(default=utc_now)
    state: Mapped[str] = mapped_column(String(10), default="open")
    closed_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    on_timeout: Mapped[str] = mapped_column(String(10), default="")  # what the policy does then; "": nothing
    escalated_at: Mapped[datetime | None]
    is_auto: Mapped[bool] = mapped_column(default=False)  # done in the asker's name once it is granted
    deployment: Mapped[str | None] = mapped_column(String(250))  # which one, where the target is an environment
    applied_at: Mapped[datetime | None]
    applied: Mapped[str] = mapped_column(Text, default="")

    model: Mapped[Model] = relationship(lazy="raise")
    version: Mapped[Version] = relationship(lazy="raise")
    comments: Mapped[list["ApprovalComment"]] = relationship(
        lazy="raise", order_by="ApprovalComment.id", back_populates="request"
    )
    votes: Mapped[list["VoteRecord"]] = relationship(lazy="raise", order_by="VoteRecord.id", back_populates="request")

    @property
    def name(self) -> str:
        """The request in words, inside its model."""
        return f"{self.version.name} to {self.environment or self.action}"

    @property
    def unit_id(self) -> str:
        """A request is governed where its model is."""
        return self.model.unit_id


class VoteRecord(InWorkspace, Base):
    """One person's word on a request: about which bytes and words, in which roles, under which policy."""

    __tablename__ = "votes"
    __table_args__ = (Index(None, "version_id", "id"),)
    object_kind: ClassVar[str] = "vote"

    id: Mapped[Id]
    request_id: Mapped[str] = mapped_column(String(36), ForeignKey("approval_requests.id"), index=True)
    version_id: Mapped[str] = mapped_column(String(36), ForeignKey("versions.id"))
    voter_id: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    roles: Mapped[list[Any]]
    unit_id: Mapped[str | None] = mapped_column(String(36))
    is_person: Mapped[bool]
    answer: Mapped[str] = mapped_column(String(10))
    sentence: Mapped[str] = mapped_column(Text)
    digest: Mapped[str | None] = mapped_column(String(64))
    covers: Mapped[str] = mapped_column(String(64))
    policy_id: Mapped[str] = mapped_column(String(100))
    policy_version: Mapped[int]
    at: Mapped[datetime] = mapped_column(default=utc_now)
    holder_id: Mapped[str | None] = mapped_column(String(36))  # in whose place; the roles are this person's
    delegation_id: Mapped[str | None] = mapped_column(String(36))

    request: Mapped[ApprovalRequest] = relationship(lazy="raise", back_populates="votes")


class ApprovalComment(Base):
    """Something that somebody said about a request, beside the votes; never edited."""

    __tablename__ = "approval_comments"
    object_kind: ClassVar[str] = "approval_comment"

    id: Mapped[Id]
    request_id: Mapped[str] = mapped_column(String(36), ForeignKey("approval_requests.id"), index=True)
    said_by: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(default=utc_now)

    request: Mapped[ApprovalRequest] = relationship(lazy="raise", back_populates="comments")


freeze(VoteRecord)
freeze(ApprovalComment)
