"""What the pages name is there: files, symbols, links, operations, states."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate
from prometheus_client import generate_latest

from app.models.tasks import FINAL
from app.models.work import TRANSITIONS
from app.tasks import broker
from tests.docs.pages import PAGES, ROOT, blocks, prose
from tests.tasks_yard import LEGAL

FOLDERS = "app|bench|docs|examples|migrations|tests|ui"
NAMED = re.compile(
    rf"`((?:{FOLDERS})(?:/[\w.…-]*)+|[A-Z]\w+\.md|pyproject\.toml|schema\.graphql)(?::\s+([\w.]+))?`"
)
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([\w-]+))?\)")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@each_page
def test_the_files_and_symbols_that_a_page_names_exist(page: Path) -> None:
    for path, symbol in NAMED.findall(page.read_text()):
        if "…" in path:
            continue
        file = ROOT / path
        assert file.exists(), f"there is no {path}"
        if symbol:
            assert symbol in set(symbols(file)), f"{path} has no {symbol}"


@each_page
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for path, anchor in LINK.findall(prose(page)):
        target = (page.parent / path) if path else page
        assert target.exists(), f"there is no {path}"
        if anchor:
            assert anchor in set(anchors(target)), f"{path} has no heading #{anchor}"


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema((ROOT / "schema.graphql").read_text())


@each_page
def test_the_operations_in_a_page_fit_the_schema(page: Path, schema: GraphQLSchema) -> None:
    for code in blocks(page, "graphql"):
        assert validate(schema, parse(code)) == []


def test_the_readme_follows_one_field_through_every_layer() -> None:
    named = {path for path, _ in NAMED.findall((ROOT / "README.md").read_text())}

    assert {
        "app/resolvers/work.py",
        "app/actions/work/ending.py",
        "app/models/work.py",
        "app/events.py",
        "app/subscriptions/work.py",
    } <= named


def test_the_states_that_are_drawn_are_the_states_that_there_are() -> None:
    drawing = blocks(ROOT / "docs" / "concepts" / "work.md", "mermaid")[0]
    arrows = set(re.findall(r"^ *([A-Z]+) --> ([A-Z]+)", drawing, re.MULTILINE))
    beginnings = set(re.findall(r"\[\*\] --> ([A-Z]+)", drawing))
    ends = set(re.findall(r"([A-Z]+) --> \[\*\]", drawing))

    assert arrows == {(status.name, to.name) for status, others in TRANSITIONS.items() for to in others}
    assert beginnings == {"BLOCKED", "PENDING"}
    assert ends == {status.name for status, others in TRANSITIONS.items() if not others}


def test_the_states_of_tasks_that_are_drawn_are_those_that_tests_hold_them_to() -> None:
    drawing = blocks(ROOT / "docs" / "concepts" / "tasks.md", "mermaid")[0]
    arrows = set(re.findall(r"^ *(\[\*\]|[A-Z]+) --> ([A-Z]+)", drawing, re.MULTILINE))
    ends = set(re.findall(r"([A-Z]+) --> \[\*\]", drawing))

    assert arrows == {
        (state.upper() if state else "[*]", to.upper()) for state, others in LEGAL.items() for to in others
    }
    assert ends == {state.name for state in FINAL}


def test_the_options_that_the_page_of_tasks_explains_are_those_that_an_actor_may_have() -> None:
    page = (ROOT / "docs" / "concepts" / "tasks.md").read_text().partition("## Options")[2]
    explained = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\|(.*?)\|", page, re.MULTILINE))))

    set_by_pipelines = {"pipe_target"}
    assert explained == broker.actor_options - set_by_pipelines | {"actor_name", "queue_name", "priority"}


def test_the_metrics_that_the_operators_guide_explains_are_exposed() -> None:
    import app.daemons.runner.telemetry
    import app.web.asgi  # noqa: F401  whatever counts is there once the server is
    from app.web.task_metrics import TaskMetrics

    explained = set(re.findall(r"`(workyard_\w+)`", (ROOT / "docs" / "guides" / "operating.md").read_text()))
    both = generate_latest() + generate_latest(TaskMetrics())
    exposed = set(re.findall(r"^# TYPE (workyard_\w+)", both.decode(), re.MULTILINE))

    assert explained <= exposed
    assert {name for name in exposed if not name.endswith("_created")} <= explained


def test_every_decision_is_listed_and_has_its_four_parts() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = {path for path, _ in LINK.findall((folder / "README.md").read_text())}

    assert listed == {file.name for file in folder.glob("0*.md")}
    for name in listed:
        headings = re.findall(r"^## (.*)$", (folder / name).read_text(), re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences", "What we did not choose"]


def symbols(file: Path) -> Iterator[str]:
    """The names that a file defines, those in classes dotted."""
    return _defined(ast.parse(file.read_text()).body, "")


def _defined(body: list[ast.stmt], prefix: str) -> Iterator[str]:
    for each in body:
        match each:
            case ast.ClassDef():
                yield prefix + each.name
                yield from _defined(each.body, f"{prefix}{each.name}.")
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield prefix + each.name
            case ast.Assign():
                yield from (
                    prefix + name.id
                    for target in each.targets
                    for name in ast.walk(target)
                    if isinstance(name, ast.Name)
                )
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield prefix + name


def anchors(page: Path) -> Iterator[str]:
    """The fragments that lead to the headings of a page, as GitHub makes them."""
    for heading in re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE):
        yield re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
