BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE artifact (
	run_id VARCHAR(64) NOT NULL, 
	name VARCHAR(1024) NOT NULL, 
	attempt INTEGER NOT NULL, 
	path TEXT NOT NULL, 
	size_bytes INTEGER NOT NULL, 
	CONSTRAINT pk_artifact PRIMARY KEY (run_id, name)
);
INSERT INTO "artifact" VALUES('fc908ed1-9916-49aa-ae05-40965001f4b5','outputs/model.bin',1,'jobs/fc908ed1-9916-49aa-ae05-40965001f4b5.1/files/outputs/model.bin',7);
INSERT INTO "artifact" VALUES('dbd35a01-e6e0-4ab0-a43a-e7755c06465e','outputs/model.bin',1,'jobs/dbd35a01-e6e0-4ab0-a43a-e7755c06465e.1/files/outputs/model.bin',7);
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
INSERT INTO "attempt" VALUES('fc908ed1-9916-49aa-ae05-40965001f4b5',1,'0e640fe6-ae40-4a95-8dae-b509d44ce730',NULL,1.79537964355169200902e+09,1.79537964357716131212e+09,'exited',0,'{"schema": 1, "name": "fc908ed1-9916-49aa-ae05-40965001f4b5.1", "ending": "exited", "exit_code": 0, "signal": null, "user_code_started": true, "started_at": 1795379643.5492625, "script_started_at": 1795379643.551692, "ended_at": 1795379643.5771613, "outputs": [{"kind": "directory", "digest": "sha256:de5ae8fe2faedb7180756d89ab46bc55b38341942120a3bd4bdef806de070c38", "n_files": 1, "size_bytes": 5, "name": "out"}], "files": [{"name": "outputs/model.bin", "size_bytes": 7}], "error": null, "stderr_tail": "", "left_behind": [], "inputs_changed": [], "warnings": [], "usage": {"user_seconds": 0.015688999999999998, "system_seconds": 0.007844, "max_rss_bytes": 10117120}}');
INSERT INTO "attempt" VALUES('dbd35a01-e6e0-4ab0-a43a-e7755c06465e',1,'0e640fe6-ae40-4a95-8dae-b509d44ce730',NULL,1.79537964359316778179e+09,1.79537964362653255467e+09,'exited',0,'{"schema": 1, "name": "dbd35a01-e6e0-4ab0-a43a-e7755c06465e.1", "ending": "exited", "exit_code": 0, "signal": null, "user_code_started": true, "started_at": 1795379643.5924835, "script_started_at": 1795379643.5931678, "ended_at": 1795379643.6265326, "outputs": [{"kind": "directory", "digest": "sha256:de5ae8fe2faedb7180756d89ab46bc55b38341942120a3bd4bdef806de070c38", "n_files": 1, "size_bytes": 5, "name": "out"}], "files": [{"name": "outputs/model.bin", "size_bytes": 7}], "error": null, "stderr_tail": "", "left_behind": [], "inputs_changed": [], "warnings": [], "usage": {"user_seconds": 0.023972, "system_seconds": 0.007989999999999999, "max_rss_bytes": 10170368}}');
INSERT INTO "attempt" VALUES('22313c42-423f-41d2-a3d8-3996e75a0a87',1,'0e640fe6-ae40-4a95-8dae-b509d44ce730',NULL,1.79537964367639708515e+09,1.79537964369208502771e+09,'exited',1,'{"schema": 1, "name": "22313c42-423f-41d2-a3d8-3996e75a0a87.1", "ending": "exited", "exit_code": 1, "signal": null, "user_code_started": true, "started_at": 1795379643.6756418, "script_started_at": 1795379643.676397, "ended_at": 1795379643.692085, "outputs": [], "files": [], "error": {"what": "''a.py'' ended with exit status 1: bad", "fix": "Read the end of its stderr, mend the script and submit again."}, "stderr_tail": "bad\n", "left_behind": [], "inputs_changed": [], "warnings": [], "usage": {"user_seconds": 0.009687999999999999, "system_seconds": 0.004843999999999999, "max_rss_bytes": 9949184}}');
CREATE TABLE compute (
	workspace VARCHAR(255) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	type VARCHAR(64) NOT NULL, 
	settings TEXT NOT NULL, 
	created_at FLOAT NOT NULL, 
	CONSTRAINT pk_compute PRIMARY KEY (workspace, name), 
	CONSTRAINT fk_compute_workspace_workspace FOREIGN KEY(workspace) REFERENCES workspace (name)
);
INSERT INTO "compute" VALUES('w','cluster','AmlCompute','{"implicit": true}',1.79537964352918195725e+09);
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
INSERT INTO "dataset" VALUES('89bb740f-90b7-4585-83c8-c59d1a66e077','w','file','{"paths": [{"datastore": "workspaceblobstore", "path": "a.csv"}]}','sha256:181106216aaa029ef4bb3de231eef937efafb4ddcfba497b8c00a8fabf9b5fe7',1.79537964376409196849e+09);
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
INSERT INTO "dataset_version" VALUES('w','d',1,'89bb740f-90b7-4585-83c8-c59d1a66e077',NULL,'{}',1.79537964377272343634e+09);
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
INSERT INTO "datastore" VALUES('w','workspaceblobstore','AzureBlob','{}','@HOME@/workspaces/w/workspaceblobstore',1.79537964347717857354e+09);
INSERT INTO "datastore" VALUES('w','workspacefilestore','AzureFile','{}','@HOME@/workspaces/w/workspacefilestore',1.7953796434771919251e+09);
CREATE TABLE event (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	run_id VARCHAR(64) NOT NULL, 
	root_id VARCHAR(64) NOT NULL, 
	at FLOAT NOT NULL, 
	name VARCHAR(32) NOT NULL, 
	body TEXT NOT NULL
);
INSERT INTO "event" VALUES(1,'419b3499-3551-4c45-8a43-beff6e6865b1','419b3499-3551-4c45-8a43-beff6e6865b1',1.79537964352918195725e+09,'created','{"status": "NotStarted", "n_steps": 2}');
INSERT INTO "event" VALUES(2,'419b3499-3551-4c45-8a43-beff6e6865b1','419b3499-3551-4c45-8a43-beff6e6865b1',1.7953796435352141857e+09,'running','{"status": "Running"}');
INSERT INTO "event" VALUES(3,'fc908ed1-9916-49aa-ae05-40965001f4b5','419b3499-3551-4c45-8a43-beff6e6865b1',1.7953796435352141857e+09,'queued','{"status": "Queued", "attempt": 1, "target": "cluster"}');
INSERT INTO "event" VALUES(4,'fc908ed1-9916-49aa-ae05-40965001f4b5','419b3499-3551-4c45-8a43-beff6e6865b1',1.79537964355169200902e+09,'running','{"status": "Running", "attempt": 1}');
INSERT INTO "event" VALUES(5,'fc908ed1-9916-49aa-ae05-40965001f4b5','419b3499-3551-4c45-8a43-beff6e6865b1',1.79537964357829499242e+09,'finalizing','{"status": "Finalizing", "attempt": 1}');
INSERT INTO "event" VALUES(6,'fc908ed1-9916-49aa-ae05-40965001f4b5','419b3499-3551-4c45-8a43-beff6e6865b1',1.79537964357829499242e+09,'completed','{"status": "Completed", "attempt": 1}');
INSERT INTO "event" VALUES(7,'dbd35a01-e6e0-4ab0-a43a-e7755c06465e','419b3499-3551-4c45-8a43-beff6e6865b1',1.79537964357829499242e+09,'queued','{"status": "Queued", "attempt": 1, "target": "cluster"}');
INSERT INTO "event" VALUES(8,'dbd35a01-e6e0-4ab0-a43a-e7755c06465e','419b3499-3551-4c45-8a43-beff6e6865b1',1.79537964359316778179e+09,'running','{"status": "Running", "attempt": 1}');
INSERT INTO "event" VALUES(9,'dbd35a01-e6e0-4ab0-a43a-e7755c06465e','419b3499-3551-4c45-8a43-beff6e6865b1',1.79537964362738394741e+09,'finalizing','{"status": "Finalizing", "attempt": 1}');
INSERT INTO "event" VALUES(10,'dbd35a01-e6e0-4ab0-a43a-e7755c06465e','419b3499-3551-4c45-8a43-beff6e6865b1',1.79537964362738394741e+09,'completed','{"status": "Completed", "attempt": 1}');
INSERT INTO "event" VALUES(11,'419b3499-3551-4c45-8a43-beff6e6865b1','419b3499-3551-4c45-8a43-beff6e6865b1',1.79537964362738394741e+09,'completed','{"status": "Completed"}');
INSERT INTO "event" VALUES(12,'4778fa2d-ff79-4065-ab75-cce6145dd7c2','4778fa2d-ff79-4065-ab75-cce6145dd7c2',1795379643.66962,'created','{"status": "NotStarted", "n_steps": 1}');
INSERT INTO "event" VALUES(13,'4778fa2d-ff79-4065-ab75-cce6145dd7c2','4778fa2d-ff79-4065-ab75-cce6145dd7c2',1.79537964367256546024e+09,'running','{"status": "Running"}');
INSERT INTO "event" VALUES(14,'22313c42-423f-41d2-a3d8-3996e75a0a87','4778fa2d-ff79-4065-ab75-cce6145dd7c2',1.79537964367256546024e+09,'queued','{"status": "Queued", "attempt": 1, "target": "cluster"}');
INSERT INTO "event" VALUES(15,'22313c42-423f-41d2-a3d8-3996e75a0a87','4778fa2d-ff79-4065-ab75-cce6145dd7c2',1.79537964367639708515e+09,'running','{"status": "Running", "attempt": 1}');
INSERT INTO "event" VALUES(16,'22313c42-423f-41d2-a3d8-3996e75a0a87','4778fa2d-ff79-4065-ab75-cce6145dd7c2',1.7953796436928634644e+09,'failed','{"status": "Failed", "attempt": 1, "message": "Step ''step 0'': ''a.py'' ended with exit status 1: bad. Read the end of its stderr, mend the script and submit again."}');
INSERT INTO "event" VALUES(17,'4778fa2d-ff79-4065-ab75-cce6145dd7c2','4778fa2d-ff79-4065-ab75-cce6145dd7c2',1.7953796436928634644e+09,'failed','{"status": "Failed"}');
INSERT INTO "event" VALUES(18,'a7f51b84-163e-46ba-9baf-2caa073b3105','a7f51b84-163e-46ba-9baf-2caa073b3105',1.79537964377858328822e+09,'created','{"status": "Running"}');
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
INSERT INTO "experiment" VALUES('w','e','91c0d16d-29e6-409a-8a80-632c9e3f9a0f','{}',1.7953796435266158581e+09);
INSERT INTO "experiment" VALUES('w','by-hand','1dc95411-917c-4df2-b03a-12609226cf5f','{}',1.79537964377749228476e+09);
CREATE TABLE journal (
	name VARCHAR(80) NOT NULL, 
	"offset" INTEGER NOT NULL, 
	CONSTRAINT pk_journal PRIMARY KEY (name)
);
INSERT INTO "journal" VALUES('fc908ed1-9916-49aa-ae05-40965001f4b5.1',166);
INSERT INTO "journal" VALUES('dbd35a01-e6e0-4ab0-a43a-e7755c06465e.1',167);
CREATE TABLE label (
	run_id VARCHAR(64) NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	name VARCHAR(1024) NOT NULL, 
	value TEXT, 
	CONSTRAINT pk_label PRIMARY KEY (run_id, kind, name), 
	CONSTRAINT ck_label_kind CHECK (kind IN ('tag', 'property'))
);
INSERT INTO "label" VALUES('419b3499-3551-4c45-8a43-beff6e6865b1','tag','made','for a test');
INSERT INTO "label" VALUES('fc908ed1-9916-49aa-ae05-40965001f4b5','tag','kind','fixture');
INSERT INTO "label" VALUES('dbd35a01-e6e0-4ab0-a43a-e7755c06465e','tag','kind','fixture');
INSERT INTO "label" VALUES('a7f51b84-163e-46ba-9baf-2caa073b3105','tag','a','b');
CREATE TABLE metric (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	run_id VARCHAR(64) NOT NULL, 
	attempt INTEGER NOT NULL, 
	at FLOAT NOT NULL, 
	name TEXT NOT NULL, 
	kind VARCHAR(24) NOT NULL, 
	value TEXT NOT NULL
);
INSERT INTO "metric" VALUES(1,'fc908ed1-9916-49aa-ae05-40965001f4b5',1,1.7953796435727105141e+09,'loss','scalar','0.5');
INSERT INTO "metric" VALUES(2,'dbd35a01-e6e0-4ab0-a43a-e7755c06465e',1,1.79537964362147355081e+09,'loss','scalar','0.5');
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
INSERT INTO "model" VALUES('w','m',1,'{}','{}',NULL,NULL,NULL,NULL,NULL,'model.bin','models/w/d19593db-35e3-4bbe-99d8-6bfeab8dff35',7,1.79537964375655364991e+09);
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
INSERT INTO "output" VALUES('fc908ed1-9916-49aa-ae05-40965001f4b5','out','419b3499-3551-4c45-8a43-beff6e6865b1','workspaceblobstore','azureml/fc908ed1-9916-49aa-ae05-40965001f4b5/out','directory','sha256:de5ae8fe2faedb7180756d89ab46bc55b38341942120a3bd4bdef806de070c38',1,5,NULL);
INSERT INTO "output" VALUES('dbd35a01-e6e0-4ab0-a43a-e7755c06465e','out','419b3499-3551-4c45-8a43-beff6e6865b1','workspaceblobstore','azureml/dbd35a01-e6e0-4ab0-a43a-e7755c06465e/out','directory','sha256:de5ae8fe2faedb7180756d89ab46bc55b38341942120a3bd4bdef806de070c38',1,5,NULL);
INSERT INTO "output" VALUES('22313c42-423f-41d2-a3d8-3996e75a0a87','out','4778fa2d-ff79-4065-ab75-cce6145dd7c2','workspaceblobstore','azureml/22313c42-423f-41d2-a3d8-3996e75a0a87/out','missing',NULL,0,0,NULL);
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
INSERT INTO "run" VALUES(1,'419b3499-3551-4c45-8a43-beff6e6865b1','w','e','pipeline','e',NULL,NULL,'419b3499-3551-4c45-8a43-beff6e6865b1',NULL,NULL,NULL,'Completed',0,0,NULL,NULL,NULL,NULL,1.79537964352904415125e+09,NULL,1.7953796435352141857e+09,1.79537964362738394741e+09);
INSERT INTO "run" VALUES(2,'fc908ed1-9916-49aa-ae05-40965001f4b5','w','e','step','step 0',NULL,'419b3499-3551-4c45-8a43-beff6e6865b1','419b3499-3551-4c45-8a43-beff6e6865b1','00000000','python_script','cluster','Completed',1,0,NULL,NULL,NULL,NULL,1.79537964352904415125e+09,1.7953796435352141857e+09,1.79537964355169200902e+09,1.79537964357829499242e+09);
INSERT INTO "run" VALUES(3,'dbd35a01-e6e0-4ab0-a43a-e7755c06465e','w','e','step','step 1',NULL,'419b3499-3551-4c45-8a43-beff6e6865b1','419b3499-3551-4c45-8a43-beff6e6865b1','00000001','python_script','cluster','Completed',1,0,NULL,NULL,NULL,NULL,1.79537964352904415125e+09,1.79537964357829499242e+09,1.79537964359316778179e+09,1.79537964362738394741e+09);
INSERT INTO "run" VALUES(4,'4778fa2d-ff79-4065-ab75-cce6145dd7c2','w','e','pipeline','e',NULL,NULL,'4778fa2d-ff79-4065-ab75-cce6145dd7c2',NULL,NULL,NULL,'Failed',0,0,NULL,NULL,'{"code": "StepsFailed", "message": "1 of 1 steps failed: ''step 0''.", "details": {"steps": ["22313c42-423f-41d2-a3d8-3996e75a0a87"]}}',NULL,1.79537964366948866847e+09,NULL,1.79537964367256546024e+09,1.7953796436928634644e+09);
INSERT INTO "run" VALUES(5,'22313c42-423f-41d2-a3d8-3996e75a0a87','w','e','step','step 0',NULL,'4778fa2d-ff79-4065-ab75-cce6145dd7c2','4778fa2d-ff79-4065-ab75-cce6145dd7c2','00000000','python_script','cluster','Failed',1,0,NULL,NULL,'{"code": "UserError", "message": "Step ''step 0'': ''a.py'' ended with exit status 1: bad. Read the end of its stderr, mend the script and submit again.", "details": {"ending": "exited", "exit_code": 1, "signal": null, "stderr_tail": "bad\n"}}',NULL,1.79537964366948866847e+09,1.79537964367256546024e+09,1.79537964367639708515e+09,1.7953796436928634644e+09);
INSERT INTO "run" VALUES(6,'a7f51b84-163e-46ba-9baf-2caa073b3105','w','by-hand','interactive','by-hand',NULL,NULL,'a7f51b84-163e-46ba-9baf-2caa073b3105',NULL,NULL,'local','Running',0,0,NULL,NULL,NULL,NULL,1.79537964377858328822e+09,NULL,1.79537964377858328822e+09,NULL);
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
INSERT INTO "submission" VALUES('419b3499-3551-4c45-8a43-beff6e6865b1',NULL,'{"schema": 1, "nodes": [{"id": "00000000", "name": "step 0", "kind": "python_script", "settings": {"script_name": "a.py"}, "snapshot": "sha256:1ae810196d682a3650e31282dd30fe8c4d9b72bec163c5e5c3358891305b18ef", "compute": {"name": "cluster"}, "outputs": [{"name": "out"}], "arguments": [{"literal": "x"}]}, {"id": "00000001", "name": "step 1", "kind": "python_script", "settings": {"script_name": "a.py"}, "snapshot": "sha256:1ae810196d682a3650e31282dd30fe8c4d9b72bec163c5e5c3358891305b18ef", "compute": {"name": "cluster"}, "outputs": [{"name": "out"}], "arguments": [{"literal": "x"}], "after": ["00000000"]}]}','{}','{"interpreter": {"executable": "@PYTHON@"}, "workspace": {"name": "w", "id": "4ae6d868-7c50-4a9f-8952-53c868e076bf", "subscription_id": "", "resource_group": ""}, "experiment_id": "91c0d16d-29e6-409a-8a80-632c9e3f9a0f", "default_datastore": "workspaceblobstore", "datastores": {"workspaceblobstore": {"root": "@HOME@/workspaces/w/workspaceblobstore"}, "workspacefilestore": {"root": "@HOME@/workspaces/w/workspacefilestore"}}}',0,0);
INSERT INTO "submission" VALUES('4778fa2d-ff79-4065-ab75-cce6145dd7c2',NULL,'{"schema": 1, "nodes": [{"id": "00000000", "name": "step 0", "kind": "python_script", "settings": {"script_name": "a.py"}, "snapshot": "sha256:6c62d607b140fab91786b62393c48c5895af7de4a03916dcf95a9e0c3c6dc66e", "compute": {"name": "cluster"}, "outputs": [{"name": "out"}], "arguments": [{"literal": "x"}]}]}','{}','{"interpreter": {"executable": "@PYTHON@"}, "workspace": {"name": "w", "id": "4ae6d868-7c50-4a9f-8952-53c868e076bf", "subscription_id": "", "resource_group": ""}, "experiment_id": "91c0d16d-29e6-409a-8a80-632c9e3f9a0f", "default_datastore": "workspaceblobstore", "datastores": {"workspaceblobstore": {"root": "@HOME@/workspaces/w/workspaceblobstore"}, "workspacefilestore": {"root": "@HOME@/workspaces/w/workspacefilestore"}}}',0,0);
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
INSERT INTO "workspace" VALUES('w','4ae6d868-7c50-4a9f-8952-53c868e076bf','','','local','{}','workspaceblobstore',1.79537964347712850577e+09);
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
