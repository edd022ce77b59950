"""tag the blocks of files: the key that the tags of a file's blocks are made with.

Files that were stored before keep the SHA-256 of each block, and no key.
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("blobs", sa.Column("block_key", sa.LargeBinary(16), nullable=True))


def downgrade() -> None:
    tagged = op.get_bind().scalar(sa.text("SELECT count(*) FROM blobs WHERE block_key IS NOT NULL"))
    if tagged:
        raise RuntimeError(
            f"{tagged} files were stored since. An older release cannot check their blocks, and would call them "
            "damaged: restore the backup from before the upgrade instead."
        )
    with op.batch_alter_table("blobs") as blobs:
        blobs.drop_column("block_key")
