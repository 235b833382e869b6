"""Real JavaScript clients against a real server. The scripts beside this file say what each client must be able to do."""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import httpx
import pytest

from tests.live import LiveServer
from tests.machine import said

pytestmark = pytest.mark.node

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
INSTALLED_FROM = MODULES / "installed-from.txt"
OLDEST_NODE = 20


@pytest.fixture(scope="session")
def node() -> str:
    """The program, with the clients installed as the lock has them."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if program is None or npm is None:
        _not_here("no Node.js on this machine")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    if int(re.findall(r"\d+", version)[0]) < OLDEST_NODE:
        _not_here(f"Node.js {version.strip()} is older than {OLDEST_NODE}")
    locked = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    if not INSTALLED_FROM.is_file() or INSTALLED_FROM.read_text() != locked:
        installed = subprocess.run([npm, "ci", "--silent"], cwd=HERE, capture_output=True, text=True)
        if installed.returncode:
            _not_here(f"npm cannot install the clients: {installed.stderr or installed.stdout}")
        INSTALLED_FROM.write_text(locked)
    return program


@pytest.fixture(scope="session")
async def key(live_server: LiveServer) -> str:
    """A key of the administrator."""
    return await live_server.sign_in()


@pytest.mark.parametrize("script", ["graphql_ws", "graphql_sse", "apollo", "urql"])
async def test_a_client_queries_changes_subscribes_and_resumes(
    node: str, live_server: LiveServer, key: str, script: str
) -> None:
    await said([node, f"{script}.mjs", live_server.graphql, key], HERE)


async def test_all_audits_of_graphql_over_http_are_ok(node: str, live_server: LiveServer, key: str) -> None:
    output = await said([node, "audits.mjs", live_server.graphql, key], HERE)

    assert "61/61 audits ok" in output


async def test_relay_compiles_documents_against_the_published_schema(
    node: str, live_server: LiveServer, tmp_path: Path
) -> None:
    project = shutil.copytree(HERE / "relay", tmp_path / "relay")
    async with httpx.AsyncClient(verify=False) as http:
        (project / "schema.graphql").write_text((await http.get(f"{live_server.url}/schema.graphql")).text)

    await said([node, str(MODULES / "relay-compiler" / "cli.js"), "relay.config.json"], project)

    compiled = {file.name for file in project.rglob("*.graphql.js")}
    assert {"WorkRequestsQuery.graphql.js", "WorkRequestsChangedSubscription.graphql.js"} <= compiled


def _not_here(reason: str) -> NoReturn:
    if os.environ.get("REQUIRE_ALL") == "1" or os.environ.get("REQUIRE_NODE") == "1":
        pytest.fail(f"{reason}, and this run requires it", pytrace=False)
    pytest.skip(reason)
