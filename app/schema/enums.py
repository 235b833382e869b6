"""The models' enums, value by value."""

from app import access, models
from app.events import Audience
from app.graphql.enums import describe_enum

describe_enum(
    models.WorkRequestStatus,
    "Where a work request is in its life.",
    BLOCKED="Waits for other work requests.",
    PENDING="Waits for a worker.",
    RUNNING="A worker runs it.",
    COMPLETED="It ended; the result says how.",
    ABORTED="It was stopped, and will not run any more.",
)
describe_enum(
    models.WorkRequestResult,
    "How a completed work request ended.",
    NONE="It is not completed.",
    SUCCESS="It did what it should.",
    FAILURE="It ran, and failed at its task.",
    ERROR="It could not be run properly.",
    SKIPPED="There was nothing to do.",
)
describe_enum(
    models.LogStream,
    "Where a log line came from.",
    STDOUT="The task's standard output.",
    STDERR="The task's standard error.",
    SYSTEM="The worker itself.",
)
describe_enum(
    models.NotificationMethod,
    "How a notification channel carries word.",
    EMAIL="By mail.",
    WEBHOOK="By a request to a server: not yet.",
)
describe_enum(
    models.NotificationEvent,
    "When a work request sends word.",
    SUCCESS="It was completed with SUCCESS or SKIPPED.",
    FAILURE="It was completed with FAILURE, and no automatic retry is left.",
    ERROR="It was completed with ERROR, and no automatic retry is left.",
    ABORTED="It was aborted.",
    NEEDS_INPUT="Its task asks people something.",
)
describe_enum(
    models.TokenKind,
    "What a token is for.",
    API="For programs that act for a user.",
    SESSION="A signed-in browser.",
    WORKER="A worker's own.",
    ACTIVATION="Lets one worker register, already enabled.",
)
describe_enum(
    models.LogAction,
    "What was done to an object.",
    ADDITION="It was made.",
    CHANGE="It was changed.",
    DELETION="It was removed.",
)
describe_enum(
    access.Role,
    "What a user or a team is in a workspace. A higher role may do all that a lower one may.",
    VIEWER="May look.",
    CONTRIBUTOR="May submit and retry work too.",
    OWNER="May abort others' work and share the workspace too.",
)
describe_enum(
    access.Scope,
    "What a token may be used for, at most.",
    READ="Reading and watching, which every token may.",
    WORK="Submitting, aborting and running work.",
    ADMIN="Administering.",
)
describe_enum(
    Audience,
    "Who may see an event, beside the user it concerns.",
    WORKSPACE="Whoever may see the workspace.",
    TENANT="The signed-in users of the tenant.",
    STAFF="Staff.",
    WORKSPACE_AND_STAFF="Whoever may see the workspace, if there is one, and staff.",
)
_STATES = {
    "QUEUED": "Waits for a runner.",
    "CONSUMED": "A runner has taken it.",
    "PREPROCESS": "The runner prepares it.",
    "RUNNING": "Its actor runs.",
    "POSTPROCESS": "Its actor has returned or failed, and the runner concludes.",
    "REJECTED": "It ended without having been done.",
    "DONE": "Its actor returned.",
}
describe_enum(models.TaskState, "Where a task is in its life.", **_STATES)
describe_enum(
    models.TaskStatus,
    "A task's state; once it is done, the worst that its last attempt logged.",
    **_STATES
    | {
        "DONE": "Done, and nothing was logged.",
        "INFO": "Done, and nothing worse than information was logged.",
        "WARNING": "Done, with a warning.",
        "ERROR": "Done, though an error was logged.",
    },
)
describe_enum(
    models.LogLevel,
    "How grave a line of a task's log is.",
    DEBUG="For who looks for a fault; does not count towards the status.",
    INFO="What happened.",
    WARNING="Something that should not be so.",
    ERROR="Something failed.",
)
describe_enum(
    models.ArtifactRelationType,
    "What one artifact is to another.",
    EXTENDS="It goes on from the other.",
    RELATES_TO="It has to do with the other.",
    BUILT_USING="It was made with the other.",
)
describe_enum(
    models.FileStoreBackend,
    "Where a file store keeps its bytes.",
    LOCAL="A directory of the server's machine.",
    MEMORY="The memory of one server process: for trying things out.",
    S3="A bucket of Amazon S3, or of what speaks like it.",
    GCS="A bucket of Google Cloud Storage.",
    AZURE="A container of Azure Blob Storage.",
)
