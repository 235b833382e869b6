"""Types of arrays, which asyncpg would look up on each new connection: PostgreSQL takes 8 ms for each of them."""

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import Any

ARRAYS = {
    "bool": (1000, 16),
    "bytea": (1001, 17),
    "int2": (1005, 21),
    "int4": (1007, 23),
    "int8": (1016, 20),
    "float8": (1022, 701),
    "interval": (1187, 1186),
    "timestamptz": (1185, 1184),
    "uuid": (2951, 2950),
    "varchar": (1015, 1043),
}
"""By what is in it: the array's id, and that of what is in it. PostgreSQL has given them for good."""

_TYPES = [
    {
        "oid": oid,
        "ns": "pg_catalog",
        "name": f"_{name}",
        "kind": b"b",
        "basetype": None,
        "elemtype": element,
        "elemtype_name": name,
        "elemdelim": b",",
        "range_subtype": None,
        "attrtypoids": None,
        "attrnames": None,
    }
    for name, (oid, element) in ARRAYS.items()
]
"""As that statement would answer."""


def make_known(connection: Any) -> None:
    """Let a connection read and write arrays of these without asking."""
    settings = connection._protocol.get_settings()
    settings.add_python_codec(*_IDS, [], "scalar", write_ids, read_ids, "binary")
    settings.register_data_types(_TYPES)


# Who sends the same ids again and again makes them ready once: to write six of them takes asyncpg 8 µs, and us as long.

_IDS = (ARRAYS["int8"][0], "_int8", "pg_catalog")
_EMPTY = Struct(">iii").pack(0, 0, ARRAYS["int8"][1])
_HEAD = Struct(">iiiii")
"""Dimensions, whether there are nulls, the type of what is in it, how many, the number of the first."""
_ID = Struct(">iq")
"""Its length, and itself."""
_NULL = Struct(">i").pack(-1)


def write_ids(ids: bytes | Iterable[int | None]) -> bytes:
    """An array of bigint as PostgreSQL reads it. What that was made of before can be given instead."""
    if type(ids) is bytes:
        return ids
    write = _ID.pack
    parts = [_NULL if id is None else write(8, id) for id in ids]
    if not parts:
        return _EMPTY
    return _HEAD.pack(1, _NULL in parts, ARRAYS["int8"][1], len(parts), 1) + b"".join(parts)


def read_ids(data: bytes) -> Sequence[int | None]:
    """An array of bigint as PostgreSQL writes it, of one dimension or empty."""
    if data == _EMPTY:
        return []
    dimensions, nulls, _, many, _ = _HEAD.unpack_from(data)
    if dimensions != 1:
        raise ValueError("this array of bigint has more than one dimension")
    if not nulls:
        return [id for _, id in _ID.iter_unpack(data[_HEAD.size :])]
    found: list[int | None] = []
    at = _HEAD.size
    for _ in range(many):
        there = data[at : at + 4] != _NULL
        found.append(_ID.unpack_from(data, at)[1] if there else None)
        at += _ID.size if there else len(_NULL)
    return found
