"""A hostile peer that speaks raw bytes: what it can cost, and what it is charged."""

from __future__ import annotations

import pytest

from p2plab.errors import ProtocolViolation
from p2plab.identity.keys import Identity, peer_id_bytes
from p2plab.pubsub import GossipSub, GossipSubParams
from p2plab.pubsub.message import Publication
from p2plab.pubsub.rpc import RPC, Control, Prune, RpcLimits, decode_rpc, encode_rpc
from tests.unit.pubsub.harness import Net

EVE = 1
SPEC = GossipSubParams.spec()


class Attacked:
    """Node 0 under attack by peer 1, which is no node but bytes; peers 2 ... 7 are honest nodes."""

    def __init__(self, params: GossipSubParams = SPEC, outbound: bool = False) -> None:
        self.net = Net(seed=1)
        self.net.add(GossipSub(params), name="alice")
        self.net.add(GossipSub(params), name="eve")
        for _ in range(6):
            self.net.add(GossipSub(params))
        for honest in range(2, 8):
            self.net.connect(0, honest)
        for index, node in enumerate(self.net.nodes):
            if index != EVE:
                node.subscribe("news")
                node.start(0.5)
        self.net.links[0, EVE] = self.net.links[EVE, 0] = None
        self.node = self.net.nodes[0]
        self.node.add_peer(EVE, "/meshsub/1.2.0", outbound, "10.6.6.6")
        router = self.node.router
        assert isinstance(router, GossipSub)
        self.router = router
        self.send(RPC(subscriptions=((True, "news"),)))
        self.net.run(2)

    def send(self, rpc: RPC) -> None:
        self.node.receive(EVE, decode_rpc(encode_rpc(rpc)))

    def answers(self) -> list[RPC]:
        return list(self.net.rpcs(0, EVE))

    def penalties(self) -> list[str | None]:
        return [event.reason for event in self.net.events("pubsub.penalty", node="alice") if event.peer == "eve"]


@pytest.mark.parametrize(
    "params", [SPEC, GossipSubParams.go().scored(), GossipSubParams.ethereum(), GossipSubParams.filecoin()]
)
def test_grafting_within_the_backoff_again_and_again_ends_in_the_graylist(params: GossipSubParams) -> None:
    attacked = Attacked(params)
    attacked.send(RPC(control=Control(graft=("news",))))
    attacked.send(RPC(control=Control(prune=(Prune("news", backoff=60),))))  # it asked for a backoff itself
    read = 0
    for _ in range(60):
        before = len(attacked.answers())
        attacked.send(RPC(control=Control(graft=("news",))))
        read += len(attacked.answers()) > before
        assert EVE not in attacked.router.mesh("news")
        attacked.net.run(0.1)
    assert set(attacked.penalties()) == {"GRAFT flood"}
    assert read < 60
    assert attacked.net.events("pubsub.drop", node="alice", reason="graylisted")


def test_a_graft_between_the_flood_threshold_and_the_end_of_the_backoff_counts_once() -> None:
    attacked = Attacked()
    attacked.send(RPC(control=Control(graft=("news",), prune=(Prune("news", backoff=60),))))
    attacked.net.run(15)
    attacked.send(RPC(control=Control(graft=("news",))))
    assert attacked.penalties() == ["GRAFT while backing off"]
    assert attacked.router.scores.components(EVE)["P7"] == -10.0


def test_grafts_for_a_thousand_unknown_topics_are_not_answered_and_keep_nothing() -> None:
    attacked = Attacked()
    before = len(attacked.answers())
    attacked.send(RPC(control=Control(graft=tuple(f"t{number}" for number in range(1_000)))))
    assert len(attacked.answers()) == before
    assert set(attacked.router.meshes) == {"news"}


def test_prunes_for_a_thousand_unknown_topics_keep_nothing() -> None:
    attacked = Attacked()
    attacked.send(RPC(control=Control(prune=tuple(Prune(f"t{number}", backoff=60) for number in range(1_000)))))
    assert all(attacked.router.backoff.end(f"t{number}", EVE) == -1 for number in range(1_000))


def test_an_ihave_flood_elicits_bounded_iwants_and_is_penalised_when_nothing_follows() -> None:
    attacked = Attacked()
    number = 0
    for _ in range(30):
        ids = tuple(b"bogus %d" % (number + index) for index in range(1_000))
        number += 1_000
        attacked.send(RPC(control=Control(ihave=(("news", ids),))))
    asked = [ids for rpc in attacked.answers() if rpc.control for ids in rpc.control.iwant]
    assert sum(len(ids) for ids in asked) == SPEC.max_ihave_length
    assert len(asked) <= SPEC.max_ihave_messages
    assert len(attacked.router.gossip.promises) <= SPEC.max_ihave_messages
    attacked.net.run(6)
    assert set(attacked.penalties()) == {"broken promise"}
    assert len(attacked.penalties()) == len(asked)
    assert attacked.router.scores.below_zero(EVE)


def test_an_iwant_flood_costs_each_message_three_times() -> None:
    attacked = Attacked()
    sent = [attacked.node.publish("news", bytes(500)) for _ in range(5)]
    ids = tuple(bytes.fromhex(message.id) for message in sent)
    before = sum(len(rpc.publish) for rpc in attacked.answers())
    for _ in range(100):
        attacked.send(RPC(control=Control(iwant=((*ids, b"unknown") * 20,))))
    given = sum(len(rpc.publish) for rpc in attacked.answers()) - before
    assert given == SPEC.gossip_retransmission * len(sent)


def test_answers_to_iwant_stay_under_the_size_limit() -> None:
    attacked = Attacked()
    sent = [attacked.node.publish("news", bytes(300_000)) for _ in range(10)]
    attacked.send(RPC(control=Control(iwant=(tuple(bytes.fromhex(message.id) for message in sent),))))
    sizes = [len(encode_rpc(rpc)) for rpc in attacked.answers()]
    assert max(sizes) <= RpcLimits().size
    assert sum(sizes) > 2 * 10 * 300_000  # published to it, and given again


def test_idontwants_keep_a_bounded_number_of_ids() -> None:
    attacked = Attacked()
    number = 0
    for _ in range(2_000):
        ids = tuple(b"%d" % (number + index) for index in range(50))
        number += 50
        attacked.send(RPC(control=Control(idontwant=(ids,))))
    assert len(attacked.router.gossip.unwanted) == SPEC.max_idontwant_messages * SPEC.max_idontwant_length
    attacked.net.run(4)
    assert attacked.router.gossip.unwanted == {}


def test_invalid_messages_lower_the_score_until_nothing_is_read() -> None:
    attacked = Attacked()
    eve = Identity.derive(666, "eve")
    attacked.node.add_validator("news", lambda message: message.data != b"bad")
    rejected = 0
    for number in range(20):
        bad = Publication("news", b"bad", peer_id_bytes(eve.peer_id), number.to_bytes(8, "big"), sign=eve.sign)
        attacked.send(RPC((bad,)))
        rejected = len(attacked.net.events("pubsub.reject", node="alice"))
    # P4 is -1000 × 0.1 × n²: with the fifth message it passes the graylist threshold of -2500.
    assert rejected == 6
    assert attacked.router.scores.components(EVE)["P4"] == -3600.0
    assert len(attacked.net.events("pubsub.drop", node="alice", reason="graylisted")) == 14


def test_forged_messages_count_against_who_sent_them_and_not_against_their_supposed_author() -> None:
    attacked = Attacked()
    author = peer_id_bytes(attacked.net.identities[2].peer_id)
    attacked.send(RPC((Publication("news", b"x", author, bytes(8), bytes(64)),)))
    assert attacked.router.scores.components(EVE)["P4"] == -100.0
    assert attacked.router.score(2) >= 0
    assert [event.reason for event in attacked.net.events("pubsub.reject", node="alice")] == ["bad signature"]


def test_a_forged_copy_does_not_blame_those_who_bring_the_true_message() -> None:
    attacked = Attacked(SPEC.replace(flood_publish=False))
    true = attacked.net.identities[2]
    fields = ("news", b"x", peer_id_bytes(true.peer_id), (77).to_bytes(8, "big"))
    attacked.send(RPC((Publication(*fields, signature=bytes(64)),)))
    good = Publication(*fields, sign=true.sign)
    for peer in (2, 3, 4):
        attacked.node.receive(peer, decode_rpc(encode_rpc(RPC((good,)))))
    assert [attacked.router.score(peer) >= 0 for peer in (2, 3, 4)] == [True] * 3
    assert len(attacked.net.events("pubsub.deliver", node="alice")) == 1


def test_an_eclipse_by_grafts_is_stopped_at_d_high_for_inbound_peers() -> None:
    attacked = Attacked()
    for peer in range(100, 200):
        attacked.net.log.register(f"sybil{peer}")
        attacked.net.links[0, peer] = attacked.net.links[peer, 0] = None
        attacked.node.add_peer(peer, "/meshsub/1.2.0", False, f"10.1.1.{peer}")
        attacked.node.receive(peer, RPC(subscriptions=((True, "news"),), control=Control(graft=("news",))))
    mesh = attacked.router.mesh("news")
    assert len(mesh) == SPEC.D_high
    assert sum(1 for peer in mesh if attacked.router.peers[peer].outbound) >= SPEC.D_out


@pytest.mark.parametrize(
    "data",
    [
        b"\x0a\xff\xff\xff\xff\x0f",  # a length beyond the end
        b"\x1a\x04\x1a\x02\x0a\x05",  # a GRAFT cut short
        b"\x12" * 50,
        bytes(1) * 100,
        b"\x1a\x04\x1a\x02\x0a\x00",  # a GRAFT of the empty topic
        b"\x12\x04\x12\x02hi",  # a message without a topic
    ],
)
def test_malformed_bytes_are_a_violation(data: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        decode_rpc(data)


def test_an_rpc_over_the_size_limit_is_not_even_parsed() -> None:
    with pytest.raises(ProtocolViolation, match="over the limit of 1048576"):
        decode_rpc(bytes(RpcLimits().size + 1))
