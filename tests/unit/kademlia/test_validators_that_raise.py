"""A user's validator that raises makes a record invalid, with what it raised as the reason, and harms nobody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from p2plab import Lab
from p2plab.errors import ValidationError
from p2plab.kademlia import DhtParams, LibraryDhtParams


class Good:
    def validate(self, key: bytes, value: bytes, now: float) -> None: ...

    def select(self, key: bytes, values: Sequence[bytes]) -> int:
        return 0


class Raising(Good):
    def validate(self, key: bytes, value: bytes, now: float) -> None:
        raise RuntimeError("boom")


class Denying(Good):
    def validate(self, key: bytes, value: bytes, now: float) -> bool:  # type: ignore[override]  # the mistake
        return False


class Awaited(Good):
    async def validate(self, key: bytes, value: bytes, now: float) -> None: ...  # type: ignore[override]


class Undecided(Good):
    def select(self, key: bytes, values: Sequence[bytes]) -> int:
        raise RuntimeError("boom")


Params = type[DhtParams] | type[LibraryDhtParams]
WORLDS = {"mock": ("mock", DhtParams), "real-p2plab": ("real", DhtParams), "real": ("real", LibraryDhtParams)}


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.real] * (name != "mock")) for name in WORLDS])
def world(request: pytest.FixtureRequest) -> Iterator[tuple[Lab, Params]]:
    backend, params = WORLDS[request.param]
    with Lab(backend, seed=1) as lab:
        yield lab, params


def test_a_put_is_refused_at_once_with_what_was_raised(world: tuple[Lab, Params]) -> None:
    lab, params = world
    alice = lab.start_node("alice", dht=params(validators={"x": Raising()}))
    with pytest.raises(ValidationError, match="its validator Raising raised RuntimeError: boom"):
        alice.dht.put("/x/a", b"v")


@pytest.mark.parametrize("validator", [Denying(), Awaited()])
def test_what_answers_where_it_ought_to_raise_is_not_taken_for_a_yes(
    world: tuple[Lab, Params], validator: Good
) -> None:
    lab, params = world
    alice = lab.start_node("alice", dht=params(validators={"x": validator}))
    with pytest.raises(ValidationError, match="validate raises for a record that is not valid"):
        alice.dht.put("/x/a", b"v")


def test_a_holder_that_refuses_stays_in_the_table_and_says_why(world: tuple[Lab, Params]) -> None:
    lab, params = world
    alice = lab.start_node("alice", dht=params(validators={"x": Good()}))
    bob = lab.start_node("bob", dht=params(validators={"x": Raising()}))
    alice.connect(bob)
    assert lab.run_until(lambda: bob.peer_id in list(alice.dht.routing_table()), timeout=10)
    began = lab.now
    lookup = alice.dht.put("/x/a", b"v")
    assert lab.now - began < 5
    assert bob.peer_id not in [peer.peer_id for peer in lookup.peers]
    assert bob.peer_id in list(alice.dht.routing_table())
    (refused,) = lab.events.filter(kind="dht.refused", node=bob)
    assert refused.reason == "invalid record"
    assert "boom" in str((refused.data or {})["text"])
    assert "boom" in str(lab.events.filter(kind="error", node=bob)[0].data)


def test_a_get_says_that_the_record_is_invalid_at_once(world: tuple[Lab, Params]) -> None:
    lab, params = world
    alice = lab.start_node("alice", dht=params(validators={"x": Good()}))
    bob = lab.start_node("bob", dht=params(validators={"x": Raising()}))
    alice.connect(bob)
    assert lab.run_until(lambda: alice.peer_id in list(bob.dht.routing_table()), timeout=10)
    alice.dht.put("/x/a", b"v")
    began = lab.now
    assert bob.dht.get("/x/a").value is None
    assert lab.now - began < 5
    invalid = [event for event in lab.events.filter(kind="dht", node=bob) if event.reason == "invalid record"]
    assert invalid
    assert "boom" in str(invalid[0].data)


def test_values_among_which_none_can_be_chosen_give_the_first(world: tuple[Lab, Params]) -> None:
    lab, params = world
    alice = lab.start_node("alice", dht=params(validators={"x": Good()}))
    bob = lab.start_node("bob", dht=params(validators={"x": Good()}))
    carol = lab.start_node("carol", dht=params(validators={"x": Undecided()}))
    alice.dht.put("/x/a", b"one")
    bob.dht.put("/x/a", b"two")
    for node in (alice, bob):
        carol.connect(node)
    assert lab.run_until(lambda: len(list(carol.dht.routing_table())) == 2, timeout=10)
    assert carol.dht.get("/x/a").value in (b"one", b"two")
    assert "boom" in str(lab.events.filter(kind="error", node=carol)[0].data)
