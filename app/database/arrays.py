"""Types of arrays, which asyncpg would look up on each new connection: PostgreSQL takes 8 ms for each of them."""

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
    connection._protocol.get_settings().register_data_types(_TYPES)
