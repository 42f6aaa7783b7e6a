"""``node.routing``: one question to several routers, what each answered, in both worlds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from p2plab import Lab, Node
from p2plab.errors import ClosedError, ConfigurationError, ValidationError
from p2plab.kademlia import Lookup
from p2plab.typing import PeerId

CID = "bafkreidon73zkcrwdb5iafqtijxildoonbwnpv7dyd6ef3qdgads2jc4su"


@pytest.fixture
def carol(lab: Lab, alice: Node, bob: Node) -> Node:
    node = lab.start_node("carol")
    lab.wire("full")
    return node


class Silent(type):
    def __repr__(cls) -> str:
        raise RuntimeError("no repr")


class Mute(Exception, metaclass=Silent):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Own:
    """A router of one's own, which knows what it was told."""

    name = "mine"

    def __init__(self, providers: Any = (), value: Any = None) -> None:
        self.providers = providers
        self.value = value
        self.told: list[Any] = []

    async def find_providers(self, cid: Any, count: int) -> Any:
        self.told.append((str(cid), count))
        return self.providers

    def get(self, key: bytes) -> Any:
        if isinstance(self.value, BaseException):
            raise self.value
        return self.value

    async def provide(self, cid: Any) -> bool:
        self.told.append(str(cid))
        return True


def test_what_one_provides_others_find_and_every_router_says_what_it_answered(
    alice: Node, bob: Node, carol: Node
) -> None:
    stored = alice.routing.provide(CID)
    assert isinstance(stored, Lookup)
    assert stored.found
    found = bob.routing.find_providers(CID)
    assert [peer.name for peer in found.providers] == ["alice"]
    assert found.providers[0].addresses == alice.addresses
    assert [(answer.router, answer.found, answer.failed) for answer in found.answers] == [
        ("local", False, False),
        ("dht", True, False),
    ]
    assert all(answer.seconds is not None and answer.seconds <= found.duration + 1e-6 for answer in found.answers)
    assert "dht: 1 provider" in found.why()
    here = alice.routing.find_providers(CID)
    assert [peer.name for peer in here.providers] == ["alice"]  # of both routers, once
    assert [answer.found for answer in here.answers] == [True, True]


def test_values_and_peers_are_found_too(lab: Lab, alice: Node, bob: Node, carol: Node) -> None:
    assert alice.routing.put("/lab/greeting", "hi").found
    got = bob.routing.get("/lab/greeting")
    assert got.value == b"hi"
    assert bob.routing.get("/lab/nothing").value is None
    found = bob.routing.find_peer(carol.peer_id)
    assert found.peer is not None
    assert found.peer.name == "carol"
    assert lab.why(found).answer == found.why()
    assert [event.kind for event in lab.why(found)][:2] == ["lab.command", "routing.lookup"]


def test_in_sequence_a_router_of_ones_own_that_knows_enough_spares_the_others(
    alice: Node, bob: Node, carol: Node
) -> None:
    mine = Own(["carol", alice])
    bob.routing.use(mine, "local", "dht", order="sequential")
    assert bob.routing.routers == ["mine", "local", "dht"]
    found = bob.routing.find_providers(CID, count=2)
    assert mine.told == [(CID, 2)]
    assert [peer.name for peer in found.providers] == ["carol", "alice"]
    assert found.providers[1].addresses == alice.addresses
    assert [answer.seconds is None for answer in found.answers] == [False, True, True]
    assert "not asked" in found.answers[1].answer


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (RuntimeError("the shelf fell over"), "RuntimeError: the shelf fell over"),
        (SystemExit("enough"), "SystemExit: enough"),
        (Mute(), "Mute: (its text cannot be had: RuntimeError)"),
        ("text", "gives bytes"),
        (Mute, "RuntimeError: no repr"),
    ],
    ids=["raises", "exits", "raises what raises", "nonsense", "nonsense that raises"],
)
def test_a_router_that_fails_harms_nothing_else(
    lab: Lab, alice: Node, bob: Node, carol: Node, value: Any, said: str
) -> None:
    alice.routing.put("/lab/greeting", "hi")
    bob.routing.use(Own(value=value), "dht", order="sequential")
    got = bob.routing.get("/lab/greeting")
    assert got.value == b"hi"
    assert got.answers[0].failed
    assert said in got.answers[0].answer
    (error,) = lab.events.filter(kind="error", node="bob")
    assert error.reason == "content router"


def test_a_timeout_of_the_question_gives_what_was_found_until_then(lab: Lab, alice: Node, bob: Node) -> None:
    class Slow:
        name = "slow"

        async def find_providers(self, cid: Any, count: int) -> list[str]:
            from p2plab import sleep

            await sleep(1000.0)
            return []

    bob.routing.use(Own(["alice"]), Slow())
    found = bob.routing.find_providers(CID, timeout=0.2)
    assert [peer.name for peer in found.providers] == ["alice"]
    assert found.reason == "lookup timeout"
    bob.routing.use(Own(["alice"]), Slow(), timeout=0.2)
    found = bob.routing.find_providers(CID)
    assert found.reason == "routers answered"
    assert found.answers[1].answer.startswith("router timeout")


def test_the_index_gives_what_it_was_told_by_hand(alice: Node, bob: Node) -> None:
    bob.routing.use("local")
    bob.routing.remember(CID, alice)
    found = bob.routing.find_providers(CID)
    assert [(peer.name, peer.addresses) for peer in found.providers] == [("alice", alice.addresses)]
    assert bob.routing.provide(CID).found
    assert bob.routing.stop_providing(CID)
    assert not bob.routing.stop_providing(CID)
    assert [peer.name for peer in bob.routing.find_providers(CID).providers] == ["alice"]


def test_bad_questions_and_routers_are_refused_and_change_nothing(alice: Node, bob: Node) -> None:
    for routers in ((), ("dth",), (object(),), (Own, "dht"), (Own(), Own()), ("local", 5)):
        with pytest.raises(ValidationError):
            alice.routing.use(*routers)
    with pytest.raises(ValidationError, match="did you mean dht"):
        alice.routing.use("dth")
    with pytest.raises(ValidationError, match="parallel or sequential"):
        alice.routing.use("dht", order="both")
    assert (alice.routing.routers, alice.routing.order) == (["local", "dht"], "parallel")
    questions: list[Callable[[], object]] = [
        lambda: alice.routing.find_providers("no cid"),
        lambda: alice.routing.find_providers(CID, count=-1),
        lambda: alice.routing.find_peer(alice),
        lambda: alice.routing.put("/nobody/knows", "this namespace"),
    ]
    for question in questions:
        with pytest.raises(ValidationError):
            question()
    alice.routing.use("local")
    with pytest.raises(ConfigurationError, match="has put"):
        alice.routing.put("/lab/x", "y")
    alice.stop()
    with pytest.raises(ClosedError):
        alice.routing.find_providers(CID)


def test_asking_for_its_routers_changes_nothing(lab: Lab, alice: Node) -> None:
    before = lab.events.digest()
    assert "local, dht, parallel" in repr(alice.routing)
    assert lab.events.digest() == before


def test_announce_content_tells_every_router(lab: Lab, alice: Node, bob: Node, carol: Node) -> None:
    mine = Own()
    alice.routing.use("local", "dht", mine)
    answer = lab.execute_command("libp2p_announce_content", node="alice", cid=CID)
    assert answer["result"] == {"announced": True, "cid": CID}
    assert mine.told == [CID]
    found = lab.execute_command("routing_find_providers", node="bob", cid=CID)
    assert [peer["name"] for peer in found["result"]["providers"]] == ["alice"]
    assert [one["router"] for one in found["result"]["answers"]] == ["local", "dht"]


def test_a_node_that_goes_down_ends_the_question(lab: Lab, alice: Node, bob: Node, wait: Callable[..., None]) -> None:
    class Never:
        name = "never"

        async def get(self, key: bytes) -> None:
            from p2plab import sleep

            bob.crash()
            await sleep(1000.0)

    bob.routing.use(Never())
    got = bob.routing.get("/lab/x")
    assert got.reason == "stopped"
    assert not got.found
    assert PeerId(alice.peer_id)  # the other node lives on
    assert alice.running


def test_searches_replay_and_survive_a_snapshot_in_a_mock_lab() -> None:
    with Lab(seed=7) as lab:
        nodes = lab.start_nodes(4)
        lab.wire("ring")
        nodes[0].routing.provide(CID)
        nodes[1].routing.use("dht", "local", order="sequential")
        assert nodes[2].routing.find_providers(CID).found
        digest = lab.events.digest()
        again = Lab.replay(lab.history())
        assert again.events.digest() == digest
        restored = Lab.restore(lab.snapshot())
        assert restored.events.digest() == digest
        assert restored["n1"].routing.routers == ["dht", "local"]
        assert [peer.name for peer in restored["n0"].routing.find_providers(CID).providers] == ["n0"]
        text = str(lab.history())
        assert "lab['n1'].routing.use('dht', 'local', order='sequential')" in text
        assert "lab['n0'].routing.provide(" in text
        again.close()
        restored.close()
