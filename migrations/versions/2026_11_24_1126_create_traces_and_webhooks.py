"""create traces and webhooks."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

CLUSTERED = {"sqlite_with_rowid": False}


def logged() -> list[sa.Column]:
    return [
        sa.Column("logged_ms", sa.BigInteger, nullable=False),
        sa.Column("logged_by", sa.String(36), nullable=False),
    ]


def of_trace() -> sa.Column:
    return sa.Column("trace_id", sa.String(250), sa.ForeignKey("traces.id"), primary_key=True)


def upgrade() -> None:
    op.create_table(
        "traces",
        sa.Column("id", sa.String(250), primary_key=True),
        sa.Column("experiment_id", sa.String(36), sa.ForeignKey("experiments.id"), nullable=False),
        sa.Column("start_ms", sa.BigInteger, nullable=False),
        sa.Column("duration_ms", sa.BigInteger),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("client_request_id", sa.Text),
        sa.Column("request_preview", sa.Text),
        sa.Column("response_preview", sa.Text),
        sa.Column("is_told", sa.Boolean, nullable=False),
        sa.Column("created_by", sa.String(36), nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_traces_listing", "traces", ["experiment_id", "start_ms", "id"])
    for table in ("trace_tags", "trace_metadata"):
        op.create_table(
            table,
            of_trace(),
            sa.Column("key", sa.String(250), primary_key=True),
            sa.Column("value", sa.Text, nullable=False),
            *logged(),
            **CLUSTERED,
        )
    op.create_table(
        "spans",
        of_trace(),
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("parent_id", sa.String(16)),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("start_ns", sa.BigInteger, nullable=False),
        sa.Column("end_ns", sa.BigInteger),
        sa.Column("attributes", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        *logged(),
    )
    op.create_table(
        "trace_assessments",
        sa.Column("id", sa.String(250), primary_key=True),
        sa.Column("trace_id", sa.String(250), sa.ForeignKey("traces.id"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("text", sa.Text),
        sa.Column("number", sa.Double),
        sa.Column("source_type", sa.String(30), nullable=False),
        sa.Column("source_id", sa.Text, nullable=False),
        sa.Column("span_id", sa.Text),
        sa.Column("overrides", sa.String(250)),
        sa.Column("is_valid", sa.Boolean, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("updated_ms", sa.BigInteger, nullable=False),
        sa.Column("created_by", sa.String(36), nullable=False),
        sa.Column("updated_by", sa.String(36), nullable=False),
    )
    op.create_index("ix_trace_assessments_trace_id_name", "trace_assessments", ["trace_id", "name"])
    op.create_table(
        "trace_runs",
        sa.Column("run_id", sa.String(36), sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("trace_id", sa.String(250), primary_key=True),
        *logged(),
        **CLUSTERED,
    )
    op.create_index("ix_trace_runs_trace_id", "trace_runs", ["trace_id"])
    op.create_table(
        "trace_prompts",
        of_trace(),
        sa.Column("name", sa.String(250), primary_key=True),
        sa.Column("version", sa.String(20), primary_key=True),
        *logged(),
        **CLUSTERED,
    )
    op.create_index("ix_trace_prompts_name_version", "trace_prompts", ["name", "version"])
    create_evaluation()
    create_webhooks()


def create_webhooks() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("workspace_id", sa.String(36), sa.ForeignKey("workspaces.id"), nullable=False, index=True),
        sa.Column("owner_id", sa.String(36), sa.ForeignKey("users.id"), nullable=False, index=True),
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("description", sa.Text),
        sa.Column("url", sa.String(2000), nullable=False),
        sa.Column("events", sa.Text, nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("secret", sa.Text),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("active_from", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("webhook_id", sa.String(36), sa.ForeignKey("webhooks.id"), nullable=False),
        sa.Column("event_id", sa.String(36), sa.ForeignKey("events.id"), nullable=False),
        sa.Column("entity", sa.String(30), nullable=False),
        sa.Column("action", sa.String(20), nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("response_status", sa.Integer),
        sa.Column("response_body", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True)),
        sa.UniqueConstraint("webhook_id", "event_id", "entity", "action"),
    )


def made() -> list[sa.Column]:
    return [
        sa.Column("made_by_name", sa.Text, nullable=False),
        sa.Column("changed_by_name", sa.Text, nullable=False),
        sa.Column("created_by", sa.String(36), nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("updated_ms", sa.BigInteger, nullable=False),
    ]


def create_evaluation() -> None:
    op.create_table(
        "evaluation_sets",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("workspace_id", sa.String(36), sa.ForeignKey("workspaces.id"), nullable=False, index=True),
        sa.Column("unit_id", sa.String(36), sa.ForeignKey("units.id"), nullable=False, index=True),
        sa.Column("name", sa.String(500), nullable=False),
        sa.Column("digest", sa.String(36), nullable=False),
        sa.Column("schema", sa.Text),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("record_count", sa.BigInteger, nullable=False),
        *made(),
    )
    op.create_table(
        "evaluation_tags",
        sa.Column("set_id", sa.String(36), sa.ForeignKey("evaluation_sets.id"), primary_key=True),
        sa.Column("key", sa.String(250), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "evaluation_experiments",
        sa.Column("set_id", sa.String(36), sa.ForeignKey("evaluation_sets.id"), primary_key=True),
        sa.Column("experiment_id", sa.String(36), sa.ForeignKey("experiments.id"), primary_key=True, index=True),
    )
    op.create_table(
        "evaluation_records",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("set_id", sa.String(36), sa.ForeignKey("evaluation_sets.id"), nullable=False),
        sa.Column("inputs_digest", sa.String(64), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        *made(),
        sa.UniqueConstraint("set_id", "inputs_digest"),
    )
    op.create_index("ix_evaluation_records_set_id_created_ms_id", "evaluation_records", ["set_id", "created_ms", "id"])
    op.create_table(
        "scorer_versions",
        sa.Column("experiment_id", sa.String(36), sa.ForeignKey("experiments.id"), primary_key=True),
        sa.Column("name", sa.String(250), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("scorer_id", sa.String(36), nullable=False),
        sa.Column("serialized", sa.Text, nullable=False),
        sa.Column("created_by", sa.String(36), nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    for table in (
        "webhook_deliveries",
        "webhooks",
        "scorer_versions",
        "evaluation_records",
        "evaluation_experiments",
        "evaluation_tags",
        "evaluation_sets",
        "trace_prompts",
        "trace_runs",
        "trace_assessments",
        "spans",
        "trace_metadata",
        "trace_tags",
        "traces",
    ):
        op.drop_table(table)
