"""Workers: registered, enabled, connected, described."""

import re
import unicodedata
import uuid
from typing import Any

import orjson
from tortoise.exceptions import IntegrityError

from app import events
from app.access import Capability, Viewer
from app.actions.accounts import default_tenant_id
from app.actions.audit import note
from app.actions.outbox import record
from app.actions.tokens import hash_of, make_token
from app.actions.work.running import give_back
from app.clock import now
from app.database import atomic, fetch
from app.errors import Conflict, Invalid, Unauthenticated
from app.models import LogAction, Token, TokenKind, Worker, WorkRequest
from app.models.work import RUNNING

MAX_FQDN = 400
MAX_METADATA = 64 * 1024
MAX_NAME = 50
_KEY = re.compile(r"[0-9a-f]{64}")


@atomic()
async def register_worker(
    *, fqdn: str, key: str | None = None, activation_key: str | None = None, concurrency: int = 1
) -> Worker:
    """Make a worker known. It needs no identity: the worker can do nothing until it is enabled.

    `key` is the secret that the worker made for itself; without one we make it, and `worker.token.key` shows it once.
    With a valid activation key, which this uses up, the worker is enabled at once.
    """
    if not 1 <= len(fqdn) <= MAX_FQDN:
        raise Invalid.field("fqdn", f"The FQDN has 1 to {MAX_FQDN} characters.")
    if key is not None and not _KEY.fullmatch(key):
        raise Invalid.field("tokenKey", "The key is 32 random bytes, as 64 small hex characters.")
    if not 1 <= concurrency <= 1000:
        raise Invalid.field("concurrency", "A worker runs from 1 to 1000 requests at once.")
    activation = await _use_up(activation_key)
    tenant_id = activation.tenant_id if activation else await default_tenant_id()
    if key is not None and await Token.exists(hash=hash_of(key)):
        raise Conflict("A worker has registered with this key already.", path=("input", "tokenKey"))
    try:
        token = await make_token(
            tenant_id,
            TokenKind.WORKER,
            key=key,
            enabled=activation is not None,
            comment=f"worker {fqdn}"[:100],
        )
    except IntegrityError:  # somebody registered with the same key in this very moment
        raise Conflict("A worker has registered with this key already.", path=("input", "tokenKey")) from None
    worker = await create_with_fqdn(fqdn, token, concurrency)
    await record(events.WorkerRegistered, worker.id)
    if activation:
        await record(events.WorkerEnabled, worker.id)
    return worker


async def create_with_fqdn(fqdn: str, token: Token, concurrency: int = 1) -> Worker:
    """A worker named after its host, with `-2`, `-3`, … where the name is taken. In the caller's transaction."""
    base = slug(fqdn)
    await fetch("SELECT pg_advisory_xact_lock(2, hashtext($1))", base)
    taken = {row.name for row in await Worker.filter(name__startswith=base[: MAX_NAME - 8]).only("name")}
    name, number = base[:MAX_NAME].rstrip("-") or "worker", 1
    while name in taken:
        number += 1
        suffix = f"-{number}"
        name = base[: MAX_NAME - len(suffix)].rstrip("-") + suffix
    worker = await Worker.create(
        tenant_id=token.tenant_id, name=name, token_id=token.id, concurrency=concurrency
    )
    worker.token = token
    return worker


def slug(fqdn: str) -> str:
    """The host name in small ASCII letters, digits, `-` and `_`; `worker` when nothing of it is left."""
    ascii_only = (
        unicodedata.normalize("NFKD", fqdn).encode("ascii", "ignore").decode().lower().replace(".", "-")
    )
    return re.sub(r"-+", "-", re.sub(r"[^a-z0-9_-]+", "-", ascii_only)).strip("-") or "worker"


async def _use_up(activation_key: str | None) -> Token | None:
    if activation_key is None:
        return None
    token = (
        await Token.filter(
            hash=hash_of(activation_key), kind=TokenKind.ACTIVATION, enabled=True, expire_at__gt=now()
        )
        .select_for_update()
        .get_or_none()
    )
    if token is None:
        raise Invalid.field("activationToken", "This activation token is unknown, used up or expired.")
    await token.delete()
    return token


@atomic()
async def enable_worker(viewer: Viewer, id: int) -> Worker:
    """Let a worker work."""
    worker, token = await _lock_to_administer(viewer, id)
    if not token.enabled:
        token.enable()
        await token.save_changes("enabled")
        await worker.save_changes()
        await record(events.TokenEnabled, token.id)
        await record(events.WorkerEnabled, worker.id)
        await note(viewer, LogAction.CHANGE, worker, worker.name, enabled=True)
    return worker


@atomic()
async def disable_worker(viewer: Viewer, id: int) -> Worker:
    """Stop a worker: its token is refused, its connection told and closed, its running requests go back into the queue."""
    worker, token = await _lock_to_administer(viewer, id)
    if token.enabled:
        token.disable()
        await token.save_changes("enabled")
        worker.mark_disconnected()
        await worker.save_changes("connected_at", "connection_id", "connection_server")
        for request in (
            await WorkRequest.filter(worker_id=id, status=RUNNING)
            .order_by("id")
            .select_for_update(no_key=True)
        ):
            await give_back(request)
        await record(events.TokenDisabled, token.id)
        await record(events.WorkerDisabled, worker.id)
        await note(viewer, LogAction.CHANGE, worker, worker.name, enabled=False)
    return worker


async def _lock_to_administer(viewer: Viewer, id: int) -> tuple[Worker, Token]:
    worker = await Worker.lock_visible(viewer, id)
    viewer.require(Capability.ADMINISTER_WORKERS)
    return worker, await Token.filter(id=worker.token_id).select_for_update(no_key=True).get()


@atomic()
async def set_worker_static_metadata(
    viewer: Viewer, id: int, metadata: Any, *, if_version: int | None = None
) -> Worker:
    """Say what administrators know of a worker. It wins over what the worker says of itself."""
    worker = await Worker.lock_visible(viewer, id, if_version=if_version)
    viewer.require(Capability.ADMINISTER_WORKERS)
    _check_metadata(metadata)
    worker.set_static_metadata(metadata)
    await worker.save_changes("static_metadata", "provided_tags")
    await record(events.WorkerMetadataChanged, worker.id)
    await note(viewer, LogAction.CHANGE, worker, worker.name, static_metadata=metadata)
    return worker


@atomic()
async def update_worker_dynamic_metadata(viewer: Viewer, metadata: Any) -> Worker:
    """Replace what the viewer, a worker, says of itself."""
    viewer.require(Capability.RUN_WORK)
    worker = await Worker.lock_visible(viewer, viewer.worker_id or 0)
    _check_metadata(metadata)
    worker.set_dynamic_metadata(metadata)
    await worker.save_changes("dynamic_metadata", "dynamic_metadata_updated_at", "provided_tags")
    await record(events.WorkerMetadataChanged, worker.id)
    return worker


def _check_metadata(metadata: Any) -> None:
    if not isinstance(metadata, dict):
        raise Invalid.field("metadata", "Metadata is an object.")
    if len(orjson.dumps(metadata)) > MAX_METADATA:
        raise Invalid.field("metadata", "Metadata has at most 64 KiB.", "TOO_LARGE")


@atomic()
async def connect_worker(viewer: Viewer, connection_id: uuid.UUID, server: int) -> Worker:
    """The viewer, a worker, holds a connection from now on. A newer connection takes the place of an older one.

    Raises `Unauthenticated` when it was disabled since it was let in.
    """
    viewer.require(Capability.RUN_WORK)
    worker = await Worker.lock_visible(viewer, viewer.worker_id or 0)
    if not await _enabled(worker):
        raise Unauthenticated()
    worker.mark_connected()
    worker.connection_id, worker.connection_server = connection_id, server
    await worker.save_changes("connected_at", "last_seen_at", "connection_id", "connection_server")
    await record(events.WorkerConnected, worker.id)
    return worker


@atomic()
async def disconnect_worker(id: int, connection_id: uuid.UUID) -> bool:
    """That connection has ended. Changes nothing when it is no longer the worker's present one."""
    worker = (
        await Worker.filter(id=id, connection_id=connection_id).select_for_update(no_key=True).get_or_none()
    )
    if worker is None:
        return False
    worker.mark_disconnected()
    await worker.save_changes("connected_at", "connection_id", "connection_server")
    await record(events.WorkerDisconnected, worker.id)
    return True


async def touch_worker(id: int, connection_id: uuid.UUID, server: int) -> bool:
    """Note that the worker is there. False when this connection is no longer the present one."""
    rows = await fetch(
        "UPDATE worker SET last_seen_at = now(), connection_server = $3 WHERE id = $1 AND connection_id = $2"
        " RETURNING id",
        id,
        connection_id,
        server,
    )
    return bool(rows)


@atomic()
async def reconnect_worker(viewer: Viewer, connection_id: uuid.UUID, server: int) -> None:
    """Connect a worker again that was taken for lost, unless a newer connection has taken its place."""
    worker = await Worker.lock_visible(viewer, viewer.worker_id or 0)
    if not worker.connected() and await _enabled(worker):
        await connect_worker(viewer, connection_id, server)


async def _enabled(worker: Worker) -> bool:
    """Of a worker that is locked: whoever enables or disables it holds the same lock."""
    return await Token.exists(id=worker.token_id, enabled=True)


@atomic()
async def disconnect_lost_workers(*, grace_seconds: float = 0) -> int:
    """Mark as disconnected all workers whose server process has gone without a word. Returns how many.

    A server that only lost its connection to the database for a moment keeps its workers for the grace.
    """
    lost = await fetch(_LOST, grace_seconds)
    for row in lost:
        worker = await Worker.get(id=row["id"])
        worker.mark_disconnected()
        await worker.save_changes("connected_at", "connection_id", "connection_server")
        await record(events.WorkerDisconnected, worker.id)
    return len(lost)


SERVER_LOCK = 7321
"""First key of the advisory locks that server processes hold while they live; the second is the process's number."""

_LOST = f"""
SELECT id FROM worker WHERE connected_at IS NOT NULL AND last_seen_at <= now() - make_interval(secs => $1) AND NOT EXISTS (
    SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = {SERVER_LOCK} AND objid = connection_server::oid
      AND objsubid = 2 AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
ORDER BY id LIMIT 1000 FOR NO KEY UPDATE SKIP LOCKED
"""


async def get_worker_by_token_key_or_none(key: str) -> Worker | None:
    """The worker of that key; None when there is none."""
    return await Worker.get_or_none(token__hash=hash_of(key))
