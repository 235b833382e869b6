"""Who takes part: how each is started, with which database, and what it does not do that we do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from app.database.address import Credentials
from bench.graphql.data import KEY, Known
from bench.graphql.documents import DOCUMENTS, Question, Variables, work_request
from bench.graphql.environment import Environment
from bench.graphql.peers.postgraphile import documents as postgraphile
from bench.graphql.peers.strawberry_django import documents as strawberry_django
from bench.graphql.serving import libpq, python
from bench.place import PASSWORD

PREPARE_POSTGRAPHILE = Path(__file__).with_name("peers") / "postgraphile" / "prepare.sql"


def bearer(known: Known) -> dict[str, str]:
    return {"Authorization": f"Bearer {KEY}"}


def by_name(known: Known) -> dict[str, str]:
    """The peers believe who it is that asks."""
    return {"x-user": str(known.user)}


@dataclass(frozen=True)
class Contender:
    """One server."""

    name: str
    does: str
    """What is peculiar to it, for the table."""
    command: Callable[[Environment], list[str]]
    needs: str = ""
    """Which of the environments of peers: `python` or `node`. Without it, it is left out."""
    settings: Mapping[str, str] = field(default_factory=dict)
    prepare: Path | None = None
    """SQL for its copy of the data. Without, and unless it is ours, it shares one with others."""
    own: bool = False
    headers: Callable[[Known], dict[str, str]] = by_name
    questions: Mapping[str, Question] = field(default_factory=lambda: DOCUMENTS)
    one: Callable[[int], Variables] = work_request
    """The variables that ask for one object, by its number."""
    checks: bool = True
    """False: it shows everything to everybody."""

    def environment(self, database: Credentials) -> dict[str, str]:
        return {**libpq(database), **self.settings}


@dataclass(frozen=True)
class Ours(Contender):
    """Workyard, which finds its database by a URL."""

    own: bool = True
    headers: Callable[[Known], dict[str, str]] = bearer

    def environment(self, database: Credentials) -> dict[str, str]:
        url = f"postgresql://{database['user']}@/{database['database']}?host={quote(str(database['host']), safe='')}"
        # What one token may ask for in a minute is counted as ever, but enough.
        plenty = {"COST_LIMIT": "1000000000", "COST_REFILL_PER_SECOND": "1000000000"}
        return {"DATABASE_URL": url, "WORKYARD_ADMIN_PASSWORD": PASSWORD, **plenty, **self.settings}


def _module(name: str) -> Callable[[Environment], list[str]]:
    return lambda environment: python(f"bench.graphql.peers.{name}")


def _node(name: str) -> Callable[[Environment], list[str]]:
    return lambda environment: environment.script(name)


GRANIAN = (
    "--workers",
    "1",
    "--blocking-threads",
    "1",
    "--no-ws",
    "--host",
    "127.0.0.1",
    "--log-level",
    "warning",
    "bench.graphql.peers.strawberry_django.application:application",
)

WORKYARD, ORDINARY = "workyard", "workyard, ordinary executor"
JSON_BY_POSTGRESQL, FLAT_ROWS = "hand-written, JSON by PostgreSQL", "hand-written, flat rows"
POSTGRAPHILE, POSTGRAPHILE_RLS = "PostGraphile, no visibility", "PostGraphile, row-level security"
MERCURIUS = "Mercurius, graphql-jit"
STRAWBERRY, GRAPHQL_WS = "Strawberry's own handler", "graphql-ws on Node"

SHIPPED = Ours(WORKYARD, "as shipped: token, visibility, limits, metrics", lambda _: python("app", "serve"))

CONTENDERS = [
    SHIPPED,
    Ours(
        ORDINARY,
        "the same, COMPILED_READS=false",
        lambda _: python("app", "serve"),
        settings={"COMPILED_READS": "false"},
    ),
    Contender(
        JSON_BY_POSTGRESQL,
        "Starlette, asyncpg: knows the four documents; visibility in SQL, no token",
        _module("handwritten.json_by_postgresql"),
    ),
    Contender(
        FLAT_ROWS,
        "Starlette, asyncpg: knows the four documents; visibility in SQL, no token",
        _module("handwritten.flat_rows"),
    ),
    Contender(
        POSTGRAPHILE,
        "everybody sees everything; the event by a trigger",
        _node("postgraphile"),
        needs="node",
        prepare=PREPARE_POSTGRAPHILE,
        questions=postgraphile.DOCUMENTS,
        one=postgraphile.work_request,
        checks=False,
    ),
    Contender(
        POSTGRAPHILE_RLS,
        "row-level security by the name in a header; the event by a trigger",
        _node("postgraphile"),
        needs="node",
        settings={"VISIBILITY": "rls"},
        prepare=PREPARE_POSTGRAPHILE,
        questions=postgraphile.DOCUMENTS,
        one=postgraphile.work_request,
    ),
    Contender(
        MERCURIUS,
        "SQL and loaders by hand; visibility in SQL by the name in a header",
        _node("mercurius"),
        needs="node",
    ),
    Contender(
        "Apollo Server, dataloaders",
        "SQL and loaders by hand; visibility in SQL by the name in a header",
        _node("apollo"),
        needs="node",
    ),
    Contender(
        "Ariadne, dataloaders",
        "asyncpg, SQL and loaders by hand; visibility in SQL by the name in a header",
        lambda environment: python("bench.graphql.peers.ariadne.serve", program=environment.interpreter),
        needs="python",
    ),
    Contender(
        "strawberry-django",
        "its optimizer, psycopg, granian with one thread; visibility by get_queryset and the name in a header",
        lambda environment: python("granian", *GRANIAN, program=environment.interpreter),
        settings={"GRANIAN_INTERFACE": "wsgi"},
        needs="python",
        questions=strawberry_django.DOCUMENTS,
        one=strawberry_django.work_request,
    ),
]

FOLLOWED = [
    SHIPPED,
    Contender(
        STRAWBERRY,
        "its ASGI handler on uvicorn; events in memory, no token",
        lambda environment: python("bench.graphql.peers.strawberry.serve", program=environment.interpreter),
        needs="python",
    ),
    Contender(
        GRAPHQL_WS, "with ws and graphql-js; events in memory, no token", _node("graphql_ws"), needs="node"
    ),
]
"""Who sends events to subscribers."""
