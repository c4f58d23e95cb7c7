"""Identities of steps, and what they were seen to read"""

import sqlalchemy as sa
from alembic import op

from penstock.store.dialect import name_type

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "identity",
        sa.Column("run_id", name_type(64), nullable=False),
        sa.Column("workspace", name_type(255), nullable=False),
        sa.Column("name", name_type(255), nullable=False),
        sa.Column("fingerprint", name_type(80), nullable=True),
        sa.Column("module", name_type(80), nullable=True),
        sa.Column("parts", sa.Text(), nullable=False),
        sa.Column("reused_run_id", name_type(64), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("unusable", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_identity")),
    )
    op.create_index(op.f("ix_identity_fingerprint"), "identity", ["fingerprint"])
    op.create_index(op.f("ix_identity_workspace_name"), "identity", ["workspace", "name"])
    op.create_table(
        "observation",
        sa.Column("run_id", name_type(64), nullable=False),
        sa.Column("kind", name_type(16), nullable=False),
        sa.Column("name", name_type(1024), nullable=False),
        sa.Column("found", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "kind", "name", name=op.f("pk_observation")),
    )


def downgrade() -> None:
    op.drop_table("observation")
    op.drop_table("identity")
