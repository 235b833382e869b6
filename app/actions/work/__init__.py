"""Work requests and workers: submitted, run, ended."""

from app.actions.work.ending import abort_work_request, retry_work_request
from app.actions.work.recovering import TakenBack, take_back_what_is_lost
from app.actions.work.requests import (
    NewWorkRequest,
    create_work_request,
    set_work_request_dependencies,
    set_work_request_priority,
)
from app.actions.work.running import (
    NewLogLine,
    acquire_work_request,
    answer_work_request,
    append_work_request_log,
    ask_for_input,
    complete_work_request,
    hand_back_work_request,
    recover_lost_work,
    renew_work_request_lease,
    spare_leases,
)
from app.actions.work.task_types import TASK_TYPES, register_builtin_task_types, register_task_type
from app.actions.work.workers import (
    connect_worker,
    disable_worker,
    disconnect_lost_workers,
    disconnect_worker,
    enable_worker,
    get_worker_by_token_key_or_none,
    reconnect_worker,
    register_worker,
    set_worker_static_metadata,
    touch_worker,
    update_worker_dynamic_metadata,
)

__all__ = [
    "TASK_TYPES",
    "NewLogLine",
    "NewWorkRequest",
    "TakenBack",
    "abort_work_request",
    "acquire_work_request",
    "answer_work_request",
    "append_work_request_log",
    "ask_for_input",
    "complete_work_request",
    "connect_worker",
    "create_work_request",
    "disable_worker",
    "disconnect_lost_workers",
    "disconnect_worker",
    "enable_worker",
    "get_worker_by_token_key_or_none",
    "hand_back_work_request",
    "reconnect_worker",
    "recover_lost_work",
    "register_builtin_task_types",
    "register_task_type",
    "register_worker",
    "renew_work_request_lease",
    "retry_work_request",
    "set_work_request_dependencies",
    "set_work_request_priority",
    "set_worker_static_metadata",
    "spare_leases",
    "take_back_what_is_lost",
    "touch_worker",
    "update_worker_dynamic_metadata",
]
