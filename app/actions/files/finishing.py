"""The end of an upload: what has come is held to its hash, stored, and the file is complete.

Each step leaves something from which the next request, or a chore, goes on, whenever the process is killed:

    all bytes in the temporary file      they are hashed anew
    `verified`, and the file is there    it is put into a store
    `verified`, and it is gone           it is in a store: a store takes the file itself where it can
    no row any more                      the file is complete, or was discarded
"""

from app import events
from app.actions.files.places import Stores, store_for, stores_of, stores_with
from app.actions.files.uploads import HeldUpload, discard_upload, hold_upload
from app.actions.outbox import record
from app.clock import now
from app.database import atomic
from app.errors import InvalidState, NotFound, Unavailable, UploadDiscarded
from app.models import Artifact, FileInArtifact, FileInStore, FileStore, FileToRemove, FileUpload
from app.settings import Settings
from app.stores import Key, Mismatch


async def finish_upload(stores: Stores, settings: Settings, upload_id: int) -> FileInArtifact:
    """Go on with the end of an upload, from wherever it stands. Safe to call again.

    Raises `NotFound` when there is no such upload, `InvalidState` while bytes are missing, `UploadBusy`, `UploadDiscarded`,
    and what the store raises.
    """
    row = await FileUpload.get_or_none(id=upload_id)
    query = FileInArtifact.filter(id=row.file_in_artifact_id) if row else None
    file = await query.select_related("artifact", "file").first() if query else None
    if file is None:
        raise NotFound("There is no such upload.")
    async with hold_upload(settings, file, begin=False) as held:
        return file if held is None else await finish(stores, held)


async def finish(stores: Stores, held: HeldUpload, digest: bytes | None = None) -> FileInArtifact:
    """The same for an upload that is held. `digest` is the SHA-256 of what came, where it was reckoned on the way."""
    if held.received < held.key.size:
        raise InvalidState(f"{held.received} of {held.key.size} bytes have come.", current_state="incomplete")
    if not held.row.verified:
        await _verify(held, digest)
    try:
        store = await _store(stores, held)
    except Mismatch as mismatch:  # what was verified is no longer what lies there
        await discard_upload(held)
        raise UploadDiscarded(f"What came has changed on the disk: {mismatch} Send the file anew.") from None
    except FileNotFoundError:  # whoever removed the artifact has removed what came, too
        raise NotFound("There is no such file any more.") from None
    found = await _complete(held, store)
    if held.incoming is not None:
        await held.incoming.remove()
    if not found:
        raise NotFound("There is no such file any more.")
    return held.file


async def _verify(held: HeldUpload, digest: bytes | None) -> None:
    """Hold what came to its hash, and bring it to the disk before anybody relies on it."""
    assert held.incoming is not None
    found = digest or await held.incoming.digest()
    if found.hex() != held.key.sha256:
        await discard_upload(held)
        raise UploadDiscarded(
            f"Expected the SHA-256 {held.key.sha256}, got {found.hex()}. Nothing was kept: send the file anew."
        )
    await held.incoming.sync()
    if not await FileUpload.filter(id=held.row.id).update(verified=True):
        raise NotFound("There is no such file any more.")
    held.row.verified = True


async def _store(stores: Stores, held: HeldUpload) -> FileStore:
    """Bring the bytes into a store of the workspace, or find them in one; which."""
    if held.incoming is None:
        return await _find(stores, held)
    row = await _place_for(held)
    await _keep(row, held.key)
    await (await stores.of(row)).put(held.key, held.incoming.path, move=True)
    return row


async def _place_for(held: HeldUpload) -> FileStore:
    """A store that has the content already needs no more room for it."""
    workspace_id = held.file.artifact.workspace_id
    having = [row for row in await stores_with(workspace_id, held.file.file_id) if not row.read_only]
    return having[0] if having else await store_for(workspace_id, held.key)


async def _find(stores: Stores, held: HeldUpload) -> FileStore:
    for row in await stores_of(held.file.artifact.workspace_id):
        await _keep(row, held.key)
        if await (await stores.of(row)).exists(held.key):
            return row
    await discard_upload(held)
    raise UploadDiscarded("What had come is gone: send the file anew.")


@atomic()
async def _keep(store: FileStore, key: Key) -> None:
    """Have nobody remove content from a store for the next hour. Raises `Unavailable` when somebody is about to."""
    row = await _removal(store, key)
    if row is not None:
        row.created_at = now()
        await row.save(update_fields=["created_at"])


async def _removal(store: FileStore, key: Key) -> FileToRemove | None:
    """The row by which content is to be removed, locked."""
    query = FileToRemove.filter(store_id=store.id, sha256=bytes.fromhex(key.sha256), size=key.size)
    row = await query.select_for_update().first()
    if row is not None and row.removing_at is not None:
        raise Unavailable(
            "Older bytes of the same content are being removed just now; try again in a moment."
        )
    return row


@atomic()
async def _complete(held: HeldUpload, store: FileStore) -> bool:
    """Make known that the file is there, and with the last of its files the artifact. False: it was removed meanwhile."""
    artifact = await Artifact.filter(id=held.file.artifact_id).select_for_update(no_key=True).first()
    if artifact is None or not await FileUpload.filter(id=held.row.id).delete():
        return await _is_complete(held) or await _let_go(held, store)
    if removal := await _removal(store, held.key):
        await removal.delete()
    await FileInStore.bulk_create(
        [FileInStore(store_id=store.id, file_id=held.file.file_id)], ignore_conflicts=True
    )
    held.file.complete = True
    await held.file.save(update_fields=["complete"])
    await record(events.ArtifactFileCompleted, artifact.id, extra={"path": held.file.path})
    if not await FileInArtifact.filter(artifact_id=artifact.id, complete=False).exists():
        artifact.complete, artifact.completed_at = True, now()
        await artifact.save_changes("complete", "completed_at")
        await record(events.ArtifactCompleted, artifact.id)
    return True


async def _is_complete(held: HeldUpload) -> bool:
    """Whether somebody else has finished it."""
    held.file.complete = await FileInArtifact.filter(id=held.file.id, complete=True).exists()
    return held.file.complete


async def _let_go(held: HeldUpload, store: FileStore) -> bool:
    """Have the bytes removed that were stored for a file that is no more, unless others have the same."""
    key = held.key
    digest = bytes.fromhex(key.sha256)
    named = FileInStore.filter(store_id=store.id, file__sha256=digest, file__size=key.size)
    if not await named.exists():
        await FileToRemove.bulk_create(
            [FileToRemove(store_id=store.id, sha256=digest, size=key.size)], ignore_conflicts=True
        )
    return False
