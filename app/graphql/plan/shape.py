"""From a document to its shape: which fields it selects, once the values of its conditions are known.

graphql-core collects them, as it does for the ordinary executor, so that both agree on what is selected, and in which order.
"""

from collections.abc import Hashable
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    get_named_type,
    visit,
)
from graphql.execution.collect_fields import (
    FieldDetailsList,
    FragmentDetails,
    GroupedFieldSet,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues

from app.graphql.plan.declared import Declined


class Selected:
    """A field under its response key. It may stand in several places of the document, which were merged."""

    def __init__(self, key: str, details: FieldDetailsList, parent: GraphQLObjectType, field: Any) -> None:
        self.key = key
        self.details = details
        self.node = details[0].node
        self.name = self.node.name.value
        self.parent = parent
        self._field = field

    @property
    def field(self) -> GraphQLField:
        """Its definition; `__typename` and the like have none of ours."""
        if self._field is None:
            raise Declined("it is about the schema")
        return self._field  # type: ignore[no-any-return]

    @property
    def object_type(self) -> GraphQLObjectType:
        """The type of its objects."""
        type_ = get_named_type(self.field.type)
        if not isinstance(type_, GraphQLObjectType):
            raise Declined(f"{type_.name} is of several types")
        return type_


class Shape:
    """What one operation selects under one set of conditions."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: VariableValues,
    ) -> None:
        self.schema = schema
        self._node = operation
        self._variables = variables
        self._fragments = {
            each.name.value: FragmentDetails(each)
            for each in document.definitions
            if isinstance(each, FragmentDefinitionNode)
        }

    def roots(self) -> list[Selected]:
        """The root fields."""
        root = self.schema.get_root_type(self._node.operation)
        assert root is not None
        found = collect_fields(self.schema, self._fragments, self._variables, root, self._node)
        return self._selected(found.grouped_field_set, root)

    def below(self, selected: Selected, type_: GraphQLObjectType) -> list[Selected]:
        """The fields that are selected below one, of an object of that type."""
        found = collect_subfields(
            self.schema, self._fragments, self._variables, self._node, type_, selected.details
        )
        return self._selected(found.grouped_field_set, type_)

    def _selected(self, grouped: GroupedFieldSet, parent: GraphQLObjectType) -> list[Selected]:
        return [
            Selected(key, details, parent, parent.fields.get(details[0].node.name.value))
            for key, details in grouped.items()
        ]


def condition_variables(document: DocumentNode) -> tuple[str, ...]:
    """The variables that decide what is selected: those of @skip and @include."""
    found: set[str] = set()

    class Find(Visitor):
        def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
            if node.name.value in ("skip", "include"):
                for argument in node.arguments or ():
                    if isinstance(argument.value, VariableNode):
                        found.add(argument.value.name.value)

    visit(document, Find())
    return tuple(sorted(found))


def conditions(names: tuple[str, ...], variables: VariableValues) -> Hashable:
    """The values of those variables. They are booleans, or validation had not let the document through."""
    return tuple(variables.coerced.get(name) for name in names)
