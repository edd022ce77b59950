"""confirm assessments.

A tier below 1 counts from now on when somebody independent made or confirmed it. Assessments that were made by people
who watch over risk, and neither own nor made the model, count as confirmed by them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_INDEPENDENT = """
    UPDATE risk_assessments SET reviewed_by = assessed_by, reviewed_at = from_at
    WHERE EXISTS (
        SELECT 1 FROM grants WHERE grants.user_id = risk_assessments.assessed_by
        AND grants.role IN ('admin', 'risk', 'compliance', 'validator'))
    AND NOT EXISTS (
        SELECT 1 FROM models WHERE models.id = risk_assessments.model_id
        AND risk_assessments.assessed_by IN (models.owner_id, models.developer_id))
    AND NOT EXISTS (
        SELECT 1 FROM versions WHERE versions.model_id = risk_assessments.model_id
        AND risk_assessments.assessed_by IN (versions.created_by, versions.developer_id))
"""


def upgrade() -> None:
    op.add_column("risk_assessments", sa.Column("reviewed_by", sa.String(36), nullable=True))
    op.add_column("risk_assessments", sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(_INDEPENDENT)


def downgrade() -> None:
    op.drop_column("risk_assessments", "reviewed_at")
    op.drop_column("risk_assessments", "reviewed_by")
