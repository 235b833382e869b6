"""Tasks that wait have a table of their own, from which they are taken; a runner that takes one leaves its row as it is. And what a
runner sees in its one look each second of work and chores.

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
    LANGUAGE plpgsql SET enable_sort = off SET enable_bitmapscan = off SET enable_seqscan = off AS $$
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
    "xjkQ7REVM1QmQyrBUQNAL9i4wcQiCXw+QaTfVBBWyBqn9w+it8aa14OyH0oP+IrMaKcu5SylwTvFQBmMdcct647jB9gKXCxZsz1w90v2XsNa5m"
    "3avrNb3KSe78yMP01hd34CYHVdd35oX5O+7hlZkVvHdUI1o2xGhNdOkxk2FpFHMg4yw8FxgFPiYz/sLd2Aa4EQ/AFzqewIE+tsPrdk3QHeRtcX"
    "vqdfHUH9DT4yJlZ1lfdMLO22neRZmn5ci10IQg3qipe/gqlOayfjeRfCYpdIQE07K/cQmjzK3v64khVbdYW/AbHGFWUrt2PxUV9ed8mi2tm5lA"
    "o4M2k0J+LW81p/jkeMmrDl+rAjtANbk7csTmwtTjrOj23NzmYtzm0tzeztYy5vqVhlHMvbw1hexKStl3TNgN46QRfu3E7OtVbmtao00tmYyXe1"
    "FibPXtVgLi8MDhP/m4XQkqdQf4QtJyEHJzJHjRacvjyg2x20eEJ4h2l8JjnCWAA0pBGWdig2YV5+TSsJ8lRGWyKITovLXE6Llmvd0DoCEiw0J0"
    "h1ajq+3ox0NPxeJxibOHdGXEu8UeRB/sbQZDQcN+1klFKYIaXOYEPAAtt4ATF85lYSypAMWEQf5VvEDVFqYI6hUhJm35Td/q7NJ1QfO3mqTsfO"
    "HrNujp2fKacOIGFnUZdBAU7jYdb7PoZmAfOFbdpGNBkSo80BsHxxFMPnm3dnluf4USjuuWRRMIEZvCAxT7zJchL/R324pvROwg7K2g/AAUKYNX"
    "NrEonweHS2dR20Wko0CEg1J8w6L0sQD/PdppOU9wOb5os9Mw0iDa5GfaNClm5AvStxl0IsF3iNsWMl4xi3UKp5KqPPO+q63IrDGEnxlXS8CFSP"
    "Gaolp1E7EyS+3mBhtI3Z7Y3XNp25JKD2tIN9oaM1WAYyASLnd9k0btOSryCne2FKhCRbRhqHPpPXq0t78LF2ZB8+2M7tEQl0RAI1BQk0doez8D"
    "mtK/RqbjIW6431qoNh/1gruVOM1qSQ7z4F1AOb38nb3ai7DUvhNGV1jd41qYLyhiyuqRYWV30zqctrh2Qx5bQFGK7tAJTBLITJBnDuAt6dEwAS"
    "Hlnwx9YX4kDvYoyhz7GzRwlapq8nFmfx+FU1iM9l7A4mrcI9+UTY2DA1MbmFHiP3QM8xllYafMJMatLosCzK/D8PArKpOOqJNifYNdO0k6LKax"
    "bgDMV4uF5AV8J768kp/cc/25Xj6YezaZj+VpH/9OsnqC3SOxxHPZjtj90eCPxOfxyIz+85DNQVjU4Clb/EunVVqKSG3K4LEWbhrzlujG93S8WX"
    "NsQeWSAWLOTdEN7ct2XAhVuQe5PjcuAOd7RqkPe+H2DU/QPV/WqhaL29avD6PNV+Qew7JrTVIyNc/Rth1yCGkljAdMWbd/PWsP9eAPuU5+JNxV"
    "5pW7aWp9pjC3v81w5Mx2eGhPUaYVcwBOn0dQj3Hhl+cOWEqMOFYj+zxIkHcXxU9Kqix1AhqX2sOzN8ElQYrBmiYmnAJpRQXkY46llNBdvGDogn"
    "rMB/Ca0FhUgW9WcMcHQVWpEFLfFKjHBq91A6oEqgEpEJib29uDr/9He9zN5qSqbe/v3m/bkGsrgzQkRCvEelh5rLbqvzvgjbRwmkW4/W0yYtWk"
    "+rO7SelkZ7xqmoNomuhGh4Oa4YyjsLRRuj34ARdEv4mP46qQQ+rE+2HAD3sDvipMp3ZoAPLe4ofQlftKikP0wehurA9+s3LtXj75sLCwtgwUHk"
    "d4UJHsiWjFl1z57kyspubtekNGabNUlBibQ+hSaJgnhyGxg25houksNT+m3lBBrQsfrtWCIezsYEQ1Q+fhznUZEiGGn+IHfnWPNvbs3/ERZCKl"
    "QI16XBI4BKFzIwlfnKYW3VtpQjMqNxqVMHIBgw68AJhcV5hoB0CmbT0Nal6SqgXx0W8W5C01KP0tuX9MhCfLvAGtTtZkBpb3S/Mjwoki369W+K"
    "Ia8JimzNAHNYHVdqsAQRUvWE2SLE2WIczY7DMQ+8+Bgzjq3Q1Y83BrMKHCZUj8apqIzAZEnMDcHcoA5dU7EHFfq08PB5O7H3XmxMbA2ja7sJE5"
    "o9NhPGyc4uvYSYWVONGYLh4uFkmVY8+Zw2niy5n9ZCWVjWMvGcI9oi77xPLxplEY+s33uyWR2DLbRMhsJcJZPGeePVjsyFcR5+C3TunvXMLCB8"
    "2WqgUIZiCMwGRaLYvcZqoIOpdJva0YrqRwHUdeJlqUx2/78sHZdiHypUMMrIOIwDEP+J/DkAQi5laRaDgiuwrGz4jtxyFtzGhbyGRgzQXBdm9l"
    "fqthFegWyfJTBCDm19y5vEL8EnzozgiKduZN2UN+jN4PghyCBzcXT3kc/fifjEK7QeWZejMVvTecTfWK7j41wojgITR8uhThTw3924Yrib56i/"
    "xXByEehBcubRW2ZvFG4JWLw8ZKtVLxAmBrmOjbIRmFGivMNiyFMOZw1cYMQnoB77Cul8YYwEabZYNaUnpcziLOyjxnBoq2IVBQvaaapsSjecFZ"
    "HBaoHmJFgVIVS3oznkJADyasnIJXKWLX9n7kNUHUt4B13ne7XTnSFp6nIfdDhd2eOeJGFj2eWwiHCmAFSeyIDJWlrbCCcrvhDrprfDpYWvHndc"
    "tI5UpWQNglWHk00aquJJd0m8MdXHwp0xKkplU5dshM2EZ0tbxVoibqtdD5pwoSGZqI2RCy/CvspIzWa0J7ENTpeOGBam1k6OGBbjzLUHKIMRR2"
    "S3M9dGIJFDA4mMs+4ONusuCxjB71ymA41og18ATfeXbHEkmmQv2AXArgr4AsXJegSDqauuajAGECLgkKkgFlA+wkD4JM5i4AzqOI8hqzx0Q/06"
    "3UM7qiXGX5DXbTegpTrScYh+9kwxI/4S/PG8bSVj26XbKVBRjSJAYWp5m1ReQmB0v/QXGUFarcTjmIqUDom1ikxqs1rQ3A2MFgck5xYB+bpNh2"
    "2dXR1L41VlQeerYj0nFpe2gsVOKYzmNQy758SBPBsmpWMFLpTTRA5hlS+iplUaujkgpiaWvbdqG7nLEQ6s2PYBBuJIKN71NgrbtTPkqcxoY+g0"
    "PecD9M6iIfXG+o1+m1H85jdZEQd7VwiFghX62Lqms4AqzL9bV3xEbYtFPQRvd9LwEPebtEyIZMkGMQoETGQ/6VhImqEVjEE/yB795USOtKQU0X"
    "GUCMqdj2+sJ2dZyRyynF05Qc35nxKYHNSWg9pky4DyEbNuI8LXPT0Qy9F7bp1OSIlM5vvAAtkqErBtGFvdZmAiaB7ETteeWZDM/O5GSkIbxorD"
    "3ffEseIYe5NA1p3jY2M7xD+lYvfIRpYGqYrIMxmCEk8jsS5B8yDeFgxA9kjaWPgb/LjwHMhvlheJk5mT0OHz8siu/f3qCLxpsBab1ITM9DCDEL"
    "KpOMJ7BRjcCczmlVzKHMeM+HiEi4V71Tw8UOi+ffKkSfvtkyfV/bfwneYcbz/9pUhm7ggYNdUFVQ+i7ijdYXnCXTpUFXv2GUtMr+vWyZHtseGj"
    "rQf+RfkLUAw1wSqpFWUr19S4GGoljsdMm4BJgWzAEZPsOfvd6ZPTJ98/Pf0Tot+o7WJoQCQe5TBtjdlfouwJvL+r2DrhddwQ8MVzgyl8Sm2ump"
    "x7BPcfh4UdelhYyQU8kMNCiXeic1bg83pHJb7iXh/lMxfcFcc1s4QVDw3NzEX4X7nIsWbDii38sq/RmlqfYE/KuvBFt0qwj17Ew/AidhQGlH6E"
    "/JUkEIjLs5sf8aKRH/Gixo94UfIjHiqQj5QF8cZZoqN5YMws0bHa36gA/VhpHq+0zhMrPwml9Oni3U2zelyPQs6ML51VDyPF0GD8kNyxAfsHUg"
    "+9bXVuid9lXn8g/uaGwZ8NlzjY7qbEb/tY3vha04KrFL9kAOtPWD6poiCeZCILUAIAyyM+j3gC8ZUIR30FJOqrcBmwaLFMPpVCqcx3ic+nJS7/"
    "cY/rh/pH6/zFmqnO/UuuuT9J5VssWBDf4bhBH1sXocXWPk89OC4MYvTzIFMkQx/8DbRdLmGU5yxgnIsDGlPkgBkkf1yOf2N6t3FPvzkmqAw+xS"
    "fGupY7S1AlEOeZtR87m53cy9MXLxq4l+KqSvcSvxvdy9S9RD3ysB3MFtHPdNUsxIm4rQn4M9zDnGWxvdVXbJagftXsoxZcumSL9+I+m2NllDjA"
    "nbkzQy5Mwf33lXnTnWVXmVu+k3c8Vu5hd9OW7PoYhbfs2/u4T+oY2QSZZBg7uSWnrtVtjpVNkJLuodX2aNmTeJHd2aMydUfJHnZH/W35A/c4Vg"
    "ahi7sdf7pGcYbAHuX3bx9XPG4WyYBJT9HXY2LUTmszUC/p4nOxwqoJzyWXNCgh59g1JyuPIKRrx4MWQHnIdli5Tx5b0EWEON0hp+4c8AT5kq19"
    "CUAIgTScpSdcPQB6PhMfu3itdf3L+fenL17q+poP8gBj3G6gcbsl4cs2cbv4eoPjdvHSVKE7sbon1svnOGQm+H5GOLWW9BtkqWEfyyC1cMECuf"
    "A7BfVePm8Q03v5vDKkB1+VWlnnzrc2gkkpjK7WUfrmkZrwY73OCGIC2YCQuq4lzVCLrEjQrYrndQOBvK6Ux+uiOKA9Ry+M+xEzYto91qOTlXPS"
    "Ui7JzF1kPZwD4sTo2IjRqA+jpg2jFN5mnqdFjKneDRkSo/sANjGSbZvY9e77XviMrXT2aU3FeEqyz1LxfzyCQP6jifUIDBr4L7E9x3/0z07r30"
    "na7oShZMMOmABMuNd8bk3bYvGHmrnpsOqPK2OTCwD7IIK2ON4ZKsNRK0BqgFihnjg9YsgMwEf6AMvqEa9CzrzoPCxjcJMRfoKKDCzU9BicmcLH"
    "UyMPhEUJejBG70Yr+QHCBQGqypRT6ndYE0Xa4SyLrJpGXBlYCtJCF1aiOGOjsI9+xaEthrF8eyzfNiSIehiw9ky5ZXPmZ4gMhmgHGENPjgqLY6"
    "ZqVtQ8EzN9xKUB0275j0X2ZmYcJh2K7IvboQe+NswJDngfNBVARlXsFImomLOsTsZ99OkNE3/0mLgcUg9EiwwbrmJNgi1e3dX5tXgbNUmvrYT5"
    "AVW4uBZXAVsExBOuZAhl5sI+YT6dYH8zFztQmCvlBdr1HmOSy2gbpTrJBaurbYF6lsbgZBfkU+AxwTGDxQod0DACeqsi9Z30QK8I50LVVuRRKp"
    "JaGRqj01rnwYL5pwChu8ynE6333ircnMF8SZ+FORGB5lHvZ04rAfWIbnJdtYgSAoPzLO+/h4e0hJsfUM7fqBIHFcrAmghE1GNg8MznHYXRJAcs"
    "rqoRRikLjCnSaVvNlacyWCw/I/BbC0D4PWgpDNi15XiOyGCG/0Q8x90YxnGHT8Hw+qrheG3+I0e3xwxIfGq34ru4yRnmFjOHgMTxhLNik6ZEVM"
    "zdqIyI4DQqxvYCSsgMz1CdQ9LY4SFCI8kS1klShCKEJBtbVUFRK3CZ/UkoEj6NPhpxr5SypIZL6oPYQzaTu0Z2FneB/NmPVCCpM/2dOb4ut3vP"
    "LOA86dDS+4ldNSb5c4aFyxaOJnfUIIeYUA4sg5isBMwhwslH7cQBgi9bukADWRFjLnHMJRqgjQ2M041ZKoOgoEgQOnPhRU051fC9TTfSubqTMc"
    "dPv01b4vgFJIDN9oxqgQWwv2yfZePsvrjSC1U38zxwfWAo65YpvnKH6fZsbNpkeoQZ0xw7yS0LoAwYfmGqhoX00Fj4Sd7JGAb334KpeLX9SmzH"
    "rqGcODl+jYiB+2hevR+ZpzVgYGd4nkEhBiZvWYQMTJv185CByN8KzMBM/UkGMxA/XcS/0wIysFQ6t6KB53DwefoQ8F+Sux29lPOv2lTUKbvby3"
    "uV+8WOQq8AHGkt6a6oI4OScfySRelmIVTz8s1AfDaTbBf0z7QWqqryKWsEaAqgCjZCdR1U1ozDKxvUQwHiDySvYVpc5Fu3G8TXlCbnmRrrxCBo"
    "/h2OhkOm/jaRc+KmUDPz258m1pKtsdpfeDkyL4UN/6lJqyui2t8Pj5VXBkd0JlZ15dUD72/k0a3nhM073I44/yF2c9BtJeQpB5j/WAkuQmNdOr"
    "F7QbD8SGjNB5j2mDFvBSduJ61QoB3YalBqIXkLrD+WEZwHuBDExg4jjW3cDFcjpd5jxdWK+jaIp73wpU3jQDE5Aii5zrxbEdYPDUqwfqgswPqh"
    "WH4l5Amv0FEIKbXBZW+/SBNTiA6ama/EarYiP3RcJZBkN3YSR53NFIvjVaU4XmknzratP8wRGV0nncVUl+6DeExzcE8Sz6TM/eo5pzmiAU85vf"
    "BXUZgVDvhjFrv9nc5iLDkcJe5QnpffI56dRG7oLNRV4LDACTfTW8I1m6vSHyzR7S/f/6SlAP+iHlVN1Bb+OIiJb7gwOw9UYJFwj9i/RzzUwzjd"
    "z/s89QAkIKwgYd0JCcjBzm/AyvtKrScSQFF83qrTYEdC6SCJrrGRPRnZbwHdb+VG3EpXzBvcBUtnsaQ8BJdLQc8diPnjTGbtTGZx1riuOnyaKq"
    "u2YFsrx9eW4tbWR6dEhldG34gtpgBaYcEr5iqPU54IMGwplEEpTGtgRwKEbvsYht1j4TT5ShzkX4cIQZF2QJHDKxZmBBVL8JbOmXAesX4Sn/zh"
    "BQpU4KzFeZWhMNdaAL+UzcNMuFhGOg90MuHSm0IWrQWj80Rm89oj/ib2b9QC4dYaIjPKYBZvYUX+HFqBlhAqEBditwk0bc2gqhlqlt3maJB9Sw"
    "gc4PjBW8ioSLY/KT1rKaVzsRsCizMpKuB0KigZweGyc+D9p08fPx1ICsJW4HQq0f54F0w4Df1w4tifMXK2ltHsuFsOGt8xoSEecY2fz1zi9GHH"
    "De2o4i7TLIhrT1i3lfszpjEbGsuZLUF5pkJ/xIWrBXMsYGuG5E78Zb10XIxzg5s1kcM+n7bbps9OX71Mdij8o25zXn84v7zU+VhQqm1Tl2zaul"
    "h5wiF6WH8hEQxaTcxGcdaJBeuR0JlZ8H4QvuNiD7uWS+dCv6LKJeKJHDcKerAuhTjef/rr+WXJ/WJRuIrC1uHVAtlWAda9bZYYTB1CpILpUeAD"
    "eGYSTjU0Rpqd46fZONUyKhGaEQbvtH+gHQJcLebaSUGSfyY0misb2X5jPhQxqTGHv8XXSIlvVMub1JSGipkGAdPNaKqWb0oxaMESWWdmrQPmL8"
    "7UXlQW5YzZcuCNRzknix4U4W62KATLpg6kasoCvKHfKkyMAlmnHOE+lSdYGag8YZqhCqJPUvNiTeAC6K3B883nwotLYKrlxPF+Yoj18ktMz8uP"
    "Vz/HlxeFWght4bO2EV1KYbzUIIYhHxdR3qVWzIpSfIx94I62MMpUkbmu8AGUfdQyelyiHUQQ2aZQ50KgixuiwzCgVnp8GISEIl+bicMQsWyi2Y"
    "wahlcjnNFp+gotJVYmHoTIGNRFc1SMqBedcAJxFNh84lXE6ebPaOBj4t4TW5MZJTAsgZsGlHAdGkKNaizQGVyDlBn101/B3y603QhKcWhQiril"
    "93bTGpiiRGpwSMnIToZy50IHKZRIR4iQzmJYkYB2QGjJkY2boCv3Q7KABvn2ADk5unH5dxaAjLS35n+ObFz+23Af4Qo6CSBLOW6BzkJAdEpOxT"
    "O3lkKJtJet8EDaOmuAutbZ0fN5cbTG6jrGMfaTAlxXURs0mCuT2pA98LjhdJmhsrdkbzfgb9XQl07r95hmvujWrn4ij56xyvTrgbM3ZHFNh3hO"
    "Nkbxy1nJDXgrvZqeFu3RQXwV2ZvzARtwNw2e7E/lDpS1pTjTiEG5FwzKKaAxbonBdskWl+IuR6RX84bT0nHtgGoC2CMGYhmgTudmlTkXT8Dby+"
    "liKmBVTgGWPMsmCvBe1uvPnm5zCI9z9VYhJsqMLfVnjm79tgZb2xLT09QlrMVcK7xrEXqtkEjPo68lbN9UYLAl1GUgtizU2TS9UWkzNYfaw/Km"
    "PsTfwpAYtuyzL6pBVEz0UV7qicWml3lOsPViTwrSmsPw5Qas1BR5jHt+2z2f0aa6XZ9uav2mz2iFHnd9MyhG/RjaNFRTD8DYYhStmhzLmUclbi"
    "G2NmOTOdzJihG5H1sXIVz9FbslOHXnAAKApXFaRPC+7z0CKBocaQeaKgDFtlBAAxhZ+xnvjlMIJzgcSvYJIUoD4+Ejbv30Xz9edQIFajSfsGY8"
    "YXk6YUAXOBeuE1pdiXhAzegxXl36DiOGpXhTn866IhfmaYfT8XntCLsp7vjETs9bKv6evFBceC/R1HzWRx23QQujWdtnCP11U4+GpG1/m4bUjC"
    "abTiBiPxHoqOE0BBuEqLGa4mlZwFU//drxLQYDslOUEqHyYVb21stmJx039kb8raNsdbSDF25AVxj9jwHGpAwHIr1ptLI7IlLfc6vhKPQEmFg1"
    "72NLTiJV7KwCQT9ANQ5tElEQxB5pwwL4ApW5RfAJCErOf4z79QEbCtpEJvAX73AoJzjvlAsTowu2RoF2YJtSdYjghlxSEtgWawoSeEzbEIIZjt"
    "0FI69EOUQEB8TIk6a2wtAAnRwfO28sEm9dCZ0XI+c5eDZLjEAL3t8iHvMXu0TUUz5AOl0nL6jPny9+rPWGUsKCnKLIsR8DuTkb9EKwN25YTR//"
    "TYy4h8qTIqKeR4R2FfKzHZ44SdsLAC2hZ3JbZjcccqlSLJwGX7Uz4ev6V3TkBleRn9wAzC0+KcRBZ5QriMklc23V85W8UrtDbc+1zmPz3aGb78"
    "aJ0IdtOMLpsK25n6Hqh/kPJPNQU+M/DuNuXMbb1zBuzgVjx1m+29WxhfFg6K1K2JqOlzZLcTResRl92b5wrVyH1SAffy2n9VRm5a+TaT735ean"
    "6eCfhin61CDEMAeA0fAz4UVJdLZIWIbBYwvAl+UsQ8G+ORS/SFwo+XiIPTRb6rLvRTtlX7/Zc0q/2lfb2kHrsEkyvjT+EvzxvP1EEwhu2RMLQE"
    "mFJKgwljcSZHkP7lh1Th+y3Pq8fjXUSZbG6Ak/NyqNLxd/HFpsbM8bA3dSLYpql8s8SahnBXcLlMoGQopZwRgqlSSM2zn+21Pwd9/VFhj55cRJ"
    "peQK37ipmI649MKg8aH7XhMtpwIc7xrAjMiUO76u8bx+ERRIB7QKKqpvZHYIrEUWwSydBVmdKcznSQI0tiabiaVAMsEagRFm8M24lFY6E7gaTW"
    "jfcb220y1kbkI6HeLsYBKbf3m4HK541UjXiVOTuktJBpmzE1tMvkFycmNGgr+xANp0cwZZut1l4R5E1QI60aZVK4AvryYCN2R8hsJcjZIwHdhN"
    "/OQASsoTwMg+EMt5yFYrLc9rkV2zZIPAdE3GavhMrPBAjhPowWXrEbkVRvR0KdNJyQZXoaOCeXJwFMjHj2s0JsIAm8H0jXijIECy2CeyQtoiCw"
    "K1r2DPyVppCLA+kPKeUqapOiNSju73G4yWaFMVkegEiqo+DJ1e1iQEDVNyEJUZo7gY4oV1xNa+5VHvlgb8sSUui25dZ5ZUkdxSC+xvqLLFwOUt"
    "s4U1r64Hq15Xab/7X9OEnf+RSRYiS/859paZkuGd1MShD9tbtiMtfYVtZfJX4jkDcnlC+sWlYQiZlRB0ufwHn1i2sxA7RE5y+TfrsTW1vm9o2e"
    "S6z05fvGjQfiauquw/w+8KALi4T1uaOinRIAydROPIgbSgh+ToCA4SNGw4bYw216EFLEc5oBhUtjYZGjbH+NFYqHfoQj31TnKOJlbByLl9mkye"
    "2Ew/UjckFW09NTeq2qPwhw23NMc7AYfdhXLvGJ1DblULkQOI+P8dXYXiXHQhRogZJhwZsnY4jRs4wWYEVdyDutXYI7GC/aF4ws0DSqczwcAFC7"
    "TwPbVHnYZ6EGdeVkxofouNlr6GDCL6DA/F1i3Y+zkI440zd1w65SEL2sNkV95iLKHtXkI7VjCPZbQGiaHPMtp69dMDl38SN7uO73WkjK5UukMD"
    "cR2KAHLLFobpbVvV/TEKb9m391+pQU1Y/XJJBh6nGGnfjlc34hZHyiSI78ZQalvvuy3h74bALxXNXjqrHroqMAPwIbnjMfFsywRMZuI7eJiZc6"
    "YPmMatTmhTuzO0II25Ny1CNErWJqkoHUwj8D17vOtwOrNTSQoojfKroghLdkI9PGuzZFxmG9Wl5fK7rUGCburlKe7N1UEVT8BcdMYhMxZxGkDy"
    "C/4eUuJBOJpYyf3L6bcuNxixGQ127SY1+TMQtDYC/N6PvJI6y9cAKVKTHW050xtiwfEqlrk04j3iSWYYglc2g2+CxmkBKbxnp69eJuKCf9QJ6P"
    "rD+eWlLtZBvA6RjoTIYFADI/dCynlYEq05nyEaOd+V8+NQQvOifONAvB4H4sUWZUnf9MDc4x7LlNGv93MUjsFe4tLyNsfJ0YytoOfoYcoYz2ng"
    "zJYnGmdJfTOp849Ies19HlE1Q3v2Wh6Ky7Jl/UO1M1JZkVJdzzeQRubmLN59NR5sqhYcVpcfIXefPmkCtS+uquQufldqZAq1Ay6rEZYzJPsHVt"
    "79AaVjbm84yQetyf/j/wM63QUX"
)
