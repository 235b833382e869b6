"""A small GraphQL client: HTTP for what is asked once and for files, one shared WebSocket for what is followed.

    async with Client("http://127.0.0.1:8000", token) as client:
        data = await client.execute("query { viewer { user { username } } }")
        payload = await client.mutate(ABORT, {"input": {"id": id}})
        async with aclosing(client.subscribe(WORK_REQUEST_CHANGED)) as events:
            async for event in events:
                ...
        artifact = await upload_artifact(client, "corpus/", category="workyard:files")
        await download_artifact(client, artifact.id, "copy/")

It knows nothing of Workyard's insides, only the public API, and so may be copied into any program.
"""

from app.client.artifacts import (
    Artifact,
    RemoteFile,
    create_artifact,
    download_artifact,
    download_file,
    files_of,
    find_artifact,
    upload_artifact,
    upload_files,
)
from app.client.backoff import Backoff
from app.client.client import Client
from app.client.content import Content
from app.client.errors import (
    BadPath,
    ClientError,
    Corrupted,
    CursorExpired,
    GraphQLError,
    ProtocolError,
    TransferError,
    Unauthenticated,
    Unavailable,
    UserErrors,
)
from app.client.transfers import Patience

__all__ = [
    "Artifact",
    "Backoff",
    "BadPath",
    "Client",
    "ClientError",
    "Content",
    "Corrupted",
    "CursorExpired",
    "GraphQLError",
    "Patience",
    "ProtocolError",
    "RemoteFile",
    "TransferError",
    "Unauthenticated",
    "Unavailable",
    "UserErrors",
    "create_artifact",
    "download_artifact",
    "download_file",
    "files_of",
    "find_artifact",
    "upload_artifact",
    "upload_files",
]
