"""Roles, scopes, the one table that says which role allows what, and the rules of signing in."""

import ipaddress
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from urllib.parse import unquote, urlsplit
from zoneinfo import available_timezones

from modelops_platform.core.actor import Permission as P  # noqa: N817 - the table below is read as a table
from modelops_platform.core.errors import InvalidInput


class Role(StrEnum):
    """What somebody is on a workspace, unit or model."""

    ADMIN = "admin"
    RISK = "risk"
    COMPLIANCE = "compliance"
    VALIDATOR = "validator"
    EXECUTIVE = "executive"
    CONTRIBUTOR = "contributor"
    VIEWER = "viewer"
    AUDITOR = "auditor"
    SERVICE = "service"


ROLE_WORDS: Mapping[Role, str] = MappingProxyType(
    {
        Role.ADMIN: "manages people, rights, environments and settings; never approves",
        Role.RISK: "assesses risk, sets policies, votes for risk",
        Role.COMPLIANCE: "assesses and votes for compliance, reads the log",
        Role.VALIDATOR: "validates independently and votes on it",
        Role.EXECUTIVE: "reads all and votes as a head of business",
        Role.CONTRIBUTOR: "registers, trains, deploys and maintains models",
        Role.VIEWER: "reads",
        Role.AUDITOR: "reads all, the log and rights included; changes nothing",
        Role.SERVICE: "a program: logs runs, registers versions, deploys, posts metrics, asks deployments",
    }
)


class GrantSource(StrEnum):
    """Where a role comes from: what groups gave, groups take away, and nothing else."""

    HAND = "hand"
    GROUP = "group"


class Scope(StrEnum):
    """What a token may be used for, at most; without one it may do all that its user may."""

    ALL = "all"
    READ = "read"
    CI = "ci"
    METRICS = "metrics"


SCOPE_WORDS: Mapping[Scope, str] = MappingProxyType(
    {
        Scope.ALL: "everything you may do",
        Scope.READ: "reading only",
        Scope.CI: "a pipeline: versions, aliases, deployments, metrics",
        Scope.METRICS: "the platform's own telemetry only",
    }
)

_READ = frozenset({P.VIEW, P.DOWNLOAD_FILE})
_EVERYBODY = _READ | {P.MANAGE_OWN_ACCOUNT}  # one's name, password and tokens; no token but one for all may touch them
_BUILD = frozenset(
    {
        P.REGISTER_MODEL,
        P.EDIT_MODEL,
        P.ARCHIVE_MODEL,
        P.ADD_VERSION,
        P.SET_ALIAS,
        P.MANAGE_DATA_SETS,
        P.MANAGE_USE_CASES,
        P.UPLOAD_FILE,
        P.SCORE,
        P.REQUEST_APPROVAL,
        P.DEPLOY,
        P.POST_METRICS,
        P.MANAGE_MONITORS,
        P.MANAGE_RECIPES,
        P.RUN_RECIPE,
        P.LOG_RUNS,
        P.MANAGE_EXPERIMENTS,
        P.MANAGE_WEBHOOKS,
        P.RUN_TESTS,
        P.REQUEST_WAIVER,
        P.ADD_EVIDENCE,
    }
)
_JUDGE = frozenset({P.ASSESS_RISK, P.MOVE_LIFE_CYCLE, P.VOTE, P.ATTEST, P.WORK_ON_FINDING, P.ADD_EVIDENCE})

_NEVER_AN_ADMINISTRATORS = frozenset({P.VOTE, P.VALIDATE, P.DECIDE_WAIVER, P.ATTEST})

PERMISSIONS: Mapping[Role, frozenset[P]] = MappingProxyType(
    {
        # An administrator as such never approves, validates, waives or attests.
        Role.ADMIN: frozenset(P) - _NEVER_AN_ADMINISTRATORS,
        Role.RISK: _EVERYBODY
        | _JUDGE
        | {
            P.OPEN_QUARANTINED,
            P.PLACE_HOLD,
            P.VIEW_STORAGE,
            P.REQUEST_APPROVAL,
            P.RUN_TESTS,
            P.RAISE_FINDING,
            P.REQUEST_WAIVER,
            P.DECIDE_WAIVER,
            P.NAME_VALIDATOR,
            P.MANAGE_POLICIES,
            P.MANAGE_MONITORS,
            P.SCORE,
            P.VIEW_AUDIT,
            P.VIEW_JOBS,
        },
        Role.COMPLIANCE: _EVERYBODY
        | _JUDGE
        | {P.PLACE_HOLD, P.VIEW_STORAGE, P.VIEW_AUDIT, P.RAISE_FINDING, P.DECIDE_WAIVER, P.NAME_VALIDATOR},
        Role.VALIDATOR: _EVERYBODY
        | _JUDGE
        | {P.SCORE, P.OPEN_QUARANTINED, P.VALIDATE, P.NAME_VALIDATOR, P.RUN_TESTS, P.RAISE_FINDING, P.REQUEST_WAIVER},
        Role.EXECUTIVE: _EVERYBODY | {P.VOTE, P.ATTEST, P.DECIDE_WAIVER, P.MOVE_LIFE_CYCLE},
        Role.CONTRIBUTOR: _EVERYBODY | _BUILD | _JUDGE | {P.DECIDE_WAIVER, P.VIEW_JOBS, P.MANAGE_JOBS},
        Role.VIEWER: _EVERYBODY,
        Role.AUDITOR: _EVERYBODY | {P.VIEW_STORAGE, P.VIEW_AUDIT, P.VIEW_JOBS},
        Role.SERVICE: _EVERYBODY
        | {P.REGISTER_MODEL, P.ADD_VERSION, P.SET_ALIAS, P.UPLOAD_FILE, P.DEPLOY, P.POST_METRICS, P.RUN_RECIPE, P.SCORE}
        | {P.LOG_RUNS, P.RUN_TESTS},
    }
)

SCOPES: Mapping[Scope, frozenset[P]] = MappingProxyType(
    {
        Scope.ALL: frozenset(P) - {P.READ_TELEMETRY},
        Scope.READ: _READ | {P.VIEW_STORAGE, P.VIEW_AUDIT, P.VIEW_JOBS},
        Scope.CI: PERMISSIONS[Role.SERVICE] - {P.MANAGE_OWN_ACCOUNT},
        Scope.METRICS: frozenset({P.READ_TELEMETRY}),
    }
)


def allowed(role: Role, scope: Scope | None) -> frozenset[P]:
    """Return what a role allows through a credential of this scope (None: a browser session).

    A token with scope `metrics` reads the platform's own telemetry, whoever made it, and nothing else.
    """
    if scope is Scope.METRICS:
        return SCOPES[scope]
    held = PERMISSIONS[role] - SCOPES[Scope.METRICS]  # telemetry is read by its own tokens alone
    return held if scope in (None, Scope.ALL) else held & SCOPES[scope]


# What giving a role does not ask of the giver: administrators hand out what judges and they do not
# hold themselves, the vote above all, and a token without telemetry may still make an administrator.
_GIVEN_WITHOUT_HOLDING = _NEVER_AN_ADMINISTRATORS | {P.READ_TELEMETRY}


def may_give(held: frozenset[P], role: Role, *, to_oneself: bool) -> bool:
    """Say whether somebody who holds these permissions on an object may give the role on it.

    Nobody gives what they do not hold. What judges is the exception, for others only: an
    administrator appoints those who approve, validate, waive and attest, and can never become one by their own hand.
    """
    asked = PERMISSIONS[role] - (frozenset({P.READ_TELEMETRY}) if to_oneself else _GIVEN_WITHOUT_HOLDING)
    return P.MANAGE_USERS in held and asked <= held


def is_self_appointed(role: Role, mapped_by: str, user_id: str) -> bool:
    """Say whether a mapping would give its own maker a vote: what nobody gives themselves, no group gives them."""
    return mapped_by == user_id and bool(_NEVER_AN_ADMINISTRATORS & PERMISSIONS[role])


@dataclass(frozen=True, slots=True)
class Limit:
    """How many sign-ins may fail within the window."""

    failures: int
    of: str


WINDOW = timedelta(minutes=15)
PER_ACCOUNT = Limit(10, "this account")
PER_ADDRESS = Limit(30, "this address")
OVERALL = Limit(300, "this installation")

PER_PROOF = Limit(60, "this address")  # proofs of programs and providers, counted apart from passwords
LONGEST_EXCHANGE_MINUTES = 60

SIGN_IN_LINK_LASTS = timedelta(hours=24)
SET_UP_LINK_LASTS = timedelta(hours=24)

SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 256


def checked_password(password: str, field: str = "password") -> str:
    """Return the password as it is hashed (NFC). Raises InvalidInput, never with the password in it."""
    kept = unicodedata.normalize("NFC", password)
    if not SHORTEST_PASSWORD <= len(kept) <= LONGEST_PASSWORD:
        raise InvalidInput(
            f"The password has {len(kept)} characters; {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} are taken.",
            remedy="Take a few words that do not belong together; any characters are fine.",
            field=field,
        )
    return kept


_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)*")


def checked_email(email: str, field: str = "email") -> str:
    """Return the address as it is kept: NFC, lower case. Raises InvalidInput."""
    kept = unicodedata.normalize("NFC", email.strip()).lower()
    if len(kept) > 254 or not _EMAIL.fullmatch(kept) or _has_control(kept):
        raise InvalidInput(
            f"{email[:80]!r} is not an e-mail address.",
            remedy="Write it as name@example.org, at most 254 characters.",
            field=field,
            value=email[:80],
        )
    return kept


def checked_label(text: str, field: str = "name") -> str:
    """Return the name of a person, unit or token as it is kept (NFC). Raises InvalidInput."""
    kept = unicodedata.normalize("NFC", text.strip())
    if not 1 <= len(kept) <= 200:
        raise InvalidInput(
            f"The {field} has {len(kept)} characters; 1 to 200 are taken.",
            remedy="Choose another one.",
            field=field,
            value=kept[:80],
        )
    if _has_control(kept):
        raise InvalidInput(
            f"The {field} {kept[:80]!r} holds a line break or another control character.",
            remedy="Leave it out.",
            field=field,
            value=kept[:80],
        )
    return kept


def checked_group(text: str) -> str:
    """Return the name of a company's group as it is kept, exactly as the provider writes it. Raises InvalidInput."""
    kept = text.strip()
    if not 1 <= len(kept) <= 300 or not kept.isprintable():
        raise InvalidInput(
            f"The group {kept[:80]!r} is no name of a group.",
            remedy="Write it as the identity provider does, at most 300 characters; `*` is everybody.",
            field="group",
            value=kept[:80],
        )
    return kept


def _has_control(text: str) -> bool:
    return any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or "\u202a" <= c <= "\u202e" for c in text)


def own_path(wanted: str | None) -> str | None:
    """Return where to go after signing in, if it is a path of this site; anything else is None."""
    if not wanted or len(wanted) > 2000 or any(ord(c) <= 0x20 or ord(c) == 0x7F for c in wanted):
        return None
    for form in (wanted, unquote(wanted), unquote(unquote(wanted))):
        if not form.startswith("/") or form.startswith("//") or "\\" in form or any(ord(c) < 0x20 for c in form):
            return None
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return None
    if parts.scheme or parts.netloc or parts.path in ("/login", "/logout", "/set-up"):
        return None
    return wanted


def network_of(address: str | None) -> str:
    """Return what failed sign-ins are counted by: an IPv4 address, or the /64 that an IPv6 caller owns."""
    try:
        parsed = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return (address or "unknown")[:64]
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))
    return str(parsed)


@cache
def time_zones() -> tuple[str, ...]:
    """Return the names of time zones to choose from: places, and UTC."""
    strange = ("Etc/", "SystemV/", "posix/", "right/", "US/")
    places = {name for name in available_timezones() if "/" in name and not name.startswith(strange)}
    return ("UTC", *sorted(places))


def checked_zone(name: str) -> str:
    """Return the time zone's name. Raises ValueError for one that is not known here."""
    if name not in time_zones():
        raise ValueError("a time zone is named by continent and city, such as Europe/Paris, or UTC")
    return name


ERASED_NAME = "Erased person"


def erased_address(user_id: str) -> str:
    """Return what stands for the e-mail address of somebody erased: unique, and nobody's (RFC 2606)."""
    return f"{user_id}@erased.invalid"
