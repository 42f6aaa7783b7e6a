"""Every cause that ``diagnose`` is to name, planted in a mock lab: layer, reason, remedy; and the page about them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

import p2plab
from p2plab import Lab
from p2plab.admission import Limit, Limits
from p2plab.errors import ValidationError
from p2plab.kademlia import DhtParams
from p2plab.pubsub import GossipSubParams, ScoreParams
from p2plab.stream import NetStream

PAGE: Final = Path(p2plab.__file__).parent / "explain" / "TROUBLESHOOTING.md"

SOMEBODY: Final = "12D3KooWDtRJs7bmwLHooFDzzC8cQqc1dZMLtVv8XZASdByzTik4"

Plant = Callable[[Lab, Any, Any], Any]
CAUSES: dict[str, tuple[Plant, str, str, str]] = {}  # by name: the plant; the layer, and what of reason and remedy


def planted(layer: str, reason: str, remedy: str) -> Callable[[Plant], Plant]:
    def registered(plant: Plant) -> Plant:
        CAUSES[plant.__name__] = (plant, layer, reason, remedy)
        return plant

    return registered


def talking(lab: Lab, a: Any, b: Any) -> None:
    """Both subscribe to "news", are connected and have built their meshes."""
    for node in (a, b):
        node.subscribe("news")
    a.connect(b)
    lab.run(3)


async def answer(stream: NetStream) -> None:
    await stream.write(b"x")


@planted("node", "bob crashed at", "bob.restart()")
def crashed(lab: Lab, a: Any, b: Any) -> Any:
    b.crash()
    return a.diagnose(b)


@planted("node", "bob crashed at", "bob.restart()")
def crashed_without_a_word(lab: Lab, a: Any, b: Any) -> Any:
    talking(lab, a, b)
    b.crash(silent=True)
    return a.diagnose(b)


@planted("node", "bob stopped at", "bob.restart()")
def stopped(lab: Lab, a: Any, b: Any) -> Any:
    b.stop()
    return a.diagnose(b)


@planted("partition", "a partition keeps alice and bob apart", "lab.network.heal()")
def partition(lab: Lab, a: Any, b: Any) -> Any:
    lab.network.partition([a], [b])
    return a.diagnose(b)


@planted("partition", "one way", "lab.network.heal()")
def partition_one_way_under_a_connection(lab: Lab, a: Any, b: Any) -> Any:
    talking(lab, a, b)
    lab.network.partition([b], [a], one_way=True)
    return a.diagnose(b)


@planted("hold", "is held back", "lab.network.release(alice, bob)")
def hold(lab: Lab, a: Any, b: Any) -> Any:
    lab.network.hold(a, b)
    return a.diagnose(b)


@planted("loss", "loses 95% of what is sent", "set_link(loss=0)")
def loss(lab: Lab, a: Any, b: Any) -> Any:
    lab.network.set_link(between=(a, b), loss=0.95)
    return a.diagnose(b)


@planted("loss", "loses 100% of what is sent", "lab.network.clear()")
def every_frame_dropped_under_a_connection(lab: Lab, a: Any, b: Any) -> Any:
    a.connect(b)
    lab.network.drop(lambda frame: True, between=(a, b))
    return a.diagnose(b)


@planted("NAT", "the box of bob drops the dial", "role='relay'")
def nat_without_a_relay(lab: Lab, a: Any, b: Any) -> Any:
    lab.network.add_nat([b], kind="symmetric")
    return a.diagnose(b)


@planted("peer id", "bob (", "take the peer id that the node tells now")
def the_peer_id_of_another_node(lab: Lab, a: Any, b: Any) -> Any:
    carol = lab.start_node("carol")
    return a.diagnose(f"{b.addresses[0].partition('/p2p/')[0]}/p2p/{carol.peer_id}")


@planted("address", "names every interface of a machine", "one interface")
def an_address_of_all_interfaces(lab: Lab, a: Any, b: Any) -> Any:
    return a.diagnose(f"/ip4/0.0.0.0/tcp/4001/p2p/{b.peer_id}")


@planted("address", "has port 0", "the port that the node took")
def an_address_with_port_0(lab: Lab, a: Any, b: Any) -> Any:
    return a.diagnose(f"/ip4/12.0.0.1/tcp/0/p2p/{b.peer_id}")


@planted("address", "knows no address of", "register_peer")
def a_peer_id_without_an_address(lab: Lab, a: Any, b: Any) -> Any:
    stranger = Lab(seed=99).start_node("stranger")
    return a.diagnose(stranger.peer_id)


@planted("gate", "bob refused it, by its gate", "bob.gate")
def a_gate_of_the_listener(lab: Lab, a: Any, b: Any) -> Any:
    b.block(a)
    return a.diagnose(b)


@planted("gate", "alice refused it, by its gate", "alice.gate")
def a_gate_of_the_dialler(lab: Lab, a: Any, b: Any) -> Any:
    a.block(b)
    return a.diagnose(b)


@planted("authorization", "bob refused it, by its authorization", "add alice to bob.authorize")
def not_authorized(lab: Lab, a: Any, b: Any) -> Any:
    b.authorize = ["carol"]
    return a.diagnose(b)


@planted("limit", "the node has 0 connections, and the limit is 0", "raise bob.limits")
def a_limit_of_connections(lab: Lab, a: Any, b: Any) -> Any:
    b.limits = Limits(node=Limit(connections=0))
    return a.diagnose(b)


@planted("protocols", "alice answers '/chat/1.0.0' and bob answers '/Chat/1.0.0'", "one of the two names")
def a_protocol_of_nearly_the_same_name(lab: Lab, a: Any, b: Any) -> Any:
    a.handle("/chat/1.0.0", answer)
    b.handle("/Chat/1.0.0", answer)
    return a.diagnose(b)


@planted("protocols", "bob does not answer '/chat/1.0.0', but '/chat/2.0.0'", "ask for '/chat/2.0.0'")
def a_protocol_that_was_named(lab: Lab, a: Any, b: Any) -> Any:
    b.handle("/chat/2.0.0", answer)
    return a.diagnose(b, protocol="/chat/1.0.0")


@planted("topic", "bob does not subscribe to 'chat' but to 'Chat'", "one spelling on both")
def a_topic_spelt_differently(lab: Lab, a: Any, b: Any) -> Any:
    a.subscribe("chat")
    b.subscribe("Chat")
    return a.diagnose(b)


@planted("topic", "bob does not subscribe to 'news'; it subscribes to no topic", "bob.subscribe('news')")
def not_subscribed(lab: Lab, a: Any, b: Any) -> Any:
    a.connect(b)
    a.publish("news", "hello")
    return a.diagnose(b, topic="news")


@planted("signing policy", "alice goes by StrictNoSign and bob by StrictSign", "signing=")
def another_signing_policy(lab: Lab, a: Any, b: Any) -> Any:
    with Lab(seed=7) as other:
        one, two = other.start_node("alice", signing="StrictNoSign"), other.start_node("bob")
        talking(other, one, two)
        return one.diagnose(two)


@planted("validator", "bob refused the last message of alice on 'news': its validator said reject", "validator of bob")
def a_validator_that_rejects(lab: Lab, a: Any, b: Any) -> Any:
    b.add_validator("news", lambda message: False)
    talking(lab, a, b)
    a.publish("news", "hello")
    lab.run(1)
    return a.diagnose(b)


@planted("validator", "its validator raised KeyError", "validator of bob")
def a_validator_that_raises(lab: Lab, a: Any, b: Any) -> Any:
    def broken(message: Any) -> bool:
        raise KeyError("colour")

    b.add_validator("news", broken)
    talking(lab, a, b)
    a.publish("news", "hello")
    lab.run(1)
    return a.diagnose(b)


@planted("message size", "bob takes 1,000 at most", "max_message_size")
def a_message_too_large(lab: Lab, a: Any, b: Any) -> Any:
    with Lab(seed=7) as other:
        one, two = other.start_node("alice"), other.start_node("bob", max_message_size=1000)
        talking(other, one, two)
        one.publish("news", "x" * 2000)
        other.run(1)
        return one.diagnose(two)


@planted("subscription", "alice has not heard yet that bob subscribes to 'news'", "alice.topic_peers('news')")
def a_subscription_on_its_way(lab: Lab, a: Any, b: Any) -> Any:
    a.connect(b)
    a.subscribe("news")
    lab.run(1)
    b.subscribe("news")
    return a.diagnose(b)


@planted("backoff", "alice may not graft bob on 'news' for another", "wait")
def a_backoff_after_leaving(lab: Lab, a: Any, b: Any) -> Any:
    a.connect(b)
    left = a.subscribe("news")
    b.subscribe("news")
    lab.run(3)
    left.close()
    lab.run(1)
    a.subscribe("news")
    lab.run(1)
    return a.diagnose(b)


@planted("score", "alice scores bob at -", "alice.why(bob)")
def a_score_below_zero(lab: Lab, a: Any, b: Any) -> Any:
    params = GossipSubParams.spec(score=ScoreParams(app_specific={"bob": -5.0}, app_specific_weight=1.0))
    with Lab(seed=7, gossipsub=params) as other:
        one, two = other.start_node("alice"), other.start_node("bob")
        talking(other, one, two)
        return one.diagnose(two)


@planted("address", "127.0.0.1 is the loopback, which every machine has", "an address by which the node's machine")
def the_loopback_of_somebody_else(lab: Lab, a: Any, b: Any) -> Any:
    return a.diagnose(f"/ip4/127.0.0.1/tcp/4001/p2p/{SOMEBODY}", timeout=1)


@planted("address", "is an address of a private network, which is reached from within it alone", "a public address")
def an_address_of_a_private_network(lab: Lab, a: Any, b: Any) -> Any:
    return a.diagnose(f"/ip4/192.168.7.9/tcp/4001/p2p/{SOMEBODY}", timeout=1)


@planted("address", "is the name of a list of addresses, and says none itself", "dig +short TXT _dnsaddr.example.org")
def a_list_of_addresses_in_the_dns(lab: Lab, a: Any, b: Any) -> Any:
    return a.diagnose(f"/dnsaddr/example.org/p2p/{SOMEBODY}")


@planted("address", "the name has no address: ", "look at the spelling of the name")
def a_name_that_nobody_knows(lab: Lab, a: Any, b: Any) -> Any:
    return a.diagnose(f"/dns4/example.org/tcp/4001/p2p/{b.peer_id}")


@planted("address", "leads through a relay, and does not say through which", "/p2p-circuit/p2p/<the peer>")
def a_circuit_without_its_relay(lab: Lab, a: Any, b: Any) -> Any:
    return a.diagnose(f"/ip4/12.0.0.1/tcp/4001/p2p-circuit/p2p/{b.peer_id}")


@planted("relay", "does not answer '/libp2p/circuit/relay/0.2.0/hop'", "take another relay")
def a_relay_that_is_none(lab: Lab, a: Any, b: Any) -> Any:
    carol = lab.start_node("carol")
    return a.diagnose(f"{carol.addresses[0]}/p2p-circuit/p2p/{b.peer_id}")


@planted("relay", "the relay has no reservation of …", "reserve a slot there")
def a_relay_without_a_reservation(lab: Lab, a: Any, b: Any) -> Any:
    relay = lab.start_node("relay", role="relay")
    return a.diagnose(f"{relay.addresses[0]}/p2p-circuit/p2p/{b.peer_id}")


@planted("node", "the relay cannot be reached: relay crashed at", "relay.restart()")
def a_relay_that_is_down(lab: Lab, a: Any, b: Any) -> Any:
    relay = lab.start_node("relay", role="relay")
    relay.crash()
    return a.diagnose(f"{relay.addresses[0]}/p2p-circuit/p2p/{b.peer_id}")


@planted("transport", "alice dials tcp addresses, and", "an address of one that alice has")
def a_transport_that_the_dialler_lacks(lab: Lab, a: Any, b: Any) -> Any:
    return a.diagnose(f"/ip4/12.0.0.1/udp/4001/quic-v1/p2p/{b.peer_id}")


@planted("pubsub protocol", "alice speaks /meshsub/1.2.0, and bob /floodsub/1.0.0: they have none", "the same router")
def routers_without_a_protocol_in_common(lab: Lab, a: Any, b: Any) -> Any:
    with Lab(seed=7) as other:
        only = GossipSubParams.spec(protocols=("/meshsub/1.2.0",))
        one, two = other.start_node("alice", gossipsub=only), other.start_node("bob", router="floodsub")
        talking(other, one, two)
        return one.diagnose(two)


@planted("mesh", "alice did not take bob into its mesh of 'news': mesh full", "give alice a higher D_high")
def a_mesh_that_is_full(lab: Lab, a: Any, b: Any) -> Any:
    params = GossipSubParams.spec(D=2, D_low=1, D_high=2, D_score=1, D_out=0, D_lazy=0)
    with Lab(seed=7, gossipsub=params) as other:
        nodes = {name: other.start_node(name) for name in ("alice", "carol", "dave", "bob")}
        for node in nodes.values():
            node.subscribe("news")
        for name in ("carol", "dave"):
            nodes["alice"].connect(nodes[name])
        other.run(3)
        nodes["bob"].connect(nodes["alice"])
        other.run(3)
        return nodes["bob"].diagnose(nodes["alice"])


def below(score: float) -> Any:
    params = GossipSubParams.spec(score=ScoreParams(app_specific={"bob": score}, app_specific_weight=1.0))
    with Lab(seed=7, gossipsub=params) as other:
        one, two = other.start_node("alice"), other.start_node("bob")
        talking(other, one, two)
        return one.diagnose(two)


@planted("score", "alice scores bob at -20, below its gossip threshold of -10, so no gossip", "alice.why(bob)")
def a_score_below_the_gossip_threshold(lab: Lab, a: Any, b: Any) -> Any:
    return below(-20.0)


@planted("score", "below its publish threshold of -50, so it is sent no message of the node's own", "alice.why(bob)")
def a_score_below_the_publish_threshold(lab: Lab, a: Any, b: Any) -> Any:
    return below(-60.0)


@planted("score", "below its graylist threshold of -80, so whatever it sends goes unread", "alice.why(bob)")
def a_score_below_the_graylist_threshold(lab: Lab, a: Any, b: Any) -> Any:
    return below(-90.0)


class Red:
    """A validator that takes red records alone."""

    def validate(self, key: bytes, value: bytes, now: float) -> None:
        if value != b"red":
            raise ValidationError(f"{value!r} is not red")

    def select(self, key: bytes, values: Sequence[bytes]) -> int:
        return 0


@planted(
    "DHT records",
    "bob did not take the last record: invalid record: b'blue' is not red",
    "a validator of the key's namespace",
)
def a_record_that_is_not_valid(lab: Lab, a: Any, b: Any) -> Any:
    with Lab(seed=7) as other:
        one, two = other.start_node("alice"), other.start_node("bob", dht=DhtParams(validators={"lab": Red()}))
        one.connect(two)
        one.dht.put("/lab/colour", b"blue")
        return one.diagnose(two, dht=True)


@planted("DHT protocol", "alice asks in /mine/kad/1.0.0", "DhtParams(protocol=...)")
def another_protocol_of_the_dht(lab: Lab, a: Any, b: Any) -> Any:
    with Lab(seed=7) as other:
        one, two = other.start_node("alice", dht=DhtParams(protocol="/mine/kad/1.0.0")), other.start_node("bob")
        return one.diagnose(two, dht=True)


@planted("DHT mode", "bob answers no DHT protocol: it is a client", "bob.dht.set_mode('server')")
def a_client_of_the_dht(lab: Lab, a: Any, b: Any) -> Any:
    b.dht.set_mode("client")
    return a.diagnose(b, dht=True)


@pytest.mark.parametrize("cause", CAUSES)
def test_a_planted_cause_is_named_with_layer_reason_and_remedy(cause: str) -> None:
    plant, layer, reason, remedy = CAUSES[cause]
    with Lab(seed=7) as lab:
        found = plant(lab, lab.start_node("alice"), lab.start_node("bob"))
    assert found.layer == layer, str(found)
    assert reason in found.reason
    assert remedy in found.remedy
    assert not found.healthy


ROW = re.compile(r"^\| [^|]+ \| `([^`]+)`: ([^|]+?) \| [^|]+ \| [^|]+ \|$", re.MULTILINE)


def rows() -> list[tuple[str, str]]:
    """What the page says that diagnose says: layer, and reason."""
    return ROW.findall(PAGE.read_text(encoding="utf-8"))


def test_the_page_has_every_planted_cause_in_the_words_of_diagnose() -> None:
    on_the_page = rows()
    for _, layer, reason, _ in CAUSES.values():
        assert any(named == layer and reason in said for named, said in on_the_page), f"{layer}: {reason}"


def test_the_page_has_no_layer_that_no_test_plants() -> None:
    # tests/unit/real/test_diagnosis.py and tests/interop/test_planted_causes.py plant these
    of_real_nodes = {"port", "security", "muxer", "connection", "identify", "private network", "DHT table"}
    assert {layer for layer, _ in rows()} - of_real_nodes == {layer for _, layer, _, _ in CAUSES.values()}
