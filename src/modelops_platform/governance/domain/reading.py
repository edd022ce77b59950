"""Reading policies from documents. Strict: what a document does not say in full is refused."""

from .checks.registry import asks_approval, parts_of, read_check
from .citable import check_cited
from .conditions import Condition, read_condition
from .documents import Fields, as_integer, invalid, read_document, unique
from .facts import ACTIVATE, MODEL_KINDS, Action, EnvironmentClass, Kind
from .policies import ALWAYS_GUARDED, Approvals, Policy, Requirement, Scope, Unknown, Weight
from .questionnaire import Tier

MOST_REQUIREMENTS = 200


def read_policy_text(text: str) -> Policy:
    """Read a policy from YAML. Raises InvalidInput that names the line and the key."""
    return read_document(text, read_policy)


def read_policy(data: object) -> Policy:
    """Read a policy from a document. Raises InvalidInput."""
    fields = Fields(data, "")
    scope = Fields(fields.value("applies_to"), "applies_to")
    policy = Policy(
        id=fields.id(),
        version=fields.integer("version", 1, 1_000_000),
        title=fields.text("title"),
        scope=_read_scope(scope),
        requirements=fields.mappings("requirements", _read_requirement),
        note=fields.text_or_none("note"),
        source=fields.text_or_none("source"),
        checked=fields.text_or_none("checked"),
    )
    scope.done()
    fields.done()
    if len(policy.requirements) > MOST_REQUIREMENTS:
        raise invalid("requirements", len(policy.requirements), "are too many", f"Use at most {MOST_REQUIREMENTS}.")
    unique((requirement.id for requirement in policy.requirements), "requirements")
    _must_ask_others(policy)
    return policy


def _must_ask_others(policy: Policy) -> None:
    """Refuse a policy that would open what is always guarded to somebody alone; who publishes it could be that one."""
    scope = policy.scope
    opened = scope.actions & ALWAYS_GUARDED if scope.kinds is None or scope.kinds & MODEL_KINDS else frozenset()
    if scope.environments == frozenset({EnvironmentClass.OPEN}):
        opened -= {ACTIVATE}
    asked = any(
        asks_approval(requirement.check)
        and requirement.weight is Weight.REQUIRED
        and requirement.when is None
        and requirement.unknown is Unknown.DENY
        and not requirement.is_waivable
        for requirement in policy.requirements
    )
    if opened and not asked:
        named = ", ".join(sorted(map(str, opened)))
        remedy = "Add a required check `approvals` that always applies and is never waived."
        raise invalid("requirements", named, "ask nobody else's approval for", remedy)


def _read_scope(fields: Fields) -> Scope:
    tiers = fields.list("tiers", _read_tier) if fields.has("tiers") else None
    return Scope(
        actions=frozenset(fields.list("actions", Action.read)),
        tiers=None if tiers is None else frozenset(tiers),
        kinds=fields.choices("kinds", Kind),
        environments=fields.choices("environments", EnvironmentClass),
    )


def _read_tier(value: object, place: str) -> Tier:
    return Tier(as_integer(value, place, 1, 4))


def _read_requirement(fields: Fields) -> Requirement:
    id, title, check = fields.id(), fields.text("title"), read_check(fields)
    has_approvals = any(isinstance(part, Approvals) for part in parts_of(check))
    return Requirement(
        id=id,
        title=title,
        check=check,
        weight=fields.choice("weight", Weight, Weight.REQUIRED),
        unknown=fields.choice("unknown", Unknown, Unknown.DENY),
        remedy=fields.text("remedy"),
        when=_read_when(fields),
        is_waivable=fields.flag("waivable", default=not has_approvals),
    )


def _read_when(fields: Fields) -> Condition | None:
    if not fields.has("when"):
        return None
    place = fields.place("when")
    condition = read_condition(fields.value("when"), place)
    check_cited(condition, place)
    return condition
