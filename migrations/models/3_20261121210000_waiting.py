"""Tasks and chores: what a runner sees in its one look each second.

Runs before the code that needs it; old code goes on as before. Written by hand: aerich knows no functions. Forward only.
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
    "nAPRHFExRWUypBIcNQD0go0bTCwS3+MjRPpNBGEFrHZ6/yB6a6h5PSj7ofSAr8iUtupSTlMavFMMlMFQd9yw7jh6gK3AxeI12wF3v6bv1a9l3q"
    "TtO73FTer5Ts340xR2ZycAltd1Z4f21enrnpIVmTiuE6gZZVMivHYaz7CxiDyScZAZDo4DnBIP+2EndAOuBULw+8ylsiNMrLPZzJJ1B3gbXV/4"
    "nn51APU3+MgYWeVV3lOxtJt2kqdpunEtdiEINagrWv4KpjqpnYzmXQiLXSIB1e2s3ENo8ih7+6NKVmzVFf4GxBpXlK3clsVHXXndBYtqZ+dSIu"
    "DUpNGMiBvPa/05GjFqwpbrwo7QDmyN3zI/sTU/6Tg7tjU9mzU/t7Uws7eLubyFYpVhLG8HY3kRk7Za0hUDeqsEnbtzMzlXWpk3qtJIZ2PG31Va"
    "mDx9VY25vDA4TPxvGkBLnkL9EbachBwcyRw1WnD68oB2d9DiCeEdxtGZ5AhjAdCQBljavtiEWfnVrSTIUhltiSA6LS5zOS1arnVD6wiIP9ecIO"
    "Wp6eh6M9LR8HutYGyi3BlxLfFG4RLyN4Ymo+G4aSajhMIMKbUGGwIW2MYLiOEzN5JQiqTHIvok3yJqiFIDcwyVkjD7xmzyuzafUH7sZKlaHTt7"
    "zLo5dnamnDqAhJ1FXQYFOLWHWe/7GJr6zBO2aRPRpEiMNgfA8sVRDF9u359bS8cLA3HPBQv9EczgBYktxZssRtF/1IdrSu8k7KCs/QAcIIRZM7"
    "cmkQiPR2dbV0GrJUS9gFRzgrTzsgDxMM+tO0l5P7BpntgzYz/U4GpUNyqk6XrUuxJ1KURygdcYOlZSjnEDpZqlMvq8o67LrSiMERdfSceLQPWY"
    "oVpyHDYzQaLrDRZG05jd3nht06lLfGqPW9gXOlqDZSATIHJ+l02jNi35CnK6F6ZESLxlpHHoMXm9urQDH2tH9uGj7dwekEAHJFBTkEAjdzgNn9"
    "O4Qq/iJkOx3lCv2hv2D7WSO8VojQv5HlJAHbD5vbzdrbpbvxROXVZX6F2TKihvyfyGamFx1Tejqrx2QOZjThuA4doOQBlMA5hsAOcu4N05PiDh"
    "kTl/an0lDvQuRhj6HDt7lKBl+npkcRaNX1WD+FzG7mDSKtyTj4SNDVMT41voMXIP9BxDaaXBJ8yoIo0Oy6LI/wvfJ5uSo55oc4JtM007Kaq8YT"
    "7OUIyG6/l0Jby3jpzSf/yzWTmefjibhunvFPlPv36G2iK9w3HUg9n+2O2BwO/0x4H4/IHDQF1R6yRQ+UusW1eFSmrI7ToXYRb+muNG+HYTKr60"
    "IfbIfLFgIe+G8OaeLQMu3ILcmxyXA3e4o2WDvPf9AIPu76nuVwtF6+2Vg9dnqfYLYt8yoa0eGeHq3wq7BjGUxAKmK16/m7eC/Q8C2Cc8F28q9k"
    "rTsrUs1R5b2KO/tmA6PjMkrNcIu4IhSKerQ7jzyPCjKydEHS4U+7klTjyI46OiVxU9hgpJ7WPdmeERv8RgTRHlSwM2gYTyMsJRT2sq2Da2T5bC"
    "CvyX0FpQiGRRb8oAR1ehFVnQEq/ECKd2B6UDqgQqFpmQ2LvL64vPf9fL7J2mZOrd328/XGggi1sjRMTEe1R6qLnspjrvq7B9lEDa9Wg9q9Oi9a"
    "y8Q+tZYbRnlIpqkuiKifqX44qgvNNQtBH6DRhBE8KH9NdJKfBhdbLlALiH7REnVb4zBXxocUfpS/iiQSX9YfIwVAe+X71xqR5/31xYWAAL9kOv"
    "LUxwT7ZkxKoH9iRXVnZ9uyahMdusiQtKpPUpNEnoR5PbwLAx13CRHB7TbyvH14COVW/HAnF/NiYYovLxoziPihTBSPNHuTuHmn9za/6PsBBSoU"
    "K4LvWfAFS6kIGpzFcOa6O2pQyRGY1LrToAwYBZ+04gLM5zBKRTMJuGti6NVz69d1jI2wlNSz1Ib1/SI3Px7RxrULebAaW90cPK8KBItujXv82H"
    "vEYosjUDzGF1XKnBEkRIdSnMFiHOBuNodhyOeeTFx5hxbISufrwxmJXvMKF6NE5FaQQmTWJuCOYWdeiaij2o0KeFh8+bib3zYmNiaxhd2U0Y0+"
    "yxmTBKdjbuJSTAY/E8iIsLMw1gx4mVZ1QzoSwla5hqzhBtkWnep98sRaGG1O89vawOvgZ6JUVhrlpJIrvxYgfmwmL3GuBxd6xZpj7hi0YjhFIU"
    "fWA22FOK3Wus/zmYErepHa6oHvy/qvcuTWWyw/914bgUO0+hZlHGwmEAgPhP6M0AAnIhi7EYlFiBLWXDd2TCmT+JSncNjRGggS4M63vqNhFejm"
    "yfRS9CDk29ydvYE8EnTg3diOZspB2Tt+i/4MAhyBlzcVx3kcHfifjEKzQeUpehMVvTLYm3sVzHw0lQHAUmjpZDnSjgsbtRjXA7X1F/i/5kH9Bn"
    "5GxJJ8zeKKQSsGh5wFarTkBLDHIWa+UfMIdEeYvFkKXszxq4xBiPT5fsHhL4whjxk/ywakOPi5fFWdhFVWHfVsUq9Oe01RzZhK4/KyKFzgLtSL"
    "AqAqhnR3PIiSHj1ZKRS+Q8XfDO3MeoOhbwDrpe93KnO0VS1+U+6Di6osc9igPFsq9hHuIUAag1kdgVa2ltI4Cs+EKsm84Olwa+etRj0Tg2lZDV"
    "CE8dTjYR0BW4jtFDRxtTfSzcGaOiVAMwgakFcQMwwTBI6xHKYACH2O0grQEd4tDoEMMAs4MNMEujAPA7l+mQAJo0pUMn9RWbH4km2UtDOrCrpC"
    "ddcbK6LX3sqqtqzHaDICcEo4kFlE8w1jmKAtU4WDgKVcvUvW5SW6t7aOdvRE318rrtpm6UO7OHaFJOVajhL8EfL5qWpzVduq180fLWcAqjqJtk"
    "a2ICo5tgv8oggXD1PWPhryF3UpIsq1fgl7mB0eKA/MvcJ/fbtE1W2dWRNF6XVum9zhfpYcVgI6zjhMJoXsMEc04cSKVg3jFS4EI5jeRkTfkiag"
    "ShoZsDgtJi2S9XTaPeGcKeVVA+wrg1CcS7TsKgWY16lsqM2vRWI1E+QkMkGlJvrd/otynFb36TRU+wd4VQKFihT60bOvWpAnKbuOIjalss7CCs"
    "upMq9qiJoGHMO03Wi/kOYCJ7cRl63OGqetO7gWvoLux9pFWDCHmiRFBsZ3trnZ6nJXPIGmXlBNXnf0JgclBbTt+SdeDKR0y7jYhJ9uxALEfvuX"
    "E6ISEyme89C2SrSMC2YWx1m56JoH4QO1l7ZuHs8rtbKQltGCsKdz8Qx4pi7HUCWXeOh93KEP+Uih06H7D6QxW9ncsQFI5SB1wr0DwIogRTbZck"
    "6Rb7DX5ceA7kN2sZipOZk8Dhs+Icpv396oCmaLAWG1WEzPTYcRCyKTnCO0WN2wl24rVcyhxnR3h4hIuFe10/PJBrqTw9rdNTeXpa3lQJ32nO8e"
    "YjPfJk5s71UKM6UPUglIrSHdZSuEuHKlROP2OB6VUNGRmyPdb0N/XAvyp/wWaUj7BsbEXZyjU1LoZaieMx0yRgkiPrccQkfc5+d3Z6dvr9s7M/"
    "IaSJ2i6GBkQifP5xYyD2AmVHiOxtxdYKhOGWgC+emTbgUWojMmlnHU2I2D5MgDr0BKiCC3ggh4WS5YnOWYHPqx2V6IoHfZQvXHBXHNfMElY89K"
    "wyFzFd5SLHmg0rsvCLvkZjan2CPS7rwhfdKsE+eBGPw4vYURhQ+hHyV+JAIC7Pdn7Ey1p+xMsKP+JlwY94rOgsUhZkOQyIHMwDYwZEDtX+RgXo"
    "h0rzaKW1HkP4WSilz5fvb+vV4y4p5Mz4wll1MCcKDcaP8R1rsL8n9dDbVucW+F3k9UfibW4Z/FlziYPtbkr8tovlja81zrlK0Uv6sP6E5ZMoCr"
    "KUTGQ+SgCQV8TnIY9RnGLhqK+ARH0VLHwWzhfxp1Iopfku8fm4wOU/HnD9UP9onb9IM1W5f/E1DyepPIv5c+I5HDfoU+sysNja44kHx4VBjH4e"
    "ZIpk6IO/hYbIBcxnnPqMc3FAY4ocYGHkj8uZXkzvNu7pN4cElcGn+MhY13JnCaoYtzq19iNns5V7efbyZQ33UlxV6l7id4N7mbiXqEcet4PZIP"
    "qZrJq5OBG3NQF/hnuYsyy2t/ryzRLUKxto04BLV2z+Qdxnc6yMEge4M3OmyIUxuP+eMm/as+w6dcv38o7Hyj3sbtqSXZ/CYMK+fYj6pI6RTZBJ"
    "hlmCW3LqRt3mWNkEKekOWm2Plj2xF9mePSpTd5TsYXfU25Y/cI9jZRC6uNvxp20Upw/sUX7/9nHF42aRDJh0FH09JkbttDYD9ZIuPhcprIrwXH"
    "xJjRJyjl1zsvIIQrqq4ohgfEy2w8p98tSCLiKEYg44dWcAGccXbO1JjDkIpOGANOHqAZbvufjYxWutm18uvj97+UrX13yQBxjidj2N2y0IXzSJ"
    "20XXGxy3i5amCt2J1T2yXr3AySH+91PCqbWg3yBLDftYBqmFC+bLhd8qqPfqRY2Y3qsXpSE9+KrQyjpzvjURTEJhdLWO0jdP1NgW601KECPIBg"
    "TUdS1phlpkRfx2VTxvagjkTak83uTFAe05emE8jJgR0e6xHp2snJOGcokHqSLr4RwQJ0bLRoxafRgVbRiF8DZbLrWIMeW7IUVidB/AJgIrbRK7"
    "3n3fC5+ylc4+ragYT0j2WSr+jycQyH8ysp6AQQP/JfbS8Z78s9X6d+K2O2Eo2bADRoAEvaw/mqRpsfhjzdy0WPXHlbHJBIA9EEFTqOYUleGoFS"
    "A1QKxQT5wcMWQK4CNdgGV1iFchxxq0nofQO/D7n6AiAws1lwzOTOHjKVR7YVGCHoxgtdFKfoRwQYCqMuaUei3WRJ62P8siraYRVwaWgrTQhZUo"
    "ztgw6KJfsW+LYSjfHsq3DQmiHgasPVVuWZ/5KSKDIdoBxnApp0FFMVM1DmiWipk+4dKAabb8hyJ7MzMOoxZF9vnt0AFfa+YEe7wP6gogpSp2ik"
    "SUz1mWJ+M+efSWiT86TFz2qQeiQYYNV7EmwRat7vL8WrSN6qTXVsL8gCpcXIsrn819shSuZABl5sI+YZ6ggv5mLnagMFeKC7TtPYYkl9E2SnmS"
    "C1ZX0wL1NI3ByS7Ip8BjgmMGixU6oGHK71ZF6jvpgV4RzoWqLcmjlCS1UjRGp7Uu/DnzzgBCd5FNJ1oflqtgcw4jBD0WZEQEmke9nzmtBHRJnB"
    "Jw+JKoV0RgcJ7lw/fwkJZw833K+VtV4qBCGVgTgYh6DAye2aylMOrkgMVVFcIoZIExRTpuqrmyVAaL5WcEfmsACL8HLYUBu6YczxAZzPCfyNJx"
    "N4Zx3OFjMLzuNRyvzH9k6PaYAYlO7UZ8Fzc5x9xi6hCQOJ5wVmySlIiKuRuVERGcRsXYXEAxmeEZqgtIGjs8QGgkWcI6iotQhJBkY6sqKGoELr"
    "M/CYXCp9FHIx6UUprUcEl9FHvIZnLXyM7iNpA/+5EKJHXGvzPH0+V2q/NGOdK+pfdju2pI8mcMC5fNHU3uqEYOMabsWQYxXgmYQ4STj9qxAwRf"
    "NnSBerIihlzikEs0QBsbGKcbslQGQUERP3Bmwosac6rhe5NupAt1J2OOn26btsTxC0gAm+0Z1QALYH/ZPsvG2X1RpReqbrZcgusDQ1m3TPEVO0"
    "y3Z2PdJtMjzJhm2EkmzIcyYPiFsRoW0kFj4Wd5J2MY3H0LpuLV9iuxGbv6cuJk+DUgBu6jefVhZJ7GgIGt4Xl6hRgYv2UeMjBp1s9CBiJ/SzAD"
    "U/UnKcxA/HQe/U4DyMBC6dyK+kuHg8/ThYD/Et/t6KWcfdW6ok7Y3Vzeq8wvthR6CeBIY0m3RR3plYyjl8xLNw2hmpVvCuKznmTboH8mtVBllU"
    "9pI0BTAJWzEcrroNJmHF5Zox4KEH8geQ3T4kLPmmwQX1OanOdqrBODoPl3OBoOmfrbSM6JG0PNzG9/GlkLtsZqf+HlyLwUNvwnJq2uiGp/PzxU"
    "Xhkc0RlZ5ZVXj7y/kYeTpRPU73A74vyH2M1+u5WQpexh/mMluAiNdcnE7jnB8iOhNR9h2mPKlis4cVtphRxtz1aDUgvxW2D9sYzgPMKFIDZ2EG"
    "ps43q4Ggn1HiuuVtSzQTzNhS9tGgeKyRFAyXVm7YqwfqhRgvVDaQHWD/nyKyFPeIWWQkioDS57+0WamEJ00Mx8LVazFXqB4yqBxLuxlTiqbKZI"
    "HK9LxfFaO3G2af1hhsjoOuk0prp0H8RjmoN7EnsmRe6XzznNEPV4yumltwqDtHDAH7PY5Hc6jbDkcJS4Q3lWfk94ehK5obNQV77DfCfYjCeEaz"
    "ZXqT9YoNtfvv+0oQD/oh5VTdQW/jiIiW+4MDsPVGARc4/Yv4c80MM4Pcz7LHUPJCCsIGHdCQnIwc5vwcq7p9apBFAUnzfqNNiRUFpIom1sZE9G"
    "9jtA91u5IbeSFfMWd8HCmS8oD8DlUtBzB2L+MJNZO5NZnDWuqw6fusqqKdjWyvG0pbiV9dEJkeGV0bdiiymAVljwirnK45QnAgxbCmRQCtMa2J"
    "EAodsuhmF3WDhN7omD/GsRIcjT9ihyeM2ClKAiCU7ojAnnEesn8ckfX6BABc4anFcpCnOtBfBL2SxIhYtlpPNAJxMuvTFk0RowOktkNq+XxNtE"
    "/o1aINxaQ2RGGcziLazQm0Er0AJCBeJC7DaBpq0pVDVDzbJbHw2yawmBAxw9eAMZ5cn2J6XnDaV0IXaDb3EmRQWcTgQlIzhcdg58+Pz50+cDSU"
    "HYCpyOJdofb4MJp6HvTxz7C0bO1jKaHXXLQeM7JjTEI67x86lLnC7suL4dVdxlmgVxsxTWben+jGjMhsZypgtQnonQn3DhasEcC9iaAbkTf1kv"
    "HBfj3OBmjeSwz2fNtunzs9ev4h0K/6janDcfL66udD4WlGrb1CWbpi5WlrCPHtZfSAiDVmOzUZx1YsEuSeBMLXg/CN9xsYddy6UzoV9R5RLxRI"
    "4b+h1Yl0IcHz7/9eKq4H6xMFiFQePwao5sqwDr3jZLBKYOIVLB9ND3ADwzDqcaGiNNz/HTbJxyGRUIzQiDt9o/0A4BrhZz7bggyTsXGs2VjWy/"
    "MQ+KmNSYw9+ia6TEN6rlTWpKQ8VMfZ/pZjSVyzeh6LVgiawzs9Y+8+bnai8qi3LKbDnwZkk5J/MOFOFutigEy8YOpGqKAryl30pMjBxZqxzhPp"
    "UnWBmoPGGaoQqijxLzYk3gAuitwfPN48KLi2Gq5cTxbmKI1fKLTc+rT9c/R5fnhZoLbeGzNhFdQmG81CCGIR8XUd6lVkyLUnyMfeCOtjDKVJG5"
    "rvABlH3UMHpcoO1FENmmUOdCoIsbosMwoFZ6fBiEhCJfm4nDELFswumUGoZXI5zRcfIKDSVWJO6FyBjURXNUjKgXnWAEcRTYfOJVxOnmTanvYe"
    "J+KbYmM0pgWAI39inhOjSECtWYozO4Bik16qe7gr9daLsBlOLQoBRRS+9k0xiYokBqcEjJyE6GYudCCykUSAeIkNZiWBGftkBoyZANm6At9wMy"
    "hwb55gA5Gbph+bcWgIy0N+Z/hmxY/ttwH+EKWgkgTTlsgdZCQHRKTsUzN5ZCgbSTrfBI2jorgLrW6dHzWXE0xuo6xjH2oxxcV14b1Jgrk9iQHf"
    "C45nSZvrK3YG/X4G/Z0JdW6/eYZr7o1q5+Io+escr064Czt2R+Q/t4TtZG8ctYyTV4K72ajhbt0UF85dmb8QFrcDcJnuxP5faUtYU404BBuRcM"
    "yjGgMW6JwXbF5lfiLkekV7OG08JxbZ9qAtgDBmIRoE7nZhU5F03A28vpYipgVUYBFjzLOgrwQdbrz552cwiPc/WWISbKjC31po5u/TYGW9sS09"
    "PUJazFXMu9ax56LZdIz6KvxWzflGCwxdRFILY01Nk4uVFhM9WH2sPypi7E38CQ6Lfs0y+qQVSM9VFW6rHFppd5RrDVYo8L0urD8GUGrFQUeQx7"
    "fts9n9Kmul2fbGr9pk9phQ53fT0oRv0Y2iRUUw3A2GAUrZocy9mSStxCbG3GJnO4kxUhcj+1LgO4+h67JTh1ZwACgKVxWkTwru89ACgaHGkHmj"
    "IAxaZQQD0YWfsF745TCEc4HEr2CSFKA+PBE2799F8/XrcCBao1n7BiPGFxOqFP5zgXrhVaXYG4R83oEV5d8g4DhqV4U49O2yIXZmn70/F54wi7"
    "Ker4xE7PCRV/j18oKryXaGoe66KO26CFUa/tM4D+uvGSBqRpf5uG1Iwmm1YgYj8R6KjhNAAbhKixmuJpmc9VP/3a8SwGA7ITlBKh8mFW9tbLZi"
    "cdN/ZG/K2lbHW0vReuT1cY/Y8AxqQMeyK9cbiyWyJSP3Cr/ij0GJhYNe9jS04sVeysAkE/QjUObRKh70ceac0C+ByVuUXwMQhKxn+M+vUBGwra"
    "REbwl+XhUE5w3ikXJkYbbI0cbc82peoQwQ25oMS3LVYXJPCYtiEEMxy7DUZegbKPCA6IkSdNbYWhATo5OnbeWiTauhI6L0LOc/BslhiBFry/RZ"
    "bMm+8SUU/5AMl0naygvny5/LHSG0oIc3IKQ8d+CuTmbNBLwd6oYTV5/LcR4h4qT4qIeksitKuQn+3w2EnaXgBoCT2X2zK94ZBLpWLh1L/XzoSv"
    "6l/RkRtcRX5yCzC3+KQQB51SriAmF8y1Vc9X/ErNDrU91zoPzXeHbr4bJkIftuEIp8M25n6KqhvmP5LMQ0WN/zCMu3YZb1fDuDkXjB1m+W5Xxx"
    "ZEg6G3KmGrO17aLMVRe8Wm9GXzwrViHVaNfPyNnNZTmpW/iaf5PJSbHyeDf2qm6BODEMMcAEbDz4UXJdHZQmEZ+k8tAF+WswwF+2ZQ/CJxoeTj"
    "IfbQdKHLvuftlH39Zscp/XJfbWsHrcUmSfnS+Evwx4vmE00guGWPLAAlFZKgwljeSJDlPbhj5Tl9yHLr8/rlUCdpGqMn/NyqNL5c/FFosbY9bw"
    "zcSbkoyl0u8yShnhXcLVAqGwgppgVjqFTiMG7r+G9Hwd99V1tg5JcTJ5GSK3zjumI64tILg8aH7ntNNJwKcLxrADMiY+54usbz6kWQI+3RKiip"
    "vpHZIbAWWQizdOZkda4wn0cx0NiabEaWAskEawRGmME3w1Ja6UzgcjShfcf1mk63kLkJ6XSIs4NJbP7F4XK44lVDXSdOReouIellzk5sMfkG8c"
    "mNGQn+1gJo0805ZOl2l4V7FFUL6ESbVq0AvryaCFyT8SkKczVKzHRgN/HiAyguTwAj+0As5wFbrbQ8r0R2TZP1AtM1HqvhMbHCfTlOoAOXrUPk"
    "VhjR06ZMJyHrXYWOCubJwVEgHy+q0RgJA2wK0zeijYIAyWKfyAppi8wJ1L6CPSdrpSHA+kjKewqZpvKMSDG6320wWqJNlUSiYyiq6jB0clmdED"
    "RMyUFUZoziYogX1hFbe9aSLifU508tcVk4cZ1pXEUyoRbY31Bli4HLCbOFNa+uB6teV2m/+1/ThJ3/kUoWIkv/OfSWmZLhHVXEoQ/bW7YjLX2N"
    "bWXyV6I5A3J5QvrFpUEAmZUAdLn8Bx9ZtjMXO0ROcvk366k1tr6vadlkus/OXr6s0X4mrirtP8PvcgC4uE8bmjoJUS8MnVjjyIG0oIfk6AgOEj"
    "RsOG2ENteiBSxD2aMYVLo2GRo2h/jRUKh36EI99U5yjiZWwci5fZpMnthMP1I3ICVtPRU3Ktuj8IcNtzTHOwGH3YVy7widQ25VC5EDiPj/HV0F"
    "4lx0IUaIGSYcGbJ2OI0aOMFmBFXcgbrV2CORgv0hf8LNfErHU8HAOfO18D2VR52GuhdnXlpMaH6LjZa8hgwiegwPxcYt2Ps5CKONM3NcOuYB85"
    "vDZJfeYiihbV9CO1QwD2W0BomhyzLaavXTAZd/Eje7ie51pIwuVbp9A3HtiwAyyxaG6W1b1f0pDCbs24d7alATVrdckoHHMUbat+PVrbjFkTIJ"
    "4rsRlNrW+25L+Ls+8EtFsxfOqoOuCswAfIzveEw82zIBk5r4Dh5m6pzpAqZxqxPa1O4MLUhj5k3zEI2StXEqSgfTCHxPH+86nM70VJIcSqP8Ki"
    "/Cgp1QDc9aLxmX2kZVabnsbquRoBsvsxQP5uqgisdnLjrjkBkLOfUh+QV/DyhZQjiaWPH9i+m3NjcYsBkNdu1GFfkzELQ2AvzBC5cFdZatAVKk"
    "JjvacqY3xIKjVSxzaWT5hMeZYQhe2Qy+8WunBaTwnp+9fhWLC/5RJaCbjxdXV7pYB1m2iHTERAaDGhi5FxLOw5JozPkU0cD5tpwfhhKaF+UbBu"
    "J1OBAvsigL+qYD5h73WKaUfn2Yo3AMdhKXlrc5To6mbAU9Rw9TxnhBfWe6ONE4S+qbUZV/RJJrHvKIyhnasdfyWFyWLesfyp2R0oqU8nq+njQy"
    "12fx7qvxYFM14LC6/Ai5++y0DtS+uKqUu/hdoZEp0A64LEdYTpHsH1h59weUjrmd4SQftCb/j/8P8/FSdw=="
)
