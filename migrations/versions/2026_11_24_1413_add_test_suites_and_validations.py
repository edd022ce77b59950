"""add test suites and validations.

Suites are published documents; results, entries and signatures are only ever added.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_ID = sa.String(36)
_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _suites()
    _runs()
    _results()
    _validations()


def _id() -> sa.Column[str]:
    return sa.Column("id", _ID, primary_key=True)


def _workspace() -> sa.Column[str]:
    return sa.Column("workspace_id", _ID, sa.ForeignKey("workspaces.id"), nullable=False)


def _of(table: str, name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, _ID, sa.ForeignKey(f"{table}.id"), nullable=nullable)


def _suites() -> None:
    op.create_table(
        "suite_versions",
        _id(),
        _workspace(),
        sa.Column("document_id", sa.String(100), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        _of("users", "published_by", nullable=True),
        sa.Column("published_at", _AT, nullable=False),
        sa.UniqueConstraint(
            "workspace_id", "document_id", "number", name="uq_suite_versions_workspace_id_document_id_number"
        ),
    )
    op.create_index("ix_suite_versions_workspace_id", "suite_versions", ["workspace_id"])


def _runs() -> None:
    op.create_table(
        "test_runs",
        _id(),
        _workspace(),
        _of("models", "model_id"),
        _of("versions", "version_id"),
        sa.Column("suite_id", sa.String(100), nullable=False),
        sa.Column("suite_number", sa.Integer, nullable=False),
        sa.Column("source", sa.String(10), nullable=False),
        sa.Column("key", sa.String(200), nullable=True),
        sa.Column("digest", sa.String(64), nullable=True),
        sa.Column("artifact_digest", sa.String(64), nullable=True),
        _of("data_sets", "data_set_id", nullable=True),
        sa.Column("data_digest", sa.String(64), nullable=True),
        sa.Column("champion_id", _ID, nullable=True),
        sa.Column("roles", sa.Text, nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=True),
        sa.Column("link", sa.Text, nullable=False),
        sa.Column("job_id", _ID, sa.ForeignKey("jobs.id", ondelete="SET NULL"), nullable=True),
        sa.Column("report", sa.Text, nullable=False),
        sa.Column("light", sa.String(20), nullable=True),
        sa.Column("failure", sa.Text, nullable=False),
        _of("users", "created_by"),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("ended_at", _AT, nullable=True),
    )
    for columns in (["workspace_id"], ["job_id"], ["model_id", "id"], ["version_id", "id"]):
        op.create_index(f"ix_test_runs_{'_'.join(columns)}", "test_runs", columns)
    _unique_while("uq_test_runs_key", "test_runs", ["version_id", "key"], "key IS NOT NULL")


def _results() -> None:
    op.create_table(
        "test_results",
        _id(),
        _workspace(),
        _of("test_runs", "run_id"),
        _of("models", "model_id"),
        _of("versions", "version_id"),
        sa.Column("suite_id", sa.String(100), nullable=False),
        sa.Column("suite_number", sa.Integer, nullable=False),
        sa.Column("test", sa.String(100), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("check_name", sa.String(30), nullable=False),
        sa.Column("segment", sa.String(200), nullable=False),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("value", sa.Float, nullable=True),
        sa.Column("low", sa.Float, nullable=True),
        sa.Column("high", sa.Float, nullable=True),
        sa.Column("noise", sa.Float, nullable=True),
        sa.Column("limit_words", sa.Text, nullable=False),
        sa.Column("rows", sa.Integer, nullable=True),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("figures", sa.Text, nullable=False),
        sa.Column("source", sa.String(10), nullable=False),
        sa.Column("digest", sa.String(64), nullable=True),
        sa.Column("artifact_digest", sa.String(64), nullable=True),
        sa.Column("data_digest", sa.String(64), nullable=True),
        sa.Column("seed", sa.BigInteger, nullable=True),
        sa.Column("at", _AT, nullable=False),
        sa.Column("stale_at", _AT, nullable=True),
    )
    for columns in (["workspace_id"], ["run_id"], ["version_id", "at"], ["model_id", "id"]):
        op.create_index(f"ix_test_results_{'_'.join(columns)}", "test_results", columns)


def _validations() -> None:
    op.create_table(
        "validations",
        _id(),
        _workspace(),
        _of("models", "model_id"),
        _of("versions", "version_id"),
        sa.Column("scope", sa.String(20), nullable=False),
        _of("users", "validator_id"),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("due", sa.Date, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        _of("validations", "reopens_id", nullable=True),
        sa.Column("assigned_by", _ID, nullable=False),
        sa.Column("assigned_at", _AT, nullable=False),
        sa.Column("started_at", _AT, nullable=True),
        sa.Column("ended_at", _AT, nullable=True),
    )
    for columns in (["workspace_id"], ["model_id", "id"], ["validator_id", "state"]):
        op.create_index(f"ix_validations_{'_'.join(columns)}", "validations", columns)
    _unique_while("uq_validations_open", "validations", ["version_id"], "state IN ('assigned', 'in_progress')")
    op.create_table(
        "validation_entries",
        _id(),
        _workspace(),
        _of("validations", "validation_id"),
        sa.Column("part", sa.String(40), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("written_by", _ID, nullable=False),
        sa.Column("at", _AT, nullable=False),
    )
    for column in ("workspace_id", "validation_id"):
        op.create_index(f"ix_validation_entries_{column}", "validation_entries", [column])
    op.create_table(
        "validation_signatures",
        _id(),
        _workspace(),
        _of("validations", "validation_id"),
        _of("versions", "version_id"),
        sa.Column("scope", sa.String(20), nullable=False),
        _of("users", "validator_id"),
        sa.Column("opinion", sa.String(30), nullable=False),
        sa.Column("sentence", sa.Text, nullable=False),
        sa.Column("statement", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=True),
        sa.Column("covers", sa.String(64), nullable=False),
        sa.Column("report", sa.Text, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("at", _AT, nullable=False),
        sa.UniqueConstraint("validation_id", name="uq_validation_signatures_validation_id"),
    )
    op.create_index("ix_validation_signatures_workspace_id", "validation_signatures", ["workspace_id"])
    op.create_index("ix_validation_signatures_version_id_at", "validation_signatures", ["version_id", "at"])


def _unique_while(name: str, table: str, columns: list[str], condition: str) -> None:
    held = sa.text(condition)
    op.create_index(name, table, columns, unique=True, sqlite_where=held, postgresql_where=held)


def downgrade() -> None:
    for table in (
        "validation_signatures",
        "validation_entries",
        "validations",
        "test_results",
        "test_runs",
        "suite_versions",
    ):
        op.drop_table(table)
