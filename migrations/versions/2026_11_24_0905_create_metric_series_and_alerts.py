"""create metric series and alerts."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

OPEN = sa.text("to_at IS NULL")
OPEN_ALERT = sa.text("closed_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "monitors",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("model_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=250), nullable=False),
        sa.Column("measures", sa.String(length=20), nullable=False),
        sa.Column("unit", sa.String(length=40), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("deployment_id", sa.String(length=36), nullable=True),
        sa.Column("environment_id", sa.String(length=36), nullable=True),
        sa.Column("version_number", sa.Integer(), nullable=True),
        sa.Column("created_by", sa.String(length=36), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["deployment_id"], ["deployments.id"], name=op.f("fk_monitors_deployment_id")),
        sa.ForeignKeyConstraint(["environment_id"], ["environments.id"], name=op.f("fk_monitors_environment_id")),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("fk_monitors_model_id")),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_monitors_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_monitors")),
        sa.UniqueConstraint("model_id", "name", name=op.f("uq_monitors_model_id_name")),
    )
    op.create_index(op.f("ix_monitors_workspace_id"), "monitors", ["workspace_id"])
    op.create_table(
        "monitor_limits",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("monitor_id", sa.String(length=36), nullable=False),
        sa.Column("bad", sa.String(length=5), nullable=True),
        sa.Column("warn", sa.Double(), nullable=True),
        sa.Column("fail", sa.Double(), nullable=True),
        sa.Column("fewest_rows", sa.Integer(), nullable=True),
        sa.Column("stale_after_hours", sa.Integer(), nullable=True),
        sa.Column("set_by", sa.String(length=36), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("to_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("to_at IS NULL OR to_at >= from_at", name=op.f("ck_monitor_limits_ends_after_it_begins")),
        sa.ForeignKeyConstraint(["monitor_id"], ["monitors.id"], name=op.f("fk_monitor_limits_monitor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_monitor_limits")),
    )
    op.create_index(op.f("ix_monitor_limits_monitor_id_from_at"), "monitor_limits", ["monitor_id", "from_at"])
    op.create_index(
        "uq_monitor_limits_open",
        "monitor_limits",
        ["monitor_id"],
        unique=True,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    op.create_table(
        "metric_points",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("monitor_id", sa.String(length=36), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("n", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.String(length=500), nullable=True),
        sa.Column("window_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("window_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version_number", sa.Integer(), nullable=True),
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("note", sa.String(length=1000), nullable=False),
        sa.Column("light", sa.String(length=15), nullable=False),
        sa.Column("limits_id", sa.String(length=36), nullable=False),
        sa.Column("corrects_id", sa.String(length=36), nullable=True),
        sa.Column("actor_id", sa.String(length=36), nullable=False),
        sa.Column("token_id", sa.String(length=36), nullable=True),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["corrects_id"], ["metric_points.id"], name=op.f("fk_metric_points_corrects_id")),
        sa.ForeignKeyConstraint(["limits_id"], ["monitor_limits.id"], name=op.f("fk_metric_points_limits_id")),
        sa.ForeignKeyConstraint(["monitor_id"], ["monitors.id"], name=op.f("fk_metric_points_monitor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_metric_points")),
    )
    op.create_index(op.f("ix_metric_points_corrects_id"), "metric_points", ["corrects_id"])
    op.create_index(op.f("ix_metric_points_monitor_id_at_id"), "metric_points", ["monitor_id", "at", "id"])
    op.create_table(
        "monitor_standings",
        sa.Column("monitor_id", sa.String(length=36), nullable=False),
        sa.Column("light", sa.String(length=15), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stale_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("latest_point_id", sa.String(length=36), nullable=True),
        sa.ForeignKeyConstraint(
            ["latest_point_id"], ["metric_points.id"], name=op.f("fk_monitor_standings_latest_point_id")
        ),
        sa.ForeignKeyConstraint(["monitor_id"], ["monitors.id"], name=op.f("fk_monitor_standings_monitor_id")),
        sa.PrimaryKeyConstraint("monitor_id", name=op.f("pk_monitor_standings")),
    )
    op.create_index(op.f("ix_monitor_standings_stale_at"), "monitor_standings", ["stale_at"])
    op.create_table(
        "alerts",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("model_id", sa.String(length=36), nullable=False),
        sa.Column("monitor_id", sa.String(length=36), nullable=False),
        sa.Column("light", sa.String(length=15), nullable=False),
        sa.Column("why", sa.String(length=1000), nullable=False),
        sa.Column("point_id", sa.String(length=36), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.String(length=36), nullable=True),
        sa.Column("acknowledgement", sa.String(length=1000), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("close_reason", sa.String(length=1000), nullable=False),
        sa.Column("workspace_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("fk_alerts_model_id")),
        sa.ForeignKeyConstraint(["monitor_id"], ["monitors.id"], name=op.f("fk_alerts_monitor_id")),
        sa.ForeignKeyConstraint(["point_id"], ["metric_points.id"], name=op.f("fk_alerts_point_id")),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_alerts_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
    )
    op.create_index(op.f("ix_alerts_closed_at"), "alerts", ["closed_at"])
    op.create_index(op.f("ix_alerts_model_id_id"), "alerts", ["model_id", "id"])
    op.create_index(op.f("ix_alerts_workspace_id"), "alerts", ["workspace_id"])
    op.create_index(
        "uq_alerts_open", "alerts", ["monitor_id"], unique=True, sqlite_where=OPEN_ALERT, postgresql_where=OPEN_ALERT
    )


def downgrade() -> None:
    for table in ("alerts", "monitor_standings", "metric_points", "monitor_limits", "monitors"):
        op.drop_table(table)
