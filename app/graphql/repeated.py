"""Requests that come again and again, as those of a page that many look at: read once, byte for byte."""

from collections import OrderedDict

from graphql import OperationType

from app.graphql import metrics
from app.graphql.documents import Operation
from app.graphql.request import GraphQLRequest

MOST = 2_000
MOST_BYTES = 2_000_000
LONGEST = 8_000  # bytes of one body

Found = tuple[GraphQLRequest, Operation]


class Repeated:
    """Queries by their body, bounded by count and bytes. Nothing of who sent them is in here.

    Only queries, and only with variables that nobody could change: what is found is the same object each time.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, Found] = OrderedDict()
        self._bytes = 0

    def get(self, body: bytes) -> Found | None:
        """What this body means, if it came before."""
        found = self._kept.get(body)
        if found is not None:
            self._kept.move_to_end(body)
            metrics.DOCUMENTS_FOUND.inc()
        return found

    def keep(self, body: bytes, request: GraphQLRequest, operation: Operation) -> None:
        """Remember what it means, where that is worth it."""
        if len(body) > LONGEST or operation.type is not OperationType.QUERY or body in self._kept:
            return
        if request.extensions or any(isinstance(value, dict | list) for value in request.variables.values()):
            return
        self._kept[body] = request, operation
        self._bytes += len(body)
        while len(self._kept) > MOST or self._bytes > MOST_BYTES:
            dropped, _ = self._kept.popitem(last=False)
            self._bytes -= len(dropped)
