"""add findings, waivers and delegations.

Also emergency changes, evidence, the keys whose signatures count, comments on requests, and when somebody last typed
their password.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "steps_taken",
        sa.Column("subject_id", sa.String(36), nullable=False),
        sa.Column("step", sa.String(80), nullable=False),
        sa.Column("at", _AT, nullable=False),
        sa.PrimaryKeyConstraint("subject_id", "step", name=op.f("pk_steps_taken")),
    )
    op.create_table(
        "trusted_keys",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("name", sa.String(250), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("added_by", sa.String(36), nullable=False),
        sa.Column("from_at", _AT, nullable=False),
        sa.Column("to_at", _AT, nullable=True),
        sa.Column("ended_by", sa.String(36), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.String(36), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_trusted_keys_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trusted_keys")),
    )
    op.create_index(op.f("ix_trusted_keys_workspace_id"), "trusted_keys", ["workspace_id"], unique=False)
    op.create_index(
        "uq_trusted_keys_in_use",
        "trusted_keys",
        ["workspace_id", "key_id"],
        unique=True,
        sqlite_where=sa.text("to_at IS NULL"),
        postgresql_where=sa.text("to_at IS NULL"),
    )
    op.create_table(
        "delegations",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("holder_id", sa.String(36), nullable=False),
        sa.Column("delegate_id", sa.String(36), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("from_at", _AT, nullable=False),
        sa.Column("to_at", _AT, nullable=False),
        sa.Column("made_at", _AT, nullable=False),
        sa.Column("ended_by", sa.String(36), nullable=True),
        sa.Column("workspace_id", sa.String(36), nullable=False),
        sa.CheckConstraint("holder_id <> delegate_id", name=op.f("ck_delegations_is_to_somebody_else")),
        sa.CheckConstraint("to_at >= from_at", name=op.f("ck_delegations_ends_after_it_begins")),
        sa.ForeignKeyConstraint(["delegate_id"], ["users.id"], name=op.f("fk_delegations_delegate_id")),
        sa.ForeignKeyConstraint(["holder_id"], ["users.id"], name=op.f("fk_delegations_holder_id")),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_delegations_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delegations")),
    )
    op.create_index(op.f("ix_delegations_delegate_id_to_at"), "delegations", ["delegate_id", "to_at"], unique=False)
    op.create_index(op.f("ix_delegations_holder_id_to_at"), "delegations", ["holder_id", "to_at"], unique=False)
    op.create_index(op.f("ix_delegations_workspace_id"), "delegations", ["workspace_id"], unique=False)
    op.create_table(
        "emergencies",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("model_id", sa.String(36), nullable=False),
        sa.Column("version_id", sa.String(36), nullable=False),
        sa.Column("action", sa.String(300), nullable=False),
        sa.Column("environment_id", sa.String(36), nullable=False),
        sa.Column("environment", sa.String(250), nullable=False),
        sa.Column("deployment", sa.String(250), nullable=True),
        sa.Column("digest", sa.String(64), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("tier", sa.Integer(), nullable=False),
        sa.Column("approvers", sa.Integer(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("asked_by", sa.String(36), nullable=False),
        sa.Column("asked_at", _AT, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("from_at", _AT, nullable=True),
        sa.Column("to_at", _AT, nullable=True),
        sa.Column("settled_at", _AT, nullable=True),
        sa.Column("applied_at", _AT, nullable=True),
        sa.Column("applied", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.String(36), nullable=False),
        sa.ForeignKeyConstraint(["asked_by"], ["users.id"], name=op.f("fk_emergencies_asked_by")),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("fk_emergencies_model_id")),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name=op.f("fk_emergencies_version_id")),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_emergencies_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_emergencies")),
    )
    op.create_index(op.f("ix_emergencies_model_id_id"), "emergencies", ["model_id", "id"], unique=False)
    op.create_index(op.f("ix_emergencies_workspace_id"), "emergencies", ["workspace_id"], unique=False)
    op.create_index(
        op.f("ix_emergencies_workspace_id_state_id"), "emergencies", ["workspace_id", "state", "id"], unique=False
    )
    op.create_index(
        "uq_emergencies_open",
        "emergencies",
        ["version_id", "action", "environment_id"],
        unique=True,
        sqlite_where=sa.text("state IN ('requested', 'active')"),
        postgresql_where=sa.text("state IN ('requested', 'active')"),
    )
    op.create_table(
        "evidence",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("model_id", sa.String(36), nullable=False),
        sa.Column("version_id", sa.String(36), nullable=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("word", sa.String(100), nullable=False),
        sa.Column("title", sa.String(250), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("added_by", sa.String(36), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("source", sa.String(10), nullable=False),
        sa.Column("file_sha256", sa.String(64), nullable=True),
        sa.Column("link", sa.Text(), nullable=True),
        sa.Column("digest", sa.String(64), nullable=True),
        sa.Column("covers", sa.String(64), nullable=True),
        sa.Column("outcome", sa.String(20), nullable=True),
        sa.Column("next_due", sa.Date(), nullable=True),
        sa.Column("signed_text", sa.Text(), nullable=True),
        sa.Column("key_id", sa.String(16), nullable=True),
        sa.Column("signature", sa.String(128), nullable=True),
        sa.Column("trusted_key_id", sa.String(36), nullable=True),
        sa.Column("at", _AT, nullable=False),
        sa.Column("expires_at", _AT, nullable=True),
        sa.Column("withdrawn_at", _AT, nullable=True),
        sa.Column("withdrawn_by", sa.String(36), nullable=True),
        sa.Column("withdrawn_reason", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.String(36), nullable=False),
        sa.ForeignKeyConstraint(["added_by"], ["users.id"], name=op.f("fk_evidence_added_by")),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("fk_evidence_model_id")),
        sa.ForeignKeyConstraint(["trusted_key_id"], ["trusted_keys.id"], name=op.f("fk_evidence_trusted_key_id")),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name=op.f("fk_evidence_version_id")),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_evidence_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
    )
    op.create_index(op.f("ix_evidence_expires_at"), "evidence", ["expires_at"], unique=False)
    op.create_index(op.f("ix_evidence_model_id_at"), "evidence", ["model_id", "at"], unique=False)
    op.create_index(op.f("ix_evidence_version_id"), "evidence", ["version_id"], unique=False)
    op.create_index(op.f("ix_evidence_workspace_id"), "evidence", ["workspace_id"], unique=False)
    op.create_table(
        "approval_comments",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("request_id", sa.String(36), nullable=False),
        sa.Column("said_by", sa.String(36), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", _AT, nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["approval_requests.id"], name=op.f("fk_approval_comments_request_id")),
        sa.ForeignKeyConstraint(["said_by"], ["users.id"], name=op.f("fk_approval_comments_said_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval_comments")),
    )
    op.create_index(op.f("ix_approval_comments_request_id"), "approval_comments", ["request_id"], unique=False)
    op.create_table(
        "emergency_answers",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("emergency_id", sa.String(36), nullable=False),
        sa.Column("person_id", sa.String(36), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("is_agreed", sa.Boolean(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("at", _AT, nullable=False),
        sa.ForeignKeyConstraint(["emergency_id"], ["emergencies.id"], name=op.f("fk_emergency_answers_emergency_id")),
        sa.ForeignKeyConstraint(["person_id"], ["users.id"], name=op.f("fk_emergency_answers_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_emergency_answers")),
        sa.UniqueConstraint("emergency_id", "person_id", name=op.f("uq_emergency_answers_emergency_id_person_id")),
    )
    op.create_table(
        "findings",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("model_id", sa.String(36), nullable=False),
        sa.Column("version_id", sa.String(36), nullable=True),
        sa.Column("validation_id", sa.String(36), nullable=True),
        sa.Column("emergency_id", sa.String(36), nullable=True),
        sa.Column("title", sa.String(250), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("recommendation", sa.Text(), nullable=False),
        sa.Column("source", sa.String(20), nullable=False),
        sa.Column("category", sa.String(20), nullable=False),
        sa.Column("likelihood", sa.String(10), nullable=False),
        sa.Column("function", sa.String(20), nullable=False),
        sa.Column("owner_id", sa.String(36), nullable=False),
        sa.Column("raised_by", sa.String(36), nullable=False),
        sa.Column("raised_at", _AT, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("severity", sa.String(10), nullable=False),
        sa.Column("due", sa.Date(), nullable=False),
        sa.Column("due_moves", sa.Integer(), nullable=False),
        sa.Column("remedied_by", sa.String(36), nullable=True),
        sa.Column("remedy", sa.Text(), nullable=False),
        sa.Column("closed_by", sa.String(36), nullable=True),
        sa.Column("closed_at", _AT, nullable=True),
        sa.Column("closing_evidence", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.String(36), nullable=False),
        sa.ForeignKeyConstraint(["emergency_id"], ["emergencies.id"], name=op.f("fk_findings_emergency_id")),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("fk_findings_model_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_findings_owner_id")),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name=op.f("fk_findings_version_id")),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_findings_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_findings")),
    )
    op.create_index(op.f("ix_findings_model_id_state"), "findings", ["model_id", "state"], unique=False)
    op.create_index(op.f("ix_findings_owner_id_state"), "findings", ["owner_id", "state"], unique=False)
    op.create_index(op.f("ix_findings_validation_id"), "findings", ["validation_id"], unique=False)
    op.create_index(op.f("ix_findings_workspace_id"), "findings", ["workspace_id"], unique=False)
    op.create_index(
        op.f("ix_findings_workspace_id_state_id"), "findings", ["workspace_id", "state", "id"], unique=False
    )
    op.create_table(
        "finding_due_moves",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("finding_id", sa.String(36), nullable=False),
        sa.Column("before", sa.Date(), nullable=False),
        sa.Column("wanted", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.String(36), nullable=False),
        sa.Column("asked_at", _AT, nullable=False),
        sa.Column("is_agreed", sa.Boolean(), nullable=True),
        sa.Column("decided_by", sa.String(36), nullable=True),
        sa.Column("decided_at", _AT, nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["finding_id"], ["findings.id"], name=op.f("fk_finding_due_moves_finding_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_finding_due_moves")),
    )
    op.create_index(op.f("ix_finding_due_moves_finding_id"), "finding_due_moves", ["finding_id"], unique=False)
    op.create_index(
        "uq_finding_due_moves_open",
        "finding_due_moves",
        ["finding_id"],
        unique=True,
        sqlite_where=sa.text("decided_at IS NULL"),
        postgresql_where=sa.text("decided_at IS NULL"),
    )
    op.create_table(
        "finding_intervals",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("finding_id", sa.String(36), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("severity", sa.String(10), nullable=False),
        sa.Column("due", sa.Date(), nullable=False),
        sa.Column("waiver_id", sa.String(36), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("set_by", sa.String(36), nullable=False),
        sa.Column("from_at", _AT, nullable=False),
        sa.Column("to_at", _AT, nullable=True),
        sa.ForeignKeyConstraint(["finding_id"], ["findings.id"], name=op.f("fk_finding_intervals_finding_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_finding_intervals")),
    )
    op.create_index(
        op.f("ix_finding_intervals_finding_id_from_at"), "finding_intervals", ["finding_id", "from_at"], unique=False
    )
    op.create_index(
        "uq_finding_intervals_open",
        "finding_intervals",
        ["finding_id"],
        unique=True,
        sqlite_where=sa.text("to_at IS NULL"),
        postgresql_where=sa.text("to_at IS NULL"),
    )
    op.create_table(
        "waivers",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("model_id", sa.String(36), nullable=False),
        sa.Column("version_id", sa.String(36), nullable=True),
        sa.Column("environment_id", sa.String(36), nullable=False),
        sa.Column("environment", sa.String(250), nullable=False),
        sa.Column("requirement_id", sa.String(100), nullable=True),
        sa.Column("finding_id", sa.String(36), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("control", sa.Text(), nullable=False),
        sa.Column("seats", sa.Text(), nullable=False),
        sa.Column("tier", sa.Integer(), nullable=False),
        sa.Column("wanted_until", _AT, nullable=False),
        sa.Column("asked_by", sa.String(36), nullable=False),
        sa.Column("asked_at", _AT, nullable=False),
        sa.Column("renews_id", sa.String(36), nullable=True),
        sa.Column("renewals", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("from_at", _AT, nullable=True),
        sa.Column("to_at", _AT, nullable=True),
        sa.Column("ended_by", sa.String(36), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.String(36), nullable=False),
        sa.CheckConstraint(
            "(requirement_id IS NULL) <> (finding_id IS NULL)", name=op.f("ck_waivers_sets_one_thing_aside")
        ),
        sa.CheckConstraint(
            "to_at IS NULL OR from_at IS NULL OR to_at >= from_at", name=op.f("ck_waivers_ends_after_it_begins")
        ),
        sa.ForeignKeyConstraint(["asked_by"], ["users.id"], name=op.f("fk_waivers_asked_by")),
        sa.ForeignKeyConstraint(["finding_id"], ["findings.id"], name=op.f("fk_waivers_finding_id")),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("fk_waivers_model_id")),
        sa.ForeignKeyConstraint(["renews_id"], ["waivers.id"], name=op.f("fk_waivers_renews_id")),
        sa.ForeignKeyConstraint(["version_id"], ["versions.id"], name=op.f("fk_waivers_version_id")),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_waivers_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waivers")),
    )
    op.create_index(op.f("ix_waivers_finding_id"), "waivers", ["finding_id"], unique=False)
    op.create_index(op.f("ix_waivers_model_id_state"), "waivers", ["model_id", "state"], unique=False)
    op.create_index(op.f("ix_waivers_workspace_id"), "waivers", ["workspace_id"], unique=False)
    op.create_index(
        op.f("ix_waivers_workspace_id_state_to_at"), "waivers", ["workspace_id", "state", "to_at"], unique=False
    )
    op.create_table(
        "waiver_answers",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("waiver_id", sa.String(36), nullable=False),
        sa.Column("person_id", sa.String(36), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("is_agreed", sa.Boolean(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("at", _AT, nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["users.id"], name=op.f("fk_waiver_answers_person_id")),
        sa.ForeignKeyConstraint(["waiver_id"], ["waivers.id"], name=op.f("fk_waiver_answers_waiver_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waiver_answers")),
        sa.UniqueConstraint("waiver_id", "person_id", name=op.f("uq_waiver_answers_waiver_id_person_id")),
    )
    op.add_column("approval_requests", sa.Column("due_at", _AT, nullable=True))
    op.add_column("approval_requests", sa.Column("on_timeout", sa.String(10), nullable=False, server_default=""))
    op.add_column("approval_requests", sa.Column("escalated_at", _AT, nullable=True))
    op.add_column("approval_requests", sa.Column("is_auto", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("approval_requests", sa.Column("deployment", sa.String(250), nullable=True))
    op.add_column("approval_requests", sa.Column("applied_at", _AT, nullable=True))
    op.add_column("approval_requests", sa.Column("applied", sa.Text(), nullable=False, server_default=""))
    op.add_column("browser_sessions", sa.Column("proved_at", _AT, nullable=True))
    op.add_column("votes", sa.Column("holder_id", sa.String(36), nullable=True))
    op.add_column("votes", sa.Column("delegation_id", sa.String(36), nullable=True))


def downgrade() -> None:
    op.drop_column("votes", "delegation_id")
    op.drop_column("votes", "holder_id")
    op.drop_column("browser_sessions", "proved_at")
    op.drop_column("approval_requests", "applied")
    op.drop_column("approval_requests", "applied_at")
    op.drop_column("approval_requests", "deployment")
    op.drop_column("approval_requests", "is_auto")
    op.drop_column("approval_requests", "escalated_at")
    op.drop_column("approval_requests", "on_timeout")
    op.drop_column("approval_requests", "due_at")
    op.drop_table("waiver_answers")
    op.drop_table("waivers")
    op.drop_table("finding_intervals")
    op.drop_table("finding_due_moves")
    op.drop_table("findings")
    op.drop_table("emergency_answers")
    op.drop_table("approval_comments")
    op.drop_table("evidence")
    op.drop_table("emergencies")
    op.drop_table("delegations")
    op.drop_table("trusted_keys")
    op.drop_table("steps_taken")
