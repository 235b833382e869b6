"""Which paths may stand in an artifact, and that none of them leads out of the directory where it is put."""

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.client.content import Content, content_of, contents_of
from app.client.errors import BadPath, TransferError
from app.client.parts import Part
from app.client.paths import checked, local_files, place

UNFIT = [
    "", "/abs", "a//b", "a/", "./a", "a/./b", "..", "../x", "a/../../x", "a\\b", "a\0b", "x" * 501,
    "\ud800", unicodedata.normalize("NFD", "é"),
]  # fmt: skip
EMPTY = Content("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", 0)
ABC = Content("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 3)


@pytest.mark.parametrize("path", UNFIT, ids=repr)
def test_a_path_that_may_not_stand_in_an_artifact_is_refused_and_nothing_is_made(
    path: str, tmp_path: Path
) -> None:
    with pytest.raises(BadPath):
        place(tmp_path / "target", path)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["a", "a/b/c.txt", "…", "é", ".hidden", "a b", "x" * 500, "a..b", "..."])
def test_a_plain_path_may_stand_in_an_artifact(path: str) -> None:
    assert checked(path) == path


@given(st.text(st.sampled_from("ab/.\\\0é~"), max_size=12))
def test_whatever_the_path_it_is_refused_or_lies_below_the_directory(path: str) -> None:
    directory = Path("/some/where")

    try:
        target = Path(os.path.normpath(directory / checked(path)))
    except BadPath:
        return

    assert target != directory
    assert target.is_relative_to(directory)


def test_a_symbolic_link_in_the_target_directory_leads_nobody_out(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "target" / "file").symlink_to(tmp_path / "outside" / "file")

    with pytest.raises(BadPath, match="symbolic link"):
        place(tmp_path / "target", "link/deep/file")
    with pytest.raises(BadPath, match="no file"):
        place(tmp_path / "target", "file")

    assert list((tmp_path / "outside").iterdir()) == []


def test_a_file_goes_under_its_name_and_a_directory_under_the_paths_below_it(tmp_path: Path) -> None:
    (tmp_path / "corpus" / "b").mkdir(parents=True)
    for name in ("one.txt", "corpus/z.txt", "corpus/b/a.txt"):
        (tmp_path / name).write_text(name)

    found = local_files([tmp_path / "corpus", tmp_path / "one.txt"])

    assert list(found) == ["b/a.txt", "one.txt", "z.txt"]
    assert all(file.read_text().endswith(path) for path, file in found.items())


def test_names_of_other_machines_are_brought_into_the_normal_form(tmp_path: Path) -> None:
    (tmp_path / unicodedata.normalize("NFD", "é")).write_text("")

    assert list(local_files(tmp_path)) == [unicodedata.normalize("NFC", "é")]


def test_what_is_no_file_is_not_uploaded(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "passwd").symlink_to("/etc/passwd")
    (tmp_path / "folders").mkdir()
    (tmp_path / "folders" / "etc").symlink_to("/etc")

    for source, why in (
        ("pipe", "is no file"), ("links", "symbolic link"), ("folders", "symbolic link"), ("none", "No such file"),
    ):  # fmt: skip
        with pytest.raises(BadPath, match=why):
            local_files(tmp_path / source)


def test_two_files_with_one_path_are_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "same").write_text(name)

    with pytest.raises(BadPath, match="would both be 'same'"):
        local_files([tmp_path / "a", tmp_path / "b"])


async def test_content_is_known_by_its_length_and_hash(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    (tmp_path / "empty").write_bytes(b"")

    assert await contents_of([tmp_path / "abc", tmp_path / "empty"]) == [ABC, EMPTY]


def test_a_part_goes_on_from_what_an_earlier_program_left(tmp_path: Path) -> None:
    target = tmp_path / "target"
    with Part(target, ABC) as part:
        part.add(b"ab")
    assert not target.exists()

    with Part(target, ABC) as part:
        part.read()
        assert part.length == 2
        part.add(b"c")
        assert part.finish()

    assert content_of(target) == ABC
    assert list(tmp_path.iterdir()) == [target]


def test_a_part_with_the_wrong_bytes_never_becomes_the_file(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("what was there before")

    with Part(target, ABC) as part:
        part.add(b"abd")
        assert not part.finish()
        assert part.length == 0

    assert target.read_text() == "what was there before"
    assert list(tmp_path.iterdir()) == [target]


def test_only_one_program_fetches_a_file(tmp_path: Path) -> None:
    with Part(tmp_path / "target", ABC) as part:
        part.add(b"a")
        with pytest.raises(TransferError, match="another program"), Part(tmp_path / "target", ABC):
            pass

    with Part(tmp_path / "target", ABC) as part:
        part.read()
        assert part.length == 1
