"""Compiled reads answer what the ordinary executor answers: the same bytes of `data`, and the same errors."""

from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from app import models
from app.graphql import metrics
from app.graphql.engine import Engine
from app.graphql.entity import TYPES
from app.graphql.ids import decode_id, global_id
from app.graphql.plan.report import coverage
from app.graphql.request import GraphQLRequest
from app.graphql.response import Refused, encode
from app.web.schema import build_schema
from tests.access.world import ROLES, World
from tests.api import Api
from tests.graphql.plan.generated import CHANGING, Written

THOROUGH = settings(
    max_examples=100,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking a document takes minutes
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    print_blob=True,
)
QUERY = build_schema()._schema.query_type
assert QUERY is not None
DECLINED = frozenset((each.type, each.field) for each in coverage(build_schema()) if each.reason)
ROOTS = [name for name in QUERY.fields if ("Query", name) not in DECLINED and name not in CHANGING]
OTHERS = [name for name in QUERY.fields if ("Query", name) in DECLINED and name not in CHANGING]


def compiled_fields() -> float:
    """How many root fields have been compiled in this process."""
    (metric,) = metrics.COMPILED_FIELDS.collect()
    return metric.samples[0].value


def told(data: Any, errors: Sequence[Any]) -> list[Any]:
    """What errors say that does not depend on who was first.

    An error in a field that must not be null takes what is around it along, and others in there may or may not have been
    found by then: of those, it is told only that something was wrong there.
    """
    exact, around = [], set()
    for error in errors:
        null = _null(data, error)
        if null == error["path"]:
            exact.append(repr(error))
        else:
            around.add(repr(null))
    return sorted([*exact, *around])


def _null(data: Any, error: Any) -> list[str | int]:
    """Where `data` is null for this error: its own path, or a part of it."""
    path: list[str | int] = []
    for step in error["path"]:
        if data is None:
            break
        path.append(step)
        data = data[step]
    return path


class Both:
    """The same server process with compiled reads and without."""

    def __init__(self, api: Api) -> None:
        server = api.server
        self._api = api
        plain = server.settings.model_copy(update={"compiled_reads": False})
        self.compiled = server.engine
        self.ordinary = Engine(server.schema, plain, server._context)
        self.ordinary.documents = server.engine.documents

    async def ask(
        self, engine: Engine, who: Any, document: str, variables: dict[str, Any]
    ) -> tuple[bytes, list[Any]]:
        """The bytes of `data`, and the errors without the ids of faults."""
        request = GraphQLRequest.parse({"query": document, "variables": variables})
        try:
            outcome = await engine.execute(engine.find(request), request, await self._api.caller(who))
        except Refused as refused:
            return b"", refused.errors
        data = encode(outcome.data)
        return data, told(orjson.loads(data), outcome.errors)

    async def agree(self, who: Any, document: str, **variables: Any) -> bytes:
        """Ask both; they must agree. What they answer."""
        compiled = await self.ask(self.compiled, who, document, variables)
        ordinary = await self.ask(self.ordinary, who, document, variables)
        assert compiled == ordinary, document
        return compiled[0]


@pytest.fixture
async def both(api: Api) -> Both:
    """Both engines."""
    return Both(api)


@pytest.fixture
async def cursors(api: Api, world: World) -> Sequence[str]:
    """Cursors of several lists and orders."""
    found = await api.execute(
        world.cast.root,
        """{ a: workRequests { edges { cursor } } b: artifacts { edges { cursor } } c: tasks { edges { cursor } }
             d: workRequests(orderBy: [{field: STARTED_AT}]) { edges { cursor } }
             e: workRequests(orderBy: [{field: COMPLETED_AT, direction: DESC}]) { edges { cursor } }
             f: users { edges { cursor } } g: workspaces { edges { cursor } } }""",
    )
    return [edge["cursor"] for key in "abcdefg" for edge in found[key]["edges"]]


@THOROUGH
@given(st.data())
async def test_any_document_is_answered_alike(
    both: Both, world: World, cursors: Sequence[str], data: st.DataObject
) -> None:
    role = data.draw(st.sampled_from(ROLES))
    ids: dict[str, list[str]] = {}
    for (model, _), row in world.rows.items():
        ids.setdefault(model.__name__, []).append(global_id(model.__name__, row.id))
    written = Written(
        data.draw, build_schema()._schema, ids, ["lab", "open", "mail", "noop", "a/"], cursors, DECLINED
    )

    document = written.document([*ROOTS * 3, *OTHERS])
    before = compiled_fields()
    answer = await both.agree(world.who(role), document, **written.variables)

    kind = "refused" if not answer else "null" if answer == b"null" else "data"
    event(f"{kind}, {'compiled' if compiled_fields() > before else 'not compiled'}")


ORDERS = [
    "{field: STARTED_AT}",
    "{field: STARTED_AT, direction: DESC}",
    "{field: COMPLETED_AT, direction: DESC}, {field: PRIORITY}",
    "{field: PRIORITY, direction: DESC}, {field: STARTED_AT}",
]
"""By what is null in some rows, and equal in others."""
AT_ROOT = "query($c: Cursor) {{ workRequests({order} {page} {by}: $c) {found} }}"
BELOW = (
    "query($c: Cursor) {{ workspaces {{ nodes {{ name workRequests({order} {page} {by}: $c) {found} }} }} }}"
)
FOUND = """{ edges { cursor node { id startedAt workspace { name } createdBy { username } } } totalCount
             pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }"""


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("document", [AT_ROOT, BELOW], ids=["at the root", "below"])
async def test_pages_from_every_cursor_are_alike(
    both: Both, api: Api, world: World, document: str, order: str
) -> None:
    for _ in range(3):
        await world.cast.request()
    orders = f"orderBy: [{order}]"
    whole = f"{{ workRequests({orders}) {{ edges {{ cursor }} }} }}"
    edges = (await api.execute(world.cast.root, whole))["workRequests"]["edges"]
    assert len(edges) > 4

    before = compiled_fields()
    for cursor in [None, *(edge["cursor"] for edge in edges)]:
        for by, page in (("after", "first: 2"), ("before", "last: 2"), ("after", ""), ("before", "")):
            text = document.format(order=orders, page=page, by=by, found=FOUND)
            assert await both.agree(world.cast.root, text, c=cursor) != b"null"

    assert compiled_fields() == before + 4 * (len(edges) + 1)


OF_ALL_KINDS = """query($ids: [ID!]!, $file: ID!, $path: String!, $after: Duration, $no: Boolean = false) {
    viewer { user { username email } worker { name enabled busy } tenant { name } scopes canCreateWorkspaces
             canAdministerWorkers canAdministerUsers canReadAuditLog __typename }
    nodes(ids: $ids) { __typename id
        ... on Node @skip(if: $no) { sameId: id }
        ... on WorkRequest { queuePosition viewerCan { abort retry setPriority answer } duration errors { code }
                             notifications { on channel subject from to cc } priority }
        ... on Worker { enabled busy connected metadata }
        ... on User { email firstName lastName groups { name } }
        ... on Workspace { viewerRole isFileInWorkspace(file: $file) }
        ... on Artifact { expired late: expired(at: "2100-01-01T00:00:00Z") downloadUrl(format: ZIP)
                          file(path: $path) { path uploadUrl downloadUrl(expiresIn: $after) file { size } }
                          ancestors(first: 3) { id } descendants(types: [RELATES_TO, BUILT_USING]) { id category } }
        ... on FileInArtifact { uploadUrl downloadUrl upload { receivedBytes size } }
        ... on FileUpload { receivedBytes size fileInArtifact { path } }
        ... on FileStore { configuration }
        ... on NotificationChannel { data }
        ... on Token { scopes prefix }
        ... on Task { description canRetry canCancel worker { hostname versionMatching }
                      relObj { appLabel model id node { id __typename ... on WorkRequest { taskName } } } }
        ... on Schedule { description lastTaskStatus relObj { node { id } } }
        ... on WorkerStatus { versionMatching alive } }
    artifactCategories { name } taskTypes { name } workerStatuses(alive: null) { id hostname } actors { name remote }
    queueStatus { blocked pending running connectedWorkers } taskStatusSummary { total queued }
}"""


@pytest.mark.parametrize("role", ROLES)
async def test_every_kind_of_field_is_compiled_and_alike_for_every_role(
    both: Both, world: World, role: str
) -> None:
    ids = [global_id(model.__name__, row.id) for (model, _), row in world.rows.items() if model in TYPES]
    ids = [each for each in ids if decode_id(each, ())[0] != "LogLine"]
    (file, *_) = [each for each in ids if decode_id(each, ())[0] == "File"]
    (path, *_) = [row.path for (model, _), row in world.rows.items() if model is models.FileInArtifact]

    before = compiled_fields()
    answer = await both.agree(world.who(role), OF_ALL_KINDS, ids=[*ids, ids[0]], file=file, path=path)

    assert compiled_fields() == before + 8
    assert answer.startswith(b'{"viewer":')
