BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0004');
CREATE TABLE artifact (
	run_id VARCHAR(64) NOT NULL, 
	name VARCHAR(1024) NOT NULL, 
	attempt INTEGER NOT NULL, 
	path TEXT NOT NULL, 
	size_bytes INTEGER NOT NULL, 
	CONSTRAINT pk_artifact PRIMARY KEY (run_id, name)
);
INSERT INTO "artifact" VALUES('302e7d65-d913-48bf-a900-befcb12c430c','outputs/model.bin',1,'jobs/302e7d65-d913-48bf-a900-befcb12c430c.1/files/outputs/model.bin',7);
INSERT INTO "artifact" VALUES('4c548495-cf47-44c9-a329-879e0b732b65','outputs/model.bin',1,'jobs/4c548495-cf47-44c9-a329-879e0b732b65.1/files/outputs/model.bin',7);
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
INSERT INTO "attempt" VALUES('302e7d65-d913-48bf-a900-befcb12c430c',1,'a34a8160-3d79-4f98-ae97-10a017b63085',NULL,1.79538613622538375854e+09,1.79538613634401941297e+09,'exited',0,'{"schema": 1, "name": "302e7d65-d913-48bf-a900-befcb12c430c.1", "ending": "exited", "exit_code": 0, "signal": null, "user_code_started": true, "started_at": 1795386136.216225, "script_started_at": 1795386136.2253838, "ended_at": 1795386136.3440194, "outputs": [{"kind": "directory", "digest": "sha256:de5ae8fe2faedb7180756d89ab46bc55b38341942120a3bd4bdef806de070c38", "n_files": 1, "size_bytes": 5, "name": "out"}], "files": [{"name": "outputs/model.bin", "size_bytes": 7}], "error": null, "stderr_tail": "", "left_behind": [], "inputs_changed": [], "warnings": [], "usage": {"user_seconds": 0.014296, "system_seconds": 0.010764, "max_rss_bytes": 10051584}}');
INSERT INTO "attempt" VALUES('4c548495-cf47-44c9-a329-879e0b732b65',1,'a34a8160-3d79-4f98-ae97-10a017b63085',NULL,1.79538613637203645708e+09,1.79538613645448136332e+09,'exited',0,'{"schema": 1, "name": "4c548495-cf47-44c9-a329-879e0b732b65.1", "ending": "exited", "exit_code": 0, "signal": null, "user_code_started": true, "started_at": 1795386136.368171, "script_started_at": 1795386136.3720365, "ended_at": 1795386136.4544814, "outputs": [{"kind": "directory", "digest": "sha256:de5ae8fe2faedb7180756d89ab46bc55b38341942120a3bd4bdef806de070c38", "n_files": 1, "size_bytes": 5, "name": "out"}], "files": [{"name": "outputs/model.bin", "size_bytes": 7}], "error": null, "stderr_tail": "", "left_behind": [], "inputs_changed": [], "warnings": [], "usage": {"user_seconds": 0.020159, "system_seconds": 0.004031, "max_rss_bytes": 10117120}}');
INSERT INTO "attempt" VALUES('72ba7f10-4144-4e32-980d-af1b18214ea8',1,'a34a8160-3d79-4f98-ae97-10a017b63085',NULL,1.79538613650505113599e+09,1.7953861365522048474e+09,'exited',1,'{"schema": 1, "name": "72ba7f10-4144-4e32-980d-af1b18214ea8.1", "ending": "exited", "exit_code": 1, "signal": null, "user_code_started": true, "started_at": 1795386136.5044549, "script_started_at": 1795386136.5050511, "ended_at": 1795386136.5522048, "outputs": [], "files": [], "error": {"what": "''a.py'' ended with exit status 1: bad", "fix": "All that it printed: penstock run logs 72ba7f10"}, "stderr_tail": "bad\n", "left_behind": [], "inputs_changed": [], "warnings": [], "usage": {"user_seconds": 0.012180999999999999, "system_seconds": 0.002444, "max_rss_bytes": 9981952}}');
CREATE TABLE compute (
	workspace VARCHAR(255) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	type VARCHAR(64) NOT NULL, 
	settings TEXT NOT NULL, 
	created_at FLOAT NOT NULL, 
	CONSTRAINT pk_compute PRIMARY KEY (workspace, name), 
	CONSTRAINT fk_compute_workspace_workspace FOREIGN KEY(workspace) REFERENCES workspace (name)
);
INSERT INTO "compute" VALUES('w','cluster','AmlCompute','{"implicit": true}',1.79538613617598748206e+09);
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
INSERT INTO "dataset" VALUES('62f2f03c-8616-427a-850e-e4e896542df7','w','file','{"paths": [{"datastore": "workspaceblobstore", "path": "a.csv"}]}','sha256:181106216aaa029ef4bb3de231eef937efafb4ddcfba497b8c00a8fabf9b5fe7',1.79538613661652731896e+09);
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
INSERT INTO "dataset_version" VALUES('w','d',1,'62f2f03c-8616-427a-850e-e4e896542df7',NULL,'{}',1.79538613663376307488e+09);
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
INSERT INTO "datastore" VALUES('w','workspaceblobstore','AzureBlob','{}','@HOME@/workspaces/w/workspaceblobstore',1.79538613603889417652e+09);
INSERT INTO "datastore" VALUES('w','workspacefilestore','AzureFile','{}','@HOME@/workspaces/w/workspacefilestore',1.79538613603890252114e+09);
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
INSERT INTO "environment" VALUES('w','env','1','{"name": "env", "version": "1"}','[]',1.79538613668070697786e+09);
CREATE TABLE event (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	run_id VARCHAR(64) NOT NULL, 
	root_id VARCHAR(64) NOT NULL, 
	at FLOAT NOT NULL, 
	name VARCHAR(32) NOT NULL, 
	body TEXT NOT NULL
);
INSERT INTO "event" VALUES(1,'ca00ab6a-81fc-40d3-95aa-4e086bb0c108','ca00ab6a-81fc-40d3-95aa-4e086bb0c108',1.79538613617598748206e+09,'created','{"status": "NotStarted", "n_steps": 2}');
INSERT INTO "event" VALUES(2,'ca00ab6a-81fc-40d3-95aa-4e086bb0c108','ca00ab6a-81fc-40d3-95aa-4e086bb0c108',1.79538613620060229303e+09,'running','{"status": "Running"}');
INSERT INTO "event" VALUES(3,'302e7d65-d913-48bf-a900-befcb12c430c','ca00ab6a-81fc-40d3-95aa-4e086bb0c108',1.79538613620060229303e+09,'queued','{"status": "Queued", "attempt": 1, "target": "cluster"}');
INSERT INTO "event" VALUES(4,'302e7d65-d913-48bf-a900-befcb12c430c','ca00ab6a-81fc-40d3-95aa-4e086bb0c108',1.79538613624322581294e+09,'running','{"status": "Running", "attempt": 1}');
INSERT INTO "event" VALUES(5,'302e7d65-d913-48bf-a900-befcb12c430c','ca00ab6a-81fc-40d3-95aa-4e086bb0c108',1.79538613634842443471e+09,'finalizing','{"status": "Finalizing", "attempt": 1}');
INSERT INTO "event" VALUES(6,'302e7d65-d913-48bf-a900-befcb12c430c','ca00ab6a-81fc-40d3-95aa-4e086bb0c108',1.79538613634842443471e+09,'completed','{"status": "Completed", "attempt": 1}');
INSERT INTO "event" VALUES(7,'4c548495-cf47-44c9-a329-879e0b732b65','ca00ab6a-81fc-40d3-95aa-4e086bb0c108',1.79538613634842443471e+09,'queued','{"status": "Queued", "attempt": 1, "target": "cluster"}');
INSERT INTO "event" VALUES(8,'4c548495-cf47-44c9-a329-879e0b732b65','ca00ab6a-81fc-40d3-95aa-4e086bb0c108',1.79538613637203645708e+09,'running','{"status": "Running", "attempt": 1}');
INSERT INTO "event" VALUES(9,'4c548495-cf47-44c9-a329-879e0b732b65','ca00ab6a-81fc-40d3-95aa-4e086bb0c108',1795386136.46793,'finalizing','{"status": "Finalizing", "attempt": 1}');
INSERT INTO "event" VALUES(10,'4c548495-cf47-44c9-a329-879e0b732b65','ca00ab6a-81fc-40d3-95aa-4e086bb0c108',1795386136.46793,'completed','{"status": "Completed", "attempt": 1}');
INSERT INTO "event" VALUES(11,'ca00ab6a-81fc-40d3-95aa-4e086bb0c108','ca00ab6a-81fc-40d3-95aa-4e086bb0c108',1795386136.46793,'completed','{"status": "Completed"}');
INSERT INTO "event" VALUES(12,'ca427526-4f13-4943-9fd6-5998abaed612','ca427526-4f13-4943-9fd6-5998abaed612',1.7953861364906952381e+09,'created','{"status": "NotStarted", "n_steps": 1}');
INSERT INTO "event" VALUES(13,'ca427526-4f13-4943-9fd6-5998abaed612','ca427526-4f13-4943-9fd6-5998abaed612',1.79538613649823617932e+09,'running','{"status": "Running"}');
INSERT INTO "event" VALUES(14,'72ba7f10-4144-4e32-980d-af1b18214ea8','ca427526-4f13-4943-9fd6-5998abaed612',1.79538613649823617932e+09,'queued','{"status": "Queued", "attempt": 1, "target": "cluster"}');
INSERT INTO "event" VALUES(15,'72ba7f10-4144-4e32-980d-af1b18214ea8','ca427526-4f13-4943-9fd6-5998abaed612',1.79538613650505113599e+09,'running','{"status": "Running", "attempt": 1}');
INSERT INTO "event" VALUES(16,'72ba7f10-4144-4e32-980d-af1b18214ea8','ca427526-4f13-4943-9fd6-5998abaed612',1.79538613655359125141e+09,'failed','{"status": "Failed", "attempt": 1, "message": "Step ''step 0'': ''a.py'' ended with exit status 1: bad. All that it printed: penstock run logs 72ba7f10"}');
INSERT INTO "event" VALUES(17,'ca427526-4f13-4943-9fd6-5998abaed612','ca427526-4f13-4943-9fd6-5998abaed612',1.79538613655359125141e+09,'failed','{"status": "Failed"}');
INSERT INTO "event" VALUES(18,'59a371f7-6505-465a-85d5-4ec01858a964','59a371f7-6505-465a-85d5-4ec01858a964',1.7953861367077698708e+09,'created','{"status": "Running"}');
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
INSERT INTO "experiment" VALUES('w','e','e1f2c73b-d671-413b-8a6e-9ba8e0a98b60','{}',1.79538613617213320731e+09);
INSERT INTO "experiment" VALUES('w','by-hand','ab97c04d-0739-46bf-9338-d6e761edd7c7','{}',1.7953861367051823139e+09);
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
INSERT INTO "journal" VALUES('302e7d65-d913-48bf-a900-befcb12c430c.1',167);
INSERT INTO "journal" VALUES('4c548495-cf47-44c9-a329-879e0b732b65.1',166);
CREATE TABLE label (
	run_id VARCHAR(64) NOT NULL, 
	kind VARCHAR(8) NOT NULL, 
	name VARCHAR(1024) NOT NULL, 
	value TEXT, 
	CONSTRAINT pk_label PRIMARY KEY (run_id, kind, name), 
	CONSTRAINT ck_label_kind CHECK (kind IN ('tag', 'property'))
);
INSERT INTO "label" VALUES('ca00ab6a-81fc-40d3-95aa-4e086bb0c108','tag','made','for a test');
INSERT INTO "label" VALUES('302e7d65-d913-48bf-a900-befcb12c430c','tag','kind','fixture');
INSERT INTO "label" VALUES('4c548495-cf47-44c9-a329-879e0b732b65','tag','kind','fixture');
INSERT INTO "label" VALUES('59a371f7-6505-465a-85d5-4ec01858a964','tag','a','b');
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
INSERT INTO "metric" VALUES(1,'302e7d65-d913-48bf-a900-befcb12c430c',1,1.79538613632668972016e+09,'loss','scalar','0.5',NULL);
INSERT INTO "metric" VALUES(2,'4c548495-cf47-44c9-a329-879e0b732b65',1,1.79538613643129706378e+09,'loss','scalar','0.5',NULL);
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
INSERT INTO "model" VALUES('w','m',1,'{}','{}',NULL,NULL,NULL,NULL,NULL,'model.bin','models/w/bfa7b48d-f692-420a-8a5f-241817e4216d',7,1.79538613659908866887e+09);
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
INSERT INTO "output" VALUES('302e7d65-d913-48bf-a900-befcb12c430c','out','ca00ab6a-81fc-40d3-95aa-4e086bb0c108','workspaceblobstore','azureml/302e7d65-d913-48bf-a900-befcb12c430c/out','directory','sha256:de5ae8fe2faedb7180756d89ab46bc55b38341942120a3bd4bdef806de070c38',1,5,NULL);
INSERT INTO "output" VALUES('4c548495-cf47-44c9-a329-879e0b732b65','out','ca00ab6a-81fc-40d3-95aa-4e086bb0c108','workspaceblobstore','azureml/4c548495-cf47-44c9-a329-879e0b732b65/out','directory','sha256:de5ae8fe2faedb7180756d89ab46bc55b38341942120a3bd4bdef806de070c38',1,5,NULL);
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
INSERT INTO "run" VALUES(1,'ca00ab6a-81fc-40d3-95aa-4e086bb0c108','w','e','pipeline','e',NULL,NULL,'ca00ab6a-81fc-40d3-95aa-4e086bb0c108',NULL,NULL,NULL,'Completed',0,0,NULL,NULL,NULL,NULL,1.79538613617590355874e+09,NULL,1.79538613620060229303e+09,1795386136.46793,NULL,1);
INSERT INTO "run" VALUES(2,'302e7d65-d913-48bf-a900-befcb12c430c','w','e','step','step 0',NULL,'ca00ab6a-81fc-40d3-95aa-4e086bb0c108','ca00ab6a-81fc-40d3-95aa-4e086bb0c108','00000000','python_script','cluster','Completed',1,0,NULL,NULL,NULL,NULL,1.79538613617590355874e+09,1.79538613620060229303e+09,1.79538613624322581294e+09,1.79538613634842443471e+09,NULL,2);
INSERT INTO "run" VALUES(3,'4c548495-cf47-44c9-a329-879e0b732b65','w','e','step','step 1',NULL,'ca00ab6a-81fc-40d3-95aa-4e086bb0c108','ca00ab6a-81fc-40d3-95aa-4e086bb0c108','00000001','python_script','cluster','Completed',1,0,NULL,NULL,NULL,NULL,1.79538613617590355874e+09,1.79538613634842443471e+09,1.79538613637203645708e+09,1795386136.46793,NULL,3);
INSERT INTO "run" VALUES(4,'ca427526-4f13-4943-9fd6-5998abaed612','w','e','pipeline','e',NULL,NULL,'ca427526-4f13-4943-9fd6-5998abaed612',NULL,NULL,NULL,'Failed',0,0,NULL,NULL,'{"code": "StepsFailed", "message": "1 of 1 steps failed: ''step 0''.", "details": {"steps": ["72ba7f10-4144-4e32-980d-af1b18214ea8"]}}',NULL,1.79538613649063014988e+09,NULL,1.79538613649823617932e+09,1.79538613655359125141e+09,NULL,4);
INSERT INTO "run" VALUES(5,'72ba7f10-4144-4e32-980d-af1b18214ea8','w','e','step','step 0',NULL,'ca427526-4f13-4943-9fd6-5998abaed612','ca427526-4f13-4943-9fd6-5998abaed612','00000000','python_script','cluster','Failed',1,0,NULL,NULL,'{"code": "UserError", "message": "Step ''step 0'': ''a.py'' ended with exit status 1: bad. All that it printed: penstock run logs 72ba7f10", "details": {"ending": "exited", "exit_code": 1, "signal": null, "stderr_tail": "bad\n"}}',NULL,1.79538613649063014988e+09,1.79538613649823617932e+09,1.79538613650505113599e+09,1.79538613655359125141e+09,NULL,5);
INSERT INTO "run" VALUES(6,'59a371f7-6505-465a-85d5-4ec01858a964','w','by-hand','interactive','by-hand',NULL,NULL,'59a371f7-6505-465a-85d5-4ec01858a964',NULL,NULL,'local','Running',0,0,NULL,NULL,NULL,NULL,1.7953861367077698708e+09,NULL,1.7953861367077698708e+09,NULL,NULL,1);
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
INSERT INTO "submission" VALUES('ca00ab6a-81fc-40d3-95aa-4e086bb0c108',NULL,'{"schema": 1, "nodes": [{"id": "00000000", "name": "step 0", "kind": "python_script", "settings": {"script_name": "a.py"}, "snapshot": "sha256:1ae810196d682a3650e31282dd30fe8c4d9b72bec163c5e5c3358891305b18ef", "compute": {"name": "cluster"}, "outputs": [{"name": "out"}], "arguments": [{"literal": "x"}]}, {"id": "00000001", "name": "step 1", "kind": "python_script", "settings": {"script_name": "a.py"}, "snapshot": "sha256:1ae810196d682a3650e31282dd30fe8c4d9b72bec163c5e5c3358891305b18ef", "compute": {"name": "cluster"}, "outputs": [{"name": "out"}], "arguments": [{"literal": "x"}], "after": ["00000000"]}]}','{}','{"interpreter": {"executable": "@PYTHON@"}, "workspace": {"name": "w", "id": "c5d86a1f-cb5c-4d02-b75e-5bfb4e4107c0", "subscription_id": "", "resource_group": ""}, "experiment_id": "e1f2c73b-d671-413b-8a6e-9ba8e0a98b60", "default_datastore": "workspaceblobstore", "datastores": {"workspaceblobstore": {"root": "@HOME@/workspaces/w/workspaceblobstore"}, "workspacefilestore": {"root": "@HOME@/workspaces/w/workspacefilestore"}}, "timeout_seconds": null}',0,0);
INSERT INTO "submission" VALUES('ca427526-4f13-4943-9fd6-5998abaed612',NULL,'{"schema": 1, "nodes": [{"id": "00000000", "name": "step 0", "kind": "python_script", "settings": {"script_name": "a.py"}, "snapshot": "sha256:6c62d607b140fab91786b62393c48c5895af7de4a03916dcf95a9e0c3c6dc66e", "compute": {"name": "cluster"}, "outputs": [{"name": "out"}], "arguments": [{"literal": "x"}]}]}','{}','{"interpreter": {"executable": "@PYTHON@"}, "workspace": {"name": "w", "id": "c5d86a1f-cb5c-4d02-b75e-5bfb4e4107c0", "subscription_id": "", "resource_group": ""}, "experiment_id": "e1f2c73b-d671-413b-8a6e-9ba8e0a98b60", "default_datastore": "workspaceblobstore", "datastores": {"workspaceblobstore": {"root": "@HOME@/workspaces/w/workspaceblobstore"}, "workspacefilestore": {"root": "@HOME@/workspaces/w/workspacefilestore"}}, "timeout_seconds": null}',0,0);
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
INSERT INTO "workspace" VALUES('w','c5d86a1f-cb5c-4d02-b75e-5bfb4e4107c0','','','local','{}','workspaceblobstore',1.79538613603885245325e+09);
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
