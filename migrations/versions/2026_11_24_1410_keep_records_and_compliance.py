"""keep records and compliance.

What the record of a model said before each edit is taken from the log, where every edit stands with what was before;
so is what was said of versions.
"""

import json
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
RECORDED = (
    "unit_id",
    "use_case_id",
    "kind",
    "purpose",
    "owner_id",
    "developer_id",
    "validator_id",
    "eu_class",
    "affects_people",
)

records = sa.table(
    "model_records",
    *(sa.column(name) for name in ("id", "model_id", *RECORDED, "fields")),
    sa.column("from_at", MOMENT),
    sa.column("to_at", MOMENT),
)
texts = sa.table(
    "version_texts",
    *(sa.column(name) for name in ("id", "version_id", "description")),
    sa.column("from_at", MOMENT),
    sa.column("to_at", MOMENT),
)
models = sa.table("models", *(sa.column(name) for name in ("id", *RECORDED, "fields")), sa.column("created_at", MOMENT))
versions = sa.table("versions", sa.column("id"), sa.column("created_at", MOMENT))
events = sa.table(
    "events",
    *(sa.column(name) for name in ("id", "kind", "object_id", "content")),
    sa.column("at", MOMENT),
)


def upgrade() -> None:
    op.create_table(
        "model_records",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("model_id", sa.String(36), sa.ForeignKey("models.id"), nullable=False),
        sa.Column("unit_id", sa.String(36), nullable=False),
        sa.Column("use_case_id", sa.String(36)),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("owner_id", sa.String(36), nullable=False),
        sa.Column("developer_id", sa.String(36)),
        sa.Column("validator_id", sa.String(36)),
        sa.Column("eu_class", sa.String(30)),
        sa.Column("affects_people", sa.Boolean, nullable=False),
        sa.Column("fields", sa.Text, nullable=False),
        sa.Column("from_at", MOMENT, nullable=False),
        sa.Column("to_at", MOMENT, nullable=False),
    )
    op.create_index("ix_model_records_model_id_to_at", "model_records", ["model_id", "to_at"])
    op.create_table(
        "version_texts",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("version_id", sa.String(36), sa.ForeignKey("versions.id"), nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("from_at", MOMENT, nullable=False),
        sa.Column("to_at", MOMENT, nullable=False),
    )
    op.create_index("ix_version_texts_version_id_to_at", "version_texts", ["version_id", "to_at"])
    op.create_table(
        "compliance_intervals",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("workspace_id", sa.String(36), sa.ForeignKey("workspaces.id"), nullable=False, index=True),
        sa.Column("model_id", sa.String(36), sa.ForeignKey("models.id"), nullable=False),
        sa.Column("version_id", sa.String(36), sa.ForeignKey("versions.id"), nullable=False),
        sa.Column("environment_id", sa.String(36), sa.ForeignKey("environments.id"), nullable=False),
        sa.Column("environment", sa.String(250), nullable=False),
        sa.Column("is_live", sa.Boolean, nullable=False),
        sa.Column("tier", sa.Integer, nullable=False),
        sa.Column("outcome", sa.String(10), nullable=False),
        sa.Column("unmet", sa.Text, nullable=False),
        sa.Column("policy_id", sa.String(100)),
        sa.Column("policy_version", sa.Integer),
        sa.Column("facts_digest", sa.String(64), nullable=False),
        sa.Column("from_at", MOMENT, nullable=False),
        sa.Column("to_at", MOMENT),
    )
    op.create_index(
        "uq_compliance_intervals_open",
        "compliance_intervals",
        ["model_id", "environment_id"],
        unique=True,
        sqlite_where=sa.text("to_at IS NULL"),
        postgresql_where=sa.text("to_at IS NULL"),
    )
    op.create_index("ix_compliance_intervals_workspace_id_to_at", "compliance_intervals", ["workspace_id", "to_at"])
    op.create_index("ix_compliance_intervals_model_id_from_at", "compliance_intervals", ["model_id", "from_at"])
    op.create_table(
        "what_ifs",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("workspace_id", sa.String(36), sa.ForeignKey("workspaces.id"), nullable=False, index=True),
        sa.Column("title", sa.String(250), nullable=False),
        sa.Column("documents", sa.Text, nullable=False),
        sa.Column("job_id", sa.String(36)),
        sa.Column("asked_by", sa.String(36), sa.ForeignKey("users.id"), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("done_at", MOMENT),
        sa.Column("problem", sa.Text),
        sa.Column("summary", sa.Text, nullable=False),
    )
    op.create_index("ix_what_ifs_workspace_id_id", "what_ifs", ["workspace_id", "id"])
    op.create_table(
        "what_if_cases",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("what_if_id", sa.String(36), sa.ForeignKey("what_ifs.id"), nullable=False),
        sa.Column("model_id", sa.String(36), sa.ForeignKey("models.id"), nullable=False),
        sa.Column("version_id", sa.String(36), sa.ForeignKey("versions.id"), nullable=False),
        sa.Column("environment", sa.String(250), nullable=False),
        sa.Column("unit_id", sa.String(36), nullable=False),
        sa.Column("tier", sa.Integer, nullable=False),
        sa.Column("would", sa.String(10), nullable=False),
        sa.Column("unmet", sa.Text, nullable=False),
        sa.Column("policy", sa.String(120), nullable=False),
    )
    op.create_index("ix_what_if_cases_what_if_id_would", "what_if_cases", ["what_if_id", "would"])
    op.add_column("decisions", sa.Column("facts_digest", sa.String(64), nullable=True))
    _take_from_log()


def _take_from_log() -> None:
    """Walk the edits backwards, from what is recorded now, and keep what stood before each."""
    db = op.get_bind()
    edits = sa.select(events.c.id, events.c.kind, events.c.object_id, events.c.at, events.c.content).where(
        events.c.kind.in_(["model.edited", "version.described"])
    )
    found = db.execute(edits.order_by(events.c.object_id, events.c.id)).all()
    if not found:
        return
    model_rows = {row.id: row for row in db.execute(sa.select(models))}
    version_rows = {row.id: row.created_at for row in db.execute(sa.select(versions))}
    by_object: dict[tuple[str, str], list[Any]] = {}
    for edit in found:
        by_object.setdefault((edit.kind, edit.object_id), []).append(edit)
    for (kind, object_id), rows in by_object.items():
        if kind == "model.edited" and object_id in model_rows:
            _keep_records(db, model_rows[object_id], rows)
        elif kind == "version.described" and object_id in version_rows:
            _keep_texts(db, object_id, version_rows[object_id], rows)


def _keep_records(db: Any, model: Any, rows: list[Any]) -> None:
    said: dict[str, Any] = {name: getattr(model, name) for name in (*RECORDED, "fields")}
    kept = []
    for row in reversed(rows):
        changes = json.loads(row.content)["data"].get("changes") or {}
        before = {name: change[0] for name, change in changes.items() if name in said and isinstance(change, list)}
        if not before:
            continue
        if "fields" in before:
            before["fields"] = json.dumps(before["fields"], ensure_ascii=False, separators=(",", ":"))
        said = {**said, **before}
        kept.append((row, said))
    since = _aware(model.created_at)
    for row, values in reversed(kept):
        end = max(_aware(row.at), since)
        db.execute(records.insert().values(id=row.id, model_id=model.id, from_at=since, to_at=end, **values))
        since = end


def _keep_texts(db: Any, version_id: str, created_at: datetime, rows: list[Any]) -> None:
    since = _aware(created_at)
    for row in rows:
        described = json.loads(row.content)["data"].get("description")
        if not isinstance(described, list) or not isinstance(described[0], str):
            continue
        end = max(_aware(row.at), since)
        db.execute(
            texts.insert().values(id=row.id, version_id=version_id, description=described[0], from_at=since, to_at=end)
        )
        since = end


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def downgrade() -> None:
    op.drop_column("decisions", "facts_digest")
    for table in ("what_if_cases", "what_ifs", "compliance_intervals", "version_texts", "model_records"):
        op.drop_table(table)
