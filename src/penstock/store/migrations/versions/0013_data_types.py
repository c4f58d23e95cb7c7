"""Types of data, kept beside drafts and modules"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _allow("'data_type', 'draft', 'module', 'module_version'")


def downgrade() -> None:
    op.execute("DELETE FROM authored WHERE kind = 'data_type'")
    _allow("'draft', 'module', 'module_version'")


def _allow(kinds: str) -> None:
    name, condition = op.f("ck_authored_kind"), sa.text(f"kind IN ({kinds})")
    if op.get_context().dialect.name == "postgresql":
        op.drop_constraint(name, "authored", type_="check")
        op.create_check_constraint(name, "authored", condition)
        return
    with op.batch_alter_table("authored", table_kwargs={"sqlite_autoincrement": True}) as batch:
        batch.create_check_constraint(name, condition)  # the table is made anew, without the one that it had
