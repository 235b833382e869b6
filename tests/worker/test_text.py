import json

from hypothesis import given
from hypothesis import strategies as st

from app.worker.text import LONGEST_LINE, TAIL, Lines, Tail, storable


def lines_of(*chunks: bytes) -> list[str]:
    lines = Lines()
    return [line for chunk in chunks for line in lines.feed(chunk)] + list(lines.end())


def test_lines_end_where_the_newlines_are_however_the_bytes_arrive() -> None:
    assert lines_of(b"one\ntw", b"o\r\n", b"\nlast") == ["one", "two", "", "last"]


def test_a_character_torn_between_two_chunks_is_whole_in_its_line() -> None:
    whole = "grün\n".encode()

    assert lines_of(whole[:3], whole[3:]) == ["grün"]


def test_a_long_line_goes_on_in_the_next_without_tearing_a_character() -> None:
    line = "x" * (LONGEST_LINE - 1) + "üy"

    assert lines_of(line.encode()) == ["x" * (LONGEST_LINE - 1), "üy"]


def test_an_endless_line_is_not_waited_for() -> None:
    lines = Lines()

    assert list(lines.feed(b"x" * (LONGEST_LINE + 1))) == ["x" * LONGEST_LINE]


def test_invalid_bytes_are_replaced_and_nul_is_removed() -> None:
    assert lines_of(b"a\0b\xffc\n") == ["ab\N{REPLACEMENT CHARACTER}c"]


@given(st.lists(st.binary(max_size=3 * LONGEST_LINE), max_size=3))
def test_no_line_is_longer_than_the_server_takes(chunks: list[bytes]) -> None:
    for line in lines_of(*chunks):
        assert len(line.encode()) <= LONGEST_LINE
        assert "\0" not in line
        assert "\n" not in line


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), max_size=20_000), st.integers(1, 5000)
)
def test_nothing_of_a_text_is_lost(text: str, size: int) -> None:
    raw = text.encode()

    assert "".join(lines_of(*(raw[at : at + size] for at in range(0, len(raw), size)))) == text


def test_a_tail_keeps_the_end_and_begins_with_a_whole_character() -> None:
    tail = Tail()
    tail.add(("ü" * TAIL).encode())
    tail.add(b"!")

    assert tail.text() == "ü" * (TAIL // 2 - 1) + "!"


def test_what_neither_json_nor_postgresql_can_hold_is_taken_out_of_an_output() -> None:
    output = {"a\0": ["\ud800", float("nan"), float("inf"), 1.5, True, None, ("x",)]}

    assert storable(output) == {"a": ["?", None, None, 1.5, True, None, ["x"]]}
    assert json.loads(json.dumps(storable(output), allow_nan=False).encode()) == storable(output)
