import pytest

from app.stores import Key
from tests.stores.content import key_of

DIGEST = "ab" * 32


def test_a_key_lies_at_its_hash_and_size() -> None:
    key = key_of(b"hello")

    assert key.path == f"2c/f2/4d/{key.sha256}-5"
    assert Key.parse(key.path) == key
    assert Key.of_digest(bytes.fromhex(key.sha256), 5) == key


@pytest.mark.parametrize(
    ("sha256", "size"),
    [
        ("", 1),
        (DIGEST[1:], 1),
        (DIGEST + "a", 1),
        (DIGEST.upper(), 1),
        (DIGEST[:-1] + "\n", 1),
        (DIGEST + "\n", 1),
        ("../" * 21 + "a", 1),
        (DIGEST[:-1] + "\N{ARABIC-INDIC DIGIT ONE}", 1),
        (DIGEST, -1),
        (DIGEST, 2**63),
    ],
)
def test_nothing_else_is_a_key(sha256: str, size: int) -> None:
    with pytest.raises(ValueError, match="expected a"):
        Key(sha256, size)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "notes.txt",
        f"ab/ab/ab/{DIGEST}",
        f"ab/ab/ab/{DIGEST}-01",
        f"ab/ab/ab/{DIGEST}--1",
        f"ab/ab/ab/{DIGEST}-1\n",
        f"ab/ab/ac/{DIGEST}-1",
        f"/ab/ab/ab/{DIGEST}-1",
        f"ab/ab/ab/{DIGEST}-9999999999999999999",
        f"x/../ab/ab/ab/{DIGEST}-1",
    ],
)
def test_a_path_that_no_key_has_is_the_path_of_none(path: str) -> None:
    assert Key.parse(path) is None
