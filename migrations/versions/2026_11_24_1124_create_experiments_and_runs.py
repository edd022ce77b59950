"""create experiments and runs."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

CLUSTERED = {"sqlite_with_rowid": False}


def upgrade() -> None:
    op.create_table(
        "experiments",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False, unique=True),
        sa.Column("workspace_id", sa.String(36), sa.ForeignKey("workspaces.id"), nullable=False, index=True),
        sa.Column("unit_id", sa.String(36), sa.ForeignKey("units.id"), nullable=False, index=True),
        sa.Column("owner_id", sa.String(36), sa.ForeignKey("users.id"), index=True),
        sa.Column("name", sa.String(500), nullable=False),
        sa.Column("artifact_location", sa.String(2100), nullable=False),
        sa.Column("lifecycle", sa.String(10), nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("updated_ms", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("workspace_id", "name"),
    )
    op.create_table(
        "experiment_tags",
        sa.Column("experiment_id", sa.String(36), sa.ForeignKey("experiments.id"), primary_key=True),
        sa.Column("key", sa.String(250), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("experiment_id", sa.String(36), sa.ForeignKey("experiments.id"), nullable=False),
        sa.Column("lifecycle", sa.String(10), nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("start_ms", sa.BigInteger, nullable=False),
        sa.Column("end_ms", sa.BigInteger),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("user_name", sa.Text, nullable=False),
        sa.Column("artifact_uri", sa.String(2200), nullable=False),
        sa.Column("created_by", sa.String(36), nullable=False, index=True),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("deleted_ms", sa.BigInteger),
        sa.Column("document", sa.Text),
    )
    op.create_index("ix_runs_listing", "runs", ["experiment_id", "lifecycle", sa.desc("start_ms"), "id"])
    for table in ("run_tags", "params"):
        op.create_table(
            table,
            sa.Column("run_id", sa.String(36), sa.ForeignKey("runs.id"), primary_key=True),
            sa.Column("key", sa.String(250), primary_key=True),
            sa.Column("value", sa.Text, nullable=False),
            sa.Column("logged_ms", sa.BigInteger, nullable=False),
            sa.Column("logged_by", sa.String(36)),
            **CLUSTERED,
        )
    op.create_table(
        "metrics",
        sa.Column("run_id", sa.String(36), sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("key", sa.String(250), primary_key=True),
        sa.Column("timestamp", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("step", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("value", sa.String(30), primary_key=True),
        sa.Column("logged_ms", sa.BigInteger, nullable=False),
        sa.Column("logged_by", sa.String(36)),
        **CLUSTERED,
    )
    op.create_table(
        "latest_metrics",
        sa.Column("run_id", sa.String(36), sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("key", sa.String(250), primary_key=True),
        sa.Column("experiment_id", sa.String(36), nullable=False),
        sa.Column("value", sa.Double),
        sa.Column("timestamp", sa.BigInteger, nullable=False),
        sa.Column("step", sa.BigInteger, nullable=False),
        **CLUSTERED,
    )
    op.create_index("ix_latest_metrics_best", "latest_metrics", ["experiment_id", "key", "value", "run_id"])
    op.create_table(
        "logged_data_sets",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("experiment_id", sa.String(36), sa.ForeignKey("experiments.id"), nullable=False),
        sa.Column("name", sa.String(500), nullable=False),
        sa.Column("digest", sa.String(36), nullable=False),
        sa.Column("source_type", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("schema", sa.Text),
        sa.Column("profile", sa.Text),
        sa.Column("created_by", sa.String(36), nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("experiment_id", "name", "digest"),
    )
    op.create_table(
        "run_data_sets",
        sa.Column("run_id", sa.String(36), sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("data_set_id", sa.String(36), sa.ForeignKey("logged_data_sets.id"), primary_key=True),
        sa.Column("context", sa.Text),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("logged_ms", sa.BigInteger, nullable=False),
        sa.Column("logged_by", sa.String(36)),
    )
    op.create_table(
        "run_models",
        sa.Column("run_id", sa.String(36), sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("direction", sa.String(10), primary_key=True),
        sa.Column("model_id", sa.String(300), primary_key=True),
        sa.Column("step", sa.BigInteger, nullable=False),
        sa.Column("logged_ms", sa.BigInteger, nullable=False),
        sa.Column("logged_by", sa.String(36)),
    )
    op.create_index("ix_run_models_model_id", "run_models", ["model_id"])


def downgrade() -> None:
    for table in (
        "run_models",
        "run_data_sets",
        "logged_data_sets",
        "latest_metrics",
        "metrics",
        "params",
        "run_tags",
        "runs",
        "experiment_tags",
        "experiments",
    ):
        op.drop_table(table)
