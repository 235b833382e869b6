"""Bytes that come: PUT, whole or in parts, and PATCH as tus has it; HEAD tells from where to go on."""

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from app.actions.files.finishing import finish
from app.actions.files.places import Stores, store_for, stores_with
from app.actions.files.uploads import (
    HeldUpload,
    hold_upload,
    received_bytes,
    record_progress,
    require_may_upload,
)
from app.errors import ErrorCode, UploadBusy, UploadDiscarded
from app.graphql.draining import Connections
from app.identity import Caller, Identities
from app.models import FileInArtifact
from app.settings import Settings
from app.stores import StoreError
from app.web.files import tus
from app.web.files.addresses import Callers, find_file
from app.web.files.parts import Part, Probe, asked_part, content_length
from app.web.files.problems import Refused
from app.web.files.receiving import Receiver


class Uploads:
    """What a file's address does for those who send it."""

    def __init__(
        self, settings: Settings, identities: Identities, stores: Stores, connections: Connections
    ) -> None:
        self._connections = connections
        self._settings = settings
        self._stores = stores
        self._callers = Callers(settings, identities)

    async def options(self, request: Request) -> Response:
        """What of tus is spoken here. It asks nobody who they are."""
        headers = {
            "Tus-Resumable": tus.VERSION,
            "Tus-Version": tus.VERSION,
            "Tus-Max-Size": str(self._settings.max_file_bytes),
        }
        return Response(status_code=204, headers=headers)

    async def state(self, file: FileInArtifact) -> Response | None:
        """How many bytes of an incomplete file have come; None when it is complete.

        When all have come, its end was cut short, and is gone on with: a sender who hears that all are there comes no more.
        """
        received = await received_bytes(self._settings, file)
        if received == file.file.size:
            received = await self._go_on(file)
        return None if file.complete else Response(headers=_no_store(tus.headers_of(file, received)))

    async def _go_on(self, file: FileInArtifact) -> int:
        """Finish an upload whose bytes are all there; how many there are then."""
        try:
            async with hold_upload(self._settings, file) as held:
                if held is not None and held.received == file.file.size:
                    await finish(self._stores, held)
                return file.file.size if held is None else held.received
        except UploadBusy:
            return int(file.file.size)
        except UploadDiscarded:
            return 0

    async def put(self, request: Request) -> Response:
        """Take the whole file, or the part that Content-Range says."""
        caller, file = await self._sent_by(request, "PUT")
        part = asked_part(request, file.file.size)
        if file.complete:
            return _complete(file)
        if isinstance(part, Probe):
            return await self._probe(file)
        _refuse_gap(part, await received_bytes(self._settings, file), file)
        async with hold_upload(self._settings, file) as held:
            if held is None:
                return _complete(file)
            if held.row.verified:
                return _complete(await finish(self._stores, held))
            _refuse_gap(part, held.received, file)
            digest = await self._receive(request, caller, held, part)
            if held.received < file.file.size:
                return _partial(file, held.received, 200)
            return _complete(await finish(self._stores, held, digest))

    async def _probe(self, file: FileInArtifact) -> Response:
        try:
            answer = await self.state(file)
        except StoreError:  # all has come, and waits for the store
            return _partial(file, file.file.size, 200)
        if answer is None:
            return _complete(file)
        received = int(answer.headers["upload-offset"])
        return _partial(file, received, 200 if received == file.file.size else 206)

    async def patch(self, request: Request) -> Response:
        """Take what tus sends: bytes from the offset on, of which all that come are kept."""
        tus.check_version(request)
        offset = tus.asked_offset(request)
        caller, file = await self._sent_by(request, "PATCH")
        size: int = file.file.size
        if file.complete:
            _refuse_other_offset(offset, size, file)
            return Response(status_code=204, headers=tus.headers_of_complete(file))
        _refuse_other_offset(offset, await received_bytes(self._settings, file), file)
        length = content_length(request)
        if length is not None and offset + length > size:
            raise Refused(400, f"{offset} and {length} bytes are more than the file's {size}.")
        async with hold_upload(self._settings, file) as held:
            if held is not None:
                _refuse_other_offset(offset, held.received, file)
                digest = None
                if offset < size:
                    digest = await self._receive(request, caller, held, Part(offset, size), exact=False)
                if held.received == size:
                    await finish(self._stores, held, digest)
            received = size if held is None or file.complete else held.received
        return Response(status_code=204, headers=tus.headers_of(file, received))

    async def _sent_by(self, request: Request, method: str) -> tuple[Caller, FileInArtifact]:
        caller = await self._callers.of(request, method)
        viewer = await caller.viewer()
        file = await find_file(viewer, request)
        await require_may_upload(viewer, file)
        return caller, file

    async def _receive(
        self, request: Request, caller: Caller, held: HeldUpload, part: Part, *, exact: bool = True
    ) -> bytes | None:
        """Take the body into the upload; the SHA-256 of what came, if it came from the beginning.

        What had come before is all that is left when the body has another length than it should, but not when it is cut off.
        """
        assert held.incoming is not None
        await _refuse_without_room(held)
        before = held.incoming.size

        async def look() -> None:
            await require_may_upload(await caller.viewer(), held.file)
            await record_progress(held)

        receiver = Receiver(held.incoming, part.start, self._connections)
        try:
            await receiver.receive(request, part.length, look)
            if exact and receiver.count != part.length:
                raise Refused(400, f"{part.length} bytes were announced, {receiver.count} came.")
        except Refused as refused:
            if refused.status == 400 and held.incoming.size > before:
                await held.incoming.cut(before)
            raise
        except ClientDisconnect:
            if receiver.count:
                await record_progress(held)
            raise
        if receiver.count and held.received < held.key.size:
            await record_progress(held)
        return receiver.digest


async def _refuse_without_room(held: HeldUpload) -> None:
    """Nobody should send for hours what no store will take."""
    workspace_id = held.file.artifact.workspace_id
    if not await stores_with(workspace_id, held.file.file_id):
        await store_for(workspace_id, held.key)


def _refuse_gap(part: Part, received: int, file: FileInArtifact) -> None:
    if part.start > received:
        raise Refused(
            400,
            f"{received} bytes have come, the range begins at {part.start}: go on from {received}.",
            headers=tus.headers_of(file, received),
        )


def _refuse_other_offset(offset: int, received: int, file: FileInArtifact) -> None:
    if offset != received:
        raise Refused(
            409,
            f"{received} bytes have come, Upload-Offset is {offset}: go on from {received}.",
            ErrorCode.CONFLICT,
            tus.headers_of(file, received),
        )


def _complete(file: FileInArtifact) -> Response:
    return Response(status_code=201, headers=tus.headers_of_complete(file))


def _partial(file: FileInArtifact, received: int, status: int) -> Response:
    """The count after the dash is debusine's: not the last byte, but how many there are."""
    headers = {**tus.headers_of(file, received), "Range": f"bytes=0-{received}"}
    return Response(status_code=status, headers=headers)


def _no_store(headers: dict[str, str]) -> dict[str, str]:
    return {"Cache-Control": "no-store", **headers}
