BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0003');
CREATE TABLE artifact (
	run_id VARCHAR(64) NOT NULL, 
	name VARCHAR(1024) NOT NULL, 
	attempt INTEGER NOT NULL, 
	path TEXT NOT NULL, 
	size_bytes INTEGER NOT NULL, 
	CONSTRAINT pk_artifact PRIMARY KEY (run_id, name)
);
INSERT INTO "artifact" VALUES('4039cff7-0755-49b9-b680-0d8dd431245d','outputs/model.bin',1,'jobs/4039cff7-0755-49b9-b680-0d8dd431245d.1/files/outputs/model.bin',7);
INSERT INTO "artifact" VALUES('4b995110-d712-4751-8bd4-8a766b945c6d','outputs/model.bin',1,'jobs/4b995110-d712-4751-8bd4-8a766b945c6d.1/files/outputs/model.bin',7);
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
INSERT INTO "attempt" VALUES('4039cff7-0755-49b9-b680-0d8dd431245d',1,'83ee256f-529d-4b9c-82b5-9b9b60631118',NULL,1.79538545325851535798e+09,1.79538545331269741058e+09,'exited',0,'{"schema": 1, "name": "4039cff7-0755-49b9-b680-0d8dd431245d.1", "ending": "exited", "exit_code": 0, "signal": null, "user_code_started": true, "started_at": 1795385453.2536504, "script_started_at": 1795385453.2585154, "ended_at": 1795385453.3126974, "outputs": [{"kind": "directory", "digest": "sha256:de5ae8fe2faedb7180756d89ab46bc55b38341942120a3bd4bdef806de070c38", "n_files": 1, "size_bytes": 5, "name": "out"}], "files": [{"name": "outputs/model.bin", "size_bytes": 7}], "error": null, "stderr_tail": "", "left_behind": [], "inputs_changed": [], "warnings": [], "usage": {"user_seconds": 0.017334, "system_seconds": 0.006933, "max_rss_bytes": 10117120}}');
INSERT INTO "attempt" VALUES('4b995110-d712-4751-8bd4-8a766b945c6d',1,'83ee256f-529d-4b9c-82b5-9b9b60631118',NULL,1.79538545333697128298e+09,1.79538545337689328194e+09,'exited',0,'{"schema": 1, "name": "4b995110-d712-4751-8bd4-8a766b945c6d.1", "ending": "exited", "exit_code": 0, "signal": null, "user_code_started": true, "started_at": 1795385453.3359642, "script_started_at": 1795385453.3369713, "ended_at": 1795385453.3768933, "outputs": [{"kind": "directory", "digest": "sha256:de5ae8fe2faedb7180756d89ab46bc55b38341942120a3bd4bdef806de070c38", "n_files": 1, "size_bytes": 5, "name": "out"}], "files": [{"name": "outputs/model.bin", "size_bytes": 7}], "error": null, "stderr_tail": "", "left_behind": [], "inputs_changed": [], "warnings": [], "usage": {"user_seconds": 0.024024, "system_seconds": 0.0, "max_rss_bytes": 10117120}}');
INSERT INTO "attempt" VALUES('03320c8a-ecb2-4e0c-981a-3416d379401e',1,'83ee256f-529d-4b9c-82b5-9b9b60631118',NULL,1.79538545341968894001e+09,1.79538545347217559818e+09,'exited',1,'{"schema": 1, "name": "03320c8a-ecb2-4e0c-981a-3416d379401e.1", "ending": "exited", "exit_code": 1, "signal": null, "user_code_started": true, "started_at": 1795385453.414628, "script_started_at": 1795385453.419689, "ended_at": 1795385453.4721756, "outputs": [], "files": [], "error": {"what": "''a.py'' ended with exit status 1: bad", "fix": "All that it printed: penstock run logs 03320c8a"}, "stderr_tail": "bad\n", "left_behind": [], "inputs_changed": [], "warnings": [], "usage": {"user_seconds": 0.014983, "system_seconds": 0.0, "max_rss_bytes": 8941568}}');
CREATE TABLE compute (
	workspace VARCHAR(255) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	type VARCHAR(64) NOT NULL, 
	settings TEXT NOT NULL, 
	created_at FLOAT NOT NULL, 
	CONSTRAINT pk_compute PRIMARY KEY (workspace, name), 
	CONSTRAINT fk_compute_workspace_workspace FOREIGN KEY(workspace) REFERENCES workspace (name)
);
INSERT INTO "compute" VALUES('w','cluster','AmlCompute','{"implicit": true}',1.79538545320912098883e+09);
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
INSERT INTO "dataset" VALUES('2a8a32a7-a5b7-416e-b3ae-8c1055587e6b','w','file','{"paths": [{"datastore": "workspaceblobstore", "path": "a.csv"}]}','sha256:181106216aaa029ef4bb3de231eef937efafb4ddcfba497b8c00a8fabf9b5fe7',1.7953854535743582249e+09);
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
INSERT INTO "dataset_version" VALUES('w','d',1,'2a8a32a7-a5b7-416e-b3ae-8c1055587e6b',NULL,'{}',1.79538545359190273285e+09);
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
INSERT INTO "datastore" VALUES('w','workspaceblobstore','AzureBlob','{}','@HOME@/workspaces/w/workspaceblobstore',1.79538545303663229935e+09);
INSERT INTO "datastore" VALUES('w','workspacefilestore','AzureFile','{}','@HOME@/workspaces/w/workspacefilestore',1.79538545303664159773e+09);
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
INSERT INTO "environment" VALUES('w','env','1','{"name": "env", "version": "1"}','[]',1.79538545360801339145e+09);
CREATE TABLE event (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	run_id VARCHAR(64) NOT NULL, 
	root_id VARCHAR(64) NOT NULL, 
	at FLOAT NOT NULL, 
	name VARCHAR(32) NOT NULL, 
	body TEXT NOT NULL
);
INSERT INTO "event" VALUES(1,'47a1c45e-b072-49b5-b878-d6ceef7ac925','47a1c45e-b072-49b5-b878-d6ceef7ac925',1.79538545320912098883e+09,'created','{"status": "NotStarted", "n_steps": 2}');
INSERT INTO "event" VALUES(2,'47a1c45e-b072-49b5-b878-d6ceef7ac925','47a1c45e-b072-49b5-b878-d6ceef7ac925',1.79538545321998763083e+09,'running','{"status": "Running"}');
INSERT INTO "event" VALUES(3,'4039cff7-0755-49b9-b680-0d8dd431245d','47a1c45e-b072-49b5-b878-d6ceef7ac925',1.79538545321998763083e+09,'queued','{"status": "Queued", "attempt": 1, "target": "cluster"}');
INSERT INTO "event" VALUES(4,'4039cff7-0755-49b9-b680-0d8dd431245d','47a1c45e-b072-49b5-b878-d6ceef7ac925',1.79538545325851535798e+09,'running','{"status": "Running", "attempt": 1}');
INSERT INTO "event" VALUES(5,'4039cff7-0755-49b9-b680-0d8dd431245d','47a1c45e-b072-49b5-b878-d6ceef7ac925',1.79538545332015132905e+09,'finalizing','{"status": "Finalizing", "attempt": 1}');
INSERT INTO "event" VALUES(6,'4039cff7-0755-49b9-b680-0d8dd431245d','47a1c45e-b072-49b5-b878-d6ceef7ac925',1.79538545332015132905e+09,'completed','{"status": "Completed", "attempt": 1}');
INSERT INTO "event" VALUES(7,'4b995110-d712-4751-8bd4-8a766b945c6d','47a1c45e-b072-49b5-b878-d6ceef7ac925',1.79538545332015132905e+09,'queued','{"status": "Queued", "attempt": 1, "target": "cluster"}');
INSERT INTO "event" VALUES(8,'4b995110-d712-4751-8bd4-8a766b945c6d','47a1c45e-b072-49b5-b878-d6ceef7ac925',1.79538545333697128298e+09,'running','{"status": "Running", "attempt": 1}');
INSERT INTO "event" VALUES(9,'4b995110-d712-4751-8bd4-8a766b945c6d','47a1c45e-b072-49b5-b878-d6ceef7ac925',1.79538545338406944277e+09,'finalizing','{"status": "Finalizing", "attempt": 1}');
INSERT INTO "event" VALUES(10,'4b995110-d712-4751-8bd4-8a766b945c6d','47a1c45e-b072-49b5-b878-d6ceef7ac925',1.79538545338406944277e+09,'completed','{"status": "Completed", "attempt": 1}');
INSERT INTO "event" VALUES(11,'47a1c45e-b072-49b5-b878-d6ceef7ac925','47a1c45e-b072-49b5-b878-d6ceef7ac925',1.79538545338406944277e+09,'completed','{"status": "Completed"}');
INSERT INTO "event" VALUES(12,'69c7367c-db5e-4f53-bb6e-b2ad88bb2ec3','69c7367c-db5e-4f53-bb6e-b2ad88bb2ec3',1.79538545340180373194e+09,'created','{"status": "NotStarted", "n_steps": 1}');
INSERT INTO "event" VALUES(13,'69c7367c-db5e-4f53-bb6e-b2ad88bb2ec3','69c7367c-db5e-4f53-bb6e-b2ad88bb2ec3',1.79538545341198563579e+09,'running','{"status": "Running"}');
INSERT INTO "event" VALUES(14,'03320c8a-ecb2-4e0c-981a-3416d379401e','69c7367c-db5e-4f53-bb6e-b2ad88bb2ec3',1.79538545341198563579e+09,'queued','{"status": "Queued", "attempt": 1, "target": "cluster"}');
INSERT INTO "event" VALUES(15,'03320c8a-ecb2-4e0c-981a-3416d379401e','69c7367c-db5e-4f53-bb6e-b2ad88bb2ec3',1.79538545341968894001e+09,'running','{"status": "Running", "attempt": 1}');
INSERT INTO "event" VALUES(16,'03320c8a-ecb2-4e0c-981a-3416d379401e','69c7367c-db5e-4f53-bb6e-b2ad88bb2ec3',1.795385453480653286e+09,'failed','{"status": "Failed", "attempt": 1, "message": "Step ''step 0'': ''a.py'' ended with exit status 1: bad. All that it printed: penstock run logs 03320c8a"}');
INSERT INTO "event" VALUES(17,'69c7367c-db5e-4f53-bb6e-b2ad88bb2ec3','69c7367c-db5e-4f53-bb6e-b2ad88bb2ec3',1.795385453480653286e+09,'failed','{"status": "Failed"}');
INSERT INTO "event" VALUES(18,'489bef89-2a17-41d0-9b0c-36dfde1a4565','489bef89-2a17-41d0-9b0c-36dfde1a4565',1.79538545362868165967e+09,'created','{"status": "Running"}');
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
INSERT INTO "experiment" VALUES('w','e','bf4cc633-0beb-405e-a03a-0b4615551086','{}',1.79538545320258545881e+09);
INSERT INTO "experiment" VALUES('w','by-hand','bfa3b694-25b1-4e5b-aef1-58b89243a997','{}',1.79538545362025332447e+09);
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
INSERT INTO "journal" VALUES('4039cff7-0755-49b9-b680-0d8dd431245d.1',167);
INSERT INTO "journal" VALUES('4b995110-d712-4751-8bd4-8a766b945c6d.1',167);
CREATE TABLE label (
	run_id VARCHAR(64) NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	name VARCHAR(1024) NOT NULL, 
	value TEXT, 
	CONSTRAINT pk_label PRIMARY KEY (run_id, kind, name), 
	CONSTRAINT ck_label_kind CHECK (kind IN ('tag', 'property'))
);
INSERT INTO "label" VALUES('47a1c45e-b072-49b5-b878-d6ceef7ac925','tag','made','for a test');
INSERT INTO "label" VALUES('4039cff7-0755-49b9-b680-0d8dd431245d','tag','kind','fixture');
INSERT INTO "label" VALUES('4b995110-d712-4751-8bd4-8a766b945c6d','tag','kind','fixture');
INSERT INTO "label" VALUES('489bef89-2a17-41d0-9b0c-36dfde1a4565','tag','a','b');
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
INSERT INTO "metric" VALUES(1,'4039cff7-0755-49b9-b680-0d8dd431245d',1,1.79538545330391478534e+09,'loss','scalar','0.5');
INSERT INTO "metric" VALUES(2,'4b995110-d712-4751-8bd4-8a766b945c6d',1,1.79538545336890983583e+09,'loss','scalar','0.5');
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
INSERT INTO "model" VALUES('w','m',1,'{}','{}',NULL,NULL,NULL,NULL,NULL,'model.bin','models/w/0b384608-31ce-42c0-8278-379c600922e7',7,1.79538545354338788988e+09);
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
INSERT INTO "output" VALUES('4039cff7-0755-49b9-b680-0d8dd431245d','out','47a1c45e-b072-49b5-b878-d6ceef7ac925','workspaceblobstore','azureml/4039cff7-0755-49b9-b680-0d8dd431245d/out','directory','sha256:de5ae8fe2faedb7180756d89ab46bc55b38341942120a3bd4bdef806de070c38',1,5,NULL);
INSERT INTO "output" VALUES('4b995110-d712-4751-8bd4-8a766b945c6d','out','47a1c45e-b072-49b5-b878-d6ceef7ac925','workspaceblobstore','azureml/4b995110-d712-4751-8bd4-8a766b945c6d/out','directory','sha256:de5ae8fe2faedb7180756d89ab46bc55b38341942120a3bd4bdef806de070c38',1,5,NULL);
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
INSERT INTO "run" VALUES(1,'47a1c45e-b072-49b5-b878-d6ceef7ac925','w','e','pipeline','e',NULL,NULL,'47a1c45e-b072-49b5-b878-d6ceef7ac925',NULL,NULL,NULL,'Completed',0,0,NULL,NULL,NULL,NULL,1.79538545320903086656e+09,NULL,1.79538545321998763083e+09,1.79538545338406944277e+09);
INSERT INTO "run" VALUES(2,'4039cff7-0755-49b9-b680-0d8dd431245d','w','e','step','step 0',NULL,'47a1c45e-b072-49b5-b878-d6ceef7ac925','47a1c45e-b072-49b5-b878-d6ceef7ac925','00000000','python_script','cluster','Completed',1,0,NULL,NULL,NULL,NULL,1.79538545320903086656e+09,1.79538545321998763083e+09,1.79538545325851535798e+09,1.79538545332015132905e+09);
INSERT INTO "run" VALUES(3,'4b995110-d712-4751-8bd4-8a766b945c6d','w','e','step','step 1',NULL,'47a1c45e-b072-49b5-b878-d6ceef7ac925','47a1c45e-b072-49b5-b878-d6ceef7ac925','00000001','python_script','cluster','Completed',1,0,NULL,NULL,NULL,NULL,1.79538545320903086656e+09,1.79538545332015132905e+09,1.79538545333697128298e+09,1.79538545338406944277e+09);
INSERT INTO "run" VALUES(4,'69c7367c-db5e-4f53-bb6e-b2ad88bb2ec3','w','e','pipeline','e',NULL,NULL,'69c7367c-db5e-4f53-bb6e-b2ad88bb2ec3',NULL,NULL,NULL,'Failed',0,0,NULL,NULL,'{"code": "StepsFailed", "message": "1 of 1 steps failed: ''step 0''.", "details": {"steps": ["03320c8a-ecb2-4e0c-981a-3416d379401e"]}}',NULL,1.7953854534017307758e+09,NULL,1.79538545341198563579e+09,1.795385453480653286e+09);
INSERT INTO "run" VALUES(5,'03320c8a-ecb2-4e0c-981a-3416d379401e','w','e','step','step 0',NULL,'69c7367c-db5e-4f53-bb6e-b2ad88bb2ec3','69c7367c-db5e-4f53-bb6e-b2ad88bb2ec3','00000000','python_script','cluster','Failed',1,0,NULL,NULL,'{"code": "UserError", "message": "Step ''step 0'': ''a.py'' ended with exit status 1: bad. All that it printed: penstock run logs 03320c8a", "details": {"ending": "exited", "exit_code": 1, "signal": null, "stderr_tail": "bad\n"}}',NULL,1.7953854534017307758e+09,1.79538545341198563579e+09,1.79538545341968894001e+09,1.795385453480653286e+09);
INSERT INTO "run" VALUES(6,'489bef89-2a17-41d0-9b0c-36dfde1a4565','w','by-hand','interactive','by-hand',NULL,NULL,'489bef89-2a17-41d0-9b0c-36dfde1a4565',NULL,NULL,'local','Running',0,0,NULL,NULL,NULL,NULL,1.79538545362868165967e+09,NULL,1.79538545362868165967e+09,NULL);
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
INSERT INTO "submission" VALUES('47a1c45e-b072-49b5-b878-d6ceef7ac925',NULL,'{"schema": 1, "nodes": [{"id": "00000000", "name": "step 0", "kind": "python_script", "settings": {"script_name": "a.py"}, "snapshot": "sha256:1ae810196d682a3650e31282dd30fe8c4d9b72bec163c5e5c3358891305b18ef", "compute": {"name": "cluster"}, "outputs": [{"name": "out"}], "arguments": [{"literal": "x"}]}, {"id": "00000001", "name": "step 1", "kind": "python_script", "settings": {"script_name": "a.py"}, "snapshot": "sha256:1ae810196d682a3650e31282dd30fe8c4d9b72bec163c5e5c3358891305b18ef", "compute": {"name": "cluster"}, "outputs": [{"name": "out"}], "arguments": [{"literal": "x"}], "after": ["00000000"]}]}','{}','{"interpreter": {"executable": "@PYTHON@"}, "workspace": {"name": "w", "id": "da327f12-4305-41d1-82fc-94772b3b9779", "subscription_id": "", "resource_group": ""}, "experiment_id": "bf4cc633-0beb-405e-a03a-0b4615551086", "default_datastore": "workspaceblobstore", "datastores": {"workspaceblobstore": {"root": "@HOME@/workspaces/w/workspaceblobstore"}, "workspacefilestore": {"root": "@HOME@/workspaces/w/workspacefilestore"}}, "timeout_seconds": null}',0,0);
INSERT INTO "submission" VALUES('69c7367c-db5e-4f53-bb6e-b2ad88bb2ec3',NULL,'{"schema": 1, "nodes": [{"id": "00000000", "name": "step 0", "kind": "python_script", "settings": {"script_name": "a.py"}, "snapshot": "sha256:6c62d607b140fab91786b62393c48c5895af7de4a03916dcf95a9e0c3c6dc66e", "compute": {"name": "cluster"}, "outputs": [{"name": "out"}], "arguments": [{"literal": "x"}]}]}','{}','{"interpreter": {"executable": "@PYTHON@"}, "workspace": {"name": "w", "id": "da327f12-4305-41d1-82fc-94772b3b9779", "subscription_id": "", "resource_group": ""}, "experiment_id": "bf4cc633-0beb-405e-a03a-0b4615551086", "default_datastore": "workspaceblobstore", "datastores": {"workspaceblobstore": {"root": "@HOME@/workspaces/w/workspaceblobstore"}, "workspacefilestore": {"root": "@HOME@/workspaces/w/workspacefilestore"}}, "timeout_seconds": null}',0,0);
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
INSERT INTO "workspace" VALUES('w','da327f12-4305-41d1-82fc-94772b3b9779','','','local','{}','workspaceblobstore',1.79538545303659081457e+09);
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
