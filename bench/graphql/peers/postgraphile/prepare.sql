-- What PostGraphile needs in the database: its way to write an event with a row is a trigger, and its way to let everybody
-- see what is theirs are policies. They hold for `visitor`, not for the owner, as whom it connects in the other measurement.

CREATE FUNCTION record_work_request() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO outbox_event (event_type, source, subject, partition_key, data, tenant_id, workspace_id, audience)
    SELECT 'work_request.created', 'urn:workyard', 'work_request/' || NEW.id, 'work_request/' || NEW.id,
           json_build_object('status', NEW.status, 'result', NEW.result, 'worker_id', NEW.worker_id, 'attempt', NEW.attempt,
                             'task_name', NEW.task_name, 'required_tags', NEW.required_tags, 'version', NEW.version),
           tenant_id, id, 'workspace' FROM workspace WHERE id = NEW.workspace_id;
    RETURN NULL;
END $$;
CREATE TRIGGER record_work_request AFTER INSERT ON work_request FOR EACH ROW EXECUTE FUNCTION record_work_request();

CREATE SCHEMA viewer;
CREATE FUNCTION viewer.id() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT current_setting('viewer.id')::bigint $$;
CREATE FUNCTION viewer.tenant() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT tenant_id FROM public."user" WHERE id = viewer.id() $$;
CREATE FUNCTION viewer.workspaces() RETURNS bigint[] LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT ARRAY(SELECT id FROM public.workspace WHERE public
                 UNION ALL SELECT workspace_id FROM public.workspace_membership WHERE user_id = viewer.id()) $$;
CREATE FUNCTION viewer.contributes_to(workspace bigint) RETURNS bool LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT EXISTS (SELECT FROM public.workspace_membership
                   WHERE workspace_id = workspace AND user_id = viewer.id() AND role >= 2) $$;

-- Each function is called once for a statement, since it stands in a sub-select.
ALTER TABLE work_request ENABLE ROW LEVEL SECURITY;
CREATE POLICY see ON work_request FOR SELECT USING (workspace_id = ANY ((SELECT viewer.workspaces())::bigint[]));
CREATE POLICY make ON work_request FOR INSERT
    WITH CHECK (created_by_id = viewer.id() AND viewer.contributes_to(workspace_id));
ALTER TABLE artifact ENABLE ROW LEVEL SECURITY;
CREATE POLICY see ON artifact FOR SELECT USING (workspace_id = ANY ((SELECT viewer.workspaces())::bigint[]));
ALTER TABLE file_in_artifact ENABLE ROW LEVEL SECURITY;
CREATE POLICY see ON file_in_artifact FOR SELECT USING (EXISTS (SELECT FROM artifact WHERE artifact.id = artifact_id));
ALTER TABLE workspace ENABLE ROW LEVEL SECURITY;
CREATE POLICY see ON workspace FOR SELECT USING (id = ANY ((SELECT viewer.workspaces())::bigint[]));
ALTER TABLE "user" ENABLE ROW LEVEL SECURITY;
CREATE POLICY see ON "user" FOR SELECT USING (tenant_id = (SELECT viewer.tenant()));
ALTER TABLE worker ENABLE ROW LEVEL SECURITY;
CREATE POLICY see ON worker FOR SELECT USING (tenant_id = (SELECT viewer.tenant()));

DO $$ BEGIN CREATE ROLE visitor LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
GRANT USAGE ON SCHEMA public, viewer TO visitor;
GRANT SELECT ON work_request, artifact, file_in_artifact, file, workspace, "user", worker TO visitor;
GRANT INSERT ON work_request TO visitor;
