"""A graph is kept once, however many runs are of it"""

import hashlib

import sqlalchemy as sa
from alembic import op

from penstock.store.dialect import name_type

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "graph",
        sa.Column("digest", name_type(64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_graph")),
    )
    op.add_column("submission", sa.Column("graph_digest", name_type(64), nullable=False, server_default=""))
    connection, seen = op.get_bind(), set()
    for run_id in connection.execute(sa.text("SELECT run_id FROM submission")).scalars().all():
        kept = {"run_id": run_id}
        text = connection.execute(sa.text("SELECT graph FROM submission WHERE run_id = :run_id"), kept).scalar_one()
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        if digest not in seen:
            connection.execute(sa.text("INSERT INTO graph (digest, text) VALUES (:d, :t)"), {"d": digest, "t": text})
            seen.add(digest)
        update = sa.text("UPDATE submission SET graph_digest = :digest WHERE run_id = :run_id")
        connection.execute(update, {"digest": digest, **kept})
    with op.batch_alter_table("submission") as batch:
        batch.drop_column("graph")
        batch.alter_column("graph_digest", server_default=None)


def downgrade() -> None:
    op.add_column("submission", sa.Column("graph", sa.Text(), nullable=False, server_default=""))
    op.execute("UPDATE submission SET graph = (SELECT text FROM graph WHERE digest = submission.graph_digest)")
    with op.batch_alter_table("submission") as batch:
        batch.drop_column("graph_digest")
        batch.alter_column("graph", server_default=None)
    op.drop_table("graph")
