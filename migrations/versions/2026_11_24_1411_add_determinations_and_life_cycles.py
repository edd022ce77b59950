"""add determinations and life cycles.

Questionnaires and life cycles become published documents; the tier gets overrides and remembers the record it rested
on; determinations, classes under the EU AI Act, cards and life cycles are kept as intervals. Cases begin when the
platform next looks at a model.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
ID = sa.String(36)


def upgrade() -> None:
    _documents("questionnaire_versions")
    _documents("life_cycle_versions")
    op.add_column("risk_assessments", sa.Column("record", sa.Text, nullable=True))
    op.add_column("risk_assessments", sa.Column("cause", sa.String(20), nullable=False, server_default="answers"))
    op.add_column("risk_assessments", sa.Column("due_told", sa.Text, nullable=False, server_default=""))
    _overrides()
    _determinations()
    _eu_classifications()
    _cards()
    _life_cycles()


def _id() -> sa.Column[str]:
    return sa.Column("id", ID, primary_key=True)


def _workspace() -> sa.Column[str]:
    return sa.Column("workspace_id", ID, sa.ForeignKey("workspaces.id"), nullable=False)


def _of(table: str, name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, ID, sa.ForeignKey(f"{table}.id"), nullable=nullable)


def _documents(table: str) -> None:
    op.create_table(
        table,
        _id(),
        _workspace(),
        sa.Column("document_id", sa.String(100), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        _of("users", "published_by", nullable=True),
        sa.Column("published_at", MOMENT, nullable=False),
        sa.UniqueConstraint(
            "workspace_id", "document_id", "number", name=f"uq_{table}_workspace_id_document_id_number"
        ),
    )
    op.create_index(f"ix_{table}_workspace_id", table, ["workspace_id"])


def _unique_while(condition: str, name: str, table: str, *columns: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, list(columns), unique=True, sqlite_where=where, postgresql_where=where)


def _overrides() -> None:
    table = "tier_overrides"
    op.create_table(
        table,
        _id(),
        _workspace(),
        _of("models", "model_id"),
        _of("risk_assessments", "assessment_id"),
        sa.Column("computed_tier", sa.Integer, nullable=False),
        sa.Column("tier", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        _of("users", "asked_by"),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        _of("users", "confirmed_by", nullable=True),
        sa.Column("from_at", MOMENT, nullable=True),
        sa.Column("to_at", MOMENT, nullable=True),
        sa.Column("ended_by", ID, nullable=True),
        sa.Column("end_reason", sa.Text, nullable=False),
        sa.Column("end_told_at", MOMENT, nullable=True),
    )
    op.create_index(f"ix_{table}_workspace_id", table, ["workspace_id"])
    op.create_index(f"ix_{table}_model_id_from_at", table, ["model_id", "from_at"])
    op.create_index(f"ix_{table}_running", table, ["to_at"])
    _unique_while("from_at IS NULL AND to_at IS NULL", f"uq_{table}_asked", table, "model_id")


def _determinations() -> None:
    table = "model_determinations"
    op.create_table(
        table,
        _id(),
        _workspace(),
        _of("models", "model_id"),
        sa.Column("is_model", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        _of("users", "decided_by"),
        sa.Column("reviewed_by", ID, nullable=True),
        sa.Column("reviewed_at", MOMENT, nullable=True),
        sa.Column("from_at", MOMENT, nullable=False),
        sa.Column("to_at", MOMENT, nullable=True),
    )
    _intervals_of_models(table)


def _eu_classifications() -> None:
    table = "eu_classifications"
    op.create_table(
        table,
        _id(),
        _workspace(),
        _of("models", "model_id"),
        sa.Column("guide_id", sa.String(100), nullable=False),
        sa.Column("guide_version", sa.Integer, nullable=False),
        sa.Column("answers", sa.Text, nullable=False),
        sa.Column("trail", sa.Text, nullable=False),
        sa.Column("eu_class", sa.String(30), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        _of("users", "decided_by"),
        sa.Column("from_at", MOMENT, nullable=False),
        sa.Column("to_at", MOMENT, nullable=True),
    )
    _intervals_of_models(table)


def _intervals_of_models(table: str) -> None:
    op.create_index(f"ix_{table}_workspace_id", table, ["workspace_id"])
    op.create_index(f"ix_{table}_model_id_from_at", table, ["model_id", "from_at"])
    _unique_while("to_at IS NULL", f"uq_{table}_in_force", table, "model_id")


def _cards() -> None:
    table = "card_entries"
    op.create_table(
        table,
        _id(),
        _of("models", "model_id"),
        sa.Column("field", sa.String(60), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        _of("users", "written_by"),
        sa.Column("from_at", MOMENT, nullable=False),
        sa.Column("to_at", MOMENT, nullable=True),
    )
    op.create_index(f"ix_{table}_model_id_from_at", table, ["model_id", "from_at"])
    _unique_while("to_at IS NULL", f"uq_{table}_in_force", table, "model_id", "field")


def _life_cycles() -> None:
    op.create_table(
        "life_cycle_cases",
        _id(),
        _workspace(),
        sa.Column("about", sa.String(10), nullable=False),
        sa.Column("subject_id", ID, nullable=False),
        _of("models", "model_id"),
        _of("life_cycle_versions", "life_cycle_id"),
        sa.Column("moves", sa.Integer, nullable=False),
        sa.Column("began_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
    )
    _unique_while("ended_at IS NULL", "uq_life_cycle_cases_open", "life_cycle_cases", "subject_id")
    op.create_index("ix_life_cycle_cases_workspace_id", "life_cycle_cases", ["workspace_id"])
    op.create_index("ix_life_cycle_cases_model_id", "life_cycle_cases", ["model_id"])
    op.create_table(
        "life_cycle_stays",
        _id(),
        _of("life_cycle_cases", "case_id"),
        sa.Column("subject_id", ID, nullable=False),
        sa.Column("state", sa.String(100), nullable=False),
        sa.Column("is_barred", sa.Boolean, nullable=False),
        sa.Column("transition", sa.String(100), nullable=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("entered_by", ID, nullable=False),
        sa.Column("decision_id", ID, nullable=True),
        sa.Column("from_at", MOMENT, nullable=False),
        sa.Column("to_at", MOMENT, nullable=True),
    )
    op.create_index("ix_life_cycle_stays_subject_id_from_at", "life_cycle_stays", ["subject_id", "from_at"])
    _unique_while("to_at IS NULL", "uq_life_cycle_stays_open", "life_cycle_stays", "case_id")


def downgrade() -> None:
    for table in (
        "life_cycle_stays",
        "life_cycle_cases",
        "card_entries",
        "eu_classifications",
        "model_determinations",
        "tier_overrides",
    ):
        op.drop_table(table)
    for column in ("due_told", "cause", "record"):
        op.drop_column("risk_assessments", column)
    op.drop_table("life_cycle_versions")
    op.drop_table("questionnaire_versions")
