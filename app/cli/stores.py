"""python -m app stores …"""

import re
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.operator import DEFAULT_TENANT, as_operator
from app.settings import load_settings

if TYPE_CHECKING:
    from app.access import Viewer
    from app.actions.files.checking import CheckReport
    from app.actions.files.places import Stores
    from app.models import FileStore

NOT_WELL, FAILED = 1, 3
_UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40, "P": 50}

stores = typer.Typer(
    help="Where files are kept. Only here, on the server's machine, not over the API: stores name its directories and buckets. "
    "Keys and secrets are never given to these commands; they come from the environment.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(help="The store's name.")]
Settings_ = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Where it is; may be repeated. local: base_directory. s3: bucket, prefix, region, endpoint, "
        "virtual_hosted_style, direct. gcs: bucket, prefix, direct. azure: container, account, prefix, direct. "
        "memory: max_bytes.",
    ),
]
SoftMaxSize = Annotated[
    str | None,
    typer.Option(help="Bytes, as 500G, beyond which new files go elsewhere if they can; none: no limit."),
]
MaxSize = Annotated[str | None, typer.Option(help="Bytes, as 1T, that it takes at most; none: no limit.")]


def register(cli: typer.Typer) -> None:
    cli.add_typer(stores, name="stores")


@stores.command("ls")
def list_stores() -> None:
    """List the stores."""
    as_operator(_list)


@stores.command()
def add(
    name: Name,
    backend: Annotated[str, typer.Argument(help="local, s3, gcs, azure or memory.")],
    configuration: Settings_ = None,
    soft_max_size: SoftMaxSize = None,
    max_size: MaxSize = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Nothing is added or removed.")] = False,
) -> None:
    """Add a store, after having put bytes there, read them and removed them. Give it to workspaces by updateWorkspace."""
    values = _pairs(configuration)

    async def run(viewer: "Viewer", opened: "Stores") -> None:
        from app.actions.files.stores import add_store

        row = await add_store(
            viewer,
            opened,
            name=name,
            backend=backend,
            configuration=values,
            soft_max_size=_size(soft_max_size),
            max_size=_size(max_size),
            read_only=read_only,
        )
        print(f"the store '{row.name}' works and was added")

    _with_stores(run)


@stores.command()
def change(
    name: Name,
    configuration: Settings_ = None,
    unset: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="Forget a part of where it is.")
    ] = None,
    soft_max_size: SoftMaxSize = None,
    max_size: MaxSize = None,
    read_only: Annotated[
        bool | None, typer.Option("--read-only/--writable", help="Whether nothing is added or removed.")
    ] = None,
) -> None:
    """Change a store. What is said of where it is must work; its files are not moved there."""

    async def run(viewer: "Viewer", opened: "Stores") -> None:
        from app.actions.files.stores import change_store, store_named

        changes: dict[str, Any] = {}
        if configuration or unset:
            before = (await store_named(name)).configuration
            kept = {key: value for key, value in before.items() if key not in (unset or ())}
            changes["configuration"] = kept | _pairs(configuration)
        if soft_max_size is not None:
            changes["soft_max_size"] = _size(soft_max_size)
        if max_size is not None:
            changes["max_size"] = _size(max_size)
        if read_only is not None:
            changes["read_only"] = read_only
        if not changes:
            raise typer.BadParameter("say what is to be changed")
        await change_store(viewer, opened, name, **changes)
        print(f"the store '{name}' was changed")

    _with_stores(run)


@stores.command("rm")
def remove(name: Name) -> None:
    """Forget a store that has no files and that no workspace uses. Nothing is removed from it."""

    async def run(viewer: "Viewer") -> None:
        from app.actions.files.stores import remove_store

        await remove_store(viewer, name)
        print(f"the store '{name}' is forgotten")

    as_operator(run)


@stores.command()
def check(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME...", help="Default: all stores.")] = None,
    read_all: Annotated[
        bool, typer.Option("--read-all", help="Read every file and compare its hash.")
    ] = False,
    remove: Annotated[
        bool,
        typer.Option(
            "--remove",
            help="Have bytes removed that no row names and that are older than a day, within the hour, and what interrupted "
            "puts left. Without it, nothing is changed.",
        ),
    ] = False,
) -> None:
    """Compare what lies in stores with what should. Exit code 1: something is missing or wrong; 3: a store cannot be asked."""
    reports: list[CheckReport] = []

    async def run(_: "Viewer", opened: "Stores") -> None:
        from app.actions.files.checking import check_store
        from app.actions.files.stores import store_named
        from app.models import FileStore

        rows = (
            [await store_named(name) for name in names] if names else await FileStore.all().order_by("name")
        )
        for row in rows:
            reports.append(await check_store(opened, row, read_all=read_all, remove=remove, say=_say))
            print(_text_of(reports[-1], remove))

    _with_stores(run)
    if not all(report.well for report in reports):
        raise typer.Exit(NOT_WELL)


@stores.command()
def copy(
    source: Annotated[str, typer.Argument(help="The store that has the files.")],
    target: Annotated[str, typer.Argument(help="The store that is to have them.")],
    workspace: Annotated[str | None, typer.Option(help="Only the files of this workspace.")] = None,
    tenant: Annotated[str, typer.Option(help="The tenant of the workspace.")] = DEFAULT_TENANT,
    move: Annotated[bool, typer.Option("--move", help="The source lets go of what the target has.")] = False,
    background: Annotated[
        bool, typer.Option("--background", help="Have a task runner do it, and go on when it is interrupted.")
    ] = False,
) -> None:
    """Copy files to another store, or move them there. Ended early, it goes on when it is called again."""

    async def run(viewer: "Viewer", opened: "Stores") -> None:
        from app.actions.files.copying import copy_files
        from app.actions.files.stores import store_named

        rows = await store_named(source), await store_named(target)
        where = await _workspace(viewer, workspace)
        if background:
            await _send(source, target, None if where is None else where.id, move)
            return
        copied = await copy_files(opened, *rows, workspace=where, move=move, say=_say)
        print(copied.sentence())
        for line in copied.lost:
            print(f"  {line}")
        if copied.failed:
            raise typer.Exit(NOT_WELL)

    _with_stores(run, tenant)


def _with_stores(
    command: "Callable[[Viewer, Stores], Awaitable[None]]", tenant: str = DEFAULT_TENANT
) -> None:
    """Run a command that uses stores; what is wrong with one is a sentence."""
    from app.stores import StoreError

    async def run(viewer: "Viewer") -> None:
        from app.actions.files.places import open_stores

        async with open_stores(load_settings()) as opened:
            await command(viewer, opened)

    try:
        as_operator(run, tenant)
    except StoreError as error:
        sys.stderr.write(f"workyard: {error}\n")
        raise typer.Exit(FAILED) from None


async def _list(_: "Viewer") -> None:
    from rich.console import Console
    from rich.table import Table

    from app.models import FileInStore, FileStore, FileToRemove, Workspace

    table = Table("store", "backend", "where", "files", "bytes", "limits", "workspaces", "to remove", "")
    for row in await FileStore.all().order_by("name"):
        workspaces = await Workspace.filter(default_file_store_id=row.id).count()
        others = await Workspace.filter(other_file_stores=row.id).count()
        table.add_row(
            row.name,
            str(row.backend.value),
            " ".join(f"{key}={value}" for key, value in row.configuration.items()),
            f"{await FileInStore.filter(store_id=row.id).count():,}",
            f"{row.total_size:,}",
            _limits(row),
            f"{workspaces:,} + {others:,}",
            f"{await FileToRemove.filter(store_id=row.id).count():,}",
            "read-only" if row.read_only else "",
        )
    Console().print(table)


def _limits(row: "FileStore") -> str:
    limits = (("soft", row.soft_max_size), ("hard", row.max_size))
    return " ".join(f"{word} {limit:,}" for word, limit in limits if limit is not None)


async def _workspace(viewer: "Viewer", name: str | None) -> Any:
    from app.errors import NotFound
    from app.models import Workspace

    if name is None:
        return None
    found = await Workspace.get_or_none(tenant_id=viewer.tenant_id, name=name)
    if found is None:
        raise NotFound(f"There is no workspace called '{name}'.")
    return found


async def _send(source: str, target: str, workspace_id: int | None, move: bool) -> None:
    from app.chores.files import copy_files

    sent = await copy_files.send_async(source, target, workspace_id, move)
    print(f"task {sent.id} does it; python -m app tasks show {sent.id} tells how far it is")


def _text_of(report: "CheckReport", removed: bool) -> str:
    lines = [
        f"{report.store}: {report.files:,} files, {report.bytes:,} bytes; {'well' if report.well else 'NOT well'}"
    ]
    for what, found in (
        ("missing", report.missing),
        ("wrong", report.corrupt),
        ("unknown", report.unknown),
        ("not ours", report.foreign),
    ):
        if found.count:
            lines.append(f"  {found.count:,} {what}:")
            lines += [f"    {name}" for name in found.names]
            lines += ["    …"] * (found.count > len(found.names))
    if removed:
        lines.append(
            f"  {report.handed_over:,} unknown are removed within the hour, {report.interrupted:,} leftovers were."
        )
    return "\n".join(lines)


def _say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")


def _pairs(given: list[str] | None) -> dict[str, Any]:
    pairs = dict[str, Any]()
    for each in given or ():
        key, equals, value = each.partition("=")
        if not equals or not key:
            raise typer.BadParameter(f"expected KEY=VALUE, got {each!r}", param_hint="--set")
        pairs[key] = value
    return pairs


def _size(text: str | None) -> int | None:
    if text is None or text == "none":
        return None
    match = re.fullmatch(r"([0-9]{1,18})([KMGTP]?)(?:i?B)?", text)
    if match is None:
        raise typer.BadParameter(f"expected bytes such as 1000000 or 500G, or none, got {text!r}")
    return int(match[1]) << _UNITS[match[2]]
