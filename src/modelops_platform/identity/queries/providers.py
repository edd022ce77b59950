"""Reads about the company's identity providers: groups, trusted issuers, and who a person is there."""

from collections.abc import Sequence

from sqlalchemy import (
    Select,
    select,
)
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor, ActorKind, Permission
from modelops_platform.core.cursors import Page, paginate
from modelops_platform.core.errors import NotFound

from ..tables import (
    GroupMapping,
    ProviderIdentity,
    TrustRule,
    User,
)
from .grants import granted, units_with
from .users import get_visible_user


def mappings_visible_to(actor: Actor) -> Select[GroupMapping]:
    """Return the mappings of groups to roles where the actor may look into rights."""
    here = select(GroupMapping).where(GroupMapping.workspace_id == actor.workspace_id)
    if actor.kind is ActorKind.SYSTEM or actor.covers_workspace(Permission.VIEW_AUDIT):
        return here
    roles = {grant.role for grant in actor.grants if Permission.VIEW_AUDIT in grant.permissions}
    return here.where(GroupMapping.on_kind == "unit", GroupMapping.on_id.in_(units_with(actor, roles)))


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
