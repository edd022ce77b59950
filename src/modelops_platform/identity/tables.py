"""Workspaces, units, users and their credentials."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from modelops_platform.core.db import Base, Id, InWorkspace, unique_while, utc_now
from modelops_platform.core.preferences import AS_WE_COME

from .domain import GrantSource


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
    erased_at: Mapped[datetime | None]  # name and address are gone; the id stays for what they did
    revision: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": revision}  # noqa: RUF012 - the base class declares it so


class Preference(Base):
    """How one person wants pages to be; who never chose has no row."""

    __tablename__ = "preferences"

    user_id: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"), primary_key=True)
    theme: Mapped[str] = mapped_column(String(10), default=AS_WE_COME.theme)
    density: Mapped[str] = mapped_column(String(12), default=AS_WE_COME.density)
    time_zone: Mapped[str] = mapped_column(String(64), default=AS_WE_COME.time_zone)
    has_shortcuts: Mapped[bool] = mapped_column(default=AS_WE_COME.has_shortcuts)
    set_up_skipped_at: Mapped[datetime | None]


class AccessRequest(InWorkspace, Base):
    """Somebody asks for a role, in their own words; what they name may not exist."""

    __tablename__ = "access_requests"
    __table_args__ = (
        unique_while("state = 'open'", "uq_access_requests_open", "user_id", "about"),
        Index(None, "state", "id"),
    )
    object_kind: ClassVar[str] = "access_request"

    id: Mapped[Id]
    user_id: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"), index=True)
    unit_id: Mapped[str | None] = mapped_column(String(36), ForeignKey("units.id"))
    about: Mapped[str] = mapped_column(String(300))
    role: Mapped[str | None] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(Text)
    asked_at: Mapped[datetime] = mapped_column(default=utc_now)
    state: Mapped[str] = mapped_column(String(10), default="open")
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None] = mapped_column(String(36))
    answer: Mapped[str] = mapped_column(Text, default="")


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
    source: Mapped[str] = mapped_column(String(10), default=GrantSource.HAND.value)


class GroupMapping(InWorkspace, Base):
    """The role that members of one of the company's groups get at each sign-in; `*` is everybody."""

    __tablename__ = "group_mappings"
    __table_args__ = (UniqueConstraint("workspace_id", "group_name", "role", "on_kind", "on_id"),)
    object_kind: ClassVar[str] = "group_mapping"

    id: Mapped[Id]
    group_name: Mapped[str] = mapped_column(String(300))
    role: Mapped[str] = mapped_column(String(20))
    on_kind: Mapped[str] = mapped_column(String(20))
    on_id: Mapped[str] = mapped_column(String(36))
    is_home: Mapped[bool] = mapped_column(default=False)  # whether the unit becomes home at the first sign-in
    created_by: Mapped[str] = mapped_column(String(36))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)

    @property
    def name(self) -> str:
        """What events call it."""
        return self.group_name

    @property
    def unit_id(self) -> str | None:
        """The unit whose people see what happens to it."""
        return self.on_id if self.on_kind == "unit" else None


class ProviderIdentity(InWorkspace, Base):
    """Who a person is to an identity provider: issuer and subject, never an address."""

    __tablename__ = "provider_identities"
    __table_args__ = (UniqueConstraint("workspace_id", "issuer", "subject"), UniqueConstraint("user_id", "issuer"))

    id: Mapped[Id]
    user_id: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    issuer: Mapped[str] = mapped_column(String(500))
    subject: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    last_used_at: Mapped[datetime] = mapped_column(default=utc_now)


class TrustRule(InWorkspace, Base):
    """Which tokens of an outside issuer are exchanged for one of a service account's."""

    __tablename__ = "trust_rules"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)
    object_kind: ClassVar[str] = "trust_rule"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(200))
    issuer: Mapped[str] = mapped_column(String(500), index=True)
    audience: Mapped[str] = mapped_column(String(500))
    claims: Mapped[dict[str, Any]]
    user_id: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"))
    scope: Mapped[str] = mapped_column(String(20))
    lifetime_minutes: Mapped[int]
    created_by: Mapped[str] = mapped_column(String(36))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    last_used_at: Mapped[datetime | None]


class SpentProof(Base):
    """A sign-in or an outside token that was used, and how often, until it expires by itself."""

    __tablename__ = "spent_proofs"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    uses: Mapped[int] = mapped_column(default=1)
    expires_at: Mapped[datetime] = mapped_column(index=True)


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
    rule_id: Mapped[str | None] = mapped_column(String(36), index=True)  # the trust rule that it was exchanged by


class BrowserSession(InWorkspace, Base):
    """A browser that is signed in; only the hash of its cookie is kept."""

    __tablename__ = "browser_sessions"

    id: Mapped[Id]
    user_id: Mapped[str] = mapped_column(String(36), ForeignKey("users.id"), index=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    last_used_at: Mapped[datetime] = mapped_column(default=utc_now)
    ended_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]  # however much it is used: of a sign-in by the identity provider
    proved_at: Mapped[datetime | None]  # when its person last typed the password; None where none was typed


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
