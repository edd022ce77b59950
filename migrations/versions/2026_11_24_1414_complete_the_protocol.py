"""complete the protocol: files that clients send to the bucket themselves; aliases as long as clients may make them."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "direct_uploads",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("workspace_id", sa.String(36), sa.ForeignKey("workspaces.id"), nullable=False, index=True),
        sa.Column("path", sa.String(1024), nullable=False),
        sa.Column("parts", sa.Integer, nullable=False),
        sa.Column("created_by", sa.String(36), nullable=False, index=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False, index=True),
    )
    with op.batch_alter_table("aliases") as aliases:
        aliases.alter_column("name", existing_type=sa.String(250), type_=sa.String(255), existing_nullable=False)


def downgrade() -> None:
    with op.batch_alter_table("aliases") as aliases:
        aliases.alter_column("name", existing_type=sa.String(255), type_=sa.String(250), existing_nullable=False)
    op.drop_table("direct_uploads")
