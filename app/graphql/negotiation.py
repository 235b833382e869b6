"""Which kind of response a client accepts, and likes best."""

from enum import Enum
from functools import lru_cache


class Media(Enum):
    """The kinds of response that /graphql can give."""

    RESPONSE = "application/graphql-response+json; charset=utf-8"
    JSON = "application/json; charset=utf-8"
    EVENTS = "text/event-stream; charset=utf-8"
    PARTS = 'multipart/mixed; boundary="-"; subscriptionSpec=1.0'
    INCREMENTS = 'multipart/mixed; boundary="-"; incrementalSpec=v0.2'
    INCREMENTS_2022 = 'multipart/mixed; boundary="-"; deferSpec=20220824'

    @property
    def streams(self) -> bool:
        """True when it can carry the events of a subscription."""
        return self in (Media.EVENTS, Media.PARTS)

    @property
    def increments(self) -> bool:
        """True when it can carry a result whose parts follow one another."""
        return self in (Media.INCREMENTS, Media.INCREMENTS_2022)


@lru_cache(maxsize=512)
def accepted(header: str) -> tuple[Media, ...]:
    """The kinds that an Accept header names, best first.

    Equal weights keep the client's order: some clients list text/event-stream on every request, after JSON, and mean
    that they could read it, not that they want it.
    """
    found: list[tuple[float, Media]] = []
    for part in header.split(","):
        name, parameters = _split(part)
        weight = _weight(parameters.pop("q", "1"))
        if weight > 0 and parameters.pop("charset", "utf-8") == "utf-8":
            found += [(weight, media) for media in _kinds(name, parameters)]
    ranked = [media for _, media in sorted(found, key=lambda each: -each[0])]
    return tuple(dict.fromkeys(ranked))


def _kinds(name: str, parameters: dict[str, str]) -> tuple[Media, ...]:
    if name == "multipart/mixed" and MULTIPART.keys() & parameters.items():
        return tuple(media for parameter, media in MULTIPART.items() if parameter in parameters.items())
    return KINDS.get(name, ())


MULTIPART = {
    ("subscriptionspec", "1.0"): Media.PARTS,
    ("incrementalspec", "v0.2"): Media.INCREMENTS,
    ("deferspec", "20220824"): Media.INCREMENTS_2022,
}
KINDS = {
    "application/graphql-response+json": (Media.RESPONSE,),
    "application/json": (Media.JSON,),
    "text/event-stream": (Media.EVENTS,),
    "multipart/mixed": (Media.INCREMENTS,),
    "application/*": (Media.JSON, Media.RESPONSE),
    "*/*": (Media.JSON, Media.RESPONSE),
    "": (Media.JSON, Media.RESPONSE),
}


def _split(part: str) -> tuple[str, dict[str, str]]:
    name, *rest = part.strip().lower().split(";")
    pairs = (each.partition("=") for each in rest)
    return name.strip(), {key.strip(): value.strip().strip('"') for key, _, value in pairs}


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
