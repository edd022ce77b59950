"""What people wrote and published: every version as its very text, never changed."""

from abc import abstractmethod
from datetime import datetime
from typing import ClassVar

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

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


freeze(QuestionnaireVersion)
freeze(LifeCycleVersion)
freeze(SuiteVersion)
