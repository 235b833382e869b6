"""Expiry of graphs at random, beside a model of the rule: what is kept, and what work takes, keeps all that can be reached."""

import random
from collections import Counter

import pytest

from app.actions.files.expiry import expire
from app.actions.files.marking import Spared
from app.clock import now
from app.database import fetch
from app.models import Artifact, File
from tests.actions.files.rows import Yard, long_ago, yard

__all__ = ["yard"]

NODES, EDGES, FILES = 300, 330, 200


def kept_by_the_rule(states: list[str], edges: set[tuple[int, int]]) -> set[int]:
    """Numbers of what stays: walked through naively, again and again until nothing is added."""
    kept = {number for number, state in enumerate(states) if state != "expired"}
    while reached := {target for source, target in edges if source in kept} - kept:
        kept |= reached
    return kept


@pytest.mark.parametrize("seed", range(4))
async def test_what_stays_is_what_the_rule_says_and_a_dry_run_knows_it(yard: Yard, seed: int) -> None:
    chance = random.Random(seed)
    states = chance.choices(["kept", "expired", "used"], [1, 8, 1], k=NODES)
    edges = {(chance.randrange(NODES), chance.randrange(NODES)) for _ in range(EDGES)}
    edges = {(source, target) for source, target in edges if source != target}
    files = [(chance.randrange(NODES), chance.randrange(FILES)) for _ in range(NODES)]
    ids = await make(yard, states, edges, files)
    at = now()

    foretold = await expire(at, dry_run=True)
    report = await expire(at)

    stays = kept_by_the_rule(states, edges)
    there = {row.id for row in await Artifact.all()}
    assert {number for number, id in enumerate(ids) if id in there} == stays
    assert foretold.counts == report.counts
    expired = Counter(
        Spared.USED if states[number] == "used" else Spared.RELATED
        for number in stays
        if states[number] != "kept"
    )
    assert dict(report.counts.spared) == dict(expired)
    assert report.counts.artifacts == NODES - len(stays)
    assert report.counts.relations == len([1 for edge in edges if not stays >= set(edge)])
    named = {file for artifact, file in files if artifact in stays}
    assert {row.size for row in await File.all()} == named
    assert report.counts.files == FILES - len(named)


async def make(
    yard: Yard, states: list[str], edges: set[tuple[int, int]], files: list[tuple[int, int]]
) -> list[int]:
    """The graph in the database; ids by number. A file's size is its number."""
    request = await yard.cast.request()
    expiring = [None if state == "kept" else long_ago(1) for state in states]
    rows = await fetch(
        "INSERT INTO artifact (category, workspace_id, complete, completed_at, expire_at)"
        " SELECT 'test:any', $1, true, now(), expires FROM unnest($2::timestamptz[]) WITH ORDINALITY AS given (expires, place)"
        " ORDER BY place RETURNING id",
        yard.cast.lab.id,
        expiring,
    )
    ids = sorted(row["id"] for row in rows)
    await fetch(
        "INSERT INTO artifact_relation (artifact_id, target_id, type)"
        " SELECT *, 'extends' FROM unnest($1::bigint[], $2::bigint[])",
        [ids[source] for source, _ in edges],
        [ids[target] for _, target in edges],
    )
    used = [id for id, state in zip(ids, states, strict=True) if state == "used"]
    await fetch("INSERT INTO work_request_input SELECT $1, * FROM unnest($2::bigint[])", request.id, used)
    await fetch(
        "INSERT INTO file (sha256, size) SELECT sha256(size::text::bytea), size FROM generate_series(0, $1 - 1) AS size",
        FILES,
    )
    await fetch(
        "INSERT INTO file_in_artifact (artifact_id, path, file_id, complete)"
        " SELECT artifact, 'f' || place, file.id, true"
        " FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS given (artifact, size, place)"
        " JOIN file ON file.size = given.size",
        [ids[artifact] for artifact, _ in files],
        [size for _, size in files],
    )
    return ids
