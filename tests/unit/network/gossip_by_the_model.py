"""The other half of ``by_the_model.py``: a node's pubsub and GossipSub, without scores."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import partial

from tests.unit.network.by_the_model import CONTROL, MESSAGES, SECOND, Direction, Model, Stream

HOUR = 3600 * SECOND
Id = tuple[int, int]  # the author, and the number of its message: what a message id is made of


def ticks(seconds: float) -> int:
    return round(seconds * SECOND)


def sized(length: int) -> int:
    """A protobuf field of so many bytes."""
    return 1 + max(1, (length.bit_length() + 6) // 7) + length


@dataclass(frozen=True)
class Message:
    author: int
    number: int
    topic: str
    length: int

    @property
    def id(self) -> Id:
        return self.author, self.number

    @property
    def size(self) -> int:
        fields = (self.length, len(self.topic), 38, 8, 64)  # data, topic, from, seqno, signature
        return sum(map(sized, fields))


@dataclass(frozen=True)
class Rpc:
    subscriptions: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()
    ihave: tuple[tuple[str, tuple[Id, ...]], ...] = ()
    iwant: tuple[Id, ...] = ()
    graft: tuple[str, ...] = ()
    prune: tuple[tuple[str, int], ...] = ()  # with the backoff in seconds
    idontwant: tuple[Id, ...] = ()

    @property
    def size(self) -> int:
        control = 0
        for topic, ids in self.ihave:
            control += sized(sized(len(topic)) + len(ids) * sized(46))
        for ids in (self.iwant, self.idontwant):
            control += sized(len(ids) * sized(46)) if ids else 0
        for topic in self.graft:
            control += sized(sized(len(topic)))
        for topic, backoff in self.prune:
            control += sized(sized(len(topic)) + 1 + max(1, (backoff.bit_length() + 6) // 7))
        size = sum(sized(2 + sized(len(topic))) for topic in self.subscriptions + self.left)
        size += sum(sized(message.size) for message in self.messages)
        return size + (sized(control) if control else 0)


@dataclass
class Peer:
    way: Direction
    outbound: bool
    node: Node
    beat: int = -1  # of the three that follow
    ihaves: int = 0
    asked: int = 0
    idontwants: int = 0


@dataclass
class Topic:
    peers: dict[int, None] = field(default_factory=dict)  # who subscribes
    mesh: dict[int, None] = field(default_factory=dict)
    backoff: dict[int, int] = field(default_factory=dict)
    joined: bool = False
    fanout: dict[int, None] = field(default_factory=dict)
    published: int = 0


class Node:
    """MODEL.md, "A node's pubsub" and "GossipSub"."""

    def __init__(self, model: Model, name: str) -> None:
        self.model, self.params = model, model.params
        self.me = len(model.nodes)
        model.nodes.append(self)
        self.draw = Stream(model.seed, f"pubsub/{name}")
        self.peers: dict[int, Peer] = {}
        self.topics: dict[str, Topic] = {}
        self.joined: dict[str, None] = {}
        self.fanouts: dict[str, None] = {}
        self.seen: dict[Id, int] = {}
        self.unwanted: dict[Id, dict[int, int]] = {}
        self.windows: list[dict[str, list[Message]]] = [{}]
        self.given: dict[tuple[Id, int], int] = {}
        self.beats = self.published = 0
        self.promises: dict[Id, dict[int, int]] = {}

    def topic(self, name: str) -> Topic:
        return self.topics.setdefault(name, Topic())

    # -- verbs

    def wired(self, other: Node, outbound: bool) -> None:
        """This end of a new connection."""
        params = self.params
        if not self.peers:
            spread = self.draw.block() % (SECOND - 1) + 1
            delay = params.heartbeat_initial_delay + spread / SECOND * params.heartbeat_interval
            self.model.beat(self.model.now + ticks(delay), self.me, self.heartbeat)
        self.peers[other.me] = Peer(Direction(self.model, self.me, other.me), outbound, other)
        if self.joined:
            self.send([other.me], Rpc(subscriptions=tuple(self.joined)))

    def subscribe(self, name: str) -> None:
        self.send(list(self.peers), Rpc(subscriptions=(name,)))
        self.joined[name] = None
        topic = self.topic(name)
        topic.joined = True
        candidates = self.candidates(topic)
        chosen = [peer for peer in candidates if peer in topic.fanout]
        others = [peer for peer in candidates if peer not in topic.fanout]
        chosen += self.draw.pick(others, self.params.D - len(chosen))
        self.fanouts.pop(name, None)
        topic.fanout = {}
        for peer in chosen:
            topic.mesh[peer] = None
            self.send([peer], Rpc(graft=(name,)))

    def unsubscribe(self, name: str) -> None:
        self.send(list(self.peers), Rpc(left=(name,)))
        topic, seconds = self.topic(name), self.params.unsubscribe_backoff
        del self.joined[name]
        topic.joined = False
        for peer in topic.mesh:
            self.back_off(topic, peer, ticks(seconds))
            self.send([peer], Rpc(prune=((name, round(seconds)),)))
        topic.mesh = {}

    def publish(self, name: str, length: int) -> None:
        self.published += 1
        self.forget_seen()
        message = Message(self.me, self.published, name, length)
        self.seen[message.id] = self.model.now
        self.cache(message)
        topic, params = self.topic(name), self.params
        if params.flood_publish:
            told = list(topic.peers)
        else:
            told = list(topic.mesh if topic.joined else self.fanout_of(name, topic))
        if params.idontwant_on_publish and length >= params.idontwant_message_threshold:
            self.send(list(topic.mesh), Rpc(idontwant=(message.id,)))
        self.send(told, Rpc(messages=(message,)))

    def fanout_of(self, name: str, topic: Topic) -> dict[int, None]:
        topic.published = self.model.now
        if not topic.fanout:
            topic.fanout = dict.fromkeys(self.draw.pick(list(topic.peers), self.params.D))
        if topic.fanout:
            self.fanouts[name] = None
        return topic.fanout

    # -- what comes

    def send(self, peers: Iterable[int], rpc: Rpc) -> None:
        stream = CONTROL if rpc.idontwant and not rpc.messages else MESSAGES
        for peer in peers:
            entry = self.peers[peer]
            entry.way.send(rpc.size + 30, stream, partial(entry.node.read, self.me), rpc)

    def read(self, peer: int, rpc: Rpc) -> None:
        for name in rpc.subscriptions:
            self.topic(name).peers.setdefault(peer)
        for name in rpc.left:
            for peers in (self.topic(name).peers, self.topic(name).mesh, self.topic(name).fanout):
                peers.pop(peer, None)
        if rpc.messages:
            self.forget_seen()
        for message in rpc.messages:
            self.arrived(peer, message)
        entry, prunes = self.peers[peer], []
        asked = self.on_ihave(entry, peer, rpc) if rpc.ihave else ()
        given = self.on_iwant(peer, rpc.iwant) if rpc.iwant else ()
        for name in dict.fromkeys(rpc.graft):
            prunes += self.on_graft(entry, peer, name)
        for name, seconds in rpc.prune:
            topic = self.topic(name)
            if topic.joined:
                self.back_off(topic, peer, min(ticks(seconds or self.params.prune_backoff), HOUR))
                topic.mesh.pop(peer, None)
        if rpc.idontwant:
            self.on_idontwant(entry, peer, rpc.idontwant)
        if asked or given or prunes:
            self.send([peer], Rpc(messages=tuple(given), iwant=tuple(asked), prune=tuple(prunes)))

    def forget_seen(self) -> None:
        oldest = self.model.now - ticks(self.params.seen_ttl)
        self.seen = {one: at for one, at in self.seen.items() if at > oldest}

    def arrived(self, peer: int, message: Message) -> None:
        model, params, topic = self.model, self.params, self.topic(message.topic)
        row = (model.now, self.me, peer, *message.id)
        if message.id in self.seen:
            model.duplicates.append(row)
            return
        if not topic.joined or message.author == self.me:
            return
        self.seen[message.id] = model.now
        if message.length >= params.idontwant_message_threshold:
            self.send([one for one in topic.mesh if one != peer], Rpc(idontwant=(message.id,)))
        model.deliveries.append(row)
        self.promises.pop(message.id, None)
        self.cache(message)
        unwilling = self.unwanted.get(message.id, ())
        away = (peer, message.author)
        told = [one for one in topic.mesh if one not in away and one not in unwilling]
        self.send(told, Rpc(messages=(message,)))

    def cache(self, message: Message) -> None:
        self.windows[0].setdefault(message.topic, []).append(message)

    def counts(self, entry: Peer) -> Peer:
        if entry.beat != self.beats:
            entry.beat, entry.ihaves, entry.asked, entry.idontwants = self.beats, 0, 0, 0
        return entry

    def on_ihave(self, entry: Peer, peer: int, rpc: Rpc) -> list[Id]:
        params, counts = self.params, self.counts(entry)
        counts.ihaves += 1
        if counts.ihaves > params.max_ihave_messages or counts.asked >= params.max_ihave_length:
            return []
        wanted: dict[Id, None] = {}
        for name, ids in rpc.ihave:
            if name in self.joined:
                wanted.update(dict.fromkeys(one for one in ids[: params.max_ihave_length] if one not in self.seen))
        if not wanted:
            return []
        asked = self.draw.shuffled(list(wanted))[: params.max_ihave_length - counts.asked]
        counts.asked += len(asked)
        watched = asked[self.draw.block() % len(asked)]
        self.promises.setdefault(watched, {}).setdefault(peer, self.model.now + ticks(params.iwant_followup_time))
        return asked

    def on_iwant(self, peer: int, ids: tuple[Id, ...]) -> list[Message]:
        kept = {one.id: one for window in self.windows for ones in window.values() for one in ones}
        given = []
        for one in dict.fromkeys(ids):
            if peer in self.unwanted.get(one, ()) or one not in kept:
                continue
            times = self.given[one, peer] = self.given.get((one, peer), 0) + 1
            if times <= self.params.gossip_retransmission:
                given.append(kept[one])
        return given

    def on_graft(self, entry: Peer, peer: int, name: str) -> list[tuple[str, int]]:
        params, topic, now = self.params, self.topic(name), self.model.now
        if not topic.joined or peer in topic.mesh:
            return []
        full = len(topic.mesh) >= params.D_high and not entry.outbound
        if topic.backoff.get(peer, -1) > now or full:
            self.back_off(topic, peer, ticks(params.prune_backoff))
            return [(name, round(params.prune_backoff))]
        topic.mesh[peer] = None
        return []

    def on_idontwant(self, entry: Peer, peer: int, ids: tuple[Id, ...]) -> None:
        params, counts = self.params, self.counts(entry)
        counts.idontwants += 1
        if counts.idontwants > params.max_idontwant_messages:
            return
        for one in ids[: params.max_idontwant_length]:
            self.unwanted.setdefault(one, {})[peer] = self.beats + params.idontwant_message_ttl
        if params.idontwant_withdraws:
            unwanted = set(ids[: params.max_idontwant_length])

            def left(rpc: Rpc) -> tuple[Rpc, int]:
                kept = replace(rpc, messages=tuple(one for one in rpc.messages if one.id not in unwanted))
                return kept, kept.size + 30 if kept.size else 0

            entry.way.take_back(left)

    def back_off(self, topic: Topic, peer: int, duration: int) -> None:
        topic.backoff[peer] = max(topic.backoff.get(peer, -1), self.model.now + duration)

    # -- the heartbeat

    def candidates(self, topic: Topic) -> list[int]:
        params, now = self.params, self.model.now
        slack = ticks(params.backoff_slack * params.heartbeat_interval)
        held = {
            peer for peer, end in topic.backoff.items() if params.backoff_sweep > 1 or end + slack > now
        }  # with sweeps: until one took it away
        return [peer for peer in topic.peers if peer not in topic.mesh and peer not in held]

    def heartbeat(self) -> None:
        self.beats += 1
        model, params, now = self.model, self.params, self.model.now
        slack = ticks(params.backoff_slack * params.heartbeat_interval)
        if params.backoff_sweep > 1 and self.beats % params.backoff_sweep == 0:
            for topic in self.topics.values():
                topic.backoff = {peer: end for peer, end in topic.backoff.items() if end + slack > now}
        for unwilling in self.unwanted.values():
            for peer in [peer for peer, end in unwilling.items() if end == self.beats]:
                del unwilling[peer]
        grafts: dict[int, list[str]] = {}
        prunes: dict[int, list[tuple[str, int]]] = {}
        order: dict[int, None] = {}
        gossip: list[tuple[str, tuple[Id, ...], list[int]]] = []
        for name in self.joined:
            topic = self.topic(name)
            for peer in self.maintain(topic):
                order[peer] = None
                if peer in topic.mesh:
                    grafts.setdefault(peer, []).append(name)
                else:
                    prunes.setdefault(peer, []).append((name, round(params.prune_backoff)))
            gossip += self.gossip(name, topic, topic.mesh)
        for name in list(self.fanouts):
            topic = self.topic(name)
            if now - topic.published > ticks(params.fanout_ttl):
                topic.fanout = {}
                del self.fanouts[name]
                continue
            others = [peer for peer in topic.peers if peer not in topic.fanout]
            topic.fanout.update(dict.fromkeys(self.draw.pick(others, params.D - len(topic.fanout))))
            gossip += self.gossip(name, topic, topic.fanout)
        for name, ids, peers in gossip:
            self.send([peer for peer in peers if peer not in order], Rpc(ihave=((name, ids),)))
        for peer in order:
            ihave = tuple((name, ids) for name, ids, peers in gossip if peer in peers)
            rpc = Rpc(ihave=ihave, graft=tuple(grafts.get(peer, ())), prune=tuple(prunes.get(peer, ())))
            self.send([peer], rpc)
        self.windows = [{}, *self.windows][: params.mcache_len]
        model.beat(now + ticks(params.heartbeat_interval), self.me, self.heartbeat)

    def outbound(self, peers: Iterable[int]) -> list[int]:
        return [peer for peer in peers if self.peers[peer].outbound]

    def maintain(self, topic: Topic) -> list[int]:
        """Who was grafted or pruned, in order."""
        params, mesh, changed = self.params, topic.mesh, []
        if len(mesh) < params.D_low:
            changed += self.draw.pick(self.candidates(topic), params.D - len(mesh))
        elif len(mesh) > params.D_high or (
            params.prune_at_D_high and len(mesh) == params.D_high and params.D_high > params.D
        ):
            keep = self.survivors(list(mesh))
            changed += [peer for peer in mesh if peer not in keep]
            for peer in changed:
                del mesh[peer]
                self.back_off(topic, peer, ticks(params.prune_backoff))
            return changed + self.few_outbound(topic)
        mesh.update(dict.fromkeys(changed))
        return changed + self.few_outbound(topic)

    def few_outbound(self, topic: Topic) -> list[int]:
        params, mesh = self.params, topic.mesh
        missing = params.D_out - len(self.outbound(mesh))
        if len(mesh) < params.D_low or missing <= 0:
            return []
        chosen = self.draw.pick(self.outbound(self.candidates(topic)), missing)
        mesh.update(dict.fromkeys(chosen))
        return chosen

    def survivors(self, mesh: list[int]) -> list[int]:
        params, ranked = self.params, self.draw.shuffled(mesh)
        rest = self.draw.shuffled(ranked[params.D_score :])
        more = params.D - params.D_score
        keep, spare = ranked[: params.D_score] + rest[:more], self.outbound(rest[more:])
        for place in range(len(keep) - 1, -1, -1):
            if len(self.outbound(keep)) >= params.D_out or not spare:
                break
            if not self.peers[keep[place]].outbound:
                keep[place] = spare.pop(0)
        return keep

    def gossip(self, name: str, topic: Topic, told: dict[int, None]) -> list[tuple[str, tuple[Id, ...], list[int]]]:
        params = self.params
        ids = tuple(one.id for window in self.windows[: params.mcache_gossip] for one in window.get(name, ()))
        candidates = [peer for peer in topic.peers if peer not in told]
        if not ids or not candidates:
            return []
        peers = self.draw.pick(candidates, max(int(params.gossip_factor * len(candidates)), params.D_lazy))
        return [(name, ids, peers)]
