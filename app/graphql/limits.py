"""What an operation may ask for, measured on its document in one linear walk before anything else looks at it.

Each fragment is measured once and its measures are added wherever it is spread, so that fragments nested in fragments
cost what they are long, not what they unfold to. graphql-core's rules run only on documents that passed: some of them
take time that grows with the square of what is repeated.
"""

import string
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_composite_type,
    is_introspection_type,
    is_list_type,
)
from graphql.type import get_nullable_type

from app.graphql.response import LIMIT_EXCEEDED, Refused
from app.settings import Settings

PAGE = 20  # objects in a page of a connection whose size the client leaves to us
LIST = 10  # objects in a list that has no size
MUTATION_WEIGHT = 10  # points of cost of one root field of a mutation
NESTING = 100  # lists and objects within each other in one variable
CEILING = 10**15  # numbers stop growing here, so that arithmetic on them stays cheap


@dataclass(frozen=True, slots=True)
class Limits:
    """Most of each measure that one document may have."""

    depth: int = 15
    aliases: int = 100
    root_fields: int = 20
    directives: int = 50
    tokens: int = 4000
    nodes: int = 100_000
    selections: int = 10_000
    """Fields and spreads of all operations together, with every fragment unfolded."""
    repetitions: int = 5_000
    """Pairs of fields that would be merged into one, each of which graphql-core compares."""
    operations: int = 50
    characters: int = 131_072

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """The limits that the operator decided."""
        return cls(
            depth=settings.max_depth,
            aliases=settings.max_aliases,
            root_fields=settings.max_root_fields,
            directives=settings.max_directives,
            tokens=settings.max_tokens,
            nodes=settings.max_nodes,
        )


@dataclass(slots=True)
class Measures:
    """What a selection set amounts to, with its fragments unfolded.

    `fixed` objects stand in it as such; `paged` ones once for each object of the page around them.
    """

    depth: int = 0
    aliases: int = 0
    directives: int = 0
    selections: int = 0
    root_fields: int = 0
    fixed: int = 0
    paged: int = 0
    introspects: bool = False

    def add(self, other: "Measures") -> None:
        """Count what is spread or nested here; depth and root fields are the caller's."""
        self.aliases = min(self.aliases + other.aliases, CEILING)
        self.directives = min(self.directives + other.directives, CEILING)
        self.selections = min(self.selections + other.selections, CEILING)
        self.introspects = self.introspects or other.introspects

    @property
    def nodes(self) -> int:
        return min(self.fixed + self.paged * LIST, CEILING)


class Survey:
    """The measures of a document's operations, under given values of the variables that size its pages."""

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any] | None = None
    ) -> None:
        self.steps = 0
        """Selections looked at: what the walk costs."""
        self.size_variables: set[str] = set()
        """Variables that say how many objects a list has."""
        self.directives: set[str] = set()
        """Names of the directives on fields and spreads."""
        self.fragments: dict[str, FragmentDefinitionNode] = {}
        self.operations: list[tuple[OperationDefinitionNode, Measures]] = []
        self._schema = schema
        self._variables = variables or {}
        self._measured: dict[str, Measures] = {}
        for definition in document.definitions:
            if isinstance(definition, FragmentDefinitionNode):
                self.fragments.setdefault(definition.name.value, definition)
        self._spreads = {name: list(_spreads(node)) for name, node in self.fragments.items()}
        order, self.cyclic = _innermost_first(self._spreads)
        for name in order:
            self._measured[name] = self._measure_fragment(self.fragments[name])
        for definition in document.definitions:
            if isinstance(definition, OperationDefinitionNode):
                self.operations.append((definition, self._measure_operation(definition)))

    def unfolded(self) -> int:
        """Selections of the whole document with its fragments unfolded, those included that nothing spreads."""
        return sum(measures.selections for _, measures in self.operations) + sum(
            self._measured[name].selections for name in self._unreached()
        )

    def repetitions(self, most_steps: int) -> int:
        """Pairs of fields that stand for one place of the response, each pair of which must be compared.

        The walk gives up after `most_steps`, which a document of no more unfolded selections does not reach.
        """
        roots = [node.selection_set for node, _ in self.operations]
        roots += [self.fragments[name].selection_set for name in self._unreached()]
        return _repeated_pairs(roots, self.fragments, most_steps)

    def _unreached(self) -> Iterator[str]:
        reached: set[str] = set()
        for operation, _ in self.operations:
            self._reach(_spreads(operation), reached)
        for name in self.fragments:
            if name not in reached:
                self._reach([name], reached)
                yield name

    def _reach(self, names: Iterable[str], reached: set[str]) -> None:
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name in self._spreads and name not in reached:
                reached.add(name)
                waiting += self._spreads[name]

    def _measure_operation(self, operation: OperationDefinitionNode) -> Measures:
        measures = self._measure(operation.selection_set, self._schema.get_root_type(operation.operation))
        measures.directives += len(operation.directives or ())
        return measures

    def _measure_fragment(self, fragment: FragmentDefinitionNode) -> Measures:
        measures = self._measure(
            fragment.selection_set, self._schema.get_type(fragment.type_condition.name.value)
        )
        measures.directives += len(fragment.directives or ())
        return measures

    def _measure(self, selection_set: SelectionSetNode, parent: GraphQLNamedType | None) -> Measures:
        total = Measures()
        for selection in selection_set.selections:
            self.steps += 1
            total.selections += 1
            for directive in selection.directives or ():
                total.directives += 1
                self.directives.add(directive.name.value)
            if isinstance(selection, FieldNode):
                self._add_field(total, selection, parent)
            else:
                self._add_fragment(total, selection, parent)
        return total

    def _add_fragment(
        self, total: Measures, selection: SelectionNode, parent: GraphQLNamedType | None
    ) -> None:
        if isinstance(selection, FragmentSpreadNode):
            inner = self._measured.get(selection.name.value)
            if inner is None:  # unknown, or a cycle: validation says so
                return
        else:
            condition = selection.type_condition  # type: ignore[attr-defined]
            inner_parent = self._schema.get_type(condition.name.value) if condition else parent
            inner = self._measure(selection.selection_set, inner_parent)  # type: ignore[attr-defined]
        total.add(inner)
        total.depth = max(total.depth, inner.depth)
        total.root_fields = min(total.root_fields + inner.root_fields, CEILING)
        total.fixed = min(total.fixed + inner.fixed, CEILING)
        total.paged = min(total.paged + inner.paged, CEILING)

    def _add_field(self, total: Measures, node: FieldNode, parent: GraphQLNamedType | None) -> None:
        name = node.name.value
        total.root_fields += 1
        total.aliases += node.alias is not None
        total.introspects = total.introspects or name in ("__schema", "__type")
        if node.selection_set is None:
            total.depth = max(total.depth, 1)
            return
        field = self._field(parent, name)
        inner = self._measure(node.selection_set, get_named_type(field.type) if field else None)
        total.add(inner)
        # A type has at most a few wrappings, and introspection of it is bounded by a rule of graphql-core.
        total.depth = max(total.depth, inner.depth + (0 if name == "ofType" else 1))
        if field and name == "ofType":
            total.fixed = min(total.fixed + inner.nodes, CEILING)
        elif field:
            size = self._size(node, field, parent is not None and is_introspection_type(parent))
            self._add_nodes(total, field, inner, size)

    def _field(self, parent: GraphQLNamedType | None, name: str) -> GraphQLField | None:
        return self._schema.get_field(parent, name) if is_composite_type(parent) else None

    def _add_nodes(self, total: Measures, field: GraphQLField, inner: Measures, size: int | None) -> None:
        if not is_list_type(get_nullable_type(field.type)):
            page = LIST if size is None else size
            total.fixed = min(total.fixed + 1 + inner.fixed + inner.paged * page, CEILING)
            return
        each = 1 + inner.fixed + inner.paged * LIST
        if size is None:
            total.paged = min(total.paged + each, CEILING)
        else:
            total.fixed = min(total.fixed + each * size, CEILING)

    def _size(self, node: FieldNode, field: GraphQLField, introspection: bool) -> int | None:
        """How many objects the field's arguments ask for; None when they do not say."""
        if introspection:
            return {"types": len(self._schema.type_map), "args": 2}.get(node.name.value)
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        sizes = [self._number(given[name]) for name in SIZES if name in field.args and name in given]
        found = [size for size in sizes if size is not None]
        if found:
            return max(found)
        return PAGE if "first" in field.args or "last" in field.args else None

    def _number(self, value: ValueNode) -> int | None:
        if isinstance(value, VariableNode):
            self.size_variables.add(value.name.value)
            given = self._variables.get(value.name.value)
            return len(given) if isinstance(given, list) else _positive(given)
        if isinstance(value, ListValueNode):
            return len(value.values)
        return _positive(int(value.value[:16])) if isinstance(value, IntValueNode) else None


SIZES = ("first", "last", "ids")


def check_shape(survey: Survey, limits: Limits) -> None:
    """Refuse a document that is too large in any way that variables cannot change."""
    if len(survey.operations) > limits.operations:
        raise _too_much("operations", len(survey.operations), limits.operations)
    for _, measures in survey.operations:
        _check_operation(measures, limits)
    unfolded = survey.unfolded()
    if unfolded > limits.selections:
        raise _too_much("selections, with its fragments unfolded", unfolded, limits.selections)
    if not survey.cyclic:
        repetitions = survey.repetitions(limits.selections)
        if repetitions > limits.repetitions:
            raise _too_much("pairs of repeated fields", repetitions, limits.repetitions)


def _check_operation(measures: Measures, limits: Limits) -> None:
    check_nodes(measures, limits)
    for what, found, most in (
        ("levels of fields", measures.depth, limits.depth),
        ("aliases", measures.aliases, limits.aliases),
        ("root fields", measures.root_fields, limits.root_fields),
        ("directives", measures.directives, limits.directives),
    ):
        if found > most:
            raise _too_much(what, found, most)


def check_variables(variables: Mapping[str, Any]) -> None:
    """Refuse variables that are nested too deeply for the recursive functions that will read them."""
    waiting = [(value, 1) for value in variables.values()]
    while waiting:
        value, depth = waiting.pop()
        if type(value) is dict:
            inside: Iterable[Any] = value.values()
        elif type(value) is list:
            inside = value
        else:
            continue
        if depth > NESTING:
            raise _too_much("levels in one variable", depth, NESTING)
        waiting += [(each, depth + 1) for each in inside]


def check_nodes(measures: Measures, limits: Limits) -> None:
    """Refuse an operation that may return too many objects."""
    if measures.nodes > limits.nodes:
        raise _too_much("objects, by `first` and `last`", measures.nodes, limits.nodes)


def cost_of(operation: OperationDefinitionNode, measures: Measures) -> int:
    """Points that an operation costs at most: one for each object, and more for each change."""
    changes = measures.root_fields if operation.operation is OperationType.MUTATION else 0
    return max(1, measures.nodes + MUTATION_WEIGHT * changes)


def actual_nodes(data: bytes) -> int:
    """Objects that a response holds, by its JSON: a brace before a quote begins one, unless it ends a text.

    (To walk the response costs a third of all that is done for a large one. Without most of its characters, which say nothing
    here, and with one character for all that follows a text, it is counted in half of the time.)
    """
    marks = data.translate(_AFTER_TEXTS, _NO_MARKS)
    return marks.count(b'{"') - marks.count(b'{",')


_NO_MARKS = f"{string.ascii_letters}{string.digits}:+-_=. /".encode()
_AFTER_TEXTS = bytes.maketrans(b"}]", b",,")


def _too_much(what: str, found: int, most: int) -> Refused:
    number = f"over {most:,}" if found >= CEILING else f"{found:,}"
    message = f"The document asks for {number} {what}; the limit is {most:,}."
    return Refused.because(message, LIMIT_EXCEEDED)


def _positive(value: Any) -> int | None:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return min(max(value, 0), CEILING) if is_number else None


def _spreads(definition: OperationDefinitionNode | FragmentDefinitionNode) -> Iterator[str]:
    waiting: list[SelectionSetNode] = [definition.selection_set]
    while waiting:
        for selection in waiting.pop().selections:
            if isinstance(selection, FragmentSpreadNode):
                yield selection.name.value
            elif inner := selection.selection_set:  # type: ignore[attr-defined]
                waiting.append(inner)


def _innermost_first(spreads: Mapping[str, list[str]]) -> tuple[list[str], bool]:
    """The fragments, each after those that it spreads; and whether some spread themselves.

    Without recursion: a chain may be longer than Python's stack.
    """
    order: list[str] = []
    cyclic = False
    state: dict[str, bool] = {}  # False while its spreads are walked, True when done
    for start in spreads:
        if start in state:
            continue
        state[start] = False
        path = [(start, iter(spreads[start]))]
        while path:
            name, rest = path[-1]
            for spread in rest:
                if spread not in spreads:
                    continue
                if spread not in state:
                    state[spread] = False
                    path.append((spread, iter(spreads[spread])))
                    break
                cyclic = cyclic or not state[spread]
            else:
                path.pop()
                state[name] = True
                order.append(name)
    return order, cyclic


def _repeated_pairs(
    roots: list[SelectionSetNode], fragments: Mapping[str, FragmentDefinitionNode], most_steps: int
) -> int:
    """Follow the places of the response, each with all the selection sets that are merged there."""
    places = [[root] for root in roots]
    pairs = steps = 0
    while places and steps <= most_steps:
        merged: dict[str, list[FieldNode]] = {}
        seen: set[str] = set()
        waiting = places.pop()
        while waiting:
            for selection in waiting.pop().selections:
                steps += 1
                if isinstance(selection, FieldNode):
                    key = (selection.alias or selection.name).value
                    merged.setdefault(key, []).append(selection)
                elif not isinstance(selection, FragmentSpreadNode):
                    waiting.append(selection.selection_set)  # type: ignore[attr-defined]
                elif selection.name.value not in seen and selection.name.value in fragments:
                    seen.add(selection.name.value)
                    waiting.append(fragments[selection.name.value].selection_set)
        for nodes in merged.values():
            pairs += len(nodes) * (len(nodes) - 1) // 2
            if inner := [node.selection_set for node in nodes if node.selection_set]:
                places.append(inner)
    return pairs
