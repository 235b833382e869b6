"""Tasks and chores: what a runner sees in its one look each second; what is asked when tasks are stored.

Runs before the code that needs it; old code goes on as before. Written by hand: aerich knows neither functions nor triggers.
Forward only.
"""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

UPGRADE = """
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
    IF TG_TABLE_NAME = 'task' THEN
        IF EXISTS (SELECT FROM (SELECT DISTINCT tenant_id, workspace_id, rel_obj_content_type_id FROM new_row) AS named
                   WHERE NOT EXISTS (SELECT FROM tenant WHERE tenant.id = named.tenant_id FOR KEY SHARE)
                      OR workspace_id IS NOT NULL
                         AND NOT EXISTS (SELECT FROM workspace WHERE workspace.id = named.workspace_id FOR KEY SHARE)
                      OR rel_obj_content_type_id IS NOT NULL
                         AND NOT EXISTS (SELECT FROM content_type
                                         WHERE content_type.id = named.rel_obj_content_type_id FOR KEY SHARE)) THEN
            RAISE foreign_key_violation USING MESSAGE = 'a task names a tenant, a workspace or a content type that is not there';
        END IF;
    ELSIF EXISTS (SELECT FROM (SELECT DISTINCT tenant_id, workspace_id FROM new_row) AS named
                  WHERE NOT EXISTS (SELECT FROM tenant WHERE tenant.id = named.tenant_id FOR KEY SHARE)
                     OR workspace_id IS NOT NULL
                        AND NOT EXISTS (SELECT FROM workspace WHERE workspace.id = named.workspace_id FOR KEY SHARE)) THEN
        RAISE foreign_key_violation USING MESSAGE = format('a row of %s names a tenant or a workspace that is not there', TG_TABLE_NAME);
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
    WHEN ((OLD.tenant_id, OLD.workspace_id, OLD.rel_obj_content_type_id)
        IS DISTINCT FROM (NEW.tenant_id, NEW.workspace_id, NEW.rel_obj_content_type_id))
    EXECUTE FUNCTION refuse_change('tenant_id, workspace_id or rel_obj_content_type_id');
CREATE TRIGGER outbox_event_owners_stay BEFORE UPDATE OF tenant_id, workspace_id ON outbox_event FOR EACH ROW
    WHEN ((OLD.tenant_id, OLD.workspace_id) IS DISTINCT FROM (NEW.tenant_id, NEW.workspace_id))
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
    "eJztfX1z20aS91dB6R9n6xivLL9Gvroq2XESXWR5z5LXu7fPFjMkhiQiEMPFAKJ5d/nuz3TP4H0AASBIDihU7To2iQaB7pmefv31/54smU1d/v"
    "TCD5wZmQYn59b/nnhkScVfCt+NrBOyWiXfwAcBmbh4MUlfNeGBL+82Iy6n4iOb8qnvrAKHeXD11wUJrDXz76yA3FFuEc+2lvC3p9Ynb0otJ7Ac"
    "bk3ZcuXSAP/p0XvqW9MF8eaUj6xJGFgz5lvrBfXga/pt5fiCHH7eZlPx+4433/kvhZ7zr5COAzanwYL64vf+8U/xsePZ9Bvl0T9Xd+OZQ107w1"
    "zHhhvg5+Ngs8LP3jnzSy/4Ca+F95iMp8wNl15y/WoTLJgXEzge8ntOPeqTgMIvBH4I/PZC11WiiUQgHza5RD5lisamMxK6IDWglg+QfHYyHl9/"
    "uh3ffLgdj08KEo0oUqxXH02ZB6tBPCpHBszhEb7/4ezs+fPXZ6fPX715+eL165dvTt+Ia/F5i1+9/kM+TMIteSvk2eXPl9e38EBMLDm5FuGDP5"
    "CGBERSoTAS7k8Ft+bM3xRl8H5BfL0E0jQ5OYgXzMsh4nqVIKIPEkkk26W9KOSSvxM3tdjMivalXOiF/VEipCX5NnapNw8W4p9nL19WCOCvF5/f"
    "/3Lx+Ttx1Z+yYrhWX53J70AiiQRANEXu/+fNp2s996Prc5y3HfFq/2e5Di/shK4kcPLvs9CbAnOFLnDcwPH4U/jZ/zhpIxehbO48tvZANk4wsg"
    "gX/xEKSC0ui5NNXSlVCAX4CDdZcv4vNy2L7z5e/C0vpvdXn94haxkP5j7eBW/wLieyqU+BtWMSFAX3o/gmcJa0ZOtkKPMiVKRPo78YtZWk0l8L"
    "Mdl06hKf2nX3kHhn+5PnbpSCrZDW7eXHDze3Fx//khHZjxe3H+CbM/x0k/v0u1c5McY3sb5e3v5iwT+t//50/SEv2fi62/8+gWciYcDGYkWOiZ"
    "06C6JPI0ZmFoI8AlusgwxhB8tAPeyuV8FlIEyGjTWhlk+X7J7a1sxnSyuAxcG8t3jLc2k3bL91TVoMEfcqV0NkO2nsGcZcSrwSnZAiyy2FiaDb"
    "lRKIP2kg/1uxzISghbVIXFcqbm7NHFeYkwtyT8F6pNsL/t2nT1cZmb+7zNk1118+vvvw+btnKGxxkRNkzJ2iSFrp6hxtf7YpKmuxKS2X8CAvJr"
    "sjKfVuewqlxIFBhWVQ6mqkKB72N7ral88aCvs9C4WwUNzKVQOJBwthX/ls/daaO/fozYF9NfurfKO6J7d0Uc6evXj94s3zVy9izyT+pMoh0exG"
    "Zf1MNuOmXl+BtJVA9rP/jHQBtVKAcMDYp4IZPNhGJJr7DPJpKx9gJl+RKW0skTzl/pTWUQgBQlSzO22YJOZsUSA/MZ86c+9XukGhXIqHJ95UZ8"
    "2pMOLX9L16Jow/oiUXfZpsWp+s4+heYSUKLoh3p9JM+yyO8s+X729PStRSBzz+wmmdQJRh+qYudwuHYSP2ZrR1R+v5c3K3o2e55rDL8F88knX9"
    "5erqBBXKhEzv1sS3xyWaxacugYfmGlWvSH/69bO6qFwIUW4ifeWR6JbMMg6IP6dlamJgWJFh4PY5XhT8HnOq2fJN+PaTuN+ll06FHQvXYLeyM5"
    "bapZn9W/xqebbUbmn0tItc/ki8zS2DP2sqVmD1ETF4pF5snEurRq+JmlDs7OjrwpplPgrijm4iLiv1G8tIfRVTyq+Dhc/C+SIh8sbpJG1Geb+/"
    "uHl/8SPGH8YFvmc2VshLtFBjOTc7QM3KYjYVdu5d8zJ3vFUYcI20NYdufalnieEnGsoddzvxyBw/A078MSqcJO+jtGhF6UB8zahOCcE4nWl9uJ"
    "bgopDrPMfIHzzLCPP9ECSChJZ1M13QJRH/JgF+CElFIOThdBFTc2sZ8sDi4kTgs02xomAPvzfUFRjsL48q6grwvwX+l9cURNd3U0+wCwGcXOOy"
    "liuWWwH9FpxPmb8KTaolSD1xgfm34olLSgqyZPur6Tg5aSgDrBzIKQ3ii5tCYdKKspXbRWbjw99uM0mNQs1AnNi4+nT9c3R5vpCgWOYx5qgGi6"
    "KprvZIkfW46CN9Dnx3dnp2+v2zsz/JVIU8Dwwt9hjSRodIGxViseWxlC39tlq2XewXV9h2ad+5hm3npy9/0La7BcVHvKSKbQFnELNsZq2dQKhD"
    "j4GBVDTSmhBqrK1/ZOpZZfQF/wYr+p+DLdYHWwwZqLXFPnjhsuCkZiQR0Zpf5ynrl8XKBpWm3wx17LJnz2qYZc+elVpl8NVQLZiqFlwSu65Nds"
    "SVgrngRH1VmCMcUrqt8+ry8GosgAzZwP6uMupps2LLBOQRJiNGufRjTgtoQ5eaxT4wtw5zMztcz9rDeB/vmRdQL7iVEik4HumvK32OqbxwHBlz"
    "TULJbPI7nQYqckv4nWwcg4iEHUJBqawHd5k3F7ZXVYy4+Y307shqNRYLjmJdNL7r4IaYo/Cr3JCM5OrGhTNERjshtxDGYkvB9CRIDImndl7I6W"
    "kdN+T0tNwPge+yBpDcLQ2YHxMYz3h8UsvxLL6EzgShvwPq86wgVALwsPJoENdKBBcrSY36alC6caNuU0N2PanSypk84lDZjkO34hZHxJ1d2iZY"
    "taExSqJqjnJrZBZd8aAVogyckWoUnWwwvbwgfIG2A/yDO/9DzzHkw8VziEsCihkhi3kUW15G1oKtsZGdzQLZFrOx1lRcEa5cRmxNG+M+f1dr4/"
    "AFOXv5Cr6Gnxnsm37YN4nU8hLwiL/RSyChyXf+wYIy6JC9+eXie/GkUb5OeRTn1vMzufY76PpT+bg4mCeOzneX1xef/65Pu77T5O/e/f32w0XO"
    "6sEt1GhbRBQmB3tO3jXg+gEDPnXMm6FEtX1hLw+YT7ti2Q3c7Jj41VlJb/XibFzxuc3a7FW5Z/pF87WeSZl0ttQzF+vMl3mm6n67KOzV7quKXd"
    "Wqirv1xuqVsDNvWlfaktVtRM2jn6ov5wc9mtSxUeLbZA+Wai8nvyDrxF2BDktqk5KNkRUK+fvod6xIsAALzC/mVBsTP1juAdcP3oc51lWV94Gy"
    "KvC/PLYXXW90aO8yWrSOxLNIFrWsnroXv4BVTNwVznl9ezgT23tZK7b3siK297IYa31MWDCgWmQAxFQQmGz6q+4WydO12ip7Q2bi1pLaDrHg8U"
    "aWM5PBK3Nq04cKmINXwKTsqfrsTxENrB+qX3pR/RKlGLZk7fE14GbYmtrZJQASHZW9ZAUj8x/l8apPHr1l4o96Uasv8d2MOIi7iVk1zMNFkbtS"
    "lzX2yh/2V2Ovum5PgoUU2FZA0AEt60HQX6hPgEUPgRt58ECNOdJGFR7oYwUyxiQwLu01wZYqBuiodDnpAgR1wC/uviMBhTWgFw/uwL51ZyopnY"
    "p6N0hMp6gG5nfli6WMja29hWPLoOZdhvQKrAE6N/hhRvlhLVyLSseirlvRwKe4sFYumVLEc8CY8rlwFmzHp1Nxj83IEh8TYbRN72igEl2qrwB/"
    "Q5cT2/p+AwaNwXq9yiE5UgwaWMGywH0kJy/E1e62M3cCLqGX/s16ao2t740J/4NKop5mP9TrQ0+RG52xzIwckqrHsHlD4hdnzjz049haXX+9QN"
    "hrxx0qsaVkLGGIqGY0KvzbAIeg0XiyiUW9e8dn3hIrwuVMNPxOW4RhhoMfsIC44+aVr1m6/bkYpw3Fh8WvUBTg1G7nOYybx2bBGLZ0iyLkPKnB"
    "gPon13St5ovMmSVMQLrG/YXbhDNLWJgbVSHAPMxNB3L/wbZLrjdalO2k2BcBXgZqKqQnpAWhzGAhJJMRndHSgSDdmEGUriieqnqbDF0PCm4E11"
    "mwEPzHvWPb1AYPRg3jMqvo5nHHmAfUG7jFgJ1nOHbe0E7SutuYjaXa3Z5Tt+xzfKdjZJX61XE8FGbLLu1jHKBzPNMHeteyAj+n7VbJ6MLawwfS"
    "KZKtu1aKRyoiG1ZupVbzB1rvp16JO/OmeZlLziYJi7IxBOm5VrqOpZIFkJDmf6j2aqjXwxQfJyVZm/Rx80DiJnPIPZy8icMyUa0Xgj0Jl1JYRT"
    "gVAPz9DTqYb8U1ANihfBc0ppbF9E0nd6wuMRvAFvqY23mEYAsDxMIAsTAEWW4caDlbL2htj/p4wyt40ol3byH/HGl/Zpsn8rc4W9IJszdYUj6h"
    "4pPorfTWRGN9adJ6iJhXuSCGssKhrNAkQWxdVnhgAN5Ug1GJM5W0Hz3gSiVdTy1RIITOYzyLNAdqzvGtNdk8tX4RDhEm6+IebEgRreVkBBhXtV"
    "yJxetv5K0XTLx+TQSJHf3wUFZnsF4bVbheh0Wa2ElZHUDIwuvBytcsWoU+EZeNwmVyPxuEOOESHozFdnXunWDTwiLU0ffIL8Dkq9RRU5AkvM7g"
    "IdxT3xHvodOXVWURabJeVEUA6HMOggQr+giGDKnlO/NFANis/K1EYoUvJhRchUbdYPupnchjR7Vs0ircoBvj/pEcgQ2y6EUTtFyWRUFG/e4N/I"
    "Ht0C1NTdlommIKS7iGd7CVxf+zz8KVztiXX1Ta+fP4kgct/C+c+mAkM4svQBWtqL90ONSJaKzyhy7W5jcC6hG5v/FFhrSGMYqlyrY+bMvKrqqD"
    "cXCy/JXIlpbLs90shpe1ZjG8rJjF8LJgPcvnaT4cLE02xM66ip0lymvL4NltfKOeiaHuMZlZgPvuHk3FBJIjqSi1xgUpf4nvdkzmjbYiJfuq+Z"
    "IUtCh0dSgJv0sKUZCyWIQiP15lfrRlIVIIVkkHwgbr5ujFHL1kbQEDd5uJFiliE7SjeqJLGyJhQslMN7/irxfs4twVlQayk1yLL1PLVP4qwaMw"
    "YQ3++jIMsD4US+yxr5tY4mayMgiCd1PiutS3phC1HkEPSyDv4NMVxVnYfA32dDy7RTZ8F83uff6w1oRna0+uGuDVYMAbY7hUGfCxzOpa8DGB0S"
    "b8V0wBiXV4boGe+fO/O/Z/QOcRFDWqf7ay5V+9qGHKv3pRasnDV1lDXumVuuxXlxvNfMhOSN3yhIMMzOklj1RiE46naYxne6zzVVsXdPZ4ukGn"
    "tRzXXQx1nInfp/7Kd3T+UrkUcmRGCyJXDul4qzAYSZi9mdBG+CEcxHgke1hdLS8yRCXJc75xbCFDZnJsAXdKerxv0wbIoXZyfznSt7BVZB2H2C"
    "9zFsBwQjILKJizNql9uBxXznSrZE932YcrNv/gBb7W0Yq/q3SxXDYf0/iyB52rTx61iL10PAeuhIEaqqP1HPMNtmPLSh6hbNcLZ7pQ23wkC3Ct"
    "r76D6ycK6vrCxyESnyWqXce7FZ2rff7wUGnUU2dKSnQcadEmOjpH2jMlHZmbNvMGFIHIEELhNTBxc2RGm7hgQcGTRdor0nYEm99+9slq8V9X5j"
    "gdj8iiFS63FzbA8j6MMas469NVs+BTlsz4LZKIBOKnRLkbqMlbxURq7Y2zir1xVtwb6uSZuWSuF8XDYIe5WxgtFnFcSYdbnliISTRS1heCE8k0"
    "RG249YyA3tQQz5tS4bwpQB/iU42XlHNhfxelU4F9WKDsMfjh7SIxtpEB1v8Lz579cGZ5dG3dEzekT61rFqEhmgpxOBRsHPLASeUn6zM/RWQyGN"
    "5X5YA6wVskP1dd2MsllBS7Tn2bfKilMWGHdFlLk98DHfC1ZgFE3xZ/Xa6nlEKG5+IBresvV1eH6v27YvMr8bYn+lAcfjV6KBLnRlfVCsTB1VHN"
    "ACKZYHoGzCkV5mI+THJWPUokgC4lTd3CdrfSViJAmld4CeILad4oghNcoeAcDeUJ5pwFo6qIWiK4rAhK+Z+iMNlcQqNWPatc+GrFN4aI3gp6MX"
    "08qJ1Rn9UJgdGchlHD8lGlMgElIxk/kojPzw7EcHFvSpZtne6E2mh/+0Y8vS0ON4uFAebBefQB9X3m40QTUPCyMgfUO3Vn7RLhdfLg5WnwQoV9"
    "iyh+z8P38aE72aRk8oRbU5dN7x4hPklAv2nOnlvxaZm3/s388hQ4ecDeGllrRzxmKItBqWe/hQjlUrDQemP96rzrQN4f/nZbHUjJwHdFl+ejK9"
    "l9mbbtGnv0GmKTzy4DrbUKzz1vdW/pZwL45efkbj2TSF13UrMiTUKUuWaBM3OmWFQo7BLPo+6JxsPUXTaq8ja9FMF4mqKoPXFNVm4xHycXARcB"
    "xoVTL9CVO9anGppTe6WORhXO4yNrTt39nLV62ceK5GOhHlvsMdZ6xlpCbbTEAHBKGNhT4vsO5ah8WlZG1CqMqKiLyLP/EU5Ah2AAF/tCsJ3Lch"
    "XxgVxI0Tj0TqAYd5JDJK4r/Bd2Lzxnx9Yh2FZh5BSJ+4GUI09pZSFZS7JRyFeYxRcntw09aqDZfDqlDsxjMQob55GWbQ9zhYa5QoeeKzSUX5ga"
    "KRhy/L3Ay6iMDHwKgwn79uGe4rMXIgLpr0dVkQCGF45pfGWt3LMcKoje/ELcWwjfRnOOWO9dFtr4u0+ta5x+GxX3TcIAe+7A5FsLOyJgkJTgwh"
    "qyxC8IkxCjERpAq338YMdNH1++XP7YIMYQho79FGjabKWHQw0p8x1/Cf540aoOMGH2E3GodACDiDb5c2kbpE99ZMYDMz1WdDouPdrL4wx5uv15"
    "ryfPnp425bo6t6NK/0QAwpESLxJH8QzxaVGPNO69yFIZHU74mlVBPJwuQA+l48hPp2y5al/FvJPWe85Cf9pIJgmF0fL48vky2ht8wwO6lIcEJx"
    "uxQdo13u9GACE2IzSSQEKyRx3VVEF9lXg28Z4Qx6x+W/z52Zk54sBTRU1KaqyutMR7FJHgtKvU/p9/5/IUayKyj9R2SNxABm9jTq8Y8pZPF3Sp"
    "iY0+IJKEzOD9klZY+LxbyWAnPUkHCUzvqWAZrFilWIUJKxzcgIKiigInaIkYGn+Ghw01GHp1C9Yi6j1uDnEi2MDChkKCnM2M+PJY4YjP3nJ3dJ"
    "0ye8Tx5OiAH+LJ4cpuuQiylP1bBHEgJR1AweEZUdTluFeHpmyxML8cTnU7dFutjzxtj1bINQusVTgRp/0CYm90JufvijO1ScN1P5dFHaUR86bF"
    "ssjT9mf+YnR4CLnC0kYVguoipUAeYWWzTwN/IwQc6tIwpemwHNX+EmKnLew3NgPEJbVyIXgP+WghYbEIyFwI9UCZSLAPgY8O1VjSpZzPUe2P88"
    "9bc15sOifD8FFUX34gzuPEMOw6KTK+vKY/S2WwX/91sUmvdlRyM+K4XQyL2kklf3So+GPISApHrUm8RUtstHQAFS5+aisgd5Rj1zJ0om1k2/LM"
    "8evvjt2HwhIei9+eORp8mPKQjI62x3WDN6pmEPO5IKr4/QyN1XxrWuryrX3x+R4jZ2nkRFnL77MAiozO5eaxVsQPoj5xwSOnSWryIMgknP6rma"
    "AUgcGCynfcUstl83MA6GGe3T8JwQPjU44bgrUXCA0+n1RKX8iFeRKeGke3xf60ECRiMJiTQSOh7VCvLKdcA7UsRW90hhkgTqDumVPaAB1gx3Fo"
    "nAPRHFExRWUypBIcNQD0go0bTCwS3+MjRPpNBGEFrHZ6/yB6a6h5PSj7ofSAr8iUtupSTlMavFMMlMFQd9yw7jh6gK3AxeI12wF3v6bv1a9lXp"
    "u/+T1uUtN3asifprI7OwKwvLA7O7WvTmP3lKzIxHGdQA0pmxLhttN4iI1F5JmMk8xwchwAlXjYEDuhG/AtEIPfZy6VLWFioc1mliw8wNvoGsP3"
    "9KsDqr/BZ8bIKi/znoql3bSVPE3TjW+xC0GoSV3R8lc41UnxZDTwQpjsEgqobmvlHmKTR9ncH5WyYq+ucDgg2LiibOW2rD7qyu0umFQ7O5cSAa"
    "dGjWZE3Hhg68/RjFETtlwXDWLaia3xW+ZHtuZHHWfntqaHs+YHtxaG9nYxmLdQrTLM5e1gLi+C0lZLumJCb5Wgc3duJudKK/NGlRrpbMz4u0oL"
    "k6evqjGYFyaHif9NA+jJU7A/wpaTmIMjmaRGC05fH9DuDlpAIbzDODqTHGEsABzSgEvbF5swK7+6pQRZKqMtEYSnxWUux0XLtW5oIQHx55oTpD"
    "w3HV1vRj4afq8Vjk2UPCOuJd4oXEICx9BsNBw3zWSUUJghpdZoQ8AC23gBMXzmRhJKkfRYRJ/kW0QdUWpijqFSEmbfmE1+1yYUyo+dLFWrY2eP"
    "aTfHzg6VUweQsLOoy6ACp/Y0630fQ1OfecI2bSKaFInR5gBYvjiL4cvt+3Nr6XhhIO65YKE/giG8ILGleJPFKPqP+nBN6Z3EHZTFHwAEhDhr5h"
    "YlEuHx6GzrKmy1hKgXmGpOkHZeFiAe5rl1RynvBzfNE3tm7IcaYI3qToU0XY+aV6I2hUgu8BpDy0rKMW6gVLNURp931HW5FYUx4uor6XgRKB8z"
    "VEuOw2YmSHS9wcJoGrPbG69tOnWJT+1xC/tCR2uwDGQCRA7wsmnUpyVfQY73wpQIibeMNA49Jq9Xl3bgY+3IPny0rdsDFOgABWoKFGjkDqfxcx"
    "qX6FXcZKjWGwpWe8P+oVhypyCtcSHfQwqoAza/l7e7VXfrl8Kpy+oKvWtSBeUtmd9QLS6u+mZUldcOyHzMaQM0XNsBLINpAKMN4NwFwDvHByg8"
    "MudPra/EgebFCESfY2uPErRMX48szqL5q2oSn8vYHYxahXvykbCxYWxifAs9SO6BnmMorTT4hBlVpNFhWRT5f+H7ZFNy1BNtTrBtpmknRZU3zM"
    "chitF0PZ+uhPfWkVP6j382K8fTT2fTMP2dIv/p189QW6R3OI56Mtsfuz0Q+J3+OBCfP3AYqCtqnQQqf4l166pQSU25XecizMJfc9wI4G5CxZc2"
    "xB6ZLxYs5N0Q39yzZcCFW5B7k/Ny4A53tGyS974fYND9PdX9aqFovb1y9Pos1X5R7FsmtNUjI179W2HXIIiSWMB0xeu381aw/0EE+4Tn4k3FXm"
    "latpal2mMPe/TXFkzHZ4aE9RpxVzAE6XR1CHceGX505YSow4ViP7fEiQdxfFT0qqLHUCGpfaw7MzzilxisKaJ8acAmkFheRjjqaU0F28b2yVJY"
    "gf8SWgsKkSzqTRkA6Sq4Igt64pUY4dTuoHRAlUDFIhMSe3d5ffH573qZvdOUTL37++2HCw1mcWuIiJh4j0oPNZfdVOd9FbaPEki7Hq1ndVq0np"
    "V3aD0rzPaMUlFNEl0xUf9yXBGWdxqLNoK/ASNoQviQ/jopRT6sTrYcAPiwPeSkynemkA8t7ih9CV80qKQ/TB6G6tD3qzcu1QPwm4sLC2jBfui1"
    "xQnuyZaMWPXAnuTKyq5v1yQ0Zps1cUGJtD6FJgn9aHQbGDbmGi6Sw2P6beX4GtSx6u1YIO7PxgRDVD5+FOdRkSKYaf4od+dQ829uzf8RFkIqVA"
    "jXpf4TwEoXMjCV+cphbdS2lCEyo3GpVQcgGDBr3wmExXmOiHQKZ9PQ1qXxyqf3Dgt5O6FpqQfp7Ut6ZC6+nWMN6nZDoLQ3elgZHhTKFv36t/mQ"
    "1whFtmYAOqyOKzVZggipLoXZIsTZYB7NjsMxj7z4GDOOjeDVjzcGs/IdJlSPxqkojcCkScwNwdyiDl1TsQcV/LTw8HkzsXdebExsDaMruwljmj"
    "02E0bJzsa9hAR4LJ4HgXFhqAHsOLHyjGomlKVkDVPNGaItMs379JulKNSU+r2nl9XB10CvpCjMVStJZDde7MBcWOxeA0DujjXL1Cd80WiGUIqi"
    "D8wGe0qxe431PwdT4ja1wxXVo/9X9d6lqUx2+L8uHJdi5ynULMpYOEwAEP8JvRlAQC5kMRaDEiuwpWz4jkw48ydR6a6hMQI00IVhfU/dJsLLke"
    "2z6EXIoak3eRt7IvjEqakb0aCNtGPyFv0XnDgEOWMujusuMvg7EZ94hcZT6jI0Zmu6JfE2lut4OAqKo8DE0XKoEwU8djeqEW7nK+pv0Z/sA/qM"
    "nC3phNkbhVQCFi0P2GrVCWiJQc5irfwD5pAob7EYspT9WQOXGOPx6ZLdQwJfGCN+kh9Wbehx8bI4C7uoKuzbqliF/py2GiSb0PVnRaTQWaAdCV"
    "ZFAPXsaA45MWS8WjJyiZynC96Z+xhVxwLeQdfrXu50p0jqutwHnUdX9LhHcaBY9jXMQ5wiALUmErtiLa1tBJAVX4h109nh0sBXj3osGsemErIa"
    "4anDySYCugLXMXroaGOqj4U7Y1SUagAmMLUgbgAmGCZpPUIZDOAQu52kNaBDdM3rxvAQwwizw40wS+MA8DuX6bAAmrSlQy/1FZsfiS7ZS0s6sK"
    "ukK11xsroxfeyqq2pMd4MwJ4SjiQWUTzDaOYpC1ThbOApWy+S9blZbq3toJ3BEbfXyuu3mbpS7s4doU07VqOEvwR8vmhaoNV26rbzR8uZwCtOo"
    "m+RrYgKj22C/yjCBcPY9YwGwIXtSki6rV+KXuYHR4oAMzNwn99s0TlZZ1pE0XpfW6b3Ol+lhzWAjtOOEwmhewxBzThxIpmDmMVLgQjmN5GxN+S"
    "JqCKGhmwPC0mLZL1dN494Zwp7VUD7CyDUJxLtOwqBZlXqWyozq9FZDUT5CSyQaUm+t3+i3KcVvfpNlT7B3hVAoWKFPrRs69amCcpu44iNqWyzs"
    "ILC6kzr2qI2gYdQ7TdaLCQ9gIntxIXrc46q607sBbOgu8H2kdYMIeqJEUGxoe2udnqclc8gqZeUE1ed/QmByWFvO35KV4MpHTLuNiEr27EAsR+"
    "+5cUIhITKZ7z0LZatIwLaBbHWbnomgfhg7WXtmIe3yu1spCW0YKwp4PxDHiqLsdQJZd46H/coQ/5SKHXofsP5Dlb2dyxAUDlMHZCvQPAijBHNt"
    "lyTpF/sNflx4DuQ3axmKk5mTwOGz4iSm/f3qgKdosBYbVYTM9OhxELIpOcI7xY3bCXritVzKHKdHeHiEi4V7XT88kGuqPD2t01V5elreVgnfac"
    "7x5kM98mTmTvZQwzpQ9SCYitId1lK4S4cqVU4/Y4HpVS0ZGbI9VvU39cC/Kn/BZpSPsHBsRdnKNTUuhlqJ4zHTJGCSI+txxCR9zn53dnp2+v2z"
    "sz8hqInaLoYGRCKE/nFjKPYCZUeY7G3F1gqG4ZaAL56ZN+BRaiM2aWc9TYjZPsyAOvQMqIILeCCHhZLlic5Zgc+rHZXoigd9lC9ccFcc18wSVj"
    "x0rTIXUV3lIseaDSuy8Iu+RmNqfYI9LuzCF90qwT54EY/Di9hRGFD6EfJX4kAgLs92fsTLWn7Eywo/4mXBj3is+CxSFmQ5jIgczANjRkQO9f5G"
    "BeiHWvNopbUeRPhZKKXPl+9v69XjLinkzPjCWXUwKQoNxo/xHWuwvwcF0V1U5xb4XeT1R+Jtbhn8WXOJg+1uSvy2i+WNrzXOuUrRS/qw/oTlky"
    "gKspRMZD5KALBXxOchj3GcYuGor4BEfRUsfBbOF/GnUiil+S7x+bjA5T8ecP1Q/2idv0gzVbl/8TUPJ6k8i/lz4jkcN+hT6zKw2NrjiQfHhUGM"
    "fh5kimTog7+FlsgFTGic+oxzcUBjihyAYeSPy6leTO827uk3hwSVwaf4yFjXcmcJqhi5OrX2I2ezlXt59vJlDfdSXFXqXuJ3g3uZuJeoRx63g9"
    "kg+pmsmrk4Ebc1AX+Ge5izLLa3+vLNEtQrG2nTgEtXbP5B3GdzrIwSB7gzc6bIhTG4/54yb9qz7Dp1y/fyjsfKPexu2pJdn8Jgwr59iPqkjpFN"
    "kEmGaYJbcupG3eZY2QQp6Q5abY+WPbEX2Z49KlN3lOxhd9Tblj9wj2NlELq42/GnbRSnD+xRfv/2ccXjZpEMmHQUfT0mRu20NgP1ki4+Fymsiv"
    "BcfEmNEnKOXXOy8ghCuqriiGB8TLbDyn3y1IIuIgRjDjh1ZwAaxxds7UmUOQik4Yg04eoBmu+5+NjFa62bXy6+P3v5StfXfJAHGOJ2PY3bLQhf"
    "NInbRdcbHLeLlqYK3YnVPbJevcDZIf73U8KptaDfIEsN+1gGqYUL5suF3yqo9+pFjZjeqxelIT34qtDKOnO+NRFMQmF0tY7SN0/U4BbrTUoQI8"
    "gGBNR1LWmGWmRF/HZVPG9qCORNqTze5MUB7Tl6YTyMmBHR7rEenayck4ZyiUepIuvhHBAnRstGjFp9GBVtGIXwNlsutYgx5bshRWJ0H8Amgitt"
    "Ervefd8Ln7KVzj6tqBhPSPZZKv6PJxDIfzKynoBBA/8l9tLxnvyz1fp34rY7YSjZsANGgAW9rD+cpGmx+GPN3LRY9ceVsckEgD0QQVOw5hSV4a"
    "gVIDVArFBPnBwxZArgI12AZXWIVyEHG7SeiNA7+PufoCIDCzWXDM5M4eMpXHthUYIejIC10Up+hHBBgKoy5pR6LdZEnrY/yyKtphFXBpaCtNCF"
    "lSjO2DDool+xb4thKN8eyrcNCaIeBq49VW5Zn/kpIoNB2gHGcCnnQUUxUzUQaJaKmT7h0oBptvyHInszMw6jFkX2+e3QAV9r5gR7vA/qCiClKn"
    "aKRJTPWZYn4z559JaJPzpMXPapB6JBhg1XsSbBFq3u8vxatI3qpNdWwvyAKlxciyufzX2yFK5kAGXmwj5hnqCC/mYudqAwV4oLtO09hiSX0TZK"
    "eZILVlfTAvU0jcHJLsinwGOCYwaLFTqgYc7vVkXqO+mBXhHOhaotyaOUJLVSNEantS78OfPOAEJ3kU0nWh+Wq2BzDkMEPRZkRASaR72fOa0EdE"
    "mcEnD4kqhXRGBwnuXD9/CQlnDzfcr5W1XioEIZWBOBiHoMDJ7ZrKUw6uSAxVUVwihkgTFFOm6qubJUBovlZwR+awAIvwcthQG7phzPEBnM8J/I"
    "0nE3hnHc4WMwvO41HK/Mf2To9pgBiU7tRnwXNznH3GLqEJA4nnBWbJKUiIq5G5UREZxGxdhcQDGZ4RmqC0gaOzxAaCRZwjqKi1CEkGRjqyooag"
    "Qusz8JhcKn0UcjHpRSmtRwSX0Ue8hmctfIzuI2kD/7kQokdca/M8fT5Xar80Y50r6l92O7akjyZwwLl80dTe6oRg4xpuxZBjFeCZhDhJOP2rED"
    "BF82dIF6siKGXOKQSzRAGxsYpxuyVAZBQRE/cGbCixpzquF7k26kC3UnY46fbpu2xPELSACb7RnVAAtgf9k+y8bZfVGlF6putlyC6wNDWbdM8R"
    "U7TLdnY90m0yPMmGbYSSbMhzJg+IWxGhbSQWPhZ3knYxjcfQum4tX2K7EZu/py4mT4NSAG7qN59WFknsaAga3heXqFGBi/ZR4yMGnWz0IGIn9L"
    "MANT9ScpzED8dB79TgPIwELp3Ir6S4eDz9OFgP8S3+3opZx91bqiTtjdXN6rzC+2FHoJ4EhjSbdFHemVjKOXzEs3DaGalW8K4rOeZNugfya1UG"
    "WVT2kjQFMAlbMRyuug0mYcXlmjHgoQfyB5DdPiQs+abBBfU5qc52qsE4Og+Xc4Gg6Z+ttIzokbQ83Mb38aWQu2xmp/4eXIvBQ2/Ccmra6Ian8/"
    "PFReGRzRGVnllVePvL+Rh5OlE9TvcDvi/IfYzX67lZCl7GH+YyW4CI11ycTuOcHyI6E1H2HaY8qWKzhxW2mFHG3PVoNSC/FbYP2xjOA8woUgNn"
    "YQamzjergaCfUeK65W1LNBPM2FL20aB4rJEUDJdWbtirB+qFGC9UNpAdYP+fIrIU94hZZCSKgNLnv7RZqYQnTQzHwtVrMVeoHjKoHEu7GVOKps"
    "pkgcr0vF8Vo7cbZp/WGGyOg66TSmunQfxGOag3sSeyZF7pfPOc0Q9XjK6aW3CoO0cMAfs9jkdzqNsORwlLhDeVZ+T3h6Ermhs1BXvsN8J9iMJ4"
    "RrNlepP1ig21++/7ShAP+iHlVN1Bb+OIiJb7gwOw9UYBFzj9i/hzzQwzg9zPssdQ8kIKwgYd0JCcjBzm/Byrun1qkEUBSfN+o02JFQWkiibWxk"
    "T0b2O0D3W7kht5IV8xZ3wcKZLygPwOVS0HMHYv4wk1k7k1mcNa6rDp+6yqop2NbK8bSluJX10QmR4ZXRt2KLKYBWWPCKucrjlCcCDFsKZFAK0x"
    "rYkQCh2y6GYXdYOE3uiYP8axEhyNP2KHJ4zYKUoCIJTuiMCecR6yfxyR9foEAFzhqcVykKc60F8EvZLEiFi2Wk80AnEy69MWTRGjA6S2Q2r5fE"
    "20T+jVog3FpDZEYZzOItrNCbQSvQAkIF4kLsNoGmrSlUNUPNslsfDbJrCYEDHD14AxnlyfYnpecNpXQhdoNvcSZFBZxOBCUjOFx2Dnz4/PnT5w"
    "NJQdgKnI4l2h9vgwmnoe9PHPsLRs7WMpoddctB4zsmNMQjrvHzqUucLuy4vh1V3GWaBXGzFNZt6f6MaMyGxnKmC1CeidCfcOFqwRwL2JoBuRN/"
    "WS8cF+Pc4GaN5LDPZ8226fOz16/iHQr/qNqcNx8vrq50PhaUatvUJZumLlaWsI8e1l9ICINWY7NRnHViwS5J4EwteD8I33Gxh13LpTOhX1HlEv"
    "FEjhv6HViXQhwfPv/14qrgfrEwWIVB4/BqjmyrAOveNksEpg4hUsH00PcAPDMOpxoaI03P8dNsnHIZFQjNCIO32j/QDgGuFnPtuCDJOxcazZWN"
    "bL8xD4qY1JjD36JrpMQ3quVNakpDxUx9n+lmNJXLN6HotWCJrDOz1j7z5udqLyqLcspsOfBmSTkn8w4U4W62KATLxg6kaooCvKXfSkyMHFmrHO"
    "E+lSdYGag8YZqhCqKPEvNiTeAC6K3B883jwouLYarlxPFuYojV8otNz6tP1z9Hl+eFmgtt4bM2EV1CYbzUIIYhHxdR3qVWTItSfIx94I62MMpU"
    "kbmu8AGUfdQwelyg7UUQ2aZQ50KgixuiwzCgVnp8GISEIl+bicMQsWzC6ZQahlcjnNFx8goNJVYk7oXIGNRFc1SMqBedYARxFNh84lXE6eZNqe"
    "9h4n4ptiYzSmBYAjf2KeE6NIQK1ZijM7gGKTXqp7uCv11ouwGU4tCgFFFL72TTGJiiQGpwSMnIToZi50ILKRRIB4iQ1mJYEZ+2QGjJkA2boC33"
    "AzKHBvnmADkZumH5txaAjLQ35n+GbFj+23Af4QpaCSBNOWyB1kJAdEpOxTM3lkKBtJOt8EjaOiuAutbp0fNZcTTG6jrGMfajHFxXXhvUmCuT2J"
    "Ad8LjmdJm+srdgb9fgb9nQl1br95hmvujWrn4ij56xyvTrgLO3ZH5D+3hO1kbxy1jJNXgrvZqOFu3RQXzl2ZvxAWtwNwme7E/l9pS1hTjTgEG5"
    "FwzKMaAxbonBdsXmV+IuR6RXs4bTwnFtn2oC2AMGYhGgTudmFTkXTcDby+liKmBVRgEWPMs6CvBB1uvPnnZzCI9z9ZYhJsqMLfWmjm79NgZb2x"
    "LT09QlrMVcy71rHnotl0jPoq/FbN+UYLDF1EUgtjTU2Ti5UWEz1Yfaw/KmLsTfwJDot+zTL6pBVIz1UVbqscWml3lGsNVijwvS6sPwZQasVBR5"
    "DHt+2z2f0qa6XZ9sav2mT2mFDnd9PShG/RjaJFRTDcDYYBStmhzL2ZJK3EJsbcYmc7iTFSFyP7UuA7j6HrslOHVnAAKApXFaRPCu7z0AKBocaQ"
    "eaMgDFplBAPRhZ+wXvjlMIRzgcSvYJIUoD48ETbv30Xz9etwIFqjWfsGI8YXE6oU/nOBeuFVpdgbhHzegRXl3yDgOGpXhTj07bIhdmafvT8Xnj"
    "CLsp6vjETs8JFX+PXygqvJdoah7roo7boIVRr+0zgP668ZIGpGl/m4bUjCabViBiPxHoqOE0ABuEqLGa4mmZz1U//drxLAYDshOUEqHyYVb21s"
    "tmJx039kb8raVsdbS9F65PVxj9jwDGpAx7Ir1xuLJbIlI/cKv+KPQYmFg172NLTixV7KwCQT9CNQ5tEqHvRx5pzQL4HJW5RfAxCErGf4z69QEb"
    "CtpERvCX5eFQTnDeKRcmRhtsjRxtzzal6hDBDbmgxLctVhck8Ji2IQQzHLsNRl6Bso8IDoiRJ01thaEBOjk6dt5aJNq6EjovQs5z8GyWGIEWvL"
    "9Flsyb7xJRT/kAyXSdrKC+fLn8sdIbSghzcgpDx34K5OZs0EvB3qhhNXn8txHiHipPioh6SyK0q5Cf7fDYSdpeAGgJPZfbMr3hkEulYuHUv9fO"
    "hK/qX9GRG1xFfnILMLf4pBAHnVKuICYXzLVVz1f8Ss0OtT3XOg/Nd4duvhsmQh+24QinwzbmfoqqG+Y/ksxDRY3/MIy7dhlvV8O4OReMHWb5bl"
    "fHFkSDobcqYas7XtosxVF7xab0ZfPCtWIdVo18/I2c1lOalb+Jp/k8lJsfJ4N/aqboE4MQwxwARsPPhRcl0dlCYRn6Ty0AX5azDAX7ZlD8InGh"
    "5OMh9tB0ocu+5+2Uff1mxyn9cl9tawetxSZJ+dL4S/DHi+YTTSC4ZY8sACUVkqDCWN5IkOU9uGPlOX3Icuvz+uVQJ2kaoyf83Ko0vlz8UWixtj"
    "1vDNxJuSjKXS7zJKGeFdwtUCobCCmmBWOoVOIwbuv4b0fB331XW2DklxMnkZIrfOO6Yjri0guDxofue000nApwvGsAMyJj7ni6xvPqRZAj7dEq"
    "KKm+kdkhsBZZCLN05mR1rjCfRzHQ2JpsRpYCyQRrBEaYwTfDUlrpTOByNKF9x/WaTreQuQnpdIizg0ls/sXhcrjiVUNdJ05F6i4h6WXOTmwx+Q"
    "bxyY0ZCf7WAmjTzTlk6XaXhXsUVQvoRJtWrQC+vJoIXJPxKQpzNUrMdGA38eIDKC5PACP7QCznAVuttDyvRHZNk/UC0zUeq+ExscJ9OU6gA5et"
    "Q+RWGNHTpkwnIetdhY4K5snBUSAfL6rRGAkDbArTN6KNggDJYp/ICmmLzAnUvoI9J2ulIcD6SMp7Cpmm8oxIMbrfbTBaok2VRKJjKKrqMHRyWZ"
    "0QNEzJQVRmjOJiiBfWEVt71pIuJ9TnTy1xWThxnWlcRTKhFtjfUGWLgcsJs4U1r64Hq15Xab/7X9OEnf+RShYiS/859JaZkuEdVcShD9tbtiMt"
    "fY1tZfJXojkDcnlC+sWlQQCZlQB0ufwHH1m2Mxc7RE5y+TfrqTW2vq9p2WS6z85evqzRfiauKu0/w+9yALi4TxuaOglRLwydWOPIgbSgh+ToCA"
    "4SNGw4bYQ216IFLEPZoxhUujYZGjaH+NFQqHfoQj31TnKOJlbByLl9mkye2Ew/UjcgJW09FTcq26Pwhw23NMc7AYfdhXLvCJ1DblULkQOI+P8d"
    "XQXiXHQhRogZJhwZsnY4jRo4wWYEVdyButXYI5GC/SF/ws18SsdTwcA587XwPZVHnYa6F2deWkxofouNlryGDCJ6DA/Fxi3Y+zkIo40zc1w65g"
    "Hzm8Nkl95iKKFtX0I7VDAPZbQGiaHLMtpq9dMBl38SN7uJ7nWkjC5Vun0Dce2LADLLFobpbVvV/SkMJuzbh3tqUBNWt1ySgccxRtq349WtuMWR"
    "MgniuxGU2tb7bkv4uz7wS0WzF86qg64KzAB8jO94TDzbMgGTmvgOHmbqnOkCpnGrE9rU7gwtSGPmTfMQjZK1cSpKB9MIfE8f7zqczvRUkhxKo/"
    "wqL8KCnVANz1ovGZfaRlVpuexuq5GgGy+zFA/m6qCKx2cuOuOQGQs59SH5BX8PKFlCOJpY8f2L6bc2NxiwGQ127UYV+TMQtDYC/MELlwV1lq0B"
    "UqQmO9pypjfEgqNVLHNpZPmEx5lhCF7ZDL7xa6cFpPCen71+FYsL/lEloJuPF1dXulgHWbaIdMREBoMaGLkXEs7DkmjM+RTRwPm2nB+GEpoX5R"
    "sG4nU4EC+yKAv6pgPmHvdYppR+fZijcAx2EpeWtzlOjqZsBT1HD1PGeEF9Z7o40ThL6ptRlX9Ekmse8ojKGdqx1/JYXJYt6x/KnZHSipTyer6e"
    "NDLXZ/Huq/FgUzXgsLr8CLn77LQO1L64qpS7+F2hkSnQDrgsR1hOkewfWHn3B5SOuZ3hJB+0Jv+P/w+MtVNY"
)
