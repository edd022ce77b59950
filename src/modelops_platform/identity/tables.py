"""Workspaces, units, users and their credentials."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from modelops_platform.core.db import Base, Id, InWorkspace, utc_now


class Workspace(Base):
    """A wall: names are unique in it, and nothing crosses it."""

    __tablename__ = "workspaces"
    object_kind: ClassVar[str] = "workspace"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(200), unique=True)
    enforcement: Mapped[str] = mapped_column(String(10))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Unit(InWorkspace, Base):
    """A part of the organisation; units form a tree, and grants on one reach all below it."""

    __tablename__ = "units"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)
    object_kind: ClassVar[str] = "unit"

    id: Mapped[Id]
    parent_id: Mapped[str | None] = mapped_column(String(36), ForeignKey("units.id"))
    name: Mapped[str] = mapped_column(String(200))
    head_id: Mapped[str | None] = mapped_column(String(36))  # a user; no key, users point to units
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    revision: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": revision}  # noqa: RUF012 - the base class declares it so

    @property
    def unit_id(self) -> str:
        """A unit is governed by grants on itself or above."""
        return self.id


class UnitAncestor(Base):
    """Every unit with itself and everything above it: makes "in this unit or below" one join."""

    __tablename__ = "unit_ancestors"

    ancestor_id: Mapped[str] = mapped_column(String(36), ForeignKey("units.id"), primary_key=True)
    unit_id: Mapped[str] = mapped_column(String(36), ForeignKey("units.id"), primary_key=True, index=True)


class User(InWorkspace, Base):
    """A person or a service account."""

    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("workspace_id", "email"),)
    object_kind: ClassVar[str] = "user"
    name_is_personal: ClassVar[bool] = True

    id: Mapped[Id]
    kind: Mapped[str] = mapped_column(String(10))
    email: Mapped[str] = mapped_column(String(254))
    name: Mapped[str] = mapped_column(String(200))
    password_hash: Mapped[str | None] = mapped_column(Text)
    unit_id: Mapped[str | None] = mapped_column(String(36), ForeignKey("units.id"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    disabled_at: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": revision}  # noqa: RUF012 - the base class declares it so


class Grant(InWorkspace, Base):
    """A role that a user holds on an object; kinds of object come without a migration."""

    __tablename__ = "grants"
    __table_args__ = (
        UniqueConstraint("user_id", "role", "object_kind", "object_id"),
        Index(None, "object_kind", "object_id"),
    )

    id: Mapped[Id]
    user_id: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    role: Mapped[str] = mapped_column(String(20))
    object_kind: Mapped[str] = mapped_column(String(20))
    object_id: Mapped[str] = mapped_column(String(36))
    granted_by: Mapped[str] = mapped_column(String(36))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Token(InWorkspace, Base):
    """An API token; only its hash is kept."""

    __tablename__ = "tokens"
    object_kind: ClassVar[str] = "token"

    id: Mapped[Id]
    user_id: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    scope: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class BrowserSession(InWorkspace, Base):
    """A browser that is signed in; only the hash of its cookie is kept."""

    __tablename__ = "browser_sessions"

    id: Mapped[Id]
    user_id: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"), index=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    last_used_at: Mapped[datetime] = mapped_column(default=utc_now)
    ended_at: Mapped[datetime | None]


class OneTimeLink(InWorkspace, Base):
    """A link that signs somebody in once, or guards the set-up page of an empty installation."""

    __tablename__ = "one_time_links"

    id: Mapped[Id]
    user_id: Mapped[str | None] = mapped_column(String(36), ForeignKey("users.id"))
    purpose: Mapped[str] = mapped_column(String(10))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SignInAttempt(Base):
    """A failed sign-in, counted per account, per address and overall."""

    __tablename__ = "sign_in_attempts"
    __table_args__ = (Index(None, "account", "at"), Index(None, "address", "at"))

    id: Mapped[Id]
    account: Mapped[str] = mapped_column(String(64))
    address: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
