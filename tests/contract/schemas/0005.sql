BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0005');
CREATE TABLE artifact (
	run_id VARCHAR(64) NOT NULL, 
	name VARCHAR(1024) NOT NULL, 
	attempt INTEGER NOT NULL, 
	path TEXT NOT NULL, 
	size_bytes INTEGER NOT NULL, 
	CONSTRAINT pk_artifact PRIMARY KEY (run_id, name)
);
INSERT INTO "artifact" VALUES('2157b379-d8f5-4474-9b02-5f2936cd1a85','outputs/model.bin',1,'jobs/2157b379-d8f5-4474-9b02-5f2936cd1a85.1/files/outputs/model.bin',7);
INSERT INTO "artifact" VALUES('6fa76b43-9e3d-432b-a4fb-6169ad1d1097','outputs/model.bin',1,'jobs/6fa76b43-9e3d-432b-a4fb-6169ad1d1097.1/files/outputs/model.bin',7);
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
INSERT INTO "attempt" VALUES('2157b379-d8f5-4474-9b02-5f2936cd1a85',1,'e8b00520-d26a-4b55-923e-e4b951fc82e6',NULL,1.79538734051542472839e+09,1.79538734061996674536e+09,'exited',0,'{"schema": 1, "name": "2157b379-d8f5-4474-9b02-5f2936cd1a85.1", "ending": "exited", "exit_code": 0, "signal": null, "user_code_started": true, "started_at": 1795387340.5041585, "script_started_at": 1795387340.5154247, "ended_at": 1795387340.6199667, "outputs": [{"kind": "directory", "digest": "sha256:de5ae8fe2faedb7180756d89ab46bc55b38341942120a3bd4bdef806de070c38", "n_files": 1, "size_bytes": 5, "name": "out"}], "files": [{"name": "outputs/model.bin", "size_bytes": 7}], "error": null, "stderr_tail": "", "left_behind": [], "inputs_changed": [], "warnings": [], "usage": {"user_seconds": 0.013774, "system_seconds": 0.010329999999999999, "max_rss_bytes": 10117120}}');
INSERT INTO "attempt" VALUES('6fa76b43-9e3d-432b-a4fb-6169ad1d1097',1,'e8b00520-d26a-4b55-923e-e4b951fc82e6',NULL,1.79538734067125630377e+09,1.79538734076360774038e+09,'exited',0,'{"schema": 1, "name": "6fa76b43-9e3d-432b-a4fb-6169ad1d1097.1", "ending": "exited", "exit_code": 0, "signal": null, "user_code_started": true, "started_at": 1795387340.6707053, "script_started_at": 1795387340.6712563, "ended_at": 1795387340.7636077, "outputs": [{"kind": "directory", "digest": "sha256:de5ae8fe2faedb7180756d89ab46bc55b38341942120a3bd4bdef806de070c38", "n_files": 1, "size_bytes": 5, "name": "out"}], "files": [{"name": "outputs/model.bin", "size_bytes": 7}], "error": null, "stderr_tail": "", "left_behind": [], "inputs_changed": [], "warnings": [], "usage": {"user_seconds": 0.024222999999999998, "system_seconds": 0.0, "max_rss_bytes": 10039296}}');
INSERT INTO "attempt" VALUES('fc426282-44e4-4fdc-be99-7b3bfd0a7fad',1,'e8b00520-d26a-4b55-923e-e4b951fc82e6',NULL,1.79538734088782238958e+09,1.79538734096818375588e+09,'exited',1,'{"schema": 1, "name": "fc426282-44e4-4fdc-be99-7b3bfd0a7fad.1", "ending": "exited", "exit_code": 1, "signal": null, "user_code_started": true, "started_at": 1795387340.8871882, "script_started_at": 1795387340.8878224, "ended_at": 1795387340.9681838, "outputs": [], "files": [], "error": {"what": "''a.py'' ended with exit status 1: bad", "fix": "All that it printed: penstock run logs fc426282"}, "stderr_tail": "bad\n", "left_behind": [], "inputs_changed": [], "warnings": [], "usage": {"user_seconds": 0.009236, "system_seconds": 0.004618, "max_rss_bytes": 8933376}}');
CREATE TABLE compute (
	workspace VARCHAR(255) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	type VARCHAR(64) NOT NULL, 
	settings TEXT NOT NULL, 
	created_at FLOAT NOT NULL, 
	CONSTRAINT pk_compute PRIMARY KEY (workspace, name), 
	CONSTRAINT fk_compute_workspace_workspace FOREIGN KEY(workspace) REFERENCES workspace (name)
);
INSERT INTO "compute" VALUES('w','cluster','AmlCompute','{"implicit": true}',1.79538734035827755928e+09);
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
INSERT INTO "dataset" VALUES('efe86596-9844-4f7e-a384-eebe7d95303f','w','file','{"paths": [{"datastore": "workspaceblobstore", "path": "a.csv"}]}','sha256:181106216aaa029ef4bb3de231eef937efafb4ddcfba497b8c00a8fabf9b5fe7',1.795387341056801796e+09);
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
INSERT INTO "dataset_version" VALUES('w','d',1,'efe86596-9844-4f7e-a384-eebe7d95303f',NULL,'{}',1.79538734106886339186e+09,'null');
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
INSERT INTO "datastore" VALUES('w','workspaceblobstore','AzureBlob','{}','@HOME@/workspaces/w/workspaceblobstore',1.79538734004448413848e+09,NULL,NULL);
INSERT INTO "datastore" VALUES('w','workspacefilestore','AzureFile','{}','@HOME@/workspaces/w/workspacefilestore',1.79538734004449224471e+09,NULL,NULL);
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
CREATE TABLE event (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	run_id VARCHAR(64) NOT NULL, 
	root_id VARCHAR(64) NOT NULL, 
	at FLOAT NOT NULL, 
	name VARCHAR(32) NOT NULL, 
	body TEXT NOT NULL
);
INSERT INTO "event" VALUES(1,'38367c04-3f8f-4486-8b71-7f3ba0d1888a','38367c04-3f8f-4486-8b71-7f3ba0d1888a',1.79538734035827755928e+09,'created','{"status": "NotStarted", "n_steps": 2}');
INSERT INTO "event" VALUES(2,'38367c04-3f8f-4486-8b71-7f3ba0d1888a','38367c04-3f8f-4486-8b71-7f3ba0d1888a',1.79538734042812037463e+09,'running','{"status": "Running"}');
INSERT INTO "event" VALUES(3,'2157b379-d8f5-4474-9b02-5f2936cd1a85','38367c04-3f8f-4486-8b71-7f3ba0d1888a',1.79538734042812037463e+09,'queued','{"status": "Queued", "attempt": 1, "target": "cluster"}');
INSERT INTO "event" VALUES(4,'2157b379-d8f5-4474-9b02-5f2936cd1a85','38367c04-3f8f-4486-8b71-7f3ba0d1888a',1.79538734052159929272e+09,'running','{"status": "Running", "attempt": 1}');
INSERT INTO "event" VALUES(5,'2157b379-d8f5-4474-9b02-5f2936cd1a85','38367c04-3f8f-4486-8b71-7f3ba0d1888a',1.795387340631821394e+09,'finalizing','{"status": "Finalizing", "attempt": 1}');
INSERT INTO "event" VALUES(6,'2157b379-d8f5-4474-9b02-5f2936cd1a85','38367c04-3f8f-4486-8b71-7f3ba0d1888a',1.795387340631821394e+09,'completed','{"status": "Completed", "attempt": 1}');
INSERT INTO "event" VALUES(7,'6fa76b43-9e3d-432b-a4fb-6169ad1d1097','38367c04-3f8f-4486-8b71-7f3ba0d1888a',1.795387340631821394e+09,'queued','{"status": "Queued", "attempt": 1, "target": "cluster"}');
INSERT INTO "event" VALUES(8,'6fa76b43-9e3d-432b-a4fb-6169ad1d1097','38367c04-3f8f-4486-8b71-7f3ba0d1888a',1.79538734068254685399e+09,'running','{"status": "Running", "attempt": 1}');
INSERT INTO "event" VALUES(9,'6fa76b43-9e3d-432b-a4fb-6169ad1d1097','38367c04-3f8f-4486-8b71-7f3ba0d1888a',1.79538734080059432986e+09,'finalizing','{"status": "Finalizing", "attempt": 1}');
INSERT INTO "event" VALUES(10,'6fa76b43-9e3d-432b-a4fb-6169ad1d1097','38367c04-3f8f-4486-8b71-7f3ba0d1888a',1.79538734080059432986e+09,'completed','{"status": "Completed", "attempt": 1}');
INSERT INTO "event" VALUES(11,'38367c04-3f8f-4486-8b71-7f3ba0d1888a','38367c04-3f8f-4486-8b71-7f3ba0d1888a',1.79538734080059432986e+09,'completed','{"status": "Completed"}');
INSERT INTO "event" VALUES(12,'f5700b7c-0bd8-4f0f-9ce8-64bf5bb0144e','f5700b7c-0bd8-4f0f-9ce8-64bf5bb0144e',1.7953873408634285927e+09,'created','{"status": "NotStarted", "n_steps": 1}');
INSERT INTO "event" VALUES(13,'f5700b7c-0bd8-4f0f-9ce8-64bf5bb0144e','f5700b7c-0bd8-4f0f-9ce8-64bf5bb0144e',1.79538734088419771198e+09,'running','{"status": "Running"}');
INSERT INTO "event" VALUES(14,'fc426282-44e4-4fdc-be99-7b3bfd0a7fad','f5700b7c-0bd8-4f0f-9ce8-64bf5bb0144e',1.79538734088419771198e+09,'queued','{"status": "Queued", "attempt": 1, "target": "cluster"}');
INSERT INTO "event" VALUES(15,'fc426282-44e4-4fdc-be99-7b3bfd0a7fad','f5700b7c-0bd8-4f0f-9ce8-64bf5bb0144e',1.79538734088782238958e+09,'running','{"status": "Running", "attempt": 1}');
INSERT INTO "event" VALUES(16,'fc426282-44e4-4fdc-be99-7b3bfd0a7fad','f5700b7c-0bd8-4f0f-9ce8-64bf5bb0144e',1.79538734098785090443e+09,'failed','{"status": "Failed", "attempt": 1, "message": "Step ''step 0'': ''a.py'' ended with exit status 1: bad. All that it printed: penstock run logs fc426282"}');
INSERT INTO "event" VALUES(17,'f5700b7c-0bd8-4f0f-9ce8-64bf5bb0144e','f5700b7c-0bd8-4f0f-9ce8-64bf5bb0144e',1.79538734098785090443e+09,'failed','{"status": "Failed"}');
INSERT INTO "event" VALUES(18,'ddd87f05-915b-46af-b208-b15536003bd9','ddd87f05-915b-46af-b208-b15536003bd9',1.79538734109990286832e+09,'created','{"status": "Running"}');
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
INSERT INTO "experiment" VALUES('w','e','9382a31d-0321-4ca6-ab2a-9d6d2990ae43','{}',1.7953873403485388756e+09);
INSERT INTO "experiment" VALUES('w','by-hand','969cac2b-5c55-44b1-a7d3-9028ac4678b0','{}',1.79538734109542560575e+09);
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
INSERT INTO "journal" VALUES('2157b379-d8f5-4474-9b02-5f2936cd1a85.1',167);
INSERT INTO "journal" VALUES('6fa76b43-9e3d-432b-a4fb-6169ad1d1097.1',167);
CREATE TABLE label (
	run_id VARCHAR(64) NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	name VARCHAR(1024) NOT NULL, 
	value TEXT, 
	CONSTRAINT pk_label PRIMARY KEY (run_id, kind, name), 
	CONSTRAINT ck_label_kind CHECK (kind IN ('tag', 'property'))
);
INSERT INTO "label" VALUES('38367c04-3f8f-4486-8b71-7f3ba0d1888a','tag','made','for a test');
INSERT INTO "label" VALUES('2157b379-d8f5-4474-9b02-5f2936cd1a85','tag','kind','fixture');
INSERT INTO "label" VALUES('6fa76b43-9e3d-432b-a4fb-6169ad1d1097','tag','kind','fixture');
INSERT INTO "label" VALUES('ddd87f05-915b-46af-b208-b15536003bd9','tag','a','b');
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
, step INTEGER);
INSERT INTO "metric" VALUES(1,'2157b379-d8f5-4474-9b02-5f2936cd1a85',1,1.79538734060609674447e+09,'loss','scalar','0.5',NULL);
INSERT INTO "metric" VALUES(2,'6fa76b43-9e3d-432b-a4fb-6169ad1d1097',1,1.79538734073918843266e+09,'loss','scalar','0.5',NULL);
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
INSERT INTO "model" VALUES('w','m',1,'{}','{}',NULL,NULL,NULL,NULL,NULL,'model.bin','models/w/dbc09b14-bd26-4f15-95f4-00c9fa12a9cd',7,1.79538734102591085429e+09);
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
INSERT INTO "output" VALUES('2157b379-d8f5-4474-9b02-5f2936cd1a85','out','38367c04-3f8f-4486-8b71-7f3ba0d1888a','workspaceblobstore','azureml/2157b379-d8f5-4474-9b02-5f2936cd1a85/out','directory','sha256:de5ae8fe2faedb7180756d89ab46bc55b38341942120a3bd4bdef806de070c38',1,5,NULL);
INSERT INTO "output" VALUES('6fa76b43-9e3d-432b-a4fb-6169ad1d1097','out','38367c04-3f8f-4486-8b71-7f3ba0d1888a','workspaceblobstore','azureml/6fa76b43-9e3d-432b-a4fb-6169ad1d1097/out','directory','sha256:de5ae8fe2faedb7180756d89ab46bc55b38341942120a3bd4bdef806de070c38',1,5,NULL);
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
	ended_at FLOAT, owner TEXT, experiment_number INTEGER, 
	CONSTRAINT ck_run_ended CHECK ((status IN ('Canceled', 'Completed', 'Failed')) = (ended_at IS NOT NULL)), 
	CONSTRAINT ck_run_status CHECK (status IN ('CancelRequested', 'Canceled', 'Completed', 'Failed', 'Finalizing', 'NotStarted', 'Preparing', 'Queued', 'Running', 'Starting')), 
	CONSTRAINT fk_run_workspace_workspace FOREIGN KEY(workspace) REFERENCES workspace (name), 
	CONSTRAINT uq_run_id UNIQUE (id)
);
INSERT INTO "run" VALUES(1,'38367c04-3f8f-4486-8b71-7f3ba0d1888a','w','e','pipeline','e',NULL,NULL,'38367c04-3f8f-4486-8b71-7f3ba0d1888a',NULL,NULL,NULL,'Completed',0,0,NULL,NULL,NULL,NULL,1.79538734035818982118e+09,NULL,1.79538734042812037463e+09,1.79538734080059432986e+09,NULL,1);
INSERT INTO "run" VALUES(2,'2157b379-d8f5-4474-9b02-5f2936cd1a85','w','e','step','step 0',NULL,'38367c04-3f8f-4486-8b71-7f3ba0d1888a','38367c04-3f8f-4486-8b71-7f3ba0d1888a','00000000','python_script','cluster','Completed',1,0,NULL,NULL,NULL,NULL,1.79538734035818982118e+09,1.79538734042812037463e+09,1.79538734052159929272e+09,1.795387340631821394e+09,NULL,2);
INSERT INTO "run" VALUES(3,'6fa76b43-9e3d-432b-a4fb-6169ad1d1097','w','e','step','step 1',NULL,'38367c04-3f8f-4486-8b71-7f3ba0d1888a','38367c04-3f8f-4486-8b71-7f3ba0d1888a','00000001','python_script','cluster','Completed',1,0,NULL,NULL,NULL,NULL,1.79538734035818982118e+09,1.795387340631821394e+09,1.79538734068254685399e+09,1.79538734080059432986e+09,NULL,3);
INSERT INTO "run" VALUES(4,'f5700b7c-0bd8-4f0f-9ce8-64bf5bb0144e','w','e','pipeline','e',NULL,NULL,'f5700b7c-0bd8-4f0f-9ce8-64bf5bb0144e',NULL,NULL,NULL,'Failed',0,0,NULL,NULL,'{"code": "StepsFailed", "message": "1 of 1 steps failed: ''step 0''.", "details": {"steps": ["fc426282-44e4-4fdc-be99-7b3bfd0a7fad"]}}',NULL,1.79538734086336040493e+09,NULL,1.79538734088419771198e+09,1.79538734098785090443e+09,NULL,4);
INSERT INTO "run" VALUES(5,'fc426282-44e4-4fdc-be99-7b3bfd0a7fad','w','e','step','step 0',NULL,'f5700b7c-0bd8-4f0f-9ce8-64bf5bb0144e','f5700b7c-0bd8-4f0f-9ce8-64bf5bb0144e','00000000','python_script','cluster','Failed',1,0,NULL,NULL,'{"code": "UserError", "message": "Step ''step 0'': ''a.py'' ended with exit status 1: bad. All that it printed: penstock run logs fc426282", "details": {"ending": "exited", "exit_code": 1, "signal": null, "stderr_tail": "bad\n"}}',NULL,1.79538734086336040493e+09,1.79538734088419771198e+09,1.79538734088782238958e+09,1.79538734098785090443e+09,NULL,5);
INSERT INTO "run" VALUES(6,'ddd87f05-915b-46af-b208-b15536003bd9','w','by-hand','interactive','by-hand',NULL,NULL,'ddd87f05-915b-46af-b208-b15536003bd9',NULL,NULL,'local','Running',0,0,NULL,NULL,NULL,NULL,1.79538734109990286832e+09,NULL,1.79538734109990286832e+09,NULL,NULL,1);
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
INSERT INTO "submission" VALUES('38367c04-3f8f-4486-8b71-7f3ba0d1888a',NULL,'{"schema": 1, "nodes": [{"id": "00000000", "name": "step 0", "kind": "python_script", "settings": {"script_name": "a.py"}, "snapshot": "sha256:1ae810196d682a3650e31282dd30fe8c4d9b72bec163c5e5c3358891305b18ef", "compute": {"name": "cluster"}, "outputs": [{"name": "out"}], "arguments": [{"literal": "x"}]}, {"id": "00000001", "name": "step 1", "kind": "python_script", "settings": {"script_name": "a.py"}, "snapshot": "sha256:1ae810196d682a3650e31282dd30fe8c4d9b72bec163c5e5c3358891305b18ef", "compute": {"name": "cluster"}, "outputs": [{"name": "out"}], "arguments": [{"literal": "x"}], "after": ["00000000"]}]}','{}','{"interpreter": {"executable": "@PYTHON@"}, "workspace": {"name": "w", "id": "e56a0b9b-a6bf-49c2-8313-abbe74f2008e", "subscription_id": "", "resource_group": ""}, "experiment_id": "9382a31d-0321-4ca6-ab2a-9d6d2990ae43", "default_datastore": "workspaceblobstore", "datastores": {"workspaceblobstore": {"root": "@HOME@/workspaces/w/workspaceblobstore"}, "workspacefilestore": {"root": "@HOME@/workspaces/w/workspacefilestore"}}, "timeout_seconds": null}',0,0);
INSERT INTO "submission" VALUES('f5700b7c-0bd8-4f0f-9ce8-64bf5bb0144e',NULL,'{"schema": 1, "nodes": [{"id": "00000000", "name": "step 0", "kind": "python_script", "settings": {"script_name": "a.py"}, "snapshot": "sha256:6c62d607b140fab91786b62393c48c5895af7de4a03916dcf95a9e0c3c6dc66e", "compute": {"name": "cluster"}, "outputs": [{"name": "out"}], "arguments": [{"literal": "x"}]}]}','{}','{"interpreter": {"executable": "@PYTHON@"}, "workspace": {"name": "w", "id": "e56a0b9b-a6bf-49c2-8313-abbe74f2008e", "subscription_id": "", "resource_group": ""}, "experiment_id": "9382a31d-0321-4ca6-ab2a-9d6d2990ae43", "default_datastore": "workspaceblobstore", "datastores": {"workspaceblobstore": {"root": "@HOME@/workspaces/w/workspaceblobstore"}, "workspacefilestore": {"root": "@HOME@/workspaces/w/workspacefilestore"}}, "timeout_seconds": null}',0,0);
CREATE TABLE version_given (
	workspace VARCHAR(255) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT pk_version_given PRIMARY KEY (workspace, kind, name), 
	CONSTRAINT fk_version_given_workspace_workspace FOREIGN KEY(workspace) REFERENCES workspace (name)
);
INSERT INTO "version_given" VALUES('w','model','m',1);
INSERT INTO "version_given" VALUES('w','dataset','d',1);
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
INSERT INTO "workspace" VALUES('w','e56a0b9b-a6bf-49c2-8313-abbe74f2008e','','','local','{}','workspaceblobstore',1.79538734004444384571e+09);
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
