"""Reads about people, units and rights; `granted` bounds every query of the rooms above."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Row,
    Select,
    and_,
    bindparam,
    desc,
    false,
    func,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.orm import Session, aliased

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, ActorKind, Permission
from modelops_platform.core.cursors import Page, paginate
from modelops_platform.core.errors import InvalidInput, NotFound
from modelops_platform.core.statements import Prepared

from .domain import Role
from .tables import (
    AccessRequest,
    BrowserSession,
    Grant,
    GroupMapping,
    OneTimeLink,
    Preference,
    ProviderIdentity,
    Token,
    TrustRule,
    Unit,
    UnitAncestor,
    User,
    Workspace,
)

# What roles can be granted on; entry points add the tables of rooms above.
GRANTED_KINDS: dict[str, type[Any]] = {"workspace": Workspace, "unit": Unit}
_Mine = aliased(Grant)


def granted(entity: Any, actor: Actor, permission: Permission = Permission.VIEW) -> ColumnElement[bool]:
    """Return the condition that bounds rows of `entity` to those the actor holds the permission on.

    `entity` has `unit_id`, and is a model or an experiment (`object_kind`), or may carry `model_id` or `experiment_id`.
    """
    if actor.kind is ActorKind.SYSTEM or actor.covers_workspace(permission):
        return true()
    roles = {grant.role for grant in actor.grants if permission in grant.permissions}
    if not roles:
        return false()
    conditions = [entity.unit_id.in_(_units_of(actor, roles))]
    kind = getattr(entity, "object_kind", None)  # of the log it is a column, and so neither's
    for reached in ("model", "experiment"):
        is_one = isinstance(kind, str) and kind == reached
        reached_id = entity.id if is_one else getattr(entity, f"{reached}_id", None)
        if reached_id is not None:
            held = select(_Mine.object_id).where(_held_by(actor, roles), _Mine.object_kind == reached)
            conditions.append(reached_id.in_(held))
    return or_(*conditions)


def _held_by(actor: Actor, roles: set[str]) -> ColumnElement[bool]:
    return and_(_Mine.user_id == actor.id, _Mine.role.in_(roles))


def _units_of(actor: Actor, roles: set[str]) -> Select[str]:
    """Return the ids of units where the actor holds one of the roles, with all below them."""
    on_unit = and_(_Mine.object_kind == "unit", _Mine.object_id == UnitAncestor.ancestor_id)
    return select(UnitAncestor.unit_id).join(_Mine, on_unit).where(_held_by(actor, roles))


def digest_of(secret: str) -> str:
    """Return what is kept of a token, cookie or link."""
    return hashlib.sha256(secret.encode()).hexdigest()


# Every request signs in, so these are made once and go to the driver.
_WITH_GRANTS: Select[*tuple[Any, ...]] = (
    select(User.id, User.kind, User.name, User.workspace_id, User.unit_id, User.disabled_at)
    .add_columns(Grant.role, Grant.object_kind, Grant.object_id, UnitAncestor.unit_id.label("reached_id"))
    .outerjoin(Grant, Grant.user_id == User.id)
    .outerjoin(UnitAncestor, and_(Grant.object_kind == "unit", UnitAncestor.ancestor_id == Grant.object_id))
)
_BY_TOKEN = Prepared(
    _WITH_GRANTS.join(Token, Token.user_id == User.id)
    .add_columns(Token.id.label("token_id"), Token.scope, Token.expires_at, Token.revoked_at, Token.last_used_at)
    .where(Token.digest == bindparam("digest"))
)
_BY_SESSION = Prepared(
    _WITH_GRANTS.join(BrowserSession, BrowserSession.user_id == User.id)
    .add_columns(BrowserSession.id.label("session_id"), BrowserSession.last_used_at, BrowserSession.ended_at)
    .add_columns(BrowserSession.ends_at)
    .outerjoin(Preference, Preference.user_id == User.id)
    .add_columns(Preference.theme, Preference.density, Preference.time_zone, Preference.has_shortcuts)
    .add_columns(Preference.set_up_skipped_at)
    .where(BrowserSession.digest == bindparam("digest"))
)


def find_by_token(db: Session, secret: str) -> Sequence[Any]:
    """Return the token's user with all grants, one row each; nothing for an unknown token."""
    return _BY_TOKEN.all(db.connection(), digest=digest_of(secret))


def find_by_session(db: Session, secret: str) -> Sequence[Any]:
    """Return the session's user with all grants, one row each; nothing for an unknown cookie."""
    return _BY_SESSION.all(db.connection(), digest=digest_of(secret))


def list_grants(db: Session, user_id: str) -> Sequence[Row[Any]]:
    """Return a user with all grants, in the shape that `to_actor` takes."""
    return db.execute(_WITH_GRANTS.where(User.id == user_id)).all()


def get_user(db: Session, actor: Actor, user_id: str) -> User:
    """Return a user of the actor's workspace. Raises NotFound."""
    user = db.scalars(select(User).where(User.id == user_id, User.workspace_id == actor.workspace_id)).one_or_none()
    if user is None:
        raise _no_user(user_id)
    return user


def find_user_by_email(db: Session, workspace_id: str, email: str) -> User | None:
    """Return the user with this address, if there is one."""
    return db.scalars(
        select(User).where(User.workspace_id == workspace_id, User.email == email.strip().lower())
    ).one_or_none()


def get_user_by_email(db: Session, actor: Actor, email: str) -> User:
    """Return the user with this address. Raises NotFound."""
    user = find_user_by_email(db, actor.workspace_id, email)
    if user is None:
        raise NotFound(
            f"There is no user with the address {email[:80]!r}.",
            remedy="Look at the list of users.",
            field="email",
            value=email[:80],
        )
    return user


def names_of(db: Session, user_ids: set[str]) -> dict[str, str]:
    """Return display names by user id, for pages that show who did something."""
    if not user_ids:
        return {}
    found = db.execute(select(User.id, User.name).where(User.id.in_(user_ids))).all()
    return {row.id: row.name for row in found}


def list_people(db: Session, actor: Actor, *, q: str | None = None, limit: int = 200) -> Sequence[User]:
    """Return those who may be named as owner, validator or head: people whose account is in use, by name."""
    people = select(User).where(
        User.workspace_id == actor.workspace_id, User.kind == ActorKind.PERSON, User.disabled_at.is_(None)
    )
    if q:
        people = people.where(or_(User.name.icontains(q, autoescape=True), User.email.icontains(q, autoescape=True)))
    return db.scalars(people.order_by(User.name, User.id).limit(limit)).all()


def users_visible_to(actor: Actor) -> Select[User]:
    """Return the accounts whose rights this actor may look into, as a statement to narrow further."""
    return select(User).where(User.workspace_id == actor.workspace_id, granted(User, actor, Permission.VIEW_AUDIT))


def list_users(
    db: Session,
    actor: Actor,
    *,
    q: str | None = None,
    kind: str | None = None,
    state: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[User]:
    """Return a page of accounts by name. State: `enabled`, `disabled`."""
    users = users_visible_to(actor)
    if q:
        users = users.where(or_(User.name.icontains(q, autoescape=True), User.email.icontains(q, autoescape=True)))
    if kind:
        users = users.where(User.kind == kind)
    if state:
        users = users.where(User.disabled_at.is_(None) if state == "enabled" else User.disabled_at.is_not(None))
    return paginate(db, users, User.name, User.id, cursor=cursor, limit=limit)


def count_users(db: Session, actor: Actor) -> dict[tuple[str, bool], int]:
    """Count the visible accounts by kind and whether they are disabled."""
    disabled = User.disabled_at.is_not(None)
    counted = users_visible_to(actor).with_only_columns(User.kind, disabled, func.count()).group_by(User.kind, disabled)
    return {(kind, bool(off)): count for kind, off, count in db.execute(counted)}


def roles_of(db: Session, actor: Actor) -> dict[str, list[str]]:
    """Return the roles, each once, of every account by the grants that the actor may see."""
    roles: dict[str, list[str]] = {}
    seen = grants_visible_to(actor).with_only_columns(Grant.user_id, Grant.role).distinct().order_by(Grant.role)
    for user_id, role in db.execute(seen):
        roles.setdefault(user_id, []).append(role)
    return roles


def last_seen(db: Session, user_id: str) -> datetime | None:
    """Return when the account was last used, by browser or token."""
    by_browser = db.scalar(select(func.max(BrowserSession.last_used_at)).where(BrowserSession.user_id == user_id))
    by_token = db.scalar(select(func.max(Token.last_used_at)).where(Token.user_id == user_id))
    return max((at for at in (by_browser, by_token) if at is not None), default=None)


def get_visible_user(db: Session, actor: Actor, user_id: str) -> User:
    """Return an account that the actor may look into. Raises NotFound."""
    user = db.scalars(users_visible_to(actor).where(User.id == user_id)).one_or_none()
    if user is None:
        raise _no_user(user_id)
    return user


def _no_user(user_id: str) -> NotFound:
    return NotFound(
        f"There is no user {user_id[:80]!r}.", remedy="Look at the list of users.", field="user", value=user_id[:80]
    )


def has_admin(db: Session, workspace_id: str, *, besides: str | None = None) -> bool:
    """Say whether somebody who may sign in administers the whole workspace, maybe not counting one."""
    admins = (
        select(User.id)
        .join(Grant, Grant.user_id == User.id)
        .where(
            Grant.role == Role.ADMIN.value,
            Grant.object_kind == "workspace",
            Grant.object_id == workspace_id,
            User.disabled_at.is_(None),
        )
    )
    return db.scalar((admins.where(User.id != besides) if besides else admins).limit(1)) is not None


def has_admin_grant(db: Session, workspace_id: str, *, besides: set[str]) -> bool:
    """Say whether the workspace has an administrator who may sign in by another grant than these."""
    admins = select(Grant.id).join(User, User.id == Grant.user_id).where(User.disabled_at.is_(None))
    of_workspace = (Grant.role == Role.ADMIN.value, Grant.object_kind == "workspace", Grant.object_id == workspace_id)
    return db.scalar(admins.where(*of_workspace, Grant.id.not_in(besides)).limit(1)) is not None


def list_units(db: Session, actor: Actor) -> Sequence[Unit]:
    """Return all units of the workspace by name; the tree itself is no secret inside a workspace."""
    return db.scalars(select(Unit).where(Unit.workspace_id == actor.workspace_id).order_by(Unit.name)).all()


_UNIT = select(Unit).where(Unit.id == bindparam("wanted"), Unit.workspace_id == bindparam("workspace"))


def get_unit(db: Session, actor: Actor, unit_id: str) -> Unit:
    """Return a unit. Raises NotFound."""
    unit = db.scalars(_UNIT, {"wanted": unit_id, "workspace": actor.workspace_id}).one_or_none()
    if unit is None:
        raise NotFound(
            f"There is no unit {unit_id[:80]!r}.", remedy="Look at the list of units.", field="unit", value=unit_id[:80]
        )
    return unit


def find_unit_by_name(db: Session, workspace_id: str, name: str) -> Unit | None:
    """Return the unit with this name, if there is one."""
    return db.scalars(select(Unit).where(Unit.workspace_id == workspace_id, Unit.name == name)).one_or_none()


def find_root_unit(db: Session, workspace_id: str) -> Unit | None:
    """Return the oldest unit without a parent: home of those who have no other."""
    top = select(Unit).where(Unit.workspace_id == workspace_id, Unit.parent_id.is_(None))
    return db.scalars(top.order_by(Unit.created_at, Unit.id).limit(1)).first()


def count_members(db: Session, actor: Actor) -> dict[str, int]:
    """Count the people in use by home unit."""
    members = (
        select(User.unit_id, func.count())
        .where(User.workspace_id == actor.workspace_id, User.disabled_at.is_(None), User.unit_id.is_not(None))
        .group_by(User.unit_id)
    )
    return {unit_id: count for unit_id, count in db.execute(members) if unit_id is not None}


def find_granted_object(db: Session, workspace_id: str, kind: str, object_id: str) -> Any:
    """Return the object of a grant, or None when it is gone or of a kind nobody registered."""
    table = GRANTED_KINDS.get(kind)
    found = db.get(table, object_id) if table is not None else None
    return found if found is not None and getattr(found, "workspace_id", found.id) == workspace_id else None


def get_granted_object(db: Session, actor: Actor, kind: str, object_id: str) -> Any:
    """Return what a role shall be granted on. Raises InvalidInput (kind), NotFound, also when it is invisible."""
    table = GRANTED_KINDS.get(kind)
    if table is None:
        raise InvalidInput(
            f"Roles cannot be granted on a {kind[:40]!r}.",
            remedy=f"Name one of {', '.join(GRANTED_KINDS)}.",
            field="object_kind",
            value=kind[:40],
        )
    found = find_granted_object(db, actor.workspace_id, kind, object_id)
    is_open = kind in ("workspace", "unit")  # no secret inside a workspace
    if found is None or not (is_open or actor.may(Permission.VIEW, found)):
        raise NotFound(
            f"There is no {kind} {object_id[:80]!r}.", remedy="Check its id.", field="object_id", value=object_id[:80]
        )
    return found


def grants_visible_to(actor: Actor) -> Select[Grant]:
    """Return the grants of the actor, and those on objects whose rights the actor may look into."""
    here = select(Grant).where(Grant.workspace_id == actor.workspace_id)
    if actor.kind is ActorKind.SYSTEM or actor.covers_workspace(Permission.VIEW_AUDIT):
        return here
    conditions = [Grant.user_id == actor.id]
    roles = {grant.role for grant in actor.grants if Permission.VIEW_AUDIT in grant.permissions}
    if roles:
        conditions.append(and_(Grant.object_kind == "unit", Grant.object_id.in_(_units_of(actor, roles))))
        for kind, table in GRANTED_KINDS.items():
            if kind not in ("workspace", "unit"):
                seen = select(table.id).where(granted(table, actor, Permission.VIEW_AUDIT))
                conditions.append(and_(Grant.object_kind == kind, Grant.object_id.in_(seen)))
    return here.where(or_(*conditions))


def page_grants(
    db: Session,
    actor: Actor,
    *,
    user_id: str | None = None,
    object_kind: str | None = None,
    object_id: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Grant]:
    """Return a page of the visible grants of a user or on an object, the oldest first."""
    grants = grants_visible_to(actor)
    if user_id:
        grants = grants.where(Grant.user_id == user_id)
    if object_kind:
        grants = grants.where(Grant.object_kind == object_kind)
    if object_id:
        grants = grants.where(Grant.object_id == object_id)
    return paginate(db, grants, Grant.id, cursor=cursor, limit=limit)


def list_grants_of(db: Session, user_id: str) -> Sequence[Grant]:
    """Return every grant of a user."""
    return db.scalars(select(Grant).where(Grant.user_id == user_id).order_by(Grant.id)).all()


def get_grant(db: Session, actor: Actor, grant_id: str) -> Grant:
    """Return a grant that the actor may see. Raises NotFound."""
    grant = db.scalars(grants_visible_to(actor).where(Grant.id == grant_id)).one_or_none()
    if grant is None:
        raise NotFound(
            f"There is no grant {grant_id[:80]!r}.",
            remedy="Look at the list of grants.",
            field="grant",
            value=grant_id[:80],
        )
    return grant


def names_of_objects(db: Session, grants: Iterable[Grant]) -> dict[tuple[str, str], str]:
    """Return the names of what the grants are on, one query a kind."""
    wanted: dict[str, set[str]] = {}
    for grant in grants:
        wanted.setdefault(grant.object_kind, set()).add(grant.object_id)
    names: dict[tuple[str, str], str] = {}
    for kind, ids in wanted.items():
        table = GRANTED_KINDS.get(kind)
        if kind == "workspace":
            names.update({(kind, object_id): "the workspace" for object_id in ids})
        elif table is not None:
            found = db.execute(select(table.id, table.name).where(table.id.in_(ids)))
            names.update({(kind, object_id): name for object_id, name in found})
    return names


def list_tokens(db: Session, actor: Actor, user_id: str) -> Sequence[Token]:
    """Return the tokens of a user, oneself or one whose rights one may look into, the newest first. Raises NotFound."""
    if user_id != actor.id:
        get_visible_user(db, actor, user_id)
    return db.scalars(select(Token).where(Token.user_id == user_id).order_by(Token.id.desc())).all()


def get_token(db: Session, actor: Actor, token_id: str) -> Token:
    """Return a token of oneself or of somebody whose rights one may look into. Raises NotFound."""
    seen = or_(Token.user_id == actor.id, granted(User, actor, Permission.VIEW_AUDIT))
    found = select(Token).join(User, User.id == Token.user_id).where(Token.workspace_id == actor.workspace_id, seen)
    token = db.scalars(found.where(Token.id == token_id)).one_or_none()
    if token is None:
        raise NotFound(
            f"There is no token {token_id[:80]!r}.",
            remedy="Look at the list of tokens.",
            field="token",
            value=token_id[:80],
        )
    return token


def find_link(db: Session, secret: str, purpose: str) -> OneTimeLink | None:
    """Return the link with this secret if it can still be used; looking does not use it."""
    return db.scalars(
        select(OneTimeLink).where(
            OneTimeLink.digest == digest_of(secret),
            OneTimeLink.purpose == purpose,
            OneTimeLink.used_at.is_(None),
            OneTimeLink.expires_at > clock.now(),
        )
    ).one_or_none()


def take_link(db: Session, link: OneTimeLink) -> bool:
    """Use the link up, and say whether nobody else was quicker."""
    unused = update(OneTimeLink).where(OneTimeLink.id == link.id, OneTimeLink.used_at.is_(None))
    return cast("CursorResult[Any]", db.execute(unused.values(used_at=clock.now()))).rowcount == 1


def is_alive(at: datetime, *, ends: datetime | None, revoked: datetime | None) -> bool:
    """Say whether a credential may be used at this time."""
    return revoked is None and (ends is None or at < ends)


def find_preferences(db: Session, user_id: str) -> Preference | None:
    """Return what a person chose about their pages, if they ever did."""
    return db.get(Preference, user_id)


def access_requests_to_answer(actor: Actor) -> Select[AccessRequest]:
    """Return the requests that this actor may answer, to narrow further: those of people at home where they manage."""
    return select(AccessRequest).where(
        AccessRequest.workspace_id == actor.workspace_id, granted(AccessRequest, actor, Permission.MANAGE_USERS)
    )


def page_access_requests(
    db: Session, actor: Actor, *, is_open: bool, cursor: str | None = None, limit: int = 50
) -> Page[AccessRequest]:
    """Return a page of the requests that the actor may answer, the newest first."""
    state = AccessRequest.state == "open" if is_open else AccessRequest.state != "open"
    statement = access_requests_to_answer(actor).where(state)
    return paginate(db, statement, desc(AccessRequest.id), cursor=cursor, limit=limit)


def count_access_requests(db: Session, actor: Actor) -> int:
    """Count the requests that wait for an answer of this actor's."""
    waiting = access_requests_to_answer(actor).where(AccessRequest.state == "open")
    return db.scalar(waiting.with_only_columns(func.count(), maintain_column_froms=True)) or 0


def list_own_access_requests(db: Session, actor: Actor, *, limit: int = 20) -> Sequence[AccessRequest]:
    """Return what the actor asked for, the newest first."""
    mine = select(AccessRequest).where(AccessRequest.user_id == actor.id)
    return db.scalars(mine.order_by(desc(AccessRequest.id)).limit(limit)).all()


def get_access_request(db: Session, actor: Actor, request_id: str, *, lock: bool = False) -> AccessRequest:
    """Return a request that the actor may answer; locked, others who answer it wait. Raises NotFound."""
    statement = access_requests_to_answer(actor).where(AccessRequest.id == request_id)
    request = db.scalars(statement.with_for_update() if lock else statement).one_or_none()
    if request is None:
        raise NotFound(
            f"There is no access request {request_id[:80]!r}.",
            remedy="Look at the list of access requests.",
            field="request",
            value=request_id[:80],
        )
    return request


def list_managers(db: Session, workspace_id: str, unit_id: str | None) -> Sequence[str]:
    """Return the ids of people in use who administer the workspace, or the unit or one above it."""
    reach = [and_(Grant.object_kind == "workspace", Grant.object_id == workspace_id)]
    if unit_id is not None:
        above = select(UnitAncestor.ancestor_id).where(UnitAncestor.unit_id == unit_id)
        reach.append(and_(Grant.object_kind == "unit", Grant.object_id.in_(above)))
    return db.scalars(
        select(User.id)
        .join(Grant, Grant.user_id == User.id)
        .where(User.kind == ActorKind.PERSON, User.disabled_at.is_(None), Grant.role == Role.ADMIN.value, or_(*reach))
        .distinct()
    ).all()


def mappings_visible_to(actor: Actor) -> Select[GroupMapping]:
    """Return the mappings of groups to roles where the actor may look into rights."""
    here = select(GroupMapping).where(GroupMapping.workspace_id == actor.workspace_id)
    if actor.kind is ActorKind.SYSTEM or actor.covers_workspace(Permission.VIEW_AUDIT):
        return here
    roles = {grant.role for grant in actor.grants if Permission.VIEW_AUDIT in grant.permissions}
    return here.where(GroupMapping.on_kind == "unit", GroupMapping.on_id.in_(_units_of(actor, roles)))


def page_group_mappings(
    db: Session, actor: Actor, *, q: str | None = None, cursor: str | None = None, limit: int = 50
) -> Page[GroupMapping]:
    """Return a page of the visible mappings by group."""
    mappings = mappings_visible_to(actor)
    if q:
        mappings = mappings.where(GroupMapping.group_name.icontains(q, autoescape=True))
    return paginate(db, mappings, GroupMapping.group_name, GroupMapping.id, cursor=cursor, limit=limit)


def get_group_mapping(db: Session, actor: Actor, mapping_id: str) -> GroupMapping:
    """Return a mapping that the actor may see. Raises NotFound."""
    mapping = db.scalars(mappings_visible_to(actor).where(GroupMapping.id == mapping_id)).one_or_none()
    if mapping is None:
        raise NotFound(
            f"There is no group mapping {mapping_id[:80]!r}.",
            remedy="Look at the list of group mappings.",
            field="mapping",
            value=mapping_id[:80],
        )
    return mapping


def list_mappings_of(db: Session, workspace_id: str, groups: set[str]) -> Sequence[GroupMapping]:
    """Return what somebody in these groups gets, in one statement."""
    named = (GroupMapping.workspace_id == workspace_id, GroupMapping.group_name.in_(groups))
    return db.scalars(select(GroupMapping).where(*named).order_by(GroupMapping.id)).all()


def find_home_of(db: Session, workspace_id: str, groups: set[str]) -> str | None:
    """Return the unit that the oldest mapping of these groups makes somebody's home, if one does."""
    homes = select(GroupMapping.on_id).where(
        GroupMapping.workspace_id == workspace_id,
        GroupMapping.group_name.in_(groups),
        GroupMapping.is_home.is_(True),
        GroupMapping.on_kind == "unit",
    )
    return db.scalars(homes.order_by(GroupMapping.id).limit(1)).first()


def rules_visible_to(actor: Actor) -> Select[TrustRule]:
    """Return the trust rules of service accounts that the actor may look into."""
    accounts = select(User.id).where(granted(User, actor, Permission.VIEW_AUDIT))
    return select(TrustRule).where(TrustRule.workspace_id == actor.workspace_id, TrustRule.user_id.in_(accounts))


def page_trust_rules(db: Session, actor: Actor, *, cursor: str | None = None, limit: int = 50) -> Page[TrustRule]:
    """Return a page of the visible trust rules by name."""
    return paginate(db, rules_visible_to(actor), TrustRule.name, TrustRule.id, cursor=cursor, limit=limit)


def get_trust_rule(db: Session, actor: Actor, rule_id: str) -> TrustRule:
    """Return a trust rule that the actor may see. Raises NotFound."""
    rule = db.scalars(rules_visible_to(actor).where(TrustRule.id == rule_id)).one_or_none()
    if rule is None:
        raise NotFound(
            f"There is no trust rule {rule_id[:80]!r}.",
            remedy="Look at the list of trust rules.",
            field="rule",
            value=rule_id[:80],
        )
    return rule


def list_rules_of(db: Session, issuer: str) -> Sequence[TrustRule]:
    """Return the trust rules for an issuer, the oldest first."""
    return db.scalars(select(TrustRule).where(TrustRule.issuer == issuer).order_by(TrustRule.id)).all()


def list_identities(db: Session, actor: Actor, user_id: str) -> Sequence[ProviderIdentity]:
    """Return who a person is to identity providers. Raises NotFound when one may not look into the account."""
    if user_id != actor.id:
        get_visible_user(db, actor, user_id)
    return db.scalars(select(ProviderIdentity).where(ProviderIdentity.user_id == user_id)).all()


def get_identity(db: Session, actor: Actor, identity_id: str) -> ProviderIdentity:
    """Return one of them by its id. Raises NotFound."""
    seen = select(ProviderIdentity).join(User, User.id == ProviderIdentity.user_id)
    seen = seen.where(User.workspace_id == actor.workspace_id, granted(User, actor, Permission.VIEW_AUDIT))
    identity = db.scalars(seen.where(ProviderIdentity.id == identity_id)).one_or_none()
    if identity is None:
        raise NotFound(
            f"There is no identity {identity_id[:80]!r}.",
            remedy="Look at the account.",
            field="identity",
            value=identity_id[:80],
        )
    return identity
