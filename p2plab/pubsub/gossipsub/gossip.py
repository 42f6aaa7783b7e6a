"""Gossip: telling peers outside the mesh which messages there are (IHAVE), giving those they ask for (IWANT), and
telling the mesh what need not be sent (IDONTWANT).

Rules, with the specs' sections:
- At every heartbeat, IHAVE with the ids of the last ``mcache_gossip`` windows goes to ``gossip_factor`` of the peers
  outside the mesh, at least D_lazy of them (v1.0 "Gossip Emission", v1.1 "Adaptive Gossip Dissemination").
- IHAVE from, and IWANT from, a peer below the gossip threshold is ignored (v1.1 "Score Thresholds").
- Of a peer's IHAVEs at most ``max_ihave_messages`` a heartbeat are read, and at most ``max_ihave_length`` ids asked
  for; a message is given to the same peer at most ``gossip_retransmission`` times; of each request one id is watched,
  and a peer that does not deliver it in time is penalised (v1.1 "Spam Protection Measures").
- IDONTWANT goes to the mesh, the author too, on arrival of a message over the threshold, before it is validated; an id
  told us holds for ``idontwant_message_ttl`` heartbeats, takes back what is queued, and both RPCs and ids are bounded
  (v1.2 "IDONTWANT Message").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from p2plab.effects import SEND, Withdraw, note
from p2plab.pubsub.gossipsub.outbox import Outbox
from p2plab.pubsub.gossipsub.peers import V10, V12, Peer, ticks
from p2plab.pubsub.message import Publication
from p2plab.pubsub.router import NOTHING, Effect, Effects
from p2plab.pubsub.rpc import RPC, Control

if TYPE_CHECKING:
    from p2plab.pubsub.gossipsub.automaton import GossipSub

__all__ = ["Gossip", "announce_unwanted", "broken_promises", "emit_gossip", "on_idontwant", "on_ihave", "on_iwant"]


class MessageCache:
    """Recent messages, in windows of one heartbeat each: to gossip about and to give away (v1.0 "Message Cache")."""

    __slots__ = ("_messages", "_sent", "_windows")

    def __init__(self) -> None:
        self._messages: dict[bytes, Publication] = {}
        # How often each peer was given a message it asked for; made when one is first asked for.
        self._sent: dict[bytes, dict[int, int]] | None = None
        self._windows: list[dict[str, list[bytes]] | None] = [None]  # newest first; None: nothing came in it

    def put(self, message_id: bytes, publication: Publication) -> None:
        """Add a message to the current window."""
        self._messages[message_id] = publication
        window = self._windows[0]
        if window is None:
            window = self._windows[0] = {}
        ids = window.get(publication.topic)
        if ids is None:
            window[publication.topic] = [message_id]
        else:
            ids.append(message_id)

    def get(self, message_id: bytes) -> Publication | None:
        """The message, while it is kept."""
        return self._messages.get(message_id)

    def ask(self, message_id: bytes, peer: int) -> tuple[Publication | None, int]:
        """The message, and the how-manieth time this peer asks for it."""
        publication = self._messages.get(message_id)
        if publication is None:
            return None, 0
        if self._sent is None:
            self._sent = {}
        times = self._sent.setdefault(message_id, {})
        times[peer] = count = times.get(peer, 0) + 1
        return publication, count

    def gossip_ids(self, topic: str, windows: int) -> list[bytes]:
        """Ids of the topic's messages in the newest ``windows`` windows, the newest window first."""
        ids: list[bytes] = []
        for window in self._windows[:windows]:
            here = window and window.get(topic)
            if here:
                ids += here
        return ids

    def shift(self, length: int, count: int = 1) -> None:
        """Begin ``count`` new windows and forget what is in none of the newest ``length``."""
        windows = self._windows
        windows[:0] = [None] * min(count, length)
        while len(windows) > length:
            for ids in (windows.pop() or {}).values():
                for message_id in ids:
                    self._messages.pop(message_id, None)
                    if self._sent is not None:
                        self._sent.pop(message_id, None)

    def __len__(self) -> int:
        return len(self._messages)


class Promises(dict[bytes, dict[int, int]]):
    """A peer that advertised a message and was asked for it has to deliver (v1.1 "Spam Protection Measures"); of each
    request one id, drawn at random, is watched. By message id and peer, the tick by which it is due."""

    __slots__ = ()

    def add(self, peer: int, message_id: bytes, due: int) -> None:
        """The peer was asked; a promise it gave before stands."""
        self.setdefault(message_id, {}).setdefault(peer, due)

    def keep(self, message_id: bytes) -> None:
        """Somebody delivered it: all who promised are free."""
        self.pop(message_id, None)

    def release(self, peer: int) -> None:
        """The peer left: it owes nothing."""
        for message_id in [message_id for message_id, dues in self.items() if peer in dues]:
            self._drop(message_id, peer)

    def _drop(self, message_id: bytes, peer: int) -> None:
        dues = self[message_id]
        del dues[peer]
        if not dues:
            del self[message_id]

    def broken(self, now: int) -> list[tuple[int, bytes]]:
        """The promises whose time is over, as (peer, message id); each is told once."""
        found = [(peer, message_id) for message_id, dues in self.items() for peer, due in dues.items() if due < now]
        for peer, message_id in found:
            self._drop(message_id, peer)
        return found


class Gossip:
    """What gossip remembers: recent messages, what peers promised to deliver, and what they do not want.

    ``unwanted`` has, by message id and peer, the heartbeat at which an IDONTWANT expires.
    """

    __slots__ = ("mcache", "promises", "unwanted")

    def __init__(self) -> None:
        self.mcache = MessageCache()
        self.promises = Promises()
        self.unwanted: dict[bytes, dict[int, int]] = {}

    def forget_peer(self, peer: int) -> None:
        """The peer is gone: it owes nothing, and its IDONTWANTs are void."""
        self.promises.release(peer)
        for unwanted in self.unwanted.values():
            unwanted.pop(peer, None)

    def refused_by(self, peer: int, message_ids: list[bytes], until: int) -> None:
        """The peer does not want these messages until this heartbeat."""
        for message_id in message_ids:
            self.unwanted.setdefault(message_id, {})[peer] = until

    def expire(self, beat: int) -> None:
        """Forget the IDONTWANTs that end with this heartbeat, or ended before it."""
        for message_id, peers in list(self.unwanted.items()):
            for peer in [peer for peer, until in peers.items() if until <= beat]:
                del peers[peer]
            if not peers:
                del self.unwanted[message_id]


# -- IHAVE


def emit_gossip(router: GossipSub, topic: str, exclude: dict[int, None], out: Outbox) -> None:
    """Tell some peers outside the mesh or fanout which messages there are (v1.0 "Gossip Emission")."""
    params = router.params
    ids = router.gossip.mcache.gossip_ids(topic, params.mcache_gossip)
    if not ids:
        return
    peers, explicit, scores = router.peers, router.explicit, router.scores
    threshold = scores.params.gossip_threshold
    suspects = scores.suspects
    candidates = [
        peer
        for peer in router.topics.get(topic, ())
        if peer not in exclude
        and peer not in explicit
        and peers[peer].level >= V10
        and not (peer in suspects and scores.below(peer, threshold))
    ]
    if not candidates:
        return
    eligible = len(candidates)
    chosen = router.gossip_targets(candidates)
    limit = params.max_ihave_length
    data = {"ids": min(limit, len(ids)), "peers": len(chosen), "candidates": eligible, "D_lazy": params.D_lazy}
    told = note("pubsub.gossip", -1, topic, reason="heartbeat", data=data)
    if len(ids) <= limit:
        out.gossip(chosen, (topic, tuple(ids)), told)
        return
    # Too many for one IHAVE: each peer gets a choice of its own, so that together they hear of more.
    for peer in chosen:
        out.gossip([peer], (topic, tuple(router.rng.sample(ids, limit))), told if peer == chosen[0] else None)


def on_ihave(
    router: GossipSub,
    entry: Peer,
    ihaves: tuple[tuple[str, tuple[bytes, ...]], ...],
    now: int,
    effects: list[Effect],
) -> tuple[bytes, ...]:
    """IHAVE from a peer: the ids to ask it for."""
    params, peer, scores = router.params, entry.index, router.scores
    counts = entry.counts(router.beats)
    counts.ihaves += 1
    reason: str | None = None
    numbers: dict[str, Any] = {}
    if peer in scores.suspects and scores.below(peer, scores.params.gossip_threshold):
        reason = "score below gossip threshold"
        numbers = {"score": router.score(peer), "gossip_threshold": scores.params.gossip_threshold}
    elif counts.ihaves > params.max_ihave_messages:
        reason = "too many IHAVEs"
        numbers = {"ihaves": counts.ihaves, "max_ihave_messages": params.max_ihave_messages}
    elif counts.asked >= params.max_ihave_length:
        reason = "asked for enough"
        numbers = {"asked": counts.asked, "max_ihave_length": params.max_ihave_length}
    if reason is not None:
        effects.append(note("pubsub.ihave_ignored", peer, reason=reason, data=numbers))
        return ()
    seen, wanted = router.seen, []
    for topic, ids in ihaves:
        if topic in router.joined:
            wanted += [message_id for message_id in ids[: params.max_ihave_length] if message_id not in seen]
    if not wanted:
        return ()
    wanted = list(dict.fromkeys(wanted))
    router.rng.shuffle(wanted)
    asked = wanted[: params.max_ihave_length - counts.asked]
    counts.asked += len(asked)
    watched = router.rng.choice(asked)
    router.gossip.promises.add(peer, watched, now + ticks(params.iwant_followup_time))
    data = {"ids": len(asked), "unseen": len(wanted), "watched": watched.hex()}
    ref = asked[0].hex() if len(asked) == 1 else None
    effects.append(note("pubsub.iwant", peer, ref=ref, reason="advertised", data=data))
    return tuple(asked)


def broken_promises(router: GossipSub, now: int) -> list[Effect]:
    """Penalise the peers that did not deliver what they advertised (v1.1 "Spam Protection Measures")."""
    effects: list[Effect] = []
    waited = router.params.iwant_followup_time
    for peer, message_id in router.gossip.promises.broken(now):
        entry = router.peers.get(peer)
        if entry is not None:
            effects += router.penalise(entry, 1, "broken promise", message=message_id.hex(), iwant_followup_time=waited)
    return effects


# -- IWANT


def on_iwant(
    router: GossipSub, entry: Peer, iwants: tuple[tuple[bytes, ...], ...], effects: list[Effect]
) -> tuple[Publication, ...]:
    """IWANT from a peer: the messages to give it."""
    peer, scores, gossip = entry.index, router.scores, router.gossip
    if peer in scores.suspects and scores.below(peer, scores.params.gossip_threshold):
        data = {"score": router.score(peer), "gossip_threshold": scores.params.gossip_threshold}
        effects.append(note("pubsub.iwant_ignored", peer, reason="score below gossip threshold", data=data))
        return ()
    given: dict[bytes, Publication] = {}
    refused: dict[str, int] = {}
    for message_id in dict.fromkeys(message_id for ids in iwants for message_id in ids):
        if peer in gossip.unwanted.get(message_id, ()):
            reason = "peer does not want it"
        else:
            publication, times = gossip.mcache.ask(message_id, peer)
            if publication is None:
                reason = "not in the cache"
            elif times > router.params.gossip_retransmission:
                reason = "asked too often"
            else:
                given[message_id] = publication
                continue
        refused[reason] = refused.get(reason, 0) + 1
    for reason, count in refused.items():
        effects.append(note("pubsub.iwant_ignored", peer, reason=reason, data={"ids": count}))
    if given:
        ref = next(iter(given)).hex() if len(given) == 1 else None
        effects.append(note("pubsub.iwant_served", peer, ref=ref, reason="asked", data={"ids": len(given)}))
    return tuple(given.values())


# -- IDONTWANT


def announce_unwanted(router: GossipSub, sender: int, publication: Publication, message_id: bytes) -> Effects:
    """Tell the mesh that this message need not be sent to us: all but who sent it, the author too, whose own copies may
    still wait on a slow uplink."""
    told = [peer for peer in router.mesh(publication.topic) if peer != sender and router.peers[peer].level >= V12]
    if not told:
        return NOTHING
    size, threshold = len(publication.data), router.params.idontwant_message_threshold
    data = {"peers": len(told), "size": size, "threshold": threshold}
    return (
        note("pubsub.idontwant", -1, publication.topic, ref=message_id.hex(), reason="arrived", data=data),
        (SEND, told, RPC(control=Control(idontwant=((message_id,),)))),
    )


def on_idontwant(
    router: GossipSub, entry: Peer, idontwants: tuple[tuple[bytes, ...], ...], effects: list[Effect]
) -> None:
    """IDONTWANT from a peer, which has these messages already."""
    params, peer = router.params, entry.index
    counts = entry.counts(router.beats)
    counts.idontwants += 1
    if counts.idontwants > params.max_idontwant_messages:
        data = {"idontwants": counts.idontwants, "max_idontwant_messages": params.max_idontwant_messages}
        effects.append(note("pubsub.idontwant_ignored", peer, reason="too many IDONTWANTs", data=data))
        return
    ids = [message_id for group in idontwants for message_id in group]
    if len(ids) > params.max_idontwant_length:
        data = {"ids": len(ids), "max_idontwant_length": params.max_idontwant_length}
        effects.append(note("pubsub.idontwant_ignored", peer, reason="too many ids", data=data))
        del ids[params.max_idontwant_length :]
    router.gossip.refused_by(peer, ids, router.beats + params.idontwant_message_ttl)
    if ids and params.idontwant_withdraws:
        effects.append(Withdraw(peer, tuple(ids)))
