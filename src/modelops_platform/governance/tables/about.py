"""What rows have in common that are about a model, that take a version somewhere, or that keep somebody's word."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship

from modelops_platform.core.db import Id, InWorkspace, utc_now
from modelops_platform.registry.tables import Model, Version


class AboutModel(InWorkspace):
    """Something about one model, governed where the model is."""

    id: Mapped[Id]
    model_id: Mapped[str] = mapped_column(String(36), ForeignKey("models.id"))

    @declared_attr
    def model(cls) -> Mapped[Model]:  # noqa: N805 - SQLAlchemy calls it on the class
        return relationship(Model, lazy="raise")

    @property
    def unit_id(self) -> str:
        """It is governed where its model is."""
        return self.model.unit_id


class AskedChange(AboutModel):
    """Somebody asks for one version to go somewhere; once it is granted a job does it in their name."""

    version_id: Mapped[str] = mapped_column(String(36), ForeignKey("versions.id"))
    action: Mapped[str] = mapped_column(String(300))
    environment_id: Mapped[str] = mapped_column(String(36), default="")
    environment: Mapped[str] = mapped_column(String(250), default="")
    deployment: Mapped[str | None] = mapped_column(String(250))  # which one, where the target is an environment
    digest: Mapped[str | None] = mapped_column(String(64))
    asked_by: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    asked_at: Mapped[datetime] = mapped_column(default=utc_now)
    applied_at: Mapped[datetime | None]
    applied: Mapped[str] = mapped_column(Text, default="")

    @declared_attr
    def version(cls) -> Mapped[Version]:  # noqa: N805 - SQLAlchemy calls it on the class
        return relationship(Version, lazy="raise")

    @property
    def name(self) -> str:
        """The change in words, inside its model."""
        return f"{self.version.name} to {self.environment or self.action}"


class Answer:
    """One person's word on what was asked for, with the roles of that moment."""

    id: Mapped[Id]
    person_id: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    roles: Mapped[list[Any]]
    is_agreed: Mapped[bool]
    sentence: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(default=utc_now)
