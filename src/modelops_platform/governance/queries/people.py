"""Who could approve: the people with roles on a model, and the heads of the units above it."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, false, literal, null, or_, select, union_all
from sqlalchemy.orm import Session

from modelops_platform.core.actor import ActorKind, Permission
from modelops_platform.identity.domain import PERMISSIONS, Role
from modelops_platform.identity.tables import Grant, Unit, User
from modelops_platform.registry.tables import Model

_UNIT = "unit"
VOTING = frozenset(role.value for role in Role if Permission.VOTE in PERMISSIONS[role])


@dataclass(frozen=True, slots=True)
class Account:
    """What governance needs to know about somebody."""

    id: str
    is_person: bool
    is_enabled: bool
    unit_id: str | None
    held: Collection[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class People:
    """Accounts by id, and the tree of units."""

    accounts: Mapping[str, Account]
    parents: Mapping[str, str | None]
    heads: Mapping[str, str | None]

    def above(self, unit_id: str) -> Iterator[str]:
        """Walk from a unit up to the root."""
        return _walk(self.parents, unit_id)

    def person(self, user_id: str | None) -> Account | None:
        """Return the account when it is a person's; service accounts and strangers are nobody."""
        account = self.accounts.get(user_id or "")
        return account if account is not None and account.is_person else None

    def head_above(self, unit_id: str, *, without: str | None) -> str | None:
        """Return the nearest head up the tree who can act and is not the one named."""
        for unit in self.above(unit_id):
            head = self.person(self.heads.get(unit))
            if head is not None and head.is_enabled and head.id != without:
                return head.id
        return None

    def holders(self, model: Model) -> Iterator[tuple[Account, frozenset[str]]]:
        """Walk the enabled people with a role on the model that votes, and all their roles on it."""
        return self.with_role(model, VOTING)

    def with_role(self, model: Model, wanted: Set[str]) -> Iterator[tuple[Account, frozenset[str]]]:
        """Walk the enabled people with one of the roles on the model, and all their roles on it."""
        reach = {("workspace", model.workspace_id), ("model", model.id)}
        reach |= {("unit", unit) for unit in self.above(model.unit_id)}
        for account in self.accounts.values():
            roles = frozenset(role for role, *thing in account.held if tuple(thing) in reach)
            if account.is_person and account.is_enabled and roles & wanted:
                yield account, roles


def find_people(
    db: Session,
    workspace_id: str,
    models: Sequence[Model],
    named: Collection[str],
    *,
    with_holders: bool,
    units: Collection[str] = (),
) -> People:
    """Look up, in one statement, the units and everybody who is named, heads a unit above, or holds a role on a model.

    Args:
        with_holders: Whether those who hold a role are wanted at all.
        units: Where the models were before, as far as that is elsewhere.
    """
    roots = {*units, *(model.unit_id for model in models)}
    above = select(Unit.id, Unit.parent_id, Unit.head_id).where(Unit.id.in_(roots)).cte("above", recursive=True)
    above = above.union(select(Unit.id, Unit.parent_id, Unit.head_id).join(above, Unit.id == above.c.parent_id))
    reaches = _reaches(workspace_id, models, select(above.c.id)) if with_holders else false()
    wanted = or_(User.id.in_(named), User.id.in_(select(above.c.head_id)), Grant.id.is_not(None))
    people = (
        select(
            User.id.label("id"),
            User.kind.label("kind"),
            User.disabled_at.label("disabled_at"),
            User.unit_id.label("unit_id"),
            Grant.role.label("role"),
            Grant.object_kind.label("object_kind"),
            Grant.object_id.label("object_id"),
        )
        .outerjoin(Grant, and_(Grant.user_id == User.id, reaches))
        .where(User.workspace_id == workspace_id, wanted)
    )
    nothing = null().cast(User.disabled_at.type)
    tree = select(Unit.id, literal(_UNIT), nothing, Unit.parent_id, Unit.head_id, literal(""), literal("")).where(
        Unit.workspace_id == workspace_id
    )
    accounts: dict[str, Account] = {}
    held: dict[str, set[tuple[str, str, str]]] = defaultdict(set)
    parents: dict[str, str | None] = {}
    heads: dict[str, str | None] = {}
    for id, kind, disabled_at, unit_id, role, object_kind, object_id in db.execute(union_all(people, tree)):
        if kind == _UNIT:
            parents[id], heads[id] = unit_id, role
            continue
        if role is not None:
            held[id].add((role, object_kind, object_id))
        accounts[id] = Account(id, kind == ActorKind.PERSON, disabled_at is None, unit_id, held[id])
    return People(accounts, parents, heads)


def _reaches(workspace_id: str, models: Sequence[Model], units: Select[str]) -> ColumnElement[bool]:
    """Return the condition that a grant reaches one of the models."""
    return or_(
        and_(Grant.object_kind == "workspace", Grant.object_id == workspace_id),
        and_(Grant.object_kind == "unit", Grant.object_id.in_(units)),
        and_(Grant.object_kind == "model", Grant.object_id.in_([model.id for model in models])),
    )


def _walk(parents: Mapping[str, str | None], unit_id: str) -> Iterator[str]:
    seen: set[str] = set()
    unit: str | None = unit_id
    while unit is not None and unit not in seen:
        seen.add(unit)
        yield unit
        unit = parents.get(unit)
