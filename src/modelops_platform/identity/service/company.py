"""Signing in people whom the company's identity provider vouches for."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, ActorKind, Permission, system_actor
from modelops_platform.core.db import DEFAULT_WORKSPACE
from modelops_platform.core.errors import NotSignedIn
from modelops_platform.events import service as events

from .. import queries
from ..claims import EVERYBODY, Person
from ..tables import ProviderIdentity, User
from .groups import PROVIDER, apply_groups
from .rights import lock_workspace, must_outrank
from .sessions import SignedIn, open_session
from .users import create_user


def sign_in_person(db: Session, person: Person, *, may_link: bool, ends_at: datetime, address: str | None) -> SignedIn:
    """Open a session for whom the provider vouches, made or linked at the first time. Raises NotSignedIn.

    Somebody is known by issuer and subject alone; an address counts once, for linking, and only when the
    provider calls it verified and the operator allows it.
    """
    identity = _find(db, person)
    if identity is None:
        lock_workspace(db, DEFAULT_WORKSPACE)  # two first sign-ins at once make one account
        identity = _find(db, person) or _first_time(db, person, may_link=may_link)
    user = db.get_one(User, identity.user_id)
    if user.disabled_at is not None or user.kind != ActorKind.PERSON:
        raise refused("your account here is disabled", person.email)
    identity.last_used_at = clock.now()
    apply_groups(db, user, person.groups)
    return open_session(db, user, by="company", address=address, ends_at=ends_at)


def _find(db: Session, person: Person) -> ProviderIdentity | None:
    who = (ProviderIdentity.issuer == person.issuer, ProviderIdentity.subject == person.subject)
    here = select(ProviderIdentity).where(ProviderIdentity.workspace_id == DEFAULT_WORKSPACE)
    return db.scalars(here.where(*who)).one_or_none()


def _first_time(db: Session, person: Person, *, may_link: bool) -> ProviderIdentity:
    provider = system_actor(DEFAULT_WORKSPACE, PROVIDER)
    user = queries.find_user_by_email(db, DEFAULT_WORKSPACE, person.email)
    is_new = user is None
    if user is None:
        home = queries.find_home_of(db, DEFAULT_WORKSPACE, {*person.groups, EVERYBODY})
        user = create_user(db, provider, email=person.email, name=person.name, unit_id=home)
    else:
        _must_be_theirs(db, user, person, may_link=may_link)
    identity = ProviderIdentity(
        workspace_id=DEFAULT_WORKSPACE, user_id=user.id, issuer=person.issuer, subject=person.subject
    )
    db.add(identity)
    personal = {"subject": person.subject}
    events.record(db, provider, "identity.linked", user, issuer=person.issuer, is_new=is_new, personal=personal)
    return identity


def _must_be_theirs(db: Session, user: User, person: Person, *, may_link: bool) -> None:
    """Refuse to take over an account unless the address proves it; one that has its identity keeps it."""
    taken = select(ProviderIdentity.id).where(
        ProviderIdentity.user_id == user.id, ProviderIdentity.issuer == person.issuer
    )
    if not may_link or not person.is_verified or user.kind != ActorKind.PERSON or db.scalar(taken) is not None:
        raise refused("another account here has your address already", person.email)


def refused(why: str, account: str | None = None) -> NotSignedIn:
    """Return the refusal of a sign-in by the provider, shown on a page and kept as an event."""
    return NotSignedIn(
        f"You were not signed in: {why}.",
        remedy="Start again from the sign-in page. If it lasts, ask an administrator.",
        credential="company",
        account=account,
    )


def remove_identity(db: Session, actor: Actor, identity_id: str) -> None:
    """Part an account from who it is to a provider. Raises NotFound, NotAllowed."""
    identity = queries.get_identity(db, actor, identity_id)
    user = queries.get_user(db, actor, identity.user_id)
    actor.must(Permission.MANAGE_USERS, user)
    must_outrank(db, actor, user)
    db.delete(identity)
    personal = {"subject": identity.subject}
    events.record(db, actor, "identity.unlinked", user, issuer=identity.issuer, personal=personal)
