"""Samples, and tables of them in Markdown."""

from collections.abc import Iterable, Sequence
from statistics import median, quantiles


def spread(samples: Sequence[float]) -> str:
    """The median, and from where to where the samples go."""
    return f"{median(samples):,.0f} ({min(samples):,.0f}-{max(samples):,.0f})"


def ratio(samples: Sequence[float], to: Sequence[float]) -> str:
    """The median of the ratios of samples that were taken side by side."""
    return f"{median(one / other for one, other in zip(samples, to, strict=True)):.2f}"


def percentile(samples: Sequence[float], percent: int) -> float:
    """The value below which so many percent of the samples are."""
    return quantiles(samples, n=100, method="inclusive")[percent - 1]


def show(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table."""
    print(f"## {title}\n")
    print("| " + " | ".join(columns) + " |")
    print("|" + "---|" * len(columns))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print(flush=True)
