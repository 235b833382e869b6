"""What we want to reach, as ratios of requests per second within one run."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Protocol

from bench.graphql.contenders import (
    FLAT_ROWS,
    JSON_BY_POSTGRESQL,
    MERCURIUS,
    ORDINARY,
    POSTGRAPHILE,
    POSTGRAPHILE_RLS,
    WORKYARD,
)
from bench.graphql.documents import CREATE, NESTED, ONE, PAGE
from bench.table import show


class Rate(Protocol):
    @property
    def per_second(self) -> float: ...


class Taken(Protocol):
    @property
    def asked(self) -> Rate: ...


WANTED: Mapping[tuple[str, ...], Mapping[str, float]] = {
    (POSTGRAPHILE_RLS,): {ONE: 4, PAGE: 3, NESTED: 2.5, CREATE: 2.5},
    (POSTGRAPHILE,): {ONE: 2.5, PAGE: 2.2, NESTED: 1.5, CREATE: 1.2},
    (MERCURIUS,): {ONE: 1, PAGE: 1.1, NESTED: 1.1},
    (ORDINARY,): {ONE: 10, PAGE: 15, NESTED: 20, CREATE: 5},
    (JSON_BY_POSTGRESQL, FLAT_ROWS): {ONE: 0.8, PAGE: 0.85, NESTED: 0.9},
}
"""Against whom; the better one where there are several."""


def compare(samples: Mapping[str, Mapping[str, Sequence[Taken]]]) -> None:
    """Print what is wanted and what was measured."""
    rows = []
    for peers, wanted in WANTED.items():
        there = [peer for peer in peers if peer in samples]
        if WORKYARD in samples and there:
            name = there[0] if len(peers) == 1 else f"the better of: {'; '.join(there)}"
            rows.append([name, *(_cell(samples, there, one, wanted) for one in (ONE, PAGE, NESTED, CREATE))])
    show("To reach: wanted → measured", ("against", ONE, PAGE, NESTED, CREATE), rows)


def _cell(
    samples: Mapping[str, Mapping[str, Sequence[Taken]]],
    peers: Sequence[str],
    name: str,
    wanted: Mapping[str, float],
) -> str:
    ours = samples[WORKYARD][name]
    ratios = [
        median(
            a.asked.per_second / b.asked.per_second for a, b in zip(ours, samples[peer][name], strict=True)
        )
        for peer in peers
        if samples[peer][name]
    ]
    if not ratios or not ours:
        return ""
    measured = min(ratios)
    if name not in wanted:
        return f"{measured:.2f}"
    return f"≥ {wanted[name]:g} → {measured:.2f} {'✓' if measured >= wanted[name] else 'short'}"
