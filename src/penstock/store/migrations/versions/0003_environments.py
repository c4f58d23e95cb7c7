"""Registered environments"""

import sqlalchemy as sa
from alembic import op

from penstock.store.dialect import name_type

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "environment",
        sa.Column("workspace", name_type(255), nullable=False),
        sa.Column("name", name_type(255), nullable=False),
        sa.Column("version", name_type(64), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.name"], name=op.f("fk_environment_workspace_workspace")),
        sa.PrimaryKeyConstraint("workspace", "name", "version", name=op.f("pk_environment")),
    )


def downgrade() -> None:
    op.drop_table("environment")
