"""Reads of release control; all start from what the actor may see."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, desc, func, literal, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload
from sqlalchemy.orm.attributes import set_committed_value

from modelops_platform.core.actor import Actor, Permission
from modelops_platform.core.cursors import Page, paginate
from modelops_platform.core.errors import NotFound
from modelops_platform.identity.queries import granted
from modelops_platform.identity.tables import Unit
from modelops_platform.registry.domain.facets import Facet
from modelops_platform.registry.tables import Model, Version

from .domain import Standing, count_facets
from .schemas import DeploymentFilter
from .tables import Deployment, Environment, Revision


def list_environments(db: Session, actor: Actor, *, with_retired: bool = False) -> Sequence[Environment]:
    """Return the environments of the workspace in the order of a release; their names are no secret inside it."""
    found = select(Environment).where(Environment.workspace_id == actor.workspace_id)
    if not with_retired:
        found = found.where(Environment.retired_at.is_(None))
    return db.scalars(found.order_by(Environment.rank, Environment.name)).all()


def get_environment(db: Session, actor: Actor, reference: str, *, fresh: bool = False) -> Environment:
    """Return the environment with this name or id, retired or not. Raises NotFound.

    `fresh` reads it again although the session knows it: for after a lock.
    """
    mine = select(Environment).where(Environment.workspace_id == actor.workspace_id)
    named = mine.where(or_(Environment.id == reference, Environment.name == reference))
    first = named.order_by(desc(Environment.id == reference)).limit(1)
    found = db.scalars(first, execution_options={"populate_existing": fresh}).one_or_none()
    if found is None:
        raise NotFound(
            f"There is no environment {reference[:80]!r}.",
            remedy="Look at the list of environments.",
            field="environment",
            value=reference[:80],
        )
    return found


def visible_to(actor: Actor) -> Select[Deployment]:
    """Return the deployments this actor may see, archived ones too; environment and model come along."""
    return (
        select(Deployment)
        .join(Deployment.environment)
        .join(Deployment.model)
        .options(contains_eager(Deployment.environment), contains_eager(Deployment.model).joinedload(Model.summary))
        .where(Deployment.workspace_id == actor.workspace_id, granted(Deployment, actor))
    )


def get_deployment(db: Session, actor: Actor, reference: str, *, fresh: bool = False) -> Deployment:
    """Return the deployment with this id, or the living one with this name, and what it runs. Raises NotFound.

    `fresh` reads it again although the session knows it: for after a lock.
    """
    living = and_(Deployment.name == reference, Deployment.archived_at.is_(None))
    named = visible_to(actor).where(or_(Deployment.id == reference, living))
    first = named.order_by(desc(Deployment.id == reference)).limit(1)
    found = db.scalars(first, execution_options={"populate_existing": fresh}).one_or_none()
    if found is None:
        raise NotFound(
            f"There is no deployment {reference[:80]!r}.",
            remedy="Look at the list of deployments.",
            field="deployment",
            value=reference[:80],
        )
    _put_live(db, [found], None, fresh=fresh)
    return found


def list_deployments(
    db: Session,
    actor: Actor,
    wanted: DeploymentFilter,
    *,
    at: datetime | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Deployment]:
    """Return a page of the deployments of that moment, each with what it ran, production before staging."""
    chosen = wanted.chosen()
    statement = _existing(actor, wanted, at)
    if "environment" in chosen:
        statement = statement.where(Environment.name == chosen["environment"])
    if "unit" in chosen:
        statement = statement.where(_unit_name() == chosen["unit"])
    if "standing" in chosen:
        statement = statement.where(_standing() == chosen["standing"])
    page = paginate(
        db,
        statement,
        desc(Environment.rank),
        Environment.name,
        Deployment.name,
        Deployment.id,
        cursor=cursor,
        limit=limit,
    )
    _put_live(db, page.items, at)
    return page


def count_deployments(
    db: Session, actor: Actor, wanted: DeploymentFilter, *, at: datetime | None = None
) -> tuple[int, list[Facet]]:
    """Count the deployments that match, and those behind each facet's values, in one statement."""
    columns = (Environment.name.label("environment"), _standing().label("standing"), _unit_name().label("unit"))
    matching = _existing(actor, wanted, at).with_only_columns(*columns, maintain_column_froms=True).subquery()
    grouped = (matching.c.environment, matching.c.standing, matching.c.unit)
    found = db.execute(select(*grouped, func.count()).group_by(*grouped).order_by(*grouped)).all()
    return count_facets(
        [({"environment": row[0], "standing": row[1], "unit": row[2]}, row[3]) for row in found], wanted.chosen()
    )


def _existing(actor: Actor, wanted: DeploymentFilter, at: datetime | None) -> Select[Deployment]:
    """Return what there was at the moment, joined with what it ran then, narrowed by text and model."""
    ran = and_(Revision.deployment_id == Deployment.id, _held(at))
    statement = visible_to(actor).outerjoin(Revision, ran)
    if at is None:
        statement = statement.where(Deployment.archived_at.is_(None))
    else:
        still_there = or_(Deployment.archived_at.is_(None), Deployment.archived_at > at)
        statement = statement.where(Deployment.created_at <= at, still_there)
    if wanted.model:
        statement = statement.where(Model.name == wanted.model)
    if wanted.q:
        columns = (Deployment.name, Model.name, Deployment.consumer)
        statement = statement.where(or_(*(column.icontains(wanted.q, autoescape=True) for column in columns)))
    return statement


def _held(at: datetime | None) -> ColumnElement[bool]:
    """Return the condition of being the revision of that moment: intervals are [from, to)."""
    if at is None:
        return Revision.to_at.is_(None)
    return and_(Revision.from_at <= at, or_(Revision.to_at.is_(None), Revision.to_at > at))


def _standing() -> ColumnElement[str]:
    """Say what `Deployment.standing` says, to the database."""
    return case(
        (Revision.id.is_(None), literal(Standing.NOT_LIVE.value)),
        (Revision.approved_digest.is_(None), literal(Standing.UNVERIFIED.value)),
        (Revision.reported_digest.is_(None), literal(Standing.NOT_REPORTED.value)),
        (Revision.reported_digest == Revision.approved_digest, literal(Standing.MATCH.value)),
        else_=literal(Standing.DIFFERS.value),
    )


def _unit_name() -> ColumnElement[Any]:
    return select(Unit.name).where(Unit.id == Model.unit_id).scalar_subquery()


def _put_live(db: Session, deployments: Sequence[Deployment], at: datetime | None, *, fresh: bool = False) -> None:
    """Give each deployment what it ran at that moment."""
    ids = [deployment.id for deployment in deployments]
    found = db.scalars(
        _with_names(Revision.deployment_id.in_(ids), _held(at)), execution_options={"populate_existing": fresh}
    )
    ran = {revision.deployment_id: revision for revision in found}
    for deployment in deployments:
        set_committed_value(deployment, "live", ran.get(deployment.id))


def _with_names(*conditions: ColumnElement[bool]) -> Select[Revision]:
    return (
        select(Revision)
        .options(joinedload(Revision.version), joinedload(Revision.activator), joinedload(Revision.ender))
        .where(*conditions)
    )


def list_revisions(
    db: Session, deployment: Deployment, *, cursor: str | None = None, limit: int = 50
) -> Page[Revision]:
    """Return a page of the deployment's revisions, the newest first."""
    mine = _with_names(Revision.deployment_id == deployment.id)
    return paginate(db, mine, desc(Revision.number), cursor=cursor, limit=limit)


def list_live(
    db: Session,
    actor: Actor,
    *,
    at: datetime | None = None,
    environment: str | None = None,
    model: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Revision]:
    """Return a page of what was live at the moment, production before staging; also of what is archived since."""
    statement = (
        _with_names(_held(at), Deployment.workspace_id == actor.workspace_id, granted(Deployment, actor))
        .join(Revision.deployment)
        .join(Deployment.environment)
        .join(Deployment.model)
        .options(contains_eager(Revision.deployment).contains_eager(Deployment.environment))
        .options(contains_eager(Revision.deployment).contains_eager(Deployment.model))
    )
    if environment:
        statement = statement.where(or_(Environment.name == environment, Environment.id == environment))
    if model:
        statement = statement.where(or_(Model.name == model, Model.id == model))
    keys = (desc(Environment.rank), Environment.name, Deployment.name, Revision.id)
    return paginate(db, statement, *keys, cursor=cursor, limit=limit)


def live_of_model(db: Session, model_id: str, at: datetime | None = None) -> Sequence[Revision]:
    """Return what is, or was, live of a model. The caller has made sure that the model may be seen."""
    return db.scalars(
        select(Revision)
        .join(Revision.deployment)
        .join(Deployment.environment)
        .options(contains_eager(Revision.deployment).contains_eager(Deployment.environment))
        .options(joinedload(Revision.version))
        .where(Deployment.model_id == model_id, _held(at))
        .order_by(Environment.rank, Environment.name, Deployment.name, Deployment.id)
    ).all()


def list_versions_to_choose(db: Session, deployment: Deployment, *, limit: int = 100) -> Sequence[Version]:
    """Return the newest versions that the deployment could run."""
    mine = select(Version).where(Version.model_id == deployment.model_id, Version.archived_at.is_(None))
    return db.scalars(mine.order_by(desc(Version.number)).limit(limit)).all()


def list_deployments_of(db: Session, actor: Actor, model_id: str) -> Sequence[Deployment]:
    """Return the model's deployments that the actor may see, archived ones last, each with what it runs."""
    mine = visible_to(actor).where(Deployment.model_id == model_id)
    archived = Deployment.archived_at.is_not(None)
    found = db.scalars(
        mine.order_by(archived, desc(Environment.rank), Environment.name, Deployment.name).limit(200)
    ).all()
    _put_live(db, found, None)
    return found


def list_story_of(db: Session, actor: Actor, model_id: str, *, limit: int = 50) -> Sequence[Revision]:
    """Return the newest revisions of all the model's deployments that the actor may see."""
    return db.scalars(
        _with_names(Deployment.model_id == model_id, granted(Deployment, actor))
        .join(Revision.deployment)
        .join(Deployment.environment)
        .options(contains_eager(Revision.deployment).contains_eager(Deployment.environment))
        .order_by(desc(Revision.from_at), desc(Revision.id))
        .limit(limit)
    ).all()


def count_by_environment(db: Session, actor: Actor) -> dict[str, int]:
    """Return how many living deployments, of everybody, each environment has, by its id."""
    counted = (
        select(Deployment.environment_id, func.count())
        .where(Deployment.workspace_id == actor.workspace_id, Deployment.archived_at.is_(None))
        .group_by(Deployment.environment_id)
    )
    return {row[0]: row[1] for row in db.execute(counted)}


def models_live_in(db: Session, environment_id: str) -> list[str]:
    """Return the ids of the models that are live in an environment, in order."""
    live = select(Deployment.model_id).join(Revision, Revision.deployment_id == Deployment.id)
    live = live.where(Deployment.environment_id == environment_id, Revision.to_at.is_(None))
    return list(db.scalars(live.distinct().order_by(Deployment.model_id)))


def last_mark(db: Session, deployment_id: str) -> datetime | None:
    """Return the last moment at which the deployment's history changed."""
    found = db.execute(
        select(Revision.from_at, Revision.to_at)
        .where(Revision.deployment_id == deployment_id)
        .order_by(desc(Revision.number))
        .limit(1)
    ).first()
    return None if found is None else found.to_at or found.from_at


def get_revision(db: Session, revision_id: str) -> Revision:
    """Return a revision with its version and people, as it is now. The caller knows that it may be seen."""
    return db.scalars(_with_names(Revision.id == revision_id), execution_options={"populate_existing": True}).one()


def why_not_deploy(actor: Actor, deployment: Deployment) -> str | None:
    """Return why the actor may not change what runs there, and who can help; None when they may."""
    if deployment.archived_at is not None:
        return "It is archived. Make a new deployment."
    if deployment.environment.retired_at is not None:
        return f"The environment {deployment.environment.name} is retired."
    if deployment.model.archived_at is not None:
        return "The model is archived."
    if not actor.may(Permission.DEPLOY, deployment):
        return "Your role does not allow it. Ask the model's owner."
    return None
