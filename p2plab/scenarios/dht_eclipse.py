"""The eclipse of a key in the DHT, with and without the defences.

One line shows it, in figures::

    from p2plab.scenarios.dht_eclipse import compare_defences
    compare_defences()

An attacker makes peer ids until it has ``sybils`` of them that lie closer to a key than any honest node. They join the
DHT, answer every question with each other's names, take every record and hold none. Then an honest node puts a value
under the key, and others look for it. ``defence`` is what the honest nodes do about it:

- ``none``: nothing.
- ``ip``: the limits on peers of one IP group, in routing tables and in lookups (``DhtParams.ip_limit_...``).
- ``region``: the test of NDSS 2024 (doi 10.14722/ndss.2024.23153) on what a lookup found, and records put to, and
  sought in, the whole region of the key where it fails (``DhtParams.eclipse_threshold``;
  p2plab/kademlia/lookups/eclipse.py).
- ``both``.

``networks`` is in how many IP groups the attacker has addresses: 1 is a rented server, as many as sybils a botnet.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from p2plab.api.blocking.lab import Lab
from p2plab.api.blocking.node import Node
from p2plab.chance import stream_of
from p2plab.errors import NotInThisWorldError, ValidationError
from p2plab.identity.keys import Identity, peer_id_bytes
from p2plab.kademlia import DhtParams, KademliaNode
from p2plab.kademlia.key import common_prefix_length, kademlia_key
from p2plab.kademlia.lookups.eclipse import ECLIPSE_THRESHOLD, divergence, expected_lengths
from p2plab.kademlia.lookups.picture import Picture
from p2plab.kademlia.messages import FIND_NODE, PING, DhtMessage
from p2plab.kademlia.operations import Effects
from p2plab.text import plural

__all__ = ["DEFENCES", "Eclipse", "EclipseComparison", "SybilNode", "compare_defences", "dht_eclipse"]

DEFENCES: Final = ("none", "ip", "region", "both")
KEY: Final = "/lab/eclipsed"
_OPEN: Final = DhtParams(ip_limit_bucket=0, ip_limit_table=0, ip_limit_lookup=0)
_MOST_TRIES: Final = 2_000_000


class SybilNode(KademliaNode):
    """A DHT server that names its accomplices only, and drops every record while saying that it took it."""

    accomplices: tuple[int, ...] = ()

    def answer(self, sender: int, message: DhtMessage, now: int) -> tuple[DhtMessage | None, Effects]:
        reply, effects = super().answer(sender, DhtMessage(FIND_NODE, message.key), now)
        if reply is None or message.type == PING:
            return reply, effects
        others = [peer for peer in self.accomplices if peer != self.me]
        named = self.random.sample(others, min(self.params.k, len(others)))
        if message.record is not None or message.providers:  # somebody wants something stored
            return DhtMessage(message.type, message.key, message.record, (), message.providers), effects
        return DhtMessage(message.type, message.key, closer=named), effects


@dataclass(frozen=True)
class Eclipse:
    """What became of a key. Shares are of 1.

    ``closest`` is how many of the k closest to the key are sybils, ``stored`` at how many honest nodes the value is,
    ``found`` the share of those who looked for it and got it, ``noticed`` the share of puts and gets of the key whose
    test said so, ``alarms`` the share of those of other keys, ``queries`` those of an average get, ``lengths`` the bits
    that the k closest share with the key, ``size`` how many servers the publisher took there to be (None: it did not
    ask), ``divergence`` what a test finds that knows the true number of honest nodes.
    """

    defence: str
    nodes: int
    sybils: int
    networks: int
    k: int
    closest: int
    stored: int
    found: float
    noticed: float | None
    alarms: float | None
    queries: float
    lengths: tuple[int, ...]
    size: int | None
    divergence: float

    def __repr__(self) -> str:
        tested = "" if self.noticed is None else f", noticed in {self.noticed:.0%}, false alarms in {self.alarms:.0%}"
        return (
            f"<Eclipse, defence {self.defence}: {self.closest} of the {self.k} closest are sybils "
            f"({plural(self.nodes, 'node')}, {plural(self.networks, 'network')} of sybils); "
            f"stored at {plural(self.stored, 'honest node')}, found in {self.found:.0%} of the "
            f"searches of {self.queries:.0f} queries{tested}>"
        )


def dht_eclipse(
    lab: Lab,
    *,
    nodes: int = 400,
    sybils: int = 40,
    networks: int = 1,
    defence: str = "none",
    searches: int = 10,
    controls: int = 10,
) -> Eclipse:
    """Eclipse a key in a lab that has no nodes yet, put a value under it, and look for it ``searches`` times;
    ``controls`` other keys, which nobody attacks, are looked for too. ValidationError; NotInThisWorldError in a real
    lab."""
    if lab.backend != "mock":
        raise NotInThisWorldError(
            "an eclipse needs IP addresses and filled tables, which only a mock lab has; take Lab(seed=1)"
        )
    if defence not in DEFENCES:
        raise ValidationError(f"defence={defence!r}: take {', '.join(DEFENCES)}")
    if len(lab):
        raise ValidationError("an eclipse is played in a lab of its own, and this one has nodes already")
    if not 1 <= networks <= max(1, sybils) <= 200:
        raise ValidationError(
            f"networks={networks}, sybils={sybils}: take 1 to 200 sybils in as many networks or fewer"
        )
    params = DhtParams() if defence in ("ip", "both") else _OPEN
    if defence in ("region", "both"):
        params = replace(params, eclipse_threshold=ECLIPSE_THRESHOLD)
    honest = lab.start_nodes(nodes, dht=params)
    attackers = _join(lab, honest, sybils, networks)
    lab.dht.fill()
    draw = stream_of(lab.seed, "eclipse")
    publisher, *seekers = draw.sample(honest, searches + 1)
    publisher.dht.put(KEY, b"here")
    lookups = [node.dht.get(KEY) for node in seekers]
    names = {node.name for node in honest}
    held = [peer for peer in lab.dht.holders(KEY).holding if peer.name in names and peer.name != publisher.name]
    tests = lab.events.filter(kind="dht.eclipse_test")
    for number in range(controls):
        draw.choice(honest).dht.get(f"/lab/nobody has put this {number}")
    other = lab.events.filter(kind="dht.eclipse_test")[len(tests) :]
    target = kademlia_key(KEY.encode())
    keys = {node.name: _key(node.peer_id) for node in [*honest, *attackers]}
    nearest = sorted(keys, key=lambda name: keys[name] ^ target)[: params.k]
    lengths = tuple(common_prefix_length(keys[name], target) for name in nearest)
    return Eclipse(
        defence=defence,
        nodes=nodes,
        sybils=sybils,
        networks=networks,
        k=params.k,
        closest=sum(name not in names for name in nearest),
        stored=len(held),
        found=sum(lookup.value == b"here" for lookup in lookups) / len(lookups),
        noticed=_share(tests),
        alarms=_share(other),
        queries=sum(len(lookup.path) for lookup in lookups) / len(lookups),
        lengths=lengths,
        size=tests[0].data["size"] if tests and tests[0].data else None,
        divergence=divergence(lengths, nodes),
    )


def _share(tests: Sequence[Any]) -> float | None:
    return sum(test.reason == "closer than chance" for test in tests) / len(tests) if tests else None


def _key(peer_id: str) -> int:
    return kademlia_key(peer_id_bytes(peer_id))


def _join(lab: Lab, honest: Sequence[Node], sybils: int, networks: int) -> list[Node]:
    """Start the sybils: names are tried until enough of their ids lie closer to the key than every honest one."""
    target = kademlia_key(KEY.encode())
    nearest = min(_key(node.peer_id) ^ target for node in honest)
    names = []
    for name in _names():
        if _key(Identity.derive(lab.seed, name).peer_id) ^ target < nearest:
            names.append(name)
        if len(names) >= sybils:
            break
    found: list[Node] = []

    class EclipseSybil(SybilNode):
        """A sybil of this attacker."""

    params = replace(_OPEN, node=EclipseSybil)
    for number, name in enumerate(names):
        ip = f"203.{number % networks}.{100 + number // networks // 250}.{1 + number // networks % 250}"
        found.append(lab.start_node(name, ip=ip, dht=params))
    EclipseSybil.accomplices = tuple(lab.events.register(node.name) for node in found)
    return found


def _names() -> Iterator[str]:
    for number in range(_MOST_TRIES):
        yield f"sybil{number}"
    raise ValidationError(f"{_MOST_TRIES} peer ids were not enough for so many sybils among so many nodes; take fewer")


class EclipseComparison:
    """Eclipses beside each other: a table as text, ``to_svg()`` as a picture."""

    def __init__(self, eclipses: Sequence[Eclipse]) -> None:
        self.eclipses = list(eclipses)

    def of(self, defence: str, networks: int) -> list[Eclipse]:
        """Those with this defence against an attacker with so many networks."""
        return [one for one in self.eclipses if (one.defence, one.networks) == (defence, networks)]

    def found(self, defence: str, networks: int) -> float:
        """The share of searches that found the value."""
        found = [one.found for one in self.of(defence, networks)]
        return sum(found) / len(found)

    @property
    def networks(self) -> list[int]:
        """The attackers, by their networks."""
        return sorted({one.networks for one in self.eclipses})

    @property
    def defences(self) -> list[str]:
        """The defences that were tried."""
        tried = {one.defence for one in self.eclipses}
        return [defence for defence in DEFENCES if defence in tried]

    def __repr__(self) -> str:
        rows = [("defence", "networks", "sybils of k", "stored at", "found", "noticed", "false alarms", "queries")]
        for networks in self.networks:
            for defence in self.defences:
                some = self.of(defence, networks)
                rows.append(
                    (
                        defence,
                        str(networks),
                        f"{_mean(one.closest for one in some):.1f} of {some[0].k}",
                        f"{_mean(one.stored for one in some):.1f}",
                        f"{self.found(defence, networks):.0%}",
                        _percent(one.noticed for one in some),
                        _percent(one.alarms for one in some),
                        f"{_mean(one.queries for one in some):.0f}",
                    )
                )
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
        )

    def picture(self) -> Picture:
        """The same for a notebook to show."""
        return Picture(self.to_svg(), repr(self))

    def _repr_svg_(self) -> str:
        return self.to_svg()

    def to_svg(self) -> str:
        """Above, the bits that the k closest share with the key, beside what chance would have; below, how many of the
        searches found the value."""
        one = self.eclipses[0]
        expected = expected_lengths(one.nodes, one.k)
        counts = {length: one.lengths.count(length) / one.k for length in one.lengths}
        last = max([*counts, *(length for length, share in enumerate(expected) if share > 0.01)])
        first = min([*counts, *(length for length, share in enumerate(expected) if share > 0.01)])
        step, parts = 640 / (last - first + 1), [_text(40, 20, "bits shared with the key: by chance, and found")]
        for length in range(first, last + 1):
            x = 40 + (length - first) * step
            parts.append(_bar(x + step * 0.1, 190, step * 0.35, 140 * expected[length], "#9aa5b1"))
            parts.append(_bar(x + step * 0.5, 190, step * 0.35, 140 * counts.get(length, 0.0), "#c0392b"))
            parts.append(_text(x + step * 0.4, 206, str(length)))
        parts.append(_text(40, 240, "searches that found the value, by defence"))
        cases = [(networks, defence) for networks in self.networks for defence in self.defences]
        step = 640 / len(cases)
        for number, (networks, defence) in enumerate(cases):
            x, found = 40 + number * step, self.found(defence, networks)
            parts.append(_bar(x + step * 0.15, 400, step * 0.7, 130 * found + 1, "#2e8b57"))
            parts.append(_text(x + step * 0.2, 416, f"{defence}: {found:.0%}"))
            parts.append(_text(x + step * 0.2, 432, f"{networks} network{'s' * (networks > 1)}"))
        return (
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 440" width="720" height="440" role="img" '
            f'font-family="sans-serif" font-size="11">'
            f'<rect width="720" height="440" fill="#fff"/>{"".join(parts)}</svg>'
        )


def _mean(values: Iterable[float]) -> float:
    some = list(values)
    return sum(some) / len(some)


def _percent(values: Iterable[float | None]) -> str:
    some = [value for value in values if value is not None]
    return f"{_mean(some):.0%}" if some else ""


def _bar(x: float, bottom: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{bottom - height:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'


def _text(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}">{html.escape(text)}</text>'


def compare_defences(
    nodes: int = 400,
    sybils: int = 40,
    networks: Sequence[int] | None = None,
    defences: Sequence[str] = DEFENCES,
    seeds: Sequence[int] = range(2),
    **settings: Any,
) -> EclipseComparison:
    """Play the eclipse in a fresh lab for each seed, attacker and defence; ``settings`` go to ``dht_eclipse``.

    ``networks``: the IP groups of each attacker; unless given, one, and as many as sybils.
    """
    found = []
    for attacker in networks if networks is not None else sorted({1, sybils}):
        for defence in defences:
            for seed in seeds:
                with Lab(seed=seed, recording="decisions") as lab:
                    found.append(
                        dht_eclipse(lab, nodes=nodes, sybils=sybils, networks=attacker, defence=defence, **settings)
                    )
    return EclipseComparison(found)
