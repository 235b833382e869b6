"""What a worker says to the server: each verb of the public API that it uses, and how long it insists."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import structlog

from app.client import Backoff, Client, GraphQLError, Unauthenticated, Unavailable, UserErrors
from app.worker.handler import Outcome, TaskError, WorkRequest
from app.worker.text import storable

log = structlog.get_logger(__name__)

Answer = TypeVar("Answer")

LARGEST_OUTPUT = 512 * 1024
"""Bytes of JSON; the server takes bodies of 1 MiB."""

LONGEST_MESSAGE, MOST_ERRORS = 2000, 20

LOST = frozenset({"STALE_ATTEMPT", "INVALID_STATE", "NOT_FOUND", "FORBIDDEN", "CONFLICT"})
"""Refusals that mean: this attempt is no longer ours, whatever we do."""

FAULTS_TO_BEAR = 8
"""How often one report may meet a fault of the server before we let the lease run out instead."""


class AttemptLost(Exception):
    """The server does not count on our report of this attempt any more."""


class Refused(Exception):
    """The server does not take a report as it is, and never will."""


@dataclass(frozen=True)
class LogLine:
    stream: str
    text: str
    time: str


ERRORS = "userErrors { code message path }"

VIEWER = "query Me { viewer { worker { id name enabled concurrency } user { username } } }"

REGISTER = f"""mutation Register($input: RegisterWorkerInput!) {{
  registerWorker(input: $input) {{ worker {{ id name enabled }} {ERRORS} }} }}"""

DESCRIBE = f"""mutation Describe($input: UpdateWorkerDynamicMetadataInput!) {{
  updateWorkerDynamicMetadata(input: $input) {{ worker {{ id }} {ERRORS} }} }}"""

ACQUIRE = f"""mutation Acquire($input: AcquireWorkRequestInput!) {{
  acquireWorkRequest(input: $input) {{ workRequest {{ id attempt taskName taskData }} {ERRORS} }} }}"""

RENEW = f"""mutation Renew($input: RenewWorkRequestLeaseInput!) {{
  renewWorkRequestLease(input: $input) {{ aborted {ERRORS} }} }}"""

APPEND_LOG = f"""mutation Log($input: AppendWorkRequestLogInput!) {{
  appendWorkRequestLog(input: $input) {{ nextNumber {ERRORS} }} }}"""

COMPLETE = f"""mutation Complete($input: CompleteWorkRequestInput!) {{
  completeWorkRequest(input: $input) {{ workRequest {{ id status }} {ERRORS} }} }}"""

HAND_BACK = f"""mutation HandBack($input: HandBackWorkRequestInput!) {{
  handBackWorkRequest(input: $input) {{ workRequest {{ id status }} {ERRORS} }} }}"""

RUNNING = """query Running {
  viewer { worker { assignedWorkRequests(filter: {status: {eq: RUNNING}}, first: 100) {
    edges { node { id attempt taskName taskData } } } } } }"""

INPUTS = """query Inputs($id: ID!) { workRequest(id: $id) { inputs(first: 100) { nodes { id } } } }"""

OUTPUTS = """query Outputs($id: ID!) { workRequest(id: $id) {
  artifacts(first: 100) { nodes { id category data complete } } } }"""

INBOX = """subscription Inbox($after: Cursor) {
  workerInbox(after: $after) {
    __typename cursor
    ... on WorkRequestAbortRequested { attempt reason workRequest { id } } } }"""


class Server:
    """The server, as one worker speaks to it. Verbs on an attempt raise AttemptLost."""

    def __init__(self, client: Client, lease_seconds: int, backoff: Backoff = Backoff(cap=10)) -> None:  # noqa: B008
        self.client = client
        self.lease_seconds = lease_seconds
        self.backoff = backoff

    async def viewer(self) -> dict[str, Any]:
        viewer: dict[str, Any] = (await self.client.execute(VIEWER))["viewer"] or {}
        return viewer

    async def register(self, key: str, fqdn: str, concurrency: int, activation: str | None) -> dict[str, Any]:
        given = {"fqdn": fqdn, "tokenKey": key, "concurrency": concurrency, "activationToken": activation}
        payload = await self.client.mutate(REGISTER, {"input": present(given)})
        worker: dict[str, Any] = payload["worker"]
        return worker

    async def describe(self, metadata: dict[str, Any]) -> None:
        await self.client.mutate(DESCRIBE, {"input": {"metadata": metadata}}, idempotent=True)

    async def acquire(self, wait_seconds: int = 0) -> WorkRequest | None:
        """Claim one request, waiting for one if asked to. Raises Unavailable when nobody knows whether we got one."""
        payload = await self.client.mutate(
            ACQUIRE,
            {"input": {"waitSeconds": wait_seconds, "leaseSeconds": self.lease_seconds}},
            timeout=wait_seconds + 30,
        )
        return work_request(payload["workRequest"]) if payload["workRequest"] else None

    async def running(self) -> list[WorkRequest]:
        """What the server believes that this worker is running."""
        worker = (await self.client.execute(RUNNING))["viewer"]["worker"]
        return (
            [work_request(edge["node"]) for edge in worker["assignedWorkRequests"]["edges"]] if worker else []
        )

    async def renew(self, request: WorkRequest, lease_seconds: int | None = None) -> bool:
        """Keep the lease; whether the request was aborted. Raises Unavailable when the server cannot be reached."""
        given = {**attempt(request), "leaseSeconds": lease_seconds or self.lease_seconds}
        payload = await self._of_attempt(self.client.mutate(RENEW, {"input": given}, idempotent=True))
        return bool(payload["aborted"])

    async def append_log(self, request: WorkRequest, first: int, lines: Sequence[LogLine]) -> None:
        """Store lines, however long the server is away. Raises Refused."""
        given = {**attempt(request), "first": first, "lines": [asdict(line) for line in lines]}
        await self.insist(lambda: self.client.mutate(APPEND_LOG, {"input": given}, idempotent=True))

    async def complete(self, request: WorkRequest, outcome: Outcome) -> None:
        """Report, however long the server is away."""
        try:
            await self._complete(request, reportable(outcome))
        except Refused as error:
            await self._complete(
                request, Outcome.error("REPORT_REFUSED", f"The server refused the report: {error}")
            )

    async def _complete(self, request: WorkRequest, outcome: Outcome) -> None:
        given = {
            **attempt(request),
            "result": outcome.result,
            "outputData": outcome.output_data,
            "errors": [asdict(error) for error in outcome.errors],
        }
        await self.insist(lambda: self.client.mutate(COMPLETE, {"input": given}, idempotent=True))

    async def inputs(self, request: WorkRequest) -> set[str]:
        """The ids of the artifacts that the server holds for a request which we run."""
        return {node["id"] for node in (await self._look_at(request, INPUTS))["inputs"]["nodes"]}

    async def outputs(self, request: WorkRequest) -> list[dict[str, Any]]:
        """The artifacts that attempts at a request which we run have begun or made, the newest first."""
        nodes: list[dict[str, Any]] = (await self._look_at(request, OUTPUTS))["artifacts"]["nodes"]
        return nodes

    async def _look_at(self, request: WorkRequest, document: str) -> dict[str, Any]:
        found: dict[str, Any] | None = (await self.client.execute(document, {"id": request.id}))[
            "workRequest"
        ]
        if found is None:
            raise AttemptLost("the request is no longer ours to see")
        return found

    async def hand_back(self, request: WorkRequest) -> None:
        """Give it back, however long the server is away."""
        await self.insist(lambda: self.client.mutate(HAND_BACK, {"input": attempt(request)}, idempotent=True))

    async def insist(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        """Try again while the server cannot be reached; bear a limited number of its faults."""
        failures = faults = 0
        while True:
            try:
                return await self._of_attempt(call())
            except Unavailable as error:
                log.warning("the server is away", error=str(error))
            except GraphQLError as error:
                faults += 1
                if faults > FAULTS_TO_BEAR or not {"INTERNAL", "LIMIT_EXCEEDED"} & set(error.codes):
                    raise Refused(str(error)) from error
                log.warning("the server has a fault", error=str(error))
            await asyncio.sleep(self.backoff.delay(failures))
            failures += 1

    async def _of_attempt(self, call: Awaitable[Answer]) -> Answer:
        try:
            return await call
        except UserErrors as error:
            kind = AttemptLost if LOST & set(error.codes) else Refused
            raise kind(str(error)) from error
        except Unauthenticated as error:  # a disabled worker's work has been given to others
            raise AttemptLost(str(error)) from error


def attempt(request: WorkRequest) -> dict[str, Any]:
    return {"id": request.id, "attempt": request.attempt}


def work_request(node: dict[str, Any]) -> WorkRequest:
    return WorkRequest(node["id"], node["attempt"], node["taskName"], node["taskData"])


def present(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def reportable(outcome: Outcome) -> Outcome:
    """The outcome as the server can take it."""
    output_data = storable(outcome.output_data)
    if output_data is not None and not isinstance(output_data, dict):
        return Outcome.error("BAD_OUTCOME", "the output of a task is an object")
    if len(json.dumps(output_data)) > LARGEST_OUTPUT:
        return Outcome.error(
            "OUTPUT_TOO_LARGE", f"the output is larger than {LARGEST_OUTPUT // 1024} KiB of JSON"
        )
    errors = [TaskError(error.code, storable(error.message)[:LONGEST_MESSAGE]) for error in outcome.errors]
    return Outcome(outcome.result, output_data, tuple(errors[:MOST_ERRORS]))
