"""docs/reference/events.md"""

from itertools import groupby

from app.cli.docs.markdown import code, document, table
from app.events import CATALOGUE, SOURCE, Audience, EventType

INTRODUCTION = f"""\
Every change of state writes one CloudEvent into the event log, in the transaction of the change. The subscription `events`
shows them all; `workRequestChanged`, `workRequestLog`, `workerChanged`, `workerInbox`, `taskUpdated`, `taskLogAppended` and
`workersChanged` are views of the same log. How the log is read, and why nothing is missed:
[concepts/events.md](../concepts/events.md).

An event has the attributes `id` (a UUID), `type`, `source` (`{SOURCE}`), `subject` (such as `work_request/12`) and
`time`, and `data`: the named columns of the subject's row as they were at the end of the statement that recorded the
event. Keys of `data` are column names. Where a description names more, `data` has it as well."""

AUDIENCES = {
    Audience.WORKSPACE: "whoever may see the workspace",
    Audience.TENANT: "every signed-in user of the tenant",
    Audience.STAFF: "staff of the tenant",
    Audience.WORKSPACE_AND_STAFF: "whoever may see the workspace, if there is one, and staff of the tenant",
}
NOTES = """\
Besides its audience, the user whom an event concerns sees it: the owner of a token, and the user of a `user.…` event.
Workers see none of these streams; they have `workerInbox`.

After an event marked with † somebody may see more or less than before: open subscriptions look again at what their
viewer may do.

An event of a task may tell of several states at once: `transitions` has each that the task entered since its last event, with
its time. `taskUpdated` tells them one by one."""


def page() -> str:
    parts = [INTRODUCTION, NOTES]
    for subject, found in groupby(CATALOGUE.values(), lambda event: event.table):
        parts += [f"## {subject}", table(("type", "what happened", "seen by", "data"), map(_row, found))]
    return document("Events", "app/events.py", *parts)


def _row(event: EventType) -> tuple[str, ...]:
    mark = " †" if event.changes_access else ""
    return code(event.name) + mark, event.description, AUDIENCES[event.audience], code(*event.data)
