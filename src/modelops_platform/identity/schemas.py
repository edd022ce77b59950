"""Shapes of identity's API."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from modelops_platform.web.forms import EmptyIsNone, In, Moment, OptionalText, Out, PageIn

from .domain import Role, Scope

Id = Annotated[str, Field(min_length=1, max_length=36)]
OptionalId = Annotated[str | None, Field(max_length=36), EmptyIsNone]
Email = Annotated[str, Field(min_length=3, max_length=254, examples=["maria.silva@example.org"])]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Password = Annotated[str, StringConstraints(strip_whitespace=False, max_length=1000)]
Days = Annotated[int | None, Field(ge=1, le=3650), EmptyIsNone]


class UserIn(In):
    """A person or a service account to add."""

    email: Email = Field(description="What they sign in with; a service account has one as its name.")
    name: Name = Field(examples=["Maria Silva"])
    kind: Literal["person", "service"] = Field(default="person", description="Service accounts only use tokens.")
    unit_id: OptionalId = Field(default=None, description="Home unit; by default the root unit.")


class UserPatch(In):
    """What changes about an account; what is left out stays."""

    email: Email | None = None
    name: Name | None = None
    unit_id: OptionalId = None


class UserOut(Out):
    """An account."""

    id: str
    kind: str
    email: str
    name: str
    unit_id: str | None
    created_at: datetime
    disabled_at: datetime | None
    revision: int


class PersonOut(Out):
    """Somebody who may be named on a record."""

    id: str
    name: str
    unit_id: str | None


class UserFilter(PageIn):
    """What the list of accounts is narrowed by."""

    q: OptionalText = Field(default=None, max_length=200, description="Part of name or address.")
    kind: Annotated[Literal["person", "service"] | None, EmptyIsNone] = None
    state: Annotated[Literal["enabled", "disabled"] | None, EmptyIsNone] = None


class PeopleFilter(In):
    """Whom to suggest."""

    q: OptionalText = Field(default=None, max_length=200, description="Part of name or address.")
    limit: int = Field(default=50, ge=1, le=200)


class UnitIn(In):
    """A part of the organisation to add."""

    name: Name = Field(examples=["Retail credit"])
    parent_id: OptionalId = Field(default=None, description="The unit above; none is the top of the tree.")


class UnitPatch(In):
    """What changes about a unit; what is left out stays."""

    name: Name | None = None
    parent_id: OptionalId = Field(default=None, description="The unit above; null moves it to the top.")
    head_id: OptionalId = Field(default=None, description="The person who heads it; null for nobody.")


class UnitOut(Out):
    """A part of the organisation."""

    id: str
    name: str
    parent_id: str | None
    head_id: str | None
    created_at: datetime
    revision: int


class GrantIn(In):
    """A role to give."""

    user_id: Id
    role: Role
    object_kind: str = Field(default="workspace", max_length=20, description="`workspace`, `unit` or `model`.")
    object_id: OptionalId = Field(default=None, description="Id of the object; not needed for the workspace.")


class GrantOut(Out):
    """A role that a user holds on an object."""

    id: str
    user_id: str
    role: Role
    object_kind: str
    object_id: str
    granted_by: str
    created_at: datetime


class GrantFilter(PageIn):
    """Whose grants, or on what."""

    user_id: OptionalId = None
    object_kind: OptionalText = Field(default=None, max_length=20)
    object_id: OptionalId = None


class TokenIn(In):
    """An API token to make."""

    name: Name = Field(examples=["laptop"], description="What it is for, so that it can be recognised later.")
    scope: Scope = Field(default=Scope.ALL, description="What it may be used for, at most.")
    expires_at: Annotated[Moment | None, EmptyIsNone] = Field(default=None, description="When it ends; null is never.")
    user_id: OptionalId = Field(default=None, description="A service account that you manage; by default yourself.")


class TokenFilter(In):
    """Whose tokens."""

    user_id: OptionalId = Field(default=None, description="By default your own.")


class TokenOut(Out):
    """An API token, without its secret."""

    id: str
    user_id: str
    name: str
    scope: Scope
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class TokenMadeOut(TokenOut):
    """A new API token with its secret, told this once."""

    secret: str | None


class LinkOut(Out):
    """A one-time sign-in link, told this once."""

    url: str | None = Field(description="Path on this server; open it in a browser within 24 hours.")


class HeldOut(Out):
    """A role of the caller."""

    role: str
    object_kind: str
    object_id: str


class MeOut(Out):
    """Who the caller is, and what they may do where."""

    id: str
    kind: str
    name: str
    unit_id: str | None
    roles: list[HeldOut]
    permissions: list[str]


class SignInIn(In):
    """The sign-in form: an address with its password, or a one-time link."""

    email: str = Field(default="", max_length=1000)
    password: Password = ""
    link: str = Field(default="", max_length=200)
    next: str = Field(default="", max_length=2000)


class SetUpIn(In):
    """The first administrator."""

    link: str = Field(max_length=200)
    email: Email
    name: Name
    password: Password


class ProfileIn(In):
    """What people change about themselves."""

    name: Name


class PasswordIn(In):
    """A new password; the present one proves that it is you."""

    current_password: Password = ""
    new_password: Password


class TokenForm(In):
    """The form for a new token."""

    name: Name
    scope: Scope = Scope.ALL
    days: Days = None


class UserForm(UserIn):
    """The form for a new account, with its first role."""

    role: Annotated[Role | None, EmptyIsNone] = None


class GrantForm(In):
    """The form that gives a role."""

    role: Role
    unit_id: OptionalId = None
