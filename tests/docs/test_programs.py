"""Programs in the pages do what the pages say of them."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.conformance.test_conformance import MODULES, node
from tests.docs.pages import ROOT, blocks
from tests.live import LiveServer
from tests.machine import said

__all__ = ["node"]  # a fixture

GUIDES = ROOT / "docs" / "guides"
SECONDS = 60


APOLLO = """
import { gql } from '@apollo/client';
const WATCH = gql`subscription($after: Cursor) { workRequestChanged(after: $after) { cursor status workRequest { id } } }`;
const { data } = await client.query({ query: gql`{ eventCursor }` });
const seen = [];
const watching = (after, enough) => new Promise((resolve) => {
  const stop = watch(WATCH, after, (event) => { seen.push(event.status); if (enough(event)) { stop(); resolve(event.cursor); } });
});
const submit = () => client.mutate({ mutation: gql`mutation {
  createWorkRequest(input: { taskName: "noop" }) { workRequest { id } userErrors { message } } }` });
await submit();
const middle = await watching(data.eventCursor, ({ status }) => status === 'RUNNING');
await watching(middle, ({ status }) => status === 'COMPLETED');
console.log(seen.join(' '));
process.exit(0);
"""

URQL = """
import { gql } from '@urql/core';
const WATCH = gql`subscription($after: Cursor) { workRequestChanged(after: $after) { cursor status } }`;
const { data } = await client.query(gql`{ eventCursor }`, {}).toPromise();
const { error } = await client.mutation(gql`mutation {
  createWorkRequest(input: { taskName: "noop" }) { workRequest { id } userErrors { message } } }`, {}).toPromise();
if (error) throw error;
const seen = [];
client.subscription(WATCH, { after: data.eventCursor }).subscribe(({ data, error }) => {
  if (error) throw error;
  seen.push(data.workRequestChanged.status);
  if (data.workRequestChanged.status === 'COMPLETED') { console.log(seen.join(' ')); process.exit(0); }
});
"""


async def test_the_python_that_submits_and_waits_gets_the_output(yard: LiveServer, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(blocks(GUIDES / "watching.md", "python")[0])

    printed = await said(
        [sys.executable, "program.py"],
        tmp_path,
        PYTHONPATH=str(ROOT),
        WORKYARD_URL=yard.url,
        WORKYARD_TOKEN=await yard.sign_in(),
    )

    assert printed == "SUCCESS 4\n\n"


@pytest.mark.node
@pytest.mark.parametrize(("which", "use"), [(0, APOLLO), (1, URQL)], ids=["apollo", "urql"])
async def test_the_javascript_that_watches_sees_every_change_once(
    node: str, yard: LiveServer, tmp_path: Path, which: int, use: str
) -> None:
    snippet = blocks(GUIDES / "watching.md", "js")[which].replace(
        "127.0.0.1:8000", yard.url.removeprefix("http://")
    )
    begin = f"import WS from 'ws';\nglobalThis.WebSocket ??= WS;\nconst key = '{await yard.sign_in()}';\n"
    (tmp_path / "program.mjs").write_text(begin + snippet + use)
    (tmp_path / "node_modules").symlink_to(MODULES)

    printed = await said([node, "program.mjs"], tmp_path)

    assert printed.split() == ["PENDING", "RUNNING", "COMPLETED"]


def test_the_handler_in_the_guide_is_the_example_that_can_be_installed() -> None:
    guide, example = GUIDES / "workers.md", ROOT / "examples" / "word-count"

    assert (example / "word_count.py").read_text().endswith(blocks(guide, "python")[0])
    project = tomllib.loads((example / "pyproject.toml").read_text())["project"]
    assert tomllib.loads(blocks(guide, "toml")[0])["project"]["entry-points"] == project["entry-points"]


def test_the_program_in_the_guide_to_artifacts_is_the_example() -> None:
    program = blocks(GUIDES / "artifacts.md", "python")[0]

    assert (ROOT / "examples" / "artifacts" / "count_words.py").read_text().endswith(program)


def test_the_handler_in_the_guide_to_artifacts_works(tmp_path: Path) -> None:
    handler = blocks(GUIDES / "artifacts.md", "python")[1]
    corpus = ROOT / "examples" / "artifacts" / "corpus"
    (tmp_path / "inputs").mkdir()
    (tmp_path / "inputs" / "corpus").symlink_to(corpus)
    use = (
        "print(CountLines().run(WorkRequest('x', 1, 'count_lines', {})).output_data, context.described.data)"
    )
    (tmp_path / "use.py").write_text(f"{handler}\n\n{use}")

    printed = subprocess.run(
        [sys.executable, "use.py"], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=SECONDS, check=True,
    ).stdout  # fmt: skip

    assert printed == "{'lines': 8} {'texts': 2}\n"
    assert (tmp_path / "outputs" / "lines" / "tyger.txt").read_text() == "4\n"


@pytest.mark.parametrize(("which", "example"), [(0, "reports.py"), (1, "order.py")])
def test_the_programs_in_the_guide_to_tasks_are_the_examples(which: int, example: str) -> None:
    program = blocks(GUIDES / "tasks.md", "python")[which]

    assert (ROOT / "examples" / "tasks" / example).read_text().endswith(program)


def test_the_schedule_in_the_guide_to_tasks_can_be_declared(tmp_path: Path) -> None:
    actors, _, schedule = blocks(GUIDES / "tasks.md", "python")
    show = "print([(spec.actor_name, spec.crontab) for spec in schedules])"
    (tmp_path / "reports.py").write_text(actors)
    (tmp_path / "show.py").write_text(f"from reports import *\n{schedule}\n{show}")

    printed = subprocess.run(
        [sys.executable, "show.py"], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=SECONDS, check=True,
    ).stdout  # fmt: skip

    assert printed == "[('reports.count_words', '0 6 * * mon-fri')]\n"
