"""index less in the log and in runs: each index costs every write, and nothing was found by these."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_runs_created_by", "runs")
    op.drop_index("ix_events_workspace_id", "events")
    op.drop_index("ix_events_model_id_id", "events")
    of_models = sa.text("model_id IS NOT NULL")
    op.create_index(
        "ix_events_model_id_id", "events", ["model_id", "id"], sqlite_where=of_models, postgresql_where=of_models
    )


def downgrade() -> None:
    op.drop_index("ix_events_model_id_id", "events")
    op.create_index("ix_events_model_id_id", "events", ["model_id", "id"])
    op.create_index("ix_events_workspace_id", "events", ["workspace_id"])
    op.create_index("ix_runs_created_by", "runs", ["created_by"])
