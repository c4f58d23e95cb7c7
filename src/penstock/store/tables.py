"""The tables. Times are epoch seconds (UTC); JSON is text. Migrations in migrations/versions make exactly these."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from penstock.model.status import TERMINAL, Status
from penstock.store.dialect import Big, name_type

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _listed(values: object) -> str:
    return ", ".join(f"'{v}'" for v in sorted(map(str, values)))  # type: ignore[call-overload]


workspace = Table(
    "workspace",
    metadata,
    Column("name", name_type(255), primary_key=True),
    Column("id", name_type(36), nullable=False, unique=True),
    Column("subscription_id", Text, nullable=False),
    Column("resource_group", Text, nullable=False),
    Column("location", Text, nullable=False),
    Column("tags", Text, nullable=False, default="{}"),
    Column("default_datastore", name_type(255), nullable=False),
    Column("created_at", Float, nullable=False),
)

experiment = Table(
    "experiment",
    metadata,
    Column("workspace", name_type(255), ForeignKey("workspace.name"), primary_key=True),
    Column("name", name_type(255), primary_key=True),
    Column("id", name_type(36), nullable=False, unique=True),
    Column("tags", Text, nullable=False, default="{}"),
    Column("created_at", Float, nullable=False),
)

run = Table(
    "run",
    metadata,
    Column("number", Big, primary_key=True, autoincrement=True),
    Column("id", name_type(64), nullable=False, unique=True),
    Column("workspace", name_type(255), ForeignKey("workspace.name"), nullable=False),
    Column("experiment", name_type(255), nullable=False),
    Column("type", name_type(16), nullable=False),
    Column("name", Text, nullable=False),
    Column("display_name", Text),
    Column("parent_id", name_type(64)),
    Column("root_id", name_type(64), nullable=False),
    Column("node", name_type(8)),
    Column("step_type", name_type(64)),
    Column("target", name_type(255)),
    Column("status", name_type(16), nullable=False),
    Column("attempt", Integer, nullable=False, default=0),
    Column("unmet", Integer, nullable=False, default=0),
    Column("node_id", name_type(36)),
    # The run that stands for it: it did not run itself. Looked for the other way round by commands of people alone, so it has no index: in one
    # of those, the rows of a run of thousands of steps would lie among those of all runs before it.
    Column("reused_run_id", Text),
    Column("owner", Text),
    Column("experiment_number", Big),
    Column("error", Text),
    Column("description", Text),
    Column("pipeline_id", name_type(36)),
    Column("created_at", Float, nullable=False),
    Column("queued_at", Float),
    Column("started_at", Float),
    Column("ended_at", Float),
    CheckConstraint(f"status IN ({_listed(Status)})", name="status"),
    CheckConstraint(f"(status IN ({_listed(TERMINAL)})) = (ended_at IS NOT NULL)", name="ended"),
    Index(None, "workspace", "experiment", "number"),
    Index(None, "root_id", "number"),
    Index(None, "parent_id"),
    # Of some rows alone; on PostgreSQL too: to say so here would load that dialect, 55 ms.
    Index(None, "pipeline_id", "number", sqlite_where=text("pipeline_id IS NOT NULL")),
    Index(None, "workspace", "status", "number"),
    sqlite_autoincrement=True,
)

# A graph is kept once, however many runs are of it: one of thousands of steps is a megabyte or two.
graph = Table(
    "graph",
    metadata,
    Column("digest", name_type(64), primary_key=True),  # SHA-256 of the text
    Column("text", Text, nullable=False),
)

submission = Table(
    "submission",
    metadata,
    Column("run_id", name_type(64), primary_key=True),
    Column("idempotency_key", name_type(64), unique=True),
    Column("graph_digest", name_type(64), nullable=False),
    Column("parameters", Text, nullable=False),
    Column("bindings", Text, nullable=False),
    Column("continue_on_failure", Integer, nullable=False),
    Column("regenerate_outputs", Integer, nullable=False),
    Column("request", name_type(64)),
)

attempt = Table(
    "attempt",
    metadata,
    Column("run_id", name_type(64), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("node_id", name_type(36)),
    Column("queued_at", Float),
    Column("started_at", Float),
    Column("ended_at", Float),
    Column("ending", name_type(16), nullable=False),
    Column("exit_code", Integer),
    Column("exit", Text, nullable=False),
)

event = Table(
    "event",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=True),
    Column("run_id", name_type(64), nullable=False),
    Column("root_id", name_type(64), nullable=False),
    Column("at", Float, nullable=False),
    Column("name", name_type(32), nullable=False),
    Column("body", Text, nullable=False),
    Index(None, "root_id", "id"),
    Index(None, "run_id", "id"),
    # Whoever looks at a run is told its warnings: few among tens of thousands of events.
    Index("ix_event_warnings", "root_id", "id", sqlite_where=text("name = 'warning'")),
    sqlite_autoincrement=True,
)

metric = Table(
    "metric",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=True),
    Column("run_id", name_type(64), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("at", Float, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", name_type(24), nullable=False),
    Column("value", Text, nullable=False),
    Column("step", Big),
    Index(None, "run_id", "id"),
    sqlite_autoincrement=True,
)

artifact = Table(
    "artifact",
    metadata,
    Column("run_id", name_type(64), primary_key=True),
    Column("name", name_type(1024), primary_key=True),
    Column("attempt", Integer, nullable=False),
    Column("path", Text, nullable=False),
    Column("size_bytes", Big, nullable=False),
)

LABEL_BEGINS = 64
"""So many characters of a label's value are in its index: values may be longer than an index takes."""
label = Table(
    "label",
    metadata,
    Column("run_id", name_type(64), primary_key=True),
    Column("kind", name_type(8), primary_key=True),
    Column("name", name_type(1024), primary_key=True),
    Column("value", Text),
    CheckConstraint("kind IN ('tag', 'property')", name="kind"),
    Index("ix_label_kind_name_value", "kind", "name", text(f"substr(value, 1, {LABEL_BEGINS})")),
)

output = Table(  # what steps left; of one that was reused, what stands for it
    "output",
    metadata,
    Column("run_id", name_type(64), primary_key=True),
    Column("name", name_type(255), primary_key=True),
    Column("datastore", name_type(255), nullable=False),
    Column("path", Text, nullable=False),
    Column("kind", name_type(16), nullable=False),
    Column("digest", name_type(80)),
    Column("n_files", Big, nullable=False),
    Column("size_bytes", Big, nullable=False),
    Column("pipeline_output_name", name_type(255)),
)

identity = Table(  # of a step that is not reused: what made its result what it is, and why it ran
    "identity",
    metadata,
    Column("run_id", name_type(64), primary_key=True),
    Column("workspace", name_type(255), nullable=False),
    Column("name", name_type(255), nullable=False),
    Column("fingerprint", name_type(80)),
    Column("module", name_type(80)),
    Column("parts", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("unusable", Text),
    Column("created_at", Float, nullable=False),
    Index(None, "fingerprint"),
    Index(None, "workspace", "name", "module"),
)

observation = Table(  # what a step was seen to read that nobody had declared
    "observation",
    metadata,
    Column("run_id", name_type(64), primary_key=True),
    Column("kind", name_type(16), primary_key=True),
    Column("name", name_type(1024), primary_key=True),
    Column("found", Text, nullable=False),
)

pinned = Table(  # runs whose outputs are never cleared away
    "pinned",
    metadata,
    Column("run_id", name_type(64), primary_key=True),
    Column("created_at", Float, nullable=False),
)

removal = (
    Table(  # outputs that were cleared away, by the run that wrote them: on their way aside or back, aside, or gone
        "removal",
        metadata,
        Column("run_id", name_type(64), primary_key=True),
        Column("name", name_type(255), primary_key=True),
        Column("sweep", name_type(36), nullable=False),
        Column("root", Text, nullable=False),
        Column("path", Text, nullable=False),
        Column("n_files", Big, nullable=False),
        Column("size_bytes", Big, nullable=False),
        Column("state", name_type(16), nullable=False),
        Column("created_at", Float, nullable=False),
        CheckConstraint("state IN ('aside', 'going', 'gone', 'returning')", name="state"),
        Index(None, "state"),
        Index(None, "path"),
    )
)

journal = Table(
    "journal",
    metadata,
    Column("name", name_type(80), primary_key=True),
    Column("offset", Big, nullable=False),
)

compute = Table(
    "compute",
    metadata,
    Column("workspace", name_type(255), ForeignKey("workspace.name"), primary_key=True),
    Column("name", name_type(255), primary_key=True),
    Column("type", name_type(64), nullable=False),
    Column("settings", Text, nullable=False),
    Column("created_at", Float, nullable=False),
)

datastore = Table(
    "datastore",
    metadata,
    Column("workspace", name_type(255), ForeignKey("workspace.name"), primary_key=True),
    Column("name", name_type(255), primary_key=True),
    Column("type", name_type(64), nullable=False),
    Column("settings", Text, nullable=False),
    Column("root", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("url", Text),
    Column("secrets", Text),
)

dataset = Table(
    "dataset",
    metadata,
    Column("id", name_type(36), primary_key=True),
    Column("workspace", name_type(255), ForeignKey("workspace.name"), nullable=False),
    Column("kind", name_type(16), nullable=False),
    Column("definition", Text, nullable=False),
    Column("digest", name_type(80), nullable=False),
    Column("created_at", Float, nullable=False),
    UniqueConstraint("workspace", "digest"),
)

dataset_version = Table(
    "dataset_version",
    metadata,
    Column("workspace", name_type(255), ForeignKey("workspace.name"), primary_key=True),
    Column("name", name_type(255), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("dataset_id", name_type(36), ForeignKey("dataset.id"), nullable=False),
    Column("description", Text),
    Column("tags", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("source_state", Text),
)

# The highest version that a name of a kind was ever given: a number that was taken away is not given again.
version_given = Table(
    "version_given",
    metadata,
    Column("workspace", name_type(255), ForeignKey("workspace.name"), primary_key=True),
    Column("kind", name_type(16), primary_key=True),
    Column("name", name_type(255), primary_key=True),
    Column("version", Integer, nullable=False),
)

model = Table(
    "model",
    metadata,
    Column("workspace", name_type(255), ForeignKey("workspace.name"), primary_key=True),
    Column("name", name_type(255), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("tags", Text, nullable=False),
    Column("properties", Text, nullable=False),
    Column("description", Text),
    Column("framework", Text),
    Column("framework_version", Text),
    Column("run_id", name_type(64)),
    Column("experiment", name_type(255)),
    Column("entry", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("size_bytes", Big, nullable=False),
    Column("created_at", Float, nullable=False),
)

environment = Table(
    "environment",
    metadata,
    Column("workspace", name_type(255), ForeignKey("workspace.name"), primary_key=True),
    Column("name", name_type(255), primary_key=True),
    Column("version", name_type(64), primary_key=True),
    Column("definition", Text, nullable=False),
    Column("labels", Text, nullable=False),
    Column("created_at", Float, nullable=False),
)

secret = Table(
    "secret",
    metadata,
    Column("workspace", name_type(255), ForeignKey("workspace.name"), primary_key=True),
    Column("name", name_type(255), primary_key=True),
    Column("sealed", Text, nullable=False),
    Column("content_type", Text),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
)

webhook = Table(  # who is told when runs of a workspace end
    "webhook",
    metadata,
    Column("id", name_type(36), primary_key=True),
    Column("workspace", name_type(255), ForeignKey("workspace.name"), nullable=False),
    Column("url", Text, nullable=False),
    Column("experiment", name_type(255)),
    Column("events", Text, nullable=False),
    Column("sealed", Text, nullable=False),
    Column("seen", Big, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("disabled", Text),
)

delivery = Table(  # one ended run that one webhook is to be told of, until `next_at` is null
    "delivery",
    metadata,
    Column("webhook_id", name_type(36), ForeignKey("webhook.id", ondelete="CASCADE"), primary_key=True),
    Column("run_id", name_type(64), primary_key=True),
    Column("event", name_type(32), nullable=False),
    Column("n_tries", Integer, nullable=False),
    Column("next_at", Float),
    Column("answer", Text),
    Column("delivered_at", Float),
    Column("created_at", Float, nullable=False),
    Index(None, "next_at"),
)

node = Table(
    "node",
    metadata,
    Column("id", name_type(36), primary_key=True),
    Column("host", Text, nullable=False),
    Column("boot_id", name_type(64), nullable=False),
    Column("lease_until", Float, nullable=False),
)

lease = Table(
    "lease",
    metadata,
    Column("name", name_type(32), primary_key=True),
    Column("holder", name_type(36), nullable=False),
    Column("term", Big, nullable=False),
    Column("until", Float, nullable=False),
)

files_home = Table(
    "files_home",
    metadata,
    Column("id", name_type(36), primary_key=True),
    Column("path", Text, nullable=False),
    Column("host", Text, nullable=False),
)

# What is submitted by itself, and when next. `revision` counts edits: a tick that was worked out before one is void.
schedule = Table(
    "schedule",
    metadata,
    Column("id", name_type(36), primary_key=True),
    Column("workspace", name_type(255), ForeignKey("workspace.name"), nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", name_type(8), nullable=False),
    Column("pipeline_id", name_type(36)),
    Column("endpoint_id", name_type(36)),
    Column("status", name_type(16), nullable=False),
    Column("settings", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("next_at", Float),
    Column("seen_at", Float, nullable=False),
    Column("note", Text),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    CheckConstraint("kind IN ('time', 'data')", name="kind"),
    CheckConstraint("status IN ('Active', 'Disabled')", name="status"),
    Index(None, "status", "kind", "next_at"),
    Index(None, "workspace", "created_at"),
)

# One row a due time, written before anything is submitted for it. With `until_at` it stands for all due times up to there.
tick = Table(
    "tick",
    metadata,
    Column("schedule_id", name_type(36), ForeignKey("schedule.id"), primary_key=True),
    Column("scheduled_at", Float, primary_key=True),
    Column("until_at", Float),
    Column("n", Big),
    Column("verdict", name_type(8), nullable=False),
    Column("reason", Text),
    Column("evidence", Text, nullable=False),
    Column("run_id", name_type(64)),
    Column("made_at", Float, nullable=False),
    Column("decided_at", Float),
    CheckConstraint("verdict IN ('due', 'queued', 'fired', 'skipped', 'failed')", name="verdict"),
    Index(None, "verdict", "scheduled_at"),
    Index(None, "run_id"),
)

# The files that a watched path had when its schedule last fired.
watched = Table(
    "watched",
    metadata,
    Column("schedule_id", name_type(36), ForeignKey("schedule.id"), primary_key=True),
    Column("files", Text, nullable=False),
    Column("n_files", Big, nullable=False),
    Column("looked_at", Float, nullable=False),
)
