"""The layers of the DHT: the protocol, whether the peer serves, and whether it is in the routing table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from p2plab.explain.diagnosis.answer import Diagnosis

__all__ = ["dht_layers"]


def _kad(protocols: Sequence[str]) -> list[str]:
    return [name for name in protocols if "/kad/" in name]


def dht_layers(
    a: str, b: str, mine: Sequence[str], theirs: Sequence[str], table_size: int, why_not: str
) -> Iterator[Diagnosis | None]:
    """In order; None for one in which nothing is wrong. ``mine``: the DHT protocols that ``a`` asks with, ``theirs``
    all that ``b`` answers."""
    ours, others = _kad(mine), _kad(theirs)
    if others and ours and not set(ours) & set(others):
        yield Diagnosis(
            "DHT protocol",
            f"{a} asks in {', '.join(ours)}, and {b} answers {', '.join(others)}: two networks",
            remedy="give both the same protocol (DhtParams(protocol=...); go-libp2p's ProtocolPrefix with /kad/1.0.0)",
        )
    if not others:
        yield Diagnosis(
            "DHT mode",
            f"{b} answers no DHT protocol: it is a client, which asks others and is in nobody's table",
            remedy=f"{b}.dht.set_mode('server'), if it can be dialled from outside",
        )
    if table_size == 0:
        yield Diagnosis(
            "DHT table",
            f"the routing table of {a} is empty, so a lookup has nobody to ask",
            (why_not,),
            f"connect {a} to a server of the DHT and let it bootstrap: {a}.dht.bootstrap()",
        )
    yield None
