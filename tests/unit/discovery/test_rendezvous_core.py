"""The core of a rendezvous point: who is registered, until when, what is refused how, what a cookie gives."""

from __future__ import annotations

import random

import pytest

from p2plab.constants import TICKS_PER_SECOND
from p2plab.discovery import RendezvousParams
from p2plab.discovery.rendezvous.client import believed, request
from p2plab.discovery.rendezvous.messages import (
    Discover,
    Discovered,
    Register,
    Registered,
    Status,
    Unregister,
    decode_message,
    encode_message,
)
from p2plab.discovery.rendezvous.point import RendezvousPoint
from p2plab.errors import DiscoveryError, ProtocolViolation, ValidationError
from p2plab.identity.keys import Identity
from p2plab.identity.peer_record import sign_record

SECOND = TICKS_PER_SECOND


def somebody(number: int) -> Identity:
    return Identity.derive(1, f"p{number}")


def record(identity: Identity, seq: int = 1) -> bytes:
    return sign_record(identity, ["/ip4/10.0.0.1/tcp/4001"], seq)


def point(**params: object) -> RendezvousPoint:
    return RendezvousPoint(RendezvousParams(**params), b"secret")  # type: ignore[arg-type]


def register(
    where: RendezvousPoint, who: Identity, namespace: bytes = b"chess", ttl: int | None = None, now: int = 0
) -> Registered:
    answer = where.answer(who.peer_id, Register(namespace, record(who), ttl), now).message
    assert isinstance(answer, Registered)
    return answer


def discover(where: RendezvousPoint, message: Discover, now: int = 0) -> Discovered:
    answer = where.answer(somebody(0).peer_id, message, now).message
    assert isinstance(answer, Discovered)
    return answer


def names(answer: Discovered) -> list[bytes]:
    return [registration.record for registration in answer.registrations]


@pytest.mark.dear
def test_a_thousand_registrations_come_once_each_through_a_cookie_whatever_the_pages() -> None:
    where, draws = point(), random.Random(4)
    expected = []
    for number in range(1_000):
        who = somebody(number)
        assert register(where, who).status == Status.OK
        expected.append(record(who))
    found, cookie = [], b""
    while True:
        page = discover(where, Discover(b"chess", draws.randrange(1, 90), cookie))
        assert page.status == Status.OK
        if not page.registrations:
            break
        found += names(page)
        cookie = page.cookie
    assert found == expected
    late = somebody(1_000)
    register(where, late)
    assert names(discover(where, Discover(b"chess", None, cookie))) == [record(late)], "only what is new"
    assert len(names(discover(where, Discover(None)))) == 1_000, "an answer has at most a thousand"


def test_a_registration_that_is_renewed_is_not_given_again_and_one_with_another_record_is() -> None:
    where, alice = point(), somebody(1)
    register(where, alice)
    cookie = discover(where, Discover(b"chess")).cookie
    register(where, alice, now=60 * SECOND)
    again = discover(where, Discover(b"chess", None, cookie), 60 * SECOND)
    assert again.registrations == ()
    answer = where.answer(alice.peer_id, Register(b"chess", record(alice, 2)), 60 * SECOND).message
    assert isinstance(answer, Registered)
    assert names(discover(where, Discover(b"chess", None, cookie), 60 * SECOND)) == [record(alice, 2)]
    assert len(where) == 1


def test_a_registration_ends_at_the_tick_its_ttl_has_passed() -> None:
    where = point()
    register(where, somebody(1), ttl=60, now=7)
    register(where, somebody(2), ttl=30, now=7)
    assert where.due == 7 + 30 * SECOND
    assert where.expire(7 + 30 * SECOND - 1) == []
    assert [one.peer for one in where.expire(7 + 30 * SECOND)] == [somebody(2).peer_id]
    register(where, somebody(1), ttl=60, now=8 + 30 * SECOND)
    assert where.due == 8 + 90 * SECOND, "renewed"
    assert where.expire(8 + 90 * SECOND - 1) == []
    assert len(where.expire(8 + 90 * SECOND)) == 1
    assert len(where) == 0
    assert where.due is None


def test_the_ttl_left_is_told_and_the_default_is_two_hours() -> None:
    where = point()
    assert register(where, somebody(1)).ttl == 7_200
    assert register(where, somebody(2), ttl=100).ttl == 100
    found = discover(where, Discover(b"chess"), 40 * SECOND)
    assert [registration.ttl for registration in found.registrations] == [7_160, 60]


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (Register(b"", record(somebody(1))), Status.E_INVALID_NAMESPACE),
        (Register(b"n" * 256, record(somebody(1))), Status.E_INVALID_NAMESPACE),
        (Register(b"\xff\xfe", record(somebody(1))), Status.E_INVALID_NAMESPACE),
        (Register(b"chess", b""), Status.E_INVALID_SIGNED_PEER_RECORD),
        (Register(b"chess", record(somebody(1))[:-1] + b"\x00"), Status.E_INVALID_SIGNED_PEER_RECORD),
        (Register(b"chess", b"x" * 9_000), Status.E_INVALID_SIGNED_PEER_RECORD),
        (Register(b"chess", record(somebody(2))), Status.E_NOT_AUTHORIZED),
        (Register(b"chess", record(somebody(1)), 7_199), Status.E_INVALID_TTL),
        (Register(b"chess", record(somebody(1)), 72 * 3600 + 1), Status.E_INVALID_TTL),
        (Discover(b"n" * 256), Status.E_INVALID_NAMESPACE),
        (Discover(b"chess", None, b"garbage"), Status.E_INVALID_COOKIE),
    ],
)
def test_what_is_wrong_is_refused_with_its_code(message: Register | Discover, status: Status) -> None:
    where = RendezvousPoint(RendezvousParams.spec(), b"secret")
    answer = where.answer(somebody(1).peer_id, message, 0)
    assert isinstance(answer.message, (Registered, Discovered))
    assert answer.message.status == status
    assert (answer.kind, answer.reason) == ("rendezvous.refused", status.name)
    assert len(where) == 0


def test_a_cookie_of_another_namespace_or_another_point_or_of_before_all_was_lost_is_refused() -> None:
    where = point()
    register(where, somebody(1))
    cookie = discover(where, Discover(b"chess")).cookie
    for there, message in [
        (where, Discover(b"go", None, cookie)),
        (where, Discover(None, None, cookie)),
        (where, Discover(b"chess", None, bytes([cookie[0] ^ 1]) + cookie[1:])),
        (RendezvousPoint(RendezvousParams(), b"another"), Discover(b"chess", None, cookie)),
    ]:
        assert discover(there, message).status == Status.E_INVALID_COOKIE
    where.forget()
    assert discover(where, Discover(b"chess", None, cookie)).status == Status.E_INVALID_COOKIE


def test_a_peer_and_all_peers_have_limits() -> None:
    where = point(per_peer=2, registrations=3, requests=6)
    alice, bob = somebody(1), somebody(2)
    assert [register(where, alice, namespace).status for namespace in (b"a", b"b", b"c")] == [
        Status.OK,
        Status.OK,
        Status.E_NOT_AUTHORIZED,
    ]
    assert register(where, alice, b"a").status == Status.OK, "one that is there already is renewed"
    assert [register(where, bob, namespace).status for namespace in (b"a", b"b")] == [Status.OK, Status.E_UNAVAILABLE]
    where.answer(alice.peer_id, Unregister(b"b"), 0)
    assert register(where, bob, b"b").status == Status.OK
    asked = [register(where, bob, b"b").status for _ in range(4)]
    assert asked == [Status.OK] * 3 + [Status.E_UNAVAILABLE], "six requests a minute"
    assert register(where, bob, b"b", now=60 * SECOND).status == Status.OK


def test_bytes_are_bounded_too() -> None:
    where = point(total_bytes=2 * len(record(somebody(1))) + 20)
    found = [register(where, somebody(number)).status for number in (1, 2, 3)]
    assert found == [Status.OK, Status.OK, Status.E_UNAVAILABLE]


def test_unregistering_takes_one_namespace_and_is_not_answered() -> None:
    where, alice = point(), somebody(1)
    register(where, alice, b"a")
    register(where, alice, b"b")
    assert where.answer(alice.peer_id, Unregister(b"a"), 0).message is None
    where.answer(somebody(2).peer_id, Unregister(b"b"), 0)
    assert [one.namespace for one in where.registrations()] == [b"b"], "another peer cannot take it out"


def test_messages_have_the_bytes_of_the_specs_protobuf() -> None:
    # Field numbers and types by rendezvous/README.md, written out by hand.
    assert encode_message(Unregister(b"a")).hex() == "0802" + "2203" + "0a0161"
    assert encode_message(Discover(b"a", 5, b"c")).hex() == "0803" + "2a08" + "0a0161" + "1005" + "1a0163"
    assert encode_message(Discover(None)).hex() == "0803" + "2a00"
    assert encode_message(Register(b"a", b"r", 7)).hex() == "0800" + "1208" + "0a0161" + "120172" + "1807"
    assert encode_message(Registered(Status.E_INVALID_TTL, "x")).hex() == "0801" + "1a05" + "0866" + "120178"


@pytest.mark.parametrize(
    "message",
    [
        Register(b"chess", b"record", 60),
        Registered(Status.OK, "", 60),
        Unregister(b"chess"),
        Discover(None, 10, b"cookie"),
        Discover(b"chess"),
        Discovered(Status.OK, (Register(b"chess", b"record", 60),), b"cookie"),
        Discovered(Status.E_INVALID_COOKIE, text="no"),
    ],
)
def test_a_message_is_read_as_it_was_written(message: Register | Discover | Discovered) -> None:
    assert decode_message(encode_message(message)) == message


@pytest.mark.parametrize("data", [b"\xff", b"\x08\x05", b"\x08\x00", bytes.fromhex("0801" + "1a03" + "08e707")])
def test_what_is_no_message_is_a_violation(data: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        decode_message(data)


def test_of_an_answer_only_what_holds_is_believed() -> None:
    alice, bob = somebody(1), somebody(2)
    forged = record(bob)[:-2] + b"\x00\x00"
    asked = request("chess", 5, b"")
    registrations = (
        Register(b"chess", record(alice), 60),
        Register(b"chess", forged, 60),
        Register(b"other", record(bob), 60),
    )
    page = believed(Discovered(Status.OK, registrations, b"c"), asked)
    assert ([found.peer_id for _, found in page.records], page.refused) == ([alice.peer_id], 2)
    with pytest.raises(ProtocolViolation, match="at most 2"):
        believed(Discovered(Status.OK, registrations), request("chess", 2, b""))
    with pytest.raises(DiscoveryError, match="E_UNAVAILABLE: full") as refused:
        believed(Discovered(Status.E_UNAVAILABLE, text="full"), asked)
    assert refused.value.code == "E_UNAVAILABLE"


@pytest.mark.parametrize("given", [{"ttl": 0}, {"min_ttl": 10_000}, {"results": 0}, {"serve": "yes"}, {"points": "n0"}])
def test_parameters_that_make_no_sense_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RendezvousParams(**given)  # type: ignore[arg-type]
