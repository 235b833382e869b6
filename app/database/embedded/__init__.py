"""A PostgreSQL of our own: one server per directory, shared by every process that uses it, gone with the last of them.

Nobody counts process ids. Each part holds a kernel lock on a file, which the kernel drops however the part ends:

- users.lock   shared by every process that uses the server (`cluster`)
- start.lock   by the one that sees to it that the server is up
- boss.lock    by the supervisor: it starts the server, starts it again when it dies, stops it when no user is left
- server.lock  by the PostgreSQL processes themselves, who inherit it

The supervisor is this package run as a program, so nothing but the standard library may be imported here.
"""

from .account import Account
from .cluster import Cluster
from .errors import EmbeddedPostgresError
from .place import OWNER, PORT, Credentials
from .programs import find_programs, major_version, reachable

__all__ = [
    "OWNER",
    "PORT",
    "Account",
    "Cluster",
    "Credentials",
    "EmbeddedPostgresError",
    "find_programs",
    "major_version",
    "reachable",
]
