"""Training recipes and their runs."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from modelops_platform.core.db import Base, Id, InWorkspace, unique_while, utc_now
from modelops_platform.identity.tables import User
from modelops_platform.jobs.tables import Job
from modelops_platform.registry.tables import DataSet, Model, Version

from .domain.reading import read_recipe
from .domain.recipes import Recipe
from .domain.states import RunState, state_of


class TrainingRecipe(InWorkspace, Base):
    """How a model is trained again and again: a document without code, for one model."""

    __tablename__ = "recipes"
    __table_args__ = (unique_while("archived_at IS NULL", "uq_recipes_living_name", "model_id", "name"),)
    object_kind: ClassVar[str] = "recipe"

    id: Mapped[Id]
    model_id: Mapped[str] = mapped_column(String(36), ForeignKey("models.id"), index=True)
    data_set_id: Mapped[str] = mapped_column(String(36), ForeignKey("data_sets.id"), index=True)
    name: Mapped[str] = mapped_column(String(250))
    document: Mapped[dict[str, Any]]
    last_run: Mapped[int] = mapped_column(default=0)
    owner_id: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    created_by: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    updated_at: Mapped[datetime] = mapped_column(default=utc_now, onupdate=utc_now)
    archived_at: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": revision}  # noqa: RUF012 - the base class declares it so

    model: Mapped[Model] = relationship(lazy="raise")
    data_set: Mapped[DataSet] = relationship(lazy="raise")
    owner: Mapped[User] = relationship(lazy="raise", foreign_keys=owner_id)

    @property
    def unit_id(self) -> str:
        """A recipe is governed where its model is."""
        return self.model.unit_id

    @property
    def recipe(self) -> Recipe:
        """The document, read."""
        return read_recipe(self.document)


class TrainingRun(InWorkspace, Base):
    """One training: the recipe and the data as they were, and the version that came of it.

    Its state is that of its job; what came of it is kept here, because jobs that went well are cleared away.
    """

    __tablename__ = "training_runs"
    __table_args__ = (UniqueConstraint("recipe_id", "number"), Index(None, "model_id", "id"))
    object_kind: ClassVar[str] = "training_run"

    id: Mapped[Id]
    recipe_id: Mapped[str] = mapped_column(String(36), ForeignKey("recipes.id"))
    model_id: Mapped[str] = mapped_column(String(36), ForeignKey("models.id"))
    number: Mapped[int]
    recipe_revision: Mapped[int]
    document: Mapped[dict[str, Any]]
    data_set_id: Mapped[str] = mapped_column(String(36), ForeignKey("data_sets.id"), index=True)
    data_set_digest: Mapped[str] = mapped_column(String(64))
    job_id: Mapped[str | None] = mapped_column(String(36), ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    created_by: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    version_id: Mapped[str | None] = mapped_column(String(36), ForeignKey("versions.id"), index=True)
    metrics: Mapped[list[Any]] = mapped_column(default=list)
    report: Mapped[dict[str, Any]] = mapped_column(default=dict)

    recipe: Mapped[TrainingRecipe] = relationship(lazy="raise")
    data_set: Mapped[DataSet] = relationship(lazy="raise")
    job: Mapped[Job | None] = relationship(lazy="raise")
    version: Mapped[Version | None] = relationship(lazy="raise")
    starter: Mapped[User] = relationship(lazy="raise")

    @property
    def name(self) -> str:
        """The run in words."""
        return f"Run {self.number} of {self.recipe.name}"

    @property
    def unit_id(self) -> str:
        """A run is governed where its model is."""
        return self.recipe.model.unit_id

    @property
    def plan(self) -> Recipe:
        """The recipe as it was when the run was asked for."""
        return read_recipe(self.document)

    @property
    def state(self) -> RunState:
        """Where the run stands."""
        return state_of(self.job.state if self.job else None, has_version=self.version_id is not None)

    @property
    def step(self) -> str | None:
        """What it does now, in words."""
        return self.job.step if self.job else None

    @property
    def fraction(self) -> float | None:
        """How far it is, 0 to 1, where that is known."""
        return self.job.fraction if self.job else None

    @property
    def error(self) -> str | None:
        """Why it failed, or why it had to begin again."""
        return self.job.error if self.job else None

    @property
    def seconds(self) -> float | None:
        """How long it took, once it has ended well."""
        if self.started_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.started_at).total_seconds()

    @property
    def version_number(self) -> int | None:
        """The number of the version that came of it."""
        return self.version.number if self.version else None
