"""Sealed secrets; who drives a run; the number of a run within its experiment; the step at which a metric was logged"""

import sqlalchemy as sa
from alembic import op

from penstock.store.dialect import Big, name_type

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "secret",
        sa.Column("workspace", name_type(255), nullable=False),
        sa.Column("name", name_type(255), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("updated_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.name"], name=op.f("fk_secret_workspace_workspace")),
        sa.PrimaryKeyConstraint("workspace", "name", name=op.f("pk_secret")),
    )
    op.add_column("metric", sa.Column("step", Big, nullable=True))
    op.add_column("run", sa.Column("owner", sa.Text(), nullable=True))
    op.add_column("run", sa.Column("experiment_number", Big, nullable=True))
    op.execute(
        "UPDATE run SET experiment_number = placed.place FROM (SELECT number AS of_run, row_number() OVER "
        "(PARTITION BY workspace, experiment ORDER BY number) AS place FROM run) AS placed WHERE placed.of_run = run.number"
    )


def downgrade() -> None:
    op.drop_column("run", "experiment_number")
    op.drop_column("run", "owner")
    op.drop_column("metric", "step")
    op.drop_table("secret")
