"""say who named the validator: only whom somebody independent named is the validator that the gate waits for.

Who was named before is a proposal, until it is named again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("models", "model_records"):
        op.add_column(table, sa.Column("validator_named_by", sa.String(36), nullable=True))


def downgrade() -> None:
    for table in ("model_records", "models"):
        with op.batch_alter_table(table) as rows:
            rows.drop_column("validator_named_by")
