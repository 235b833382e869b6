"""docs/reference/settings.md"""

from pathlib import Path
from typing import Any, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from app.cli.docs.markdown import code, document, table
from app.settings import Settings, documented_name, expectation
from app.worker.settings import PREFIX, WorkerSettings

INTRODUCTION = """\
Settings are environment variables, read once and checked at start. A setting that cannot work stops the start with one
sentence for each mistake, such as `expected PORT to be a number from 1 to 65535, got 'http'`; so does a `WORKYARD_…`
variable that is nearly a setting. An empty variable counts as unset.

A name without `WORKYARD_` may also be given with it (`WORKYARD_PORT`); that one wins."""

WORKER = """\
## A worker's own

A worker reads these. Options of `python -m app worker` win over them: see [cli.md](cli.md)."""


def page() -> str:
    server = [
        (code(documented_name(name)), _takes(field), _default(field), field.description or "")
        for name, field in Settings.model_fields.items()
    ]
    worker = [
        (code(_worker_name(name)), _default(field), field.description or "")
        for name, field in WorkerSettings.model_fields.items()
    ]
    return document(
        "Settings",
        "app/settings.py and app/worker/settings.py",
        INTRODUCTION,
        table(("variable", "takes", "default", "what it decides"), server),
        WORKER,
        table(("variable", "default", "what it decides"), worker),
    )


def _takes(field: FieldInfo) -> str:
    return "words, separated by commas" if get_origin(field.annotation) is tuple else expectation(field)


def _worker_name(name: str) -> str:
    return "WORKYARD_URL" if name == "url" else PREFIX + name.upper()


def _default(field: FieldInfo) -> str:
    """The default, unless it depends on the machine: then the description has it."""
    value: Any = field.default
    if field.default_factory is not None:
        return "by machine"
    if value is None or value == () or isinstance(value, SecretStr):
        return "unset"
    return code(str(value.as_posix() if isinstance(value, Path) else value))
