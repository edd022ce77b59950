"""Who acts, and what they may do: value objects that every room understands."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from .errors import NotAllowed
from .preferences import AS_WE_COME, Preferences


class Permission(StrEnum):
    """Everything that somebody may be allowed to do."""

    VIEW = "view"
    REGISTER_MODEL = "register_model"
    EDIT_MODEL = "edit_model"
    ARCHIVE_MODEL = "archive_model"
    ADD_VERSION = "add_version"
    SET_ALIAS = "set_alias"
    MANAGE_DATA_SETS = "manage_data_sets"
    MANAGE_USE_CASES = "manage_use_cases"
    MANAGE_FIELDS = "manage_fields"
    UPLOAD_FILE = "upload_file"
    DOWNLOAD_FILE = "download_file"
    OPEN_QUARANTINED = "open_quarantined"
    VIEW_STORAGE = "view_storage"
    MANAGE_STORAGE = "manage_storage"
    PLACE_HOLD = "place_hold"
    SCORE = "score"
    ASSESS_RISK = "assess_risk"
    MOVE_LIFE_CYCLE = "move_life_cycle"
    REQUEST_APPROVAL = "request_approval"
    VOTE = "vote"
    VALIDATE = "validate"
    NAME_VALIDATOR = "name_validator"
    RUN_TESTS = "run_tests"
    RAISE_FINDING = "raise_finding"
    WORK_ON_FINDING = "work_on_finding"
    REQUEST_WAIVER = "request_waiver"
    DECIDE_WAIVER = "decide_waiver"
    ATTEST = "attest"
    ADD_EVIDENCE = "add_evidence"
    MANAGE_POLICIES = "manage_policies"
    SET_ENFORCEMENT = "set_enforcement"
    MANAGE_ENVIRONMENTS = "manage_environments"
    DEPLOY = "deploy"
    POST_METRICS = "post_metrics"
    MANAGE_MONITORS = "manage_monitors"
    MANAGE_RECIPES = "manage_recipes"
    RUN_RECIPE = "run_recipe"
    LOG_RUNS = "log_runs"
    MANAGE_EXPERIMENTS = "manage_experiments"
    MANAGE_WEBHOOKS = "manage_webhooks"
    VIEW_AUDIT = "view_audit"
    VIEW_JOBS = "view_jobs"
    MANAGE_JOBS = "manage_jobs"
    MANAGE_SCHEDULES = "manage_schedules"
    MANAGE_USERS = "manage_users"
    MANAGE_OWN_ACCOUNT = "manage_own_account"
    READ_TELEMETRY = "read_telemetry"


class ActorKind(StrEnum):
    """What sort of caller this is; only a person counts as a person."""

    PERSON = "person"
    SERVICE = "service"
    SYSTEM = "system"


class Governed(Protocol):
    """A thing that rights are granted on: it belongs to a unit, maybe to a model or an experiment."""

    @property
    def unit_id(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Grant:
    """A role held on a workspace, unit, model or experiment, with what it allows here."""

    role: str
    object_kind: str
    object_id: str
    permissions: frozenset[Permission]
    unit_ids: frozenset[str] = frozenset()  # of a unit grant: the unit and all below it

    def covers(self, thing: Governed | None) -> bool:
        """Say whether this grant reaches the thing; nothing in particular is the workspace."""
        if self.object_kind == "workspace":
            return True
        if thing is None:
            return False
        if self.object_kind == "unit":
            return thing.unit_id in self.unit_ids
        return self.object_id == _id_of(self.object_kind, thing)


def _id_of(kind: str, thing: Governed) -> str | None:
    """Return the id of the thing, or of the model or experiment that it belongs to."""
    if getattr(thing, "object_kind", None) == kind:
        return getattr(thing, "id", None)
    return getattr(thing, f"{kind}_id", None)


@dataclass(frozen=True, slots=True)
class Actor:
    """The caller of a request, or the system itself."""

    id: str
    kind: ActorKind
    name: str
    workspace_id: str
    unit_id: str | None = None  # the home unit
    grants: tuple[Grant, ...] = ()
    token_id: str | None = None
    address: str | None = None
    request_id: str | None = None
    preferences: Preferences = AS_WE_COME  # how pages are shown to them; read with a browser's session only

    def may(self, permission: Permission, thing: Governed | None = None) -> bool:
        """Say whether the actor holds the permission on the thing (or on the workspace)."""
        if self.kind is ActorKind.SYSTEM:
            return True
        return any(permission in grant.permissions and grant.covers(thing) for grant in self.grants)

    def may_somewhere(self, permission: Permission) -> bool:
        """Say whether the actor holds the permission on anything at all."""
        return self.kind is ActorKind.SYSTEM or any(permission in grant.permissions for grant in self.grants)

    def must(self, permission: Permission, thing: Governed | None = None) -> None:
        """Raise NotAllowed unless the actor holds the permission on the thing."""
        if not self.may(permission, thing):
            raise NotAllowed(
                f"{self.name} may not {permission.replace('_', ' ')} here.",
                remedy="Ask an administrator for a role that allows it.",
                permission=permission.value,
            )

    def roles_on(self, thing: Governed | None) -> frozenset[str]:
        """Return the roles that the actor holds on the thing."""
        return frozenset(grant.role for grant in self.grants if grant.covers(thing))

    def covers_workspace(self, permission: Permission) -> bool:
        """Say whether the permission holds everywhere, so that no row needs a check."""
        return self.may(permission)


SYSTEM_ID = "system"


def system_actor(workspace_id: str, name: str = "the platform") -> Actor:
    """Return the platform itself as an actor: for jobs, start-up and the command line."""
    return Actor(id=SYSTEM_ID, kind=ActorKind.SYSTEM, name=name, workspace_id=workspace_id)
