"""create blobs and scans."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "blobs",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("block_size", sa.Integer(), nullable=False),
        sa.Column("block_digests", sa.LargeBinary(), nullable=False),
        sa.Column("format", sa.String(length=20), nullable=True),
        sa.Column("verdict", sa.String(length=10), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("globals", sa.Text(), nullable=False),
        sa.Column("scanned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by", sa.String(length=36), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("damaged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removing_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_blobs")),
        sa.UniqueConstraint("id", name=op.f("uq_blobs_id")),
    )
    op.create_index(op.f("ix_blobs_verdict"), "blobs", ["verdict"])
    op.create_index(op.f("ix_blobs_created_at"), "blobs", ["created_at"])
    op.create_index(op.f("ix_blobs_removing_at"), "blobs", ["removing_at"])
    op.create_table(
        "blob_holds",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("holder_kind", sa.String(length=20), nullable=False),
        sa.Column("holder_id", sa.String(length=36), nullable=False),
        sa.Column("unit_id", sa.String(length=36), nullable=True),
        sa.Column("model_id", sa.String(length=36), nullable=True),
        sa.Column("name", sa.String(length=1024), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("workspace_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["sha256"], ["blobs.sha256"], name=op.f("fk_blob_holds_sha256")),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_blob_holds_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blob_holds")),
        sa.UniqueConstraint(
            "sha256", "holder_kind", "holder_id", name=op.f("uq_blob_holds_sha256_holder_kind_holder_id")
        ),
    )
    op.create_index(op.f("ix_blob_holds_workspace_id"), "blob_holds", ["workspace_id"])
    op.create_index(op.f("ix_blob_holds_unit_id"), "blob_holds", ["unit_id"])
    op.create_index(op.f("ix_blob_holds_model_id"), "blob_holds", ["model_id"])
    op.create_index(op.f("ix_blob_holds_holder_kind_holder_id"), "blob_holds", ["holder_kind", "holder_id"])


def downgrade() -> None:
    op.drop_table("blob_holds")
    op.drop_table("blobs")
