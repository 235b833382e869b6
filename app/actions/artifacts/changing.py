"""What may change of an artifact once it is there: how long it is kept."""

from datetime import datetime

from app import events
from app.access import Capability, Viewer
from app.actions.outbox import record
from app.database import atomic
from app.models import Artifact


@atomic()
async def update_artifact(
    viewer: Viewer, id: int, *, expire_at: datetime | None, if_version: int | None = None
) -> Artifact:
    """Keep an artifact until another time, or for ever (None). From a time that has passed it may be removed at once."""
    artifact = await Artifact.lock_visible(viewer, id, if_version=if_version)
    viewer.require(Capability.EDIT_ARTIFACT, artifact.workspace_id)
    artifact.expire_at = expire_at
    await artifact.save_changes("expire_at")
    await record(events.ArtifactChanged, artifact.id)
    return artifact
