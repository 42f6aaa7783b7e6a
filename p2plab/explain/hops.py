"""Why a message did not cross from a node that had it to a neighbour that did not.

The log has no row for every copy that is sent, so what a node sent is reasoned from what it had decided by then: whom
it knew to subscribe, who was in its mesh or fanout, how it published. A node that never made a decision of GossipSub's
floods.
"""

from __future__ import annotations

import itertools

from p2plab.constants import FLOODSUB_ID
from p2plab.events import Event, EventLog

Answer = tuple[str, Event]

NEVER = 1 << 62  # as the number of an event: none is as late
GONE = ("node.crashed", "node.stopped")
_ENDS = ("connection.opened", "connection.closed")
MESH = ("pubsub.graft", "pubsub.graft_refused", "pubsub.prune")
GOSSIPSUB = (*MESH, "pubsub.fanout", "pubsub.gossip", "pubsub.route")
KNOWING = ("pubsub.peer_subscribed", "pubsub.peer_unsubscribed", "connection.closed")
NOT_SENT = ("pubsub.withheld", "pubsub.withdrawn", "pubsub.drop")


class Hops:
    """One message, and the pairs of neighbours it could have crossed between."""

    def __init__(self, log: EventLog, published: Event) -> None:
        self.log = log
        self.published = published
        self.topic = str(published.topic)

    # -- the nodes

    def neighbours(self, node: str, until: int = NEVER) -> list[str]:
        """The nodes it was connected to when the message was published, or later, before the event number ``until``."""
        peers: dict[str, int] = {}
        for event in self._life(node):
            if event.seq >= until:
                continue
            if event.kind in GONE and event.seq < self.published.seq:
                peers.clear()  # its connections end with it, though it has no time to note that
            elif event.kind == "connection.opened" and event.peer is not None:
                peers[event.peer] = peers.get(event.peer, 0) + 1
            elif event.kind == "connection.closed" and event.peer in peers and event.seq < self.published.seq:
                peers[event.peer] = max(0, peers[event.peer] - 1)
        return [peer for peer, count in peers.items() if count > 0]

    def ever_connected(self, node: str) -> list[str]:
        """Whom it was ever connected to."""
        events = self.log.filter(kind="connection.opened", node=node)
        return list(dict.fromkeys(event.peer for event in events if event.peer is not None))

    def _life(self, node: str) -> list[Event]:
        """When its connections opened and closed, and it came and went."""
        events = [*self.log.filter(kind="connection", node=node), *self.log.filter(kind="node", node=node)]
        return sorted(events, key=lambda event: event.seq)

    def ended(self, node: str, other: str) -> Answer | None:
        """What ended the last connection of two nodes before the message was published: the command or the fault that
        led to it, where the log knows it. None where they never were connected, or were so again."""
        told_of = sorted(
            {
                event.seq: event
                for one, peer in ((node, other), (other, node))
                for event in self._life(one)
                if event.seq < self.published.seq
                and (
                    event.kind in GONE
                    or (event.peer == peer and event.kind in ("connection.opened", "connection.closed"))
                )
            }.items()
        )
        since = max((at for at, (_, event) in enumerate(told_of) if event.kind == "connection.opened"), default=-1) + 1
        ends = [event for _, event in told_of[since:]]
        if not ends:
            return None
        if ends[0].kind == "connection.closed":  # a node that went down later has not ended it again
            ends = list(itertools.takewhile(lambda event: event.kind == "connection.closed", ends))
        last = ends[-1]
        met = self.log.filter(kind="connection.opened", node=node, peer=other)
        if not [event for event in met if event.seq < last.seq]:
            return None
        later = next((event for event in met if event.seq > self.published.seq), None)
        again = "" if later is None else f" (they were connected again at {later.t:.4f} s)"
        if last.kind in GONE:
            told = f"{last.node} {last.kind.split('.')[1]} at {last.t:.4f} s, and its connections ended with it"
        else:
            told = f"the connection of {node} and {other} closed at {last.t:.4f} s: {last.reason}"
        return f"{told}{again}", last

    def givers(self, node: str) -> list[tuple[str, Event]]:
        """The neighbours that had the message while they were neighbours, each with the event since which it did."""
        found = [(other, self.had(other)) for other in self.neighbours(node)]
        return [(other, had) for other, had in found if had is not None and node in self.neighbours(other, had.seq)]

    def would_pass_on(self, node: str) -> bool:
        """Whether it published the message or ever subscribed to the topic."""
        return node == self.published.node or bool(
            self.log.filter(kind="pubsub.subscribe", node=node, topic=self.topic)
        )

    def had(self, node: str) -> Event | None:
        """The event since which the node could pass the message on; None where it never got it, or kept it back."""
        if node == self.published.node:
            return None if self.kept_back() is not None else self.published
        delivered = self.log.filter(kind="pubsub.deliver", node=node, ref=self.published.ref, topic=self.topic)
        return delivered[0] if delivered else None

    def kept_back(self) -> Answer | None:
        """Why the publisher itself did not send it: its own validators see it first."""
        publisher = str(self.published.node)
        mine = self.log.filter(kind="pubsub", node=publisher, ref=self.published.ref)
        for event in mine:
            if event.kind in ("pubsub.reject", "pubsub.ignore") and event.peer is None:
                if event.reason != "already published":
                    return f"{publisher} published it, and did not send it: {self.verdict(event)}", event
        if not self._floods(publisher) and not any(event.kind == "pubsub.route" for event in mine):
            return f"{publisher} published it, and its validators have not answered yet", self.published
        return None

    def verdict(self, judged: Event) -> str:
        """Why a node turned the message away: of a validator that raised, also what."""
        raised = None if judged.cause is None else self.log.by_seq(judged.cause)
        if judged.reason != "validator raised" or raised is None or raised.kind != "error" or raised.data is None:
            return str(judged.reason)
        text = " ".join(str(raised.data["text"]).split())
        return f"{judged.reason} {raised.data['type']}{f': {text}' if text else ''}"

    def by_nearness(self, node: str, neighbours: list[str]) -> list[str]:
        """Those first that would have passed the message on to the node."""
        return sorted(neighbours, key=lambda other: not self._in_mesh(other, node, NEVER))

    # -- one hops

    def why(self, giver: str, node: str, had: Event) -> Answer:
        """Why it did not come from ``giver``, which had it since the event ``had``."""
        said = self._said_no(giver, node)
        if said is not None:
            return said
        known = self._last(KNOWING, giver, node, had.seq)
        if known is not None and known.kind == "connection.closed":
            last = self._last(("connection.opened", "connection.closed"), giver, node, had.seq)
            if last is not None and last.kind == "connection.opened":
                return self._unaware(giver, node, had, None)
            told = f"{giver} had it, and was no longer connected to {node}: {known.reason}", known
            return self._went(node) or told
        if known is None or known.kind == "pubsub.peer_unsubscribed":
            return self._unaware(giver, node, had, known)
        return self._not_chosen(giver, node, had) or self._under_way(giver, node, had)

    def carried(self, event: Event) -> bool:
        """Whether what happened in the event happened to this message."""
        return any(link.ref == self.published.ref for link in self.log.chain(event))

    def _said_no(self, giver: str, node: str) -> Answer | None:
        """The giver did not send it on purpose, or the node did not read what it sent."""
        for event in self.log.filter(kind="pubsub", node=giver, ref=self.published.ref):
            to_nobody = event.peer is None and event.kind == "pubsub.withheld"
            if to_nobody or (event.peer == node and event.kind in NOT_SENT):
                return f"{giver} had it and did not send it to {node}: {event.reason}", event
        for event in self.log.filter(kind="pubsub.drop", node=node, peer=giver, since=self.published.t):
            if self.carried(event):
                told = f"{node} did not read what came from {giver} at {event.t:.4f} s: {event.reason}"
                score = self._last(("pubsub.score",), node, giver, event.seq) if event.reason == "graylisted" else None
                return told, score or event
        return None

    def _unaware(self, giver: str, node: str, had: Event, known: Event | None) -> Answer:
        if known is not None:
            return f"{giver} had it, and {node} had told it that it left {self.topic!r} at {known.t:.4f} s", known
        later = self.log.filter(kind="pubsub.peer_subscribed", node=giver, peer=node, topic=self.topic)
        when = f"until {later[0].t:.4f} s" if later else "and has not heard it yet"
        said = self.log.filter(kind="pubsub.subscribe", node=node, topic=self.topic)
        return (
            f"{giver} passed it on at {had.t:.4f} s and did not know that {node} subscribes to {self.topic!r}, {when}",
            later[0] if later else (said[-1] if said else had),
        )

    def _not_chosen(self, giver: str, node: str, had: Event) -> Answer | None:
        """Why the giver's router did not choose the node; None where it did."""
        if self._floods(giver) or self._flooded(giver, node, had.seq):
            return self._below_publish_threshold(giver, node, had)
        decided = self._last(MESH, giver, node, had.seq, self.topic)
        if decided is not None and decided.reason == "explicit peer":
            return None
        if had is self.published:
            routes = self.log.filter(kind="pubsub.route", node=giver, ref=self.published.ref)
            how = routes[0].reason if routes else None
            if how == "flood publish":
                return self._below_publish_threshold(giver, node, had)
            if how == "fanout":
                return self._not_in_fanout(giver, node, routes[0])
        if decided is not None and decided.kind == "pubsub.graft":
            return None
        told, event = self._outside_mesh(giver, node, had, decided)
        gossip = self._gossip_refused(giver, node, had.seq)
        return (told, event) if gossip is None else (f"{told}; gossip did not help: {gossip.reason}", gossip)

    def _outside_mesh(self, giver: str, node: str, had: Event, decided: Event | None) -> Answer:
        if decided is None:
            own = self._last(MESH, node, giver, had.seq, self.topic)
            return f"{giver} had it, and {node} is in no mesh of {giver}", own or had
        what = f"pruned {node} from" if decided.kind == "pubsub.prune" else f"refused {node} in"
        return f"{giver} had it, and had {what} its mesh at {decided.t:.4f} s: {decided.reason}", decided

    def _below_publish_threshold(self, giver: str, node: str, had: Event) -> Answer | None:
        score = self._last(("pubsub.score",), giver, node, had.seq)
        if score is None or score.reason not in ("below publish threshold", "graylisted"):
            return None
        return f"{giver} had it and did not send it to {node}, whose score is too low: {score.reason}", score

    def _not_in_fanout(self, giver: str, node: str, route: Event) -> Answer | None:
        last = self._last(("pubsub.fanout",), giver, node, route.seq, self.topic)
        if last is not None and last.reason in ("chosen", "refilled"):
            return None
        others = self.log.filter(kind="pubsub.fanout", node=giver, topic=self.topic)
        return f"{giver} published it to its fanout, and {node} was not in it", last or (
            others[-1] if others else route
        )

    def _gossip_refused(self, giver: str, node: str, since: int) -> Event | None:
        """Gossip about the message that was not listened to."""
        refused = [
            *self.log.filter(kind="pubsub.ihave_ignored", node=node, peer=giver),
            *self.log.filter(kind="pubsub.iwant_ignored", node=giver, peer=node),
        ]
        return next((event for event in refused if event.seq > since), None)

    # -- what was sent, and has not come

    def _under_way(self, giver: str, node: str, had: Event) -> Answer:
        went = self._went(node)
        if went is not None:
            return went
        cut = self.cut(giver, node, NEVER)
        if cut is not None:
            return f"{giver} sent it, and {node} was cut off from {giver} by a partition since {cut.t:.4f} s", cut
        held = self._held(giver, node)
        if held is not None:
            return f"{giver} sent it, and what it sends {node} is held back since {held.t:.4f} s", held
        gone = self._went(giver)
        if gone is not None:
            return f"{giver} sent it to {node}, and {gone[0]}", gone[1]
        for one, other in ((node, giver), (giver, node)):
            for event in self.log.filter(kind="connection.closed", node=one, peer=other):
                if event.seq > had.seq:
                    told = f"the connection between {giver} and {node} closed while it was under way"
                    return f"{told}, at {event.t:.4f} s: {event.reason}", event
        return f"{giver} has it since {had.t:.4f} s and {node} is one it sends to: it is under way, or kept back", had

    def _went(self, node: str) -> Answer | None:
        for event in self.log.filter(kind="node", node=node):
            if event.kind in ("node.crashed", "node.stopped") and event.seq > self.published.seq:
                what = event.kind.split(".")[1]
                return f"{node} went while the message was under way: {what} at {event.t:.4f} s", event
        return None

    def cut(self, source: str, target: str, until: int) -> Event | None:
        """The partition that lets nothing pass from ``source`` to ``target``, begun before the event number ``until``
        and still there."""
        cuts: list[Event] = []
        for event in self.log.filter(kind="network"):
            data = event.data or {}
            if event.kind == "network.partition" and event.seq < until:
                cuts.append(event)
            elif event.kind == "network.heal":
                cuts = [cut for cut in cuts if "groups" in data and (cut.data or {}).get("groups") != data["groups"]]
        for cut in cuts:
            data = cut.data or {}
            of = {name: at for at, group in enumerate(data.get("groups", [])) for name in group}
            a, b = of.get(source), of.get(target)
            if a is not None and b is not None and a != b and (a == 0 or not data.get("one_way")):
                return cut
        return None

    def _held(self, source: str, target: str) -> Event | None:
        held: Event | None = None
        for event in self.log.filter(kind="network"):
            data = event.data or {}
            between = data.get("between")
            if event.kind == "network.hold":
                if between == [source, target] or (between == [target, source] and not data.get("one_way")):
                    held = event
            elif event.kind == "network.release" and (between is None or set(between) == {source, target}):
                held = None
        return held

    # -- what a node had decided by then

    def _last(self, kinds: tuple[str, ...], node: str, peer: str, until: int, topic: str | None = None) -> Event | None:
        """The last of these events at a node about a peer, before the event number ``until``."""
        last: Event | None = None
        for kind in kinds:
            of = self.topic if kind.startswith("pubsub.peer_") else topic
            for event in self.log.filter(kind=kind, node=node, peer=peer, topic=of):
                if event.seq < until and (last is None or event.seq > last.seq):
                    last = event
        return last

    def _in_mesh(self, node: str, peer: str, until: int) -> bool:
        last = self._last(MESH, node, peer, until, self.topic)
        return self._floods(node) or (last is not None and last.kind == "pubsub.graft")

    def _floods(self, node: str) -> bool:
        return not any(self.log.filter(kind=kind, node=node) for kind in GOSSIPSUB)

    def _flooded(self, node: str, peer: str, until: int) -> bool:
        """Whether the node sends the peer everything because it speaks FloodSub only."""
        spoken = self._last(("pubsub.protocol",), node, peer, until)
        return spoken is not None and (spoken.data or {}).get("protocol") == FLOODSUB_ID
