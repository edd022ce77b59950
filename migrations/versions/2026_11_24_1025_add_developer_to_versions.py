"""add developer to versions."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("versions", sa.Column("developer_id", sa.String(length=36), nullable=True))
    op.execute(
        "UPDATE versions SET developer_id ="
        " (SELECT models.developer_id FROM models WHERE models.id = versions.model_id)"
    )


def downgrade() -> None:
    op.drop_column("versions", "developer_id")
