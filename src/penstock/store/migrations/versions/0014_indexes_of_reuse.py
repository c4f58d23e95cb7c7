"""Steps are looked up by fingerprint and module among those that ran, and those that were reused by what stands for them"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_RAN, _REUSED = sa.text("reused_run_id IS NULL"), sa.text("reused_run_id IS NOT NULL")


def upgrade() -> None:
    for name in ("fingerprint", "workspace_name", "reused_run_id"):
        op.drop_index(op.f(f"ix_identity_{name}"), "identity")
    name = op.f("ix_identity_fingerprint")
    op.create_index(name, "identity", ["fingerprint"], sqlite_where=_RAN, postgresql_where=_RAN)
    name = op.f("ix_identity_workspace_name_module")
    columns = ["workspace", "name", "module"]
    op.create_index(name, "identity", columns, sqlite_where=_RAN, postgresql_where=_RAN)
    name = op.f("ix_identity_reused_run_id")
    op.create_index(name, "identity", ["reused_run_id"], sqlite_where=_REUSED, postgresql_where=_REUSED)


def downgrade() -> None:
    for name in ("fingerprint", "workspace_name_module", "reused_run_id"):
        op.drop_index(op.f(f"ix_identity_{name}"), "identity")
    op.create_index(op.f("ix_identity_fingerprint"), "identity", ["fingerprint"])
    op.create_index(op.f("ix_identity_workspace_name"), "identity", ["workspace", "name"])
    op.create_index(op.f("ix_identity_reused_run_id"), "identity", ["reused_run_id"])
