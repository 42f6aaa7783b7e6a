"""Causes planted in nodes of go-libp2p and js-libp2p: what ``diagnose`` says of each; of healthy pairs, nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

import p2plab
from p2plab import Lab
from p2plab.constants import LAB_KAD_ID
from p2plab.kademlia import DhtParams
from tests.interop.outsider import PATIENCE, Outsider, packed
from tests.interop.provide import HERE

pytestmark = pytest.mark.slow

SOMEBODY = "12D3KooWDtRJs7bmwLHooFDzzC8cQqc1dZMLtVv8XZASdByzTik4"
ONE_KEY, OTHER_KEY = "ab" * 32, "cd" * 32
TCP, WS = "/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/tcp/0/ws"


class Ground:
    """Nodes of one implementation, and labs to meet them from. One that is as usual serves many tests."""

    def __init__(self, command: list[str], nodes: ExitStack) -> None:
        self.command = command
        self.implementation = "js-libp2p" if len(command) > 1 else "go-libp2p"
        self._nodes = nodes
        self._usual: Outsider | None = None
        self.test = ExitStack()  # what ends with a test
        self.last: Any = None  # the lab that the test began last

    @property
    def usual(self) -> Outsider:
        if self._usual is None:
            self._usual = Outsider(self.command, [TCP], LAB_KAD_ID, HERE)
            self._nodes.callback(self._usual.end)
        return self._usual

    def node(self, listen: str = TCP, kad: str = LAB_KAD_ID, **more: Any) -> Outsider:
        started = Outsider(self.command, [listen], kad, HERE, **more)
        self.test.callback(started.end)
        return started

    def lab(self, **settings: Any) -> Any:
        self.last = self.test.enter_context(Lab("real", seed=3, **settings))
        return self.last

    def alice(self, **settings: Any) -> Any:
        return self.lab(**settings).start_node("alice")

    def talking(self, theirs: Outsider, topic: str, **settings: Any) -> Any:
        """Alice, who subscribes to the same as they do and is in a mesh with them."""
        lab = self.lab(**settings)
        alice = lab.start_node("alice")
        alice.subscribe(topic)
        theirs.do("subscribe", topic=topic)
        alice.connect(theirs.addresses[0])
        theirs.wait_for(event="subscribed", peer=alice.peer_id, topic=topic)
        grafted = lambda: bool(lab.events.filter(kind="pubsub.graft", node="alice", topic=topic))  # noqa: E731
        assert lab.run_until(grafted, timeout=PATIENCE)
        alice.ping(theirs.addresses[0])  # a GRAFT of alice's is there by now, too
        return alice

    def hears(self, theirs: Outsider, topic: str, kind: str, size: int = 4) -> None:
        """They publish, which comes to an event of this kind at alice's."""
        theirs.do("publish", topic=topic, data=packed(b"x" * size))
        events = self.last.events
        assert self.last.run_until(lambda: bool(events.filter(kind=kind, node="alice")), timeout=PATIENCE)


@pytest.fixture(scope="module")
def nodes(command: list[str]) -> Iterator[Ground]:
    with ExitStack() as stack:
        yield Ground(command, stack)


@pytest.fixture
def ground(nodes: Ground) -> Iterator[Ground]:
    with ExitStack() as stack:
        nodes.test = stack
        yield nodes


Plant = Callable[[Ground], Any]
CAUSES: dict[str, tuple[Plant, str, str, str]] = {}


def planted(layer: str, reason: str, remedy: str) -> Callable[[Plant], Plant]:
    def registered(plant: Plant) -> Plant:
        CAUSES[plant.__name__] = (plant, layer, reason, remedy)
        return plant

    return registered


@planted("address", "names every interface of a machine (0.0.0.0)", "the address of one interface")
def an_address_of_all_interfaces(ground: Ground) -> Any:
    return ground.alice().diagnose(ground.usual.addresses[0].replace("127.0.0.1", "0.0.0.0"))


@planted("address", "does not say whom to expect", "end it in /p2p/")
def an_address_without_a_peer_id(ground: Ground) -> Any:
    return p2plab.diagnose(ground.usual.addresses[0].partition("/p2p/")[0])


@planted("port", "nothing listens at port", "give the port that it listens at")
def a_node_that_has_ended(ground: Ground) -> Any:
    theirs = ground.node()
    theirs.end()
    return ground.alice().diagnose(theirs.addresses[0])


@planted("port", "takes connections, and whoever has it answers nothing", "it hangs, is stopped")
def a_process_that_hangs(ground: Ground) -> Any:
    theirs = ground.node()
    theirs.hang()
    return ground.alice().diagnose(theirs.addresses[0], timeout=0.5)


@planted("connection", "answers nothing over it", "it hangs, is stopped or too busy")
def a_process_that_hangs_behind_a_connection(ground: Ground) -> Any:
    theirs, alice = ground.node(), ground.alice()
    alice.connect(theirs.addresses[0])
    theirs.hang()
    return alice.diagnose(theirs.addresses[0], timeout=0.5)


@planted("port", "an HTTP server answers there", "add /ws")
def a_websocket_dialled_as_plain_tcp(ground: Ground) -> Any:
    return ground.alice().diagnose(ground.node(WS).addresses[0].replace("/ws", ""))


@planted("transport", "is said to be a WebSocket, and libp2p over plain TCP answers there", "leave /ws")
def plain_tcp_dialled_as_a_websocket(ground: Ground) -> Any:
    return ground.alice(transports=["ws"]).diagnose(ground.usual.addresses[0].replace("/p2p/", "/ws/p2p/"), timeout=2)


@planted("transport", "it has tcp, and that is ws", "give alice that transport")
def a_transport_that_one_lacks(ground: Ground) -> Any:
    return ground.alice().diagnose(ground.node(WS).addresses[0])


@planted("security", "no security protocol in common: the peer took none of '/noise'", "noise or tls")
def another_security(ground: Ground) -> Any:
    return ground.alice().diagnose(ground.node(security="tls").addresses[0])


@planted("muxer", "no muxer in common: the peer took none of '/mplex/6.7.0'", "yamux or mplex")
def another_muxer(ground: Ground) -> Any:
    return ground.alice(muxers=("mplex",)).diagnose(ground.usual.addresses[0])


@planted("peer id", "another peer than the one dialled", "take the peer id")
def the_peer_id_of_another_node(ground: Ground) -> Any:
    return ground.alice().diagnose(f"{ground.usual.addresses[0].partition('/p2p/')[0]}/p2p/{SOMEBODY}")


@planted("private network", "is in a private network, and this node is in none", "the same key")
def they_are_in_a_private_network(ground: Ground) -> Any:
    return ground.alice().diagnose(ground.node(psk=ONE_KEY).addresses[0], timeout=2)


@planted("private network", "the peer is in no private network, and this node is", "the same key")
def alice_is_in_a_private_network(ground: Ground) -> Any:
    return ground.alice(psk=ONE_KEY).diagnose(ground.usual.addresses[0], timeout=2)


@planted("private network", "another private network, or knows another key", "the same key")
def another_key_of_a_private_network(ground: Ground) -> Any:
    return ground.alice(psk=OTHER_KEY).diagnose(ground.node(psk=ONE_KEY).addresses[0], timeout=2)


@planted("gate", "once security was agreed, when it knew who asks", "look at the gate and the limits")
def a_gate_of_theirs(ground: Ground) -> Any:
    return ground.alice().diagnose(ground.node(deny=True).addresses[0], timeout=2)


@planted("gate", "alice refused it, by its gate", "alice.unblock(...)")
def a_gate_of_alices(ground: Ground) -> Any:
    alice = ground.alice()
    alice.block(ground.usual.peer_id)
    return alice.diagnose(ground.usual.addresses[0])


@planted("limit", "closes connections before a word is said", "look at the limits")
def a_limit_of_connections(ground: Ground) -> Any:
    theirs = ground.node(connections=1)
    ground.lab().start_node("first").connect(theirs.addresses[0])
    return ground.alice().diagnose(theirs.addresses[0])


@planted("protocols", "does not answer '/Echo/1.0.0', but '/echo/1.0.0'", "ask for '/echo/1.0.0'")
def a_protocol_of_nearly_the_same_name(ground: Ground) -> Any:
    return ground.alice().diagnose(ground.usual.addresses[0], protocol="/Echo/1.0.0")


@planted("pubsub protocol", "no pubsub protocol at all", "run the same router on both")
def without_pubsub(ground: Ground) -> Any:
    alice = ground.alice()
    alice.subscribe("news")
    return alice.diagnose(ground.node(pubsub="none").addresses[0], topic="news")


@planted("topic", "does not subscribe to 'chat' but to 'Chat'", "use one spelling on both")
def a_topic_spelt_differently(ground: Ground) -> Any:
    alice = ground.alice()
    alice.subscribe("chat")
    ground.usual.do("subscribe", topic="Chat")
    return alice.diagnose(ground.usual.addresses[0])


@planted("topic", "does not subscribe to 'weather'", "subscribe to 'weather'")
def not_subscribed(ground: Ground) -> Any:
    alice = ground.alice()
    alice.subscribe("weather")
    return alice.diagnose(ground.usual.addresses[0], topic="weather")


@planted("signing policy", "missing signature", "the same signing=")
def messages_without_signatures(ground: Ground) -> Any:
    theirs = ground.node(signing="StrictNoSign")
    alice = ground.talking(theirs, "unsigned")
    ground.hears(theirs, "unsigned", "pubsub.reject")
    return alice.diagnose(theirs.addresses[0])


@planted("validator", "alice refused the last message", "change the validator of alice")
def a_validator_that_rejects(ground: Ground) -> Any:
    alice = ground.talking(ground.usual, "judged")
    alice.add_validator("judged", lambda message: False)
    ground.hears(ground.usual, "judged", "pubsub.reject")
    return alice.diagnose(ground.usual.addresses[0], topic="judged")


@planted("message size", "at most unless it was told otherwise", "send less at once")
def a_message_of_alices_that_is_too_large(ground: Ground) -> Any:
    alice = ground.talking(ground.usual, "large", pubsub="p2plab", max_message_size=10 << 20)
    alice.publish("large", b"x" * (5 << 20))
    return alice.diagnose(ground.usual.addresses[0], topic="large")


@planted("message size", "alice takes 1,000 bytes at most", "a larger max_message_size")
def a_message_of_theirs_that_is_too_large(ground: Ground) -> Any:
    theirs = ground.node()
    alice = ground.talking(theirs, "huge", pubsub="p2plab", max_message_size=1000)
    ground.hears(theirs, "huge", "pubsub.violation", 3000)
    return alice.diagnose(theirs.addresses[0], topic="huge")


@planted("DHT protocol", "alice asks in /p2plab/kad/1.0.0, and …", "the same protocol")
def another_protocol_of_the_dht(ground: Ground) -> Any:
    return ground.alice().diagnose(ground.node(kad="/mine/kad/1.0.0").addresses[0], dht=True)


@planted("DHT mode", "it is a client", "make it a server")
def a_client_of_the_dht(ground: Ground) -> Any:
    return ground.alice().diagnose(ground.node(client=True).addresses[0], dht=True)


IN_THEIR_WORDS = {  # of the causes that show only once they have said who they are
    "protocols": ("host.SetStreamHandler", "node.handle(id"),
    "pubsub protocol": ("pubsub.NewGossipSub", "pubsub: gossipsub()"),
    "topic": ("topic.Subscribe()", "services.pubsub.subscribe(topic)"),
    "signing policy": ("pubsub.WithMessageSignaturePolicy", "globalSignaturePolicy"),
    "message size": ("pubsub.WithMaxMessageSize", "maxInboundDataLength"),
    "DHT protocol": ("dht.ProtocolPrefix", "kadDHT({ protocol })"),
    "DHT mode": ("dht.Mode(dht.ModeServer)", "clientMode: false"),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_a_planted_cause_is_named_with_layer_reason_and_remedy(cause: str, ground: Ground) -> None:
    plant, layer, reason, remedy = CAUSES[cause]
    found = plant(ground)
    assert found.layer == layer, str(found)
    assert reason in found.reason
    assert remedy in found.remedy
    if layer in IN_THEIR_WORDS:
        go, js = IN_THEIR_WORDS[layer]
        theirs, others = (go, js) if ground.implementation == "go-libp2p" else (js, go)
        assert f"{ground.implementation} (" in found.remedy  # and the version that the words were read from
        assert theirs in found.remedy
        assert others not in found.remedy


def test_a_js_node_that_does_not_identify_itself_is_named(ground: Ground) -> None:
    if ground.implementation != "js-libp2p":
        pytest.skip("go-libp2p needs identify: no option of it turns that off")
    found = ground.alice().diagnose(ground.node(identify=False).addresses[0], timeout=5)
    assert found.layer == "identify", str(found)
    assert "did not say who it is" in found.reason
    assert "services: { identify: identify() }" in found.remedy


def as_usual(ground: Ground) -> Any:
    return ground.alice().diagnose(ground.usual.addresses[0])


def over_tls(ground: Ground) -> Any:
    return ground.alice(security="tls").diagnose(ground.node(security="tls").addresses[0])


def in_a_mesh_and_in_the_dht(ground: Ground) -> Any:
    alice = ground.talking(ground.usual, "healthy", pubsub="p2plab", dht=DhtParams())
    ground.hears(ground.usual, "healthy", "pubsub.deliver")
    return alice.diagnose(ground.usual.addresses[0], topic="healthy", protocol="/echo/1.0.0", dht=True)


def in_one_private_network(ground: Ground) -> Any:
    return ground.alice(psk=ONE_KEY).diagnose(ground.node(psk=ONE_KEY).addresses[0])


@pytest.mark.parametrize("pair", [as_usual, over_tls, in_a_mesh_and_in_the_dht, in_one_private_network])
def test_nothing_is_said_of_a_healthy_pair(pair: Plant, ground: Ground) -> None:
    found = pair(ground)
    assert found.healthy, str(found)
    assert found.remedy == ""
    assert any(f"({ground.implementation})" in line for line in found.evidence)
