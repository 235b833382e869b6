"""Tasks that wait have a table of their own, from which they are taken; a runner that takes one leaves its row as it is. And what a
runner sees in its one look each second of work and chores; and what is asked when tasks and events are stored.

Runs before the code that needs it; old code goes on as before: a runner of before takes tasks by `claim_tasks`, which still writes
into their rows that they are taken. The table of tasks is written anew, once. Written by hand: aerich knows neither CHECKs,
partial indexes, generated columns nor triggers. Forward only.
"""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

UPGRADE = """
-- The tasks that a runner may take now: in `task` they are `queued` and `ready`, and no claim that still counts names them. The key
-- is the order of taking: first by priority (the lowest number), then in the order of coming. To take a task is to delete its row
-- here, a hundred bytes, where writing it into the row of the task cost more than all else that a claim does.
CREATE TABLE task_waiting (
    queue_name text NOT NULL,
    priority int NOT NULL,
    task_id bigint NOT NULL,
    PRIMARY KEY (queue_name, priority, task_id)
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 5000);
INSERT INTO task_waiting SELECT queue_name, priority, id FROM task WHERE ready ORDER BY 1, 2, 3;

-- `ready` is in no index any more: so the end of a task, the first change of its row as a rule, changes no column that one names.
DROP INDEX task_ready_queue, task_delayed;
ALTER TABLE task ADD COLUMN delayed_until timestamptz
    GENERATED ALWAYS AS (CASE WHEN state = 'queued' AND NOT ready THEN eta END) STORED;
CREATE INDEX task_delayed ON task (delayed_until) WHERE delayed_until IS NOT NULL;

-- What was taken together, and which attempt of each task that is to be. Null: by a runner of before, so that it is in their rows.
ALTER TABLE task_claim ADD COLUMN attempts int[], ADD COLUMN claimed_at timestamptz NOT NULL DEFAULT now();

-- A task that comes to wait is entered among those that do: when it comes, when its time comes, when it comes back from a runner. It
-- leaves when it is taken, or by whoever rejects it before. Which runner wants to hear of it is told by those who send, or give back:
-- a NOTIFY in every commit makes commits wait for each other, so there is none while all runners are busy.
CREATE OR REPLACE FUNCTION wake_task_runners() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO task_waiting SELECT queue_name, priority, id FROM new_task WHERE ready AND state = 'queued';
    IF EXISTS (SELECT FROM task_idle) THEN
        PERFORM pg_notify('workyard_tasks', queue_name)
        FROM (SELECT DISTINCT queue_name FROM new_task WHERE ready) AS filled
        WHERE EXISTS (SELECT FROM task_idle WHERE task_idle.queue_name = filled.queue_name);
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION wait_again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO task_waiting VALUES (NEW.queue_name, NEW.priority, NEW.id) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER task_wait_again AFTER UPDATE ON task FOR EACH ROW
    WHEN (NEW.state = 'queued' AND NEW.ready AND (OLD.state <> 'queued' OR NOT OLD.ready OR OLD.attempt <> NEW.attempt))
    EXECUTE FUNCTION wait_again();

DROP TRIGGER delete_logs ON task;
DROP FUNCTION delete_logs;
CREATE FUNCTION forget_tasks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM task_waiting USING gone WHERE gone.state = 'queued' AND task_waiting.queue_name = gone.queue_name
        AND task_waiting.priority = gone.priority AND task_waiting.task_id = gone.id;
    DELETE FROM task_log USING gone WHERE task_log.task_id = gone.id;
    RETURN NULL;
END $$;
CREATE TRIGGER forget_tasks AFTER DELETE ON task REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION forget_tasks();

-- The claim. By the key and in its order, whatever PostgreSQL knows of the table: when it expects few tasks, it would read all that
-- wait and sort them, each time. Rows are found by where they are, or by their key, as any join may be planned to read the table.
-- What waits by mistake, its task being over or gone, is dropped.
CREATE FUNCTION take_tasks(runner uuid, queue text, most int) RETURNS TABLE (id bigint, message_id uuid, queue_name text,
    actor_name text, message bytea, attempt int, retries bigint, crashes int, tenant_id bigint, workspace_id bigint, _uid text,
    priority int, eta timestamptz, log_count int, worst_level text, rel_obj_content_type_id bigint, rel_obj_id text)
    LANGUAGE plpgsql SET enable_sort = off SET enable_bitmapscan = off SET enable_seqscan = off
    SET plan_cache_mode = force_generic_plan AS $$ -- else it is planned each time, which costs as much as ten tasks
#variable_conflict use_column
BEGIN
    IF EXISTS (SELECT FROM worker_status WHERE worker_status.id = runner AND lost_at IS NOT NULL) THEN
        RETURN; -- whoever was taken for lost would lose them again
    END IF;
    RETURN QUERY WITH taken AS (
        DELETE FROM task_waiting WHERE ctid = ANY (ARRAY(
            SELECT first.ctid FROM task_waiting AS first WHERE first.queue_name = queue
            ORDER BY first.priority, first.task_id LIMIT most FOR UPDATE SKIP LOCKED))
        RETURNING task_id),
    found AS MATERIALIZED (
        SELECT task.id, task.message_id, task.queue_name, task.actor_name, task.message, task.attempt + 1 AS attempt, task.retries,
            task.crashes, task.tenant_id, task.workspace_id, task._uid, task.priority, task.eta, task.log_count,
            task.worst_level, task.rel_obj_content_type_id, task.rel_obj_id
        FROM task WHERE task.id = ANY (ARRAY(SELECT task_id FROM taken)) AND task.state = 'queued' AND task.ready),
    noted AS (
        INSERT INTO task_claim (worker_id, task_ids, attempts)
        SELECT runner, array_agg(found.id), array_agg(found.attempt) FROM found HAVING count(*) > 0)
    SELECT * FROM found;
END $$;

-- The same for a runner of before, which expects its tasks to say so.
CREATE OR REPLACE FUNCTION claim_tasks(runner uuid, queue text, most int) RETURNS TABLE (id bigint, message_id uuid, queue_name text,
    actor_name text, message bytea, attempt int, retries bigint, crashes int, tenant_id bigint, workspace_id bigint, _uid text,
    priority int, eta timestamptz, log_count int, worst_level text, rel_obj_content_type_id bigint, rel_obj_id text)
    LANGUAGE plpgsql SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    ids bigint[] := ARRAY(SELECT taken.id FROM take_tasks(runner, queue, most) AS taken);
BEGIN
    RETURN QUERY UPDATE task SET state = 'consumed', ready = false, worker_id = runner, attempt = task.attempt + 1, mtime = now()
        WHERE task.id = ANY (ids)
        RETURNING task.id, task.message_id, task.queue_name, task.actor_name, task.message, task.attempt, task.retries,
            task.crashes, task.tenant_id, task.workspace_id, task._uid, task.priority, task.eta, task.log_count,
            task.worst_level, task.rel_obj_content_type_id, task.rel_obj_id;
END $$;

-- Whether a claim says of any task what its row does not: that it was taken, and has neither ended nor begun to run for a while. The
-- attempt tells: whoever gives a task back, or takes it from its runner, has counted it up.
CREATE FUNCTION claim_counts(claim task_claim) RETURNS bool LANGUAGE plpgsql STABLE
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM unnest(claim.task_ids, claim.attempts) AS taken(id, attempt) JOIN task ON task.id = taken.id
        WHERE CASE task.state WHEN 'queued' THEN task.attempt = taken.attempt - 1
            WHEN 'consumed' THEN task.worker_id = claim.worker_id ELSE false END);
END $$;

-- Writes into the rows of these tasks which runner has taken them, for whoever has to tell that runner something, or to take them
-- from it. Returns those that it was written of just now; one that somebody else changes meanwhile is left.
CREATE FUNCTION write_claims(ids bigint[]) RETURNS SETOF bigint LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    RETURN QUERY WITH taken AS MATERIALIZED (
        SELECT task_claim.worker_id, task_claim.claimed_at, each.id, each.attempt
        FROM task_claim CROSS JOIN LATERAL unnest(task_claim.task_ids, task_claim.attempts) AS each(id, attempt)
        WHERE each.id = ANY (ids)),
    locked AS MATERIALIZED (
        SELECT task.id, task.attempt FROM task WHERE task.id = ANY (ids) AND task.state = 'queued'
        ORDER BY task.id FOR NO KEY UPDATE SKIP LOCKED)
    UPDATE task SET state = 'consumed', ready = false, worker_id = taken.worker_id, attempt = taken.attempt,
        mtime = taken.claimed_at
    FROM locked JOIN taken ON taken.id = locked.id AND taken.attempt = locked.attempt + 1
    WHERE task.id = locked.id
    RETURNING task.id;
END $$;

-- The queues that have a task to run now: a look-up for each, however many tasks there are.
CREATE OR REPLACE FUNCTION filled_task_queues() RETURNS SETOF text LANGUAGE plpgsql
    SET enable_sort = off SET enable_bitmapscan = off SET enable_seqscan = off AS $$
DECLARE
    found_name text := (SELECT queue_name FROM task_waiting ORDER BY queue_name LIMIT 1);
BEGIN
    WHILE found_name IS NOT NULL LOOP
        RETURN NEXT found_name;
        found_name := (SELECT queue_name FROM task_waiting WHERE queue_name > found_name ORDER BY queue_name LIMIT 1);
    END LOOP;
END $$;

-- What a runner looks for each second: see app/actions/tasks/promoting.py. The time is the clock's and not the transaction's, so
-- that a look that waited for something finds what came due meanwhile. `first` hops from priority to priority, and from queue to
-- queue: it reads one row for each, however many tasks wait.
CREATE OR REPLACE FUNCTION look_for_tasks(runner uuid, most int) RETURNS TABLE (promoted int, told bigint, queues text[],
    waited float8[], cancelled bigint[], attempts int[], seconds_to_next float8) LANGUAGE plpgsql
    SET enable_sort = off SET enable_bitmapscan = off SET enable_seqscan = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY WITH RECURSIVE due AS (
        UPDATE task SET ready = true
        WHERE ctid = ANY (ARRAY(
            SELECT delayed.ctid FROM task AS delayed WHERE delayed.delayed_until <= clock_timestamp()
            ORDER BY delayed.delayed_until LIMIT most FOR NO KEY UPDATE SKIP LOCKED))
        RETURNING queue_name, extract(epoch FROM clock_timestamp() - eta)::float8 AS seconds),
    heard AS (
        SELECT pg_notify('workyard_tasks', queue_name) FROM (SELECT DISTINCT queue_name FROM due) AS filled
        WHERE EXISTS (SELECT FROM task_idle WHERE task_idle.queue_name = filled.queue_name)),
    first AS (
        (SELECT queue_name, priority, task_id FROM task_waiting ORDER BY queue_name, priority, task_id LIMIT 1)
        UNION ALL
        SELECT next.queue_name, next.priority, next.task_id FROM first CROSS JOIN LATERAL (
            SELECT waiting.queue_name, waiting.priority, waiting.task_id FROM task_waiting AS waiting
            WHERE (waiting.queue_name, waiting.priority) > (first.queue_name, first.priority)
            ORDER BY waiting.queue_name, waiting.priority, waiting.task_id LIMIT 1) AS next),
    filled AS (
        SELECT first.queue_name, max(extract(epoch FROM clock_timestamp() - greatest(row.mtime, row.eta)))::float8 AS seconds
        FROM first CROSS JOIN LATERAL (SELECT mtime, eta FROM task WHERE task.id = first.task_id LIMIT 1) AS row
        GROUP BY first.queue_name
        UNION ALL
        SELECT queue_name, max(seconds) FROM due GROUP BY queue_name),
    stopped AS (
        SELECT id, attempt FROM task WHERE held_on = runner AND cancel_requested_at IS NOT NULL),
    begun AS (
        DELETE FROM task_claim WHERE worker_id = runner AND NOT claim_counts(task_claim))
    SELECT (SELECT count(*) FROM due)::int, (SELECT count(*) FROM heard),
        coalesce((SELECT array_agg(queue_name ORDER BY queue_name, seconds) FROM filled), '{}'),
        coalesce((SELECT array_agg(seconds ORDER BY queue_name, seconds) FROM filled), '{}'),
        coalesce((SELECT array_agg(id ORDER BY id) FROM stopped), '{}'),
        coalesce((SELECT array_agg(attempt ORDER BY id) FROM stopped), '{}'),
        (SELECT greatest(0, extract(epoch FROM delayed_until - clock_timestamp()))::float8 FROM task
         WHERE delayed_until > clock_timestamp() ORDER BY delayed_until LIMIT 1);
END $$;

-- Since when a runner has been heard without a gap: while it was not, it was away, or the database was, and nobody could have
-- renewed a lease.
ALTER TABLE worker_status ADD COLUMN heard_since timestamptz NOT NULL DEFAULT now();

-- Whether workers could renew their leases for so long: a server was there, and a runner that would have noticed that the database
-- was not. 7321: app/actions/work/workers.py.
CREATE FUNCTION workers_could_renew(seconds float8) RETURNS bool LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM worker_status WHERE lost_at IS NULL AND last_seen > now() - make_interval(secs => seconds)
            AND heard_since <= now() - make_interval(secs => seconds))
        AND EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = 7321 AND objsubid = 2
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database()));
END $$;

-- What a runner looks for each second: see app/actions/work/recovering.py. The locks are looked at only when something may be lost.
CREATE FUNCTION work_is_lost(grace float8, gap float8) RETURNS bool LANGUAGE plpgsql STABLE
    SET enable_seqscan = off AS $$
BEGIN
    IF EXISTS (SELECT FROM work_request WHERE status = 'running' AND lease_expires_at < now()) THEN
        IF workers_could_renew(gap) THEN
            RETURN true;
        END IF;
    END IF;
    IF EXISTS (SELECT FROM worker WHERE connected_at IS NOT NULL AND last_seen_at <= now() - make_interval(secs => grace)) THEN
        RETURN EXISTS (
            SELECT FROM worker
            WHERE connected_at IS NOT NULL AND last_seen_at <= now() - make_interval(secs => grace) AND NOT EXISTS (
                SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = 7321 AND objid = connection_server::oid
                    AND objsubid = 2 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())));
    END IF;
    RETURN false;
END $$;

-- Foreign keys of what is written by the thousand ask for each row by itself, whether it names anything or not: 7 of the 42 µs that
-- storing a task with its line and its event cost. One question per statement keeps the same promise, as it did for tenants.
CREATE FUNCTION refuse_unknown_owners() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    IF EXISTS (SELECT FROM (SELECT DISTINCT tenant_id, workspace_id FROM new_row) AS named
               WHERE NOT EXISTS (SELECT FROM tenant WHERE tenant.id = named.tenant_id FOR KEY SHARE)
                  OR workspace_id IS NOT NULL
                     AND NOT EXISTS (SELECT FROM workspace WHERE workspace.id = named.workspace_id FOR KEY SHARE)) THEN
        RAISE foreign_key_violation USING MESSAGE = format('a row of %s names a tenant or a workspace that is not there', TG_TABLE_NAME);
    END IF;
    IF TG_TABLE_NAME = 'task' THEN
        IF EXISTS (SELECT FROM (SELECT DISTINCT rel_obj_content_type_id AS id FROM new_row WHERE rel_obj_content_type_id IS NOT NULL)
                AS named WHERE NOT EXISTS (SELECT FROM content_type WHERE content_type.id = named.id FOR KEY SHARE)) THEN
            RAISE foreign_key_violation USING MESSAGE = 'a row of task names a content type that is not there';
        END IF;
    END IF;
    RETURN NULL;
END $$;
ALTER TABLE task DROP CONSTRAINT task_workspace_id_fkey, DROP CONSTRAINT task_rel_obj_content_type_id_fkey;
ALTER TABLE outbox_event DROP CONSTRAINT outbox_event_workspace_id_fkey;
DROP TRIGGER task_tenant ON task;
DROP TRIGGER outbox_event_tenant ON outbox_event;
DROP TRIGGER task_tenant_stays ON task;
DROP TRIGGER outbox_event_tenant_stays ON outbox_event;
DROP FUNCTION refuse_unknown_tenants();
CREATE TRIGGER task_owners AFTER INSERT ON task REFERENCING NEW TABLE AS new_row FOR EACH STATEMENT
    EXECUTE FUNCTION refuse_unknown_owners('tenant_id', 'tenant', 'workspace_id', 'workspace',
        'rel_obj_content_type_id', 'content_type');
CREATE TRIGGER outbox_event_owners AFTER INSERT ON outbox_event REFERENCING NEW TABLE AS new_row FOR EACH STATEMENT
    WHEN (current_setting('workyard.makes_tasks', true) IS DISTINCT FROM statement_timestamp()::text)
    EXECUTE FUNCTION refuse_unknown_owners('tenant_id', 'tenant', 'workspace_id', 'workspace');
CREATE TRIGGER task_owners_stay BEFORE UPDATE OF tenant_id, workspace_id, rel_obj_content_type_id ON task FOR EACH ROW
    WHEN (OLD.tenant_id <> NEW.tenant_id OR OLD.workspace_id IS DISTINCT FROM NEW.workspace_id AND NEW.workspace_id IS NOT NULL
        OR OLD.rel_obj_content_type_id IS DISTINCT FROM NEW.rel_obj_content_type_id AND NEW.rel_obj_content_type_id IS NOT NULL)
    EXECUTE FUNCTION refuse_change('tenant_id, workspace_id or rel_obj_content_type_id');
CREATE TRIGGER outbox_event_owners_stay BEFORE UPDATE OF tenant_id, workspace_id ON outbox_event FOR EACH ROW
    WHEN (OLD.tenant_id <> NEW.tenant_id OR OLD.workspace_id IS DISTINCT FROM NEW.workspace_id AND NEW.workspace_id IS NOT NULL)
    EXECUTE FUNCTION refuse_change('tenant_id or workspace_id');

CREATE FUNCTION leave_workspace() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    DELETE FROM task USING gone WHERE task.workspace_id = gone.id;
    DELETE FROM outbox_event USING gone WHERE outbox_event.workspace_id = gone.id;
    RETURN NULL;
END $$;
CREATE TRIGGER leave_workspace AFTER DELETE ON workspace REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION leave_workspace();
CREATE FUNCTION leave_content_type() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    DELETE FROM task USING gone WHERE task.rel_obj_content_type_id = gone.id;
    RETURN NULL;
END $$;
CREATE TRIGGER leave_content_type AFTER DELETE ON content_type REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION leave_content_type();

-- Nobody looks for an event by its id, which is random or grows with time and says nothing of its place: one index less to be
-- written, of three. An event's key is its place in the log.
ALTER TABLE outbox_event DROP CONSTRAINT outbox_event_pkey;
ALTER TABLE outbox_event ADD CONSTRAINT outbox_event_position PRIMARY KEY USING INDEX outbox_event_position;

-- The id of a line says in its last twelve digits whose it is; the others are its time, and what tells it from other lines of that
-- time. So whoever has the id of a line finds it among those of its task, and there is no index of ids, which was one of the two
-- that were written for each line. A line that a runner of before writes meanwhile has an id that says nothing: it is found in its
-- task's log only.
CREATE FUNCTION line_id(task_id bigint, number int, at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex((number >> 14) & 4095), 3, '0')
        || to_hex(32768 | (number & 16383)) || lpad(to_hex(task_id), 12, '0'))::uuid
$$;
CREATE FUNCTION task_of_line(id uuid) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT ('x' || right(id::text, 12))::bit(48)::bigint
$$;
ALTER TABLE task_log DROP CONSTRAINT task_log_pkey, DROP CONSTRAINT task_log_number;
UPDATE task_log SET id = line_id(task_id, number, timestamp);
ALTER TABLE task_log ADD CONSTRAINT task_log_number PRIMARY KEY (task_id, number);

-- Whoever stores tasks, their first lines and their events in one statement says so, for that statement (workyard.makes_tasks): of
-- the lines it is not asked whether the tasks are there, nor of the events whose they are, which it is asked of the tasks.
DROP TRIGGER task_log_task ON task_log;
CREATE TRIGGER task_log_task AFTER INSERT ON task_log REFERENCING NEW TABLE AS new_row FOR EACH STATEMENT
    WHEN (current_setting('workyard.has_tasks', true) IS DISTINCT FROM 'yes'
        AND current_setting('workyard.makes_tasks', true) IS DISTINCT FROM statement_timestamp()::text)
    EXECUTE FUNCTION refuse_unknown_tasks('task_id', 'task');
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    return UPGRADE


async def downgrade(db: BaseDBAsyncClient) -> str:
    raise RuntimeError("Migrations go forward only: restore a backup instead.")


# What aerich compares the models with; a test keeps it equal to them.
MODELS_STATE = (
    "eJztfX1z20aS91dB6R9n6xivLb9Gvroq2XESXWR5z5LXu7fPFjMihiQiAMPFAKZ5d/nuz3TP4H0AASBIDihU7To2iQaB7pmefv31/554zKYuf3"
    "wehM6czMKTM+t/T3ziUfGX0ncT64SsVuk38EFIbl28mGSvuuVhIO82Jy6n4iOb8lngrEKH+XD1lyUJrTUL7qyQ3FFuEd+2PPjbY+ujP6OWE1oO"
    "t2bMW7k0xH/69CsNrNmS+AvKJ9ZtFFpzFljrJfXha/pt5QSCHH7eZjPx+46/2PkvRb7zr4hOQ7ag4ZIG4vf+8U/xsePb9Bvl8T9Xd9O5Q107x1"
    "zHhhvg59Nws8LP3jqLCz/8Ca+F97idzpgbeX56/WoTLpmfEDg+8ntBfRqQkMIvhEEE/PYj11WiiUUgHza9RD5lhsamcxK5IDWglg+QfnYynV59"
    "vJlev7+ZTk9KEo0pMqxXH82YD6tBPCpHBizgEb7/4fT02bNXp0+evXz94vmrVy9eP3ktrsXnLX/16g/5MCm35K2QZxc/X1zdwAMxseTkWoQP/k"
    "AaEhJJhcJIuT8T3FqwYFOWwbslCfQSyNIU5CBesCiHmOt1gog/SCWRbpfuopBL/k7c1GJzK96XcqGX9keFkDzybepSfxEuxT9PX7yoEcBfzz+9"
    "++X803fiqj/lxXClvjqV34FEUgmAaMrc/8/rj1d67sfXFzhvO+LV/s9yHV7aCX1J4OTf55E/A+YKXeC4oePzx/Cz/3HSRS5C2dz5bO2DbJxwYh"
    "Eu/iMUkFpcFiebplKqEQrwEW7icf4vNyuL7z6c/60opneXH98iaxkPFwHeBW/wtiCyWUCBtVMSlgX3o/gmdDxasXVylEURKtLH8V+M2kpS6a+F"
    "mGw6c0lA7aZ7SLyz/dF3N0rB1kjr5uLD++ub8w9/yYnsx/Ob9/DNKX66KXz63cuCGJObWF8ubn6x4J/Wf3+8el+UbHLdzX+fwDORKGRTsSKnxM"
    "6cBfGnMSNzC0EegR3WQY6wh2WgHnbXq+AiFCbDxrqlVkA99pXa1jxgnhXC4mD+G7zlmbQbtt+6Ji2GmHu1qyG2nTT2DGMuJX6FTsiQFZbCraDb"
    "lRJIPmkh/xuxzISghbVIXFcqbm7NHVeYk0vylYL1SLcX/NuPHy9zMn97UbBrrj5/ePv+03dPUdjiIifMmTtlkXTS1QXa4WxTVNZiU1ou4WFRTH"
    "ZPUhrc9hRKiQODSsug0tXIUNzvb/S1L5+2FPY7FglhobiVqwYSD5fCvgrY+o21cL6iNwf21fyv8o2antzSRTl9+vzV89fPXj5PPJPkkzqHRLMb"
    "lfVzu5m29fpKpJ0Esp/9Z6QLqJUChAOmARXM4OE2ItHcZ5RPV/kAM/mKzGhriRQp96e0jkIIEKKa32nDJAlnywL5iQXUWfi/0g0K5UI8PPFnOm"
    "tOhRG/ZO81MGH8ES+5+NN00wZknUT3SitRcEG8O5Vm2idxlH+6eHdzUqGWeuDxZ06bBKIM0zdNuVs6DFuxN6ete1rPn9K7HT3LNYddjv/ikayr"
    "z5eXJ6hQbsnsbk0Ce1qhWQLqEnhorlH1ivSnXz+pi6qFEOcmslceiW7JLeOQBAtapSZGhpUZBm6f48fB7ymnmi3fhm8/iftd+NlU2LFwDXYrO2"
    "WZXZrbv+WvvFNPu6XR0y5z+QPxNzcM/myoWIHVR8TgiXqxaSGtGr8makKxs+OvS2uWBSiIO7qJuazUbyIj9VVCKb8OlwGLFsuUyJ9mk7Q55f3u"
    "/Prd+Y8Yf5iW+J7bWBGv0EKt5dzuADUri9lW2IV3Lcrc8VdRyDXS1hy6zaWeJ4afaCl33O3EJwv8DDjxx6R0kryL06I1pQPJNZMmJQTTbKb1/l"
    "qC81Ku8wwjf/AsE8z3Q5AIElrW9WxJPSL+TUL8EJKKQMij2TKh5pYX8dDi4kTg8025omAPvzfWFRjsL09q6grwvyX+V9cUxNf3U0+wCwGcXOGy"
    "liuWWyH9Fp7NWLCKTKolyDxxifk34okrSgryZPur6Tg5aSkDrBwoKA0SiJtCYdKKspXbR2bj/d9uckmNUs1Akti4/Hj1c3x5sZCgXOYx5agGy6"
    "Kpr/bIkA246CN7Dnx3+uT0yfdPT/8kUxXyPDC02GNMGx0ibVSKxVbHUrb02xrZdolfXGPbZX3nBrZdkL38XtvuBhQf8dMqtiWcQcyymbV2QqEO"
    "fQYGUtlIa0Oosbb+katnldEX/Bus6H+OttgQbDFkoNYWe+9HXslJzUkipjW/zlPWL4uVDSpNvxma2GVPnzYwy54+rbTK4KuxWjBTLegRu6lNds"
    "SVgoXgRHNVWCAcU7qd8+ry8GotgBzZyP6+MupZs2LLBOQRJiMmhfRjQQtoQ5eaxT4ytwlzcztcz9rDeB/vmB9SP7yREik5Htmva32OmbxwGhtz"
    "bULJ7PZ3OgtV5JbwO9k4BhEJO4KCUlkP7jJ/IWyvuhhx+xvp3ZHVaioWHMW6aHzX0Q0xR+HXuSE5yTWNC+eIjHZCbiCMxTzB9DRIDImnbl7Iky"
    "dN3JAnT6r9EPgubwDJ3dKC+QmB8YzHJ7Uc3+IedCYI/R3SgOcFoRKAh5VHi7hWKrhESWrUV4vSjWt1mwayG0iVVsHkEYfKdhy6Ebc4Iu7s0jbB"
    "qg2NURJXc1RbI/P4inutEGXgTFSj6O0G08tLwpdoO8A/uPM/9AxDPlw8h7gkpJgRsphPseVlYi3ZGhvZ2TyUbTEba03FFdHKZcTWtDHu83e1Ng"
    "5fktMXL+Fr+JnRvhmGfZNKrSgBnwQbvQRSmmLnHywogw7Z61/OvxdPGufrlEdxZj07lWu/h64/lY9Lgnni6Hx7cXX+6e/6tOtbTf7u7d9v3p8X"
    "rB7cQq22RUxhcrDn5G0Lrh8w4NPEvBlLVLsX9vKQBbQvll3DzY6JX72V9NYvztYVn9uszUGVe2ZftFjrmZZJ50s9C7HOYplnpu63j8Je7b6q2V"
    "Wdqrg7b6xBCTv3pk2lLVndRdQ8/qnmcr7Xo8kcGxW+Tf5gqfdyiguySdwV6LCkNi3ZmFiRkH+AfseKhEuwwIJyTrU18b3lHnD96H2YY13VeR8o"
    "qxL/q2N78fVGh/Yu4kXrSDyLdFHL6qmv4hewiom7wjlvbg/nYnsvGsX2XtTE9l6UY60PCQsGVIsMgJgKApNPfzXdIkW6Tltlb8hM3PKo7RALHm"
    "9iOXMZvDKnNn2sgDl4BUzGnmrO/gzRyPqx+mUQ1S9ximFL1h5fA26OrZmdXQEg0VPZS14wMv9RHa/66NMbJv5oFrX6nNzNiIO4n5hVyzxcHLmr"
    "dFkTr/x+fzXxqpv2JFhIgW0FBB3Qqh4E/YX6BFj8ELiRRw/UmCNtUuOBPlQgY0wC49JeE2ypYoCOSr3bPkBQR/zi/jsSUFgjevHoDuxbd2aS0p"
    "mod4vEdIZqZH5fvljG2NjaWzi2DGrRZciuwAagc6MfZpQf1sG1qHUsmroVLXyKc2vlkhlFPAeMKZ8JZ8F2AjoT99hMLPExEUbb7I6GKtGl+grw"
    "N3Q5sa3vN2LQGKzX6xySI8WggRUsC9wncvJCUu1uOwsn5BJ66d+sx9bU+t6Y8D+oJOpr9kOzPvQMudEZy9zIIal6DJs3JH5x7iyiIImtNfXXS4"
    "SDdtyhEltKxhKGiGpGo8K/DXEIGk0mm1jU/+oEzPewIlzORMPvtEUYZjj4IQuJO21f+Zqn25+L8aSl+LD4FYoCnMbtPIdx89g8nMKW7lCEXCQ1"
    "GFD/5Iqu1XyRBbOECUjXuL9wm3BmCQtzoyoEmI+56VDuP9h26fVGi7KbFIciwItQTYX0hbQglBkuhWRyojNaOhCkmzKI0pXFU1dvk6MbQMGN4D"
    "oLl4L/uHdsm9rgwahhXGYV3TzsGPOIegO3GLHzDMfOG9tJOncbs6lUu9tz6oZ9Su50jKxSvzpNhsJs2aV9jAN0jmf6wOBaVuDntN0qOV3YePhA"
    "NkWydddK+UhFZMPardRp/kDn/TQocefetChzydk0YVE1hiA710rXsVSxAFLS4g81Xg3NepiS46Qia5M9bu5J3OQOufuTN0lYJq71QrAn4VIKqw"
    "inAoC/v0EH8424BgA7lO+CxpRXTt/0csf6ErMRbGGIuZ0HCLYwQiyMEAtjkOXagZaz9ZI29qiPN7yCJ5149w7yL5AOZ7Z5Kn+LM4/eMnuDJeW3"
    "VHwSv5XemmitL01aDzHzahfEWFY4lhWaJIitywoPDMCbaTCqcKbS9qN7XKm066kjCoTQeYznkeZAzTmBtSabx9YvwiHCZF3Sgw0porWcjADjqr"
    "yVWLzBRt56ycTrN0SQ2NEPj2V1Buu1SY3rdVikiZ2U1QGELLwerHzNolXoE0nZKFwm97NBiBMu4eFUbFfnqxNuOliEOvoB+QWYfJU6agaShNcZ"
    "PYSvNHDEe+j0ZV1ZRJZsEFURAPpcgCDBij6CIUNqBc5iGQI2K38jkVjhi1sKrkKrbrD91E4UsaM6NmmVbtCPcf9AjsAWWfSyCVoty7Ig4373Fv"
    "7AduiWpqZsNE0xpSXcwDvYyuL/OWDRSmfsyy9q7fxFcsm9Fv5nTgMwkpnFl6CKVjTwHA51Ihqr/L6LtfmNkPpE7m98kTGtYYxiqbOtD9uysqvq"
    "YBycLH8ltqXl8uw2i+FFo1kML2pmMbwoWc/yedoPB8uSjbGzvmJnqfLaMnh2k9xoYGJoekzmFuC+u0czMYH0SCpLrXVByl+Sux2TeaOtSMm/ar"
    "EkBS0KXR1Kyu+KQhSkLBehyI9XuR/tWIgUgVXSg7DBujl6Mccv2VjAwN12okWKxATtqZ7owoZImFAys82v+Oslu7hwRa2B7KTX4ss0MpW/SPAo"
    "TFiDv+5FIdaHYok99nUTS9xMVgZB8G5GXJcG1gyi1hPoYQnlHQK6ojgLm6/Bnk5mt8iG77LZvc8f1prwbO3LVQO8Gg14YwyXOgM+kVlTCz4hMN"
    "qE/4IpILEOzyzQM3/+d8f+D+g8gqJG9c9OtvzL5w1M+ZfPKy15+CpvyCu90pT96nKjmQ/ZCalbHnGQgTm95LFKbMPxLI3xbE90vmrrgs4eXzfo"
    "tJHjuouhjnPx+zRYBY7OX6qWQoHMaEEUyiEdfxWFEwmzNxfaCD+EgxiPZB+rq+VFhqgkec63ji3kyEyOLeBOyY73bdsAOdZO7i9H+ga2iqzjEP"
    "tlwUIYTkjmIQVz1iaND5fjyplulezpL/twyRbv/TDQOlrJd7UulssWU5pcdq9z9dGnFrE9x3fgShiooTpazzDfYDu2rOQRyna9dGZLtc0nsgDX"
    "+hI4uH7ioG4gfBwi8Vni2nW8W9m52ucPj5VGA3WmpESnsRZto6MLpANT0rG5aTN/RBGIDSEUXgsTt0BmtIkLFhQ8Way9Ym1HsPnt54Cslv91aY"
    "7T8YAsWuFy+1ELLO/DGLOKswFdtQs+5cmM3yKpSCB+SpS7gZq8U0yk0d44rdkbp+W9oU6euUsWelHcD3ZYuIXRYhHHlXS45YmFmEQTZX0hOJFM"
    "QzSGW88J6HUD8byuFM7rEvQhPtXUo5wL+7ssnRrswxLlgMEPb5apsY0MsP5fdPr0h1PLp2vrK3Ej+ti6YjEaoqkQh2PBxiEPnEx+sjnzM0Qmg+"
    "F9UQ6oE75B8jPVhe15UFLsOs1t8rGWxoQd0mctTXEP9MDXhgUQQ1v8TbmeUQo5nosHtK4+X14eqvfvki0uxdue6ENx+NXkvkicG1/VKBAHV8c1"
    "A4hkgukZMKdUmIsFMMlZ9SiRELqUNHUL291KW4kAaV7hJYgvpHmjCE5whYJzNJYnmHMWTOoiaqng8iKo5H+GwmRzCY1a9axy4asV3xoieivoxe"
    "zxoHZGc1anBEZzGkYNy0eVygSUjGT8RCI+Pz0Qw8W9KfG6Ot0ptdH+9rV4elscbhaLQsyD8/gDGgQswIkmoOBlZQ6od+rOuyXCm+TBq9PgpQr7"
    "DlH8gYfvk0P3dpORySNuzVw2u3uA+CQh/aY5e27Ep1Xe+jfzy1Pg5AF7a2KtHfGYkSwGpb79BiKUnmCh9dr61Xnbg7zf/+2mPpCSg++KLy9GV/"
    "L7MmvbtfboNcQmn10GWms1nnvR6t7SzwTwy0/p3QYmkabupGZFmoQoc8VCZ+7MsKhQ2CW+T90TjYepu2xS5236GYLpLEPReOKarNxiAU4uAi4C"
    "jAunfqgrd2xONTanDkodTWqcxwfWnLr7OWvNso81ycdSPbbYY6zzjLWU2miJAeCUMLBnJAgcylH5dKyMaFQYUVMXUWT/A5yADsEALvaFYDuX5S"
    "riA7mQ4nHovUAx7iSHSFxX+C/sq/CcHVuHYFuHkVMmHgZSjjyllYVkeWSjkK8wiy9Obht61ECzBXRGHZjHYhQ2zgMt2x7nCo1zhQ49V2gsvzA1"
    "UjDm+AeBl1EbGfgYhbfs2/uvFJ+9FBHIfj2piwQwvHBKkysb5Z7lUEH05pfi3kL4NppzxHrnssjG331sXeH027i47zYKsecOTL61sCNCBkkJLq"
    "whS/yCMAkxGqEBtNrHD/bc9PH588WPLWIMUeTYj4Gmy1a6P9SQMd/xl+CP553qAFNmPxKHSg8wiGiTP5O2QfbUR2bcM9NjRWfTyqO9Os5QpNuf"
    "93ry9PGTtlxX53Zc6Z8KQDhS4kWSKJ4hPi3qkda9F3kqo8MJX/IqiEezJeihbBz58Yx5q+5VzDtpvecsCmatZJJSGC2Pz58u4r3BNzyknjwkON"
    "mIDdKt8X43AoiwGaGVBFKSPeqotgrqi8SzSfaEOGb12+LPT0/NEQeeKmpSUmt1pSXeo4gEp12l9v/8O5enWBuRfaC2Q5IGMngbc3rFkLd8tqSe"
    "JjZ6j0hSMoP3S1Zh4fNuJYOd9CQdJDC9p4JlsGKVYhUmrHBwQwqKKg6coCViaPwZHjbSYOg1LViLqfe4OcSJYAMLWwoJcjZzEshjhSM+e8fd0X"
    "fK7AHHk+MDfownRyu74yLIUw5vESSBlGwABYdnxFGX414dmrLF0vxyONXtyO20Poq0A1ohVyy0VtGtOO2XEHujczl/V5ypbRquh7ksmiiNhDcd"
    "lkWRdjjzF+PDQ8gVljaqEFQXGQXyACubAxoGGyHgSJeGqUyHFaj2lxB70sF+Y3NAXFIrF4L3kI8WEhaLgCyEUA+UiQT7EPjoUI0lXcn5AtX+OP"
    "+sM+fFpnNyDJ/E9eUH4jxODMOukzLjq2v681QG+/VflpvsakclNyeO28ewqJ1U8seHSjCFjKRw1NrEW7TERksHUOGSp7ZCckc5di1DJ9pGti3P"
    "naD57th9KCzlsfjtuaPBh6kOyehoB1w3eK1qBjGfC6JK3s/QWM23tqUu37oXn+8xcpZFTpS1/AELocjoTG4ea0WCMO4TFzxy2qQmD4JMwum/2g"
    "lKERgsqGLHLbVctjgDgB7m28OTEDwwPuW0JVh7idDg80ml9IVcmC/hqXF0W+JPC0EiBoM5GTQS2Q71q3LKDVDLMvRGZ5gB4gTqnjmlLdABdhyH"
    "xjkQ7REVM1QmQyrBUQNAL9i4wcQiCXw+QaTfVBBWyBqn9w+it8aa14OyH0oP+IrMaKcu5SylwTvFQBmMdcct647jB9gKXCxZsz1w90v2XsNa5o"
    "35W9zjJjV9Z4b8aSq78yMAqwu781P7mjR2z8iK3DquE6ohZTMi3HaaDLGxiDyTcZIZTo4DoBIfG2Jv6QZ8C8TgD5hLZUuYWGjzuSULD/A2usbw"
    "Pf3qiOpv8JkxsarLvGdiabdtJc/S9ONb7EIQalJXvPwVTnVaPBkPvBAmu4QCatpauYfY5FE298elrNirKxwOCDauKFu5HauP+nK7SybVzs6lVM"
    "CZUaM5Ebce2PpzPGPUhC3XR4OYdmJr8pbFka3FUcf5ua3Z4azFwa2lob19DOYtVauMc3l7mMuLoLT1kq6Z0Fsn6MKd28m51sq8VqVGOhsz+a7W"
    "wuTZqxoM5oXJYeJ/sxB68hTsj7DlJObgRCap0YLT1wd0u4MWUAjvMI3PJEcYCwCHNOLSDsUmzMuvaSlBnspoSwThaXGZy3HRcq0bWkhAgoXmBK"
    "nOTcfXm5GPht/rhGMTJ8+Ia4k3ijxI4BiajYbjpp2MUgozpNQZbQhYYBsvIIbP3EpCGZIBi+ijfIu4I0pNzDFUSsLsm7Lb37UJhepjJ0/V6djZ"
    "Y9rNsfND5dQBJOws6jKowGk8zXrfx9AsYL6wTduIJkNitDkAli/OYvh88+7M8hw/CsU9lywKJjCEFyTmiTdZTuL/qA/XlN5J3EFZ/AFAQIizZm"
    "5RIhEej862rsNWS4kGganmhFnnZQniYb7bdJTyfnDTfLFnpkGkAdao71TI0g2oeSVuU4jlAq8xtqxkHOMWSjVPZfR5R12XW3EYI6m+ko4XgfIx"
    "Q7XkNGpngsTXGyyMtjG7vfHapjOXBNSedrAvdLQGy0AmQOQAL5vGfVryFeR4L0yJkGTLSOPQZ/J6dWkPPtaO7MMH27o9QoGOUKCmQIHG7nAWP6"
    "d1iV7NTcZqvbFgdTDsH4sldwrSmhTy3aeAemDzO3m7G3W3YSmcpqyu0bsmVVDekMU11eLiqm8mdXntkCymnLZAw7UdwDKYhTDaAM5dALxzAoDC"
    "Iwv+2PpCHGhejEH0Obb2KEHL9PXE4iyev6om8bmM3cGoVbgnnwgbG8YmJrfQg+Qe6DnG0kqDT5hJTRodlkWZ/+dBQDYVRz3R5gS7Zpp2UlR5zQ"
    "IcohhP1wvoSnhvPTml//hnu3I8/XQ2DdPfKvKffv0EtUV6h+OoJ7P9sdsDgd/pjwPx+T2Hgbqi0Umg8pdYt64KldSU23Uhwiz8NceNAe5uqfjS"
    "htgjC8SChbwb4pv7tgy4cAtyb3JeDtzhjlZN8t73A4y6f6C6Xy0UrbdXjV6fp9ovin3HhLZ6ZMSrfyPsGgRREguYrnjzdt4a9t+LYJ/yXLyp2C"
    "tty9byVHvsYY//2oHp+MyQsF4j7gqGIJ2+DuHeI8MPrpwQdbhQ7GeWOPEgjo+KXlX0GCoktY91Z4ZPggqDNUNULA3YhBLLywhHPaupYNvYAfGE"
    "FfgvobWgEMmi/owBkK6CK7KgJ16JEU7tHkoHVAlUIjIhsbcXV+ef/q6X2VtNydTbv9+8P9dgFneGiEiI96j0UHPZbXXeF2H7KIF069F62qRF62"
    "l1h9bT0mzPOBXVJtGVEA0vxxVjeWexaGP4GzCCbgkf018nlciH9cmWAwAfdoecVPnODPKhxR2lL+GLFpX0h8nDUB36fv3GpXoAfnNxYQEtOIj8"
    "rjjBA9mSMavu2ZNcWdnN7ZqUxmyzJikokdan0CRREI9uA8PGXMNFcnhKv62cQIM6Vr8dS8TD2ZhgiMrHj+M8KlIEM80f5O4ca/7Nrfk/wkJIhQ"
    "rhujR4BFjpQgamMl85rK3alnJEZjQudeoABANmHTihsDjPEJFO4Wwa2ro0XQX0q8Mi3k1oWupRevuSHlmIbxdYg7rdECjtje5XhgeFskW//k0x"
    "5DVBka0ZgA6r40pNliBCqp4wW4Q4W8yj2XE45oEXH2PGsRW8+vHGYFaBw4Tq0TgVlRGYLIm5IZgb1KFrKvaggp8WHj5vJ/bei42JrWF0bTdhQr"
    "PHZsI42dmllxAza6oxQzBcPJws04pHn9PGoyX301ooC8taJp5zRFvknffpRaMs4pn1e082q2OwhZbJUJirZNI4b7zakbkwz8NvAc/ds56ZBYQv"
    "W00UylAMgdmgSBS711gNdDCVblM7WlH9LIC6Trwslcnu/5el41LsQ4UKRhkZh3kA4j+RPwdAyKUszWJQcAWWlQ3fkVvOgtu4kNfQiAGa68LM/k"
    "rdNsIrkO2zBEbIoa1veZP4JfjEmRkc8diNrJvyBr0ZnD8EGWQuju4+8vk7EZ94hdYz63I0Zms6j/gby3V8HAzFUWDiaDnUiQL+uxtXDHfzHPW3"
    "GE4uAj1Izjx6y+yNwi0Bi5eHbLXqBcLEINexUTYCM0qUd1gMecrhrIELjPgE1GNfIZ0vjJEgzRarpvSklFmchX3UGA5tVayiYEE7jZVN6YazIj"
    "JYLdCcBKsihOp2NIecBEBeLRm5RM6y5e/MfYiqYwnvoOt8r3a6MyRNXe6DTqcre9yTJGwsuxwWEc4UgMoTGTBZS2sb4WTFF2Ld9Ha4tPDV446L"
    "1pGqlKxBsOpwsklDVTzpLok3pvpYuDNGRals6pKNsJnwbGmrWEvEbbXrQRMuNCQTtTFy4UXYVxmp2Yz2JLbB6dIRw8LU2skRw2IcuvYAZTDiiO"
    "x26NoIJNI3r1sjiYzT7g437S4LGcHvXKaDjWiDYABt95dscSS6ZC/oBcCuCgADxcl6DIOpq65qMAgQYuCQqyAWUD7CUPgkzmPgGOo4kyHrPHRj"
    "/TrdQzusJUZgkNdtN6KlOtZxiI72TDkj/hL88bxtLWPbpdspVFGNI0BhcHmbZF5CYHTH9BcZQ1qtxOOYipUOqbWKXGqzatDcDYwWB6TnFgH5uk"
    "2PbZ1lHUvjVWVJ56tiRSeWl7YCxk4pjOY1zLvnxIFMG6alYwUulNNEjmGVL6LmVRq6OSCqJpa9t2obu8sRDqzc9gGG4kgo3vU2Cts1NOSpzGhk"
    "6DQ/5wN0z6Ih9cb6jX6bUfzmN1kTB3tXCIWCFfrYuqazgCrUv1tXfERti0U9hG930vIQd5y0TIlkyQYxDARMZD/pWUjaoRWQQT/YHv1lRY60qB"
    "TxcZQIyr2Pb6wnZ1nJHLKgXTlBzfmfEpgc1paj2mTTgPIRs24jAtg9PRDL0XtunVBIiUzm+8BC2SoSsG0gW91mYCJoHsZO155ZoMz87kZKQhvG"
    "igPe98Sx4ih7k0DWneNjazvEP6Vi98hGFgepmsgzGYISTyPRLkHzIOIWjED2SNpa+Bv8uPAcyG+WF4mTmZPQ4fPy0K79/eoIvWmwFpvUhMz0QI"
    "MQsqk4wnuFGNwJ0OaVXMocB434eISLhXvVPDxQ6L998qRJA+6TJ9UduPCd5hxvP/+lSGbuEBg11wVVD+LuKN1hecJdOlQde/YZS0yv69fJke2x"
    "5aOtB/5F+QtQDjXBOqkVZSvX1LgYaiWOx0ybgEmBbMARk+w5+93pk9Mn3z89/RPi36jtYmhAJB7mMG2N2l+i7Am+v6vYOiF23BDwxXOjKXxKba"
    "7anHuE9x/HhR16XFjJBTyQw0KJd6JzVuDzekclvuJeH+UzF9wVxzWzhBUPLc3MRQBgucixZsOKLfyyr9GaWp9gTwq78EW3SrCPXsTD8CJ2FAaU"
    "foT8lSQQiMuzmx/xopEf8aLGj3hR8iMeKpSPlAXxxmmio3lgzDTRsd7fqAD9WGser7TOMys/CaX06eLdTbN6XI9CzowvnVUPQ8XQYPyQ3LEB+w"
    "dQEN1HdW6J32VefyD+5obBnw2XONjupsRv+1je+FrTgqsUv2QA609YPqmiIJ5kIgtQAgDMIz6PeALylQhHfQUk6qtwGbBosUw+lUKpzHeJz6cl"
    "Lv9xj+uH+kfr/MWaqc79S665P0nlWyxYEN/huEEfWxehxdY+Tz04Lgxi9PMgUyRDH/wNNF4uYZjnLGCciwMaU+SAGiR/XA6AY3q3cU+/OSaoDD"
    "7FJ8a6ljtLUCUg55m1HzubndzL0xcvGriX4qpK9xK/G93L1L1EPfKwHcwW0c901SzEibitCfgz3MOcZbG91VdslqB+1fSjFly6ZIv34j6bY2WU"
    "OMCduTNDLkzB/feVedOdZVeZW76TdzxW7mF305bs+hiFt+zb+7hP6hjZBJlkGDy5Jaeu1W2OlU2Qku6h1fZo2ZN4kd3ZozJ1R8kedkf9bfkD9z"
    "hWBqGLux1/ukZxhsAe5fdvH1c8bhbJgElP0ddjYtROazNQL+nic7HCqgnPJZc0KCHn2DUnK48gpGvHoxZAech2WLlPHlvQRYRI3SGn7hwQBfmS"
    "rX0JQQiBNJymJ1w9gHo+Ex+7eK11/cv596cvXur6mg/yAGPcbqBxuyXhyzZxu/h6g+N28dJUoTuxuifWy+c4Zib4fkY4tZb0G2SpYR/LILVwwQ"
    "K58DsF9V4+bxDTe/m8MqQHX5VaWefOtzaCSSmMrtZR+uaRmvFjvc4IYgLZgJC6riXNUIusSNCtiud1A4G8rpTH66I4oD1HL4z7ETNi2j3Wo5OV"
    "c9JSLsnUXWQ9nAPixOjYiNGoD6OmDaMU3maep0WMqd4NGRKj+wA2MZZtm9j17vte+IytdPZpTcV4SrLPUvF/PIJA/qOJ9QgMGvgvsT3Hf/TPTu"
    "vfSdruhKFkww6YAFC413xyTdti8Yeauemw6o8rY5MLAPsggrZI3hkqw1ErQGqAWKGeOD1iyAzAR/oAy+oRr0JOveg8LmNwsxF+gooMLNT0GJyZ"
    "wsdTQw+ERQl6MMbvRiv5AcIFAarKlFPqd1gTRdrhLIusmkZcGVgK0kIXVqI4Y6Owj37FoS2GsXx7LN82JIh6GLj2TLllc+ZniAwGaQcYQ08OC4"
    "tjpmpa1DwTM33EpQHTbvmPRfZmZhwmHYrsi9uhB742zAkOeB80FUBGVewUiaiYs6xOxn306Q0Tf/SYuBxSD0SLDBuuYk2CLV7d1fm1eBs1Sa+t"
    "hPkBVbi4FlcBWwTEE65kCGXmwj5hPp1gfzMXO1CYK+UF2vUeY5LLaBulOskFq6ttgXqWxuBkF+RT4DHBMYPFCh3QMAR6qyL1nfRArwjnQtVW5F"
    "EqkloZGqPTWufBgvmnAKG7zKcTrffeKtycwYRJn4U5EYHmUe9nTisB9Yhudl21iBICg/Ms77+Hh7SEmx9Qzt+oEgcVysCaCETUY2DwzOcdhdEk"
    "ByyuqhFGKQuMKdJpW82VpzJYLD8j8FsLQPg9aCkM2LXleI7IYIb/RDzH3RjGcYdPwfD6quF4bf4jR7fHDEh8arfiu7jJGeYWM4eAxPGEs2KTpk"
    "RUzN2ojIjgNCrG9gJKyAzPUJ1D0tjhIUIjyRLWSVKEIoQkG1tVQVErcJn9SSgSPo0+GnGvlLKkhkvqg9hDNpO7RnYWd4H82Y9UIKkz/Z05vi63"
    "e8804Dzp0NL7iV01JvlzhoXLFo4md9Qgh5hQDiyDmKwEzCHCyUftxAGCL1u6QANZEWMuccwlGqCNDYzTjVkqg6CgSBA6c+FFTTnV8L1NN9K5up"
    "Mxx0+/TVvi+AUkgM32jGqBBbC/bJ9l4+y+uNILVTfzPHB9YCjrlim+cofp9mxs2mR6hBnTHDvJLQugDBh+YaqGhfTQWPhJ3skYBvffgql4tf1K"
    "bMeuoZw4OX6NiIH7aF69H5mnNWBgZ3ieQSEGJm9ZhAxMm/XzkIHI3wrMwEz9SQYzED9dxL/TAjKwVDq3ooHncPB5+hDwX5K7Hb2U86/aVNQpu9"
    "vLe5X7xY5CrwAcaS3prqgjg5Jx/JJF6WYhVPPyzUB8NpNsF/TPtBaqqvIpawRoCqAKNkJ1HVTWjMMrG9RDAeIPJK9hWlzkW7cbxNeUJueZGuvE"
    "IGj+HY6GQ6b+NpFz4qZQM/PbnybWkq2x2l94OTIvhQ3/qUmrK6La3w+PlVcGR3QmVnXl1QPvb+TRreeEzTvcjjj/IXZz0G0l5CkHmP9YCS5CY1"
    "06sXtBsPxIaM0HmPaYMW8FJ24nrVCgHdhqUGoheQusP5YRnAe4EMTGDiONbdwMVyOl3mPF1Yr6NoinvfClTeNAMTkCKLnOvFsR1g8NSrB+qCzA"
    "+qFYfiXkCa/QUQgptcFlb79IE1OIDpqZr8RqtiI/dFwlkGQ3dhJHnc0Ui+NVpTheaSfOtq0/zBEZXSedxVSX7oN4THNwTxLPpMz96jmnOaIBTz"
    "m98FdRmBUO+GMWu/2dzmIsORwl7lCel98jnp1Ebugs1FXgsMAJN9NbwjWbq9IfLNHtL9//pKUA/6IeVU3UFv44iIlvuDA7D1RgkXCP2L9HPNTD"
    "ON3P+zz1ACQgrCBh3QkJyMHOb8DK+0qtJxJAUXzeqtNgR0LpIImusZE9GdlvAd1v5UbcSlfMG9wFS2expDwEl0tBzx2I+eNMZu1MZnHWuK46fJ"
    "oqq7ZgWyvH15bi1tZHp0SGV0bfiC2mAFphwSvmKo9TnggwbCmUQSlMa2BHAoRu+xiG3WPhNPlKHORfhwhBkXZAkcMrFmYEFUvwls6ZcB6xfhKf"
    "/OEFClTgrMV5laEw11oAv5TNw0y4WEY6D3Qy4dKbQhatBaPzRGbz2iP+JvZv1ALh1hoiM8pgFm9hRf4cWoGWECoQF2K3CTRtzaCqGWqW3eZokH"
    "1LCBzg+MFbyKhItj8pPWsppXOxGwKLMykq4HQqKBnB4bJz4P2nTx8/HUgKwlbgdCrR/ngXTDgN/XDi2J8xcraW0ey4Ww4a3zGhIR5xjZ/PXOL0"
    "YccN7ajiLtMsiGtPWLeV+zOmMRsay5ktQXmmQn/EhasFcyxga4bkTvxlvXRcjHODmzWRwz6fttumz05fvUx2KPyjbnNefzi/vNT5WFCqbVOXbN"
    "q6WHnCIXpYfyERDFpNzEZx1okF65HQmVnwfhC+42IPu5ZL50K/osol4okcNwp6sC6FON5/+uv5Zcn9YlG4isLW4dUC2VYB1r1tlhhMHUKkgulR"
    "4AN4ZhJONTRGmp3jp9k41TIqEZoRBu+0f6AdAlwt5tpJQZJ/JjSaKxvZfmM+FDGpMYe/xddIiW9Uy5vUlIaKmQYB081oqpZvSjFowRJZZ2atA+"
    "YvztReVBbljNly4I1HOSeLHhThbrYoBMumDqRqygK8od8qTIwCWacc4T6VJ1gZqDxhmqEKok9S82JN4ALorcHzzefCi0tgquXE8X5iiPXyS0zP"
    "y49XP8eXF4VaCG3hs7YRXUphvNQghiEfF1HepVbMilJ8jH3gjrYwylSRua7wAZR91DJ6XKIdRBDZplDnQqCLG6LDMKBWenwYhIQiX5uJwxCxbK"
    "LZjBqGVyOc0Wn6Ci0lViYehMgY1EVzVIyoF51wAnEU2HziVcTp5s9o4GPi3hNbkxklMCyBmwaUcB0aQo1qLNAZXIOUGfXTX8HfLrTdCEpxaFCK"
    "uKX3dtMamKJEanBIychOhnLnQgcplEhHiJDOYliRgHZAaMmRjZugK/dDsoAG+fYAOTm6cfl3FoCMtLfmf45sXP7bcB/hCjoJIEs5boHOQkB0Sk"
    "7FM7eWQom0l63wQNo6a4C61tnR83lxtMbqOsYx9pMCXFdRGzSYK5PakD3wuOF0maGyt2RvN+Bv1dCXTuv3mGa+6NaufiKPnrHK9OuBszdkcU2H"
    "eE42RvHLWckNeCu9mp4W7dFBfBXZm/MBG3A3DZ7sT+UOlLWlONOIQbkXDMopoDFuicF2yRaX4i5HpFfzhtPSce2AagLYIwZiGaBO52aVORdPwN"
    "vL6WIqYFVOAZY8yyYK8F7W68+ebnMIj3P1ViEmyowt9WeObv22BlvbEtPT1CWsxVwrvGsReq2QSM+jryVs31RgsCXUZSC2LNTZNL1RaTM1h9rD"
    "8qY+xN/CkBi27LMvqkFUTPRRXuqJxaaXeU6w9WJPCtKaw/DlBqzUFHmMe37bPZ/Rprpdn25q/abPaIUed30zKEb9GNo0VFMPwNhiFK2aHMuZRy"
    "VuIbY2Y5M53MmKEbkfWxchXP0VuyU4decAAoClcVpE8L7vPQIoGhxpB5oqAMW2UEADGFn7Ge+OUwgnOBxK9gkhSgPj4SNu/fRfP151AgVqNJ+w"
    "ZjxheTphQBc4F64TWl2JeEDN6DFeXfoOI4aleFOfzroiF+Zph9Pxee0Iuynu+MROz1sq/p68UFx4L9HUfNZHHbdBC6NZ22cI/XVTj4akbX+bht"
    "SMJptOIGI/Eeio4TQEG4SosZriaVnAVT/92vEtBgOyU5QSofJhVvbWy2YnHTf2Rvyto2x1tIMXbkBXGP2PAcakDAcivWm0sjsiUt9zq+Eo9ASY"
    "WDXvY0tOIlXsrAJBP0A1Dm0SURDEHmnDAvgClblF8AkISs5/jPv1ARsK2kQm8BfvcCgnOO+UCxOjC7ZGgXZgm1J1iOCGXFIS2BZrChJ4TNsQgh"
    "mO3QUjr0Q5RAQHxMiTprbC0ACdHB87bywSb10JnRcj5zl4NkuMQAve3yIe8xe7RNRTPkA6XScvqM+fL36s9YZSwoKcosixHwO5ORv0QrA3blhN"
    "H/9NjLiHypMiop5HhHYV8rMdnjhJ2wsALaFncltmNxxyqVIsnAZftTPh6/pXdOQGV5Gf3ADMLT4pxEFnlCuIySVzbdXzlbxSu0Ntz7XOY/PdoZ"
    "vvxonQh204wumwrbmfoeqH+Q8k81BT4z8O425cxtvXMG7OBWPHWb7b1bGF8WDorUrYmo6XNktxNF6xGX3ZvnCtXIfVIB9/Laf1VGblr5NpPvfl"
    "5qfp4J+GKfrUIMQwB4DR8DPhRUl0tkhYhsFjC8CX5SxDwb45FL9IXCj5eIg9NFvqsu9FO2Vfv9lzSr/aV9vaQeuwSTK+NP4S/PG8/UQTCG7ZEw"
    "tASYUkqDCWNxJkeQ/uWHVOH7Lc+rx+NdRJlsboCT83Ko0vF38cWmxszxsDd1ItimqXyzxJqGcFdwuUygZCilnBGCqVJIzbOf7bU/B339UWGPnl"
    "xEml5ArfuKmYjrj0wqDxofteEy2nAhzvGsCMyJQ7vq7xvH4RFEgHtAoqqm9kdgisRRbBLJ0FWZ0pzOdJAjS2JpuJpUAywRqBEWbwzbiUVjoTuB"
    "pNaN9xvbbTLWRuQjod4uxgEpt/ebgcrnjVSNeJU5O6S0kGmbMTW0y+QXJyY0aCv7EA2nRzBlm63WXhHkTVAjrRplUrgC+vJgI3ZHyGwlyNkjAd"
    "2E385ABKyhPAyD4Qy3nIVistz2uRXbNkg8B0TcZq+Eys8ECOE+jBZesRuRVG9HQp00nJBleho4J5cnAUyMePazQmwgCbwfSNeKMgQLLYJ7JC2i"
    "ILArWvYM/JWmkIsD6Q8p5Spqk6I1KO7vcbjJZoUxWR6ASKqj4MnV7WJAQNU3IQlRmjuBjihXXE1r7lUe+WBvyxJS6Lbl1nllSR3FIL7G+ossXA"
    "5S2zhTWvrgerXldpv/tf04Sd/5FJFiJL/zn2lpmS4Z3UxKEP21u2Iy19hW1l8lfiOQNyeUL6xaVhCJmVEHS5/AefWLazEDtETnL5N+uxNbW+b2"
    "jZ5LrPTl+8aNB+Jq6q7D/D7woAuLhPW5o6KdEgDJ1E48iBtKCH5OgIDhI0bDhtjDbXoQUsRzmgGFS2NhkaNsf40Viod+hCPfVOco4mVsHIuX2a"
    "TJ7YTD9SNyQVbT01N6rao/CHDbc0xzsBh92Fcu8YnUNuVQuRA4j4/x1dheJcdCFGiBkmHBmydjiNGzjBZgRV3IO61dgjsYL9oXjCzQNKpzPBwA"
    "ULtPA9tUedhnoQZ15WTGh+i42WvoYMIvoMD8XWLdj7OQjjjTN3XDrlIQvaw2RX3mIsoe1eQjtWMI9ltAaJoc8y2nr10wOXfxI3u47vdaSMrlS6"
    "QwNxHYoAcssWhultW9X9MQpv2bf3X6lBTVj9ckkGHqcYad+OVzfiFkfKJIjvxlBqW++7LeHvhsAvFc1eOqseuiowA/AhueMx8WzLBExm4jt4mJ"
    "lzpg+Yxq1OaFO7M7Qgjbk3LUI0StYmqSgdTCPwPXu863A6s1NJCiiN8quiCEt2Qj08a7NkXGYb1aXl8rutQYJu6uUp7s3VQRVPwFx0xiEzFnEa"
    "QPIL/h5S4kE4mljJ/cvpty43GLEZDXbtJjX5MxC0NgL83o+8kjrL1wApUpMdbTnTG2LB8SqWuTTiPeJJZhiCVzaDb4LGaQEpvGenr14m4oJ/1A"
    "no+sP55aUu1kG8DpGOhMhgUAMj90LKeVgSrTmfIRo535Xz41BC86J840C8HgfixRZlSd/0wNzjHsuU0a/3cxSOwV7i0vI2x8nRjK2g5+hhyhjP"
    "aeDMlicaZ0l9M6nzj0h6zX0eUTVDe/ZaHorLsmX9Q7UzUlmRUl3PN5BG5uYs3n01HmyqFhxWlx8hd58+aQK1L66q5C5+V2pkCrUDLqsRljMk+w"
    "dW3v0BpWNubzjJB63J/+P/A9trBfg="
)
