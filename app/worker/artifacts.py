"""The artifacts of work requests: brought before the work, taken away after it."""

import re
from collections.abc import Mapping
from pathlib import Path

import structlog

from app.client import (
    Artifact,
    BadPath,
    ClientError,
    Patience,
    RemoteFile,
    create_artifact,
    files_of,
    upload_files,
)
from app.client.artifacts import AT_ONCE, all_of, artifact_of, required
from app.client.content import Content, contents_of
from app.client.paths import make_directory, place
from app.worker.cache import Cache
from app.worker.handler import INPUTS, Outcome, Outputs, WorkRequest
from app.worker.outputs import output_files
from app.worker.verbs import Refused, Server

log = structlog.get_logger(__name__)

DEFAULT_CATEGORY = "workyard:work-request-output"
INPUT_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")

# As long as the lease is kept, the server knows that we are at it: an hour for its store to come back, and any time for
# itself, as for reports.
PATIENT = Patience(failures=None, busy_seconds=3600)


class FilesFailed(Exception):
    """The inputs cannot be had, or the outputs not be kept: a stable code and a sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Artifacts:
    """What one worker does about files. Both of its verbs raise FilesFailed, and AttemptLost."""

    def __init__(self, server: Server, cache: Cache) -> None:
        self._server = server
        self._client = server.client
        self._cache = cache

    async def bring_inputs(self, request: WorkRequest, directory: Path) -> None:
        """Put the files of each artifact that `taskData.inputs` names into inputs/<name> of the directory."""
        for name, artifact_id in (await self._inputs(request)).items():
            try:
                hits = await self._bring_all(artifact_id, directory / INPUTS / name)
            except (ClientError, Refused, OSError) as error:
                raise FilesFailed("INPUT_FAILED", f"the input {name!r} cannot be had: {error}") from error
            log.info(
                "input is here", work_request=request.id, input=name, files=len(hits), from_cache=sum(hits)
            )

    async def _bring_all(self, artifact_id: str, directory: Path) -> list[bool]:
        """Put all files of an artifact into a directory; of each, whether it was in the cache."""
        make_directory(directory)
        files = await self._server.insist(lambda: self._files(artifact_id))
        try:
            return await all_of(lambda file: self._bring(file, directory), files, AT_ONCE)
        finally:
            await self._cache.trim()

    async def _inputs(self, request: WorkRequest) -> dict[str, str]:
        """Ids of artifacts by name: those of taskData.inputs that the server holds for this request."""
        named = request.task_data.get("inputs")
        if not isinstance(named, dict) or not named:
            return {}
        held = await self._server.insist(lambda: self._server.inputs(request))
        return {name: id for name, id in named.items() if id in held and INPUT_NAME.fullmatch(name)}

    async def _bring(self, file: RemoteFile, below: Path) -> bool:
        async def fetch(target: Path) -> None:
            url = required(file.download_url, file.path)
            await self._client.transfers.download(url, target, file.content, patience=PATIENT)

        return await self._cache.give(file.content, place(below, file.path), fetch)

    async def take_outputs(self, request: WorkRequest, outcome: Outcome, directory: Path) -> None:
        """Upload what the work has left as one artifact of the request, related to each of its inputs."""
        try:
            files = output_files(directory, outcome.outputs, missing=outcome.result != "SUCCESS")
            if not files and outcome.outputs.category is None:
                return
            artifact = await self._artifact(request, outcome.outputs, files)
            await self._server.insist(
                lambda: upload_files(self._client, artifact.id, files, patience=PATIENT)
            )
        except BadPath as error:
            raise FilesFailed("BAD_OUTPUT", f"the output cannot be kept: {error}") from error
        except (ClientError, Refused, OSError) as error:
            raise FilesFailed("OUTPUT_FAILED", f"the output cannot be uploaded: {error}") from error
        log.info("output is uploaded", work_request=request.id, artifact=artifact.id, files=len(files))

    async def _artifact(self, request: WorkRequest, outputs: Outputs, files: Mapping[str, Path]) -> Artifact:
        """The artifact to fill: one that an earlier attempt began and that is to be the same, or a new one."""
        if request.attempt > 1 and (begun := await self._begun(request, outputs, files)):
            return begun
        inputs = await self._inputs(request)
        return await self._server.insist(
            lambda: create_artifact(
                self._client,
                files,
                category=outputs.category or DEFAULT_CATEGORY,
                data=outputs.data,
                work_request=request.id,
                attempt=request.attempt,
                relations=[("BUILT_USING", id) for id in sorted(set(inputs.values()))],
                idempotency_key=f"{request.id}/{request.attempt}",
            )
        )

    async def _begun(
        self, request: WorkRequest, outputs: Outputs, files: Mapping[str, Path]
    ) -> Artifact | None:
        local = dict(zip(files, await contents_of(list(files.values())), strict=True))
        wanted = (outputs.category or DEFAULT_CATEGORY, outputs.data)
        for node in await self._server.insist(lambda: self._server.outputs(request)):
            found = artifact_of(node)
            if (found.category, found.data) == wanted and await self._contents(found.id) == local:
                return found
        return None

    async def _contents(self, artifact_id: str) -> dict[str, Content]:
        return {
            file.path: file.content for file in await self._server.insist(lambda: self._files(artifact_id))
        }

    async def _files(self, artifact_id: str) -> list[RemoteFile]:
        return [file async for file in files_of(self._client, artifact_id)]
