"""What artifacts have to do with each other."""

from collections.abc import Sequence

from app import events
from app.access import Capability, Viewer
from app.actions.artifacts.rules import MAX_PROBLEMS
from app.actions.outbox import record
from app.database import atomic, fetch
from app.errors import FieldError, Invalid, InvalidState, NotFound
from app.models import Artifact, ArtifactRelation, ArtifactRelationType, WorkRequest
from app.models.work import RUNNING

MAX_RELATIONS = 1000


@atomic()
async def create_artifact_relation(
    viewer: Viewer, artifact_id: int, target_id: int, type: ArtifactRelationType
) -> tuple[ArtifactRelation, bool]:
    """The relation, and whether it is new. Both artifacts must be complete."""
    artifact = await Artifact.lock_visible(viewer, artifact_id)
    await _require_own(viewer, artifact)
    if artifact_id == target_id:
        raise Invalid.field("target", "An artifact is not related to itself.")
    await _hold([target_id])
    for each in (artifact, await Artifact.get_visible(viewer, target_id)):
        if not each.complete:
            raise InvalidState(
                "Both artifacts must be complete: one of them still lacks files.", current_state="INCOMPLETE"
            )
    made = await fetch(_RELATE, artifact_id, target_id, type.value)
    relation = await ArtifactRelation.get(artifact_id=artifact_id, target_id=target_id, type=type)
    if made:
        await record(events.ArtifactRelated, artifact_id, extra=_told(relation))
    return relation, bool(made)


_RELATE = """
INSERT INTO artifact_relation (artifact_id, target_id, type) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING id
"""


@atomic()
async def delete_artifact_relation(viewer: Viewer, id: int) -> Artifact:
    """Take a relation away. Its target may then expire. Returns the artifact that had to do with it."""
    relation = await ArtifactRelation.get_visible(viewer, id)
    artifact = await Artifact.lock_visible(viewer, relation.artifact_id)
    await _require_own(viewer, artifact)
    if not await fetch("DELETE FROM artifact_relation WHERE id = $1 RETURNING id", id):
        raise NotFound("There is no such relation any more.")
    await record(events.ArtifactUnrelated, artifact.id, extra=_told(relation))
    return artifact


async def hold_complete(viewer: Viewer, ids: Sequence[int], field: str) -> None:
    """Keep artifacts from expiring before the end of the transaction, which makes something depend on them.

    `Invalid` on elements of the field unless the viewer sees them all and they are complete.
    """
    await _hold(ids)
    found = {row.id: row for row in await Artifact.visible_to(viewer).filter(id__in=list(set(ids)))}
    problems = [
        FieldError(("input", field, str(index), "target"), *_LACKING[id in found])
        for index, id in enumerate(ids)
        if id not in found or not found[id].complete
    ]
    if problems:
        raise Invalid(*problems[:MAX_PROBLEMS])


_LACKING = {
    False: ("There is no such artifact, or you may not see it.", "UNKNOWN"),
    True: ("This artifact still lacks files.", "INCOMPLETE"),
}


async def _hold(ids: Sequence[int]) -> None:
    await fetch(
        "SELECT FROM artifact WHERE id = ANY($1::bigint[]) ORDER BY id FOR KEY SHARE", sorted(set(ids))
    )


async def _require_own(viewer: Viewer, artifact: Artifact) -> None:
    """Contributors of the workspace may relate; a worker what the request that it runs has made."""
    viewer.require(Capability.CREATE_ARTIFACT, artifact.workspace_id)
    if viewer.worker_id is not None:
        request = WorkRequest.visible_to(viewer).filter(
            id=artifact.created_by_work_request_id, status=RUNNING
        )
        if not await request.exists():
            raise NotFound("You run no work request that made this artifact.")


def _told(relation: ArtifactRelation) -> dict[str, object]:
    return {"target_id": relation.target_id, "type": relation.type.value}
