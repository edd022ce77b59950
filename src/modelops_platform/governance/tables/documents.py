"""What people wrote and published: every version as its very text, never changed."""

from abc import abstractmethod
from datetime import datetime
from typing import ClassVar

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from modelops_platform.core.db import Base, Id, InWorkspace, utc_now

from .frozen import freeze


class PublishedText(InWorkspace):
    """One published version of what people wrote, as the very text that was published."""

    object_kind: ClassVar[str]
    unit_id: ClassVar[None] = None

    id: Mapped[Id]
    number: Mapped[int]
    title: Mapped[str] = mapped_column(Text)
    document: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(Text, default="")
    published_by: Mapped[str | None] = mapped_column(String(36), ForeignKey("users.id"))  # None: shipped
    published_at: Mapped[datetime] = mapped_column(default=utc_now)

    @property
    @abstractmethod
    def name(self) -> str:
        """What it is called, with its version."""

    @property
    def is_in_force(self) -> bool:
        """Tell whether it counts, or counted until the next version did."""
        return True


class PublishedDocument(PublishedText):
    """One published version of a questionnaire, a life cycle or a suite."""

    document_id: Mapped[str] = mapped_column(String(100))

    @property
    def name(self) -> str:
        """The document in words."""
        return f"{self.document_id} v{self.number}"


class QuestionnaireVersion(PublishedDocument, Base):
    """One published version of a risk questionnaire."""

    __tablename__ = "questionnaire_versions"
    __table_args__ = (UniqueConstraint("workspace_id", "document_id", "number"),)
    object_kind: ClassVar[str] = "questionnaire"


class LifeCycleVersion(PublishedDocument, Base):
    """One published version of a life cycle."""

    __tablename__ = "life_cycle_versions"
    __table_args__ = (UniqueConstraint("workspace_id", "document_id", "number"),)
    object_kind: ClassVar[str] = "life_cycle"


class SuiteVersion(PublishedDocument, Base):
    """One published version of a test suite."""

    __tablename__ = "suite_versions"
    __table_args__ = (UniqueConstraint("workspace_id", "document_id", "number"),)
    object_kind: ClassVar[str] = "suite"

    is_guarding: Mapped[bool] = mapped_column(default=False)  # a policy looked at its tests when it was published
    confirmation: Mapped["SuiteConfirmation | None"] = relationship(lazy="raise")

    @property
    def is_in_force(self) -> bool:
        """Tell whether it counts: what a gate looks at only by the word of a second person."""
        return not self.is_guarding or self.confirmation is not None

    @property
    def confirmed_by(self) -> str | None:
        """Who the second person was."""
        return self.confirmation.confirmed_by if self.is_guarding and self.confirmation else None


class SuiteConfirmation(InWorkspace, Base):
    """The word of a second person that brings a version of a suite into force."""

    __tablename__ = "suite_confirmations"
    __table_args__ = (UniqueConstraint("suite_version_id"),)
    object_kind: ClassVar[str] = "suite_confirmation"

    id: Mapped[Id]
    suite_version_id: Mapped[str] = mapped_column(String(36), ForeignKey("suite_versions.id"))
    confirmed_by: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    sentence: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(default=utc_now)


freeze(QuestionnaireVersion)
freeze(LifeCycleVersion)
freeze(SuiteVersion)
freeze(SuiteConfirmation)
