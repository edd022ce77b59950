"""Requests for approval, and the votes on them."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from modelops_platform.core.db import Base, Id, InWorkspace, unique_while, utc_now

from .about import AskedChange
from .cards import CardEntry
from .frozen import freeze


class ApprovalRequest(AskedChange, Base):
    """Somebody asks others to approve one version for one target."""

    __tablename__ = "approval_requests"
    __table_args__ = (
        unique_while("state = 'open'", "uq_approval_requests_open", "version_id", "action", "environment_id"),
        Index(None, "workspace_id", "state", "id"),
        Index(None, "model_id", "id"),
    )
    object_kind: ClassVar[str] = "approval_request"

    covers: Mapped[str] = mapped_column(String(64))
    message: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10), default="open")
    closed_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    on_timeout: Mapped[str] = mapped_column(String(10), default="")  # what the policy does then; "": nothing
    escalated_at: Mapped[datetime | None]
    is_auto: Mapped[bool] = mapped_column(default=False)  # done in the asker's name once it is granted

    card: Mapped[list[CardEntry]] = relationship(
        primaryjoin="and_(foreign(CardEntry.model_id) == ApprovalRequest.model_id, CardEntry.to_at.is_(None))",
        viewonly=True,
        lazy="selectin",
    )
    """What stands in the card of the model now: it is covered, too."""
    comments: Mapped[list["ApprovalComment"]] = relationship(
        lazy="raise", order_by="ApprovalComment.id", back_populates="request"
    )
    votes: Mapped[list["VoteRecord"]] = relationship(lazy="raise", order_by="VoteRecord.id", back_populates="request")


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
