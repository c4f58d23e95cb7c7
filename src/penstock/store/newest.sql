-- What all migrations together make. Written by tests/contract/schemas/newest.py.
BEGIN IMMEDIATE;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE artifact (
	run_id VARCHAR(64) NOT NULL, 
	name VARCHAR(1024) NOT NULL, 
	attempt INTEGER NOT NULL, 
	path TEXT NOT NULL, 
	size_bytes INTEGER NOT NULL, 
	CONSTRAINT pk_artifact PRIMARY KEY (run_id, name)
);
CREATE TABLE attempt (
	run_id VARCHAR(64) NOT NULL, 
	attempt INTEGER NOT NULL, 
	node_id VARCHAR(36), 
	queued_at FLOAT, 
	started_at FLOAT, 
	ended_at FLOAT, 
	ending VARCHAR(16) NOT NULL, 
	exit_code INTEGER, 
	exit TEXT NOT NULL, 
	CONSTRAINT pk_attempt PRIMARY KEY (run_id, attempt)
);
CREATE TABLE event (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	run_id VARCHAR(64) NOT NULL, 
	root_id VARCHAR(64) NOT NULL, 
	at FLOAT NOT NULL, 
	name VARCHAR(32) NOT NULL, 
	body TEXT NOT NULL
);
CREATE INDEX ix_event_root_id_id ON event (root_id, id);
CREATE INDEX ix_event_run_id_id ON event (run_id, id);
CREATE TABLE journal (
	name VARCHAR(80) NOT NULL, 
	"offset" INTEGER NOT NULL, 
	CONSTRAINT pk_journal PRIMARY KEY (name)
);
CREATE TABLE label (
	run_id VARCHAR(64) NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	name VARCHAR(1024) NOT NULL, 
	value TEXT, 
	CONSTRAINT pk_label PRIMARY KEY (run_id, kind, name), 
	CONSTRAINT ck_label_kind CHECK (kind IN ('tag', 'property'))
);
CREATE TABLE metric (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	run_id VARCHAR(64) NOT NULL, 
	attempt INTEGER NOT NULL, 
	at FLOAT NOT NULL, 
	name TEXT NOT NULL, 
	kind VARCHAR(24) NOT NULL, 
	value TEXT NOT NULL
, step INTEGER);
CREATE INDEX ix_metric_run_id_id ON metric (run_id, id);
CREATE TABLE node (
	id VARCHAR(36) NOT NULL, 
	host TEXT NOT NULL, 
	boot_id VARCHAR(64) NOT NULL, 
	lease_until FLOAT NOT NULL, 
	CONSTRAINT pk_node PRIMARY KEY (id)
);
CREATE TABLE workspace (
	name VARCHAR(255) NOT NULL, 
	id VARCHAR(36) NOT NULL, 
	subscription_id TEXT NOT NULL, 
	resource_group TEXT NOT NULL, 
	location TEXT NOT NULL, 
	tags TEXT NOT NULL, 
	default_datastore VARCHAR(255) NOT NULL, 
	created_at FLOAT NOT NULL, 
	CONSTRAINT pk_workspace PRIMARY KEY (name), 
	CONSTRAINT uq_workspace_id UNIQUE (id)
);
CREATE TABLE compute (
	workspace VARCHAR(255) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	type VARCHAR(64) NOT NULL, 
	settings TEXT NOT NULL, 
	created_at FLOAT NOT NULL, 
	CONSTRAINT pk_compute PRIMARY KEY (workspace, name), 
	CONSTRAINT fk_compute_workspace_workspace FOREIGN KEY(workspace) REFERENCES workspace (name)
);
CREATE TABLE dataset (
	id VARCHAR(36) NOT NULL, 
	workspace VARCHAR(255) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	definition TEXT NOT NULL, 
	digest VARCHAR(80) NOT NULL, 
	created_at FLOAT NOT NULL, 
	CONSTRAINT pk_dataset PRIMARY KEY (id), 
	CONSTRAINT fk_dataset_workspace_workspace FOREIGN KEY(workspace) REFERENCES workspace (name), 
	CONSTRAINT uq_dataset_workspace_digest UNIQUE (workspace, digest)
);
CREATE TABLE datastore (
	workspace VARCHAR(255) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	type VARCHAR(64) NOT NULL, 
	settings TEXT NOT NULL, 
	root TEXT NOT NULL, 
	created_at FLOAT NOT NULL, url TEXT, secrets TEXT, 
	CONSTRAINT pk_datastore PRIMARY KEY (workspace, name), 
	CONSTRAINT fk_datastore_workspace_workspace FOREIGN KEY(workspace) REFERENCES workspace (name)
);
CREATE TABLE experiment (
	workspace VARCHAR(255) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	id VARCHAR(36) NOT NULL, 
	tags TEXT NOT NULL, 
	created_at FLOAT NOT NULL, 
	CONSTRAINT pk_experiment PRIMARY KEY (workspace, name), 
	CONSTRAINT fk_experiment_workspace_workspace FOREIGN KEY(workspace) REFERENCES workspace (name), 
	CONSTRAINT uq_experiment_id UNIQUE (id)
);
CREATE TABLE model (
	workspace VARCHAR(255) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	version INTEGER NOT NULL, 
	tags TEXT NOT NULL, 
	properties TEXT NOT NULL, 
	description TEXT, 
	framework TEXT, 
	framework_version TEXT, 
	run_id VARCHAR(64), 
	experiment VARCHAR(255), 
	entry TEXT NOT NULL, 
	path TEXT NOT NULL, 
	size_bytes INTEGER NOT NULL, 
	created_at FLOAT NOT NULL, 
	CONSTRAINT pk_model PRIMARY KEY (workspace, name, version), 
	CONSTRAINT fk_model_workspace_workspace FOREIGN KEY(workspace) REFERENCES workspace (name)
);
CREATE TABLE run (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id VARCHAR(64) NOT NULL, 
	workspace VARCHAR(255) NOT NULL, 
	experiment VARCHAR(255) NOT NULL, 
	type VARCHAR(16) NOT NULL, 
	name TEXT NOT NULL, 
	display_name TEXT, 
	parent_id VARCHAR(64), 
	root_id VARCHAR(64) NOT NULL, 
	node VARCHAR(8), 
	step_type VARCHAR(64), 
	target VARCHAR(255), 
	status VARCHAR(16) NOT NULL, 
	attempt INTEGER NOT NULL, 
	unmet INTEGER NOT NULL, 
	node_id VARCHAR(36), 
	reused_run_id TEXT, 
	error TEXT, 
	description TEXT, 
	created_at FLOAT NOT NULL, 
	queued_at FLOAT, 
	started_at FLOAT, 
	ended_at FLOAT, owner TEXT, experiment_number INTEGER, pipeline_id VARCHAR(36), 
	CONSTRAINT ck_run_ended CHECK ((status IN ('Canceled', 'Completed', 'Failed')) = (ended_at IS NOT NULL)), 
	CONSTRAINT ck_run_status CHECK (status IN ('CancelRequested', 'Canceled', 'Completed', 'Failed', 'Finalizing', 'NotStarted', 'Preparing', 'Queued', 'Running', 'Starting')), 
	CONSTRAINT fk_run_workspace_workspace FOREIGN KEY(workspace) REFERENCES workspace (name), 
	CONSTRAINT uq_run_id UNIQUE (id)
);
CREATE INDEX ix_run_parent_id ON run (parent_id);
CREATE INDEX ix_run_root_id_number ON run (root_id, number);
CREATE INDEX ix_run_workspace_experiment_number ON run (workspace, experiment, number);
CREATE TABLE dataset_version (
	workspace VARCHAR(255) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	version INTEGER NOT NULL, 
	dataset_id VARCHAR(36) NOT NULL, 
	description TEXT, 
	tags TEXT NOT NULL, 
	created_at FLOAT NOT NULL, source_state TEXT, 
	CONSTRAINT pk_dataset_version PRIMARY KEY (workspace, name, version), 
	CONSTRAINT fk_dataset_version_dataset_id_dataset FOREIGN KEY(dataset_id) REFERENCES dataset (id), 
	CONSTRAINT fk_dataset_version_workspace_workspace FOREIGN KEY(workspace) REFERENCES workspace (name)
);
CREATE TABLE lease (
	name VARCHAR(32) NOT NULL, 
	holder VARCHAR(36) NOT NULL, 
	term INTEGER NOT NULL, 
	until FLOAT NOT NULL, 
	CONSTRAINT pk_lease PRIMARY KEY (name)
);
CREATE TABLE files_home (
	id VARCHAR(36) NOT NULL, 
	path TEXT NOT NULL, 
	host TEXT NOT NULL, 
	CONSTRAINT pk_files_home PRIMARY KEY (id)
);
CREATE TABLE environment (
	workspace VARCHAR(255) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	version VARCHAR(64) NOT NULL, 
	definition TEXT NOT NULL, 
	labels TEXT NOT NULL, 
	created_at FLOAT NOT NULL, 
	CONSTRAINT pk_environment PRIMARY KEY (workspace, name, version), 
	CONSTRAINT fk_environment_workspace_workspace FOREIGN KEY(workspace) REFERENCES workspace (name)
);
CREATE TABLE secret (
	workspace VARCHAR(255) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	sealed TEXT NOT NULL, 
	content_type TEXT, 
	created_at FLOAT NOT NULL, 
	updated_at FLOAT NOT NULL, 
	CONSTRAINT pk_secret PRIMARY KEY (workspace, name), 
	CONSTRAINT fk_secret_workspace_workspace FOREIGN KEY(workspace) REFERENCES workspace (name)
);
CREATE TABLE version_given (
	workspace VARCHAR(255) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_version_given PRIMARY KEY (workspace, kind, name), 
	CONSTRAINT fk_version_given_workspace_workspace FOREIGN KEY(workspace) REFERENCES workspace (name)
);
CREATE TABLE observation (
	run_id VARCHAR(64) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	name VARCHAR(1024) NOT NULL, 
	found TEXT NOT NULL, 
	CONSTRAINT pk_observation PRIMARY KEY (run_id, kind, name)
);
CREATE TABLE webhook (
	id VARCHAR(36) NOT NULL, 
	workspace VARCHAR(255) NOT NULL, 
	url TEXT NOT NULL, 
	experiment VARCHAR(255), 
	events TEXT NOT NULL, 
	sealed TEXT NOT NULL, 
	seen INTEGER NOT NULL, 
	created_at FLOAT NOT NULL, 
	disabled TEXT, 
	CONSTRAINT pk_webhook PRIMARY KEY (id), 
	CONSTRAINT fk_webhook_workspace_workspace FOREIGN KEY(workspace) REFERENCES workspace (name)
);
CREATE TABLE delivery (
	webhook_id VARCHAR(36) NOT NULL, 
	run_id VARCHAR(64) NOT NULL, 
	event VARCHAR(32) NOT NULL, 
	n_tries INTEGER NOT NULL, 
	next_at FLOAT, 
	answer TEXT, 
	delivered_at FLOAT, 
	created_at FLOAT NOT NULL, 
	CONSTRAINT pk_delivery PRIMARY KEY (webhook_id, run_id), 
	CONSTRAINT fk_delivery_webhook_id_webhook FOREIGN KEY(webhook_id) REFERENCES webhook (id) ON DELETE CASCADE
);
CREATE INDEX ix_delivery_next_at ON delivery (next_at);
CREATE TABLE pinned (
	run_id VARCHAR(64) NOT NULL, 
	created_at FLOAT NOT NULL, 
	CONSTRAINT pk_pinned PRIMARY KEY (run_id)
);
CREATE TABLE removal (
	run_id VARCHAR(64) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	sweep VARCHAR(36) NOT NULL, 
	root TEXT NOT NULL, 
	path TEXT NOT NULL, 
	n_files INTEGER NOT NULL, 
	size_bytes INTEGER NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	created_at FLOAT NOT NULL, 
	CONSTRAINT pk_removal PRIMARY KEY (run_id, name), 
	CONSTRAINT ck_removal_state CHECK (state IN ('aside', 'going', 'gone', 'returning'))
);
CREATE INDEX ix_removal_state ON removal (state);
CREATE INDEX ix_removal_path ON removal (path);
CREATE TABLE principal (
	id VARCHAR(36) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	created_at FLOAT NOT NULL, 
	disabled_at FLOAT, 
	used_at FLOAT, 
	CONSTRAINT pk_principal PRIMARY KEY (id), 
	CONSTRAINT uq_principal_name UNIQUE (name)
);
CREATE TABLE credential (
	id VARCHAR(36) NOT NULL, 
	principal_id VARCHAR(36) NOT NULL, 
	hash VARCHAR(64) NOT NULL, 
	hint VARCHAR(8) NOT NULL, 
	note TEXT, 
	created_at FLOAT NOT NULL, 
	expires_at FLOAT NOT NULL, 
	CONSTRAINT pk_credential PRIMARY KEY (id), 
	CONSTRAINT fk_credential_principal_id_principal FOREIGN KEY(principal_id) REFERENCES principal (id)
);
CREATE INDEX ix_credential_principal_id ON credential (principal_id);
CREATE TABLE role_grant (
	principal_id VARCHAR(36) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	target VARCHAR(255) NOT NULL, 
	role VARCHAR(16) NOT NULL, 
	CONSTRAINT pk_role_grant PRIMARY KEY (principal_id, kind, target), 
	CONSTRAINT ck_role_grant_kind CHECK (kind IN ('workspace', 'published')), 
	CONSTRAINT fk_role_grant_principal_id_principal FOREIGN KEY(principal_id) REFERENCES principal (id)
);
CREATE TABLE signing_key (
	id VARCHAR(36) NOT NULL, 
	sealed TEXT NOT NULL, 
	created_at FLOAT NOT NULL, 
	CONSTRAINT pk_signing_key PRIMARY KEY (id)
);
CREATE TABLE schedule (
	id VARCHAR(36) NOT NULL, 
	workspace VARCHAR(255) NOT NULL, 
	name TEXT NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	pipeline_id VARCHAR(36), 
	endpoint_id VARCHAR(36), 
	status VARCHAR(16) NOT NULL, 
	settings TEXT NOT NULL, 
	revision INTEGER NOT NULL, 
	next_at FLOAT, 
	seen_at FLOAT NOT NULL, 
	note TEXT, 
	created_at FLOAT NOT NULL, 
	updated_at FLOAT NOT NULL, 
	CONSTRAINT pk_schedule PRIMARY KEY (id), 
	CONSTRAINT ck_schedule_kind CHECK (kind IN ('time', 'data')), 
	CONSTRAINT ck_schedule_status CHECK (status IN ('Active', 'Disabled')), 
	CONSTRAINT fk_schedule_workspace_workspace FOREIGN KEY(workspace) REFERENCES workspace (name)
);
CREATE INDEX ix_schedule_status_kind_next_at ON schedule (status, kind, next_at);
CREATE INDEX ix_schedule_workspace_created_at ON schedule (workspace, created_at);
CREATE TABLE tick (
	schedule_id VARCHAR(36) NOT NULL, 
	scheduled_at FLOAT NOT NULL, 
	until_at FLOAT, 
	n INTEGER, 
	verdict VARCHAR(8) NOT NULL, 
	reason TEXT, 
	evidence TEXT NOT NULL, 
	run_id VARCHAR(64), 
	made_at FLOAT NOT NULL, 
	decided_at FLOAT, 
	CONSTRAINT pk_tick PRIMARY KEY (schedule_id, scheduled_at), 
	CONSTRAINT ck_tick_verdict CHECK (verdict IN ('due', 'queued', 'fired', 'skipped', 'failed')), 
	CONSTRAINT fk_tick_schedule_id_schedule FOREIGN KEY(schedule_id) REFERENCES schedule (id)
);
CREATE INDEX ix_tick_verdict_scheduled_at ON tick (verdict, scheduled_at);
CREATE INDEX ix_tick_run_id ON tick (run_id);
CREATE TABLE watched (
	schedule_id VARCHAR(36) NOT NULL, 
	files TEXT NOT NULL, 
	n_files INTEGER NOT NULL, 
	looked_at FLOAT NOT NULL, 
	CONSTRAINT pk_watched PRIMARY KEY (schedule_id), 
	CONSTRAINT fk_watched_schedule_id_schedule FOREIGN KEY(schedule_id) REFERENCES schedule (id)
);
CREATE TABLE published_pipeline (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id VARCHAR(36) NOT NULL, 
	workspace VARCHAR(255) NOT NULL, 
	name TEXT NOT NULL, 
	description TEXT, 
	version TEXT, 
	status VARCHAR(16) NOT NULL, 
	graph TEXT NOT NULL, 
	graph_id VARCHAR(36) NOT NULL, 
	n_steps INTEGER NOT NULL, 
	interpreter TEXT NOT NULL, 
	continue_on_failure INTEGER, 
	published_by VARCHAR(255), 
	created_at FLOAT NOT NULL, 
	CONSTRAINT ck_published_pipeline_status CHECK (status IN ('Active', 'Deprecated', 'Disabled')), 
	CONSTRAINT fk_published_pipeline_workspace_workspace FOREIGN KEY(workspace) REFERENCES workspace (name), 
	CONSTRAINT uq_published_pipeline_id UNIQUE (id)
);
CREATE INDEX ix_published_pipeline_workspace_number ON published_pipeline (workspace, number);
CREATE INDEX ix_published_pipeline_status ON published_pipeline (status);
CREATE TABLE pipeline_endpoint (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id VARCHAR(36) NOT NULL, 
	workspace VARCHAR(255) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	description TEXT, 
	status VARCHAR(16) NOT NULL, 
	default_version INTEGER NOT NULL, 
	created_at FLOAT NOT NULL, 
	CONSTRAINT ck_pipeline_endpoint_status CHECK (status IN ('Active', 'Archived', 'Disabled')), 
	CONSTRAINT fk_pipeline_endpoint_workspace_workspace FOREIGN KEY(workspace) REFERENCES workspace (name), 
	CONSTRAINT uq_pipeline_endpoint_id UNIQUE (id), 
	CONSTRAINT uq_pipeline_endpoint_workspace_name UNIQUE (workspace, name)
);
CREATE INDEX ix_pipeline_endpoint_workspace_number ON pipeline_endpoint (workspace, number);
CREATE TABLE pipeline_endpoint_version (
	endpoint_id VARCHAR(36) NOT NULL, 
	version INTEGER NOT NULL, 
	pipeline_id VARCHAR(36) NOT NULL, 
	created_at FLOAT NOT NULL, 
	CONSTRAINT pk_pipeline_endpoint_version PRIMARY KEY (endpoint_id, version), 
	CONSTRAINT fk_pipeline_endpoint_version_endpoint_id_pipeline_endpoint FOREIGN KEY(endpoint_id) REFERENCES pipeline_endpoint (id), 
	CONSTRAINT fk_pipeline_endpoint_version_pipeline_id_published_pipeline FOREIGN KEY(pipeline_id) REFERENCES published_pipeline (id), 
	CONSTRAINT uq_pipeline_endpoint_version_endpoint_id_pipeline_id UNIQUE (endpoint_id, pipeline_id)
);
CREATE TABLE "authored" (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id VARCHAR(36) NOT NULL, 
	workspace VARCHAR(255) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	parent_id VARCHAR(36), 
	name TEXT NOT NULL, 
	body TEXT NOT NULL, 
	created_at FLOAT NOT NULL, 
	updated_at FLOAT NOT NULL, 
	CONSTRAINT ck_authored_kind CHECK (kind IN ('data_type', 'draft', 'module', 'module_version')), 
	CONSTRAINT uq_authored_id UNIQUE (id), 
	CONSTRAINT fk_authored_workspace_workspace FOREIGN KEY(workspace) REFERENCES workspace (name)
);
CREATE INDEX ix_authored_workspace_kind_number ON authored (workspace, kind, number);
CREATE INDEX ix_authored_parent_id ON authored (parent_id);
CREATE INDEX ix_run_workspace_status_number ON run (workspace, status, number);
CREATE INDEX ix_label_kind_name_value ON label (kind, name, substr(value, 1, 64));
CREATE TABLE graph (
	digest VARCHAR(64) NOT NULL, 
	text TEXT NOT NULL, 
	CONSTRAINT pk_graph PRIMARY KEY (digest)
);
CREATE TABLE "submission" (
	run_id VARCHAR(64) NOT NULL, 
	idempotency_key VARCHAR(64), 
	parameters TEXT NOT NULL, 
	bindings TEXT NOT NULL, 
	continue_on_failure INTEGER NOT NULL, 
	regenerate_outputs INTEGER NOT NULL, 
	request VARCHAR(64), 
	graph_digest VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_submission PRIMARY KEY (run_id), 
	CONSTRAINT uq_submission_idempotency_key UNIQUE (idempotency_key)
);
CREATE TABLE "identity" (
	run_id VARCHAR(64) NOT NULL, 
	workspace VARCHAR(255) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	fingerprint VARCHAR(80), 
	module VARCHAR(80), 
	parts TEXT NOT NULL, 
	why TEXT NOT NULL, 
	unusable TEXT, 
	created_at FLOAT NOT NULL, 
	CONSTRAINT pk_identity PRIMARY KEY (run_id)
);
CREATE INDEX ix_identity_fingerprint ON identity (fingerprint);
CREATE INDEX ix_identity_workspace_name_module ON identity (workspace, name, module);
CREATE TABLE "output" (
	run_id VARCHAR(64) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	datastore VARCHAR(255) NOT NULL, 
	path TEXT NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	digest VARCHAR(80), 
	n_files INTEGER NOT NULL, 
	size_bytes INTEGER NOT NULL, 
	pipeline_output_name VARCHAR(255), 
	CONSTRAINT pk_output PRIMARY KEY (run_id, name)
);
CREATE INDEX ix_run_pipeline_id_number ON run (pipeline_id, number) WHERE pipeline_id IS NOT NULL;
CREATE INDEX ix_event_warnings ON event (root_id, id) WHERE name = 'warning';
INSERT INTO alembic_version VALUES ('0017');
COMMIT;
