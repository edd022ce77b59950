"""Shapes of identity's API."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from modelops_platform.web.forms import EmptyIsNone, In, Moment, OptionalText, Out, PageIn

from .domain import LONGEST_EXCHANGE_MINUTES, Role, Scope, checked_zone

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
    erased_at: datetime | None
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


class PreferencesIn(In):
    """How one wants pages to be; what is left out stays."""

    theme: Annotated[Literal["system", "light", "dark"] | None, EmptyIsNone] = None
    density: Annotated[Literal["comfortable", "compact"] | None, EmptyIsNone] = None
    time_zone: Annotated[Annotated[str, Field(max_length=64), AfterValidator(checked_zone)] | None, EmptyIsNone] = None
    has_shortcuts: bool | None = None


class PreferencesOut(Out):
    """How one wants pages to be."""

    theme: str
    density: str
    time_zone: str
    has_shortcuts: bool


class AccessIn(In):
    """A role to ask for, in one's own words."""

    about: str = Field(min_length=1, max_length=300, description="What you want to reach, as you know it.")
    role: Annotated[Role | None, EmptyIsNone] = Field(default=None, description="The role you need, if you know it.")
    reason: str = Field(min_length=1, max_length=2000, description="What you need it for.")


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


class GroupMappingIn(In):
    """What members of one of the company's groups get at each sign-in."""

    group: str = Field(
        min_length=1,
        max_length=300,
        examples=["risk-officers"],
        description="As the identity provider writes it; `*` is everybody who signs in by it.",
    )
    role: Role
    unit_id: OptionalId = Field(default=None, description="The unit the role is on; by default the workspace.")
    is_home: bool = Field(default=False, description="Whether the unit becomes their home at the first sign-in.")


class GroupMappingOut(Out):
    """What members of one of the company's groups get."""

    id: str
    group_name: str
    role: Role
    on_kind: str
    on_id: str
    is_home: bool
    created_by: str
    created_at: datetime


class GroupMappingFilter(PageIn):
    """Which mappings."""

    q: OptionalText = Field(default=None, max_length=200, description="Part of a group's name.")


class IdentityOut(Out):
    """Who a person is to an identity provider."""

    id: str
    user_id: str
    issuer: str
    subject: str
    created_at: datetime
    last_used_at: datetime


Claims = Annotated[
    dict[Annotated[str, Field(max_length=100)], Annotated[str, Field(max_length=500)]], Field(max_length=20)
]


class TrustRuleIn(In):
    """Whose tokens are exchanged for a short-lived one of a service account's."""

    name: Name = Field(examples=["scoring pipeline"])
    issuer: str = Field(
        max_length=500,
        examples=["https://token.actions.githubusercontent.com"],
        description="Who signs the tokens, exactly as they say it.",
    )
    audience: str = Field(
        min_length=1, max_length=500, examples=["modelops"], description="Whom the tokens must be meant for."
    )
    claims: Claims = Field(
        examples=[{"repository": "acme/scoring", "ref": "refs/heads/main"}],
        description="What claims must look like: `*` stands for what has no slash and no colon, `**` for anything.",
    )
    user_id: Id = Field(description="The service account whose token they get.")
    scope: Literal["read", "ci", "metrics"] = Field(default="ci", description="What the token may be used for.")
    lifetime_minutes: int = Field(default=15, ge=1, le=LONGEST_EXCHANGE_MINUTES, description="How long it lasts.")


class TrustRuleOut(Out):
    """Whose tokens are exchanged."""

    id: str
    name: str
    issuer: str
    audience: str
    claims: dict[str, str]
    user_id: str
    scope: Scope
    lifetime_minutes: int
    created_by: str
    created_at: datetime
    last_used_at: datetime | None


class ExchangeIn(In):
    """An outside token to exchange (RFC 8693)."""

    grant_type: Literal["urn:ietf:params:oauth:grant-type:token-exchange"]
    subject_token: str = Field(min_length=1, max_length=20_000, description="The signed token (JWT) of the program.")
    subject_token_type: Literal["urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token"]
    requested_token_type: Literal["urn:ietf:params:oauth:token-type:access_token", ""] = Field(
        default="", description="There is one sort."
    )
    scope: str = Field(default="", max_length=100, description="The scope of the rule that is meant, if several fit.")


class ExchangedOut(Out):
    """A short-lived token."""

    access_token: str
    issued_token_type: str = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - the name of a sort
    token_type: str = "Bearer"  # noqa: S105 - the name of a sort
    expires_in: int = Field(description="Seconds.")
    scope: str


class CallbackQuery(In):
    """What the identity provider sends the browser back with; providers add more."""

    model_config = ConfigDict(extra="ignore")
    code: str = Field(default="", max_length=4000)
    state: str = Field(default="", max_length=200)
    iss: str = Field(default="", max_length=500)
    error: str = Field(default="", max_length=100)


class TrustRuleForm(In):
    """The form for a trust rule; claims are lines of `name: pattern`."""

    name: Name
    issuer: str = Field(max_length=500)
    audience: str = Field(min_length=1, max_length=500)
    claims: str = Field(min_length=1, max_length=5000)
    user_id: Id
    scope: Literal["read", "ci", "metrics"] = "ci"
    lifetime_minutes: int = Field(default=15, ge=1, le=LONGEST_EXCHANGE_MINUTES)

    def as_rule(self) -> TrustRuleIn:
        """Return the rule; its claims are checked by the service."""
        lines = (line.partition(":") for line in self.claims.splitlines() if line.strip())
        return TrustRuleIn.model_construct(**{**dict(self), "claims": {name: pattern for name, _, pattern in lines}})


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
    password: Password = ""


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
