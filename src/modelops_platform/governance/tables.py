"""Assessments, policies, decisions, approval requests, votes, and the gate's mode, each with its time.

What an auditor may ask about over time stands in intervals [from_at, to_at); an open one has no end. Policies,
decisions and votes are only ever added.
"""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, event, inspect
from sqlalchemy.orm import Mapped, mapped_column, relationship

from modelops_platform.core.db import Base, Id, InWorkspace, unique_while, utc_now
from modelops_platform.registry.tables import Model, Version


class RiskAssessment(InWorkspace, Base):
    """The answers to the questionnaire for one model, what they scored, and how long that was in force."""

    __tablename__ = "risk_assessments"
    __table_args__ = (
        unique_while("to_at IS NULL", "uq_risk_assessments_in_force", "model_id"),
        Index(None, "model_id", "from_at"),
    )
    object_kind: ClassVar[str] = "risk_assessment"

    id: Mapped[Id]
    model_id: Mapped[str] = mapped_column(String(36), ForeignKey("models.id"))
    questionnaire_id: Mapped[str] = mapped_column(String(100))
    questionnaire_version: Mapped[int]
    answers: Mapped[dict[str, Any]]
    facts: Mapped[dict[str, Any]]
    result: Mapped[dict[str, Any]]
    tier: Mapped[int]
    total: Mapped[str] = mapped_column(String(60))
    reason: Mapped[str] = mapped_column(Text, default="")
    assessed_by: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    # Who, independent of the model, made or confirmed it; nobody yet: a tier below 1 is only proposed.
    reviewed_by: Mapped[str | None] = mapped_column(String(36))
    reviewed_at: Mapped[datetime | None]
    from_at: Mapped[datetime] = mapped_column(default=utc_now)
    to_at: Mapped[datetime | None]

    model: Mapped[Model] = relationship(lazy="raise")

    @property
    def name(self) -> str:
        """The assessment in words, inside its model."""
        return f"tier {self.tier}"

    @property
    def unit_id(self) -> str:
        """An assessment is governed where its model is."""
        return self.model.unit_id


class PolicyVersion(InWorkspace, Base):
    """One published version of a policy, as the very text that was published."""

    __tablename__ = "policy_versions"
    __table_args__ = (UniqueConstraint("workspace_id", "policy_id", "number"),)
    object_kind: ClassVar[str] = "policy"
    unit_id: ClassVar[None] = None

    id: Mapped[Id]
    policy_id: Mapped[str] = mapped_column(String(100))
    number: Mapped[int]
    title: Mapped[str] = mapped_column(Text)
    document: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(Text, default="")
    published_by: Mapped[str | None] = mapped_column(String(36), ForeignKey("users.id"))  # None: shipped
    published_at: Mapped[datetime] = mapped_column(default=utc_now)

    @property
    def name(self) -> str:
        """The policy in words."""
        return f"{self.policy_id} v{self.number}"


class DecisionRecord(InWorkspace, Base):
    """An answer of the gate as it was given, with everything it rested on."""

    __tablename__ = "decisions"
    __table_args__ = (Index(None, "version_id", "id"), Index(None, "model_id", "id"))
    object_kind: ClassVar[str] = "decision"

    id: Mapped[Id]
    model_id: Mapped[str] = mapped_column(String(36), ForeignKey("models.id"))
    version_id: Mapped[str] = mapped_column(String(36), ForeignKey("versions.id"))
    action: Mapped[str] = mapped_column(String(300))
    environment_id: Mapped[str] = mapped_column(String(36), default="")
    environment: Mapped[str] = mapped_column(String(250), default="")
    outcome: Mapped[str] = mapped_column(String(10))
    is_enforced: Mapped[bool]
    policy_id: Mapped[str | None] = mapped_column(String(100))
    policy_version: Mapped[int | None]
    digest: Mapped[str | None] = mapped_column(String(64))
    tier: Mapped[int]
    decision: Mapped[dict[str, Any]]
    asked_via: Mapped[str] = mapped_column(String(20))
    asked_by: Mapped[str] = mapped_column(String(36))
    asked_at: Mapped[datetime]

    model: Mapped[Model] = relationship(lazy="raise")
    version: Mapped[Version] = relationship(lazy="raise")


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

    model: Mapped[Model] = relationship(lazy="raise")
    version: Mapped[Version] = relationship(lazy="raise")
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

    request: Mapped[ApprovalRequest] = relationship(lazy="raise", back_populates="votes")


class EnforcementChange(InWorkspace, Base):
    """How long the gate of a workspace enforced or only observed, and why that was changed."""

    __tablename__ = "enforcement_changes"
    __table_args__ = (unique_while("to_at IS NULL", "uq_enforcement_changes_in_force", "workspace_id"),)

    id: Mapped[Id]
    mode: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str] = mapped_column(Text)
    changed_by: Mapped[str] = mapped_column(String(36))
    from_at: Mapped[datetime] = mapped_column(default=utc_now)
    to_at: Mapped[datetime | None]


def _refuse_change(_mapper: Any, _connection: Any, row: Any) -> None:
    """Published policies, decisions and votes are never changed; a line of code that forgets it fails here."""
    changed = sorted(attribute.key for attribute in inspect(row).attrs if attribute.history.has_changes())
    if changed:
        raise RuntimeError(f"A {row.object_kind} is never changed, here {changed}.")


for _frozen in (PolicyVersion, DecisionRecord, VoteRecord):
    event.listen(_frozen, "before_update", _refuse_change)
