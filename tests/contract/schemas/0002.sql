BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE artifact (
	run_id VARCHAR(64) NOT NULL, 
	name VARCHAR(1024) NOT NULL, 
	attempt INTEGER NOT NULL, 
	path TEXT NOT NULL, 
	size_bytes INTEGER NOT NULL, 
	CONSTRAINT pk_artifact PRIMARY KEY (run_id, name)
);
INSERT INTO "artifact" VALUES('9f46fc21-11ab-4ace-aff1-d6fad7697480','outputs/model.bin',1,'jobs/9f46fc21-11ab-4ace-aff1-d6fad7697480.1/files/outputs/model.bin',7);
INSERT INTO "artifact" VALUES('b33ba5ec-dcbd-4b6b-9e5f-c7b084a85da9','outputs/model.bin',1,'jobs/b33ba5ec-dcbd-4b6b-9e5f-c7b084a85da9.1/files/outputs/model.bin',7);
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
INSERT INTO "attempt" VALUES('9f46fc21-11ab-4ace-aff1-d6fad7697480',1,'fbbe5ee1-487f-4012-ab77-7aabf73b5032',NULL,1.79538541654599881174e+09,1.79538541662814354893e+09,'exited',0,'{"schema": 1, "name": "9f46fc21-11ab-4ace-aff1-d6fad7697480.1", "ending": "exited", "exit_code": 0, "signal": null, "user_code_started": true, "started_at": 1795385416.5442593, "script_started_at": 1795385416.5459988, "ended_at": 1795385416.6281435, "outputs": [{"kind": "directory", "digest": "sha256:de5ae8fe2faedb7180756d89ab46bc55b38341942120a3bd4bdef806de070c38", "n_files": 1, "size_bytes": 5, "name": "out"}], "files": [{"name": "outputs/model.bin", "size_bytes": 7}], "error": null, "stderr_tail": "", "left_behind": [], "inputs_changed": [], "warnings": [], "usage": {"user_seconds": 0.024317, "system_seconds": 0.0, "max_rss_bytes": 10170368}}');
INSERT INTO "attempt" VALUES('b33ba5ec-dcbd-4b6b-9e5f-c7b084a85da9',1,'fbbe5ee1-487f-4012-ab77-7aabf73b5032',NULL,1.79538541667210102079e+09,1.79538541674608945848e+09,'exited',0,'{"schema": 1, "name": "b33ba5ec-dcbd-4b6b-9e5f-c7b084a85da9.1", "ending": "exited", "exit_code": 0, "signal": null, "user_code_started": true, "started_at": 1795385416.6678689, "script_started_at": 1795385416.672101, "ended_at": 1795385416.7460895, "outputs": [{"kind": "directory", "digest": "sha256:de5ae8fe2faedb7180756d89ab46bc55b38341942120a3bd4bdef806de070c38", "n_files": 1, "size_bytes": 5, "name": "out"}], "files": [{"name": "outputs/model.bin", "size_bytes": 7}], "error": null, "stderr_tail": "", "left_behind": [], "inputs_changed": [], "warnings": [], "usage": {"user_seconds": 0.023528999999999998, "system_seconds": 0.0, "max_rss_bytes": 10117120}}');
INSERT INTO "attempt" VALUES('05b39264-0874-4a84-9a5f-b3627cfa56f0',1,'fbbe5ee1-487f-4012-ab77-7aabf73b5032',NULL,1.79538541681233859061e+09,1.79538541686815714829e+09,'exited',1,'{"schema": 1, "name": "05b39264-0874-4a84-9a5f-b3627cfa56f0.1", "ending": "exited", "exit_code": 1, "signal": null, "user_code_started": true, "started_at": 1795385416.8061008, "script_started_at": 1795385416.8123386, "ended_at": 1795385416.8681571, "outputs": [], "files": [], "error": {"what": "''a.py'' ended with exit status 1: bad", "fix": "Read the end of its stderr, mend the script and submit again."}, "stderr_tail": "bad\n", "left_behind": [], "inputs_changed": [], "warnings": [], "usage": {"user_seconds": 0.014695, "system_seconds": 0.0, "max_rss_bytes": 10063872}}');
CREATE TABLE compute (
	workspace VARCHAR(255) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	type VARCHAR(64) NOT NULL, 
	settings TEXT NOT NULL, 
	created_at FLOAT NOT NULL, 
	CONSTRAINT pk_compute PRIMARY KEY (workspace, name), 
	CONSTRAINT fk_compute_workspace_workspace FOREIGN KEY(workspace) REFERENCES workspace (name)
);
INSERT INTO "compute" VALUES('w','cluster','AmlCompute','{"implicit": true}',1.79538541648199892041e+09);
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
INSERT INTO "dataset" VALUES('7f3bd2b9-7f2c-4512-84f7-1b052a779f74','w','file','{"paths": [{"datastore": "workspaceblobstore", "path": "a.csv"}]}','sha256:181106216aaa029ef4bb3de231eef937efafb4ddcfba497b8c00a8fabf9b5fe7',1.79538541698288774484e+09);
CREATE TABLE dataset_version (
	workspace VARCHAR(255) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	version INTEGER NOT NULL, 
	dataset_id VARCHAR(36) NOT NULL, 
	description TEXT, 
	tags TEXT NOT NULL, 
	created_at FLOAT NOT NULL, 
	CONSTRAINT pk_dataset_version PRIMARY KEY (workspace, name, version), 
	CONSTRAINT fk_dataset_version_dataset_id_dataset FOREIGN KEY(dataset_id) REFERENCES dataset (id), 
	CONSTRAINT fk_dataset_version_workspace_workspace FOREIGN KEY(workspace) REFERENCES workspace (name)
);
INSERT INTO "dataset_version" VALUES('w','d',1,'7f3bd2b9-7f2c-4512-84f7-1b052a779f74',NULL,'{}',1.79538541701711511612e+09);
CREATE TABLE datastore (
	workspace VARCHAR(255) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	type VARCHAR(64) NOT NULL, 
	settings TEXT NOT NULL, 
	root TEXT NOT NULL, 
	created_at FLOAT NOT NULL, 
	CONSTRAINT pk_datastore PRIMARY KEY (workspace, name), 
	CONSTRAINT fk_datastore_workspace_workspace FOREIGN KEY(workspace) REFERENCES workspace (name)
);
INSERT INTO "datastore" VALUES('w','workspaceblobstore','AzureBlob','{}','@HOME@/workspaces/w/workspaceblobstore',1.7953854163117845058e+09);
INSERT INTO "datastore" VALUES('w','workspacefilestore','AzureFile','{}','@HOME@/workspaces/w/workspacefilestore',1.79538541631179356574e+09);
CREATE TABLE event (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	run_id VARCHAR(64) NOT NULL, 
	root_id VARCHAR(64) NOT NULL, 
	at FLOAT NOT NULL, 
	name VARCHAR(32) NOT NULL, 
	body TEXT NOT NULL
);
INSERT INTO "event" VALUES(1,'548bf61a-64ea-4f21-938d-3b2edff8273d','548bf61a-64ea-4f21-938d-3b2edff8273d',1.79538541648199892041e+09,'created','{"status": "NotStarted", "n_steps": 2}');
INSERT INTO "event" VALUES(2,'548bf61a-64ea-4f21-938d-3b2edff8273d','548bf61a-64ea-4f21-938d-3b2edff8273d',1.79538541650401782989e+09,'running','{"status": "Running"}');
INSERT INTO "event" VALUES(3,'9f46fc21-11ab-4ace-aff1-d6fad7697480','548bf61a-64ea-4f21-938d-3b2edff8273d',1.79538541650401782989e+09,'queued','{"status": "Queued", "attempt": 1, "target": "cluster"}');
INSERT INTO "event" VALUES(4,'9f46fc21-11ab-4ace-aff1-d6fad7697480','548bf61a-64ea-4f21-938d-3b2edff8273d',1.79538541654599881174e+09,'running','{"status": "Running", "attempt": 1}');
INSERT INTO "event" VALUES(5,'9f46fc21-11ab-4ace-aff1-d6fad7697480','548bf61a-64ea-4f21-938d-3b2edff8273d',1.79538541663683342934e+09,'finalizing','{"status": "Finalizing", "attempt": 1}');
INSERT INTO "event" VALUES(6,'9f46fc21-11ab-4ace-aff1-d6fad7697480','548bf61a-64ea-4f21-938d-3b2edff8273d',1.79538541663683342934e+09,'completed','{"status": "Completed", "attempt": 1}');
INSERT INTO "event" VALUES(7,'b33ba5ec-dcbd-4b6b-9e5f-c7b084a85da9','548bf61a-64ea-4f21-938d-3b2edff8273d',1.79538541663683342934e+09,'queued','{"status": "Queued", "attempt": 1, "target": "cluster"}');
INSERT INTO "event" VALUES(8,'b33ba5ec-dcbd-4b6b-9e5f-c7b084a85da9','548bf61a-64ea-4f21-938d-3b2edff8273d',1.79538541667210102079e+09,'running','{"status": "Running", "attempt": 1}');
INSERT INTO "event" VALUES(9,'b33ba5ec-dcbd-4b6b-9e5f-c7b084a85da9','548bf61a-64ea-4f21-938d-3b2edff8273d',1.79538541675401163103e+09,'finalizing','{"status": "Finalizing", "attempt": 1}');
INSERT INTO "event" VALUES(10,'b33ba5ec-dcbd-4b6b-9e5f-c7b084a85da9','548bf61a-64ea-4f21-938d-3b2edff8273d',1.79538541675401163103e+09,'completed','{"status": "Completed", "attempt": 1}');
INSERT INTO "event" VALUES(11,'548bf61a-64ea-4f21-938d-3b2edff8273d','548bf61a-64ea-4f21-938d-3b2edff8273d',1.79538541675401163103e+09,'completed','{"status": "Completed"}');
INSERT INTO "event" VALUES(12,'53a27ffa-252f-4114-a4e9-31f499edb21f','53a27ffa-252f-4114-a4e9-31f499edb21f',1.79538541678651189809e+09,'created','{"status": "NotStarted", "n_steps": 1}');
INSERT INTO "event" VALUES(13,'53a27ffa-252f-4114-a4e9-31f499edb21f','53a27ffa-252f-4114-a4e9-31f499edb21f',1.79538541680309486387e+09,'running','{"status": "Running"}');
INSERT INTO "event" VALUES(14,'05b39264-0874-4a84-9a5f-b3627cfa56f0','53a27ffa-252f-4114-a4e9-31f499edb21f',1.79538541680309486387e+09,'queued','{"status": "Queued", "attempt": 1, "target": "cluster"}');
INSERT INTO "event" VALUES(15,'05b39264-0874-4a84-9a5f-b3627cfa56f0','53a27ffa-252f-4114-a4e9-31f499edb21f',1.79538541681233859061e+09,'running','{"status": "Running", "attempt": 1}');
INSERT INTO "event" VALUES(16,'05b39264-0874-4a84-9a5f-b3627cfa56f0','53a27ffa-252f-4114-a4e9-31f499edb21f',1.79538541687006020543e+09,'failed','{"status": "Failed", "attempt": 1, "message": "Step ''step 0'': ''a.py'' ended with exit status 1: bad. Read the end of its stderr, mend the script and submit again."}');
INSERT INTO "event" VALUES(17,'53a27ffa-252f-4114-a4e9-31f499edb21f','53a27ffa-252f-4114-a4e9-31f499edb21f',1.79538541687006020543e+09,'failed','{"status": "Failed"}');
INSERT INTO "event" VALUES(18,'99724124-8ea0-4233-9099-51c865142685','99724124-8ea0-4233-9099-51c865142685',1.79538541704911637302e+09,'created','{"status": "Running"}');
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
INSERT INTO "experiment" VALUES('w','e','603183b5-c432-4953-bd1e-e60ccf9fec8f','{}',1.79538541647603321071e+09);
INSERT INTO "experiment" VALUES('w','by-hand','be81c43c-308b-4310-a993-ea6148e28c3c','{}',1.79538541703737926477e+09);
CREATE TABLE files_home (
	id VARCHAR(36) NOT NULL, 
	path TEXT NOT NULL, 
	host TEXT NOT NULL, 
	CONSTRAINT pk_files_home PRIMARY KEY (id)
);
CREATE TABLE journal (
	name VARCHAR(80) NOT NULL, 
	"offset" INTEGER NOT NULL, 
	CONSTRAINT pk_journal PRIMARY KEY (name)
);
INSERT INTO "journal" VALUES('9f46fc21-11ab-4ace-aff1-d6fad7697480.1',167);
INSERT INTO "journal" VALUES('b33ba5ec-dcbd-4b6b-9e5f-c7b084a85da9.1',166);
CREATE TABLE label (
	run_id VARCHAR(64) NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	name VARCHAR(1024) NOT NULL, 
	value TEXT, 
	CONSTRAINT pk_label PRIMARY KEY (run_id, kind, name), 
	CONSTRAINT ck_label_kind CHECK (kind IN ('tag', 'property'))
);
INSERT INTO "label" VALUES('548bf61a-64ea-4f21-938d-3b2edff8273d','tag','made','for a test');
INSERT INTO "label" VALUES('9f46fc21-11ab-4ace-aff1-d6fad7697480','tag','kind','fixture');
INSERT INTO "label" VALUES('b33ba5ec-dcbd-4b6b-9e5f-c7b084a85da9','tag','kind','fixture');
INSERT INTO "label" VALUES('99724124-8ea0-4233-9099-51c865142685','tag','a','b');
CREATE TABLE lease (
	name VARCHAR(32) NOT NULL, 
	holder VARCHAR(36) NOT NULL, 
	term INTEGER NOT NULL, 
	until FLOAT NOT NULL, 
	CONSTRAINT pk_lease PRIMARY KEY (name)
);
CREATE TABLE metric (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	run_id VARCHAR(64) NOT NULL, 
	attempt INTEGER NOT NULL, 
	at FLOAT NOT NULL, 
	name TEXT NOT NULL, 
	kind VARCHAR(24) NOT NULL, 
	value TEXT NOT NULL
);
INSERT INTO "metric" VALUES(1,'9f46fc21-11ab-4ace-aff1-d6fad7697480',1,1.79538541661089181902e+09,'loss','scalar','0.5');
INSERT INTO "metric" VALUES(2,'b33ba5ec-dcbd-4b6b-9e5f-c7b084a85da9',1,1.79538541673203301432e+09,'loss','scalar','0.5');
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
INSERT INTO "model" VALUES('w','m',1,'{}','{}',NULL,NULL,NULL,NULL,NULL,'model.bin','models/w/655e6a3b-be79-4929-ac3a-550c24a61265',7,1.79538541694406890867e+09);
CREATE TABLE node (
	id VARCHAR(36) NOT NULL, 
	host TEXT NOT NULL, 
	boot_id VARCHAR(64) NOT NULL, 
	lease_until FLOAT NOT NULL, 
	CONSTRAINT pk_node PRIMARY KEY (id)
);
CREATE TABLE output (
	run_id VARCHAR(64) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	root_id VARCHAR(64) NOT NULL, 
	datastore VARCHAR(255) NOT NULL, 
	path TEXT NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	digest VARCHAR(80), 
	n_files INTEGER NOT NULL, 
	size_bytes INTEGER NOT NULL, 
	pipeline_output_name VARCHAR(255), 
	CONSTRAINT pk_output PRIMARY KEY (run_id, name)
);
INSERT INTO "output" VALUES('9f46fc21-11ab-4ace-aff1-d6fad7697480','out','548bf61a-64ea-4f21-938d-3b2edff8273d','workspaceblobstore','azureml/9f46fc21-11ab-4ace-aff1-d6fad7697480/out','directory','sha256:de5ae8fe2faedb7180756d89ab46bc55b38341942120a3bd4bdef806de070c38',1,5,NULL);
INSERT INTO "output" VALUES('b33ba5ec-dcbd-4b6b-9e5f-c7b084a85da9','out','548bf61a-64ea-4f21-938d-3b2edff8273d','workspaceblobstore','azureml/b33ba5ec-dcbd-4b6b-9e5f-c7b084a85da9/out','directory','sha256:de5ae8fe2faedb7180756d89ab46bc55b38341942120a3bd4bdef806de070c38',1,5,NULL);
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
	fingerprint TEXT, 
	error TEXT, 
	description TEXT, 
	created_at FLOAT NOT NULL, 
	queued_at FLOAT, 
	started_at FLOAT, 
	ended_at FLOAT, 
	CONSTRAINT ck_run_ended CHECK ((status IN ('Canceled', 'Completed', 'Failed')) = (ended_at IS NOT NULL)), 
	CONSTRAINT ck_run_status CHECK (status IN ('CancelRequested', 'Canceled', 'Completed', 'Failed', 'Finalizing', 'NotStarted', 'Preparing', 'Queued', 'Running', 'Starting')), 
	CONSTRAINT fk_run_workspace_workspace FOREIGN KEY(workspace) REFERENCES workspace (name), 
	CONSTRAINT uq_run_id UNIQUE (id)
);
INSERT INTO "run" VALUES(1,'548bf61a-64ea-4f21-938d-3b2edff8273d','w','e','pipeline','e',NULL,NULL,'548bf61a-64ea-4f21-938d-3b2edff8273d',NULL,NULL,NULL,'Completed',0,0,NULL,NULL,NULL,NULL,1.79538541648191189766e+09,NULL,1.79538541650401782989e+09,1.79538541675401163103e+09);
INSERT INTO "run" VALUES(2,'9f46fc21-11ab-4ace-aff1-d6fad7697480','w','e','step','step 0',NULL,'548bf61a-64ea-4f21-938d-3b2edff8273d','548bf61a-64ea-4f21-938d-3b2edff8273d','00000000','python_script','cluster','Completed',1,0,NULL,NULL,NULL,NULL,1.79538541648191189766e+09,1.79538541650401782989e+09,1.79538541654599881174e+09,1.79538541663683342934e+09);
INSERT INTO "run" VALUES(3,'b33ba5ec-dcbd-4b6b-9e5f-c7b084a85da9','w','e','step','step 1',NULL,'548bf61a-64ea-4f21-938d-3b2edff8273d','548bf61a-64ea-4f21-938d-3b2edff8273d','00000001','python_script','cluster','Completed',1,0,NULL,NULL,NULL,NULL,1.79538541648191189766e+09,1.79538541663683342934e+09,1.79538541667210102079e+09,1.79538541675401163103e+09);
INSERT INTO "run" VALUES(4,'53a27ffa-252f-4114-a4e9-31f499edb21f','w','e','pipeline','e',NULL,NULL,'53a27ffa-252f-4114-a4e9-31f499edb21f',NULL,NULL,NULL,'Failed',0,0,NULL,NULL,'{"code": "StepsFailed", "message": "1 of 1 steps failed: ''step 0''.", "details": {"steps": ["05b39264-0874-4a84-9a5f-b3627cfa56f0"]}}',NULL,1.79538541678636956217e+09,NULL,1.79538541680309486387e+09,1.79538541687006020543e+09);
INSERT INTO "run" VALUES(5,'05b39264-0874-4a84-9a5f-b3627cfa56f0','w','e','step','step 0',NULL,'53a27ffa-252f-4114-a4e9-31f499edb21f','53a27ffa-252f-4114-a4e9-31f499edb21f','00000000','python_script','cluster','Failed',1,0,NULL,NULL,'{"code": "UserError", "message": "Step ''step 0'': ''a.py'' ended with exit status 1: bad. Read the end of its stderr, mend the script and submit again.", "details": {"ending": "exited", "exit_code": 1, "signal": null, "stderr_tail": "bad\n"}}',NULL,1.79538541678636956217e+09,1.79538541680309486387e+09,1.79538541681233859061e+09,1.79538541687006020543e+09);
INSERT INTO "run" VALUES(6,'99724124-8ea0-4233-9099-51c865142685','w','by-hand','interactive','by-hand',NULL,NULL,'99724124-8ea0-4233-9099-51c865142685',NULL,NULL,'local','Running',0,0,NULL,NULL,NULL,NULL,1.79538541704911637302e+09,NULL,1.79538541704911637302e+09,NULL);
CREATE TABLE submission (
	run_id VARCHAR(64) NOT NULL, 
	idempotency_key VARCHAR(64), 
	graph TEXT NOT NULL, 
	parameters TEXT NOT NULL, 
	bindings TEXT NOT NULL, 
	continue_on_failure INTEGER NOT NULL, 
	regenerate_outputs INTEGER NOT NULL, 
	CONSTRAINT pk_submission PRIMARY KEY (run_id), 
	CONSTRAINT uq_submission_idempotency_key UNIQUE (idempotency_key)
);
INSERT INTO "submission" VALUES('548bf61a-64ea-4f21-938d-3b2edff8273d',NULL,'{"schema": 1, "nodes": [{"id": "00000000", "name": "step 0", "kind": "python_script", "settings": {"script_name": "a.py"}, "snapshot": "sha256:1ae810196d682a3650e31282dd30fe8c4d9b72bec163c5e5c3358891305b18ef", "compute": {"name": "cluster"}, "outputs": [{"name": "out"}], "arguments": [{"literal": "x"}]}, {"id": "00000001", "name": "step 1", "kind": "python_script", "settings": {"script_name": "a.py"}, "snapshot": "sha256:1ae810196d682a3650e31282dd30fe8c4d9b72bec163c5e5c3358891305b18ef", "compute": {"name": "cluster"}, "outputs": [{"name": "out"}], "arguments": [{"literal": "x"}], "after": ["00000000"]}]}','{}','{"interpreter": {"executable": "@PYTHON@"}, "workspace": {"name": "w", "id": "bce2e541-17e5-4bac-87fb-c20c361b0263", "subscription_id": "", "resource_group": ""}, "experiment_id": "603183b5-c432-4953-bd1e-e60ccf9fec8f", "default_datastore": "workspaceblobstore", "datastores": {"workspaceblobstore": {"root": "@HOME@/workspaces/w/workspaceblobstore"}, "workspacefilestore": {"root": "@HOME@/workspaces/w/workspacefilestore"}}, "timeout_seconds": null}',0,0);
INSERT INTO "submission" VALUES('53a27ffa-252f-4114-a4e9-31f499edb21f',NULL,'{"schema": 1, "nodes": [{"id": "00000000", "name": "step 0", "kind": "python_script", "settings": {"script_name": "a.py"}, "snapshot": "sha256:6c62d607b140fab91786b62393c48c5895af7de4a03916dcf95a9e0c3c6dc66e", "compute": {"name": "cluster"}, "outputs": [{"name": "out"}], "arguments": [{"literal": "x"}]}]}','{}','{"interpreter": {"executable": "@PYTHON@"}, "workspace": {"name": "w", "id": "bce2e541-17e5-4bac-87fb-c20c361b0263", "subscription_id": "", "resource_group": ""}, "experiment_id": "603183b5-c432-4953-bd1e-e60ccf9fec8f", "default_datastore": "workspaceblobstore", "datastores": {"workspaceblobstore": {"root": "@HOME@/workspaces/w/workspaceblobstore"}, "workspacefilestore": {"root": "@HOME@/workspaces/w/workspacefilestore"}}, "timeout_seconds": null}',0,0);
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
INSERT INTO "workspace" VALUES('w','bce2e541-17e5-4bac-87fb-c20c361b0263','','','local','{}','workspaceblobstore',1.7953854163116843701e+09);
CREATE INDEX ix_event_root_id_id ON event (root_id, id);
CREATE INDEX ix_event_run_id_id ON event (run_id, id);
CREATE INDEX ix_label_kind_name ON label (kind, name);
CREATE INDEX ix_metric_run_id_id ON metric (run_id, id);
CREATE INDEX ix_output_root_id ON output (root_id);
CREATE INDEX ix_run_parent_id ON run (parent_id);
CREATE INDEX ix_run_root_id_number ON run (root_id, number);
CREATE INDEX ix_run_workspace_experiment_number ON run (workspace, experiment, number);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('run',6);
INSERT INTO "sqlite_sequence" VALUES('event',18);
INSERT INTO "sqlite_sequence" VALUES('metric',2);
COMMIT;
