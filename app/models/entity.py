"""What all tables share: who may see a row, how a row is locked, how a change is saved."""

from collections.abc import Callable, Sequence
from functools import cache
from operator import itemgetter
from typing import Any, ClassVar, Self
from uuid import UUID

from pypika_tortoise.context import SqlContext
from pypika_tortoise.terms import Term
from tortoise import fields
from tortoise.expressions import Q, RawSQL, Subquery
from tortoise.models import Model, ModelMeta
from tortoise.queryset import QuerySet

from app.access import Viewer
from app.database import fetch_records
from app.database.arrays import write_ids
from app.errors import Conflict, NotFound
from app.models.kept import finding

NOTHING = Q(id__in=[])
EVERYTHING = Q()


class _Uncommented(ModelMeta):
    """Tortoise would read and parse the source of each model, for comments that we write as descriptions instead."""

    def __new__(cls, name: str, bases: tuple[type, ...], attributes: dict[str, Any]) -> ModelMeta:
        return super().__new__(cls, name, bases, {"_no_comments": True, **attributes})


class Entity(Model, metaclass=_Uncommented):
    """A table of ours. Every subclass states who may see its rows: by `workspace_path`, `seen_with`, or its own `visibility`.

    A model that states none fails at import, so that nothing becomes readable by oversight.
    """

    workspace_path: ClassVar[str | None] = None
    """Lookup that leads from a row to the id of the workspace whose members may see it."""

    seen_with: ClassVar[str | None] = None
    """Foreign key to the row with which a row is seen: by those who may see that one, and by nobody else."""

    shows: ClassVar[frozenset[str]] = frozenset()
    """Foreign keys to rows that everybody may see who may see this one, beside `seen_with`: they are not checked again."""

    word: ClassVar[str] = ""
    """How a message to a person calls such a row: "work request"."""

    domain: ClassVar[str] = ""
    """The domain that content types name, for a model whose module is not called like it."""

    id_tells: ClassVar[tuple[str, str] | None] = None
    """A column that an id tells, and the SQL function that finds it there, for models whose ids are in no index."""

    id: Any
    _meta: Any

    class Meta:
        abstract = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        abstract = getattr(cls.__dict__.get("Meta"), "abstract", False)
        if (
            not abstract
            and cls.workspace_path is None
            and cls.seen_with is None
            and getattr(cls.visibility, "__func__", None) is vars(Entity)["visibility"].__func__
        ):
            raise TypeError(
                f"{cls.__name__} does not say who may see its rows: set workspace_path, seen_with or visibility()"
            )

    @classmethod
    def natural_key(cls) -> tuple[str, str]:
        """How content types name it, in rows that are kept: its domain, and its name in small letters."""
        return cls.domain or cls.__module__.rpartition(".")[2], cls.__name__.lower()

    @classmethod
    def visibility(cls, viewer: Viewer) -> Q:
        """The predicate of rows that the viewer may see."""
        if cls.seen_with is not None:
            seen = cls._meta.fields_map[cls.seen_with].related_model.visible_to(viewer)
            return holds(f"{cls.seen_with}_id__in", Subquery(seen.values("id")))
        assert cls.workspace_path is not None
        return in_seen_workspace(cls.workspace_path, viewer)

    @classmethod
    def visible_to(cls, viewer: Viewer) -> QuerySet[Self]:
        """The rows that the viewer may see. Every read that answers somebody starts here."""
        return cls.filter(cls.visibility(viewer))

    @classmethod
    def with_ids(cls, ids: Sequence[Any]) -> Q:
        """The predicate of the rows with these ids, which an index finds."""
        if cls.id_tells is None:
            return Q(id__in=ids)
        column, function = cls.id_tells
        told = ", ".join(f"{function}('{UUID(str(id))}')" for id in ids)
        return Q(id__in=ids) & holds(f"{column}__in", RawSQL(f"({told})"))

    @classmethod
    async def get_visible(cls, viewer: Viewer, id: int | UUID) -> Self:
        """The row, or `NotFound` when it is absent or invisible."""
        return cls._found(await cls._find(viewer, "id", id))

    @classmethod
    async def find_visible(cls, viewer: Viewer, name: str) -> Self | None:
        """The row of that name, for tables that have names; None when it is absent, invisible or longer than names are."""
        if len(name) > cls._meta.fields_map["name"].max_length:
            return None
        return await cls._find(viewer, "name", name)

    @classmethod
    async def lock_visible(cls, viewer: Viewer, id: int, *, if_version: int | None = None) -> Self:
        """The row, locked against other writers until the transaction ends. Other tables in the predicate are not.

        With `if_version`, raises `Conflict` unless the row still has that version.
        """
        row = cls._found(await cls._find(viewer, "id", id, lock=True))
        if if_version is not None and row.version != if_version:
            raise Conflict(
                f"This {cls.word} has changed since version {if_version}: look at version {row.version} first.",
                current_version=row.version,
                path=("input", "ifVersion"),
            )
        return row

    @classmethod
    async def _find(cls, viewer: Viewer, column: str, value: Any, *, lock: bool = False) -> Self | None:
        sql, values = finding(cls, viewer, column, lock=lock)
        rows = await fetch_records(sql, *values, value)
        return cls.from_record(rows[0]) if rows else None

    @classmethod
    def from_record(cls, record: Any) -> Self:
        """The object of a row with all columns, as Tortoise makes it, in a third of the time."""
        row = cls.__new__(cls)
        row.__dict__.update(_reading(cls).read(record), _await_when_save={})
        return row

    @classmethod
    def _found(cls, row: Self | None) -> Self:
        if row is None:
            raise NotFound(f"There is no such {cls.word or cls.__name__}, or you may not see it.")
        return row

    version: Any

    async def save_changes(self, *fields: str) -> None:
        """Save the named columns and count the version up."""
        self.version += 1
        await self.save(update_fields=[*fields, "version"])


class _Reading:
    """How the columns of a table become attributes."""

    def __init__(self, model: type[Entity]) -> None:
        meta = model._meta
        plain = [
            *meta.db_native_fields,
            *(each for each in meta.db_complex_fields if _arrives_as_it_is(each[2])),
        ]
        self._names = [name for _, name, _ in plain]
        self._values = _values_of([column for column, _, _ in plain])
        self._converted = [
            *((column, name, field.field_type) for column, name, field in meta.db_default_fields),
            *(
                (column, name, field.to_python_value)
                for column, name, field in meta.db_complex_fields
                if name not in self._names
            ),
        ]
        self._state = {
            "_partial": False,
            "_saved_in_db": True,
            "_custom_generated_pk": meta.db_pk_column not in meta.generated_db_fields,
        }

    def read(self, record: Any) -> dict[str, Any]:
        """The attributes."""
        found = dict(zip(self._names, self._values(record), strict=True))
        for column, name, convert in self._converted:
            value = record[column]
            found[name] = None if value is None else convert(value)
        return found | self._state


def _values_of(columns: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
    # itemgetter() gives no tuple of one
    return (
        itemgetter(*columns) if len(columns) > 1 else lambda record: tuple(record[each] for each in columns)
    )


def _arrives_as_it_is(field: Any) -> bool:
    """True for instants: asyncpg makes them, in UTC, as all of ours are."""
    return isinstance(field, fields.DatetimeField)


_reading = cache(_Reading)


def holds(lookup: str, value: Any) -> Q:
    """The predicate that a lookup has this value, for lookups whose name is only known when it runs."""
    conditions: dict[str, Any] = {lookup: value}
    return Q(**conditions)


class AnyOf(Term):
    """One of these ids: a single parameter, however many they are, so that statements are the same for everybody."""

    def __init__(self, ids: Sequence[int]) -> None:
        super().__init__()
        self._ids = write_ids(ids)

    def get_sql(self, ctx: SqlContext) -> str:
        """As it stands behind an equals sign."""
        assert ctx.parameterizer
        return f"ANY({ctx.parameterizer.create_param(self._ids).get_sql(ctx)})"


def in_seen_workspace(path: str, viewer: Viewer) -> Q:
    """The predicate of rows in workspaces that the viewer may see; `path` is where a row has its workspace's id."""
    if viewer.settled and viewer.workspaces is not None:
        return holds(path, AnyOf(viewer.workspaces))
    from app.models.workspaces import (
        Workspace,
    )  # the one upward reference: workspaces are entities themselves

    return holds(f"{path}__in", Subquery(Workspace.visible_to(viewer).values("id")))


def in_tenant(path: str = "tenant_id") -> Callable[[Viewer], Q]:
    """Predicate: the signed-in users of the row's tenant."""
    return lambda viewer: (
        holds(path, viewer.tenant_id) if viewer.user_id is not None or viewer.system else NOTHING
    )
