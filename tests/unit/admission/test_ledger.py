"""The ledger never holds more than a limit, and everything that ends makes room."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from p2plab.admission import Limit, Limits, Refusal
from p2plab.admission.ledger import Admitted, ResourceLedger
from p2plab.errors import ValidationError
from p2plab.typing import Direction, PeerId

BOB, CAROL = PeerId("bob's id", "bob"), PeerId("carol's id", "carol")
PROTOCOLS = ("/chat/1.0.0", "/files/1.0.0")


def entry_of(answer: Admitted | Refusal) -> Admitted:
    assert isinstance(answer, Admitted), answer
    return answer


def refusal_of(answer: Admitted | Refusal | None) -> Refusal:
    assert isinstance(answer, Refusal), answer
    return answer


def test_the_last_that_fits_fits_and_the_next_is_refused_with_the_numbers() -> None:
    ledger = ResourceLedger(Limits(node=Limit(connections=2)))
    first = entry_of(ledger.connection("inbound", None))
    entry_of(ledger.connection("outbound", BOB))
    refusal = refusal_of(ledger.connection("inbound", None))
    assert refusal.reason == "limit"
    assert refusal.numbers == {"scope": "node", "resource": "connections", "used": 2, "wanted": 1, "limit": 2}
    assert refusal.text == "the node has 2 connections, and the limit is 2"
    ledger.strike(first)
    entry_of(ledger.connection("inbound", None))


def test_each_scope_and_direction_is_bounded_by_itself() -> None:
    limits = Limits(
        node=Limit(connections_inbound=2, streams_outbound=3),
        peer=Limit(streams=2),
        protocol=Limit(streams=1),
        peers={"carol": Limit(streams=0)},
        protocols={"/files/1.0.0": Limit(memory=100)},
    )
    ledger = ResourceLedger(limits)
    for _ in range(5):
        entry_of(ledger.connection("outbound", BOB))
    one, two = (entry_of(ledger.stream("inbound", BOB, 60)) for _ in range(2))
    assert refusal_of(ledger.stream("outbound", BOB, 60)).numbers["scope"] == "peer"
    assert refusal_of(ledger.stream("inbound", CAROL, 60)).numbers["limit"] == 0
    assert ledger.agreed(one, "/chat/1.0.0") is None
    assert refusal_of(ledger.agreed(two, "/chat/1.0.0")).numbers["name"] == "/chat/1.0.0"
    assert ledger.agreed(two, "/files/1.0.0") is None
    refusal = refusal_of(ledger.fits("outbound", "/files/1.0.0", 60))
    assert refusal.numbers["resource"] == "memory"
    assert "over the limit of 100 bytes: 60 are taken" in refusal.text


def test_a_peer_is_charged_once_it_has_proved_who_it_is() -> None:
    ledger = ResourceLedger(Limits(peer=Limit(connections=1)))
    first, second = (entry_of(ledger.connection("inbound", None)) for _ in range(2))
    assert ledger.proved(first, BOB) is None
    assert ledger.proved(first, BOB) is None
    assert ledger.used("peer", BOB, "connections") == 1
    assert refusal_of(ledger.proved(second, BOB)).text.startswith("bob")
    assert ledger.proved(second, CAROL) is None


def test_lower_limits_end_nothing_and_let_nothing_in_until_there_is_room() -> None:
    ledger = ResourceLedger(Limits())
    entries = [entry_of(ledger.connection("inbound", BOB)) for _ in range(3)]
    ledger.limits = Limits(peer=Limit(connections=2))
    for entry in entries[:2]:
        refusal_of(ledger.connection("inbound", BOB))
        ledger.strike(entry)
    entry_of(ledger.connection("inbound", BOB))


def test_all_can_be_struck_out_at_once() -> None:
    ledger = ResourceLedger(Limits(node=Limit(connections=1)))
    entry = entry_of(ledger.connection("inbound", BOB))
    entry_of(ledger.stream("inbound", BOB, 10))
    ledger.strike_all()
    ledger.strike(entry)
    assert [row.used for row in ledger.usage()] == [0]
    entry_of(ledger.connection("inbound", BOB))


def test_usage_shows_what_is_held_and_what_is_limited() -> None:
    ledger = ResourceLedger(Limits(node=Limit(connections=4), peer=Limit(streams=1)))
    assert [(row.resource, row.used, row.limit) for row in ledger.usage()] == [("connections", 0, 4)]
    entry = entry_of(ledger.stream("inbound", BOB, 10))
    assert ledger.agreed(entry, "/chat/1.0.0") is None
    rows = {(row.scope, row.name, row.resource): (row.used, row.limit) for row in ledger.usage()}
    assert rows["peer", "bob", "streams"] == (1, 1)
    assert rows["protocol", "/chat/1.0.0", "memory"] == (10, None)
    ledger.strike(entry)
    ledger.strike(entry)
    assert [row.used for row in ledger.usage()] == [0]


@pytest.mark.parametrize("given", [{"connections": -1}, {"streams": True}, {"memory": 1.5}, {"streams": "8"}])
def test_a_limit_is_a_whole_number(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Limit(**given)


def test_limits_of_what_cannot_be_limited_are_refused() -> None:
    for wrong in ({"protocol": Limit(connections=1)}, {"node": 3}, {"peers": [1]}, {"protocols": {"/x": 3}}):
        with pytest.raises(ValidationError):
            Limits(**wrong)


MOST = Limits(
    node=Limit(connections=3, connections_inbound=2, streams=6, memory=50),
    peer=Limit(connections=2, streams=3, streams_inbound=2, memory=30),
    protocol=Limit(streams=4, memory=40),
    peers={"carol": Limit(streams=1)},
    protocols={PROTOCOLS[1]: Limit(streams_outbound=1)},
)
directions = st.sampled_from(["inbound", "outbound"])
peers = st.sampled_from([BOB, CAROL])


class Books(RuleBasedStateMachine):
    """Whatever is opened, proved, agreed and ended: the ledger agrees with a plain count, and no limit is passed."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = ResourceLedger(MOST)
        self.entries: list[Admitted] = []

    def keep(self, answer: Admitted | Refusal) -> None:
        if isinstance(answer, Admitted):
            self.entries.append(answer)
        else:
            assert answer.numbers["used"] + answer.numbers["wanted"] > answer.numbers["limit"]

    @rule(direction=directions, peer=st.one_of(st.none(), peers))
    def connect(self, direction: Direction, peer: PeerId | None) -> None:
        self.keep(self.ledger.connection(direction, peer))

    @rule(direction=directions, peer=peers, memory=st.integers(0, 20))
    def open(self, direction: Direction, peer: PeerId, memory: int) -> None:
        self.keep(self.ledger.stream(direction, peer, memory))

    @rule(data=st.data(), peer=peers, protocol=st.sampled_from(PROTOCOLS))
    def learn(self, data: st.DataObject, peer: PeerId, protocol: str) -> None:
        if self.entries:
            entry = data.draw(st.sampled_from(self.entries))
            _ = self.ledger.agreed(entry, protocol) if entry.is_stream else self.ledger.proved(entry, peer)

    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        if self.entries:
            entry = self.entries.pop(data.draw(st.integers(0, len(self.entries) - 1)))
            self.ledger.strike(entry)
            self.ledger.strike(entry)

    @invariant()
    def no_scope_holds_more_than_its_limit(self) -> None:
        for row in self.ledger.usage():
            assert row.limit is None or row.used <= row.limit, row

    @invariant()
    def nothing_is_kept_of_those_who_hold_nothing(self) -> None:
        held = {row.name for row in self.ledger.usage() if row.scope == "peer"}
        assert len(self.ledger._names) == len(self.ledger._held.keys() & {("peer", str(BOB)), ("peer", str(CAROL))})
        assert held <= {"bob", "carol"}

    @invariant()
    def the_books_are_right(self) -> None:
        for row in self.ledger.usage():
            held = 0
            for entry in self.entries:
                name = {"node": "", "peer": entry.peer.name if entry.peer else None, "protocol": entry.protocol}
                held += entry.takes.get(row.resource, 0) if name[row.scope] == row.name else 0
            assert row.used == held, row


TestBooks = Books.TestCase
