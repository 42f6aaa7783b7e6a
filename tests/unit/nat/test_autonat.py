"""AutoNAT v1 and v2, and DCUtR's exchange, over streams: what is asked, what is answered, what is believed."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2plab.errors import DialError, ProtocolViolation
from p2plab.identity import Identity
from p2plab.identity.address import Address
from p2plab.nat import dcutr
from p2plab.nat.autonat_v1 import AutoNatV1Server, DialBackStatus, ask_dial_back
from p2plab.nat.autonat_v2 import AutoNatV2Server, Nonces, probe, say_nonce
from p2plab.nat.autonat_v2_messages import (
    DialDataRequest,
    DialResponse,
    DialStatus,
    ResponseStatus,
    decode_message,
    encode_message,
)
from p2plab.nat.requests import RequestLimits
from p2plab.stream import NetStream, StreamError
from p2plab.typing import PeerId
from tests.unit.stream.toy import ToyRuntime, stream_pair

CLIENT, SERVER = (Identity.derive(0, name).peer_id for name in ("client", "server"))
OWN, ELSEWHERE, PRIVATE = "/ip4/5.5.5.5/tcp/4001", "/ip4/6.6.6.6/tcp/4001", "/ip4/192.168.0.2/tcp/4001"


def pair(runtime: ToyRuntime, observed: str = OWN, relayed: bool = False) -> tuple[NetStream, NetStream]:
    """A stream from a client that the server sees at ``observed``."""
    ours, theirs = stream_pair(runtime)
    for stream, peer, remote in ((ours, SERVER, "/ip4/9.9.9.9/tcp/4001"), (theirs, CLIENT, observed)):
        raw = stream._raw
        raw.connection = replace(raw.connection, peer=peer, remote_address=remote, relayed=relayed)  # type: ignore[misc]
    return ours, theirs


class Dialled:
    """Dials back, or fails to; remembers what it was asked."""

    def __init__(self, reachable: bool, tell: Callable[[int], Awaitable[None]] | None = None) -> None:
        self.addresses: list[str] = []
        self._reachable = reachable
        self._tell = tell

    async def v1(self, peer: PeerId, address: Address) -> None:
        self.addresses.append(address.base)
        if not self._reachable:
            raise DialError("unreachable: nothing came back")

    async def v2(self, peer: PeerId, address: Address, nonce: int) -> None:
        await self.v1(peer, address)
        if self._tell is not None:
            await self._tell(nonce)


def served(stream: NetStream, server: Any) -> Callable[[], Awaitable[None]]:
    async def serve() -> None:
        async with stream:
            await server.handle(stream)

    return serve


def events() -> tuple[list[Any], Callable[..., object]]:
    seen: list[Any] = []
    return seen, lambda *event: seen.append(event)


class TestV1:
    def ask(self, dialled: Dialled, addresses: list[str], **options: Any) -> Any:
        runtime = ToyRuntime()
        limits = options.pop("limits", None)
        private = options.pop("private", False)
        ours, theirs = pair(runtime, **options)
        self.seen, record = events()
        server = AutoNatV1Server(runtime, dialled.v1, record, limits, private)
        return runtime.run(lambda: ask_dial_back(ours, CLIENT, addresses), served(theirs, server))[0]

    def test_an_address_that_is_reached_is_named(self) -> None:
        verdict = self.ask(Dialled(True), [OWN])
        assert (verdict.status, verdict.address) == (DialBackStatus.OK, OWN)

    def test_only_the_ip_address_that_the_client_is_seen_at_is_dialled(self) -> None:
        dialled = Dialled(True)
        assert self.ask(dialled, [ELSEWHERE]).status == DialBackStatus.E_DIAL_REFUSED
        assert dialled.addresses == []

    def test_nothing_private_is_dialled_unless_the_lab_says_so(self) -> None:
        assert self.ask(Dialled(True), [PRIVATE], observed=PRIVATE).status == DialBackStatus.E_DIAL_REFUSED
        assert self.ask(Dialled(True), [PRIVATE], observed=PRIVATE, private=True).status == DialBackStatus.OK

    def test_a_dial_that_fails_is_a_dial_error_with_its_reason(self) -> None:
        verdict = self.ask(Dialled(False), [OWN])
        assert verdict.status == DialBackStatus.E_DIAL_ERROR
        assert "unreachable" in verdict.text

    def test_no_request_is_served_over_a_relay(self) -> None:
        assert self.ask(Dialled(True), [OWN], relayed=True).status == DialBackStatus.E_DIAL_REFUSED

    def test_a_client_that_asks_too_often_is_refused(self) -> None:
        limits = RequestLimits(30, 3)
        found = [self.ask(Dialled(True), [OWN], limits=limits).status for _ in range(4)]
        assert found == [DialBackStatus.OK] * 3 + [DialBackStatus.E_DIAL_REFUSED]
        assert "3 requests of this peer" in self.seen[-1][3]["text"]


class TestV2:
    def ask(
        self, addresses: list[str], reachable: bool = True, told: bool = True, take: bool = True, **options: Any
    ) -> Any:
        runtime, nonces = ToyRuntime(), Nonces()
        ours, theirs = pair(runtime, **options)

        async def tell(nonce: int) -> None:
            if not told:
                return
            back, here = stream_pair(runtime)
            runtime.start(served(here, nonces))
            await say_nonce(back, nonce if take else nonce ^ 1)

        self.dialled = Dialled(reachable, tell)
        self.seen, record = events()
        server = AutoNatV2Server(runtime, self.dialled.v2, record)
        self.paid = ours
        return runtime.run(lambda: probe(ours, nonces, addresses, random.Random(1)), served(theirs, server))[0]

    def test_a_nonce_that_comes_makes_an_address_reachable(self) -> None:
        result = self.ask([OWN])
        assert (result.address, result.reachable) == (OWN, True)

    def test_a_server_that_says_ok_and_says_no_nonce_is_not_believed(self) -> None:
        result = self.ask([OWN], told=False)
        assert result.reachable is None
        assert "no nonce" in result.reason

    def test_a_wrong_nonce_is_not_taken(self) -> None:
        runtime, nonces = ToyRuntime(), Nonces()
        nonces.expect(1)
        back, here = stream_pair(runtime)
        runtime.start(served(here, nonces))
        with pytest.raises(StreamError):
            runtime.run(lambda: say_nonce(back, 2))
        assert not nonces.finish(1)

    def test_an_address_that_cannot_be_dialled_is_unreachable(self) -> None:
        result = self.ask([OWN], reachable=False)
        assert (result.address, result.reachable) == (OWN, False)

    def test_the_first_public_address_is_the_one(self) -> None:
        assert self.ask([PRIVATE, OWN, ELSEWHERE]).address == OWN
        assert self.dialled.addresses == [OWN]

    def test_only_private_addresses_are_refused(self) -> None:
        result = self.ask([PRIVATE])
        assert (result.reachable, result.reason) == (None, "E_DIAL_REFUSED")

    def test_another_ip_address_costs_thirty_to_a_hundred_kilobytes(self) -> None:
        assert self.ask([OWN]).reachable
        assert self.paid.bytes_out < 200
        assert self.ask([ELSEWHERE]).address == ELSEWHERE
        assert 30_000 <= self.paid.bytes_out <= 105_000

    def test_a_server_that_wants_more_is_not_paid(self) -> None:
        runtime, nonces = ToyRuntime(), Nonces()
        ours, theirs = pair(runtime)

        async def greedy() -> None:
            await theirs.read_message()
            await theirs.write_message(encode_message(DialDataRequest(0, 10_000_000)))

        with pytest.raises(ProtocolViolation, match="10000000 bytes"):
            runtime.run(lambda: probe(ours, nonces, [OWN], random.Random(1)), greedy)

    def test_an_answer_about_an_address_that_was_not_asked_about_is_a_violation(self) -> None:
        runtime, nonces = ToyRuntime(), Nonces()
        ours, theirs = pair(runtime)

        async def liar() -> None:
            await theirs.read_message()
            await theirs.write_message(encode_message(DialResponse(ResponseStatus.OK, 7, DialStatus.OK)))

        with pytest.raises(ProtocolViolation, match="address 7 of 1"):
            runtime.run(lambda: probe(ours, nonces, [OWN], random.Random(1)), liar)

    @given(st.binary(max_size=200))
    def test_no_bytes_raise_anything_but_a_violation(self, data: bytes) -> None:
        try:
            decode_message(data)
        except ProtocolViolation:
            return


class TestDcutr:
    def test_both_learn_the_other_s_addresses_and_one_the_round_trip(self) -> None:
        runtime = ToyRuntime()
        a, b = stream_pair(runtime)
        agreed, theirs = runtime.run(
            lambda: dcutr.exchange(b, runtime, [OWN]), lambda: dcutr.answer_connect(a, [ELSEWHERE])
        )
        assert agreed == dcutr.Rendezvous((ELSEWHERE,), 0.0)
        assert theirs == (OWN,)

    def test_the_bytes_are_those_of_the_spec_s_schema(self) -> None:
        assert dcutr.encode_hole_punch(dcutr.HolePunch(dcutr.SYNC)) == bytes.fromhex("08ac02")
        connect = dcutr.encode_hole_punch(dcutr.HolePunch(dcutr.CONNECT, ("/ip4/1.2.3.4/tcp/1",)))
        assert connect == bytes.fromhex("0864") + bytes.fromhex("1208") + bytes.fromhex("0401020304060001")

    def test_relayed_addresses_are_no_addresses_to_punch(self) -> None:
        relayed = f"/ip4/1.2.3.4/tcp/1/p2p/{SERVER}/p2p-circuit"
        message = dcutr.encode_hole_punch(dcutr.HolePunch(dcutr.CONNECT, (relayed, OWN)))
        assert dcutr.decode_hole_punch(message).addresses == (OWN,)

    @pytest.mark.parametrize("wrong", [b"", b"\xff", bytes.fromhex("0801"), bytes.fromhex("0864ff")])
    def test_what_is_no_hole_punch_is_a_violation(self, wrong: bytes) -> None:
        with pytest.raises(ProtocolViolation):
            dcutr.decode_hole_punch(wrong)
