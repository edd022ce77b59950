"""create experiments and runs."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

CLUSTERED = {"sqlite_with_rowid": False}
# Paths compare by code point, so that a folder is one stretch of the index.
PATH = sa.String(1100).with_variant(sa.String(1100, collation="C"), "postgresql")


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
    op.create_index("ix_runs_listing", "runs", ["experiment_id", "lifecycle", "start_ms", "id"])
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
    _create_logged_models()
    _create_artifacts()
    _widen_the_registry()


def _create_logged_models() -> None:
    op.create_table(
        "logged_models",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("experiment_id", sa.String(36), sa.ForeignKey("experiments.id"), nullable=False),
        sa.Column("source_run_id", sa.String(36), sa.ForeignKey("runs.id"), index=True),
        sa.Column("name", sa.String(500), nullable=False),
        sa.Column("model_type", sa.String(500)),
        sa.Column("status", sa.String(30), nullable=False),
        sa.Column("status_message", sa.Text),
        sa.Column("artifact_uri", sa.String(2200), nullable=False),
        sa.Column("created_by", sa.String(36), nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("updated_ms", sa.BigInteger, nullable=False),
        sa.Column("deleted_ms", sa.BigInteger),
    )
    op.create_index("ix_logged_models_listing", "logged_models", ["experiment_id", "created_ms", "id"])
    for table in ("logged_model_params", "logged_model_tags"):
        op.create_table(
            table,
            sa.Column("model_id", sa.String(36), sa.ForeignKey("logged_models.id"), primary_key=True),
            sa.Column("key", sa.String(250), primary_key=True),
            sa.Column("value", sa.Text, nullable=False),
            sa.Column("logged_ms", sa.BigInteger, nullable=False),
            sa.Column("logged_by", sa.String(36)),
            **CLUSTERED,
        )
    op.create_table(
        "logged_model_metrics",
        sa.Column("model_id", sa.String(36), sa.ForeignKey("logged_models.id"), primary_key=True),
        sa.Column("key", sa.String(250), primary_key=True),
        sa.Column("timestamp", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("step", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("run_id", sa.String(36), sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("value", sa.Double),
        sa.Column("dataset_name", sa.String(500)),
        sa.Column("dataset_digest", sa.String(36)),
        sa.Column("logged_ms", sa.BigInteger, nullable=False),
        sa.Column("logged_by", sa.String(36)),
        **CLUSTERED,
    )
    op.create_index("ix_logged_model_metrics_run_id", "logged_model_metrics", ["run_id"])


def _create_artifacts() -> None:
    op.create_table(
        "artifacts",
        sa.Column("workspace_id", sa.String(36), sa.ForeignKey("workspaces.id"), primary_key=True),
        sa.Column("path", PATH, primary_key=True),
        sa.Column("experiment_id", sa.String(36), sa.ForeignKey("experiments.id"), index=True),
        sa.Column("owner_kind", sa.String(20), nullable=False),
        sa.Column("owner_id", sa.String(36), nullable=False),
        sa.Column("sha256", sa.String(64), sa.ForeignKey("blobs.sha256"), nullable=False, index=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("described", sa.Text),
        sa.Column("logged_ms", sa.BigInteger, nullable=False),
        sa.Column("logged_by", sa.String(36), nullable=False),
    )
    op.create_table(
        "frozen_folders",
        sa.Column("version_id", sa.String(36), primary_key=True),
        sa.Column("workspace_id", sa.String(36), sa.ForeignKey("workspaces.id"), nullable=False),
        sa.Column("path", PATH, nullable=False),
        sa.Column("model_id", sa.String(36), nullable=False, index=True),
        sa.Column("model_name", sa.String(250), nullable=False),
        sa.Column("version_number", sa.Integer, nullable=False),
    )
    op.create_index("ix_frozen_folders_path", "frozen_folders", ["workspace_id", "path"])


def _widen_the_registry() -> None:
    for column in (
        sa.Column("run_id", sa.String(36)),
        sa.Column("logged_model_id", sa.String(36)),
        sa.Column("source_uri", sa.Text),
        sa.Column("storage_uri", sa.Text),
        sa.Column("run_link", sa.Text),
        sa.Column("stage", sa.String(20)),
        sa.Column("changed_at", sa.DateTime(timezone=True)),
    ):
        op.add_column("versions", column)
    for name in ("run_id", "logged_model_id"):
        op.create_index(f"ix_versions_{name}", "versions", [name])
    op.create_table(
        "version_tags",
        sa.Column("version_id", sa.String(36), sa.ForeignKey("versions.id"), primary_key=True),
        sa.Column("key", sa.String(250), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.add_column("model_summaries", sa.Column("document", sa.Text))
    op.add_column("model_summaries", sa.Column("document_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    for name in ("document", "document_at"):
        op.drop_column("model_summaries", name)
    for name in ("run_id", "logged_model_id"):
        op.drop_index(f"ix_versions_{name}", "versions")
    for name in ("run_id", "logged_model_id", "source_uri", "storage_uri", "run_link", "stage", "changed_at"):
        op.drop_column("versions", name)
    for table in (
        "version_tags",
        "frozen_folders",
        "artifacts",
        "logged_model_metrics",
        "logged_model_tags",
        "logged_model_params",
        "logged_models",
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
