"""confirm test suites: what a policy looks at comes into force by the word of a second person.

Versions that were published before stay in force.
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("suite_versions") as suites:
        suites.add_column(sa.Column("is_guarding", sa.Boolean, nullable=False, server_default=sa.false()))
    with op.batch_alter_table("suite_versions") as suites:
        suites.alter_column("is_guarding", existing_type=sa.Boolean, existing_nullable=False, server_default=None)
    op.create_table(
        "suite_confirmations",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("workspace_id", sa.String(36), sa.ForeignKey("workspaces.id"), nullable=False, index=True),
        sa.Column("suite_version_id", sa.String(36), sa.ForeignKey("suite_versions.id"), nullable=False, unique=True),
        sa.Column("confirmed_by", sa.String(36), sa.ForeignKey("users.id"), nullable=False),
        sa.Column("sentence", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("suite_confirmations")
    with op.batch_alter_table("suite_versions") as suites:
        suites.drop_column("is_guarding")
