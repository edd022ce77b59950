"""add identity providers."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "group_mappings",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("workspace_id", sa.String(36), nullable=False),
        sa.Column("group_name", sa.String(300), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("on_kind", sa.String(20), nullable=False),
        sa.Column("on_id", sa.String(36), nullable=False),
        sa.Column("is_home", sa.Boolean(), nullable=False),
        sa.Column("created_by", sa.String(36), nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_group_mappings_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_group_mappings")),
        sa.UniqueConstraint(
            "workspace_id",
            "group_name",
            "role",
            "on_kind",
            "on_id",
            name=op.f("uq_group_mappings_workspace_id_group_name_role_on_kind_on_id"),
        ),
    )
    op.create_index(op.f("ix_group_mappings_workspace_id"), "group_mappings", ["workspace_id"])
    op.create_table(
        "provider_identities",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("workspace_id", sa.String(36), nullable=False),
        sa.Column("user_id", sa.String(36), nullable=False),
        sa.Column("issuer", sa.String(500), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("last_used_at", _AT, nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_provider_identities_workspace_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_provider_identities_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_identities")),
        sa.UniqueConstraint(
            "workspace_id", "issuer", "subject", name=op.f("uq_provider_identities_workspace_id_issuer_subject")
        ),
        sa.UniqueConstraint("user_id", "issuer", name=op.f("uq_provider_identities_user_id_issuer")),
    )
    op.create_index(op.f("ix_provider_identities_workspace_id"), "provider_identities", ["workspace_id"])
    op.create_table(
        "trust_rules",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("workspace_id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("issuer", sa.String(500), nullable=False),
        sa.Column("audience", sa.String(500), nullable=False),
        sa.Column("claims", sa.Text(), nullable=False),
        sa.Column("user_id", sa.String(36), nullable=False),
        sa.Column("scope", sa.String(20), nullable=False),
        sa.Column("lifetime_minutes", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(36), nullable=False),
        sa.Column("created_at", _AT, nullable=False),
        sa.Column("last_used_at", _AT, nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_trust_rules_workspace_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_trust_rules_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trust_rules")),
        sa.UniqueConstraint("workspace_id", "name", name=op.f("uq_trust_rules_workspace_id_name")),
    )
    op.create_index(op.f("ix_trust_rules_workspace_id"), "trust_rules", ["workspace_id"])
    op.create_index(op.f("ix_trust_rules_issuer"), "trust_rules", ["issuer"])
    op.create_table(
        "spent_proofs",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("expires_at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_spent_proofs")),
    )
    op.create_index(op.f("ix_spent_proofs_expires_at"), "spent_proofs", ["expires_at"])
    # With a default, so that the release before may still write while this one takes over.
    op.add_column("grants", sa.Column("source", sa.String(10), nullable=False, server_default="hand"))
    op.add_column("tokens", sa.Column("rule_id", sa.String(36), nullable=True))
    op.create_index(op.f("ix_tokens_rule_id"), "tokens", ["rule_id"])
    op.add_column("browser_sessions", sa.Column("ends_at", _AT, nullable=True))


def downgrade() -> None:
    op.drop_column("browser_sessions", "ends_at")
    op.drop_index(op.f("ix_tokens_rule_id"), "tokens")
    op.drop_column("tokens", "rule_id")
    op.drop_column("grants", "source")
    for table in ("spent_proofs", "trust_rules", "provider_identities", "group_mappings"):
        op.drop_table(table)
