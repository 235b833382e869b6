"""Documents over the whole schema, drawn at random: what anybody could ask, with arguments that mostly make sense."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
)
from hypothesis import strategies as st

DEEPEST = 4
WIDEST = 5
CHANGING = {"eventCursor", "rateLimit", "taskQueues"}
"""Root fields that may differ from one moment to the next."""

MEANT = {
    "workspace": "Workspace",
    "createdBy": "User",
    "createdByWorkRequest": "WorkRequest",
    "worker": "Worker",
    "parent": "WorkRequest",
    "supersedes": "WorkRequest",
    "tenant": "Tenant",
    "user": "User",
    "relObj": "WorkRequest",
}
"""Field of a filter → whose ids it takes."""

USUAL: dict[str, Sequence[Any]] = {
    "Int": [0, 1, 2, 100],
    "BigInt": [0, 1, 5, 2**62],
    "Float": [0.0, 1.5],
    "Boolean": [True, False],
    "DateTime": ["2020-01-01T00:00:00Z", "2100-01-01T00:00:00+02:00"],
    "Duration": ["PT1H", "P1D"],
    "JSON": [{}, {"a": 1}, {"task": "x"}],
    "Sha256": ["0" * 64],
    "UUID": ["7f2c8d1e-0d5c-4c53-9a53-0c2b7cfb9d11"],
}
ODD: dict[str, Sequence[Any]] = {
    "Int": [-1, 2**31 - 1],
    "String": ["", "x" * 300, "\0"],
    "Cursor": ["nonsense", ""],
    "JSON": [[], "text", None],
    "Sha256": ["a"],
}

PAGES = [(), (), ("first",), ("first", "after"), ("last",), ("last", "before"), ("after",), ("before",)]
"""Arguments of a page that go together."""


@dataclass
class Written:
    """A document as it is put together: its variables, and its fragments."""

    draw: Any
    schema: GraphQLSchema
    ids: Mapping[str, Sequence[str]]
    names: Sequence[str]
    cursors: Sequence[str]
    declined: frozenset[tuple[str, str]]
    variables: dict[str, Any] = field(default_factory=dict)
    declared: list[str] = field(default_factory=list)
    fragments: list[str] = field(default_factory=list)
    meant: str = ""
    """Whose id an argument most likely takes."""

    def one_of(self, values: Sequence[Any]) -> Any:
        """One of the values."""
        return self.draw(st.sampled_from(values))

    def chance(self, percent: int) -> bool:
        """True in so many of a hundred cases."""
        return bool(self.draw(st.integers(0, 99)) < percent)

    # Selections -------------------------------------------------------------------------------------------------------

    def selection(self, type_: Any, depth: int) -> str:
        """A selection set on objects of the type."""
        own_code = self.chance(
            5
        )  # else only fields that are compiled: one that is not sends all to the executor
        names = [
            name
            for name, each in type_.fields.items()
            if (depth < DEEPEST or _is_leaf(each)) and (own_code or (type_.name, name) not in self.declined)
        ]
        many = self.draw(st.integers(1, WIDEST))
        parts = [
            self.part(type_, self.one_of(["__typename", *names]) if names else "__typename", depth)
            for _ in range(many)
        ]
        if self.chance(15):
            parts.append(self.fragment(type_, depth))
        if isinstance(type_, GraphQLInterfaceType):
            kinds = sorted(self.schema.get_possible_types(type_), key=lambda each: each.name)
            parts += [
                f"... on {kind.name} {self.selection(kind, depth)}"
                for kind in self.draw(st.lists(st.sampled_from(kinds), max_size=4, unique=True))
            ]
        return "{ " + " ".join(parts) + " }"

    def fragment(self, type_: Any, depth: int) -> str:
        """A part of a selection set, as an inline fragment or as one with a name."""
        if self.chance(50):
            return f"...{self.one_of(['', ' on ' + type_.name])}{self.directive()} {self.selection(type_, depth)}"
        name = f"F{len(self.fragments)}"
        self.fragments.append("")
        self.fragments[int(name[1:])] = f"fragment {name} on {type_.name} {self.selection(type_, depth)}"
        return f"...{name}{self.directive()}"

    def part(self, type_: Any, name: str, depth: int) -> str:
        """A field, with whatever may be written at one."""
        if name == "__typename":
            return f"{self.alias()}__typename{self.directive()}"
        found: GraphQLField = type_.fields[name]
        self.meant = get_named_type(found.type).name.removesuffix("Connection")
        arguments = self.arguments(found)
        # The same key must mean the same everywhere: what has arguments gets a key of its own.
        alias = f"k{self.draw(st.integers(0, 10**9))}: " if arguments else self.alias(name)
        below = "" if _is_leaf(found) else " " + self.selection(get_named_type(found.type), depth + 1)
        return f"{alias}{name}{arguments}{self.directive()}{below}"

    def alias(self, name: str = "__typename") -> str:
        """A key of the field's own, or none."""
        return f"{name.strip('_')}_x: " if self.chance(10) else ""

    def directive(self) -> str:
        """@skip or @include, seldom."""
        if not self.chance(6):
            return ""
        value = self.chance(50)
        condition = self.variable("Boolean!", value) if self.chance(60) else str(value).lower()
        return f" @{self.one_of(['skip', 'include'])}(if: {condition})"

    # Arguments --------------------------------------------------------------------------------------------------------

    def arguments(self, found: GraphQLField) -> str:
        """The arguments of a field: those that it needs, and some others."""
        given = []
        page = self.one_of(PAGES) if not self.chance(5) else ("first", "last", "before")
        for name, argument in found.args.items():
            if name in ("first", "after", "last", "before") and name not in page:
                continue
            if name in page or isinstance(argument.type, GraphQLNonNull) or self.chance(25):
                given.append(f"{name}: {self.value(argument.type, name)}")
        return f"({', '.join(given)})" if given else ""

    def value(self, type_: Any, name: str) -> str:
        """A value, written out or as a variable."""
        value = self.plain(type_, name, 0)
        return self.variable(str(type_), value) if self.chance(40) else _literal(type_, value)

    def variable(self, type_: str, value: Any) -> str:
        """A variable of that type, with that value."""
        name = f"v{len(self.declared)}"
        self.declared.append(f"${name}: {type_}")
        self.variables[name] = value
        return f"${name}"

    def plain(self, type_: Any, name: str, depth: int) -> Any:
        """A value as JSON has it."""
        if isinstance(type_, GraphQLNonNull):
            return self.plain(type_.of_type, name, depth)
        if isinstance(type_, GraphQLList):
            return [self.plain(type_.of_type, name, depth + 1) for _ in range(self.draw(st.integers(0, 2)))]
        if isinstance(type_, GraphQLEnumType):
            return self.one_of(sorted(type_.values))
        if isinstance(type_, GraphQLInputObjectType):
            return self.object(type_, depth)
        return self.scalar(type_.name, name)

    def object(self, type_: GraphQLInputObjectType, depth: int) -> dict[str, Any]:
        """An input with a few of its fields; not too deep."""
        simple = [
            name
            for name, each in type_.fields.items()
            if depth < 3 or not isinstance(get_named_type(each.type), GraphQLInputObjectType)
        ]
        chosen = self.draw(st.lists(st.sampled_from(simple), max_size=2, unique=True)) if simple else []
        needed = [name for name, each in type_.fields.items() if isinstance(each.type, GraphQLNonNull)]
        made = {}
        for each in dict.fromkeys([*needed, *chosen]):
            before, self.meant = self.meant, MEANT.get(each, self.meant)
            made[each] = self.plain(type_.fields[each].type, each, depth + 1)
            self.meant = before
        return made

    def scalar(self, type_: str, name: str) -> Any:
        """A value of that scalar."""
        odd = self.chance(3)
        if type_ == "ID":
            all_ids = [each for ids in self.ids.values() for each in ids]
            return "nonsense" if odd else self.one_of(self.ids.get(self.meant, all_ids))
        if type_ == "Int" and name in ("first", "last"):
            return self.one_of([-1, 101] if odd else [0, 1, 2, 3, 50, 100])
        if odd:
            return self.one_of(ODD.get(type_, USUAL.get(type_, ())))
        return self.one_of({"String": self.names, "Cursor": self.cursors}.get(type_) or USUAL[type_])

    def document(self, roots: Sequence[str]) -> str:
        """A query of one to three of these root fields."""
        query = self.schema.query_type
        assert query is not None
        chosen = self.draw(st.lists(st.sampled_from(roots), min_size=1, max_size=3))
        parts = [self.part(query, name, 0) for name in chosen]
        variables = f"({', '.join(self.declared)})" if self.declared else ""
        return f"query Q{variables} {{ {' '.join(parts)} }} " + " ".join(self.fragments)


def _is_leaf(found: GraphQLField) -> bool:
    return is_leaf_type(get_named_type(found.type))


def _literal(type_: Any, value: Any) -> str:
    """A value as a document has it."""
    if isinstance(type_, GraphQLNonNull):
        return _literal(type_.of_type, value)
    if value is None:
        return "null"
    if isinstance(type_, GraphQLList):
        return "[" + ", ".join(_literal(type_.of_type, each) for each in value) + "]"
    if isinstance(type_, GraphQLEnumType):
        return str(value)
    if isinstance(type_, GraphQLInputObjectType):
        fields = [f"{name}: {_literal(type_.fields[name].type, each)}" for name, each in value.items()]
        return "{" + ", ".join(fields) + "}"
    return _json(value)


def _json(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_json(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_json, value)) + "]"
    if isinstance(value, str):
        return '"' + value.replace("\0", "\\u0000") + '"'
    return (
        {None: "null", True: "true", False: "false"}.get(value, str(value))
        if not _number(value)
        else str(value)
    )


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def object_types(schema: GraphQLSchema) -> list[GraphQLObjectType]:
    """The types of objects that are ours."""
    return [
        each
        for each in schema.type_map.values()
        if isinstance(each, GraphQLObjectType) and not each.name.startswith("__")
    ]
