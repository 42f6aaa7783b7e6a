"""One diagnosis: what can be read of two nodes before and after one of them has dialled and asked the other.

It only reads. The verbs that dial and ask are the caller's, between ``before`` and ``after``; everything here is called
inside the lab (``World.read``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from p2plab.errors import AddressError
from p2plab.explain.diagnosis.addresses import CircuitAddress, address_fault
from p2plab.explain.diagnosis.answer import Diagnosis
from p2plab.explain.diagnosis.dht import dht_layers
from p2plab.explain.diagnosis.dialling import (
    lines_of,
    lossy,
    not_dialled,
    of_port,
    of_way,
    standing_fault,
    to_probe,
    wrong_peer,
)
from p2plab.explain.diagnosis.implementations import Implementation, in_words_of, recognised
from p2plab.explain.diagnosis.port import PortAnswer
from p2plab.explain.diagnosis.protocols import asked_in_vain, of_streams, wanted, without_partner
from p2plab.explain.diagnosis.topics import TopicLayers, new_side, outside_side
from p2plab.explain.nats import why_relayed
from p2plab.host.names import target_of
from p2plab.identity.address import parse_address

__all__ = ["SETTLING", "Examination"]

SETTLING = 2.0  # seconds that a new connection is given to bring what the other subscribes to


class Examination:
    """``host`` is the node that dials, ``peer`` the text that names the other: a node's name, a peer id or an address.

    ``topic`` and ``protocol`` are what the two are to talk about (None: whatever is in play), ``dht`` whether the DHT
    is looked at too.
    """

    def __init__(self, world: Any, host: Any, peer: str, topic: str | None, protocol: str | None, dht: bool) -> None:
        self._world = world
        self._host = host
        self._peer = peer
        self._topic = topic
        self._protocol = protocol
        self._dht = dht
        self._log = world.events
        self._evidence: list[str] = []
        self._unheard: Diagnosis | None = None
        self._was_connected = False
        self._relayed = ""  # of a connection over a relay: which one, and why it is no direct one
        self._untried = ""  # where they are connected already, when another address was given, which was not dialled
        self._agent = ""  # what a node outside the lab says that it runs

    # -- who is meant

    def _other(self) -> Any:
        """The peer as a node of this lab; None where it is none."""
        found = self._world.find(self._peer)
        if found is None and self._peer.startswith("/"):
            peer_id = parse_address(self._peer).peer_id
            found = None if peer_id is None else self._world.find(str(peer_id))
        return found

    def _named(self) -> str:
        other = self._other()
        if other is not None:
            return str(other.name)
        if not self._peer.startswith("/"):
            outside = self._world.outsider(self._peer)
            return self._peer if outside is None else outside.named
        peer_id = parse_address(self._peer).peer_id
        return self._peer if peer_id is None else peer_id.short

    def _logged(self) -> str:
        """What the log calls it: a peer that is no node of the lab, and was not attached, by its whole peer id."""
        other = self._other()
        index = -1 if other is not None else self._index()
        return self._named() if index < 0 else str(self._log.name_of(index))

    def _implementation(self) -> Implementation | None:
        """What runs it, by what it said."""
        return recognised(self._agent) if self._agent else None

    def _worded(self, found: Diagnosis) -> Diagnosis:
        """With the remedy in the words of the other's configuration, where that is not p2plab's own."""
        if self._other() is not None or found.layer is None:
            return found
        words = in_words_of(found.layer, self._implementation())
        return replace(found, remedy="; ".join(filter(None, (found.remedy, words))))

    def _index(self) -> int:
        index: int = self._host.index_of(self._peer)
        return index

    # -- before anything is asked

    def before(self) -> Diagnosis | None:
        """What is plain without asking: an address nobody can dial, a node that is down, a cut, a NAT.

        UnknownNodeError, PeerIdError or AddressError for what names nobody."""
        found = self._before()
        return None if found is None else self._worded(found)

    def _before(self) -> Diagnosis | None:
        if self._peer.startswith("/"):
            wrong = address_fault(parse_address(self._peer))
            if self.circuit is not None:
                return wrong  # what is between the two is the relay
            wrong = wrong or self._another_there()
            if wrong is not None:
                return wrong
        try:
            target_of(self._host, self._peer)
        except AddressError as error:
            return Diagnosis("address", str(error), remedy="end the address in /p2p/<peer id>")
        other, name = self._other(), self._host.name
        if other is None and self._world.backend == "real" and self._index() >= 0:
            self._agent = self._known_agent()
        standing = standing_fault(self._log, name, None if other is None else other.name)
        if standing is not None:
            return standing
        for host in (self._host, other):
            if host is not None and not host.running:
                return Diagnosis("node", f"{host.name} is not running", remedy=f"{host.name}.restart()")
        self._was_connected = bool(self._host.connections(self._peer)) if self._index() >= 0 else False
        if not self._was_connected and other is not None and self._world.backend == "mock" and other is not self._host:
            way = self._world.predicted([name, other.name])[name, other.name]
            blocked = of_way(way, name, other.name)
            if blocked is not None:
                return blocked
            self._evidence.append(f"network: {way}")
        if self._was_connected:
            layers = self._topics()
            for topic in reversed(layers.shared()):
                for one, two in ((layers.b, layers.a), (layers.a, layers.b)):
                    if topic in two.topics and one.heard(topic) is False and not layers.refuses():
                        self._unheard = layers.unheard(one.name, two.name, topic)
        return None

    @property
    def circuit(self) -> CircuitAddress | None:
        """The way through a relay, where that is what was given."""
        return CircuitAddress.of(parse_address(self._peer)) if self._peer.startswith("/") else None

    def _another_there(self) -> Diagnosis | None:
        """The address is that of a node of this lab, and names another peer."""
        address = parse_address(self._peer)
        there = self._world.listener_at(address)
        if there is None or not there.running or address.peer_id in (None, there.peer_id):
            return None
        return wrong_peer(self._peer, f"{there.name} ({there.peer_id.short}) listens there")

    # -- after a dial that failed

    def to_probe(self, error: Exception) -> tuple[str, int] | None:
        """The host and TCP port to look at after a dial that failed; None where that would tell nothing: of a node of
        the lab it is known what listens there, and mock nodes have no sockets."""
        return to_probe(error) if self._world.backend == "real" and self._other() is None else None

    def failed(self, error: Exception, answer: PortAnswer | None) -> Diagnosis:
        """What a dial that came to nothing shows. ``answer``: what the port said to a plain socket."""
        found = not_dialled(self._log, self._host.name, self._named(), error, self._loss())
        private = getattr(self._host, "in_private_network", False)
        if found.layer in ("security", "muxer"):
            for host in (self._host, self._other()):
                if host is not None:
                    self._evidence.append(f"{found.layer}: {host.name} offers {', '.join(host.offers[found.layer])}")
        at_port = None if answer is None else of_port(answer, error.attempts[-1][0], private)  # type: ignore[attr-defined]
        if at_port is not None and found.layer in ("handshake", "port", "network", "address"):
            found = Diagnosis(at_port.layer, at_port.reason, (*found.evidence, *at_port.evidence), at_port.remedy)
        return self._worded(found.after(self._evidence))

    def _loss(self) -> float:
        """The chance that a packet between the two is lost; 1 where lab.network.drop takes frames for good."""
        other = self._other()
        if other is None or self._world.backend != "mock":
            return 0.0
        links, a, b = self._world.links, self._host.index, other.index
        if any(rule.action == "drop" for rule in links.rules):
            return 1.0
        return float(max(links.between(a, b).loss, links.between(b, a).loss))

    def unanswered(self, error: Exception) -> Diagnosis:
        """A connection is there, and identify over it came to nothing."""
        refused = of_streams(self._log, self._host.name, self._logged(), self._named())
        if refused is not None:
            return refused.after(self._evidence)
        loss = self._loss()
        if loss > 0:
            return lossy(self._host.name, self._named(), loss).after(self._evidence)
        if isinstance(error, TimeoutError):
            return Diagnosis(
                "connection",
                f"there is a connection, and {self._named()} answers nothing over it: {error}",
                tuple(self._evidence),
                f"look at {self._named()}: it hangs, is stopped or too busy, or the way to it is cut without a word",
            )
        found = Diagnosis(
            "identify",
            f"{self._named()} did not say who it is: {error}",
            tuple(self._evidence),
            "have it answer /ipfs/id/1.0.0",
        )
        return self._worded(found)

    # -- after it has answered

    def connected(self, connection: Any) -> None:
        """A connection is there."""
        self._evidence += lines_of(connection, self._was_connected)
        if connection.relayed:
            opened = self._log.filter(kind="connection.opened", node=self._host.name, peer=self._logged())
            self._relayed = next(filter(None, (why_relayed(self._log, event) for event in reversed(opened))), "")
        if self._was_connected and self._peer.startswith("/") and self.circuit is None:
            tried = parse_address(connection.remote_address).base
            self._untried = "" if parse_address(self._peer).base == tried else str(tried)

    def after(self, said: Any) -> Diagnosis:
        """The layers above identify, of which ``said`` is the answer."""
        if self._other() is None:
            self._agent = said.agent_version
        which = self._implementation()
        known = "" if which is None else f" ({which.name})"
        agent = said.agent_version or "no agent version"
        self._evidence.append(f"identify: {agent}{known}, {len(said.protocols)} protocols")
        for found in self._upper(said):
            if found is not None:
                return self._worded(found.after(self._evidence))
        name, other = self._host.name, self._named()
        talk = f"{name} and {other} talk: no layer fails"
        if self._relayed:
            talk += f"; but only {self._relayed}"
        if self._untried:
            talk += f"; they are connected over {self._untried} already, so {self._peer} was not dialled"
        remedy = "to try the address itself, disconnect the two and diagnose again" if self._untried else ""
        return Diagnosis(None, talk, tuple(self._evidence), remedy)

    def _upper(self, said: Any) -> Iterator[Diagnosis | None]:
        host, name, theirs = self._host, self._named(), list(said.protocols)
        mine = host.protocols()
        if self._protocol is not None:
            yield wanted(self._protocol, name, theirs, self._other() is None)
        yield asked_in_vain(self._log, host.name, self._logged(), name, theirs)
        yield without_partner(host.name, name, mine, theirs)
        yield of_streams(self._log, host.name, self._logged(), name)
        self._evidence.append(f"protocols: {name} answers {', '.join(theirs[:8])}{'…' if len(theirs) > 8 else ''}")
        topics = self._topics()
        if topics.in_play():
            for found in topics.layers((mine, theirs)):
                if found is not None and found.layer in ("subscription", "score", "mesh", "backoff"):
                    yield self._unheard
                yield found
            yield self._unheard
            self._evidence.append(f"topics: {', '.join(map(repr, topics.shared()[:8]))}")
        if self._dht:
            table = host.dht_verbs.routing_table()
            asks = list(dict.fromkeys((*mine, str(getattr(table.params, "protocol", "")))))
            if self._index() >= 0:
                self._evidence.append(f"DHT: {host.dht_verbs.why_not(self._peer_text())}")
            yield from dht_layers(self._log, host.name, name, self._logged(), asks, theirs, len(table))

    def _peer_text(self) -> str:
        """The peer as the verbs take it that take no address."""
        other = self._other()
        if other is not None:
            return str(other.name)
        return str(parse_address(self._peer).peer_id) if self._peer.startswith("/") else self._peer

    def _known_agent(self) -> str:
        """What the peer said that it runs, to any node of the lab."""
        attached = self._world.outsider(self._peer_text())
        if attached is not None:
            return str(self._world.outside.find(self._peer_text()).info.agent_version)
        said = (host.info(self._index()).agent_version for host in self._world.real_hosts())
        return next((agent for agent in said if agent), "")

    def settled(self) -> bool:
        """Whether all that is told right after a connection has been heard: what the other subscribes to."""
        layers = self._topics()
        if layers.b.outside and not self._was_connected and not layers.b.topics and layers.a.topics:
            return False  # its greeting, with all that it subscribes to, may be on its way
        return all(
            one.heard(topic) is not False or topic not in two.topics
            for topic in layers.shared()
            for one, two in ((layers.a, layers.b), (layers.b, layers.a))
        )

    def _topics(self) -> TopicLayers:
        other, name = self._other(), self._named()
        a = new_side(self._host, self._index())
        if other is not None:
            return TopicLayers(self._log, a, new_side(other, self._host.index), self._topic)
        which = self._implementation()
        limit = None if which is None else which.max_message_size
        b = outside_side(self._log, name, self._logged(), self._host.name, limit)
        return TopicLayers(self._log, a, b, self._topic)
