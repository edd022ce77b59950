"""Roles, scopes, and the one table that says which role allows what."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from modelops_platform.core.actor import Permission as P


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


class Scope(StrEnum):
    """What a token may be used for, at most; without one it may do all that its user may."""

    ALL = "all"
    READ = "read"
    CI = "ci"
    METRICS = "metrics"


_READ = frozenset({P.VIEW, P.DOWNLOAD_FILE})
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
    }
)

PERMISSIONS: Mapping[Role, frozenset[P]] = MappingProxyType(
    {
        Role.ADMIN: frozenset(P) - {P.VOTE},  # an administrator as such never approves
        Role.RISK: _READ
        | {
            P.ASSESS_RISK,
            P.REQUEST_APPROVAL,
            P.VOTE,
            P.MANAGE_POLICIES,
            P.MANAGE_MONITORS,
            P.SCORE,
            P.VIEW_AUDIT,
            P.VIEW_JOBS,
        },
        Role.COMPLIANCE: _READ | {P.ASSESS_RISK, P.VOTE, P.VIEW_AUDIT},
        Role.VALIDATOR: _READ | {P.ASSESS_RISK, P.VOTE, P.SCORE},
        Role.EXECUTIVE: _READ | {P.VOTE},
        Role.CONTRIBUTOR: _READ | _BUILD | {P.ASSESS_RISK, P.VOTE, P.VIEW_JOBS},
        Role.VIEWER: _READ,
        Role.AUDITOR: _READ | {P.VIEW_AUDIT, P.VIEW_JOBS},
        Role.SERVICE: _READ
        | {P.REGISTER_MODEL, P.ADD_VERSION, P.SET_ALIAS, P.UPLOAD_FILE, P.DEPLOY, P.POST_METRICS, P.RUN_RECIPE},
    }
)

SCOPES: Mapping[Scope, frozenset[P]] = MappingProxyType(
    {
        Scope.ALL: frozenset(P) - {P.READ_TELEMETRY},
        Scope.READ: _READ | {P.VIEW_AUDIT, P.VIEW_JOBS},
        Scope.CI: PERMISSIONS[Role.SERVICE],
        Scope.METRICS: frozenset({P.READ_TELEMETRY}),
    }
)


def allowed(role: Role, scope: Scope | None) -> frozenset[P]:
    """Return what a role allows through a credential of this scope (None: a browser session).

    A token with scope `metrics` reads the platform's own telemetry, whoever made it, and nothing else.
    """
    if scope is Scope.METRICS:
        return SCOPES[scope]
    held = PERMISSIONS[role]
    return held if scope in (None, Scope.ALL) else held & SCOPES[scope]
