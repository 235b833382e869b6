"""Any Range, If-Range, If-Match and If-None-Match, against a model of RFC 9110 that is written here from its text."""

import string

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.web.files.shelf import Shelf, url
from tests.web.files.test_downloads import TEXT, parts_of, problem, tag

SIZE = len(TEXT)
CURRENT = tag(TEXT)
Outcome = tuple[int, list[bytes]]
"""The status, and the bytes of each part."""


def elements(header: str) -> list[str]:
    """5.6.1: a list with commas, of which those who read ignore empty elements. Quoted strings are not cut."""
    found, current, quoted = [], "", False
    for character in header:
        quoted ^= character == '"'
        if character == "," and not quoted:
            found.append(current)
            current = ""
        else:
            current += character
    return [element for element in (each.strip(" \t") for each in [*found, current]) if element]


def is_entity_tag(text: str) -> bool:
    """8.8.3: entity-tag = [ weak ] DQUOTE *etagc DQUOTE; etagc = %x21 / %x23-7E / obs-text"""
    opaque = text[2:] if text.startswith("W/") else text
    if len(opaque) < 2 or opaque[0] != '"' or opaque[-1] != '"':
        return False
    return all(each == "!" or "#" <= each <= "~" or "\x80" <= each <= "\xff" for each in opaque[1:-1])


def tags(header: str) -> list[str]:
    """The entity tags of a list; none, when something else is among them."""
    found = elements(header)
    return found if all(map(is_entity_tag, found)) else []


def conditions(if_match: str | None, if_none_match: str | None) -> int | None:
    """13.2.2: first If-Match by strong comparison (13.1.1), then If-None-Match by weak comparison (13.1.2)."""
    if if_match and if_match != "*" and CURRENT not in tags(if_match):
        return 412
    if if_none_match and (
        if_none_match == "*" or any(each in (CURRENT, "W/" + CURRENT) for each in tags(if_none_match))
    ):
        return 304
    return None


def positions(spec: str) -> list[int] | None:
    """14.1.1 and 14.1.2: the bytes that a range-spec selects; None when it is not one."""
    first, dash, last = spec.partition("-")
    if not dash or not all(each in string.digits for each in first + last):
        return None
    everything = list(range(SIZE))
    if not first:
        return everything[max(0, SIZE - int(last)) :] if last else None
    if last and int(last) < int(first):
        return None
    return everything[int(first) : int(last) + 1] if last else everything[int(first) :]


def ranges(header: str) -> Outcome:
    """14.2: what a Range header gets; what is not understood is ignored. Ours: 10 ranges, and no more than the whole."""
    whole = (200, [TEXT])
    unit, equals, set_ = header.partition("=")
    specs = [spec for spec in (each.strip(" \t") for each in set_.split(",")) if spec]
    if unit.lower() != "bytes" or not equals or not 1 <= len(specs) <= 10:
        return whole
    selected = [positions(spec) for spec in specs]
    if None in selected:
        return whole
    parts = [bytes(TEXT[at] for at in each) for each in selected if each]
    if not parts:
        return 416, []
    return whole if len(parts) > 1 and sum(map(len, parts)) > SIZE else (206, parts)


def expected(method: str, headers: dict[str, str]) -> Outcome:
    """What the RFC, and what it leaves to us, says of a request."""
    status = conditions(headers.get("if_match"), headers.get("if_none_match"))
    if status is not None:
        return status, []
    if method == "HEAD":
        return 200, []
    if "range" not in headers or headers.get("if_range", CURRENT) != CURRENT:
        return 200, [TEXT]
    return ranges(headers["range"])


numbers = st.one_of(
    st.integers(0, SIZE + 3).map(str), st.sampled_from(["", "00", "044", "9" * 30, "-1", "x", "+1", "1.0"])
)
range_specs = st.one_of(
    st.tuples(numbers, numbers).map("-".join),
    st.sampled_from(["", " ", "\t", "-", "5", "0-0", "-1", "44-", "--"]),
)
range_headers = st.builds(
    lambda unit, specs, comma: unit + comma.join(specs),
    st.sampled_from(["bytes=", "bytes=", "bytes=", "Bytes=", "bytes =", "bytes= ", "bytes", "seconds=", "="]),
    st.lists(range_specs, min_size=1, max_size=12),
    st.sampled_from([",", ", ", " ,\t", ",,"]),
)
some_tags = st.sampled_from(
    [
        CURRENT,
        f"W/{CURRENT}",
        '"other"',
        '"a,b"',
        'W/"w"',
        '""',
        "*",
        "bare",
        '"open',
        f"w/{CURRENT}",
        f"x{CURRENT}",
        "",
        "W/",
    ]
)
tag_headers = st.builds(
    lambda found, comma: comma.join(found),
    st.lists(some_tags, min_size=1, max_size=4),
    st.sampled_from([",", ", ", " , "]),
)
noise = st.text(st.sampled_from(' \t,-*"=/bytesW0123456789;é'), max_size=40)
tag_or_noise = st.one_of(tag_headers, tag_headers, noise)
if_ranges = st.one_of(some_tags, st.sampled_from([CURRENT, f"W/{CURRENT}", "Fri, 01 Jan 2100 00:00:00 GMT"]))
of_ranges = {"range": st.one_of(range_headers, range_headers, noise), "if_range": if_ranges}
of_conditions = {"if_match": tag_or_noise, "if_none_match": tag_or_noise}
requests = st.one_of(
    st.fixed_dictionaries({"range": of_ranges["range"]}, optional={"if_range": if_ranges}),
    st.fixed_dictionaries({}, optional=of_conditions),
    st.fixed_dictionaries({}, optional=of_ranges | of_conditions),
)


@settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)
@given(requests, st.sampled_from(["GET", "GET", "GET", "HEAD"]))
@example({"range": "bytes=0-0,-1"}, "GET")
@example({"range": "bytes=,"}, "GET")
@example({"if_none_match": f'"a,b" , W/{CURRENT}'}, "GET")
async def test_every_request_gets_what_the_rfc_says(
    shelf: Shelf, headers: dict[str, str], method: str
) -> None:
    # What is around the value of a header belongs to the message (5.5), and an empty one says nothing.
    headers = {name: value.strip(" \t") for name, value in headers.items() if value.strip(" \t")}
    artifact_url = await _address(shelf)
    given = {name.replace("_", "-").encode(): value.encode("latin-1") for name, value in headers.items()}
    given[b"Authorization"] = f"Bearer {shelf.cast.vic.key}".encode()

    response = await shelf.http.request(method, artifact_url, headers=given)

    status, parts = expected(method, headers)
    assert response.status_code == status
    assert "etag" in response.headers or status == 416
    if status == 416:
        assert problem(response)[0] == 416
        assert response.headers["content-range"] == f"bytes */{SIZE}"
    elif status == 206 and len(parts) > 1:
        assert [content for _, _, content in parts_of(response)] == parts
        assert all(
            TEXT[int(where[6:].split("-")[0]) :].startswith(content)
            for where, _, content in parts_of(response)
        )
    elif status in (200, 206):
        assert response.content == b"".join(parts)
        length = len(TEXT) if method == "HEAD" else len(parts[0])
        assert response.headers["content-length"] == str(length)
    else:
        assert status == 412 or response.content == b""


async def _address(shelf: Shelf) -> str:
    """The same file for all examples of a run."""
    if "address" not in shelf.types:
        shelf.types["address"] = url(await shelf.artifact({"fox.txt": TEXT}), "fox.txt")
    return shelf.types["address"]
