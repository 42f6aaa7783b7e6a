"""The layers of the DHT: the protocol, whether the peer serves, whether there is anybody in the routing table, and what
became of records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from p2plab.events import EventLog
from p2plab.explain.diagnosis.answer import Diagnosis

__all__ = ["dht_layers"]

OF_RECORDS = (
    "bad key",
    "bad record",
    "unknown namespace",
    "invalid record",
    "worse record",
    "value too large",
    "not the provider",
    "store full",
)
VALIDATE = "give both a validator of the key's namespace, and put what it accepts"


def _kad(protocols: Sequence[str]) -> list[str]:
    return [name for name in protocols if "/kad/" in name]


def dht_layers(
    log: EventLog, a: str, b: str, logged: str, mine: Sequence[str], theirs: Sequence[str], table_size: int
) -> Iterator[Diagnosis | None]:
    """In order; None for one in which nothing is wrong. ``logged``: what the log calls ``b``; ``mine``: the DHT
    protocols that ``a`` asks with, ``theirs`` all that ``b`` answers."""
    ours, others = _kad(mine), _kad(theirs)
    if others and ours and not set(ours) & set(others):
        yield Diagnosis(
            "DHT protocol",
            f"{a} asks in {', '.join(ours)}, and {b} answers {', '.join(others)}: two networks",
            remedy="give both the same protocol (DhtParams(protocol=...))",
        )
    if not others:
        yield _client(log, b, logged)
    yield _refused(log, a, b, logged)
    if table_size == 0:
        yield Diagnosis(
            "DHT table",
            f"the routing table of {a} is empty, so a lookup has nobody to ask",
            remedy=f"connect {a} to a server of the DHT and let it bootstrap: {a}.dht.bootstrap()",
        )
    yield None


def _client(log: EventLog, b: str, logged: str) -> Diagnosis:
    changes = log.filter(kind="dht.mode", node=logged)
    why = f" since {changes[-1].t:.4f} s ({changes[-1].reason})" if changes and changes[-1].reason else ""
    outside = not log.filter(kind="node", node=logged)
    return Diagnosis(
        "DHT mode",
        f"{b} answers no DHT protocol: it is a client{why}, which asks others and is in nobody's table",
        tuple(map(str, changes[-1:])),
        "make it a server" if outside else f"{b}.dht.set_mode('server'), if it can be dialled from outside",
    )


def _refused(log: EventLog, a: str, b: str, logged: str) -> Diagnosis | None:
    """The last record of the one that the other did not take, or threw away, unless one was taken since."""
    for giver, taker, shown in ((a, logged, b), (logged, a, a)):
        seen = [
            event
            for event in log.filter(kind="dht", node=taker, peer=giver)
            if event.kind in ("dht.stored", "dht.value_refused")
            or (event.kind == "dht.refused" and event.reason in OF_RECORDS)
        ]
        if seen and seen[-1].kind != "dht.stored":
            last = seen[-1]
            told = (last.data or {}).get("text")
            why = f"{last.reason}: {told}" if told else str(last.reason)
            return Diagnosis("DHT records", f"{shown} did not take the last record: {why}", (str(last),), VALIDATE)
    answers = [
        event
        for event in log.filter(kind="dht", node=a, peer=logged)
        if (event.data or {}).get("type") == "PUT_VALUE" and event.kind in ("dht.answer", "dht.query_failed")
    ]
    if answers and answers[-1].reason in ("record refused", "no answer given"):
        last = answers[-1]
        return Diagnosis(
            "DHT records", f"{b} did not take the last record of {a}: {last.reason}", (str(last),), VALIDATE
        )
    return None
