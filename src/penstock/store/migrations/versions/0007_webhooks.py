"""Webhooks and what they were told"""

import sqlalchemy as sa
from alembic import op

from penstock.store.dialect import Big, name_type

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "webhook",
        sa.Column("id", name_type(36), nullable=False),
        sa.Column("workspace", name_type(255), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("experiment", name_type(255), nullable=True),
        sa.Column("events", sa.Text(), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("seen", Big, nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("disabled", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.name"], name=op.f("fk_webhook_workspace_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook")),
    )
    op.create_table(
        "delivery",
        sa.Column("webhook_id", name_type(36), nullable=False),
        sa.Column("run_id", name_type(64), nullable=False),
        sa.Column("event", name_type(32), nullable=False),
        sa.Column("n_tries", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.Float(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("delivered_at", sa.Float(), nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhook.id"], name=op.f("fk_delivery_webhook_id_webhook"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("webhook_id", "run_id", name=op.f("pk_delivery")),
    )
    op.create_index(op.f("ix_delivery_next_at"), "delivery", ["next_at"])


def downgrade() -> None:
    op.drop_table("delivery")
    op.drop_table("webhook")
