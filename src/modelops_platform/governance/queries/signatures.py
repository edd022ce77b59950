"""The signed validations of versions, as facts of a moment."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ..domain.known import Opinion, ValidationFact
from ..tables import ValidationSignature


class Validated(Protocol):
    """A version, as far as validations are looked up by it."""

    @property
    def id(self) -> str: ...


def load_validations(db: Session, versions: Mapping[str, Validated], at: datetime) -> Mapping[str, ValidationFact]:
    """Return the last signed validation of each version as of a moment, in one statement; who has none is left out."""
    newest = (
        func.row_number()
        .over(
            partition_by=ValidationSignature.version_id,
            order_by=[ValidationSignature.at.desc(), ValidationSignature.id.desc()],
        )
        .label("newest")
    )
    signed = (
        select(
            ValidationSignature.version_id,
            ValidationSignature.validation_id,
            ValidationSignature.validator_id,
            ValidationSignature.opinion,
            ValidationSignature.digest,
            ValidationSignature.covers,
            ValidationSignature.at,
            ValidationSignature.scope,
            newest,
        )
        .where(ValidationSignature.version_id.in_(versions), ValidationSignature.at <= at)
        .subquery()
    )
    return {
        row.version_id: ValidationFact(
            row.validation_id, row.validator_id, Opinion(row.opinion), row.digest, row.covers, row.at, row.scope
        )
        for row in db.execute(select(signed).where(signed.c.newest == 1))
    }
