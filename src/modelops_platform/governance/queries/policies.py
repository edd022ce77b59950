"""Reads of policies and of the gate's mode."""

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime
from functools import lru_cache

from sqlalchemy import desc, select
from sqlalchemy.orm import Session

from modelops_platform.core.actor import Actor
from modelops_platform.core.errors import InvalidInput, NotFound, Unavailable
from modelops_platform.identity.tables import Workspace

from ..defaults import default_policies, default_policy_texts
from ..domain.documents import current
from ..domain.policies import Policy
from ..domain.reading import read_policy_text
from ..tables import EnforcementChange, PolicyVersion


@lru_cache(maxsize=512)
def parse(document: str) -> Policy:
    """Read a policy from its text, once for each text. Raises InvalidInput."""
    return read_policy_text(document)


def policies_in_force(db: Session, workspace_id: str, at: datetime | None = None) -> list[Policy]:
    """Return the latest version of each policy, now or at that time; what is shipped counts until it is replaced."""
    statement = select(PolicyVersion.document, PolicyVersion.published_by, PolicyVersion.published_at).where(
        PolicyVersion.workspace_id == workspace_id
    )
    if at is not None:
        statement = statement.where(PolicyVersion.published_at <= at)
    stored = [_stored(document).published(by, published) for document, by, published in db.execute(statement)]
    known = {policy.id for policy in stored}
    return current([*stored, *(policy for policy in default_policies() if policy.id not in known)])


def _stored(document: str) -> Policy:
    """Read a published policy; one that this code cannot read decides nothing. Raises Unavailable."""
    try:
        return parse(document)
    except InvalidInput as error:
        raise Unavailable(
            f"A published policy cannot be read, so nothing was decided: {error.message}",
            remedy="Publish its next version.",
            fact="policies",
        ) from error


def policy_row(workspace_id: str, document: str) -> PolicyVersion:
    """Return a policy as a row. Raises InvalidInput when it is none."""
    policy = parse(document)
    return PolicyVersion(
        workspace_id=workspace_id,
        policy_id=policy.id,
        number=policy.version,
        title=policy.title,
        document=document,
        sha256=hashlib.sha256(document.encode()).hexdigest(),
        reason="",
    )


def shipped_policies(workspace_id: str, known: Collection[str] = ()) -> list[PolicyVersion]:
    """Return the shipped policies as rows that nobody has written yet, but for documents whose SHA-256 is known."""
    unknown = [text for text in default_policy_texts() if hashlib.sha256(text.encode()).hexdigest() not in known]
    return [policy_row(workspace_id, text) for text in unknown]


def list_policies(db: Session, actor: Actor) -> list[PolicyVersion]:
    """Return the latest version of each policy, in the order of their ids."""
    rows = db.scalars(
        select(PolicyVersion).where(PolicyVersion.workspace_id == actor.workspace_id).order_by(PolicyVersion.number)
    )
    latest = {row.policy_id: row for row in [*shipped_policies(actor.workspace_id), *rows]}
    return [latest[policy_id] for policy_id in sorted(latest)]


def list_policy_versions(db: Session, actor: Actor, policy_id: str) -> Sequence[PolicyVersion]:
    """Return every version of a policy, the newest first. Raises NotFound when there is none."""
    rows = db.scalars(
        select(PolicyVersion)
        .where(PolicyVersion.workspace_id == actor.workspace_id, PolicyVersion.policy_id == policy_id)
        .order_by(desc(PolicyVersion.number))
    ).all()
    rows = rows or [row for row in shipped_policies(actor.workspace_id) if row.policy_id == policy_id]
    if not rows:
        raise _no_policy(policy_id)
    return rows


def get_policy(db: Session, actor: Actor, policy_id: str, number: int | None = None) -> PolicyVersion:
    """Return a version of a policy, by default the latest. Raises NotFound."""
    rows = list_policy_versions(db, actor, policy_id)
    found = rows[0] if number is None else next((row for row in rows if row.number == number), None)
    if found is None:
        raise _no_policy(f"{policy_id[:80]} v{number}")
    return found


def _no_policy(asked: str) -> NotFound:
    return NotFound(
        f"There is no policy {asked[:120]!r}.",
        remedy="Look at the list of policies.",
        field="policy",
        value=asked[:120],
    )


def enforcement_mode(db: Session, workspace_id: str) -> str:
    """Return whether the gate of the workspace enforces or only observes."""
    return db.scalars(select(Workspace.enforcement).where(Workspace.id == workspace_id)).one()


def list_enforcement_changes(db: Session, workspace_id: str) -> Sequence[EnforcementChange]:
    """Return the intervals of the gate's mode, the newest first; none when nobody has ever changed it."""
    return db.scalars(
        select(EnforcementChange)
        .where(EnforcementChange.workspace_id == workspace_id)
        .order_by(desc(EnforcementChange.from_at), desc(EnforcementChange.id))
        .limit(200)
    ).all()
