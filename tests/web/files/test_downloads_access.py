"""Who may download: by role, by cookie, and by an address that is signed."""

import asyncio
import os
import stat
import sys
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from app.actions import work
from app.actions.files import signing
from app.actions.files.signing import Signer, archive_path, download_url, file_path
from app.actions.sign_in import sign_in
from app.clock import now
from app.errors import BadInput, Unavailable
from app.models import WorkRequest, Workspace
from app.settings import Settings
from tests.access.world import MEMBERS, ROLES, World
from tests.cast import Cast
from tests.web.files.shelf import Shelf, url
from tests.web.files.test_downloads import TEXT, problem

ADDRESSES = ("files/fox.txt", "archive.tar.gz", "archive.zip")


async def test_whoever_sees_an_artifact_may_download_it_and_nobody_else(world: World, shelf: Shelf) -> None:
    running, waiting = world.rows[WorkRequest, "lab, the machine's"], world.rows[WorkRequest, "lab, waiting"]
    lab, open_, theirs = (world.rows[Workspace, word] for word in ("lab", "open", "theirs"))
    files = {"fox.txt": TEXT}
    artifacts = {
        "lab": await shelf.artifact(files, lab),
        "open": await shelf.artifact(files, open_),
        "theirs": await shelf.artifact(files, theirs),
        "made by the machine": await shelf.artifact(files, lab, created_by_work_request_id=running.id),
        "made by another request": await shelf.artifact(files, lab, created_by_work_request_id=waiting.id),
        "what the machine takes": await shelf.artifact(files, lab),
        "what another request takes": await shelf.artifact(files, lab),
    }
    await artifacts["what the machine takes"].used_by.add(running)
    await artifacts["what another request takes"].used_by.add(waiting)
    ours = set(ROLES) - {"zoe", "machine"}
    may = {
        "lab": MEMBERS,
        "open": ours,
        "theirs": {"zoe"},
        "made by the machine": MEMBERS | {"machine"},
        "made by another request": MEMBERS,
        "what the machine takes": MEMBERS | {"machine"},
        "what another request takes": MEMBERS,
    }

    for word, artifact in artifacts.items():
        for address in ADDRESSES:
            seen = set()
            for role in ROLES:
                for method in ("GET", "HEAD"):
                    response = await shelf.ask(method, f"/artifacts/{artifact.id}/{address}", world.who(role))
                    assert response.status_code in (200, 404)
                    if response.status_code == 200:
                        seen.add(role)
                    elif method == "GET":
                        assert problem(response) == (404, "NOT_FOUND")
            assert seen == may[word], f"{word}: {address}"


async def test_a_worker_sees_inputs_only_while_it_runs_the_request(world: World, shelf: Shelf) -> None:
    running = world.rows[WorkRequest, "lab, the machine's"]
    artifact = await shelf.artifact({"fox.txt": TEXT})
    await artifact.used_by.add(running)
    machine = world.cast.machine
    assert (await shelf.get(url(artifact, "fox.txt"), machine)).content == TEXT

    await work.abort_work_request(await world.cast.ann.viewer(), running.id)

    assert problem(await shelf.get(url(artifact, "fox.txt"), machine)) == (404, "NOT_FOUND")


async def test_a_token_that_is_not_good_is_refused_also_where_nobody_needs_one(
    world: World, shelf: Shelf
) -> None:
    artifact = await shelf.artifact({"fox.txt": TEXT}, world.open)

    response = await shelf.get(url(artifact, "fox.txt"), "no such key")

    assert problem(response) == (401, "UNAUTHENTICATED")
    assert response.headers["www-authenticate"] == "Bearer"


async def test_our_own_pages_may_download_with_the_cookie_and_others_may_not(
    cast: Cast, shelf: Shelf
) -> None:
    artifact = await shelf.artifact({"fox.txt": TEXT})
    session, _ = await sign_in("ann", "ann", "127.0.0.1")
    cookie = f"workyard_session={session.key}"
    other = {"origin": "https://elsewhere.example"}

    for address in ADDRESSES:
        path = f"/artifacts/{artifact.id}/{address}"
        for headers in ({}, {"sec_fetch_site": "same-origin"}, {"sec_fetch_site": "none"}):
            assert (await shelf.get(path, cookie=cookie, **headers)).status_code == 200
        for headers in (other, {"sec_fetch_site": "cross-site"}, {"sec_fetch_site": "same-site"}):
            assert problem(await shelf.get(path, cookie=cookie, **headers)) == (403, "FORBIDDEN")
        assert (await shelf.get(path, cast.vic, **other)).status_code == 200


def signed(shelf: Shelf, path: str, **time: float) -> str:
    """A signed address, without the server."""
    parts = urlsplit(download_url(shelf.settings, path, timedelta(**time)))
    assert f"{parts.scheme}://{parts.netloc}" == shelf.settings.bind_url
    return f"{parts.path}?{parts.query}"


async def test_a_signed_address_is_enough(shelf: Shelf) -> None:
    name = "a b/grüße?#%41.txt"
    artifact = await shelf.artifact({name: TEXT})
    file = signed(shelf, file_path(artifact.id, name), hours=1)

    get = await shelf.get(file)
    part = await shelf.get(file, range="bytes=4-8")
    head = await shelf.ask("HEAD", file)

    assert (get.status_code, get.content) == (200, TEXT)
    assert (part.status_code, part.content) == (206, TEXT[4:9])
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(TEXT)))
    for kind in ("tar.gz", "zip"):
        archive = await shelf.get(signed(shelf, archive_path(artifact.id, kind), days=7))
        assert archive.status_code == 200


async def test_a_signed_address_opens_nothing_else_and_nothing_longer(shelf: Shelf) -> None:
    artifact = await shelf.artifact({"fox.txt": TEXT, "other.txt": TEXT})
    good = signed(shelf, file_path(artifact.id, "fox.txt"), hours=1)
    path, _, query = good.partition("?")
    expires = int(query.partition("&")[0].removeprefix("expires="))
    signature = query.rpartition("=")[2]
    flipped = ("A" if signature[0] != "A" else "B") + signature[1:]

    for address in (
        good.replace(f"expires={expires}", f"expires={expires + 1}"),
        good.replace(f"expires={expires}", f"expires=9{expires}"),
        good.replace(signature, flipped),
        good.replace(signature, ""),
        good.replace(signature, "gr%C3%BC%C3%9Fe"),
        good.replace(signature, "%FF"),
        f"{path}?expires=&signature={signature}",
        f"{path}?expires=%D9%A1&signature={signature}",
        f"{path}?expires={'9' * 5000}&signature={signature}",
        f"{path}?signature={signature}",
        f"{good}&expires={expires}",
        f"{good}&signature={signature}",
        f"{url(artifact, 'other.txt')}?{query}",
        f"/artifacts/{artifact.id}/archive.zip?{query}",
        f"/artifacts/{artifact.id + 1}/files/fox.txt?{query}",
    ):
        assert problem(await shelf.get(address)) == (403, "FORBIDDEN"), address
        # Not even for those who may: what is wrong with an address should be seen by whoever made it.
        assert problem(await shelf.get(address, shelf.cast.ann)) == (403, "FORBIDDEN"), address
    for method in ("PUT", "PATCH", "DELETE", "POST"):
        assert (await shelf.ask(method, good)).status_code in (401, 403, 404, 405, 411, 412, 415)
    gone = signed(shelf, file_path(artifact.id, "gone.txt"), hours=1)
    assert problem(await shelf.get(gone)) == (404, "NOT_FOUND")


async def test_a_signed_address_ends_when_its_time_is_over(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = await shelf.artifact({"fox.txt": TEXT})
    address = signed(shelf, file_path(artifact.id, "fox.txt"), minutes=5)
    began = now()

    monkeypatch.setattr(signing, "now", lambda: began + timedelta(minutes=4, seconds=59))
    assert (await shelf.get(address)).status_code == 200

    monkeypatch.setattr(signing, "now", lambda: began + timedelta(minutes=5, seconds=2))
    response = await shelf.get(address)
    assert problem(response) == (403, "FORBIDDEN")
    assert "expired" in response.json()["detail"]


@pytest.mark.parametrize("time", [timedelta(0), timedelta(seconds=-1), timedelta(days=7, seconds=1)])
def test_an_address_is_signed_for_a_week_at_most(tmp_path: Path, time: timedelta) -> None:
    with pytest.raises(BadInput):
        download_url(Settings(data_dir=tmp_path), file_path(1, "a"), time)


def test_addresses_are_those_of_the_proxy_where_there_is_one(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, public_url="https://workyard.example/")

    plain = download_url(settings, file_path(7, "a b/ü"), None)
    with_signature = download_url(settings, archive_path(7, "zip"), timedelta(days=1))

    assert plain == "https://workyard.example/artifacts/7/files/a%20b/%C3%BC"
    assert with_signature.startswith("https://workyard.example/artifacts/7/archive.zip?expires=")


def test_the_key_is_made_once_and_only_we_can_read_it(tmp_path: Path) -> None:
    directory = tmp_path / "new" / "data"
    until = now() + timedelta(hours=1)

    signature = Signer.of(Settings(data_dir=directory)).sign("/a", until)
    signing._key.cache_clear()

    assert Signer.of(Settings(data_dir=directory)).sign("/a", until) == signature
    assert [path.name for path in directory.iterdir()] == ["signing-key"]
    assert stat.S_IMODE((directory / "signing-key").stat().st_mode) == 0o600
    assert (directory / "signing-key").stat().st_size == 32
    assert Signer.of(Settings(data_dir=tmp_path / "other")).sign("/a", until) != signature


async def test_processes_that_begin_at_once_have_one_key(tmp_path: Path) -> None:
    program = (
        "import sys, hashlib; from pathlib import Path; from app.actions.files.signing import _kept_key;"
        "sys.stdin.readline(); print(hashlib.sha256(_kept_key(Path(sys.argv[1]))).hexdigest())"
    )
    pipe = asyncio.subprocess.PIPE
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program, str(tmp_path / "data" / "signing-key")), stdin=pipe, stdout=pipe
        )
        for _ in range(4)
    ]

    answers = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))

    assert len({out for out, _ in answers}) == 1
    assert len(answers[0][0].strip()) == 64
    assert os.listdir(tmp_path / "data") == ["signing-key"]


def test_the_operators_key_counts_wherever_the_data_are(tmp_path: Path) -> None:
    key = SecretStr("k" * 32)
    until = now() + timedelta(hours=1)

    one, other = (Signer.of(Settings(data_dir=tmp_path / name, signing_key=key)) for name in "ab")

    assert one.sign("/a", until) == other.sign("/a", until)
    assert list(tmp_path.iterdir()) == []


def test_without_a_place_for_a_key_it_is_said_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(Unavailable, match="SIGNING_KEY"):
        download_url(Settings(data_dir=tmp_path / "file" / "data"), file_path(1, "a"), timedelta(hours=1))


def test_a_key_that_is_cut_short_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "signing-key").write_bytes(b"short")

    with pytest.raises(Unavailable):
        download_url(Settings(data_dir=tmp_path), file_path(1, "a"), timedelta(hours=1))
