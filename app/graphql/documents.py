"""Documents, prepared once: parsed, measured, validated, and kept while they are in use.

A document may be sent as text, or named by its SHA-256 when it is one of the operator's trusted documents.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import structlog
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLSchema,
    GraphQLSyntaxError,
    IntValueNode,
    NoFragmentCyclesRule,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    Visitor,
    parse,
    specified_rules,
    validate,
    visit,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from app.graphql import metrics
from app.graphql.limits import Limits, Measures, Survey, check_nodes, check_shape, cost_of
from app.graphql.request import GraphQLRequest
from app.graphql.response import (
    DOCUMENT_NOT_FOUND,
    DOCUMENT_NOT_TRUSTED,
    LIMIT_EXCEEDED,
    OPERATION_NAME_REQUIRED,
    OPERATION_NOT_FOUND,
    PARSE_FAILED,
    VALIDATION_FAILED,
    Refused,
    refuse,
)

log = structlog.get_logger("graphql")

RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)
MOST_ERRORS = 20
SIZES_KEPT = 32


class Operation:
    """One operation of a prepared document. What can be known of it before its variables is found out once, here."""

    def __init__(self, prepared: "Prepared", node: OperationDefinitionNode, measures: Measures) -> None:
        self.prepared = prepared
        self.node = node
        self.name = node.name.value if node.name else None
        self.type = node.operation
        self.kind = node.operation.value
        """query, mutation or subscription."""
        self.introspects = measures.introspects
        self.puts_off = prepared.puts_off
        """Which of @defer and @stream its document uses."""
        self.cursor_variables = (
            _cursor_variables(prepared.document, node)
            if self.type is OperationType.SUBSCRIPTION
            else frozenset()
        )
        """Variables that only say where a subscription starts, and so change nothing in what it sends."""
        self._costs: dict[tuple[Any, ...], int] = {}
        if not prepared.size_variables:
            self._costs[()] = cost_of(node, measures)

    def cost(self, variables: Mapping[str, Any]) -> int:
        """Points that the operation costs at most; raise `Refused` when it asks for too many objects."""
        sizes = tuple(_size(variables.get(name)) for name in self.prepared.size_variables)
        found = self._costs.get(sizes)
        if found is None:
            if len(self._costs) >= SIZES_KEPT:
                self._costs.clear()
            found = self._costs[sizes] = self.prepared.cost(self.node, variables)
        return found


class Prepared:
    """A document that passed the limits and validation."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, survey: Survey, limits: Limits) -> None:
        self.document = document
        self.size_variables = tuple(sorted(survey.size_variables))
        self.puts_off = survey.directives & {"defer", "stream"}
        self._schema = schema
        self._limits = limits
        self._operations = [Operation(self, node, measures) for node, measures in survey.operations]

    def select(self, name: str | None) -> Operation:
        """The operation to run: the named one, or the only one."""
        if name is None and len(self._operations) == 1:
            return self._operations[0]
        if name is None:
            many = "The document has several operations: say which by `operationName`."
            raise Refused.because(
                many if self._operations else "The document has no operation.", OPERATION_NAME_REQUIRED
            )
        for operation in self._operations:
            if operation.name == name:
                return operation
        raise Refused.because(f"The document has no operation named '{name}'.", OPERATION_NOT_FOUND)

    def cost(self, node: OperationDefinitionNode, variables: Mapping[str, Any]) -> int:
        """What an operation costs under these variables, walked anew."""
        values = {**_defaults(node), **variables}
        survey = Survey(self._schema, self.document, values)
        measures = next(measures for each, measures in survey.operations if each is node)
        check_nodes(measures, self._limits)
        return cost_of(node, measures)


class Documents:
    """A bounded cache of prepared documents, and the way into it."""

    def __init__(
        self,
        schema: GraphQLSchema,
        limits: Limits,
        *,
        trusted: "TrustedDocuments",
        most: int = 1000,
        most_characters: int = 4_000_000,
    ) -> None:
        self._schema = schema
        self._limits = limits
        self._trusted = trusted
        self._most = most
        self._most_characters = most_characters
        self._characters = 0
        self._kept: OrderedDict[str, Prepared] = OrderedDict()

    def prepare(self, request: GraphQLRequest) -> Prepared:
        """The document that a request means; raise `Refused` when it cannot be served."""
        text = self._trusted.text_of(request)
        prepared = self._kept.get(text)
        if prepared is not None:
            self._kept.move_to_end(text)
            metrics.DOCUMENTS_FOUND.inc()
            return prepared
        metrics.DOCUMENTS_PREPARED.inc()
        prepared = prepare(self._schema, text, self._limits)
        self._keep(text, prepared)
        return prepared

    def _keep(self, text: str, prepared: Prepared) -> None:
        self._kept[text] = prepared
        self._characters += len(text)
        while len(self._kept) > self._most or self._characters > self._most_characters:
            dropped, _ = self._kept.popitem(last=False)
            self._characters -= len(dropped)


def prepare(schema: GraphQLSchema, text: str, limits: Limits) -> Prepared:
    """Parse, measure and validate a document; raise `Refused` when any of it fails."""
    document = _parse(text, limits)
    survey = Survey(schema, document)
    check_shape(survey, limits)
    # Rules that follow fragments need not end, or not soon, on fragments that spread themselves.
    rules = [NoFragmentCyclesRule] if survey.cyclic else RULES
    if errors := validate(schema, document, rules, max_errors=MOST_ERRORS):
        raise refuse(errors, VALIDATION_FAILED)
    return Prepared(schema, document, survey, limits)


def _parse(text: str, limits: Limits) -> DocumentNode:
    if len(text) > limits.characters:
        message = f"The document is {len(text):,} characters long; the limit is {limits.characters:,}."
        raise Refused.because(message, LIMIT_EXCEEDED)
    try:
        return parse(text, max_tokens=limits.tokens)
    except GraphQLSyntaxError as error:
        # graphql-core stops at what is too long or too deep by an error of this kind, and ends its message so.
        raise refuse([error], LIMIT_EXCEEDED if "aborted" in error.message else PARSE_FAILED) from None


class TrustedDocuments:
    """The documents that the operator trusts: every *.graphql file of a directory, known by its SHA-256."""

    def __init__(self, mode: Literal["off", "allow", "only"] = "off", directory: Path | None = None) -> None:
        self._mode = mode
        self._texts: dict[str, str] = {}
        if directory is not None and mode != "off":
            for file in sorted(directory.glob("**/*.graphql")):
                text = file.read_text("utf-8")
                self._texts[hashlib.sha256(text.encode()).hexdigest()] = text
            log.info("graphql.trusted_documents", directory=str(directory), documents=len(self._texts))

    def text_of(self, request: GraphQLRequest) -> str:
        """The text of the document that a request names or sends."""
        if request.query and self._mode != "only":
            return request.query
        sha256 = _sha256_of(request)
        if sha256 in self._texts:
            return self._texts[sha256]
        if self._mode == "only" and request.query:
            message = "This server runs trusted documents only: send the `documentId` of one."
            raise Refused.because(message, DOCUMENT_NOT_TRUSTED)
        message = f"There is no trusted document with the SHA-256 '{sha256}'."
        raise Refused.because(message, DOCUMENT_NOT_FOUND)


def _sha256_of(request: GraphQLRequest) -> str:
    if request.document_id:
        return request.document_id.removeprefix("sha256:").lower()
    return hashlib.sha256((request.query or "").encode()).hexdigest()


def _size(value: Any) -> int | None:
    if isinstance(value, list):
        return len(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _defaults(node: OperationDefinitionNode) -> dict[str, Any]:
    """Default values of the variables that could size a page."""
    return {
        each.variable.name.value: int(each.default_value.value[:16])
        for each in node.variable_definitions or ()
        if isinstance(each.default_value, IntValueNode)
    }


def _cursor_variables(document: DocumentNode, node: OperationDefinitionNode) -> frozenset[str]:
    """The variables that are used as `after` of a root field and nowhere else."""
    cursors = [
        argument.value.name.value
        for root in _root_fields(document, node)
        for argument in root.arguments or ()
        if argument.name.value == "after" and isinstance(argument.value, VariableNode)
    ]
    uses = _variable_uses(document)
    return frozenset(
        name for name in cursors if uses[name] - cursors.count(name) == 1
    )  # 1: where it is declared


def _root_fields(document: DocumentNode, node: OperationDefinitionNode) -> list[FieldNode]:
    fragments = {
        each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
    }
    fields: list[FieldNode] = []
    waiting = [node.selection_set]
    while waiting:
        for selection in waiting.pop().selections:
            if isinstance(selection, FieldNode):
                fields.append(selection)
            elif name := getattr(selection, "name", None):
                waiting.append(fragments[name.value].selection_set)
            else:
                waiting.append(selection.selection_set)  # type: ignore[attr-defined]
    return fields


def _variable_uses(document: DocumentNode) -> dict[str, int]:
    uses: dict[str, int] = {}

    class Count(Visitor):
        def enter_variable(self, node: VariableNode, *_: Any) -> None:
            uses[node.name.value] = uses.get(node.name.value, 0) + 1

    visit(document, Count())
    return uses
