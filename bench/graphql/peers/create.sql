-- The least that makes a work request and its event: one statement, which checks that its author may write there.
WITH made AS (
    INSERT INTO work_request (workspace_id, created_by_id, task_name, task_data, required_tags, tag_set_id)
    SELECT $2, $1, $3, $4::jsonb, '{}', tag_set.id FROM tag_set
    WHERE tags = '{}' AND EXISTS (
        SELECT FROM workspace_membership WHERE workspace_id = $2 AND user_id = $1 AND role >= 2)
    RETURNING *
), event AS (
    INSERT INTO outbox_event (event_type, source, subject, partition_key, data, tenant_id, workspace_id, audience)
    SELECT 'work_request.created', 'urn:workyard', 'work_request/' || made.id, 'work_request/' || made.id,
           json_build_object('status', status, 'result', result, 'worker_id', worker_id, 'attempt', attempt,
                             'task_name', task_name, 'required_tags', required_tags, 'version', made.version),
           tenant_id, workspace_id, 'workspace'
    FROM made JOIN workspace ON workspace.id = workspace_id
)
SELECT id, task_name, status, result, priority_base, created_at, completed_at, attempt FROM made
