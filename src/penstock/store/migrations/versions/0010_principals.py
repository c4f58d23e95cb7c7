"""Principals, their credentials and roles, and the keys that sign their tokens"""

import sqlalchemy as sa
from alembic import op

from penstock.store.dialect import name_type

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "principal",
        sa.Column("id", name_type(36), nullable=False),
        sa.Column("name", name_type(255), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("disabled_at", sa.Float(), nullable=True),
        sa.Column("used_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_principal")),
        sa.UniqueConstraint("name", name=op.f("uq_principal_name")),
    )
    of_principal = ["principal_id"], ["principal.id"]
    op.create_table(
        "credential",
        sa.Column("id", name_type(36), nullable=False),
        sa.Column("principal_id", name_type(36), nullable=False),
        sa.Column("hash", name_type(64), nullable=False),
        sa.Column("hint", name_type(8), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(*of_principal, name=op.f("fk_credential_principal_id_principal")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credential")),
    )
    op.create_index(op.f("ix_credential_principal_id"), "credential", ["principal_id"])
    op.create_table(
        "role_grant",
        sa.Column("principal_id", name_type(36), nullable=False),
        sa.Column("kind", name_type(16), nullable=False),
        sa.Column("target", name_type(255), nullable=False),
        sa.Column("role", name_type(16), nullable=False),
        sa.CheckConstraint("kind IN ('workspace', 'published')", name=op.f("ck_role_grant_kind")),
        sa.ForeignKeyConstraint(*of_principal, name=op.f("fk_role_grant_principal_id_principal")),
        sa.PrimaryKeyConstraint("principal_id", "kind", "target", name=op.f("pk_role_grant")),
    )
    op.create_table(
        "signing_key",
        sa.Column("id", name_type(36), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_key")),
    )


def downgrade() -> None:
    for name in ("signing_key", "role_grant", "credential", "principal"):
        op.drop_table(name)
