"""Pinned runs, outputs that were cleared away, and who stands on whom"""

import sqlalchemy as sa
from alembic import op

from penstock.store.dialect import Big, name_type

revision = "0009"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pinned",
        sa.Column("run_id", name_type(64), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_pinned")),
    )
    op.create_table(
        "removal",
        sa.Column("run_id", name_type(64), nullable=False),
        sa.Column("name", name_type(255), nullable=False),
        sa.Column("sweep", name_type(36), nullable=False),
        sa.Column("root", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("n_files", Big, nullable=False),
        sa.Column("size_bytes", Big, nullable=False),
        sa.Column("state", name_type(16), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.CheckConstraint("state IN ('aside', 'going', 'gone', 'returning')", name=op.f("ck_removal_state")),
        sa.PrimaryKeyConstraint("run_id", "name", name=op.f("pk_removal")),
    )
    op.create_index(op.f("ix_removal_state"), "removal", ["state"])
    op.create_index(op.f("ix_removal_path"), "removal", ["path"])
    op.create_index(op.f("ix_identity_reused_run_id"), "identity", ["reused_run_id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_identity_reused_run_id"), "identity")
    op.drop_table("removal")
    op.drop_table("pinned")
