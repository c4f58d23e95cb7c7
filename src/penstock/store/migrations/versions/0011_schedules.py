"""Schedules, their ticks and what they watch"""

import sqlalchemy as sa
from alembic import op

from penstock.store.dialect import Big, name_type

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "schedule",
        sa.Column("id", name_type(36), nullable=False),
        sa.Column("workspace", name_type(255), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", name_type(8), nullable=False),
        sa.Column("pipeline_id", name_type(36), nullable=True),
        sa.Column("endpoint_id", name_type(36), nullable=True),
        sa.Column("status", name_type(16), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.Float(), nullable=True),
        sa.Column("seen_at", sa.Float(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("updated_at", sa.Float(), nullable=False),
        sa.CheckConstraint("kind IN ('time', 'data')", name=op.f("ck_schedule_kind")),
        sa.CheckConstraint("status IN ('Active', 'Disabled')", name=op.f("ck_schedule_status")),
        sa.ForeignKeyConstraint(["workspace"], ["workspace.name"], name=op.f("fk_schedule_workspace_workspace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule")),
    )
    op.create_index(op.f("ix_schedule_status_kind_next_at"), "schedule", ["status", "kind", "next_at"])
    op.create_index(op.f("ix_schedule_workspace_created_at"), "schedule", ["workspace", "created_at"])
    op.create_table(
        "tick",
        sa.Column("schedule_id", name_type(36), nullable=False),
        sa.Column("scheduled_at", sa.Float(), nullable=False),
        sa.Column("until_at", sa.Float(), nullable=True),
        sa.Column("n", Big, nullable=True),
        sa.Column("verdict", name_type(8), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("run_id", name_type(64), nullable=True),
        sa.Column("made_at", sa.Float(), nullable=False),
        sa.Column("decided_at", sa.Float(), nullable=True),
        sa.CheckConstraint("verdict IN ('due', 'queued', 'fired', 'skipped', 'failed')", name=op.f("ck_tick_verdict")),
        sa.ForeignKeyConstraint(["schedule_id"], ["schedule.id"], name=op.f("fk_tick_schedule_id_schedule")),
        sa.PrimaryKeyConstraint("schedule_id", "scheduled_at", name=op.f("pk_tick")),
    )
    op.create_index(op.f("ix_tick_verdict_scheduled_at"), "tick", ["verdict", "scheduled_at"])
    op.create_index(op.f("ix_tick_run_id"), "tick", ["run_id"])
    op.create_table(
        "watched",
        sa.Column("schedule_id", name_type(36), nullable=False),
        sa.Column("files", sa.Text(), nullable=False),
        sa.Column("n_files", Big, nullable=False),
        sa.Column("looked_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["schedule_id"], ["schedule.id"], name=op.f("fk_watched_schedule_id_schedule")),
        sa.PrimaryKeyConstraint("schedule_id", name=op.f("pk_watched")),
    )


def downgrade() -> None:
    op.drop_table("watched")
    op.drop_table("tick")
    op.drop_table("schedule")
