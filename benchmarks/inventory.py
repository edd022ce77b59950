"""A thousand models for the pages to show, made through the services that everybody uses."""

import random
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from modelops_platform.core import clock
from modelops_platform.core.actor import Actor, system_actor
from modelops_platform.core.db import DEFAULT_WORKSPACE, Database
from modelops_platform.core.settings import load_settings
from modelops_platform.governance import service as governance
from modelops_platform.governance.schemas import AssessmentIn
from modelops_platform.identity import queries as identity_queries
from modelops_platform.identity import service as identity
from modelops_platform.registry import service as registry
from modelops_platform.registry.domain.kinds import ModelKind
from modelops_platform.registry.schemas import ModelIn, VersionIn

from .server import ADMIN

BATCH = 100  # models in one transaction
QUESTIONS = ("I1", "I2", "I3", "I4", "I5", "C1", "C2", "C3", "C4", "C5")
UNITS = ("Cards", "Insurance", "Treasury", "Marketing", "Operations", "Fraud", "Collections")
LIGHTS = ("pass", "pass", "pass", "warn", "fail", "stale", "no_data", "not_monitored")


def fill(home: Path, database_url: str | None, models: int) -> None:
    """Register the models, most with a version and an assessment, a few living at home in each unit."""
    given: dict[str, Any] = {"database_url": database_url} if database_url else {}
    database = Database.from_settings(load_settings(home=home, **given))
    chance = random.Random(7)
    with database.write() as db:
        system = system_actor(DEFAULT_WORKSPACE)
        ada = identity_queries.get_user_by_email(db, system, ADMIN)
        actor = identity.to_actor(identity_queries.list_grants(db, ada.id))
        for unit in UNITS:
            identity.create_unit(db, actor, unit)
    for first in range(0, models, BATCH):
        with database.write() as db:
            for number in range(first, min(first + BATCH, models)):
                _add(db, actor, number, chance)
    database.dispose()


def _add(db: Session, actor: Actor, number: int, chance: random.Random) -> None:
    kinds = [kind for kind in ModelKind if kind is not ModelKind.PROMPT]
    wanted = ModelIn(
        name=f"model-{number:04}",
        kind=kinds[number % len(kinds)],
        purpose=f"Decides case {number} of the benchmark, in plain words that take a line or two on a page.",
        unit=UNITS[number % len(UNITS)],
        tags={"team": f"team {number % 17}", "region": ("north", "south")[number % 2]},
    )
    model = registry.register_model(db, actor, wanted)
    if number % 4:
        registry.add_version(db, actor, model, VersionIn(description="First version."))
    if number % 5:
        answers = {question: chance.randrange(5) for question in QUESTIONS}
        governance.assess_model(db, actor, model.name, AssessmentIn(answers=answers))
    values = [round(chance.random(), 4) for _value in range(20)]
    registry.summarise(db, model.id, light=chance.choice(LIGHTS), light_at=clock.now(), sparkline=values)
