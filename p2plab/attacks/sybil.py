"""The attacker's router: it wants to be in every mesh, and does not do there what it is there for.

A sybil withholds what its attack is about, from the moment the attack begins: it does not pass it on, gossip about it,
or answer an IWANT for it. It takes every GRAFT and prunes nobody; and while it attacks it sends a GRAFT to everybody
outside its mesh at every heartbeat, whatever the backoff, unless it has reasons not to be noticed (``grafts_again``).
"""

from __future__ import annotations

from typing import ClassVar

from p2plab.constants import TICKS_PER_SECOND
from p2plab.effects import SEND, note
from p2plab.errors import ValidationError
from p2plab.errors.likely import did_you_mean
from p2plab.pubsub import GossipSub
from p2plab.pubsub.gossipsub.outbox import Outbox
from p2plab.pubsub.gossipsub.peers import Peer
from p2plab.pubsub.message import Publication
from p2plab.pubsub.router import Effect, Effects
from p2plab.pubsub.rpc import RPC, Control

__all__ = ["Censor", "Degrader", "Sybil", "attacker"]


class Sybil(GossipSub):
    """Withholds everything, from ``attacks_from`` (seconds of lab time) on; until then it behaves."""

    attacks_from: ClassVar[float] = 0.0
    grafts_again: ClassVar[bool] = True

    def attacking(self, now: int) -> bool:
        """Whether it does harm yet."""
        return now >= self.attacks_from * TICKS_PER_SECOND

    def withholds(self, publication: Publication) -> bool:
        """Whether it keeps this message to itself while it attacks."""
        return True

    def forward(self, peer: int, publication: Publication, message_id: bytes, now: int) -> Effects:
        if self.attacking(now) and self.withholds(publication):
            return (note("pubsub.withheld", topic=publication.topic, ref=message_id.hex(), reason="attack"),)
        return super().forward(peer, publication, message_id, now)

    def handle_iwant(
        self, entry: Peer, iwants: tuple[tuple[bytes, ...], ...], now: int, effects: list[Effect]
    ) -> tuple[Publication, ...]:
        given = super().handle_iwant(entry, iwants, now, effects)
        if self.attacking(now):
            given = tuple(publication for publication in given if not self.withholds(publication))
        return given

    def refuse_graft(self, entry: Peer, topic: str, now: int) -> str | None:
        return None

    def maintain_mesh(self, topic: str, now: int, out: Outbox) -> None:
        """No bounds: everybody who can be had is in the mesh."""

    def heartbeat(self, now: int) -> Effects:
        effects = list(super().heartbeat(now))
        if not (self.grafts_again and self.attacking(now)):
            return effects
        for topic, mesh in self.meshes.items():
            outside = [peer for peer in self.topics.get(topic, ()) if peer not in mesh]
            for peer in outside:
                self.meshes.enter(topic, peer, now)
            if outside:
                effects.append((SEND, outside, RPC(control=Control(graft=(topic,)))))
        return effects


class Censor(Sybil):
    """Withholds what one node, ``target``, publishes, and otherwise behaves."""

    grafts_again = False
    target: ClassVar[str] = ""

    def withholds(self, publication: Publication) -> bool:
        return (
            publication.origin >= 0
            and self.directory is not None
            and self.target in self.directory.names(publication.origin)
        )


class Degrader(Sybil):
    """Withholds a ``share`` of the messages, at random, and otherwise behaves."""

    grafts_again = False
    share: ClassVar[float] = 0.5

    def withholds(self, publication: Publication) -> bool:
        return self.rng.random() < self.share


def attacker(kind: type[Sybil], **traits: object) -> type[Sybil]:
    """A class of attackers with these traits: ``attacks_from``, ``grafts_again``, ``target``, ``share``.
    ValidationError for a class of no attackers, and for a trait that it has not."""
    if not (isinstance(kind, type) and issubclass(kind, Sybil)):
        raise ValidationError(f"a kind of attackers is a class such as p2plab.attacks.Sybil, not {kind!r}")
    for name in traits:
        if name.startswith("_") or not hasattr(kind, name):
            meant = did_you_mean(name, [one for one in dir(kind) if not one.startswith("_")])
            raise ValidationError(f"{kind.__name__} has no trait {name!r}; {meant}".rstrip("; "))
    return type(kind.__name__, (kind,), traits)
