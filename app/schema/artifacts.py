"""Artifacts: what work takes and makes."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from strawberry.types.unset import UNSET
from strawberry.utils.str_converters import to_camel_case
from tortoise.expressions import Q, Subquery

from app import models
from app.access import Viewer
from app.actions.files.signing import archive_path, download_url, file_path, file_url
from app.clock import now
from app.context import Info
from app.database import fetch
from app.errors import BadInput
from app.graphql.connections import Choice, ConnectionOf, ListOf, listed, to_many
from app.graphql.entity import Node, computed, entity, reached, to_one
from app.graphql.enums import describe_enum
from app.graphql.filters import MAX_VALUES, Own, filter_of, has_nul, operators, order_of
from app.graphql.ids import Path
from app.graphql.scalars import JSON, Sha256
from app.models import ArtifactRelationType
from app.models.entity import holds
from app.schema.tasks import tasks_of
from app.settings import Settings
from app.stores.keys import HEX

if TYPE_CHECKING:
    from app.graphql.connections import Connection
    from app.schema.accounts import User
    from app.schema.files import File, FileUpload
    from app.schema.tasks import Task
    from app.schema.work import WorkRequest
    from app.schema.workspaces import Workspace

MAX_CLOSURE = 1000


class ArchiveFormat(StrEnum):
    """How a whole artifact is packed."""

    TAR_GZ = "tar.gz"
    ZIP = "zip"


describe_enum(
    ArchiveFormat,
    "How a whole artifact is packed for downloading.",
    TAR_GZ="A tar archive, compressed with gzip.",
    ZIP="A zip archive.",
)

# Filters -------------------------------------------------------------------------------------------------------------


def _expired_at(viewer: Viewer, value: Any, path: Path) -> Q:
    if value.eq in (UNSET, None):
        return Q()
    return Q(expire_at__isnull=False, expire_at__lte=value.eq)


def digest_condition(to_q: Any) -> Any:
    """What makes conditions on a SHA-256 a predicate; `to_q` makes it of the digests that are meant."""

    def condition(viewer: Viewer, value: Any, path: Path) -> Q:
        parts = [Q()]
        if value.eq not in (UNSET, None):
            parts.append(to_q(digests([value.eq], (*path, "eq"))))
        if value.in_ not in (UNSET, None):
            parts.append(to_q(digests(value.in_, (*path, "in"))))
        return Q(*parts)

    return condition


def digests(hashes: Sequence[str], path: Path) -> list[bytes]:
    """The bytes of these hashes. `BadInput` when one is none."""
    if len(hashes) > MAX_VALUES:
        raise BadInput(f"`in` takes at most {MAX_VALUES} values.", path=path)
    if not all(HEX.fullmatch(each) for each in hashes):
        raise BadInput("A SHA-256 is 64 characters of 0-9 a-f.", path=path)
    return [bytes.fromhex(each) for each in hashes]


SHA256_FILTER = operators("Sha256Filter", Sha256, "eq in_", "a SHA-256")


def _has_file(digests: list[bytes]) -> Q:
    files = models.File.filter(sha256__in=digests).values("id")
    return _with_files(models.FileInArtifact.filter(file_id__in=Subquery(files)))


def _has_path(viewer: Viewer, value: Any, path: Path) -> Q:
    parts = [Q()]
    for name, lookup in (("eq", "path"), ("starts_with", "path__startswith")):
        given = getattr(value, name)
        if given in (UNSET, None):
            continue
        if has_nul(given):
            raise BadInput("Text has no NUL characters.", path=(*path, to_camel_case(name)))
        parts.append(_with_files(models.FileInArtifact.filter(holds(lookup, given))))
    return Q(*parts)


def _with_files(files: Any) -> Q:
    return Q(id__in=Subquery(files.values("artifact_id")))


ArtifactFilter = filter_of(
    models.Artifact,
    "id",
    "category",
    "data",
    "created_at",
    "expire_at",
    "complete",
    "completed_at",
    "workspace",
    "created_by",
    "created_by_work_request",
    own={
        "expired_at": Own(
            operators("InstantFilter", datetime, "eq", "an instant"),
            "It is expired at that time: at its very instant already.",
            _expired_at,
        ),
        "file_sha256": Own(SHA256_FILTER, "It has a file with such content.", digest_condition(_has_file)),
        "file_path": Own(
            operators("PathFilter", str, "eq starts_with", "a path"),
            "It has a file at such a path.",
            _has_path,
        ),
    },
)
ArtifactOrder = order_of(models.Artifact, "created_at", "completed_at", "expire_at", "category")
FileInArtifactFilter = filter_of(models.FileInArtifact, "id", "path", "complete", "content_type")
FileInArtifactOrder = order_of(models.FileInArtifact, "path")
NEWEST = (("created_at", True),)
_BY_PATH = (("path", False),)


# Types ---------------------------------------------------------------------------------------------------------------

ExpiresIn = Annotated[
    timedelta | None,
    strawberry.argument(
        description="Sign the address, so that whoever has it may download for so long, at most 7 days, without "
        "identity. Null: not signed."
    ),
]


@entity(models.ArtifactCategory)
class ArtifactCategory(Node):
    """A kind of artifact: its name, and the JSON Schema that the data of such artifacts must satisfy."""

    name: str
    description: str
    data_schema: JSON
    version: int


@entity(models.FileInArtifact)
class FileInArtifact(Node):
    """A file of an artifact, under its path there."""

    path: str
    complete: bool
    content_type: str | None
    artifact: "Artifact" = to_one("The artifact.")
    file: "File" = to_one("Its content.")
    upload: "FileUpload | None" = to_one(
        "How far its upload has come; null before the first byte, and when it is complete.", "fileupload"
    )

    @computed("complete", "artifact_id", "path")
    def upload_url(row: models.FileInArtifact, settings: Settings) -> str | None:
        """Where to PUT or PATCH its bytes; null when it is complete."""
        return None if row.complete else file_url(settings, file_path(row.artifact_id, row.path))

    @computed("complete", "artifact_id", "path")
    def download_url(
        row: models.FileInArtifact, settings: Settings, expires_in: ExpiresIn = None
    ) -> str | None:
        """Where to GET its bytes; null until it is complete."""
        if not row.complete:
            return None
        return download_url(settings, file_path(row.artifact_id, row.path), expires_in)


@entity(models.ArtifactRelation)
class ArtifactRelation(Node):
    """That an artifact has to do with another, its target. A target is kept for as long as what it is the target of."""

    type: ArtifactRelationType
    created_at: datetime
    artifact: "Artifact" = to_one("The artifact that has to do with the other.")
    target: "Artifact" = to_one("The other.")


async def files_at(viewer: Viewer, artifact_ids: Sequence[int], path: str) -> dict[int, int]:
    """The files of these artifacts at that path which the viewer may see: ids by those of the artifacts."""
    if has_nul(path):
        return {}
    seen = models.FileInArtifact.visible_to(viewer).filter(artifact_id__in=list(artifact_ids), path=path)
    return {each.artifact_id: each.id for each in await seen.only("id", "artifact_id")}


async def file_at(info: Info, artifact_id: int, path: str) -> models.FileInArtifact | None:
    """The file of an artifact at that path, if the viewer may see it: looked up once for each operation or event."""

    async def load(places: list[tuple[int, str]]) -> list[models.FileInArtifact | None]:
        ids = [(await files_at(info.context.viewer, [id], path)).get(id) for id, path in places]
        return [await info.context.one(models.FileInArtifact, id) for id in ids]

    file: models.FileInArtifact | None = await info.context.loader("file at path", load).load(
        (artifact_id, path)
    )
    return file


OfTypes = Annotated[
    list[ArtifactRelationType] | None,
    strawberry.argument(description="Only along relations of these types; null: of all."),
]
HowMany = Annotated[
    int, strawberry.argument(description=f"How many at most, the nearest first: 0 to {MAX_CLOSURE:,}.")
]


async def _closure(
    viewer: Viewer, ids: Sequence[int], direction: str, types: OfTypes, first: int
) -> dict[int, list[int]]:
    """What can be reached from each of these along relations between artifacts that the viewer sees, nearest first."""
    if not 0 <= first <= MAX_CLOSURE:
        raise BadInput(f"`first` is from 0 to {MAX_CLOSURE:,}.", path=("first",))
    seen = models.Artifact.visible_to(viewer).only("id")
    seen._make_query()
    sql, values = seen.query.get_parameterized_sql()
    number = len(values)
    rows = await fetch(
        _REACHED.format(
            seen=sql, ids=number + 1, types=number + 2, most=number + 3, **_DIRECTIONS[direction]
        ),
        *values,
        ids,
        sorted(set(ArtifactRelationType if types is None else types)),
        first,
    )
    reached: dict[int, list[int]] = {id: [] for id in ids}
    for each in rows:
        reached[each["root"]].append(each["id"])
    return reached


# Each is looked at once, so cycles end. PostgreSQL goes on only until there are enough: it comes to the nearest first.
_REACHED = """
SELECT root.id AS root, reached.id FROM unnest(${ids}::bigint[]) AS root(id) CROSS JOIN LATERAL (
    WITH RECURSIVE reached(id) AS (
        SELECT root.id
        UNION
        SELECT relation.{there} FROM reached JOIN artifact_relation AS relation ON relation.{here} = reached.id
        WHERE relation.type = ANY(${types}::text[]) AND relation.{there} IN ({seen}))
    SELECT id FROM reached WHERE id <> root.id LIMIT ${most}) AS reached
"""
_DIRECTIONS = {
    "ancestors": {"here": "artifact_id", "there": "target_id"},
    "descendants": {"here": "target_id", "there": "artifact_id"},
}

_TYPE = Choice(ArtifactRelationType, "Only relations of this type.", lambda type_: Q(type=type_))


@entity(models.Artifact)
class Artifact(Node):
    """What work takes and makes: a category, data, and named files. Once complete it changes no more, but for when it expires."""

    category: str
    data: JSON
    created_at: datetime
    expire_at: datetime | None
    complete: bool
    completed_at: datetime | None
    version: int
    workspace: "Workspace" = to_one("Where it lives.")
    created_by: "User | None" = to_one(
        "Who declared it; null when it was a worker, or you may not see the user."
    )
    created_by_work_request: "WorkRequest | None" = to_one("The work request that left it.")

    @computed("expire_at")
    def expired(
        row: models.Artifact,
        at: Annotated[datetime | None, strawberry.argument(description="When.")] = None,
    ) -> bool:
        """True when it may be removed at that time; now, if none is given."""
        return row.expired(now() if at is None else at)

    @reached("FileInArtifact | None", models.FileInArtifact)
    async def file(
        ids: Sequence[int],
        viewer: Viewer,
        path: Annotated[str, strawberry.argument(description="Its whole path in the artifact.")],
    ) -> Mapping[int, int]:
        """The file at that path; null when there is none."""
        return await files_at(viewer, ids, path)

    @computed("complete")
    def download_url(
        row: models.Artifact,
        settings: Settings,
        format: Annotated[
            ArchiveFormat, strawberry.argument(description="How they are packed.")
        ] = ArchiveFormat.TAR_GZ,
        expires_in: ExpiresIn = None,
    ) -> str | None:
        """Where to GET all of its files in one archive; null until it is complete."""
        if not row.complete:
            return None
        return download_url(settings, archive_path(row.id, format.value), expires_in)

    files: "Connection[FileInArtifact]" = to_many(
        "Its files, by path unless ordered otherwise.",
        ConnectionOf(
            models.FileInArtifact,
            "artifact_id",
            FileInArtifactFilter,
            FileInArtifactOrder,
            default_order=_BY_PATH,
            choices={
                "path_prefix": Choice(
                    str, "Only files whose path begins with this.", lambda prefix: Q(path__startswith=prefix)
                )
            },
        ),
    )
    files_to_upload: "list[FileInArtifact]" = listed(
        "The files whose bytes have yet to come, by path.",
        ListOf(models.FileInArtifact, "artifact_id", _BY_PATH, 1000, lambda: Q(complete=False)),
    )
    relations: "Connection[ArtifactRelation]" = to_many(
        "What it has to do with others.",
        ConnectionOf(models.ArtifactRelation, "artifact_id", choices={"type": _TYPE}),
    )
    targeted_by: "Connection[ArtifactRelation]" = to_many(
        "What others have to do with it.",
        ConnectionOf(models.ArtifactRelation, "target_id", choices={"type": _TYPE}),
    )
    used_by: "Connection[WorkRequest]" = to_many(
        "The work requests that take it as input.", ConnectionOf(models.WorkRequest, "inputs__id")
    )
    tasks: "Connection[Task]" = tasks_of("artifacts", "artifact")

    @reached("list[Artifact]", models.Artifact)
    async def ancestors(
        ids: Sequence[int], viewer: Viewer, types: OfTypes = None, first: HowMany = 20
    ) -> Mapping[int, list[int]]:
        """All that it is related to, directly or through others: what it came from."""
        return await _closure(viewer, ids, "ancestors", types, first)

    @reached("list[Artifact]", models.Artifact)
    async def descendants(
        ids: Sequence[int], viewer: Viewer, types: OfTypes = None, first: HowMany = 20
    ) -> Mapping[int, list[int]]:
        """All that is related to it, directly or through others: what came from it."""
        return await _closure(viewer, ids, "descendants", types, first)


def artifacts_of(description: str, parent: Any) -> Any:
    """The artifacts that belong to something, the newest first."""
    return to_many(
        f"{description} The newest first unless ordered otherwise.",
        ConnectionOf(models.Artifact, parent, ArtifactFilter, ArtifactOrder, NEWEST),
    )
