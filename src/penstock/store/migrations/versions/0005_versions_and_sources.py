"""Versions that are never given twice, what a dataset's files were, where a datastore's files come from, its secrets"""

import sqlalchemy as sa
from alembic import op

from penstock.store.dialect import name_type

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "version_given",
        sa.Column("workspace", name_type(255), nullable=False),
        sa.Column("kind", name_type(16), nullable=False),
        sa.Column("name", name_type(255), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.name"], name=op.f("fk_version_given_workspace_workspace")),
        sa.PrimaryKeyConstraint("workspace", "kind", "name", name=op.f("pk_version_given")),
    )
    op.add_column("dataset_version", sa.Column("source_state", sa.Text(), nullable=True))
    op.add_column("datastore", sa.Column("url", sa.Text(), nullable=True))
    op.add_column("datastore", sa.Column("secrets", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("datastore", "secrets")
    op.drop_column("datastore", "url")
    op.drop_column("dataset_version", "source_state")
    op.drop_table("version_given")
