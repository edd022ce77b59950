"""create summary intervals."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

OPEN = sa.text("to_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "summary_intervals",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("model_id", sa.String(length=36), nullable=False),
        sa.Column("tier", sa.Integer(), nullable=True),
        sa.Column("impact", sa.Integer(), nullable=True),
        sa.Column("likelihood", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=30), nullable=False),
        sa.Column("light", sa.String(length=20), nullable=False),
        sa.Column("is_live", sa.Boolean(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("to_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name="fk_summary_intervals_model_id"),
        sa.PrimaryKeyConstraint("id", name="pk_summary_intervals"),
    )
    op.create_index("ix_summary_intervals_model_id", "summary_intervals", ["model_id"])
    op.create_index("ix_summary_intervals_from_at_to_at", "summary_intervals", ["from_at", "to_at"])
    op.create_index(
        "uq_summary_intervals_open",
        "summary_intervals",
        ["model_id"],
        unique=True,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )


def downgrade() -> None:
    op.drop_table("summary_intervals")
