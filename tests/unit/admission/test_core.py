"""The core of admission alone: what it is told, what it answers."""

from __future__ import annotations

from p2plab.admission import Admission, Gate, Limit, Limits, Request, Watermarks
from p2plab.admission.core import AdmissionCore, Effects, RefusedRequest, Remote
from p2plab.admission.ledger import Admitted
from p2plab.effects import HERE, LAST, CloseConnection, Note, WakeAt
from p2plab.typing import Connection, PeerId

PEERS = {PeerId("Qmbob", "bob"): 1, PeerId("Qmeve", "eve"): 2}
BOB, EVE = PEERS
SECOND = 10_000  # ticks


class Index:
    """What stands for these peers."""

    def index_of_peer(self, peer: PeerId) -> int:
        return PEERS[peer]


def core(**settings: object) -> AdmissionCore:
    return AdmissionCore("alice", Admission().with_changes(settings), Index())


def connection(number: int, peer: PeerId = BOB) -> Connection:
    return Connection(
        number, PeerId("Qmalice", "alice"), peer, "inbound", "tcp", "", "", "", "/ip4/10.0.0.1/tcp/1", 0.0
    )


def let_in(one: AdmissionCore, number: int, now: int, peer: PeerId = BOB) -> Effects:
    entry = one.connect(Request("accept", "inbound", None, "/ip4/10.0.0.1/tcp/1"))
    assert isinstance(entry, Admitted)
    assert one.proved(entry, peer, None) is None
    return one.opened(entry, connection(number, peer), now)


def test_a_refusal_is_told_as_one_event() -> None:
    one = core(gate=Gate().blocking("bob"))
    refused = one.connect(Request("dial", "outbound", BOB, "/ip4/10.0.0.1/tcp/1"))
    assert isinstance(refused, RefusedRequest)
    (note,) = one.told("connection.refused", refused)
    assert isinstance(note, Note)
    assert (note.kind, note.peer, note.reason, note.after) == ("connection.refused", 1, "blocked", HERE)


def test_a_predicate_that_raises_is_an_event_from_which_the_refusal_follows() -> None:
    def broken(request: Request) -> bool:
        raise KeyError(request.stage)

    one = core(gate=Gate(predicate=broken))
    refused = one.connect(Request("dial", "outbound", BOB, "/ip4/10.0.0.1/tcp/1"))
    assert isinstance(refused, RefusedRequest)
    error, refusal = one.told("connection.refused", refused)
    assert isinstance(error, Note)
    assert isinstance(refusal, Note)
    assert (error.kind, error.after, refusal.kind, refusal.after) == ("error", HERE, "connection.refused", LAST)


def test_a_peer_that_is_refused_after_its_proof_takes_nothing() -> None:
    one = core(gate=Gate().blocking("bob"))
    entry = one.connect(Request("accept", "inbound", None, "/ip4/10.0.0.1/tcp/1"))
    assert isinstance(entry, Admitted)
    assert isinstance(one.proved(entry, BOB, None), RefusedRequest)
    assert one.usage() == []


def test_a_stream_without_room_is_refused_and_takes_nothing() -> None:
    one, remote = core(limits=Limits(node=Limit(streams=1))), Remote(1, BOB, None)
    first, second = one.incoming(remote, 100), one.incoming(remote, 100)
    assert isinstance(first, Admitted)
    assert isinstance(second, RefusedRequest)
    assert [row.used for row in one.usage() if row.resource == "streams" and row.scope == "node"] == [1]


def test_trimming_waits_until_what_happens_now_is_done() -> None:
    one = core(watermarks=Watermarks(low=1, high=2, grace=0.0))
    effects = [effect for number in (1, 2, 3) for effect in let_in(one, number, now=5)]
    assert [effect.tick for effect in effects if isinstance(effect, WakeAt)] == [5]
    trimmed = one.wake(5)
    assert [effect.connection for effect in trimmed if isinstance(effect, CloseConnection)] == [3, 2]
    kinds = [type(effect) for effect in trimmed]
    assert kinds == [Note, CloseConnection] * 2


def test_within_the_grace_period_it_wakes_when_the_first_is_over() -> None:
    one = core(watermarks=Watermarks(low=1, high=1, grace=2.0))
    let_in(one, 1, now=0)
    let_in(one, 2, now=SECOND)
    (again,) = one.wake(SECOND)
    assert isinstance(again, WakeAt)
    assert again.tick == 2 * SECOND


def test_another_gate_closes_whom_it_would_not_let_in() -> None:
    one = core()
    let_in(one, 1, 0, BOB)
    let_in(one, 2, 0, EVE)
    changed, refused, closed = one.block("eve", 7)
    assert isinstance(changed, Note)
    assert isinstance(refused, Note)
    assert isinstance(closed, CloseConnection)
    assert (changed.kind, refused.kind, refused.peer, closed.connection) == (
        "admission.changed", "connection.refused", 2, 2,
    )  # fmt: skip
