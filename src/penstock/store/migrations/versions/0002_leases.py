"""The leader's lease, and the home that holds the files of a shared database"""

import sqlalchemy as sa
from alembic import op

from penstock.store.dialect import Big, name_type

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lease",
        sa.Column("name", name_type(32), nullable=False),
        sa.Column("holder", name_type(36), nullable=False),
        sa.Column("term", Big, nullable=False),
        sa.Column("until", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )
    op.create_table(
        "files_home",
        sa.Column("id", name_type(36), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_files_home")),
    )
