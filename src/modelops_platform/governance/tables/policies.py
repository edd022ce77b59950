"""Published policies, and how long the gate of a workspace enforced them."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from modelops_platform.core.db import Base, Id, InWorkspace, unique_while, utc_now

from .documents import PublishedText
from .frozen import freeze


class PolicyVersion(PublishedText, Base):
    """One published version of a policy."""

    __tablename__ = "policy_versions"
    __table_args__ = (UniqueConstraint("workspace_id", "policy_id", "number"),)
    object_kind: ClassVar[str] = "policy"

    policy_id: Mapped[str] = mapped_column(String(100))

    @property
    def name(self) -> str:
        """The policy in words."""
        return f"{self.policy_id} v{self.number}"


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


freeze(PolicyVersion)
