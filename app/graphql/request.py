"""One request, as every transport hands it to the engine."""

from dataclasses import dataclass, field
from typing import Any

from graphql.execution.values import VariableValues

from app.graphql.response import Refused


@dataclass(slots=True)
class GraphQLRequest:
    """What a client sent, with its kinds checked. Either `query` or `document_id` is set."""

    query: str | None = None
    document_id: str | None = None
    operation_name: str | None = None
    variables: dict[str, Any] = field(default_factory=dict)
    extensions: dict[str, Any] = field(default_factory=dict)
    trace: dict[str, str] = field(default_factory=dict)
    """`traceparent` and `tracestate` that came with it."""
    coerced: VariableValues | None = None
    """Its variables as its operation takes them, once a plan has needed them: for when it comes again (`repeated`)."""

    @classmethod
    def parse(cls, payload: Any) -> "GraphQLRequest":
        """Read the JSON of a request; raise `Refused` when a member is of the wrong kind."""
        if isinstance(payload, list):
            raise Refused.not_a_request("Send one request at a time: batches are not served.")
        if not isinstance(payload, dict):
            raise Refused.not_a_request("A GraphQL request is a JSON object with `query` or `documentId`.")
        request = cls(
            query=_text(payload, "query"),
            document_id=_text(payload, "documentId") or _persisted(payload),
            operation_name=_text(payload, "operationName"),
            variables=_object(payload, "variables"),
            extensions=_object(payload, "extensions"),
        )
        if not request.query and not request.document_id:
            raise Refused.not_a_request("The request has neither a `query` nor a `documentId`.")
        return request

    @property
    def wants_cost(self) -> bool:
        """True when the client asks for `extensions.cost` by `"extensions": {"cost": true}`."""
        return self.extensions.get("cost") is True

    @property
    def wants_plan(self) -> bool:
        """True when the client asks by `"extensions": {"plan": true}` how each root field was answered."""
        return self.extensions.get("plan") is True


def _text(payload: dict[str, Any], name: str) -> str | None:
    value = payload.get(name)
    if value is None or isinstance(value, str):
        return value
    raise Refused.not_a_request(f"`{name}` must be a string.")


def _object(payload: dict[str, Any], name: str) -> dict[str, Any]:
    value = payload.get(name)
    if value is None:
        return {}
    if isinstance(value, dict):
        return value
    raise Refused.not_a_request(f"`{name}` must be an object.")


def _persisted(payload: dict[str, Any]) -> str | None:
    """The hash in the form that Apollo's persisted queries use."""
    extensions = payload.get("extensions")
    persisted = extensions.get("persistedQuery") if isinstance(extensions, dict) else None
    sha256 = persisted.get("sha256Hash") if isinstance(persisted, dict) else None
    return sha256 if isinstance(sha256, str) else None
