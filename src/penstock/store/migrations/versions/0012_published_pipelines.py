"""Published pipelines, endpoints over them, drafts and modules; which of them a run came from"""

import sqlalchemy as sa
from alembic import op

from penstock.store.dialect import Big, name_type

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("run", sa.Column("pipeline_id", name_type(36), nullable=True))
    op.create_index(op.f("ix_run_pipeline_id_number"), "run", ["pipeline_id", "number"])
    op.add_column("submission", sa.Column("request", name_type(64), nullable=True))
    op.create_table(
        "published_pipeline",
        sa.Column("number", Big, autoincrement=True, nullable=False),
        sa.Column("id", name_type(36), nullable=False),
        sa.Column("workspace", name_type(255), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("version", sa.Text(), nullable=True),
        sa.Column("status", name_type(16), nullable=False),
        sa.Column("graph", sa.Text(), nullable=False),
        sa.Column("graph_id", name_type(36), nullable=False),
        sa.Column("n_steps", sa.Integer(), nullable=False),
        sa.Column("interpreter", sa.Text(), nullable=False),
        sa.Column("continue_on_failure", sa.Integer(), nullable=True),
        sa.Column("published_by", name_type(255), nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.CheckConstraint("status IN ('Active', 'Deprecated', 'Disabled')", name=op.f("ck_published_pipeline_status")),
        sa.ForeignKeyConstraint(
            ["workspace"], ["workspace.name"], name=op.f("fk_published_pipeline_workspace_workspace")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_published_pipeline")),
        sa.UniqueConstraint("id", name=op.f("uq_published_pipeline_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_published_pipeline_workspace_number"), "published_pipeline", ["workspace", "number"])
    op.create_index(op.f("ix_published_pipeline_status"), "published_pipeline", ["status"])
    op.create_table(
        "pipeline_endpoint",
        sa.Column("number", Big, autoincrement=True, nullable=False),
        sa.Column("id", name_type(36), nullable=False),
        sa.Column("workspace", name_type(255), nullable=False),
        sa.Column("name", name_type(255), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("status", name_type(16), nullable=False),
        sa.Column("default_version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.CheckConstraint("status IN ('Active', 'Archived', 'Disabled')", name=op.f("ck_pipeline_endpoint_status")),
        sa.ForeignKeyConstraint(
            ["workspace"], ["workspace.name"], name=op.f("fk_pipeline_endpoint_workspace_workspace")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_pipeline_endpoint")),
        sa.UniqueConstraint("id", name=op.f("uq_pipeline_endpoint_id")),
        sa.UniqueConstraint("workspace", "name", name=op.f("uq_pipeline_endpoint_workspace_name")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_pipeline_endpoint_workspace_number"), "pipeline_endpoint", ["workspace", "number"])
    op.create_table(
        "pipeline_endpoint_version",
        sa.Column("endpoint_id", name_type(36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("pipeline_id", name_type(36), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["endpoint_id"],
            ["pipeline_endpoint.id"],
            name=op.f("fk_pipeline_endpoint_version_endpoint_id_pipeline_endpoint"),
        ),
        sa.ForeignKeyConstraint(
            ["pipeline_id"],
            ["published_pipeline.id"],
            name=op.f("fk_pipeline_endpoint_version_pipeline_id_published_pipeline"),
        ),
        sa.PrimaryKeyConstraint("endpoint_id", "version", name=op.f("pk_pipeline_endpoint_version")),
        sa.UniqueConstraint(
            "endpoint_id", "pipeline_id", name=op.f("uq_pipeline_endpoint_version_endpoint_id_pipeline_id")
        ),
    )
    op.create_table(
        "authored",
        sa.Column("number", Big, autoincrement=True, nullable=False),
        sa.Column("id", name_type(36), nullable=False),
        sa.Column("workspace", name_type(255), nullable=False),
        sa.Column("kind", name_type(16), nullable=False),
        sa.Column("parent_id", name_type(36), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("updated_at", sa.Float(), nullable=False),
        sa.CheckConstraint("kind IN ('draft', 'module', 'module_version')", name=op.f("ck_authored_kind")),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.name"], name=op.f("fk_authored_workspace_workspace")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_authored")),
        sa.UniqueConstraint("id", name=op.f("uq_authored_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_authored_workspace_kind_number"), "authored", ["workspace", "kind", "number"])
    op.create_index(op.f("ix_authored_parent_id"), "authored", ["parent_id"])


def downgrade() -> None:
    for name in ("authored", "pipeline_endpoint_version", "pipeline_endpoint", "published_pipeline"):
        op.drop_table(name)
    with op.batch_alter_table("submission") as batch:
        batch.drop_column("request")
    with op.batch_alter_table("run") as batch:
        batch.drop_index(op.f("ix_run_pipeline_id_number"))
        batch.drop_column("pipeline_id")
