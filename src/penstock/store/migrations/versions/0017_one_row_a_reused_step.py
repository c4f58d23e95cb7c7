"""A reused step is one row, which says whose results are its own: it has no identity and no outputs of its own beside"""

import sqlalchemy as sa
from alembic import op

from penstock.store.dialect import name_type

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_RAN, _REUSED = sa.text("reused_run_id IS NULL"), sa.text("reused_run_id IS NOT NULL")
_PUBLISHED, _WARNING = sa.text("pipeline_id IS NOT NULL"), sa.text("name = 'warning'")


def upgrade() -> None:
    # Nothing was ever kept in run.fingerprint.
    op.execute("ALTER TABLE run RENAME COLUMN fingerprint TO reused_run_id")
    op.execute(
        "UPDATE run SET reused_run_id = (SELECT reused_run_id FROM identity WHERE identity.run_id = run.id) "
        "WHERE id IN (SELECT run_id FROM identity WHERE reused_run_id IS NOT NULL)"
    )
    op.execute("DELETE FROM output WHERE run_id IN (SELECT id FROM run WHERE reused_run_id IS NOT NULL)")
    op.execute("DELETE FROM identity WHERE reused_run_id IS NOT NULL")
    for name in ("fingerprint", "workspace_name_module", "reused_run_id"):
        op.drop_index(op.f(f"ix_identity_{name}"), "identity")
    with op.batch_alter_table("identity") as batch:
        batch.drop_column("reused_run_id")
    op.create_index(op.f("ix_identity_fingerprint"), "identity", ["fingerprint"])
    op.create_index(op.f("ix_identity_workspace_name_module"), "identity", ["workspace", "name", "module"])
    op.drop_index(op.f("ix_output_root_id"), "output")
    with op.batch_alter_table("output") as batch:
        batch.drop_column("root_id")
    name = op.f("ix_run_pipeline_id_number")
    op.drop_index(name, "run")
    op.create_index(name, "run", ["pipeline_id", "number"], sqlite_where=_PUBLISHED, postgresql_where=_PUBLISHED)
    columns = ["root_id", "id"]
    op.create_index("ix_event_warnings", "event", columns, sqlite_where=_WARNING, postgresql_where=_WARNING)


def downgrade() -> None:
    op.drop_index("ix_event_warnings", "event")
    op.drop_index(op.f("ix_run_pipeline_id_number"), "run")
    op.create_index(op.f("ix_run_pipeline_id_number"), "run", ["pipeline_id", "number"])
    op.add_column("output", sa.Column("root_id", name_type(64), nullable=False, server_default=""))
    op.execute("UPDATE output SET root_id = (SELECT root_id FROM run WHERE run.id = output.run_id)")
    op.execute(
        "INSERT INTO output (run_id, name, root_id, datastore, path, kind, digest, n_files, size_bytes, pipeline_output_name) "
        "SELECT run.id, o.name, run.root_id, o.datastore, o.path, o.kind, o.digest, o.n_files, o.size_bytes, o.pipeline_output_name "
        "FROM run JOIN output AS o ON o.run_id = run.reused_run_id"
    )
    with op.batch_alter_table("output") as batch:
        batch.alter_column("root_id", server_default=None)
    op.create_index(op.f("ix_output_root_id"), "output", ["root_id"])
    for name in ("fingerprint", "workspace_name_module"):
        op.drop_index(op.f(f"ix_identity_{name}"), "identity")
    op.add_column("identity", sa.Column("reused_run_id", name_type(64)))
    op.execute(
        "INSERT INTO identity (run_id, workspace, name, fingerprint, module, parts, reused_run_id, why, unusable, created_at) "
        "SELECT run.id, run.workspace, run.name, i.fingerprint, i.module, '{}', i.run_id, '[]', NULL, run.started_at "
        "FROM run JOIN identity AS i ON i.run_id = run.reused_run_id"
    )
    name = op.f("ix_identity_fingerprint")
    op.create_index(name, "identity", ["fingerprint"], sqlite_where=_RAN, postgresql_where=_RAN)
    name = op.f("ix_identity_workspace_name_module")
    columns = ["workspace", "name", "module"]
    op.create_index(name, "identity", columns, sqlite_where=_RAN, postgresql_where=_RAN)
    name = op.f("ix_identity_reused_run_id")
    op.create_index(name, "identity", ["reused_run_id"], sqlite_where=_REUSED, postgresql_where=_REUSED)
    op.execute("UPDATE run SET reused_run_id = NULL")
    op.execute("ALTER TABLE run RENAME COLUMN reused_run_id TO fingerprint")
