"""Runs are found by status, and by the values of their tags and properties"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    name = op.f("ix_run_workspace_status_number")
    op.create_index(name, "run", ["workspace", "status", "number"])
    op.drop_index(op.f("ix_label_kind_name"), "label")
    op.create_index(op.f("ix_label_kind_name_value"), "label", ["kind", "name", sa.text("substr(value, 1, 64)")])


def downgrade() -> None:
    op.drop_index(op.f("ix_label_kind_name_value"), "label")
    op.create_index(op.f("ix_label_kind_name"), "label", ["kind", "name"])
    op.drop_index(op.f("ix_run_workspace_status_number"), "run")
