"""A creating mutation that is sent twice with one key makes one object."""

import hashlib
from dataclasses import asdict, is_dataclass
from typing import Any

import orjson

from app.access import Viewer
from app.database import fetch
from app.errors import Conflict, Invalid
from app.models import IdempotencyKey


async def made_before(viewer: Viewer, key: str | None, mutation: str, input: Any) -> int | None:
    """The id of the object that this key made before, or None: then make it, and `remember` it in the same transaction.

    A second caller with the same key waits here until the first has committed. Raises `Conflict` when the key was used
    for something else. `input` is a dict, or a dataclass.
    """
    if key is None:
        return None
    if not 1 <= len(key) <= 255:
        raise Invalid.field("idempotencyKey", "An idempotency key has 1 to 255 characters.")
    said = asdict(input) if is_dataclass(input) and not isinstance(input, type) else input
    fingerprint = hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS, default=str)).hexdigest()
    taken = await fetch(
        "INSERT INTO idempotency_key (owner, key, mutation, fingerprint, object_id) VALUES ($1, $2, $3, $4, 0)"
        " ON CONFLICT (owner, key) DO NOTHING RETURNING id",
        _owner(viewer),
        key,
        mutation,
        fingerprint,
    )
    if taken:
        return None
    before = await IdempotencyKey.get(owner=_owner(viewer), key=key)
    if (before.mutation, before.fingerprint) != (mutation, fingerprint):
        raise Conflict(
            "This idempotency key was used for another input: choose a new one.",
            path=("input", "idempotencyKey"),
        )
    return int(before.object_id)


async def remember(viewer: Viewer, key: str | None, object_id: int) -> None:
    """Note what the key made."""
    if key is not None:
        await IdempotencyKey.filter(owner=_owner(viewer), key=key).update(object_id=object_id)


async def number_of_key(viewer: Viewer, key: str) -> int:
    """A number that this key has and no other ever had, once `made_before` was called."""
    return int((await IdempotencyKey.get(owner=_owner(viewer), key=key)).id)


def _owner(viewer: Viewer) -> str:
    return f"user/{viewer.user_id}" if viewer.user_id is not None else f"worker/{viewer.worker_id}"
